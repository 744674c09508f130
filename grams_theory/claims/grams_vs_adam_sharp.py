"""When Grams descends at least as far as Adam in one step from the same state, exactly.

With Adam's update u, Grams' step r = sign(g)∘|u| and R = √((‖u‖² + ‖r‖²)² − 4 max(0, ⟨u, r⟩)²):

    ΔL_G ≤ ΔL_Adam for every L-smooth f   if and only if   η L R ≤ 2⟨g, r − u⟩ = 4β,  β = Σ |uᵢgᵢ| over uᵢgᵢ < 0.

Where no gᵢ is 0, with a = u∘1[u∘g≥0] and b = −u∘1[u∘g<0]: η ≤ β/(L‖a‖‖b‖) if ‖a‖ ≥ ‖b‖, else η ≤ 2β/(L(‖a‖² + ‖b‖²)).
A coordinate with gᵢ = 0 ≠ uᵢ is moved by Adam and not by Grams; u and r carry it.

Ours; amends grams-vs-adam. Needs the two-point comparison. "Only if": a quadratic attains the bound if ⟨u, r⟩ ≥ 0,
and f(w + x) = ⟨g, x⟩ + (L/2)(2 max(0, ⟨x, e⟩)² − ‖x‖²), e = −r/‖r‖, if ⟨u, r⟩ < 0.
"""

from grams_theory.claims.comparison_sharp import prove_attained
from grams_theory.claims.two_point_comparison import root
from grams_theory.core.algebra import dot
from grams_theory.core.claim import SMOOTH, Claim, OneStep
from grams_theory.core.verdict import Verdict


def step_size(s):
    return 2 * dot(s.g, s.r - s.u) / (s.smoothness * root(s.u, s.r))


def margin(s):
    return {"ΔL_G ≤ ΔL_Adam": s.change("Adam") - s.change("Grams")}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, norm2
    from grams_theory.symbolic.proof import reals
    from grams_theory.symbolic.rules import grams, misaligned

    u, g, slope, beta, R, L, eta, gap = reals("u g ⟨g,r−u⟩ beta R L eta ΔL_G−ΔL_A")
    r, loss = grams(u, g), -misaligned(u, g, u * g)
    p.implies("⟨g, r − u⟩, in one coordinate", [], sp.Eq(g * (r - u), 2 * loss))
    first = p.lift(
        "⟨g, r − u⟩ = 2β",
        "⟨g, r − u⟩, in one coordinate",
        sp.Eq(slope, 2 * beta),
        {slope: g * (r - u), beta: loss},
    )
    two_points = p.cite(
        "two-point-comparison",
        "x₁ = −ηu, x₂ = −ηr: ΔL_G − ΔL_A ≤ −η⟨g, r−u⟩ + (L/2)η²R",
        sp.Le(gap, -eta * slope + L / 2 * eta**2 * R),
        r"\Delta L_G-\Delta L_A\le-\eta\langle g,r-u\rangle+\tfrac L2\eta^2R",
    )
    premise = sp.Le(eta * L * R, 4 * beta)
    p.implies("if", [two_points, first, premise, eta >= 0], sp.Le(gap, 0))

    minus, plus = reals("‖r−u‖ ‖r+u‖")
    prove_attained(p, eta, L, minus, plus)
    _prove_folded(p, eta, L)
    p.implies(
        "only if", [sp.Eq(gap, -2 * eta * beta + L / 2 * eta**2 * R), eta > 0, sp.Not(premise)], gap > 0
    )

    a, b = Space("a b", orthogonal=[("a", "b")]).vectors()
    u, r = a - b, a + b
    inner, total = norm2(a) - norm2(b), norm2(u) + norm2(r)
    p.identity(
        "where no gᵢ is 0: (‖u‖² + ‖r‖²)² − 4⟨u, r⟩²", total**2 - 4 * inner**2, 16 * norm2(a) * norm2(b)
    )
    p.identity("… and ‖u‖² + ‖r‖²", total, 2 * (norm2(a) + norm2(b)))


def _prove_folded(p, eta, L):
    """⟨u, r⟩ < 0: φ(x) = (L/2)(2 max(0, ⟨x, e⟩)² − ‖x‖²), whose gradient is L(2 max(0, ⟨x, e⟩) e − x)."""
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    s, t, q, u2, length, inner = reals("s t q ‖u‖² ‖r‖ ⟨u,r⟩")

    def positive(x):
        return sp.Piecewise((0, x <= 0), (x, True))

    p.calculus("max(0, s)² is differentiable", sp.Piecewise((0, s <= 0), (s**2, True)), s, 2 * positive(s))
    e, d = Space("e d").vectors()  # d = x − y, q = max(0, ⟨x, e⟩) − max(0, ⟨y, e⟩)
    p.identity(
        "‖∇φ(x) − ∇φ(y)‖²",
        norm2(L * (2 * q * e - d)),
        L**2 * (norm2(d) - 4 * (q * dot(d, e) - q**2)),
        given=[norm2(e) - 1],
    )
    p.implies(
        "φ is L-smooth: q² ≤ q⟨d, e⟩",
        [sp.Eq(q, positive(s) - positive(t))],
        sp.Le(q**2, q * (s - t)),
    )
    at_r, at_u = eta * length, eta * inner / length  # ⟨x, e⟩ at x₂ = −ηr and at x₁ = −ηu
    p.implies(
        "φ attains the bound",
        [length > 0, inner < 0, eta > 0],
        sp.Eq(
            L / 2 * (2 * positive(at_r) ** 2 - eta**2 * length**2)
            - L / 2 * (2 * positive(at_u) ** 2 - eta**2 * u2),
            L / 2 * eta**2 * (u2 + length**2),
        ),
    )


CLAIM = Claim(
    id="grams-vs-adam-sharp",
    title="Grams descends at least as far as Adam (exact condition)",
    source="Ours",
    statement=(
        "ΔL_G ≤ ΔL_Adam for every L-smooth f with ∇f(w) = g ⇔ "
        "η L √((‖u‖²+‖r‖²)² − 4max(0,⟨u,r⟩)²) ≤ 2⟨g, r−u⟩"
    ),
    latex=(
        r"\Delta L_G\le\Delta L_{\mathrm{Adam}}\ \ \forall f\ L\text{-smooth}\iff"
        r"\eta L\sqrt{(\lVert u\rVert^2+\lVert r\rVert^2)^2-4\max(0,\langle u,r\rangle)^2}\le2\langle g,r-u\rangle"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams", "Adam"), step_size),
    margin=margin,
    prove=prove,
    uses=("two-point-comparison",),
    amends="grams-vs-adam",
    place=(4, 2, 9),
)
