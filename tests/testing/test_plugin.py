"""The pytest plugin, run by pytester: options, fixtures, the marker, and the checks that are ready to run."""

import pytest
import torch

from grams_theory.engine import fuzz
from grams_theory.families import from_loss
from grams_theory.testing import conformance
from grams_theory.testing.roles import claims_about, natural_role

pytest_plugins = ["pytester"]

FAULTY = """
import torch
from tests.quality.broken.promises import GradientOverwritten
from tests.quality.broken.loop import EpsilonUnderTheRoot, Plain

class Both(EpsilonUnderTheRoot, GradientOverwritten):
    pass
"""
CHECKS = ("--pyargs", "grams_theory.testing.checks")
CHEAP = ("--gt-budget=500", "-p", "no:cacheprovider")


@pytest.fixture(scope="module", autouse=True)
def loaded():
    """Import what a run imports: pytester forgets it afterwards, and extension modules cannot be imported twice."""
    x = torch.ones(2, 2)
    line = from_loss(torch.nn.Linear(2, 1), torch.nn.MSELoss(), (x, x[:, :1]), name="a line")
    assert natural_role(torch.optim.Adam) == "Adam"
    assert fuzz("definitions", optimizer="torch.optim:Adam", role="Adam", loss=line, budget=1).fuzz.cases


@pytest.fixture
def run(pytester):
    """run(*arguments): pytest in a folder with the modules `faulty` and `plugin_losses`, cheaply."""
    pytester.makepyfile(
        faulty=FAULTY,
        plugin_losses="""
            import torch
            from torch import nn

            def line():
                x = torch.randn(6, 2)
                return nn.Linear(2, 1), nn.HuberLoss(), (x, x[:, :1])
        """,
    )
    pytester.syspathinsert()
    claims_about(
        "Grams"
    )  # pytester forgets what a run imports, but extension modules cannot be imported twice
    return lambda *arguments: pytester.runpytest_inprocess(*CHEAP, *arguments)


@pytest.fixture
def write(pytester):
    """write(text): the tests that `run` finds."""
    return lambda text: pytester.makepyfile(test_mine=text)


def assert_ran(done, **outcomes):
    """Of the checks that were not deselected."""
    done.assert_outcomes(**outcomes, deselected=done.parseoutcomes()["deselected"])


def test_the_checks_of_a_sound_optimizer_pass(run):
    done = run(*CHECKS, "--gt-optimizer=torch.optim:Adam", "-k", "definitions or family-bound or loop-copies")
    assert_ran(done, passed=3)
    done.stdout.fnmatch_lines(["*definitions, torch.optim:Adam*survived*"])


def test_there_is_one_check_for_each_promise_and_each_claim_of_the_role(run):
    done = run(*CHECKS, "--gt-optimizer=torch.optim:Adam", "--collect-only", "-q")
    for claim in claims_about("Adam"):
        done.stdout.fnmatch_lines([f"*::test_claim[[]{claim.id}]"])
    cases = conformance.cases(torch.optim.Adam)
    assert {case.setup.implementation for case in cases} > {"loop", "fused"}
    for case in cases:
        done.stdout.fnmatch_lines([f"*::test_conformance[[]{case.__name__}]"])
    done.stdout.fnmatch_lines([f"{len(cases) + len(claims_about('Adam'))} tests collected*"])


def test_the_checks_of_a_faulty_optimizer_show_the_witness_and_its_token(run):
    done = run(*CHECKS, "--gt-optimizer=faulty:Both", "-k", "definitions or gradient_untouched")
    assert_ran(done, failed=2)
    done.stdout.fnmatch_lines(
        [
            "*Both.step must not change p.grad*",
            "*claim 'definitions' is violated by faulty:Both as Grams*",
            "*replay it: grams-theory replay gt1.*",
            "*or paste this:*",
            "*from faulty import Both*",
            "*>= 0 is*",
        ]
    )


@pytest.mark.since_torch("2.9")  # Muon
def test_an_optimizer_that_is_near_no_role_must_name_one_or_none(run):
    """A Grams that is broken badly enough is near to none: without a word, nobody would have tried its claims."""
    chosen = (
        "--gt-optimizer=torch.optim:Muon",
        "-rs",
        "-k",
        "role or copies or coordinates_alike or test_claim",
    )
    done = run(*CHECKS, *chosen)
    assert_ran(done, passed=1, skipped=1, failed=1)
    done.stdout.fnmatch_lines_random(["*no claim was tested: *near to those of no role*", "*Muon refused*"])
    assert_ran(
        run(*CHECKS, *chosen, "--gt-role=none"), passed=1, skipped=2
    )  # pytest skips a test without cases


