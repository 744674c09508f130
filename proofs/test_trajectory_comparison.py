"""The step that would carry Adam's bound over to Grams.

    f L-smooth and μ-PL, exact gradients, equal w₁, η small   ⇒   f(w_t^Grams) ≤ f(w_t^Adam) for all t

Reconstructed: Theorem 4.15 is about Grams, Lemma 4.14 about Adam, and a comparison of single steps from a
common state joins them. False: after the first step that differs there is no common state any more, and Grams
can be above Adam by a little, in two dimensions, on a strictly convex quadratic, at the small step sizes of
Lemma 4.14.
"""

from decimal import Decimal, localcontext
from fractions import Fraction as Q

from proofs.by_hand import adam, decimal, exactly, grams, loss, run, within

DIGITS = 60
"""A run of T steps loses about log₁₀ T of them: far fewer than the gaps below leave."""


def premise(case):
    """0 < μ ≤ curvature ≤ L, and η ≤ θε/(2L)."""
    L, eta, eps, theta = case["smoothness"], case["eta"], case["eps"], 1 - case["betas"][0]
    return case["pl"] > 0 and within(case["H"], case["pl"], L) and eta > 0 and 2 * L * eta <= theta * eps


def largest_excess(case):
    """The largest f(w_t^Grams) − f(w_t^Adam) over t, to DIGITS digits."""
    case = exactly(case, decimal)
    H, steps = case["H"], int(case["steps"])
    adams, ours = (
        run(rule, H, case["start"], steps, case["eta"], case["betas"], case["eps"], Decimal.sqrt)
        for rule in (adam, grams)
    )
    return max(loss(H, z) - loss(H, y) for y, z in zip(adams, ours, strict=True))


def test_the_witness_holds_by_hand(refuted):
    case = exactly(refuted("trajectory-comparison").data)
    assert premise(case)
    with localcontext(prec=DIGITS):
        assert largest_excess(case) > Decimal(10) ** (10 - DIGITS)


def test_a_run_in_two_dimensions_refutes_it():
    """∇f(w₁) = (2, 1/50): its second coordinate turns negative, against Adam's memory of it."""
    case = {
        "H": [[Q(1, 2), Q(1, 4)], [Q(1, 4), Q(1)]],
        "smoothness": Q(9, 8),
        "pl": Q(1, 3),
        "start": [Q(114, 25), Q(-28, 25)],
        "eta": Q(1, 25),
        "betas": [Q(1, 2), Q(999, 1000)],
        "eps": Q(1),
        "steps": Q(200),
    }
    assert premise(case)
    with localcontext(prec=DIGITS):
        assert largest_excess(case) > Decimal("9e-7")
