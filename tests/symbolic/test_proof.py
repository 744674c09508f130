"""The kernel records what it checked and nothing else: false steps, forgeries and inexact numbers are refused."""

import ast
import inspect
import pickle
from dataclasses import replace

import pytest
import sympy as sp

from grams_theory import claims
from grams_theory.core.claim import Claim, Formal
from grams_theory.core.definitions import BOUNDED, PL, SMOOTH
from grams_theory.core.errors import UsageError
from grams_theory.core.registry import modules
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.facts import Theorem
from grams_theory.symbolic.gram import Space, dot, norm2
from grams_theory.symbolic.proof import CheckedProof, Proof, ProofFailed, prove, reals

x, y, t, X, Y = reals("x y t X Y")
HALF = sp.Rational(1, 2)
COLUMN = sp.Matrix([x, y])


def form(matrix):
    return sp.expand((COLUMN.T * sp.Matrix(matrix) * COLUMN)[0]) / 2


def squares(matrix):
    """zᵀQz/2 with z = (x, y), as the terms of a sum of squares."""
    return [(HALF, sp.Matrix(matrix), COLUMN)]


VALID = {
    "identity": lambda p: p.identity("s", (x + y) ** 2, x**2 + 2 * x * y + y**2),
    "identity of quotients": lambda p: p.identity("s", 1 / x - 1 / y, (y - x) / (x * y)),
    "identity under relations": lambda p: p.identity("s", x**4, 4, given=[sp.Eq(x**2, 2)]),
    "implication": lambda p: p.implies("s", [x >= 1], sp.Ge(x**2, x)),
    "derivative": lambda p: p.calculus("s", x**3, x, 3 * x**2),
    "integral": lambda p: p.calculus("s", x * t, t, x / 2, (0, 1)),
    "limit": lambda p: p.limit("s", (x**2 - 1) / (x - 1), x, 1, 2, "+-"),
    "polynomial": lambda p: p.nonnegative_polynomial("s", x**3 - x**2 + x, x, (0, sp.oo)),
    "double root": lambda p: p.nonnegative_polynomial("s", (x**2 - 2) ** 2, x),
    "root at the end": lambda p: p.nonnegative_polynomial("s", x * (3 - x), x, (0, 3)),
    "sum of squares": lambda p: p.sum_of_squares("s", x**2 + x * y + y**2, squares([[2, 1], [1, 2]])),
    "multiplier": lambda p: p.sum_of_squares("s", t * x**2, [(t, sp.Matrix([[1]]), sp.Matrix([x]))]),
}
FALSE = {
    "identity": lambda p: p.identity("s", (x + y) ** 2, x**2 + y**2),
    "identity off by 1 %": lambda p: p.identity(
        "s", (x + y) ** 2, x**2 + sp.Rational(202, 100) * x * y + y**2
    ),
    "identity under relations": lambda p: p.identity("s", x**4, 5, given=[sp.Eq(x**2, 2)]),
    "implication": lambda p: p.implies("s", [x >= 0], sp.Ge(x**2, x)),
    "implication off by 1 %": lambda p: p.implies("s", [sp.Ge(x, sp.Rational(99, 100))], sp.Ge(x**2, x)),
    "polynomial": lambda p: p.nonnegative_polynomial("s", x**2 - 2, x),
    "polynomial off by 1 %": lambda p: p.nonnegative_polynomial("s", x**2 - 2 * x + sp.Rational(99, 100), x),
    "polynomial on an interval": lambda p: p.nonnegative_polynomial("s", x * (3 - x), x, (0, 4)),
}
INVALID = {
    "derivative": lambda p: p.calculus("s", x**3, x, 2 * x**2),
    "integral": lambda p: p.calculus("s", x * t, t, x, (0, 1)),
    "limit": lambda p: p.limit("s", sp.sin(x) / x, x, 0, 0),
    "indefinite matrix": lambda p: p.sum_of_squares("s", form([[1, 2], [2, 1]]), squares([[1, 2], [2, 1]])),
    "singular matrix": lambda p: p.sum_of_squares("s", form([[1, 1], [1, 1]]), squares([[1, 1], [1, 1]])),
    "asymmetric matrix": lambda p: p.sum_of_squares("s", form([[2, 1], [0, 2]]), squares([[2, 1], [0, 2]])),
    "another polynomial": lambda p: p.sum_of_squares("s", x**2 + y**2, squares([[2, 1], [1, 2]])),
    "contradictory hypotheses": lambda p: p.implies("s", [x > 0, x < 0], y > 0),
    "a goal that SymPy swallowed": lambda p: p.implies("s", [], sp.Ge(x**2, 0)),
    "float in an identity": lambda p: p.identity("s", 0.5 * x, x / 2),
    "float in an implication": lambda p: p.implies("s", [x >= 0.5], sp.Gt(x, 0)),
    "float in a polynomial": lambda p: p.nonnegative_polynomial("s", x**2 + 0.1, x),
    "float in a matrix": lambda p: p.sum_of_squares("s", x**2, [(1, sp.Matrix([[1.0]]), sp.Matrix([x]))]),
    "empty interval": lambda p: p.nonnegative_polynomial("s", x, x, (1, 0)),
    "two variables": lambda p: p.nonnegative_polynomial("s", x**2 + y, x),
    "complex symbol": lambda p: p.implies("s", [], sp.Symbol("c") >= 0),
    "integer symbol": lambda p: p.implies("s", [], sp.Symbol("n", integer=True) >= 0),
    "axiom without a reference": lambda p: p.axiom("s", "anything", ""),
}


