"""PEPit, which computes worst cases of function classes by semidefinite programming, finds the two-point bounds too.

Runs where PEPit is installed (the extra `oracle`); it shares nothing with the proofs.
"""

import numpy as np
import pytest
import sympy as sp

from grams_theory.claims import by_id

pepit = pytest.importorskip("PEPit")
functions = pytest.importorskip("PEPit.functions")

CLASSES = {
    "two-point-comparison": functions.SmoothFunction,
    "two-point-comparison-convex": functions.SmoothConvexFunction,
}
L = 1.5
ACCURACY = 1e-6
"""Of numbers of order 1, from an interior-point solver that stops at residuals of 1e-8."""


def vectors(seed, sign):
    """g, x₁, x₂ in R³ with ⟨x₁, x₂⟩ of that sign."""
    g, x1, x2 = np.random.default_rng(seed).standard_normal((3, 3))
    return g, x1, x2 if sign * (x1 @ x2) >= 0 else -x2


def worst_case(function_class, g, x1, x2):
    """The largest f(w + x₂) − f(w + x₁) over the class, given all inner products of g = ∇f(w), x₁ and x₂."""
    problem = pepit.PEP()
    f = problem.declare_function(function_class, L=L)
    w, first, second = problem.set_initial_point(), pepit.Point(), pepit.Point()
    gradient, _ = f.oracle(w)
    known = {gradient: g, first: x1, second: x2}
    pairs = list(known.items())
    for place, (p, x) in enumerate(pairs):
        for q, y in pairs[: place + 1]:
            problem.add_constraint(p * q == float(x @ y))
    problem.set_performance_metric(f(w + second) - f(w + first))
    return problem.solve(verbose=0, wrapper="cvxpy", solver="CLARABEL")


def stated(claim_id, g, x1, x2):
    """The bound of the claim's formal statement at these vectors."""
    relation = by_id(claim_id).formal().conclusions["bound"]
    bound = (relation.args[1] if isinstance(relation, sp.Implies) else relation).rhs
    named = {"g": g, "x1": x1, "x2": x2}
    values = {f"⟨{a},{b}⟩": x @ y for a, x in named.items() for b, y in named.items()}
    return float(bound.subs({s: L if s.name == "L" else values[s.name] for s in bound.free_symbols}))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("claim_id", "sign"),
    [("two-point-comparison", 1), ("two-point-comparison", -1), ("two-point-comparison-convex", 1)],
)
def test_the_worst_case_is_the_bound(claim_id, sign, seed):
    case = vectors(seed, sign)
    bound = stated(claim_id, *case)
    assert worst_case(CLASSES[claim_id], *case) == pytest.approx(bound, rel=ACCURACY, abs=ACCURACY)
