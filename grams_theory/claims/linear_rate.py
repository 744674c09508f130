"""Linear convergence of every optimizer between Adam and Grams under the PL condition.

    f(w_{T+1}) − f* ≤ (1 − ρ)^T (f(w₁) − f*),   ρ = ημ/(4(G + ε)),   G = √(2L(f(w₁) − f*)),

for exact gradients and η ≤ (1 − β₁) ε^{3/2}/(4L√(G + ε)). In particular f(w_T) − f* ≤ (4(G + ε)/(μηT))(f(w₁) − f*),
the conclusion of Theorem 4.15. Needs the common Lyapunov function V_t ≥ f(w_t) − f* of the family.
"""

from grams_theory.claims._small_step import (
    CONDITION,
    CONDITION_LATEX,
    DIVISOR,
    gradient_bound,
    largest_step_size,
)
from grams_theory.core.claim import PL, SMOOTH, Claim, Run
from grams_theory.core.verdict import Verdict

OPTIMIZERS = ("Grams", "Adam", "CautiousAdam")
CONTRACTION = 4
"""ρ = ημ/(CONTRACTION (G + ε))."""


def slack(r, name):
    """The smallest (1 − ρ)^t (f(w₁) − f*) − (f(w_{t+1}) − f*) over t = 1 .. T, shape (B,)."""
    gap = r.gap(name)
    rho = r.pl * r.eta / ((gradient_bound(r) + r.eps) * CONTRACTION)
    bound, worst = r.initial_gap, None
    for t in range(1, r.steps + 1):
        bound = bound * (1 - rho)
        worst = bound - gap[t] if worst is None else worst.minimum(bound - gap[t])
    return worst


def margin(r):
    return {name: slack(r, name) for name in OPTIMIZERS}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    V, V_next, F, g2, E, c, Delta = reals("V V⁺ F ‖g‖² ‖e‖² c Δ")
    eta, theta, eps, L, mu, K, rho = reals("η θ ε L μ K ρ")
    lyapunov = p.cite(
        "ams-lyapunov",
        "V_{t+1} ≤ V_t − (η/(8K))‖g_t‖² − (η/(8ε))‖e_t‖², V_t = F + c‖e_t‖², F = f(w_t) − f*, K = G + ε",
        V_next <= V - eta * g2 / (8 * K) - eta * E / (8 * eps),
        r"V_{t+1}\le V_t-\tfrac\eta{8K}\lVert g_t\rVert^2-\tfrac\eta{8\varepsilon}\lVert e_t\rVert^2",
    )
    smooth = p.cite(
        "descent-lemma: at w − ∇f(w)/L",
        "f* ≤ f(w − ∇f(w)/L) ≤ f(w) − ‖∇f(w)‖²/(2L); F = f(w) − f*",
        sp.Le(0, F - g2 / L + L / 2 * (g2 / L**2)),
        r"f^\star\le f(w-\tfrac1L\nabla f(w))\le f(w)-\tfrac1{2L}\lVert\nabla f(w)\rVert^2",
    )
    polyak = g2 >= 2 * mu * F
    p.implies("μ ≤ L, unless f is constant (F > 0 at some w)", [smooth, polyak, F > 0, L > 0], mu <= L)

    signs = [eta > 0, theta > 0, theta <= 1, eps > 0, L > 0, mu > 0, sp.Ge(K, eps)]
    rate = sp.Eq(rho * CONTRACTION * K, eta * mu)
    small = DIVISOR * L * eta * sp.sqrt(K) <= theta * eps * sp.sqrt(eps)
    squared = p.implies(
        "the condition on η, squared", [*signs, small], DIVISOR**2 * K * L**2 * eta**2 <= theta**2 * eps**3
    )
    short = p.implies(
        "the condition on η implies 4Lη ≤ θε", [*signs, squared], DIVISOR * L * eta <= theta * eps
    )
    slow = p.implies(
        "the gap contracts no faster than the error: ρ ≤ θ/8",
        [*signs, short, mu <= L, rate],
        8 * rho <= theta,
    )
    contraction = p.implies(
        "contraction of V",
        [
            lyapunov,
            polyak,
            *signs,
            rate,
            slow,
            sp.Eq(V, F + c * E),
            sp.Eq(c * eps * theta, eta),
            F >= 0,
            E >= 0,
        ],
        V_next <= (1 - rho) * V,
        timeout=60,
    )
    power = reals("q")[0]
    p.implies(
        "the rate is inherited (q = (1 − ρ)^{t−1})",
        [contraction, sp.Le(V, power * Delta), rho > 0, rho < 1],
        V_next <= power * (1 - rho) * Delta,
    )
    p.implies("Δ = 0: nothing moves", [V_next <= V, sp.Le(V, 0)], V_next <= 0)
    p.axiom(
        "induction",
        "V_1 = Δ; V_t ≤ (1 − ρ)^{t−1} Δ is inherited by t + 1; so it holds for every t. "
        "(1 − ρ)^{T−1}(1 + (T − 1)ρ) ≤ 1 holds at T = 1 and is inherited",
        "principle of mathematical induction (Peano)",
    )
    p.implies(
        "rate of the gap",
        [sp.Eq(V, F + c * E), c >= 0, E >= 0, sp.Le(V, power * Delta)],
        sp.Le(F, power * Delta),
    )

    T = reals("T")[0]
    bernoulli = power * (1 + (T - 1) * rho) <= 1
    p.implies(
        "Bernoulli's inequality is inherited (q = (1 − ρ)^{T−1})",
        [bernoulli, power >= 0, rho > 0, rho < 1, T >= 1],
        power * (1 - rho) * (1 + T * rho) <= 1,
    )
    sublinear = p.implies(
        "a linear rate is below 1/(ρT)",
        [bernoulli, power >= 0, rho > 0, rho < 1, T >= 1],
        power * rho * T <= 1,
    )
    p.implies(
        "conclusion of Theorem 4.15",
        [sp.Le(F, power * Delta), sublinear, rate, Delta >= 0, eta > 0, mu > 0, K > 0, T >= 1],
        sp.Le(F, CONTRACTION * K / (mu * eta * T) * Delta),
    )


CLAIM = Claim(
    id="linear-rate",
    title="Linear convergence of the family from Adam to Grams",
    source="this project; amends Theorem 4.15",
    statement=(
        f"f L-smooth and μ-PL, exact gradients, λ in [−1, 1], {CONDITION} ⇒ along AMS(λ) "
        "f(w_{T+1}) − f* ≤ (1 − ρ)^T (f(w₁) − f*) with ρ = ημ/(4(G + ε)), "
        "hence f(w_T) − f* ≤ (4(G + ε)/(μηT))(f(w₁) − f*)"
    ),
    latex=(
        CONDITION_LATEX + r"\ \Rightarrow\ f(w_{T+1})-f^\star\le"
        r"\Bigl(1-\frac{\eta\mu}{4(G+\varepsilon)}\Bigr)^T(f(w_1)-f^\star)"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH, PL),
    setting=Run(OPTIMIZERS, step_size=largest_step_size),
    margin=margin,
    prove=prove,
    uses=("ams-lyapunov", "descent-lemma"),
    amends="theorem-4.15",
    note="Grams, Adam and C-Adam share the bound: it does not tell them apart.",
    place=(4, 15, 1),
)