def test_a_role_may_be_stated(run):
    done = run(*CHECKS, "--gt-optimizer=faulty:Plain", "--gt-role=Adam", "-k", "definitions")
    assert_ran(done, failed=1)
    done.stdout.fnmatch_lines(["*violated by faulty:Plain as Adam*"])


def test_the_checks_may_be_put_on_a_loss(run):
    given = ("--gt-optimizer=torch.optim:Adam", "--gt-loss=plugin_losses:line")
    done = run(*CHECKS, *given, "-k", "test_claim and definitions")
    assert_ran(done, passed=1)
    done.stdout.fnmatch_lines(
        ["*definitions on plugin_losses:line, torch.optim:Adam*survived*", "*not certified: L*"]
    )
    listed = run(*CHECKS, *given, "--collect-only", "-q").stdout.str()
    assert "test_claim[linear-rate]" not in listed, "nobody knows its PL constant"
    assert "test_claim[sign-median]" not in listed, "it is about noise"


def test_the_dtype_reaches_the_weights(run):
    fault = ("--gt-optimizer=faulty:Both", "--gt-dtype=float32", "--gt-budget=5000")
    done = run(*CHECKS, *fault, "-k", "definitions")
    assert_ran(done, failed=1)
    done.stdout.fnmatch_lines(["*dtype=torch.float32)*"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give --gt-optimizer=module:Class"),
        (("--gt-optimizer=torch.optim:Adem",), "torch.optim has Adam"),
    ],
)
def test_checks_without_an_optimizer_are_bad_usage(run, arguments, message):
    done = run(*CHECKS, *arguments)
    assert done.ret not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    assert message in done.stdout.str() + done.stderr.str()


def test_a_marked_test_fails_with_its_claim(run, write):
    write(
        """
        import pytest
        from faulty import EpsilonUnderTheRoot, Plain

        @pytest.mark.claim("definitions", optimizer=Plain, role="Grams")
        def test_sound():
            pass

        @pytest.mark.claim("alignment", "definitions", optimizer=EpsilonUnderTheRoot)
        def test_faulty():
            raise AssertionError("never reached")

        @pytest.mark.claim("definitions", optimizer=Plain)
        def test_the_body_runs_too():
            assert not "reached"
        """
    )
    done = run("--strict-markers")
    done.assert_outcomes(passed=1, failed=2)
    done.stdout.fnmatch_lines(
        [
            "*claim 'definitions' is violated by *:EpsilonUnderTheRoot as Grams*",
            "*replay gt1.*",
            "*not *reached*",
        ]
    )
    assert "never reached" not in done.stdout.str()


def test_a_marked_test_takes_the_optimizer_of_the_command_line(run, write):
    write(
        """
        import pytest

        @pytest.mark.claim("definitions")
        def test_it():
            pass
        """
    )
    run("--gt-optimizer=faulty:Plain").assert_outcomes(passed=1)
    run("--gt-optimizer=faulty:Both").assert_outcomes(failed=1)
    missing = run()
    missing.assert_outcomes(failed=1)
    missing.stdout.fnmatch_lines(["*run pytest with --gt-optimizer=module:Class*"])


def test_the_fixtures_fuzz_the_optimizer_under_test(run, write):
    write(
        """
        import pytest

        def test_it(gt_optimizer, fuzz_claim, assert_claim):
            assert gt_optimizer.__name__ == "Both"
            result = fuzz_claim("definitions")
            assert (result.verdict, result.witness is not None) == ("refuted", True)
            assert result.fuzz.optimizers[0] == "faulty:Both"
            assert fuzz_claim("alignment", budget=200).verdict == "survived"
            with pytest.raises(pytest.fail.Exception, match="is violated by faulty:Both as Grams"):
                assert_claim("definitions", dtype="float32", budget=5000)
        """
    )
    done = run("--gt-optimizer=faulty:Both")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["*definitions, faulty:Both*refuted*"])


def test_examine_proves_and_fuzzes_ours(run, write):
    write("def test_it(examine):\n    assert examine('alignment').verdict == 'proved'\n")
    done = run()
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["*alignment*proved*"])


def test_a_mark_that_names_no_claim_fails(run, write):
    write("""
        import pytest

        @pytest.mark.claim(optimizer="torch.optim:Adam")
        def test_nothing():
            pass
    """)
    done = run()
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*the mark names no claim*"])
