"""The snippet of a witness runs as printed, alone, and finds what the witness says."""

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import pytest

from grams_theory import claims
from grams_theory.core.claim import OneStep
from grams_theory.core.verdict import Verdict
from grams_theory.engine import fuzz
from grams_theory.engine.exact import exactly
from grams_theory.engine.production import Rig
from grams_theory.engine.snippet import Names, Text, snippet
from grams_theory.engine.tokens import Token
from tests.engine.foreign import FOREIGN, search

REFUTED = [
    claim.id
    for claim in claims.all_claims()
    if claim.recorded is Verdict.REFUTED and isinstance(claim.setting, OneStep)
]
KEYS = [*((claim_id, None, None) for claim_id in REFUTED), *FOREIGN]


@pytest.fixture(scope="module", params=KEYS, ids=str)
def witness(request):
    return search(*request.param).witness


def run(text):
    """The namespace that the text leaves behind."""
    assert text is not None
    namespace = {}
    exec(text, namespace)
    return namespace


def number(margin):
    """The middle of a margin "p/q", "[x +/- r]" or "x ± r"."""
    return float(Fraction(margin.strip("[").split()[0]))


def test_it_finds_the_violated_margin(witness, capsys):
    found = run(witness.snippet)
    assert found["margin"] < 0
    scale = max(1.0, abs(number(witness.margin)))
    assert (
        abs(float(found["margin"]) - number(witness.margin)) < 1e-8 * scale
    )  # "observed" prints nine digits
    printed = capsys.readouterr().out
    assert f"{witness.part}: {float(found['margin'])} >= 0 is False" in printed
    if "bound" in found:
        assert found["eta"] <= found["bound"]


def test_every_optimizer_moves_as_the_witness_says(witness):
    moved, data = run(witness.snippet)["moved"], exactly(witness.data)
    for name, d in data.get("observed", {}).items():
        assert [Fraction(str(x)) for x in d] == list(moved[name])
    setting = claims.by_id(Token.decode(witness.token).claim).setting
    assert list(moved) == list(setting.optimizers)


def test_it_ends_with_the_token(witness):
    assert witness.snippet.endswith(f"# grams-theory replay {witness.token}\n")


def test_it_runs_in_a_python_of_its_own():
    text = fuzz("adam-monotone").witness.snippet
    assert text is not None
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert "descent: -3.99999" in done.stdout or "descent: -4.0" in done.stdout
    assert "premise: eta = 6.0 <= 6.0 is True" in done.stdout


def test_the_inequality_follows_the_claim():
    """The text is what the claim computes: with another margin it says another thing."""
    found = fuzz("adam-monotone").witness
    claim = claims.by_id("adam-monotone")
    other = replace(claim, margin=lambda s: {"descent": -2 * s.change("Adam") - s.eta})
    before, after = run(found.snippet), run(snippet(found, other, Rig()))
    assert after["margin"] == 2 * before["margin"] - before["eta"]


def test_a_margin_that_needs_tensors_leaves_the_steps():
    found = fuzz("adam-monotone").witness
    opaque = replace(claims.by_id("adam-monotone"), margin=lambda s: {"descent": s.moved["Adam"].amin(-1)})
    left = run(snippet(found, opaque, Rig()))
    assert "margin" not in left
    assert list(left["moved"]) == ["Adam"]


x, y = Text("x"), Text("y")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (x + y * 2, "x + y * 2"),
        ((x + y) * 2, "(x + y) * 2"),
        (x - (y - x), "x - (y - x)"),
        (x + -y, "x - y"),
        (x - -y, "x + y"),
        (-(x + y), "-(x + y)"),
        (x / (y * 2), "x / (y * 2)"),
        (2 / x, "2 / x"),
        (1 - x, "1 - x"),
        (x * -1, "-x"),
        (1 * x / 1, "x"),
        (abs(x).sum(-1).sqrt(), "root((abs(x)).sum())"),
        (x.minimum(y) ** 2, "min(x, y) ** 2"),
        (x * 0.5, "x * F(0.5)"),
        (x.worst(0), "(x).min()"),
    ],
)
def test_an_expression_reads_as_it_was_computed(text, code):
    assert text.code == code


def test_only_the_letters_that_are_used_are_defined():
    names = Names()
    _ = names.a + names.g
    assert names.used == {"a"}
