"""The commands: instant help, honest exit codes, earlier output untouched."""

import contextlib
import errno
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from grams_theory import engine
from grams_theory.cli import main
from grams_theory.core.document import dumps, loads
from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.ledger import SCHEMA
from grams_theory.core.verdict import Verdict
from tests.ledgers import CHANGED, LEDGER, QUADRATIC, result

COMMANDS = tuple(main.commands)
INSTANT = [["--help"], *([name, "--help"] for name in COMMANDS), ["list"], ["show", "lemma-4.2"]]
HEAVY = ("torch", "sympy", "z3", "cvc5", "hypothesis", "matplotlib", "numpy", "sklearn")
PROBE = """
import sys
sys.argv[0] = "grams-theory"
try:
    from grams_theory.cli import main
    main(prog_name="grams-theory")
finally:
    print(*(name for name in {heavy} if name in sys.modules), file=sys.stderr)
"""


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Call a command in an empty folder, with the engine's functions replaced by the keywords given."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, **replaced):
        for name, function in replaced.items():
            monkeypatch.setattr(engine, name, function)
        return CliRunner().invoke(main, arguments, prog_name="grams-theory")

    return call


def gives(value):
    return lambda *args, **kwargs: value


def fails(error):
    def function(*args, **kwargs):
        raise error

    return function


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def processor_time():
    """Seconds of the processes that were started here and have ended: the same whatever else the machine does."""
    times = os.times()
    return times.children_user + times.children_system


