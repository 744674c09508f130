"""When Grams descends at least as far as Adam in one step from the same state, exactly.

With Adam's update u, Grams' step r = sign(g)∘|u| and R = √((‖u‖² + ‖r‖²)² − 4 max(0, ⟨u, r⟩)²):

    ΔL_G ≤ ΔL_Adam for every L-smooth f   if and only if   η L R ≤ 2⟨g, r − u⟩ = 4 Σ |uᵢgᵢ| over uᵢgᵢ < 0.

Where no gᵢ is 0, with a = u∘1[u∘g≥0], b = −u∘1[u∘g<0] and β = ⟨g, b⟩: η ≤ β/(L‖a‖‖b‖) if ‖a‖ ≥ ‖b‖, else
η ≤ 2β/(L(‖a‖² + ‖b‖²)). A coordinate with gᵢ = 0 ≠ uᵢ is moved by Adam and not by Grams; u and r carry it.

Ours; amends grams-vs-adam. "If" needs the two-point comparison, "only if" that it is attained: by a quadratic if
⟨u, r⟩ ≥ 0, and by a parabola that is folded along r, ψ(x) = ⟨g, x⟩ + (L/2)(2 max(0, −⟨r, x⟩)²/‖r‖² − ‖x‖²), if
⟨u, r⟩ < 0.
"""

from dataclasses import dataclass
from typing import Any

from grams_theory.claims import _comparison
from grams_theory.claims.two_point_attained import properties
from grams_theory.claims.two_point_comparison import CLAIM as TWO_POINT_COMPARISON
from grams_theory.claims.two_point_comparison import root
from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import GRAMS, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def step_size(s):
    inner, total = dot(s.u, s.r), norm2(s.u) + norm2(s.r)
    acute = (inner + abs(inner)) / 2
    return 2 * dot(s.g, s.r - s.u) / (s.smoothness * (total * total - 4 * (acute * acute)).sqrt())


@dataclass(frozen=True)
class Folded:
    """ψ, of Gram vectors; its curvature is L along r upwards, and −L elsewhere."""

    g: Any
    r: Any
    L: Any

    @property
    def mu(self):
        return -self.L

    def upwards(self, x):
        """max(0, −⟨r, x⟩)."""
        import sympy as sp

        from grams_theory.symbolic.gram import dot

        return sp.Max(0, -dot(self.r, x))

    def gradient(self, x):
        from grams_theory.symbolic.gram import norm2

        return self.g - self.L * (2 * self.upwards(x) / norm2(self.r) * self.r + x)

    def __call__(self, x):
        from grams_theory.symbolic.gram import dot, norm2

        return dot(self.g, x) + self.L / 2 * (2 * self.upwards(x) ** 2 / norm2(self.r) - norm2(x))


def formal():
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, u, r, x, z, _ = vectors = Space("g u r x z n").vectors()
    of_grams, of_adam, L, eta = reals("ΔL_G ΔL_A L η")
    condition = sp.Le(eta * L * root(u, r), 2 * dot(g, r - u))
    fails, psi = sp.And(eta > 0, sp.Not(condition)), Folded(g, r, L)
    rise = psi(-eta * r) - psi(-eta * u)
    a, b = Space("a b").vectors()
    long, short = norm2(a), norm2(b)
    across: Any = sp.Eq(dot(a, b), 0)
    return Formal(
        {
            "if": sp.Implies(condition, sp.Le(of_grams, of_adam)),
            **_comparison.only_if(sp.And(fails, sp.Ge(dot(u, r), 0)), vectors, -L, L, eta),
            "only if, ⟨u,r⟩ < 0": sp.Implies(
                sp.And(fails, sp.Lt(dot(u, r), 0)), sp.And(rise > 0, *properties(psi, x, z))
            ),
            "u = a − b, r = a + b, ‖a‖ ≥ ‖b‖": sp.Implies(
                sp.And(across, long >= short), sp.Eq(root(a - b, a + b), 4 * sp.sqrt(long * short))
            ),
            "u = a − b, r = a + b, ‖a‖ < ‖b‖": sp.Implies(
                sp.And(across, long < short), sp.Eq(root(a - b, a + b), 2 * (long + short))
            ),
        },
        (L > 0, eta >= 0),
        {"ΔL_G": "f(w − ηr) − f(w)", "ΔL_A": "f(w − ηu) − f(w)", "g": "∇f(w)", **_comparison.legend("u")},
    )


def reading(s):
    return {"Grams": {"ΔL_G": s.change("Grams"), "ΔL_A": s.change("Adam")}}


