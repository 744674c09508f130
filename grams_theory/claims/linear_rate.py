"""Linear convergence of every optimizer between Adam and Grams under the PL condition.

With θ = 1 − β₁, η = δθε/L, 0 < δ < 1, exact gradients, and G = √(2L(f(w₁) − f*)):

    f(w_{T+1}) − f* ≤ (1 − ρ)^T (f(w₁) − f*),   ρ = 2(1 − δ)ημ/(G + ε),

because V_t = f(w_t) − f* + ‖m̂_t − g_t‖²/(2L) contracts by 1 − ρ in each step. For δ ≤ 1/2, so ρ ≥ ημ/(G + ε), it
gives f(w_T) − f* ≤ ((G + ε)/(μηT))(f(w₁) − f*), four times below Theorem 4.15. The rate is within a factor 1 − δ of
the best possible one (linear-rate-limit), and the largest ρ of the bound is at δ = 1/2.
"""

from grams_theory.claims._ams_run import LEGEND, OPTIMIZERS, all_premises, gradient_below_gap, reading
from grams_theory.claims._small_step import longest_step_size
from grams_theory.claims.ams_lyapunov import CLAIM as AMS_LYAPUNOV
from grams_theory.core.algebra import stack
from grams_theory.core.claim import Claim, Formal, Run
from grams_theory.core.definitions import BOUNDED, PL, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read

CONTRACTION = 2
"""ρ = CONTRACTION (1 − δ)ημ/(G + ε)."""


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    F, F_next, ee, ee_next, L, rho = reals("F F⁺ ⟨e,e⟩ ⟨e⁺,e⁺⟩ L ρ")
    Delta, power, delta, eta, mu, G, eps, t = reals("Δ r δ η μ G ε t")
    return Formal(
        {
            "contraction": sp.Le(F_next + ee_next / (2 * L), (1 - rho) * (F + ee / (2 * L))),
            "rate": sp.Le(F_next, (1 - rho) * power * Delta),
            "sublinear": sp.Implies(2 * delta <= 1, sp.Le(F * mu * eta * t, (G + eps) * Delta)),
        },
        (*all_premises(), eta > 0, mu > 0),
        {**LEGEND, "r": "(1 − ρ)^{t−1}", "t": "the step: 1 at w₁"},
    )


def reads(r):
    def values(name):
        run = reading(r, name)
        rho = r.pl * r.eta * CONTRACTION * (1 - run["δ"]) / (run["G"] + r.eps)
        powers = [rho * 0 + 1]
        for _ in range(r.steps - 1):
            powers.append(powers[-1] * (1 - rho))
        times = [rho * 0 + t for t in range(1, r.steps + 1)]
        return {**run, "μ": r.pl, "ρ": rho, "r": stack(powers), "t": stack(times)}

    return {name: values(name) for name in OPTIMIZERS}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space
    from grams_theory.symbolic.proof import reals

    F, F_next, ee, ee_next, gg, gDg, L = reals("F F⁺ ⟨e,e⟩ ⟨e⁺,e⁺⟩ ⟨g,g⟩ ⟨g,Dg⟩ L")
    Delta, delta, eta, mu, G, eps, rho, K, c = reals("Δ δ η μ G ε ρ K c")
    (e,) = Space("e").vectors()
    p.constant(Delta)
    V, V_next = F + ee / (2 * L), F_next + ee_next / (2 * L)
    signs = [eta > 0, eps > 0, G >= 0, L > 0, mu > 0, delta >= 0, delta <= 1]

    units = [p.define(K, G + eps), p.define(c, (1 - delta) * eta)]
    rate = p.define(rho, CONTRACTION * (1 - delta) * eta * mu / (G + eps))
    scale = [
        p.implies("K ≥ ε, c ≥ 0", [*units, *signs], [sp.Ge(K, eps), c >= 0]),
        p.implies("ρ in units of c", [rate, *units, *signs], sp.Eq(rho * K, CONTRACTION * c * mu)),
    ]
    lyapunov = p.cite(AMS_LYAPUNOV, parts=["Lyapunov inequality", "steps long enough"])
    fall = p.implies("fall of V", [lyapunov, *units], V_next <= V - c * (gDg + ee / eps))
    long = p.implies("steps are long enough", [lyapunov, *units], gg <= K * gDg)
    gap, error = p.assume(BOUNDED, "at w", F), p.square("‖e‖² ≥ 0", e)
    polyak = p.assume(PL, "at w", gg, F)
    steps = p.implies("f falls by ρF", [polyak, long, *scale, *signs], rho * F <= c * gDg)

    smaller = conditioned(p, signs)
    fading = p.implies(
        "the error fades as fast",
        [smaller, Delta > 0, error, *scale, *signs],
        rho * ee / (2 * L) <= c * ee / eps,
    )
    moving = p.implies("contraction where Δ > 0", [fall, steps, fading], V_next <= V - rho * V)
    moving = p.discharge("contraction, Δ > 0", moving, Delta > 0)

    p.implies("V falls", [fall, steps, gap, error, *scale, *signs], V_next <= V)
    below = sp.Le(V, Delta)
    p.implies("V stays below Δ", [V_next <= V, below], V_next <= Delta)
    below = p.induction("V ≤ Δ", below, {F: Delta, ee: 0}, {F: F_next, ee: ee_next})
    still = p.implies(
        "contraction where Δ ≤ 0", [below, V_next <= V, gap, error, L > 0, Delta <= 0], V_next + rho * V <= V
    )
    still = p.discharge("contraction, Δ ≤ 0", still, Delta <= 0)
    contraction = p.conclude("contraction", [moving, still])
    powers(p, contraction, below, gap, error, smaller, scale, units, signs)


