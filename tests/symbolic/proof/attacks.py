"""Proofs of false statements: each tries to mislead the kernel in a way of its own.

An attack is why it is refused, the false statement (its conclusion and premises), what it assumes, and its proof.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from grams_theory.core.claim import Claim, Formal
from grams_theory.core.definitions import BOUNDED, PL, SEPARABLE, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.gram import Space, dot, norm2
from grams_theory.symbolic.proof import reals

x, y, z, S, T, U, n, n_next = reals("x y z S T U n n⁺")
positive = sp.Symbol("y", positive=True)
a, b, c, e = Space("a b c e").vectors()


@dataclass(frozen=True)
class Attack:
    """A proof of what is false."""

    because: str
    """Why the kernel refuses it."""
    statement: Any
    """The conclusion: false for some values that satisfy the premises, or saying nothing."""
    prove: Callable[[Any], None]
    premises: tuple[Any, ...] = ()
    assumptions: tuple[Any, ...] = ()

    def claim(self, name: str) -> Claim:
        return Claim(
            id=name,
            title="",
            source="",
            statement="",
            latex="",
            recorded=Verdict.PROVED,
            assumptions=self.assumptions,
            formal=lambda: Formal({"part": self.statement}, self.premises),
            prove=self.prove,
        )


ATTACKS: dict[str, Attack] = {}


def attack(because: str, statement: Any, premises: tuple[Any, ...] = (), assumptions: tuple[Any, ...] = ()):
    """Register the decorated proof, under the words of its name."""

    def register(prove: Callable[[Any], None]) -> Callable[[Any], None]:
        ATTACKS[prove.__name__.replace("_", " ")] = Attack(because, statement, prove, premises, assumptions)
        return prove

    return register


# symbols


@attack("two symbols are called y; make each symbol once", sp.Ge(z, 0), premises=(sp.Gt(y, 0),))
def a_positive_symbol_is_replaced_and_its_sign_stays_behind(p):
    fact = p.implies("s", [], sp.Ge(positive + z**2, 0, evaluate=False))
    p.conclude("part", [p.instance("i", fact, {positive: z - z**2})])


@attack("two symbols are called y; make each symbol once", sp.Ge(x, 1), premises=(sp.Gt(y, 0),))
def a_definition_contradicts_the_sign_of_its_symbol(p):
    p.implies("no y", [p.define(positive, sp.Integer(-1))], sp.false)
    p.conclude("part", [sp.false])


@attack("z has a fixed meaning in this proof", sp.Ge(x, 1))
def what_a_defined_symbol_stands_for_is_replaced(p):
    defined = p.define(y, z)
    zero, one = (p.instance(f"z = {k}", defined, {z: sp.Integer(k)}) for k in (0, 1))
    p.identity("s", x, 1, given=[zero, one])
    p.conclude("part", [sp.Eq(x, 1, evaluate=False)])


@attack("z has a fixed meaning in this proof", sp.Ge(x, 1))
def a_defined_quotient_is_taken_where_its_denominator_is_0(p):
    p.instance("i", p.define(y, 1 / z), {z: sp.Integer(0)})
    p.conclude("part", [sp.false])


# division by 0, and roots of negative numbers


@attack("neither premise nor established: y ≠ 0", sp.Ne(y, 0))
def a_quotient_cancels_in_an_instance(p):
    fact = p.implies("s", [], sp.Ge(x**2 + z**2, 2 * x * z))
    inverse = p.define(S, y**-2)
    two, more = (p.instance(f"i{k}", fact, {x: 1 / y, z: k * y}) for k in (1, S))
    p.conclude("part", [two, more, inverse])


@attack(
    "neither premise nor established: y ≠ 0",
    sp.Implies(sp.And(sp.Eq(norm2(a), 1), sp.Eq(dot(a, b), 1), sp.Eq(norm2(b), 1)), sp.Ne(y, 0)),
)
def a_quotient_cancels_in_a_square(p):
    inverse = p.define(S, y**-2)
    squares = [p.square(f"s{k}", a / y + k * y * b) for k in (-1, S, -S)]
    p.conclude("part", [*squares, inverse])


@attack(
    "neither premise nor established: y ≠ 0",
    sp.Implies(sp.And(sp.Eq(norm2(a), 1), sp.Eq(dot(a, b), 1), sp.Eq(norm2(b), 1)), sp.Ne(y, 0)),
)
def a_quotient_cancels_in_an_instance_of_vectors(p):
    inverse = p.define(S, y**-2)
    fact = p.square("s", a + b)
    squares = [p.instance(f"i{k}", fact, {}, {"a": a / y, "b": k * y * b}) for k in range(-1, 0)]
    squares += [p.instance(f"i{k}", fact, {}, {"a": a / y, "b": k * y * b}) for k in (S, -S)]
    p.conclude("part", [*squares, inverse])


@attack("neither premise nor established: x ≥ 0", sp.Ge(x * norm2(a), 0))
def a_square_has_the_root_of_a_negative_number_for_a_coefficient(p):
    p.square("s", sp.sqrt(x) * a)
    p.conclude("part")


@attack("a coefficient of a vector of R^d must be real: I", sp.Le(norm2(a), 0))
def a_square_has_an_imaginary_coefficient(p):
    p.conclude("part", [p.square("s", sp.I * a)])


@attack("the two sides differ by x - y²", sp.Ge(x, 0))
def the_root_of_a_negative_number_is_squared(p):
    root = p.define(y, sp.sqrt(x))
    square = p.identity("s", x, y**2, given=[root])
    p.conclude("part", [square])


@attack("neither premise nor established: x ≥ 0", sp.Ge(x, 0))
def the_root_of_a_negative_number_is_squared_in_an_instance(p):
    fact = p.implies("s", [], sp.Ge(y**2, 0, evaluate=False))
    p.instance("i", fact, {y: sp.sqrt(x)})
    p.conclude("part")


@attack("neither premise nor established: x ≠ 0", sp.Ne(x, 0))
def a_denominator_of_a_relation_is_0(p):
    inverse = p.define(z, 1 / x)
    p.conclude("part", [p.identity("s", z * x, 1, given=[inverse])])


@attack("neither premise nor established: x ≥ 0", sp.Ge(x, 0))
def the_root_of_a_negative_number_is_expanded(p):
    p.conclude("part", [p.identity("s", sp.sqrt(x) * (sp.sqrt(x) + 1), x + sp.sqrt(x))])


@attack("the two sides differ by nan", sp.Eq(x, 0))
def a_number_that_is_0_is_divided_by(p):
    hidden = (sp.sqrt(2) + sp.sqrt(3)) ** 2 - 5 - 2 * sp.sqrt(6)
    p.conclude("part", [p.identity("s", 1 / hidden + x, (1 + x * hidden) / hidden)])


@attack("neither premise nor established: y ≠ 0", sp.Implies(sp.Eq(y, 0), sp.Eq(T, 0)))
def a_coefficient_of_a_sum_is_one_over_0(p):
    p.shared(y)
    p.implies("nothing", [sp.Eq(y, 0)], sp.Eq(x * y, 0))
    nothing = p.discharge("S = 0", p.lift("sum", "nothing", sp.Eq(S, 0), {S: x * y}), sp.Eq(y, 0))
    p.identity("0 = 0", sp.Integer(0), 0)
    quotient = p.lift("S/y = T", "0 = 0", sp.Eq(S / y - T, 0), {S: x * y, T: x})
    p.conclude("part", [nothing, quotient])


def cancelled(p):
    p.define(z, 1 / y)
    p.implies("s", [], sp.Ge(n**2 * y**2 + z**2, 2 * n * y * z))
    p.conclude("part")


@attack("neither premise nor established: y ≠ 0", sp.Ne(y, 0))
def an_abbreviation_is_unfolded_by_a_citation(p):
    cited = Attack("", sp.Ge(n**2 * y**2 + z**2, 2 * n * y * z), cancelled).claim("cited")
    inverse = p.define(S, y**-2)
    p.conclude("part", [inverse, *(p.cite(cited, str(k), {n: k}) for k in (sp.Integer(1), S))])


@attack("the implication is false", sp.Ge(1 / y, 0))
def one_over_0_is_taken_for_0(p):
    p.conclude("part", [sp.Eq(y, 0)])


# vectors and their coordinates


@attack("⟨a,a⟩ is an inner product", sp.Le(T, 0))
def an_inner_product_is_taken_for_another_sum(p):
    p.identity("0 = 0", sp.Integer(0), 0)
    opposite = p.lift("sum", "0 = 0", sp.Eq(norm2(a) + T, 0), {norm2(a): -(x**2), T: x**2})
    p.conclude("part", [opposite, p.square("s", a)])


@attack("⟨a,e⟩ is of fixed vectors in this proof", sp.Eq(norm2(e), 4))
def a_basis_vector_is_replaced(p):
    p.coordinates(a=x)
    unit = p.basis(e, {"a": x})
    p.conclude("part", [p.instance("i", unit, {}, {"a": a, "e": e / 2})])


@attack("5 is not the coordinate of a", sp.Ge(norm2(a), 25))
def a_basis_vector_has_any_component(p):
    fact = p.basis(e, {"a": sp.Integer(5)})
    p.conclude("part", [fact, p.square("s", a - 5 * e)])


@attack("the vector is one of a basis", sp.Ge(x, 0))
def a_basis_vector_gets_coordinates_of_its_own(p):
    p.coordinates(a=x)
    fact = p.basis(e, {"a": x})
    p.coordinates(e=x)
    p.implies("one", [], sp.Ge(x**2, 0, evaluate=False))
    total = p.lift("sum", "one", sp.Ge(dot(a, e), 0))
    p.conclude("part", [fact, total])


@attack("⟨a,e⟩ would have to be the same in every coordinate", sp.Ge(x * S, 0))
def a_component_is_taken_for_the_same_in_every_coordinate(p):
    p.coordinates(a=x)
    fact = p.basis(e, {"a": x})
    p.implies("one", [fact], sp.Ge(dot(a, e) * x, 0))
    total = p.lift("sum", "one", sp.Ge(dot(a, e) * S, 0), {S: x})
    p.conclude("part", [fact, total])


@attack("x has a fixed meaning in this proof", sp.Ge(norm2(a), 25))
def a_component_is_replaced(p):
    p.coordinates(a=x)
    fact = p.basis(e, {"a": x})
    five = p.instance("x = 5", fact, {x: sp.Integer(5)})
    p.conclude("part", [five, p.square("s", a - 5 * e)])


@attack("y would have to be the same in every coordinate", sp.Ge(x * S, 0), assumptions=(SEPARABLE,))
def an_assumption_makes_a_coordinate_the_same_in_all(p):
    same = p.assume(SEPARABLE, "at wᵢ", y, x)
    p.implies("one", [same], sp.Ge(x * y, 0))
    total = p.lift("sum", "one", sp.Ge(y * S, 0), {S: x})
    p.conclude("part", [same, total])


@attack("the lifted relation must be linear in the sums", sp.Ge(x, 1))
def a_sum_over_no_coordinates_is_bounded_by_a_constant(p):
    p.implies("one", [], sp.Ge(y**2 + 1, 1, evaluate=False))
    p.lift("sum", "one", sp.Ge(S, 1), {S: y**2 + 1})
    p.conclude("part", [sp.Ge(S, 1)])


@attack("the lifted relation must be linear in the sums", sp.Ge(S, T**2))
def an_inequality_of_squares_is_lifted_to_squares_of_sums(p):
    p.implies("one", [], sp.Ge(x**2, x**2, evaluate=False))
    p.lift("sum", "one", sp.Ge(S, T**2), {S: x**2, T: x})
    p.conclude("part")


@attack(
    "y ≥ 0 speaks of every coordinate or step",
    sp.Implies(sp.Ge(y, 0), sp.Ge(S, 0)),
    premises=(sp.Eq(x, y**3),),
)
def a_hypothesis_on_every_coordinate_is_discharged(p):
    p.implies("one", [sp.Eq(x, y**3), y >= 0], x >= 0)
    p.lift("sum", "one", sp.Ge(S, 0), {S: x})
    p.conclude("part")


@attack(
    "z ≥ 0 speaks of every coordinate or step",
    sp.Implies(sp.Ge(z, 0), sp.Ge(S, 0)),
    premises=(sp.Eq(x, z**3),),
)
def a_hypothesis_on_every_coordinate_is_discharged_in_other_symbols(p):
    p.implies("one", [sp.Eq(x, y**3), y >= 0], x >= 0)
    total = p.lift("sum", "one", sp.Ge(S, 0), {S: x})
    p.instance("i", total, {y: z})
    p.conclude("part")


def lifted(p):
    p.implies("one", [sp.Eq(x, y**3), y >= 0], x >= 0)
    p.lift("sum", "one", sp.Ge(S, 0), {S: x})
    p.conclude("part")


@attack(
    "y ≥ 0 speaks of every coordinate or step",
    sp.Implies(sp.Ge(y, 0), sp.Ge(S, 0)),
    premises=(sp.Eq(x, y**3),),
)
def a_premise_on_every_coordinate_is_discharged_by_who_cites_it(p):
    cited = Attack("", sp.Ge(S, 0), lifted, (sp.Eq(x, y**3), y >= 0)).claim("cited")
    p.cite(cited)
    p.implies("so", [], sp.Ge(n**2, 0, evaluate=False))
    p.conclude("part")


@attack(
    "y ≥ 0 speaks of every coordinate or step",
    sp.Implies(sp.Ge(y, 0), sp.Le(x, dot(a, b))),
    premises=(sp.Eq(x, y**3),),
)
def a_hypothesis_on_every_summand_is_discharged(p):
    p.coordinates(a=x, b=sp.Integer(1))
    p.implies("one", [sp.Eq(x, y**3), y >= 0], sp.Ge(x, 0))
    p.summand("each", "one", dot(a, b))
    p.conclude("part")


@attack("y would have to be the same in every coordinate", sp.Ge(y * S, 0), premises=(sp.Eq(y, x),))
def a_premise_makes_a_coordinate_the_same_in_all(p):
    p.implies("one", [sp.Eq(y, x)], sp.Ge(x * y, 0))
    p.lift("sum", "one", sp.Ge(y * S, 0), {S: x})
    p.conclude("part")


# steps


RULE = (sp.Eq(n_next, n - x), sp.Eq(z, 0))


def descend(p):
    p.implies("step", [n <= 0, RULE[0], x >= 0], n_next <= 0)
    p.implies("start", [RULE[1]], z <= 0)
    return p.induction("always", sp.Le(n, 0), {n: z}, {n: n_next})


@attack("x ≥ 0 speaks of every coordinate or step", sp.Implies(sp.Ge(x, 0), sp.Le(n, 0)), premises=RULE)
def a_hypothesis_on_every_step_is_discharged(p):
    descend(p)
    p.conclude("part")


@attack("n ≤ 0 was not established", sp.Le(n, 0), premises=(RULE[0], x >= 0))
def an_induction_has_no_start(p):
    p.implies("step", [n <= 0, RULE[0], x >= 0], n_next <= 0)
    p.induction("always", sp.Le(n, 0), {n: n}, {n: n_next})
    p.conclude("part")


@attack("n ≤ 0 was not established", sp.Le(n, 0), premises=(sp.Eq(z, 0),))
def an_induction_never_moves(p):
    p.implies("step", [n <= 0, x >= 0], sp.Le(n - x, 0))
    p.implies("start", [sp.Eq(z, 0)], z <= 0)
    p.induction("always", sp.Le(n, 0), {n: z}, {})
    p.conclude("part")


@attack("n runs otherwise here, or is a constant", sp.And(sp.Eq(n, 0), sp.Ge(x**2 + n, 0)))
def a_symbol_runs_in_two_ways(p):
    one = sp.Integer(1)
    p.implies("up", [n >= 0], n + one >= 0)
    p.implies("down", [n <= 0], n - one <= 0)
    p.induction("always ≥ 0", sp.Ge(n, 0), {n: sp.Integer(0)}, {n: n + 1})
    p.induction("always ≤ 0", sp.Le(n, 0), {n: sp.Integer(0)}, {n: n - 1})
    p.conclude("part", [n >= 0, n <= 0])


@attack(
    "y ≥ 0 speaks of every coordinate or step",
    sp.Implies(sp.Ge(y, 0), sp.Le(n, 0)),
    premises=(sp.Eq(n_next, n - y), sp.Eq(z, 0)),
)
def a_hypothesis_on_every_step_is_discharged_in_other_symbols(p):
    p.instance("i", descend(p), {x: y})
    p.conclude("part")


# hypotheses


@attack("SymPy evaluated it to true while it was built", sp.Ge(x**2, 0))
def a_part_says_nothing(p):
    p.implies("s", [x >= 2], x >= 1)
    p.conclude("part")


@attack("no point satisfies the premises", sp.Ge(x**2 + y, 0), premises=(sp.Gt(y, 0), sp.Lt(y, 0)))
def the_premises_are_never_met(p):
    p.conclude("part", [y > 0])


@attack("no point satisfies the relations", sp.Ge(x, 1), premises=(sp.Eq(y, 0), sp.Eq(y, 1)))
def the_premises_generate_every_polynomial(p):
    same = p.identity("s", x, 2, given=[sp.Eq(y, 0), sp.Eq(y, 1)])
    p.conclude("part", [same])


@attack("its condition y < 0 ∧ x² < y is never met", sp.Implies(sp.And(x**2 < y, y < 0), sp.Ge(T, 1)))
def a_condition_is_never_met(p):
    p.conclude("part", [])


@attack(
    "its condition y < 0 ∧ x² < y is never met", sp.Implies(sp.And(x**2 < y, y < 0), sp.Gt(T**2 - T + 1, 0))
)
def a_condition_is_never_met_and_never_used(p):
    p.implies("s", [], sp.Gt(T**2 - T + 1, 0))
    p.conclude("part")


@attack(
    "no point satisfies the relations",
    sp.Implies(sp.And(sp.Eq(y, 0), sp.Eq(z, y + 1), sp.Eq(z, 0)), sp.Eq(x, 2)),
)
def the_relations_of_an_identity_contradict_each_other(p):
    p.identity("s", x, 2, given=[sp.Eq(y, 0), sp.Eq(z, y + 1), sp.Eq(z, 0)])
    p.conclude("part")


@attack("neither premise nor established: x ≥ 2", sp.Ge(x, 1))
def a_hypothesis_is_smuggled_in(p):
    p.conclude("part", [x >= 2])


@attack("neither premise nor established: x ≥ 2", sp.Ge(x, 1))
def a_hypothesis_is_forgotten_by_a_discharge(p):
    p.implies("s", [x >= 2], x >= 1)
    p.discharge("d", sp.Ge(x, 1), y >= 0)
    p.conclude("part", [sp.Implies(y >= 0, x >= 1), y >= 0])


@attack("neither premise nor established: x ≥ 1 ⇒ x ≥ 2; x ≥ 2", sp.Ge(x, 1))
def an_implication_is_used_backwards(p):
    p.implies("s", [], sp.Implies(x >= 2, x >= 1))
    p.conclude("part", [sp.Implies(x >= 1, x >= 2), x >= 2])


# assumptions


@attack("it says what is never true", sp.Ge(x, 1), assumptions=(SMOOTH,))
def an_assumption_is_made_of_numbers(p):
    p.assume(SMOOTH, "nowhere", sp.Integer(1), sp.Integer(0))
    p.conclude("part", [sp.false])


@attack(
    "⟨a,a⟩ is of fixed vectors in this proof",
    sp.Le(norm2(a), sp.Symbol("L", real=True) ** 2 * norm2(b) / 100),
    assumptions=(SMOOTH,),
)
def the_vectors_of_an_assumption_are_replaced(p):
    fact = p.assume(SMOOTH, "from x to y", norm2(a), norm2(b))
    p.conclude("part", [p.instance("i", fact, {}, {"a": 10 * a, "b": b})])


@attack("y has a fixed meaning in this proof", sp.Le(x, 0), assumptions=(PL,))
def the_number_of_an_assumption_is_replaced(p):
    gap = p.assume(BOUNDED, "at w", y)
    p.assume(PL, "at w", S, y)
    p.conclude("part", [p.instance("i", gap, {y: -x}), S >= 0])


@attack("it says what is never true", sp.Ge(x, 1))
def an_axiom_is_false(p):
    p.axiom("nonsense", "0 = 1", "nobody", sp.Eq(sp.Integer(0), 1))
    p.implies("s", [x >= 2], x >= 1)
    p.conclude("part", [sp.false])


@attack("y has a fixed meaning in this proof", sp.Eq(x, 5))
def the_number_of_an_axiom_is_replaced(p):
    fact = p.axiom("the integral", "y is the integral", "W. Rudin", sp.Eq(y, z))
    p.implies("s", [x >= 2], x >= 1)
    p.conclude("part", [p.instance("i", fact, {y: x, z: sp.Integer(5)})])


# checks


@attack("SymPy evaluated it to true while it was built", sp.Ge(x * y + sp.Float("1e-20"), x * y))
def a_statement_has_a_float(p):
    p.conclude("part", [])


@attack("the implication is false", sp.Ge(x**2, sp.Rational(1, 10**40)))
def a_solver_rounds(p):
    p.conclude("part", [x > 0])


@attack("symbol x must be real and no more", sp.Ne(x**2, 2))
def a_real_number_is_taken_for_a_rational_one(p):
    rational = sp.Symbol("x", rational=True)
    p.implies("s", [], sp.Or(sp.Ne(rational**2, 2), sp.Gt(rational, 2)))
    p.conclude("part", [])


@attack("symbol k must be real and no more", sp.Ge(x**2, x))
def a_real_number_is_taken_for_an_integer(p):
    integer = sp.Symbol("k", integer=True)
    p.identity("s", integer**2 - integer, integer * (integer - 1))
    p.conclude("part", [])


@attack("neither premise nor established: x ≥ 1", sp.Ge(x**3 - x, 0))
def a_polynomial_is_sampled_where_it_is_positive(p):
    p.nonnegative_polynomial("s", x**3 - x, x, (1, sp.oo))
    p.conclude("part", [sp.Ge(x**3 - x, 0)])


@attack("neither premise nor established: a contradiction", sp.Ge(x**2 - y**2, 0))
def a_sum_of_squares_has_a_negative_multiplier(p):
    column, one = sp.Matrix([x]), sp.Matrix([[1]])
    p.sum_of_squares("s", x**2 - y**2, [(1, one, column), (-1, one, sp.Matrix([y]))])
    p.conclude("part")


@attack("an entry of z beside Q0 must be a polynomial with real coefficients, not I·x", sp.Ge(-(x**2), 0))
def a_sum_of_squares_has_an_imaginary_monomial(p):
    p.sum_of_squares("s", -(x**2), [(1, sp.Matrix([[1]]), sp.Matrix([sp.I * x]))])
    p.conclude("part")


@attack("an entry of z beside Q0 must be a polynomial with real coefficients, not √(x)", sp.Ge(x, 0))
def a_sum_of_squares_has_the_root_of_a_negative_number(p):
    p.sum_of_squares("s", x, [(1, sp.Matrix([[1]]), sp.Matrix([sp.sqrt(x)]))])
    p.conclude("part")


@attack("coefficients must be rational numbers, not ZZ[y]", sp.Ge(x, y))
def a_nonpolynomial_is_taken_for_one_variable(p):
    p.nonnegative_polynomial("s", (x - y) ** 2 + x - y, x)
    p.conclude("part")


@attack("Can't calculate derivative wrt 3.", sp.Ge(x, 1))
def a_derivative_is_taken_for_a_number(p):
    fact = p.calculus("s", x**2, x, 2 * x)
    p.conclude("part", [p.instance("i", fact, {x: sp.Integer(3)})])