@pytest.mark.parametrize("name", VALID)
def test_a_valid_step_is_recorded(name):
    p = Proof()
    VALID[name](p)
    assert [step.name for step in p.steps] == ["s"]
    assert p.steps[0].statement
    assert p.steps[0].latex


@pytest.mark.parametrize("name", FALSE)
def test_a_false_step_is_refused_with_a_countermodel(name):
    p = Proof()
    with pytest.raises(ProofFailed) as failure:
        FALSE[name](p)
    assert " = " in failure.value.countermodel
    assert p.steps == ()


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_step_is_refused_and_not_recorded(name):
    p = Proof()
    with pytest.raises(ProofFailed):
        INVALID[name](p)
    assert p.steps == ()


def test_a_countermodel_violates_the_step():
    with pytest.raises(ProofFailed) as failure:
        Proof().implies("s", [x >= 0], sp.Ge(x**2, x))
    value = sp.Rational(failure.value.countermodel.removeprefix("x = "))
    assert value >= 0
    assert value**2 < value


def test_a_name_is_used_once():
    p = Proof()
    VALID["identity"](p)
    with pytest.raises(ProofFailed, match="already recorded"):
        VALID["implication"](p)


def pointwise():
    p = Proof()
    p.implies("one coordinate", [], sp.Ge(x**2 + y**2, 2 * x * y))
    return p


def test_a_coordinate_inequality_is_lifted_by_summation():
    p = pointwise()
    S, T, U = reals("S T U")
    p.lift("sum", "one coordinate", sp.Ge(S + T, 2 * U), {S: x**2, T: y**2, U: x * y})
    assert p.steps[-1].kind == "lift"


S, T, U, L = reals("S T U L")
SUMS = {S: x**2, T: y**2, U: x * y}


@pytest.mark.parametrize(
    ("conclusion", "sums", "reason"),
    [
        (sp.Ge(S + T, 3 * U), SUMS, "found"),
        (sp.Ge(S + T, 2 * U + 1), SUMS, "without a constant"),
        (sp.Ge(S * T, U**2), SUMS, "linear"),
        (sp.Le(S + T, 2 * U), SUMS, "same relation"),
        (sp.Ge(S, (2 * x - y) * T / y), {S: x**2, T: y}, "same in every coordinate"),
    ],
    ids=[
        "other coefficients",
        "a constant",
        "a product of sums",
        "the reverse",
        "a coordinate as a coefficient",
    ],
)
def test_nothing_else_is_lifted(conclusion, sums, reason):
    with pytest.raises(ProofFailed, match=reason):
        pointwise().lift("sum", "one coordinate", conclusion, sums)


