"""What refutes a claim by a run, a flow or a noise can be checked again, changed, and pasted."""

import subprocess
import sys
from fractions import Fraction

import pytest

from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.evidence import Witness
from grams_theory.engine import fuzz
from grams_theory.engine.recheck import recheck, snippet

NOISE = {
    "curvature": "1",
    "noise": ["-1", "3"],
    "probabilities": ["3/4", "1/4"],
    "beta": "1/2",
    "gradients": 2,
}
"""A skewed law of mean 0: the median is -1."""
PART = "Grams rests at the minimiser"
ASKED = ("noise", "noise-convergence", PART)


def test_the_margin_is_exact():
    assert str(recheck(*ASKED, NOISE)) == "-3/40"


def test_without_skew_it_holds():
    even = {**NOISE, "noise": ["-1", "1"], "probabilities": ["1/2", "1/2"]}
    assert recheck(*ASKED, even) > 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((*ASKED, {**NOISE, "noise": ["1", "3"]}), UsageError, "outside the premise"),
        (("dance", *ASKED[1:], NOISE), UnknownNameError, "kind of witness"),
        (("noise", "noise-convergance", PART, NOISE), UnknownNameError, "noise-convergence"),
        ((*ASKED[:2], "nothing", NOISE), UsageError, "'nothing'"),
        ((*ASKED, {"noise": ["1", "3"]}), UsageError, "no entry"),
    ],
)
def test_what_cannot_be_checked_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        recheck(*arguments)


@pytest.fixture(scope="module", params=["noise-convergence", "trajectory-comparison"])
def refuted(request):
    return fuzz(request.param)


def test_the_falsifying_example_runs_as_printed_and_finds_the_margin(refuted):
    witness = refuted.witness
    done = subprocess.run([sys.executable, "-c", witness.snippet], capture_output=True, text=True, check=True)
    shown = done.stdout.strip()
    assert shown.startswith(witness.part)
    assert shown.endswith(">= 0 is False")
    margins = (
        text.strip("[").split()[0] for text in (witness.margin, shown.removeprefix(witness.part).strip())
    )
    said, found = (float(Fraction(margin)) for margin in margins)
    assert found == pytest.approx(said, rel=1e-9)  # a ball is spelled with twelve digits
    assert witness.snippet.endswith(f"# grams-theory replay {witness.token}\n")


def test_a_step_has_no_such_text():
    assert snippet(Witness("quadratic", {}, "", "", ""), "lemma-4.2") is None