def conditioned(p, signs):
    """Δ > 0 ⇒ μ ≤ L."""
    from grams_theory.symbolic.gram import Space, norm2
    from grams_theory.symbolic.proof import reals

    L, mu, Delta = reals("L μ Δ")
    (g,) = Space("g₁").vectors()
    p.implies("L ≥ 0", [L > 0], L >= 0)
    steep = p.assume(PL, "at w₁", norm2(g), Delta)
    flat = gradient_below_gap(p, "w₁", g, Delta, L)
    p.implies("μ ≤ L", [steep, flat, Delta > 0], mu <= L)
    return p.discharge("μ ≤ L, unless f is at its minimum", mu <= L, Delta > 0)


def powers(p, contraction, below, gap, error, smaller, scale, units, signs):
    """V_t ≤ (1 − ρ)^{t−1} Δ, and (1 − ρ)^{t−1} ≤ 1/(ρt) by Bernoulli's inequality."""
    import sympy as sp

    from grams_theory.claims._ams_run import premises
    from grams_theory.symbolic.gram import Space
    from grams_theory.symbolic.proof import reals

    F, F_next, ee, ee_next, L, theta, eps = reals("F F⁺ ⟨e,e⟩ ⟨e⁺,e⁺⟩ L θ ε")
    Delta, r, t, rho, delta, mu, c = reals("Δ r t ρ δ μ c")
    V, rule = F + ee / (2 * L), premises()
    next_error = p.square("‖e⁺‖² ≥ 0", Space("e⁺").vectors()[0])
    size = p.identity(
        "c in units of ε/L", c * L, (1 - delta) * delta * theta * eps, given=[units[1], rule["step size"][0]]
    )
    small = p.implies("2cL ≤ ε", [size, *rule["constants"], *rule["step size"][1:]], 2 * c * L <= eps)
    p.implies("cμ ≤ cL", [*scale, smaller, Delta > 0], c * mu <= c * L)
    rate = p.implies("ρ ≤ 1", [small, c * mu <= c * L, *scale, *signs], [rho >= 0, rho <= 1])
    after = {F: F_next, ee: ee_next, r: (1 - rho) * r, t: t + 1}
    p.implies("t + 1 ≥ 1", [t >= 1], t + 1 >= 1)
    p.induction("t ≥ 1", t >= 1, {t: 1}, {t: t + 1})
    shrunk, power, bernoulli = sp.Le(V, r * Delta), r >= 0, r * (1 + (t - 1) * rho) <= 1
    p.implies("V shrinks by 1 − ρ", [shrunk, contraction, rate], shrunk.xreplace(after))
    p.implies("a power stays ≥ 0", [power, rate], power.xreplace(after))
    p.implies("Bernoulli's inequality", [power, bernoulli, rate, t >= 1], bernoulli.xreplace(after))
    invariant = p.induction("powers", [shrunk, power, bernoulli], {F: Delta, ee: 0, r: 1, t: 1}, after)

    moving = p.implies(
        "the next gap where Δ > 0",
        [invariant, contraction, rate, next_error, L > 0],
        F_next <= r * (1 - rho) * Delta,
    )
    slow = p.implies("rρt ≤ 1", [power, bernoulli, rate], r * rho * t <= 1)
    fast = p.implies(
        "the gap in t", [shrunk, error, L > 0, slow, rate, t >= 1, Delta > 0], F * rho * t <= Delta
    )
    moving = p.discharge("under its power where Δ > 0", moving, Delta > 0)
    fast = p.discharge("below 1/(ρt) where Δ > 0", fast, Delta > 0)

    start = p.implies("Δ ≥ 0", [*rule["gradient bound"], L > 0], Delta >= 0)
    nothing = [sp.Eq(F, 0), F_next <= 0, sp.Eq(Delta, 0)]
    p.implies(
        "at a minimum from the start",
        [below, contraction, gap, error, next_error, start, L > 0, Delta <= 0],
        nothing,
    )
    nothing = p.discharge("no gap", sp.And(*nothing), Delta <= 0)
    p.conclude("rate", [moving, nothing])
    sublinear = p.implies("below 1/(ρt)", [fast, nothing], F * rho * t - Delta <= 0)
    p.conclude("sublinear", [sublinear, gap, *scale, *units, *signs, t >= 1])


CLAIM = Claim(
    id="linear-rate",
    title="Linear convergence of the family from Adam to Grams",
    source="Ours: amends Theorem 4.15",
    statement=(
        "f L-smooth and μ-PL, exact gradients, λ in [−1, 1], η = δ(1 − β₁)ε/L, 0 < δ ≤ 1, G = √(2L(f(w₁) − f*)) ⇒ "
        "along AMS(λ) f(w_{T+1}) − f* ≤ (1 − ρ)^T (f(w₁) − f*) with ρ = 2(1 − δ)ημ/(G + ε), "
        "hence for δ ≤ 1/2 f(w_T) − f* ≤ ((G + ε)/(μηT))(f(w₁) − f*)"
    ),
    latex=(
        r"\eta=\delta\,\frac{(1-\beta_1)\varepsilon}L\ \Rightarrow\ f(w_{T+1})-f^\star\le"
        r"\Bigl(1-\frac{2(1-\delta)\eta\mu}{G+\varepsilon}\Bigr)^T(f(w_1)-f^\star),\ G=\sqrt{2L(f(w_1)-f^\star)}"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH, PL),
    setting=Run(OPTIMIZERS, step_size=longest_step_size),
    formal=formal,
    margin=read(formal, reads),
    prove=prove,
    amends="theorem-4.15",
    note="Grams, Adam and C-Adam share the bound: it does not tell them apart.",
    place=(4, 15, 1),
)