def test_a_sum_of_nonnegative_terms_is_at_least_each_of_them():
    p = Proof()
    p.coordinates(a=x)
    aa = Space("a").entry("a", "a")
    p.implies("one", [], sp.Ge(x**2, 0, evaluate=False))
    assert p.summand("each", "one", aa) == sp.Le(x**2, aa)
    p.implies("half", [], sp.Ge(x**2, x - 1))
    with pytest.raises(ProofFailed, match="does not say that the summands"):
        p.summand("again", "half", aa)
    with pytest.raises(ProofFailed, match="does not say that the summands"):
        p.summand("unknown", "one", S)


def test_an_assumption_grants_what_it_entails():
    def argument(p):
        p.conclude("part 0", [p.assume(BOUNDED, "at x", x - 1), p.assume(PL, "at x", y, x - 1)])

    formal = stated(sp.Ge(y + x - 1, 2 * sp.Symbol("μ", real=True) * (x - 1)))
    assert prove(replace(CLAIM, formal=formal, prove=argument, assumptions=(PL,))).complete
    refused = prove(replace(CLAIM, formal=formal, prove=argument, assumptions=(BOUNDED,)))
    assert "does not assume that f is μ-PL" in str(refused.failure)


def test_a_strict_inequality_is_not_lifted():
    p = Proof()
    p.implies("one coordinate", [], sp.Gt(x**2 + 1, 0, evaluate=False))
    with pytest.raises(ProofFailed, match="only"):
        p.lift("sum", "one coordinate", S > 0, {S: x**2 + 1})


def test_a_sum_keeps_its_meaning():
    p = Proof()
    p.implies("one", [], sp.Ge(abs(x) - x, 0))
    p.implies("two", [], sp.Ge(abs(x) + x, 0))
    p.lift("sum one", "one", sp.Ge(S, 0), {S: abs(x) - x})
    with pytest.raises(ProofFailed, match="another expression"):
        p.lift("sum two", "two", sp.Ge(S, 0), {S: abs(x) + x})


def test_the_hypotheses_of_a_coordinate_step_are_shown_by_its_sum():
    p = Proof()
    p.implies("one", [y > 1], sp.Ge(y * abs(x), x))
    p.lift("sum", "one", sp.Ge(S, T), {S: y * abs(x), T: x})
    assert "in every coordinate y > 1" in p.steps[-1].statement


def stated(*conclusions, premises=()):
    return lambda: Formal({f"part {k}": formula for k, formula in enumerate(conclusions)}, premises)


def order(p):
    p.implies("s", [x >= 1], sp.Ge(x**2, x))
    p.conclude("part 0")


CLAIM = Claim(
    id="planted",
    title="",
    source="",
    statement="",
    latex="",
    recorded=Verdict.PROVED,
    formal=stated(sp.Ge(x**2, x), premises=(x >= 1,)),
    prove=order,
)


def test_a_checked_proof_is_complete():
    evidence = prove(CLAIM)
    assert evidence.complete, evidence.failure
    assert evidence.checked == 1
    assert evidence.stated.premises == ("x ≥ 1",)
    assert evidence.stated.conclusions == {"part 0": "x² ≥ x"}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_proof_is_incomplete_and_says_why(name):
    evidence = prove(replace(CLAIM, prove=FALSE[name]))
    assert not evidence.complete
    assert "s: " in (evidence.failure or "")


def only_axioms(p):
    p.axiom("Fermat", "no proof fits in this margin", "P. de Fermat, 1637", sp.Ge(x**2, x))
    p.conclude("part 0")


def from_a_stray_hypothesis(p):
    p.implies("s", [x >= 1, y > 0], sp.Ge(x**2 * y, x * y))
    p.conclude("part 0", [sp.Ge(x**2 * y, x * y), y > 0])


