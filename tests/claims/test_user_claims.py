"""A claim of one's own is a file: its path is its id, everywhere; and any claim can be put on one loss."""

import pytest
from click.testing import CliRunner

import grams_theory as gt
from grams_theory.claims import by_id, on
from grams_theory.cli import main
from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.verdict import Verdict

BOUND = '''
"""One step of Grams rises by at most FACTOR times what Lemma 4.2 allows in second order."""
from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.definitions import SMOOTH
from grams_theory.core.verdict import Verdict


def margin(s):
    rise = s.smoothness * (s.eta * s.eta / 2) * norm2(s.r)
    return {"upper": rise * FACTOR - s.eta * dot(s.g, s.r) - s.change("Grams")}


CLAIM = Claim(
    id="any",
    title="An upper bound",
    source="a test",
    statement="ΔL_G ≤ −η⟨g, r⟩ + FACTOR · (Lη²/2)‖r‖²",
    latex="",
    recorded=Verdict.SURVIVED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams",)),
    margin=margin,
)
'''


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a claim's file into an empty folder, the current one; returns its path."""
    monkeypatch.chdir(tmp_path)

    def put(text, name="./my_claim.py"):
        (tmp_path / name).write_text(text)
        return name

    return put


@pytest.fixture
def true_claim(write):
    return write(BOUND.replace("FACTOR", "1"))


@pytest.fixture
def false_claim(write):
    return write(BOUND.replace("FACTOR", "0.99"))


def run(*arguments):
    return CliRunner().invoke(main, arguments, prog_name="grams-theory")


def test_the_path_is_the_id(true_claim):
    claim = by_id(true_claim)
    assert claim.id == "./my_claim.py"
    assert claim.title == "An upper bound"


def test_a_true_claim_survives_and_a_false_one_is_refuted(write):
    for factor, verdict in (("1", Verdict.SURVIVED), ("0.99", Verdict.REFUTED)):
        path = write(BOUND.replace("FACTOR", factor))
        assert gt.fuzz(path, budget=2000).verdict is verdict


def test_a_changed_file_is_read_again(write):
    first = by_id(write(BOUND))
    write(BOUND.replace("An upper bound", "Another"))
    assert (first.title, by_id("./my_claim.py").title) == ("An upper bound", "Another")


def test_the_token_of_a_witness_replays(false_claim):
    witness = gt.fuzz(false_claim, budget=2000).witness
    assert gt.replay(witness.token).reproduced


def test_the_commands_take_a_path(false_claim):
    fuzzed = run("fuzz", false_claim, "--budget", "2000")
    assert fuzzed.exit_code == 1
    assert "grams-theory replay gt1." in " ".join(fuzzed.stdout.split())
    assert "An upper bound" in run("show", false_claim).stdout
    assert "has no proof" in run("prove", false_claim).stderr
    verified = run("verify", "--claims", false_claim, "--budget", "1000")
    assert verified.exit_code == 1
    assert f"changed: {false_claim}" in verified.stderr


def test_fuzz_exits_with_0_where_nothing_is_found(true_claim):
    assert run("fuzz", true_claim, "--budget", "500").exit_code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "defines no CLAIM"),
        ("CLAIM = 'lemma-4.2'", "a CLAIM that is str"),
        ("import no_such_module", "failed: ModuleNotFoundError"),
        ("CLAIM = (", "failed: SyntaxError"),
        (BOUND.replace("margin=margin,", "argument=('lemma-9.9',),"), "lemma-9.9"),
    ],
)
def test_a_file_without_a_claim_is_bad_usage(write, text, message):
    with pytest.raises(UsageError, match=message):
        by_id(write(text))


def test_a_missing_file_is_bad_usage(write):
    done = run("fuzz", "./no_such.py")
    assert done.exit_code == 2
    assert "no claim at './no_such.py' (No such file or directory)" in done.stderr


def test_a_claim_on_a_loss_is_found_by_its_id():
    claim = by_id("lemma-4.2 on log_cosh")
    assert claim == on(by_id("lemma-4.2"), "log_cosh")
    assert claim.families == ("log_cosh",)


def test_a_claim_on_a_loss_is_attacked_on_that_alone():
    assert set(gt.fuzz("lemma-4.2 on log_cosh", budget=500).fuzz.families) == {"log_cosh"}


@pytest.mark.parametrize(
    ("claim_id", "error", "message"),
    [
        ("lemma-4.2 on logcosh", UnknownNameError, "log_cosh"),
        ("lemma-4.22 on log_cosh", UnknownNameError, "lemma-4.2"),
        ("linear-rate on softplus", UsageError, "assumes .*pl"),
        ("sign-median on log_cosh", UsageError, "drop the loss"),
    ],
)
def test_what_a_loss_cannot_have_is_bad_usage(claim_id, error, message):
    with pytest.raises(error, match=message):
        by_id(claim_id)
