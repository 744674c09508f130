"""How far f may differ at two points near w, when only L and the gradient g at w are known.

    f L-smooth, g = ∇f(w) ⇒ f(w + x₂) − f(w + x₁) ≤ ⟨g, x₂ − x₁⟩ + (L/2) √((‖x₁‖² + ‖x₂‖²)² − 4 max(0, ⟨x₁, x₂⟩)²)

If ⟨x₁, x₂⟩ ≥ 0 the root is ‖x₂ − x₁‖ ‖x₂ + x₁‖. With curvature in [μ, L] (μ = −L: L-smooth; μ = 0: also convex) and
⟨x₁, x₂⟩ ≥ 0 the bound is ⟨g, x₂ − x₁⟩ + ((L+μ)/4)(‖x₂‖² − ‖x₁‖²) + ((L−μ)/4) ‖x₂ − x₁‖ ‖x₂ + x₁‖.

Ours: what the paper's comparisons of two steps need, since a difference of two upper bounds orders nothing.
Needs the descent lemma. No smaller bound is true: see the claims that use it.

The proof: h(x) = f(w + x) − f(w) − ⟨g, x⟩ − (μ/2)‖x‖² is convex, M-smooth with M = L − μ, and smallest at 0. Sum three
interpolation inequalities of h with multipliers λ, 1 − λ, 1 − λ, complete squares, then choose λ.
"""

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import SMOOTH, Claim, OneStep
from grams_theory.core.verdict import Verdict


def root(x1, x2):
    """√((‖x₁‖² + ‖x₂‖²)² − 4 max(0, ⟨x₁, x₂⟩)²), shapes (..., D) -> (...,)."""
    inner = dot(x1, x2)
    positive, total = (inner + abs(inner)) / 2, norm2(x1) + norm2(x2)
    return (total * total - 4 * (positive * positive)).sqrt()


def margin(s):
    def slack(first, x1, second, x2):
        difference = s.change(second) - s.change(first)
        return s.smoothness * (s.eta * s.eta / 2) * root(x1, x2) - s.eta * dot(s.g, x2 - x1) - difference

    return {
        "Cautious to Grams": slack("CautiousAdam", s.a, "Grams", s.r),
        "Grams to Cautious": slack("Grams", s.r, "CautiousAdam", s.a),
        "Adam to Grams": slack("Adam", s.u, "Grams", s.r),
    }


def prove(p):
    _shift(p)
    _interpolation(p)
    bound = _multipliers(p)
    _best_multiplier(p, bound)


def _shift(p):
    """h inherits the curvature bounds of f, shifted by μ."""
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, k, x, y = Space("g k x y").vectors()  # k = ∇f(w + x); g = ∇f(w)
    fx, fy, L, mu, remainder, square = reals("f_x f_y L mu R ‖y−x‖²")
    hx, hy = (f - dot(g, z) - mu / 2 * norm2(z) for f, z in ((fx, x), (fy, y)))
    p.identity(
        "h(y) − h(x) − ⟨∇h(x), y − x⟩, with ∇h(x) = ∇f(w + x) − g − μx",
        hy - hx - dot(k - g - mu * x, y - x),
        fy - fx - dot(k, y - x) - mu / 2 * norm2(y - x),
    )
    lemma = p.cite(
        "descent-lemma",
        "|R| ≤ (L/2)‖y − x‖², R = f(w + y) − f(w + x) − ⟨∇f(w + x), y − x⟩",
        sp.Le(abs(remainder), L * square / 2),
        r"|R|\le\tfrac L2\lVert y-x\rVert^2",
    )
    p.implies(
        "L-smooth: h is convex and M-smooth with μ = −L, M = 2L",
        [lemma, sp.Eq(mu, -L)],
        [sp.Ge(remainder - mu * square / 2, 0), sp.Le(remainder - mu * square / 2, (L - mu) * square / 2)],
    )
    p.implies(
        "L-smooth and convex: h is convex and M-smooth with μ = 0, M = L",
        [lemma, remainder >= 0, sp.Eq(mu, 0)],
        [sp.Ge(remainder - mu * square / 2, 0), sp.Le(remainder - mu * square / 2, (L - mu) * square / 2)],
    )


def _interpolation(p):
    """h(xᵢ) − h(xⱼ) − ⟨hⱼ', xᵢ − xⱼ⟩ ≥ ‖hᵢ' − hⱼ'‖²/(2M), by way of the point y = xᵢ − (hᵢ' − hⱼ')/M."""
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    pi, pj, d = Space("p_i p_j d").vectors()  # the gradients of h at xᵢ and xⱼ; d = xᵢ − xⱼ
    hi, hj, hy, M = reals("h_i h_j h_y M")
    step = (pi - pj) / M
    p.implies(
        "interpolation inequality [i, j] ≥ 0 of a convex, M-smooth h",
        [
            M > 0,
            sp.Ge(hy, hj + dot(pj, d - step)),
            sp.Le(hy, hi - dot(pi, step) + M / 2 * norm2(step)),
        ],
        sp.Ge(hi - hj - dot(pj, d) - norm2(pi - pj) / (2 * M), 0),
    )