def from_nothing(p):
    p.implies("s", [sp.Ge(x, 2)], sp.Ge(x**2, x))
    p.conclude("part 0")


def something_else(p):
    p.implies("s", [x >= 1], sp.Ge(x**3, x))


def smoothness(p):
    p.assume(SMOOTH, "anywhere", S, T)
    order(p)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"prove": only_axioms}, "checks nothing"),
        ({"prove": lambda p: None}, "checks nothing"),
        ({"prove": something_else}, "not concluded: part 0"),
        ({"prove": from_a_stray_hypothesis}, "neither premise nor established: y > 0"),
        ({"prove": from_nothing}, "neither premise nor established: x ≥ 2"),
        ({"prove": smoothness}, "does not assume that f is L-smooth"),
        ({"assumptions": (SMOOTH,)}, "never uses that f is L-smooth"),
        ({"formal": stated(sp.Ge(x**3, x), premises=(x >= 1,))}, "neither premise nor established"),
        ({"formal": stated(sp.Ge(x**2, x))}, "neither premise nor established: x ≥ 1"),
    ],
    ids=[
        "only axioms",
        "empty",
        "another conclusion",
        "a stray hypothesis",
        "a stronger hypothesis",
        "an assumption of another claim",
        "an idle assumption",
        "a statement that was not proved",
        "a forgotten premise",
    ],
)
def test_forged_proofs_are_incomplete(words, reason):
    evidence = prove(replace(CLAIM, **words))
    assert not evidence.complete
    assert reason in (evidence.failure or "")


def test_a_proof_cannot_be_made_without_running_it():
    evidence = prove(CLAIM)
    for forge in (
        lambda: CheckedProof("claim", (), (), True, None, 0.0),  # type: ignore[call-arg]
        lambda: replace(evidence, complete=True),
    ):
        with pytest.raises(TypeError):
            forge()
    assert pickle.loads(pickle.dumps(evidence)) == evidence


def cites(claim, **instance):
    def argument(p):
        fact = p.cite(claim, **instance)
        p.conclude("part 0", [fact, y >= 1])

    return argument


ABOUT_Y = replace(CLAIM, id="about y", formal=stated(sp.Ge(2 * y**2, 2 * y), premises=(y >= 1,)))


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


def test_a_quotient_needs_a_denominator_that_is_not_zero():
    """x · 1/(x y) = 1/y is false at x = 0: used without a word it would prove that x ≠ 0."""

    def argument(p):
        p.conclude("part 0", [p.identity("s", x * (1 / (x * y + x)), 1 / (y + 1))])

    formal = stated(sp.Eq(x / (x * y + x), 1 / (y + 1), evaluate=False))
    refused = prove(replace(CLAIM, formal=formal, prove=argument))
    assert "≠ 0" in str(refused.failure)
    meant = stated(*formal().conclusions.values(), premises=(x > 0, y > 0))
    assert prove(replace(CLAIM, formal=meant, prove=argument)).complete


def test_an_inner_product_cannot_be_defined_or_replaced():
    g, d = Space("g d").vectors()
    with pytest.raises(ProofFailed, match="cannot be defined"):
        Proof().define(dot(g, d), x)
    p = Proof()
    fact = p.square("s", d)
    with pytest.raises(ProofFailed, match="replace its vectors"):
        p.instance("i", fact, {norm2(d): sp.Integer(-1)})


def test_a_basis_vector_has_length_one_and_must_be_new():
    g, e = Space("g e").vectors()
    p = Proof()
    assert p.basis(e, {"g": x}) == sp.And(sp.Eq(dot(g, e), x), sp.Eq(norm2(e), 1))
    with pytest.raises(ProofFailed, match="already has a meaning"):
        p.basis(g, {})


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


