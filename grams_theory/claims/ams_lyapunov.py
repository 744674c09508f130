"""Along exact gradients, every optimizer between Adam and Grams decreases one Lyapunov function.

AMS(λ), λ in [−1, 1], keeps Adam's u_i where u_i g_i ≥ 0 and takes λ u_i elsewhere: λ = 1 is Adam, 0 is Cautious
Adam (unscaled mask), −1 is Grams; λ may even change from step to step and from coordinate to coordinate.
With e_t = m̂_t − g_t, θ = 1 − β₁ and V_t = f(w_t) − f* + (η/(εθ)) ‖e_t‖², for L-smooth f that is bounded below,
any β₂, and η ≤ θ ε^{3/2} / (4L√(G + ε)), G = √(2L(f(w₁) − f*)):

    V_{t+1} ≤ V_t − (η/(8(G + ε))) ‖∇f(w_t)‖² − (η/(8ε)) ‖e_t‖²,    V_1 = f(w₁) − f*,    ‖∇f(w_t)‖ ≤ G.
"""

from typing import Any

from grams_theory.claims._small_step import (
    CONDITION,
    CONDITION_LATEX,
    DIVISOR,
    gradient_bound,
    largest_step_size,
)
from grams_theory.core.algebra import norm2
from grams_theory.core.claim import BOUNDED, SMOOTH, Claim, Run
from grams_theory.core.verdict import Verdict

OPTIMIZERS = ("Grams", "Adam", "CautiousAdam")
WEIGHT = 1
"""V_t weighs ‖e_t‖² with WEIGHT · η/(εθ)."""
DESCENT = 8
"""V_t decreases by at least (η/(DESCENT (G + ε))) ‖g_t‖² + (η/(DESCENT ε)) ‖e_t‖²."""


def errors(r, name):
    """e_t = m̂_t − g_t for t = 1 .. T along the run, each of shape (B, D)."""
    beta1, grad, m, power = r.betas[0], r.grad(name), 0, 1
    for t in range(r.steps):
        m, power = beta1 * m + (1 - beta1) * grad[t], power * beta1
        yield m / (1 - power) - grad[t]


def lyapunov_slack(r, name):
    """The smallest V_t − V_{t+1} − (η/(8(G + ε)))‖g_t‖² − (η/(8ε))‖e_t‖² over t = 1 .. T − 1, shape (B,)."""
    gap, grad = r.gap(name), r.grad(name)
    weight = WEIGHT * r.eta / (r.eps * (1 - r.betas[0]))
    bound = gradient_bound(r) + r.eps
    e = list(map(norm2, errors(r, name)))
    worst = None
    for t in range(r.steps - 1):
        drop = gap[t] - gap[t + 1] + weight * (e[t] - e[t + 1])
        slack = drop - norm2(grad[t]) * r.eta / (DESCENT * bound) - e[t] * r.eta / (DESCENT * r.eps)
        worst = slack if worst is None else worst.minimum(slack)
    return worst


def margin(r):
    return {name: lyapunov_slack(r, name) for name in OPTIMIZERS}


