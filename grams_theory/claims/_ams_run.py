"""One step of a whole run of AMS(λ) with exact gradients: in symbols, and as read off a production run.

At step t, m and v are the moments m_{t−1} and v_{t−1}, q = β₁^{t−1} and p = β₂^{t−1}; a superscript ⁺ is step t + 1.
D = 1/(√v̂ + ε), so that Adam's u is Dm̂, and e = m̂ − g is how far the momentum lags behind the gradient.
"""

from typing import Any

from grams_theory.claims._small_step import gradient_bound
from grams_theory.core.algebra import stack
from grams_theory.core.definitions import ADAM, AMS, BOUNDED, MOMENT

OPTIMIZERS = ("Grams", "Adam", "CautiousAdam")

LONGEST = 1
"""The largest δ: η ≤ LONGEST · θε/L."""

LEGEND = {
    "F": "f(w_t) − f*",
    "Δ": "f(w₁) − f*",
    "g": "∇f(w_t)",
    "θ": "1 − β₁",
    "e": "m̂_t − g_t, zero at t = 1",
    "D": "1/(√v̂ + ε)",
    "k": "g_{t+1} − g_t",
    "q": "β₁^{t−1}",
    "p": "β₂^{t−1}",
    "m": "m_{t−1}, zero at t = 1",
    "v": "v_{t−1}, zero at t = 1",
}


def premises(ams: Any = AMS.build, adam: Any = ADAM.build, moment: Any = MOMENT.build):
    """The constants, the step size η = δθε/L, and the lines of the algorithm: in every coordinate, at every step.

    At g = 0 both conventions are meant: u moves the weight there, or nothing does.
    """
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    eta, eps, L, theta, beta2, delta, Delta, G = reals("η ε L θ β₂ δ Δ G")
    g, g_next, m, v, m_hat, m_next, v_hat, q, p = reals("g g⁺ m v m̂ m̂⁺ v̂ q p")
    lam, s, e, e_next, D = reals("λ s e e⁺ D")
    beta1 = 1 - theta
    once = moment(m, g, beta1)
    moved: Any = sp.Eq(s, ams(D * m_hat, g, lam))
    still: Any = (sp.Eq(g, 0), sp.Eq(s, 0))
    return {
        "constants": (theta > 0, theta <= 1, beta2 >= 0, beta2 < 1, eps > 0, L > 0),
        "step size": (sp.Eq(L * eta, delta * theta * eps), delta >= 0, delta <= LONGEST),
        "gradient bound": (G >= 0, sp.Eq(G**2, 2 * L * Delta)),
        "momentum": (sp.Eq(m_hat, once / (1 - beta1 * q)), sp.Eq(e, m_hat - g)),
        "next momentum": (
            sp.Eq(m_next, moment(once, g_next, beta1) / (1 - beta1**2 * q)),
            sp.Eq(e_next, m_next - g_next),
        ),
        "second moment": (sp.Eq(v_hat, moment(v, g**2, beta2) / (1 - beta2 * p)),),
        "preconditioner": (sp.Eq(D, adam(1, v_hat, eps)),),
        "step": (
            *(lam >= -1, lam <= 1),
            sp.Or(moved, sp.And(*still)),
        ),
    }


def all_premises():
    return tuple(premise for group in premises().values() for premise in group)


def gradient_below_gap(p, where, gradient, gap, L):
    """‖∇f(w)‖² ≤ 2L(f(w) − f*), as f(w − ∇f(w)/L) ≥ f*."""
    import sympy as sp

    from grams_theory.claims.descent_lemma import CLAIM as DESCENT_LEMMA
    from grams_theory.symbolic.gram import norm2
    from grams_theory.symbolic.proof import reals

    low, change = sp.Symbol(f"{gap.name}′", real=True), reals("Δ")[0]
    bounded = p.assume(BOUNDED, f"at {where} − ∇f/L", low)
    lemma = p.cite(
        DESCENT_LEMMA, f"from {where} along −∇f/L", {change: low - gap}, {"g": gradient, "d": -gradient / L}
    )
    return p.implies(
        f"the gap bounds the gradient at {where}", [bounded, lemma, L > 0], norm2(gradient) <= 2 * L * gap
    )


def averages(values, beta):
    """Bias-corrected moving averages of the rows of `values`, (T, B, D) -> (T, B, D): weights β^{t−s}, normalised."""
    total, weight, rows = 0, 0, []
    for t in range(values.shape[0]):
        total, weight = beta * total + values[t], beta * weight + 1
        rows.append(total / weight)
    return stack(rows)


def reading(r, name):
    """Steps t = 1 .. T of one optimizer's run: values of shape (T, B), vectors of shape (T, B, D)."""
    gap, g = r.gap(name), r.grad(name)
    e = averages(g, r.betas[0]) - g
    D = 1 / (averages(g * g, r.betas[1]).sqrt() + r.eps)
    return {
        "F": gap[:-1],
        "F⁺": gap[1:],
        "Δ": r.initial_gap,
        "g": g[:-1],
        "Dg": (D * g)[:-1],
        "e": e[:-1],
        "e⁺": e[1:],
        "G": gradient_bound(r),
        "L": r.smoothness,
        "η": r.eta,
        "ε": r.eps,
        "δ": r.smoothness * r.eta / ((1 - r.betas[0]) * r.eps),
    }