def test_a_definition_adds_no_hypothesis_and_must_be_new():
    p = Proof(replace(CLAIM, formal=stated(sp.Ge(x**2, x), premises=(x >= 1,))))
    p.conclude("part 0", [p.define(y, x - 1), x >= 1])
    with pytest.raises(ProofFailed, match="already has a meaning"):
        p.define(y, x + 1)
    with pytest.raises(ProofFailed, match="already has a meaning"):
        p.define(x, y + 1)


def test_a_hypothesis_is_discharged_once_and_for_all():
    p = Proof()
    goal = p.implies("s", [x >= 1], sp.Ge(x**2, x))
    fact = p.discharge("d", goal, x >= 1)
    p.implies("both cases", [fact, sp.Implies(x < 1, sp.Ge(x**2, x))], sp.Ge(x**2, x))
    assert p.steps[-1].rests_on == ("d",)


def test_a_hypothesis_on_every_coordinate_is_not_discharged():
    """∀i (xᵢ ≥ 1) ⇒ S ≥ T is not ∀i (xᵢ ≥ 1 ⇒ S ≥ T)."""
    p = Proof()
    p.implies("one", [x >= 1], sp.Ge(x**2, x))
    total = p.lift("sum", "one", sp.Ge(S, T), {S: x**2, T: x})
    with pytest.raises(ProofFailed, match="every coordinate"):
        p.discharge("d", total, x >= 1)


def test_a_coefficient_cannot_hide_a_coordinate_behind_a_definition():
    p = Proof()
    p.define(y, x + 1)
    p.implies("one", [], sp.Ge(abs(y) * x**2, 0, evaluate=False))
    with pytest.raises(ProofFailed, match="same in every coordinate"):
        p.lift("sum", "one", sp.Ge(abs(y) * S, 0), {S: x**2})


def test_induction_needs_the_start_and_the_step():
    start, n = reals("x₁ x⁺")
    p = Proof()
    bounded = sp.Le(x, 2)
    p.implies("step", [bounded, sp.Eq(n, x / 2 + HALF)], sp.Le(n, 2))
    with pytest.raises(ProofFailed, match="x₁ ≤ 2 was not established"):
        p.induction("always", bounded, {x: start}, {x: n})
    p.implies("start", [sp.Eq(start, 1)], sp.Le(start, 2))
    assert p.induction("always", bounded, {x: start}, {x: n}) == bounded
    p.implies("so", [bounded], sp.Le(x, 3))
    hypotheses = p._established["so"][2]
    assert hypotheses == {sp.Eq(start, 1), sp.Eq(n, x / 2 + HALF)}


def test_an_induction_that_presupposes_itself_is_refused():
    start, n = reals("x₁ x⁺")
    p = Proof()
    bounded = sp.Le(x, 2)
    p.implies("step", [bounded, sp.Eq(n, x / 2 + HALF)], sp.Le(n, 2))
    p.implies("start", [bounded, sp.Eq(start, x)], sp.Le(start, 2))
    with pytest.raises(ProofFailed, match="rests on the invariant"):
        p.induction("always", bounded, {x: start}, {x: n})


def test_a_vacuity_proof_has_its_own_target():
    def no_such_x(p):
        p.conclude("part 0", [p.implies("s", [x > 0], x >= 0)])

    formal = stated(sp.Not(x < 0), premises=(x > 0,))
    evidence = prove(replace(CLAIM, formal=formal, prove=None, prove_vacuous=no_such_x))
    assert evidence.complete, evidence.failure
    assert evidence.target == "vacuity"


def test_a_claim_without_a_proof_is_a_usage_error():
    with pytest.raises(UsageError, match="write `prove`"):
        prove(replace(CLAIM, prove=None))


def test_a_bug_in_a_proof_is_not_swallowed():
    def broken(p):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        prove(replace(CLAIM, prove=broken))


@pytest.mark.parametrize("module", modules(claims), ids=lambda module: module.__name__.rpartition(".")[2])
def test_no_claim_reaches_into_the_kernel(module):
    """A proof can only be forged through private names; no claim uses any."""
    tree = ast.parse(inspect.getsource(module))
    private = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr.startswith("_")}
    assert private == set()