def bias_corrected_averages(p):
    """m̂_t averages the gradients with weight θ_t ≥ θ on the last one, v̂_t likewise: both stay in their range."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    beta, q, old, new, weight = reals("β q x̂ g θ_t")
    p.identity(
        "bias-corrected moments are averages (q = β^{t−1}, β^0 = 1)",
        (beta * (1 - q) * old + (1 - beta) * new) / (1 - beta * q),
        (1 - weight) * old + weight * new,
        given=[weight * (1 - beta * q) - (1 - beta)],
    )
    p.implies(
        "the last gradient weighs at least θ = 1 − β",
        [beta >= 0, beta < 1, q >= 0, q <= 1, sp.Eq(weight * (1 - beta * q), 1 - beta)],
        [weight >= 1 - beta, weight <= 1],
    )
    v, G, root = reals("v̂ G r")
    p.implies(
        "an average of squares below G² has a root below G",
        [
            *[v >= 0, v <= G**2, new**2 <= G**2, weight >= 0, weight <= 1, G >= 0, root >= 0],
            sp.Eq(root**2, (1 - weight) * v + weight * new**2),
        ],
        root <= G,
    )


def error_recursion(p):
    """e_{t+1} = (1 − θ_{t+1})(e_t + g_t − g_{t+1}), hence θ‖e_{t+1}‖² ≤ θ(1 − θ)‖e_t‖² + ‖g_t − g_{t+1}‖²."""
    from grams_theory.symbolic.proof import reals

    m, g, h, theta, weight, e, d = reals("m̂ g g⁺ θ θ⁺ e d")
    p.identity(
        "recursion of the momentum error e = m̂ − g (d = g − g⁺)",
        (1 - weight) * m + weight * h - h,
        (1 - weight) * (e + d),
        given=[e - (m - g), d - (g - h)],
    )
    after = ((1 - weight) * (e + d)) ** 2
    p.implies(
        "Young's inequality in one coordinate (d = gᵢ − gᵢ⁺)",
        [theta > 0, weight >= theta, weight <= 1],
        theta * after <= theta * (1 - theta) * e**2 + d**2,
    )
    E_next, E, S = reals("‖e⁺‖² ‖e‖² S")
    return p.lift(
        "Young's inequality",
        "Young's inequality in one coordinate (d = gᵢ − gᵢ⁺)",
        theta * E_next <= theta * (1 - theta) * E + S,
        {E_next: after, E: e**2, S: d**2},
    )


def one_step(p):
    """The first- and second-order terms of one AMS(λ) step, for every λ in [−1, 1] and both conventions at g_i = 0."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    g, e, D, lam, s, u = reals("g e D λ s u")
    eta, eps, L, K, r, G = reals("η ε L K r G")
    p.implies(
        "D = 1/(√v̂ + ε) lies in [1/(G + ε), 1/ε]",
        [eps > 0, r >= 0, r <= G, sp.Eq(D * (r + eps), 1)],
        [D > 0, D * (G + eps) >= 1, D * eps <= 1],
    )
    kept: Any = sp.Eq(s, u)
    scaled: Any = sp.Eq(s, lam * u)
    frozen: Any = sp.Eq(s, 0)
    no_gradient: Any = sp.Eq(g, 0)
    family = [
        sp.Eq(u, D * (g + e)),
        D > 0,
        lam >= -1,
        lam <= 1,
        sp.Or(sp.And(u * g >= 0, kept), sp.And(u * g <= 0, scaled), sp.And(no_gradient, frozen)),
    ]
    first = p.implies("an AMS(λ) step descends to first order", family, 2 * g * s >= D * (g**2 - e**2))
    second = p.implies("an AMS(λ) step is no longer than Adam's", family, s**2 <= 2 * D**2 * (g**2 + e**2))
    curvature = p.implies(
        "small steps: curvature costs at most a quarter of the scale",
        [D > 0, D * eps <= 1, eps > 0, L > 0, eta > 0, 4 * L * eta <= eps],
        L * eta * D <= sp.Rational(1, 4),
    )
    Q = reals("Q")[0]
    p.implies(
        "curvature of the step in one coordinate (Q = D(gᵢ² + eᵢ²))",
        [sp.Eq(Q, D * (g**2 + e**2)), second, curvature, D > 0, L > 0, eta > 0],
        L * eta * s**2 <= Q / 2,
    )
    p.implies(
        "bounds of D in one coordinate",
        [eps > 0, K > 0, D * K >= 1, D * eps <= 1],
        D * (g**2 - 3 * e**2) >= g**2 / K - 3 * e**2 / eps,
    )
    decrease = -g * s + L * eta / 2 * s**2
    p.implies(
        "one coordinate of the descent (Q = D(gᵢ² + eᵢ²))",
        [
            first,
            sp.Eq(Q, D * (g**2 + e**2)),
            L * eta * s**2 <= Q / 2,
            D * (g**2 - 3 * e**2) >= g**2 / K - 3 * e**2 / eps,
        ],
        decrease <= -(g**2) / (4 * K) + 3 * e**2 / (4 * eps),
    )
    p.implies(
        "length of the step in one coordinate",
        [second, D > 0, eps > 0, D * eps <= 1],
        eps**2 * s**2 <= 2 * g**2 + 2 * e**2,
    )
    P, R, g2, E = reals("⟨g,s⟩ ‖s‖² ‖g‖² ‖e‖²")
    sums = {P: g * s, R: s**2, g2: g**2, E: e**2}
    descent = p.lift(
        "descent over all coordinates",
        "one coordinate of the descent (Q = D(gᵢ² + eᵢ²))",
        -P + L * eta / 2 * R <= -g2 / (4 * K) + 3 * E / (4 * eps),
        sums,
    )
    sums = {R: s**2, g2: g**2, E: e**2}
    length = p.lift(
        "length over all coordinates",
        "length of the step in one coordinate",
        eps**2 * R <= 2 * g2 + 2 * E,
        sums,
    )
    return descent, length