def attained():
    """r + u = (4, 0) and r − u = (0, 2)."""
    return {
        "ΔL_G ≤ ΔL_Adam": {"H": [[0, 2], [2, 0]], "g": [1, 1], "u": [2, -1], "eta": "1/4", "smoothness": 2}
    }


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot
    from grams_theory.symbolic.proof import reals

    g, u, r, *_ = vectors = Space("g u r x z n").vectors()
    ui, gi, of_grams, of_adam, L, eta, Delta = reals("u g ΔL_G ΔL_A L η Δ")
    grams = p.use(GRAMS, ui, gi)
    p.coordinates(g=gi, u=ui, r=grams)
    p.implies("⟨g, r − u⟩ ≥ 0, in one coordinate", [], sp.Ge(gi * (grams - ui), 0))
    slope = p.lift("⟨g, r − u⟩ ≥ 0", "⟨g, r − u⟩ ≥ 0, in one coordinate", sp.Ge(dot(g, r - u), 0))
    two_points = p.cite(
        TWO_POINT_COMPARISON,
        "at x₁ = −ηu, x₂ = −ηr",
        {Delta: of_grams - of_adam},
        {"g": g, "x1": -eta * u, "x2": -eta * r},
        ["bound"],
    )
    apart = p.square("‖r − u‖² ≥ 0", r - u)
    scaled = p.implies("R scales with η", [apart], sp.Eq(root(-eta * u, -eta * r), eta**2 * root(u, r)))
    p.conclude("if", [two_points, scaled, eta >= 0])

    fails, acute = sp.Not(formal().conclusions["if"].args[0]), sp.Ge(dot(u, r), 0)
    product = p.implies("⟨u, r⟩ ≥ 0: R", [acute, apart], sp.Eq(root(u, r), _comparison.lengths(u, r)))
    short = p.implies(
        "⟨u, r⟩ ≥ 0: the condition fails",
        [fails, product],
        fails.xreplace({root(u, r): _comparison.lengths(u, r)}),
    )
    along = p.square("‖r + u‖² ≥ 0", r + u)
    _comparison.prove_only_if(p, [short, slope, apart, along], vectors, -L, L, eta)
    _prove_folded(p, fails)
    _prove_without_zeros(p)


def _prove_without_zeros(p):
    """R where no gᵢ is 0, and so u = a − b and r = a + b with orthogonal a and b."""
    from grams_theory.symbolic.gram import Space

    a, b = Space("a b").vectors()
    shorter = {"‖a‖ ≥ ‖b‖": p.square("‖b‖² ≥ 0", b), "‖a‖ < ‖b‖": p.square("‖a‖² ≥ 0", a)}
    for order, nonnegative in shorter.items():
        p.conclude(f"u = a − b, r = a + b, {order}", [nonnegative])


def _prove_folded(p, fails):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.inequalities import cauchy_schwarz
    from grams_theory.symbolic.proof import reals

    g, u, r, x, z, _ = Space("g u r x z n").vectors()
    L, eta = reals("L η")
    psi, obtuse = Folded(g, r, L), sp.Lt(dot(u, r), 0)
    rise = psi(-eta * r) - psi(-eta * u)
    sizes = [p.square("‖u‖² ≥ 0", u), p.square("‖r‖² ≥ 0", r)]
    length = p.implies(
        "⟨u, r⟩ < 0: r is not 0",
        [cauchy_schwarz(p, "Cauchy–Schwarz of u, r", u, r), obtuse, sizes[1]],
        norm2(r) > 0,
    )
    value = p.implies(
        "ψ(−ηr) − ψ(−ηu)",
        [length, obtuse, eta > 0],
        sp.Eq(rise, -eta * dot(g, r - u) + L / 2 * eta**2 * (norm2(u) + norm2(r))),
    )
    whole = p.implies("⟨u, r⟩ < 0: R", [obtuse, *sizes], sp.Eq(root(u, r), norm2(u) + norm2(r)))
    steep = p.implies(
        "⟨u, r⟩ < 0: the condition fails", [fails, whole], eta * L * (norm2(u) + norm2(r)) > 2 * dot(g, r - u)
    )
    p.implies("ψ rises", [value, steep, eta > 0], rise > 0)

    product = cauchy_schwarz(p, "Cauchy–Schwarz of r, z", r, z)
    low, high, smooth = properties(psi, x, z)
    p.implies("curvature of ψ at least −L", [length, L > 0], low)
    p.implies("curvature of ψ at most L", [product, length, L > 0], high)
    p.implies("ψ is L-smooth", [length], smooth)
    p.conclude("only if, ⟨u,r⟩ < 0")


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
    formal=formal,
    margin=read(_comparison.ordered(formal, "ΔL_G ≤ ΔL_Adam"), reading),
    attained=attained,
    prove=prove,
    amends="grams-vs-adam",
    place=(4, 2, 9),
)
