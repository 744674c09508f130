"""How far f may differ at two points near w, when its curvature is in [μ, L] and its gradient at w is g.

    ⟨x₁, x₂⟩ ≥ 0 ⇒ f(w + x₂) − f(w + x₁)
      ≤ ⟨g, x₂ − x₁⟩ + ((L+μ)/4)(‖x₂‖² − ‖x₁‖²) + ((L−μ)/4) ‖x₂ − x₁‖ ‖x₂ + x₁‖

Ours. Its premises are the interpolation inequalities of f at w, w + x₁ and w + x₂, which smoothness (μ = −L) or
convexity (μ = 0) give; two-point-attained says that no smaller bound is true.

The proof: h(x) = f(w + x) − f(w) − ⟨g, x⟩ − (μ/2)‖x‖² has curvature in [0, M], M = L − μ, and h(0) = 0, ∇h(0) = 0. Sum
three interpolation inequalities of h with multipliers λ, 1 − λ, 1 − λ, complete squares, then choose λ.
"""

from typing import Any

from grams_theory.claims.interpolation import Pair, slack
from grams_theory.core.claim import Claim, Formal
from grams_theory.core.verdict import Verdict


def pairs(g, k1, k2, x1, x2, D1, D2) -> dict[str, Pair]:
    """The arguments of `slack` for (w + x₁, w + x₂), (w, w + x₂) and (w + x₁, w)."""
    return {"x₁,x₂": (D1 - D2, k1, k2, x1 - x2), "0,x₂": (-D2, g, k2, -x2), "x₁,0": (D1, k1, g, x1)}


def bound(g, x1, x2, mu, L):
    import sympy as sp

    from grams_theory.symbolic.gram import dot, norm2

    lengths = sp.sqrt(norm2(x2 - x1) * norm2(x2 + x1))
    return dot(g, x2 - x1) + (L + mu) / 4 * (norm2(x2) - norm2(x1)) + (L - mu) / 4 * lengths


def formal():
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot
    from grams_theory.symbolic.proof import reals

    g, k1, k2, x1, x2 = Space("g k1 k2 x1 x2").vectors()
    D1, D2, mu, L = reals("Δ₁ Δ₂ mu L")
    interpolations = [sp.Ge(slack(*pair, mu, L), 0) for pair in pairs(g, k1, k2, x1, x2, D1, D2).values()]
    return Formal(
        {"bound": sp.Le(D2 - D1, bound(g, x1, x2, mu, L))},
        (sp.Gt(L, mu), sp.Ge(dot(x1, x2), 0), *interpolations),
        {
            "Δ₁": "f(w + x₁) − f(w)",
            "Δ₂": "f(w + x₂) − f(w)",
            "g": "∇f(w)",
            "k1": "∇f(w + x₁)",
            "k2": "∇f(w + x₂)",
        },
    )


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, _, _, x1, x2 = Space("g k1 k2 x1 x2").vectors()
    D1, D2, mu, L, D = reals("Δ₁ Δ₂ mu L D")
    P, Q, c = norm2(x2), norm2(x1), dot(x1, x2)

    root = p.define(D, sp.sqrt(norm2(x2 - x1) * norm2(x2 + x1)))
    squares = [p.square("‖x₂ − x₁‖² ≥ 0", x2 - x1), p.square("‖x₂ + x₁‖² ≥ 0", x2 + x1)]
    square = sp.Eq(D**2, (P + Q) ** 2 - 4 * c**2)
    p.implies("D ≥ 0 and D² = (‖x₁‖² + ‖x₂‖²)² − 4⟨x₁,x₂⟩²", [root, *squares], [D >= 0, square])
    rest = D2 - D1 - dot(g, x2 - x1) - mu / 2 * (P - Q)  # h(x₂) − h(x₁)
    best = (L - mu) / 4 * (P - Q + D)
    far = p.discharge("D > 0", _by_multipliers(p, rest, best, D, square), D > 0)
    near = p.discharge("D = 0", _at_one_point(p, rest, D, [square, squares[0]]), sp.Eq(D, 0))
    p.conclude("bound", [far, near, D >= 0, root])