def _multipliers(p):
    """h₂ − h₁ ≤ (M/2)‖x₂ − λx₁‖²/(1 − λ²) for every λ in [0, 1)."""
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    x1, x2, g1, g2 = Space("x1 x2 g1 g2").vectors()
    h1, h2, M, lam = reals("h_1 h_2 M lambda")
    zero = 0 * x1
    points = {"W": (sp.Integer(0), zero, zero), "1": (h1, x1, g1), "2": (h2, x2, g2)}

    def slack(i, j):
        (hi, xi, gi), (hj, xj, gj) = points[i], points[j]
        return hi - hj - dot(gj, xi - xj) - norm2(gi - gj) / (2 * M)

    across = x2 - lam * x1
    square2 = g2 - M / (1 - lam**2) * across
    square1 = g1 - lam * g2
    p.identity(
        "certificate: h₂ − h₁ + λ[1,2] + (1−λ)[W,2] + (1−λ)[1,W]",
        h2 - h1 + lam * slack("1", "2") + (1 - lam) * slack("W", "2") + (1 - lam) * slack("1", "W"),
        M / 2 * norm2(across) / (1 - lam**2)
        - (1 - lam**2) / (2 * M) * norm2(square2)
        - norm2(square1) / (2 * M),
    )
    p.square("first square", square2)
    p.square("second square", square1)
    s12, sw2, s1w, T, q1, q2 = reals("[1,2] [W,2] [1,W] T q_1 q_2")
    certificate = sp.Eq(
        h2 - h1 + lam * s12 + (1 - lam) * sw2 + (1 - lam) * s1w,
        T - (1 - lam**2) / (2 * M) * q2 - q1 / (2 * M),
    )
    nonnegative = [sp.Ge(z, 0) for z in (s12, sw2, s1w, q1, q2)]
    p.implies(
        "h₂ − h₁ ≤ T, since slacks and squares are nonnegative",
        [certificate, *nonnegative, M > 0, lam >= 0, lam < 1],
        sp.Le(h2 - h1, T),
    )
    return M / 2 * norm2(across) / (1 - lam**2)


def _best_multiplier(p, bound):
    """With P = ‖x₂‖², Q = ‖x₁‖², c = ⟨x₁, x₂⟩, S = P + Q and D = √(S² − 4c²) = ‖x₂ − x₁‖ ‖x₂ + x₁‖."""
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.inequalities import cauchy_schwarz
    from grams_theory.symbolic.proof import reals

    x1, x2 = Space("x1 x2").vectors()
    P, Q, c = norm2(x2), norm2(x1), dot(x1, x2)
    D, S, h1, h2, f1, f2, first, L, M, mu, lam = reals("D S h_1 h_2 f_1 f_2 ⟨g,x2−x1⟩ L M mu lambda")
    gap = h2 - h1
    best = M / 4 * (P - Q + D)

    p.identity("D² = ‖x₂ − x₁‖²‖x₂ + x₁‖²", (P + Q) ** 2 - 4 * c**2, norm2(x2 - x1) * norm2(x2 + x1))
    root = sp.Eq(D**2, S**2 - 4 * c**2)
    multiplier = 2 * c / (S + D)
    p.implies("λ = 2c/(S + D) is in [0, 1)", [D > 0, c >= 0, S >= 0, root], [multiplier >= 0, multiplier < 1])
    p.identity(
        "c ≥ 0: the bound at this λ",
        bound.subs(lam, multiplier),
        best,
        given=[sp.Eq(S, P + Q), root],
    )
    slope, distance = Space("h1' d").vectors()  # d = x₂ − x₁
    convex = sp.Le(gap, dot(slope, distance) + M / 2 * norm2(distance))
    same = [sp.Eq(D, 0), root, sp.Eq(S, P + Q), c >= 0, S >= 0, sp.Eq(norm2(distance), norm2(x2 - x1))]
    p.implies("D = 0 and c ≥ 0: the two points are one", same, sp.Eq(norm2(distance), 0))
    length = p.implies(
        "… of one length",
        [*same[:3], cauchy_schwarz(p, "Cauchy–Schwarz of x₁, x₂", x1, x2)],
        sp.Eq(P, Q),
    )
    parallel = cauchy_schwarz(p, "Cauchy–Schwarz of h₁', d", slope, distance)
    p.implies(
        "… so h takes one value there, and the bound is 0",
        [parallel, convex, sp.Eq(norm2(distance), 0), length, sp.Eq(D, 0)],
        sp.Le(gap, best),
    )
    p.identity("c < 0: the bound at λ = 0", bound.subs(lam, 0), M / 2 * P)

    to_f = [sp.Eq(f2 - f1, first + gap + mu / 2 * (P - Q)), sp.Eq(M, L - mu)]
    p.implies(
        "curvature in [μ, L], c ≥ 0",
        [sp.Le(gap, best), *to_f],
        sp.Le(f2 - f1, first + (L + mu) / 4 * (P - Q) + (L - mu) / 4 * D),
    )
    p.implies("L-smooth, c ≥ 0", [sp.Le(gap, best), *to_f, sp.Eq(mu, -L)], sp.Le(f2 - f1, first + L / 2 * D))
    p.implies(
        "L-smooth, c < 0",
        [sp.Le(gap, M / 2 * P), *to_f, sp.Eq(mu, -L), sp.Eq(S, P + Q)],
        sp.Le(f2 - f1, first + L / 2 * S),
    )


CLAIM = Claim(
    id="two-point-comparison",
    title="The loss at two points near one gradient",
    source="Ours",
    statement=(
        "f L-smooth, g = ∇f(w) ⇒ f(w+x₂) − f(w+x₁) ≤ ⟨g, x₂−x₁⟩ + (L/2)√((‖x₁‖²+‖x₂‖²)² − 4max(0, ⟨x₁,x₂⟩)²)"
    ),
    latex=(
        r"f(w+x_2)-f(w+x_1)\le\langle g,x_2-x_1\rangle"
        r"+\tfrac L2\sqrt{(\lVert x_1\rVert^2+\lVert x_2\rVert^2)^2-4\max(0,\langle x_1,x_2\rangle)^2}"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams", "CautiousAdam", "Adam")),
    margin=margin,
    prove=prove,
    uses=("descent-lemma",),
    place=(4, 2, 4),
)