def small_step(p):
    """η ≤ θ ε^{3/2}/(4L√K), K = G + ε, in the two forms that the proof uses (κ = 2L²η²/(θ²ε³))."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    eta, theta, eps, L, K, kappa = reals("η θ ε L K κ")
    signs = [eta > 0, theta > 0, theta <= 1, eps > 0, L > 0, sp.Ge(K, eps)]
    squared = p.implies(
        "the condition on η, squared",
        [*signs, DIVISOR * L * eta * sp.sqrt(K) <= theta * eps * sp.sqrt(eps)],
        DIVISOR**2 * K * L**2 * eta**2 <= theta**2 * eps**3,
    )
    p.implies("the condition on η implies η ≤ ε/(4L)", [*signs, squared], 4 * L * eta <= eps)
    p.implies(
        "the coupling κ is small",
        [*signs, squared, sp.Eq(kappa * theta**2 * eps**3, 2 * L**2 * eta**2)],
        [kappa >= 0, DESCENT * K * kappa <= 1, DESCENT * eps * kappa <= 1],
    )


def lyapunov_step(p, young, descent, length):
    """V_{t+1} ≤ V_t − (η/(8K))‖g_t‖² − (η/(8ε))‖e_t‖², K = G + ε."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    F, F_next, V, V_next, P, R, g2, E, E_next, S = reals("F F⁺ V V⁺ ⟨g,s⟩ ‖s‖² ‖g‖² ‖e‖² ‖e⁺‖² S")
    eta, theta, eps, L, K, kappa, c = reals("η θ ε L K κ c")
    signs = [eta > 0, theta > 0, eps > 0, K > 0, g2 >= 0, E >= 0]
    lemma = p.cite(
        "descent-lemma: along a step",
        "f(w_{t+1}) ≤ f(w_t) − η⟨g, s⟩ + (L/2)η²‖s‖² for w_{t+1} = w_t − ηs; F = f(w_t) − f*",
        F_next <= F - eta * P + L / 2 * eta**2 * R,
        r"f(w_{t+1})\le f(w_t)-\eta\langle g,s\rangle+\tfrac L2\eta^2\lVert s\rVert^2",
    )
    function = p.implies(
        "decrease of f",
        [lemma, descent, eta > 0],
        F_next <= F + eta * (-g2 / (4 * K) + 3 * E / (4 * eps)),
    )
    moved = p.implies(
        "growth of the error (S = ‖g_t − g_{t+1}‖² ≤ L²η²‖s‖² as f is L-smooth)",
        [young, sp.Le(S, L**2 * eta**2 * R), length, eps > 0, theta > 0],
        eps**2 * theta * E_next <= eps**2 * theta * (1 - theta) * E + 2 * L**2 * eta**2 * (g2 + E),
    )
    recursion = p.implies(
        "growth of the error with κ",
        [moved, sp.Eq(kappa * theta**2 * eps**3, 2 * L**2 * eta**2), eps > 0, theta > 0],
        E_next <= (1 - theta) * E + kappa * eps * theta * (g2 + E),
    )
    weighed = p.implies(
        "growth of the weighted error",
        [recursion, sp.Eq(c * eps * theta, WEIGHT * eta), *signs],
        c * E_next <= c * E - WEIGHT * eta * E / eps + WEIGHT * eta * kappa * (g2 + E),
    )
    coupled = p.implies(
        "the coupling in units of the decrease",
        [DESCENT * K * kappa <= 1, DESCENT * eps * kappa <= 1, *signs],
        [DESCENT * kappa * g2 <= g2 / K, DESCENT * kappa * E <= E / eps],
    )
    p.implies(
        "Lyapunov inequality",
        [function, weighed, *coupled.args, *signs, sp.Eq(V, F + c * E), sp.Eq(V_next, F_next + c * E_next)],
        V_next <= V - eta * g2 / (DESCENT * K) - eta * E / (DESCENT * eps),
    )