def _by_multipliers(p, rest, best, D, square):
    """D > 0: λ[1,2] + (1−λ)[w,2] + (1−λ)[1,w] with λ = 2⟨x₁,x₂⟩/(‖x₁‖² + ‖x₂‖² + D)."""
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, k1, k2, x1, x2 = Space("g k1 k2 x1 x2").vectors()
    D1, D2, mu, L, lam = reals("Δ₁ Δ₂ mu L λ")
    P, Q, c = norm2(x2), norm2(x1), dot(x1, x2)
    above, acute, *_ = formal().premises
    defined = p.define(lam, 2 * c / (P + Q + D))
    sizes = [p.square("‖x₁‖² ≥ 0", x1), p.square("‖x₂‖² ≥ 0", x2)]
    range_, roots = [lam >= 0, lam < 1], [sp.Eq(lam * (P + Q + D), 2 * c), sp.Eq(2 * lam * c, P + Q - D)]
    p.implies("λ is in [0, 1)", [defined, square, acute, *sizes, D > 0], [*range_, *roots])

    p.implies("1 − λ² is not 0", range_, [sp.Ne(1 - lam**2, 0), sp.Ne(sp.expand((1 - lam**2) ** 2), 0)])

    gap, T, B, M, q1, q2 = reals("h₂−h₁ T B M q_1 q_2")
    slacks = reals("[1,2] [w,2] [1,w]")
    total = gap + lam * slacks[0] + (1 - lam) * (slacks[1] + slacks[2])
    certificate: Any = sp.Eq(total, T - (1 - lam**2) / (2 * M) * q2 - q1 / (2 * M))
    nonnegative = [sp.Ge(z, 0) for z in (*slacks, q1, q2)]
    summed = p.implies(
        "slacks and squares are nonnegative",
        [certificate, sp.Eq(T, B), *nonnegative, M > 0, *range_],
        gap <= B,
    )

    h1, h2 = k1 - g - mu * x1, k2 - g - mu * x2
    across = x2 - lam * x1
    first, second = h1 - lam * h2, h2 - (L - mu) / (1 - lam**2) * across
    values = {
        gap: rest,
        B: best,
        M: L - mu,
        T: (L - mu) / 2 * norm2(across) / (1 - lam**2),
        q1: norm2(first),
        q2: norm2(second),
        **{
            s: slack(*pair, mu, L)
            for s, pair in zip(slacks, pairs(g, k1, k2, x1, x2, D1, D2).values(), strict=True)
        },
    }
    p.implies("M > 0", [above], sp.Gt(L - mu, 0))
    p.square("first square", first)
    p.square("second square", second)
    p.identity("certificate", total.xreplace(values), certificate.rhs.xreplace(values))
    p.identity("the bound at this λ", values[T], best, given=roots)
    return p.instance("h₂ − h₁ ≤ B at this λ", summed, values)


def _at_one_point(p, rest, D, known):
    """D = 0 and ⟨x₁,x₂⟩ ≥ 0: then x₁ = x₂, and h₂ ≤ h₁."""
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.inequalities import cauchy_schwarz
    from grams_theory.symbolic.proof import reals

    g, k1, k2, x1, x2 = Space("g k1 k2 x1 x2").vectors()
    D1, D2, mu = reals("Δ₁ Δ₂ mu")
    above, acute, interpolation, *_ = formal().premises
    d = x1 - x2
    one = p.implies("D = 0: ‖x₁ − x₂‖ = 0", [*known, acute, sp.Eq(D, 0)], sp.Eq(norm2(d), 0))
    flat = []
    for name, vector in {"x₁ + x₂": x1 + x2, "g": g, "∇f(w + x₂)": k2}.items():
        product = cauchy_schwarz(p, f"Cauchy–Schwarz of {name} and x₁ − x₂", vector, d)
        flat.append(
            p.implies(f"D = 0: {name} is orthogonal to x₁ − x₂", [product, one], sp.Eq(dot(vector, d), 0))
        )
    bend = p.square("‖∇f(w + x₁) − ∇f(w + x₂) − μ(x₁ − x₂)‖² ≥ 0", k1 - k2 - mu * d)
    lower = p.implies(
        "D = 0: the values at x₁ and x₂", [interpolation, bend, above, one, flat[2]], D2 - D1 <= 0
    )
    return p.implies("D = 0: h₂ − h₁ ≤ 0", [lower, *flat[:2]], [rest <= 0, sp.Eq(norm2(x1), norm2(x2))])


CLAIM = Claim(
    id="two-point-curvature",
    title="The loss at two points near one gradient, by curvature",
    source="Ours",
    statement=(
        "curvature of f in [μ, L], g = ∇f(w), ⟨x₁,x₂⟩ ≥ 0 ⇒ f(w+x₂) − f(w+x₁) ≤ "
        "⟨g, x₂−x₁⟩ + ((L+μ)/4)(‖x₂‖²−‖x₁‖²) + ((L−μ)/4)‖x₂−x₁‖‖x₂+x₁‖"
    ),
    latex=(
        r"f(w+x_2)-f(w+x_1)\le\langle g,x_2-x_1\rangle"
        r"+\tfrac{L+\mu}4(\lVert x_2\rVert^2-\lVert x_1\rVert^2)"
        r"+\tfrac{L-\mu}4\lVert x_2-x_1\rVert\lVert x_2+x_1\rVert"
    ),
    recorded=Verdict.PROVED,
    formal=formal,
    prove=prove,
    place=(4, 2, 3, 2),
)
