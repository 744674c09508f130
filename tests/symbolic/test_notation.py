"""Formulas are readable."""

import pytest
import sympy as sp

from grams_theory.core.definitions import CAUTIOUS as cautious
from grams_theory.core.definitions import GRAMS as grams
from grams_theory.symbolic.notation import latex, sequent, unicode
from grams_theory.symbolic.proof import reals

u, g, eta, inner, change = reals("u g eta ⟨g,r⟩ ΔL_C")


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (sp.Ge(abs(u) * g**2, u), "g²·|u| ≥ u"),
        (cautious(u, g), "u·1[g·u ≥ 0]"),
        (grams(u, g), "|u|·sign(g)"),
        (sp.Le(change, -eta * inner), "ΔL_C ≤ -η·⟨g,r⟩"),
        (sp.sqrt(u + 1), "√(u + 1)"),
        (sp.Not(sp.Eq(u, 0)), "u ≠ 0"),
        (sp.Implies(u > 0, g > 0), "u > 0 ⇒ g > 0"),
    ],
)
def test_formulas_print_as_one_line_of_unicode(formula, text):
    assert unicode(formula) == text


def test_names_become_latex_commands():
    assert latex(sp.Le(change, inner)) == r"\Delta L_{C} \leq \langle g,r\rangle "


def test_an_implication_among_the_hypotheses_is_bracketed():
    assert sequent([sp.Implies(u > 0, g > 0), u > 1], g > 0)[0] == "(u > 0 ⇒ g > 0) ∧ u > 1 ⇒ g > 0"