def induction(p):
    """‖g_t‖ ≤ G and V_{t+1} ≤ V_t ≤ V_1 = f(w_1) − f* for all t."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    F, V, V_next, Delta, g2, E, L, G, gi, eta, eps, K, c = reals("F V V⁺ Δ ‖g‖² ‖e‖² L G gᵢ η ε K c")
    lemma = p.cite(
        "descent-lemma: at w_t − ∇f(w_t)/L",
        "f* ≤ f(w_t − ∇f(w_t)/L) ≤ f(w_t) − ‖∇f(w_t)‖²/(2L); F = f(w_t) − f*",
        sp.Le(0, F - g2 / L + L / 2 * (g2 / L**2)),
        r"f^\star\le f(w_t-\tfrac1L\nabla f(w_t))\le f(w_t)-\tfrac1{2L}\lVert\nabla f(w_t)\rVert^2",
    )
    bound = p.implies("gradients are bounded by the gap", [lemma, L > 0], g2 <= 2 * L * F)
    p.implies(
        "V_t ≤ Δ bounds every coordinate of g_t by G = √(2LΔ)",
        [
            bound,
            sp.Eq(V, F + c * E),
            c >= 0,
            E >= 0,
            sp.Le(V, Delta),
            sp.Eq(G**2, 2 * L * Delta),
            L > 0,
            gi**2 <= g2,
        ],
        gi**2 <= G**2,
    )
    step = V_next <= V - eta * g2 / (DESCENT * K) - eta * E / (DESCENT * eps)
    signs = [eta > 0, eps > 0, K > 0, g2 >= 0, E >= 0]
    p.implies(
        "V_1 = Δ: the first momentum is the first gradient", [sp.Eq(E, 0), sp.Eq(V, F + c * E)], sp.Eq(V, F)
    )
    p.implies("V_t ≤ Δ is inherited", [step, *signs, sp.Le(V, Delta)], V_next <= Delta)
    p.axiom(
        "induction",
        "what holds at t = 1 and is inherited from all s ≤ t by t + 1 holds for every t: "
        "all |g_{s,i}| ≤ G for s ≤ t bound D at t, D bounds the step, the step bounds V_{t+1}",
        "principle of mathematical induction (Peano)",
    )


def prove(p):
    bias_corrected_averages(p)
    young = error_recursion(p)
    small_step(p)
    descent, length = one_step(p)
    lyapunov_step(p, young, descent, length)
    induction(p)


CLAIM = Claim(
    id="ams-lyapunov",
    title="One Lyapunov function for the family from Adam to Grams",
    source="this project; the deterministic part of Lemma 4.14 made explicit",
    statement=(
        f"f L-smooth and bounded below, exact gradients, λ in [−1, 1], {CONDITION} ⇒ along AMS(λ), with e = m̂ − g and "
        "V = f − f* + (η/((1 − β₁)ε))‖e‖²: V_{t+1} ≤ V_t − (η/(8(G + ε)))‖g_t‖² − (η/(8ε))‖e_t‖² and ‖g_t‖ ≤ G"
    ),
    latex=(
        CONDITION_LATEX + r"\ \Rightarrow\ V_{t+1}\le V_t-\frac{\eta}{8(G+\varepsilon)}\lVert g_t\rVert^2"
        r"-\frac{\eta}{8\varepsilon}\lVert e_t\rVert^2,\quad"
        r" V_t=f(w_t)-f^\star+\frac{\eta}{(1-\beta_1)\varepsilon}\lVert\hat m_t-g_t\rVert^2"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH, BOUNDED),
    setting=Run(OPTIMIZERS, step_size=largest_step_size),
    margin=margin,
    prove=prove,
    uses=("descent-lemma",),
    place=(4, 13, 1),
)
