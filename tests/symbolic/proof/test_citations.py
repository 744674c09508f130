"""Only what was proved is cited, with its premises, its axioms and the meaning of its symbols."""

from dataclasses import replace

import pytest
import sympy as sp

from grams_theory.core.definitions import SMOOTH
from grams_theory.symbolic.gram import Space, dot, norm2
from grams_theory.symbolic.proof import prove
from grams_theory.symbolic.theorem import Theorem
from tests.symbolic.proof.examples import ABOUT_Y, CLAIM, S, cites, stated, x, y


def test_a_citation_is_an_instance_of_what_was_proved():
    evidence = prove(replace(ABOUT_Y, prove=cites(CLAIM, scalars={x: y})))
    assert evidence.complete, evidence.failure
    assert evidence.uses == ("planted",)
    assert evidence.steps[0].statement == "y ≥ 1 ⇒ y² ≥ y"


def test_the_premises_of_a_citation_are_not_forgotten():
    evidence = prove(replace(ABOUT_Y, prove=cites(CLAIM, scalars={x: y - 1})))
    assert "y - 1 ≥ 1" in str(evidence.failure)


@pytest.mark.parametrize(
    ("cited", "reason"),
    [
        (replace(CLAIM, prove=lambda p: None), "the cited claim is not proved"),
        (replace(CLAIM, prove=None), "has no proof"),
        (replace(CLAIM, assumptions=(SMOOTH,)), "not proved: planted: the proof never uses"),
    ],
    ids=["its proof fails", "it has none", "its assumption is idle"],
)
def test_only_proved_claims_are_cited(cited, reason):
    evidence = prove(replace(ABOUT_Y, prove=cites(cited)))
    assert reason in str(evidence.failure)


def test_proofs_that_rest_on_each_other_are_refused():
    circle = {}
    first = replace(CLAIM, id="first", prove=lambda p: cites(circle["second"])(p))
    circle["second"] = replace(CLAIM, id="second", prove=cites(first))
    assert "rest on each other: second uses first uses second" in str(prove(first).failure)


def test_axioms_of_cited_claims_are_listed():
    def assumed(p):
        p.axiom("Fermat", "", "P. de Fermat, 1637", sp.Ge(x**2, x))
        p.implies("s", [x >= 1], x > 0)
        p.conclude("part 0", [sp.Ge(x**2, x), x > 0])

    evidence = prove(replace(ABOUT_Y, prove=cites(replace(CLAIM, prove=assumed), scalars={x: y})))
    assert evidence.axioms == ("Fermat",)


def test_a_cited_sum_keeps_its_meaning():
    def squares_are_positive(p):
        p.implies("one", [], sp.Ge(x**2, 0, evaluate=False))
        p.lift("sum", "one", sp.Ge(S, 0), {S: x**2})
        p.conclude("part 0")

    sums = replace(CLAIM, formal=stated(sp.Ge(S, 0)), prove=squares_are_positive)
    assert prove(sums).complete
    replaced = prove(replace(ABOUT_Y, prove=cites(sums, scalars={S: y})))
    assert "fixed meaning" in str(replaced.failure)


def test_the_constant_of_an_assumption_is_not_replaced():
    """What was proved of an L-smooth f is not true for L/1000."""
    k, d, L = *Space("k d").vectors(), sp.Symbol("L", real=True)

    def smooth(p):
        p.conclude("part 0", [p.assume(SMOOTH, "anywhere", norm2(k), norm2(d)), p.square("d", d)])

    formal = stated(sp.Le(norm2(k), (L**2 + 1) * norm2(d)))
    claim = replace(CLAIM, formal=formal, prove=smooth, assumptions=(SMOOTH,))
    assert prove(claim).complete
    citing = cites(claim, scalars={L: L / 1000})
    assert "L has a fixed meaning" in str(prove(replace(claim, id="citing", prove=citing)).failure)


def test_a_cited_vector_keeps_its_coordinates():
    """⟨a,a⟩ ≥ ⟨b,b⟩ for a = |x| + |y|, b = x is not true of other vectors of the same names."""
    aa, bb = (Space("a b").entry(name, name) for name in "ab")

    def longer(p):
        p.coordinates(a=abs(x) + abs(y), b=x)
        p.implies("one", [], sp.Ge((abs(x) + abs(y)) ** 2, x**2))
        p.lift("sum", "one", sp.Ge(aa, bb))
        p.conclude("part 0")

    def misread(p):
        p.coordinates(a=x, b=abs(x) + abs(y))
        p.cite(vectors)
        p.conclude("part 0")

    vectors = replace(CLAIM, formal=stated(sp.Ge(aa, bb)), prove=longer)
    assert prove(vectors).complete
    assert "has other coordinates here" in str(prove(replace(vectors, id="misread", prove=misread)).failure)


def test_vectors_are_replaced_as_a_whole():
    gd, dd = Space("g d").entry("g", "d"), Space("g d").entry("d", "d")
    theorem = Theorem("lemma", (), {}, {}, {}, frozenset())
    g, a = Space("g a").vectors()
    assert theorem.instance(gd + dd, {}, {"g": g, "d": -2 * a}) == -2 * dot(g, a) + 4 * norm2(a)
    with pytest.raises(ValueError, match="takes the place of d"):
        theorem.instance(gd, {}, {"g": g})
    with pytest.raises(ValueError, match="replace its vectors"):
        theorem.instance(gd, {gd: x}, {"g": g, "d": a})
