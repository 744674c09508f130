"""A proof as LaTeX: every step, what it rests on, and what the steps add up to."""

import pytest

from grams_theory.claims import by_id
from grams_theory.core.latex import proof_latex, text
from grams_theory.symbolic.proof import prove


@pytest.mark.parametrize(
    ("words", "typeset"), [("100 %", r"100 \%"), ("a_1", r"a\_1"), ("\\x", r"\textbackslash{}x"), ("η", "η")]
)
def test_words_are_escaped(words, typeset):
    assert text(words) == typeset


def test_a_proof_lists_its_steps_and_its_theorem():
    proof = prove(by_id("lemma-3.9"))
    shown = proof_latex(proof)
    assert shown.count(r"\item") == len(proof.steps)
    assert shown.count(r"\[") == shown.count(r"\]") == len(proof.steps) + 1 + len(proof.stated.conclusions)
    assert "from 2, 3" in shown
    assert r"\frac{L η^{2} \|a\|^2}{2}" in shown