@pytest.mark.parametrize("arguments", INSTANT, ids=" ".join)
def test_answers_in_half_a_second_without_importing_anything_heavy(arguments):
    seconds = []
    for _ in range(3):
        started = processor_time()
        done = subprocess.run(
            [sys.executable, "-c", PROBE.format(heavy=HEAVY), *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds.append(processor_time() - started)
        assert done.stderr.strip() == ""
        if seconds[-1] < 0.5:
            break
    assert min(seconds) < 0.5


def test_the_probe_for_heavy_imports_sees_one():
    done = subprocess.run(
        [sys.executable, "-c", "import numpy\n" + PROBE.format(heavy=HEAVY), "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.strip() == "numpy"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_of_the_command(run, name):
    shown = run(name, "--help").output
    assert f"Example: grams-theory {name}" in shown


def test_verify_exits_with_0_when_every_verdict_is_as_recorded(run, tmp_path):
    done = run("verify", verify=gives(LEDGER))
    assert done.exit_code == 0, done.output
    assert all(claim_id in done.stdout for claim_id in LEDGER)
    assert (tmp_path / "verdicts.json").read_text() == dumps(LEDGER)
    assert "comparison-sharp" in (tmp_path / "report/index.html").read_text()


def test_verify_exits_with_1_and_names_the_verdict_that_changed(run, tmp_path):
    done = run("verify", verify=gives(CHANGED))
    assert done.exit_code == 1
    assert "changed: lemma-4.14" in done.stderr
    assert "verdict undecided, recorded proved" in done.stdout
    assert loads((tmp_path / "verdicts.json").read_text()).changed == ("lemma-4.14",)


def test_json_prints_the_document_and_nothing_else(run):
    done = run("verify", "--json", verify=gives(LEDGER))
    assert json.loads(done.stdout)["schema"] == SCHEMA
    assert done.stdout == dumps(LEDGER)


def test_schema_prints_the_schema_that_the_document_keeps(run):
    import jsonschema

    schema = json.loads(run("schema").stdout)
    document = json.loads(run("verify", "--json", verify=gives(LEDGER)).stdout)
    jsonschema.Draft202012Validator(schema).validate(document)


def test_options_reach_the_engine(run):
    seen = {}

    def verify(**options):
        seen.update(options)
        return LEDGER

    options = (
        "--claims",
        "a, b",
        "--budget",
        "3s",
        "--device",
        "cuda",
        "--dtype",
        "float32",
        "--seed",
        "7",
        "--workers",
        "3",
        "--streams",
        "off",
    )
    run("verify", *options, verify=verify)
    seen.pop("progress")
    assert seen == {
        "claims": ["a", "b"],
        "budget": "3s",
        "device": "cuda",
        "dtype": "float32",
        "seed": 7,
        "workers": 3,
        "streams": "off",
    }


def test_progress_is_one_line_per_finished_claim_when_piped(run):
    def verify(progress, **options):
        for done, found in enumerate(LEDGER.results):
            progress(engine.Progress(found.id, "fuzz", done, len(LEDGER), 0.5))
            progress(engine.Progress(found.id, "done", done + 1, len(LEDGER), 1.0, found))
        return LEDGER

    lines = run("verify", verify=verify).stderr.splitlines()
    assert [line.split()[1:3] for line in lines] == [[str(r.verdict), r.id] for r in LEDGER.results]
    assert [line.endswith("smallest margin 1.25e-09") for line in lines] == [
        r.fuzz is not None for r in LEDGER.results
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "--claims", "lemma-4.22"], "did you mean"),
        (["verify", "--claims", ","], "ids separated by commas"),
        (["verify", "--budget", "0"], "must be positive"),
        (["verify", "--budget", "soon"], "must be positive"),
        (["verify", "--seed", "-1"], "--seed"),
        (["verify", "--device", "tpu:9"], "tpu:9"),
        (["verify", "--out", "/dev/null/x"], "/dev/null/x"),
        (["show", "lemma-4.22"], "lemma-4.2"),
        (["prove", "lemma-4.22"], "lemma-4.2"),
        (["fuzz", "lemma-4.22"], "lemma-4.2"),
        (["fuzz", "lemma-4.2", "--optimizer", "Gramz"], "Gramz"),
        (["fuzz", "lemma-4.2", "--optimizer", "builtins:dict"], "dict"),
        (["fuzz", "lemma-4.2", "--budget", "0s"], "must be positive"),
        (["replay", "gt1.nonsense"], "token"),
        (["estimate-pl", "breast_cancerr"], "breast_cancer"),
        (["estimate-pl", "no_such_module:factory"], "no_such_module"),
        (["figure1", "--start", "1"], "two numbers"),
        (["figure1", "--start", "1,inf"], "finite"),
        (["figure1", "--steps", "0"], "--steps"),
        (["figure1", "--out", "/dev/null/x"], "/dev/null/x"),
        (["report", "missing.json"], "missing.json"),
        (["new-claim", "Lemma 4"], "no claim id"),
        (["new-claim", "lemma-9.9"], "checkout"),
        (["no-such-command"], "no-such-command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_usage_exits_with_2_a_message_and_no_trace(run, tmp_path, arguments, message):
    (tmp_path / "verdicts.json").write_text("earlier")
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert files(tmp_path) == {"verdicts.json": b"earlier"}


@pytest.mark.parametrize(
    "error", [UsageError("loss is nan at batch index 3"), UnknownNameError("claim", "x", ["y"])]
)
def test_an_error_in_the_work_leaves_earlier_output_untouched(run, tmp_path, error):
    run("verify", verify=gives(LEDGER))
    before = files(tmp_path)
    done = run("verify", verify=fails(error))
    assert done.exit_code == 2
    assert done.stderr == f"Error: {error}\n"
    assert files(tmp_path) == before


def test_an_unwritable_target_is_found_before_the_work(run, tmp_path):
    (tmp_path / "verdicts.json").mkdir()
    done = run("verify", verify=fails(AssertionError("the work began")))
    assert done.exit_code == 2
    assert "is a directory" in done.stderr


def test_interrupting_leaves_earlier_output_untouched(run, tmp_path):
    run("verify", verify=gives(LEDGER))
    before = files(tmp_path)
    done = run("verify", verify=fails(KeyboardInterrupt()))
    assert done.exit_code == 130
    assert files(tmp_path) == before


def test_report_draws_the_same_page_as_verify(run, tmp_path):
    run("verify", verify=gives(LEDGER))
    assert run("report", "--out", "again").exit_code == 0
    assert (tmp_path / "again/report/index.html").read_bytes() == (
        tmp_path / "report/index.html"
    ).read_bytes()


def test_fuzz_exits_with_0_for_a_claim_that_survived(run):
    assert run("fuzz", "alignment", fuzz=gives(LEDGER["alignment"])).exit_code == 0


def test_fuzz_exits_with_1_and_prints_the_witness(run):
    done = run("fuzz", "comparison-sign-repaired", fuzz=gives(LEDGER["comparison-sign-repaired"]))
    assert done.exit_code == 1
    assert "((-4/5, 3/5), (3/5, 4/5))" in done.stdout
    assert f"eta         {QUADRATIC['eta']}\n" in "\n".join(map(str.rstrip, done.stdout.splitlines()))
    assert "grams-theory replay gt1." in done.stdout


def pasted(text):
    """What the Python text prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def example_of(claim_id, printed):
    """The falsifying example of a claim as it was printed: from its comment to the next one, or to the end."""
    _, _, rest = printed.partition(f"# Falsifying example of {claim_id}: ")
    return "# " + rest.partition("# Falsifying")[0].partition("\nwrote ")[0]


def test_what_fuzz_prints_can_be_pasted(run, monkeypatch):
    """On a narrow terminal as well: it is not wrapped."""
    monkeypatch.setenv("COLUMNS", "40")
    found = LEDGER["comparison-sign-repaired"]
    done = run("fuzz", found.id, fuzz=gives(found))
    assert pasted(example_of(found.id, done.stdout)) == "-1/2 < 0 & so it is violated\n"
    assert f"# grams-theory replay {found.witness.token}" in done.stdout.splitlines()


def test_verify_prints_a_falsifying_example_of_what_is_newly_refuted(run):
    found = LEDGER["comparison-sign-repaired"]
    known = run("verify", verify=gives(LEDGER))
    assert "Falsifying" not in known.stdout
    new = run("verify", verify=gives(replace(LEDGER, results=(replace(found, recorded=Verdict.PROVED),))))
    assert new.exit_code == 1
    assert pasted(example_of(found.id, new.stdout)) == "-1/2 < 0 & so it is violated\n"
    assert f"# grams-theory replay {found.witness.token}" in new.stdout.splitlines()


def test_verify_prints_all_falsifying_examples_when_asked(run):
    printed = run("verify", "--examples", verify=gives(LEDGER)).stdout
    for found in LEDGER.results:
        if found.witness is not None:
            pasted(example_of(found.id, printed))


def test_a_witness_without_code_is_printed_as_data(run):
    found = LEDGER["figure-1"]
    text = example_of(found.id, run("verify", "--examples", verify=gives(LEDGER)).stdout)
    names = {}
    exec(text, names)
    assert names["case"] == found.witness.data


def test_an_estimated_violation_is_not_called_a_falsifying_one(run):
    found = LEDGER["comparison-sign-repaired"]
    estimated = replace(found.witness, kind="estimated")
    result = replace(found, evidence=(estimated,), recorded=Verdict.PROVED)
    printed = run("verify", verify=gives(replace(LEDGER, results=(result,)))).stdout
    assert "# Violating example of" in printed
    assert "Falsifying" not in printed


@pytest.mark.parametrize(("complete", "code"), [(True, 0), (False, 1)])
def test_prove_exits_with_1_when_a_step_fails(run, complete, code):
    proof = LEDGER["alignment"].proof
    assert proof is not None
    done = run("prove", "alignment", prove=gives(replace(proof, complete=complete)))
    assert done.exit_code == code
    assert "one coordinate" in done.stdout


@pytest.mark.parametrize(("reproduced", "code"), [(True, 0), (False, 1)])
def test_replay_exits_with_1_when_the_case_does_not_come_out_again(run, reproduced, code):
    outcome = SimpleNamespace(text="margin -1/2", reproduced=reproduced)
    done = run("replay", "gt1.x", replay=gives(outcome))
    assert (done.exit_code, done.stdout) == (code, "margin -1/2\n")


SCREENS = {
    "verify": (("verify",), {"verify": gives(LEDGER)}),
    "list": (("list",), {}),
    "definitions": (("list", "--definitions"), {}),
    "show": (("show", "theorem-4.15"), {}),
}


@pytest.mark.parametrize("columns", [40, 60, 79, 80, 140])
@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_fits_the_terminal_and_cuts_nothing(run, monkeypatch, screen, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    arguments, replaced = SCREENS[screen]
    printed = run(*arguments, **replaced).stdout
    too_long = [line for line in printed.splitlines() if cell_len(line) > columns]
    assert all(line.startswith("wrote ") for line in too_long)  # paths are for copying
    monkeypatch.setenv("COLUMNS", "1000")
    assert printed.count("…") <= run(*arguments, **replaced).stdout.count("…")


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_the_table_names_each_claim_and_verdict_in_one_piece(run, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    done = run("verify", verify=gives(LEDGER))
    lines = done.stdout.splitlines()
    for found in LEDGER.results:
        assert any(found.id in line and str(found.verdict) in line for line in lines), f"{found.id} is folded"


@pytest.mark.parametrize("columns", [60, 100, 160])
def test_the_table_says_in_words_what_each_claim_says_above_where_it_stands(run, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run("verify", verify=gives(LEDGER)).stdout.splitlines()
    for found in LEDGER.results:
        below = [after for line, after in pairwise(lines) if found.title in line]
        assert below, f"{found.title!r} is folded or missing"
        assert all("Section 4," in line for line in below)


def test_no_colour_is_written_to_a_pipe(run):
    assert "\x1b[" not in run("verify", verify=gives(LEDGER)).output


def terminal(width, **options):
    from io import StringIO

    from rich.console import Console

    return Console(
        file=StringIO(), force_terminal=True, width=width, highlight=False, markup=False, **options
    )


def shown(board, width):
    screen = terminal(width, no_color=True, color_system=None)
    screen.print(board)
    return screen.file.getvalue()


@pytest.mark.parametrize("width", [40, 100])
def test_the_board_shows_each_claim_at_work_with_its_smallest_margin(width):
    from grams_theory.cli.progress import Board

    board = Board()
    at = {"done": 3, "total": 45}
    board.note(engine.Progress("lemma-4.2", "prove", **at))
    board.note(engine.Progress("theorem-4.6", "fuzz", share=0.25, **at))
    board.note(engine.Progress("comparison-rescaled-fails", "fuzz", share=0.5, margin=-3.674e-14, **at))
    text = shown(board, width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "3/45" in text
    flat = " ".join(text.split())
    for line in (
        "lemma-4.2: prove",
        "theorem-4.6: fuzz 25%",
        "comparison-rescaled-fails: fuzz 50%, smallest margin -3.674e-14",
    ):
        assert line in flat
    board.note(engine.Progress("lemma-4.2", "done", done=4, total=45, share=1.0))
    text = shown(board, width)
    assert "4/45" in text
    assert "lemma-4.2" not in text


def test_the_board_of_a_single_claim_shows_its_share():
    from grams_theory.cli.progress import Board

    board = Board()
    board.note(engine.Progress("lemma-4.2", "fuzz", done=0, total=1, share=0.4, margin=1e-3))
    assert " 40% " in shown(board, 80)


def test_no_color_is_respected_on_a_terminal(monkeypatch):
    from grams_theory.cli.console import console
    from grams_theory.cli.tables import results_table

    def written() -> str:
        terminal = console()
        terminal._force_terminal, terminal.width = True, 100
        with terminal.capture() as capture:
            terminal.print(results_table(LEDGER.results, 100))
        return capture.get()

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[1;32m" in written()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;32m" not in written()


def test_a_full_disk_is_no_verdict(run):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    done = run("fuzz", "lemma-4.2", fuzz=full)
    assert done.exit_code == 2
    assert "cannot read or write the output: No space left on device" in done.output


def test_a_program_may_put_another_stream_in_the_place_of_the_terminal():
    with contextlib.redirect_stdout(io.StringIO()) as written:
        main(["list"], standalone_mode=False)
    assert "lemma-4.2" in written.getvalue()


def test_a_terminal_of_few_characters_shows_what_it_can(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    done = CliRunner(charset="ascii").invoke(main, ["show", "lemma-4.2"])
    assert done.exit_code == 0
    assert "?L_G ? 0" in done.output


def test_new_claim_writes_a_claim_that_proves_and_a_check_that_passes(run, tmp_path):
    checkout(tmp_path)
    done = run("new-claim", "lemma-9.9")
    assert done.exit_code == 0, done.output
    written = tmp_path / "grams_theory/claims/lemma_9_9.py"
    module = load(written)
    assert module.CLAIM.id == "lemma-9.9"
    from grams_theory.symbolic.proof import prove

    evidence = prove(module.CLAIM)
    assert evidence.complete, evidence.failure
    assert 'examine("lemma-9.9")' in (tmp_path / "proofs/test_lemma_9_9.py").read_text()


def test_new_claim_writes_a_single_file_that_the_other_commands_take(run, tmp_path):
    done = run("new-claim", "./my_claim.py")
    assert done.exit_code == 0, done.output
    assert [path.name for path in tmp_path.iterdir()] == ["my_claim.py"]
    assert "next: grams-theory prove ./my_claim.py" in done.output
    assert run("prove", "./my_claim.py").exit_code == 0
    assert run("new-claim", "./my_claim.py").exit_code == 2
    assert "make it first" in run("new-claim", "nowhere/my_claim.py").output


def test_new_claim_refuses_to_overwrite(run, tmp_path):
    checkout(tmp_path)
    run("new-claim", "lemma-9.9")
    before = files(tmp_path)
    assert run("new-claim", "lemma-9.9").exit_code == 2
    (tmp_path / "grams_theory/claims/lemma_9_9.py").unlink()
    half = files(tmp_path)
    assert run("new-claim", "lemma-9.9").exit_code == 2, "its proof-check exists"
    assert files(tmp_path) == half != before


def test_new_claim_refuses_the_id_of_a_claim_in_another_file(run, tmp_path):
    checkout(tmp_path)
    done = run("new-claim", "lemma-4.2")
    assert done.exit_code == 2
    assert files(tmp_path) == {}


def checkout(folder):
    for name in ("grams_theory/claims", "proofs"):
        (folder / name).mkdir(parents=True)


def load(path):
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("written_claim", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_module_runs_as_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "grams_theory", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert done.stdout.startswith("grams-theory, version ")


def test_a_changed_result_is_marked_in_the_table(run):
    from grams_theory.core.ledger import Ledger

    ledger = Ledger((result("alignment", Verdict.SURVIVED, recorded=Verdict.PROVED),))
    assert "was proved" in run("verify", verify=gives(ledger)).stdout


def test_definitions_are_listed_by_name(run):
    done = run("list", "--definitions")
    assert done.exit_code == 0
    assert all(name in done.output for name in ("smooth", "grams", "filippov"))


@pytest.mark.parametrize(
    ("form", "sign"), [("text", "so, for all reals"), ("latex", r"\begin{enumerate}"), ("html", "<table>")]
)
def test_a_proof_is_printed_in_each_form(run, form, sign):
    done = run("prove", "lemma-3.9", "--format", form)
    assert done.exit_code == 0
    assert sign in done.output


def test_mutants_are_counted(run):
    done = run("mutate", "alignment", "--budget", "500")
    assert done.exit_code == 0
    assert "7 of 7 mutants lose their proof; 0 say no more than the claim" in done.output


def test_a_surviving_mutant_exits_with_1(run, monkeypatch):
    from grams_theory.engine import mutation

    found = mutation.MutationEvidence(3, 2, 0, (), ("order: without A",))
    monkeypatch.setattr(mutation, "mutate", gives(found))
    done = run("mutate", "alignment")
    assert done.exit_code == 1
    assert "STILL PROVED: order: without A" in done.output
