"""A quadratic that differs at two points as much as its curvature allows.

With σ = ±1 and a vector n such that ‖n‖² = 2 and ⟨n, x₂ − x₁⟩⟨n, x₂ + x₁⟩ = ‖x₂‖² − ‖x₁‖² + σ‖x₂ − x₁‖‖x₂ + x₁‖ let

    φ(x) = ⟨g, x⟩ + ½⟨x, Hx⟩,   ∇φ(x) = g + Hx,   H = ((L+μ)/2) + ((L−μ)/2) T,   T z = σ(⟨n, z⟩ n − z), a reflection.

Its curvature is in [μ, L], it is L-smooth, and for every s
φ(sx₂) − φ(sx₁) = s⟨g, x₂ − x₁⟩ + s²[ ((L+μ)/4)(‖x₂‖² − ‖x₁‖²) + ((L−μ)/4) ‖x₂ − x₁‖ ‖x₂ + x₁‖ ].

There is such an n if x₁ ≠ ±x₂: a multiple of ‖q‖ m + σ‖m‖ q, m = x₂ − x₁, q = x₂ + x₁, where σ(‖x₂‖² − ‖x₁‖²) ≥ 0.

Ours: no bound smaller than that of two-point-curvature is true. That |φ(x+z) − φ(x) − ⟨∇φ(x), z⟩| ≤ (L/2)‖z‖² for
all x and z says that ∇φ is the gradient of φ.
"""

from dataclasses import dataclass
from typing import Any

from grams_theory.core.claim import Claim, Formal
from grams_theory.core.verdict import Verdict


@dataclass(frozen=True)
class Reflected:
    """φ, of Gram vectors."""

    g: Any
    n: Any
    sigma: Any
    mu: Any
    L: Any

    def reflection(self, z):
        from grams_theory.symbolic.gram import dot

        return self.sigma * (dot(self.n, z) * self.n - z)

    def gradient(self, x):
        return self.g + (self.L + self.mu) / 2 * x + (self.L - self.mu) / 2 * self.reflection(x)

    def __call__(self, x):
        from grams_theory.symbolic.gram import dot

        return dot(self.g, x) + dot(x, self.gradient(x) - self.g) / 2


def reflects(n, x1, x2, sigma) -> tuple[Any, Any]:
    """The conditions on n and σ."""
    import sympy as sp

    from grams_theory.symbolic.gram import dot, norm2

    lengths = sp.sqrt(norm2(x2 - x1) * norm2(x2 + x1))
    return (
        sp.Eq(norm2(n), 2),
        sp.Eq(dot(n, x2 - x1) * dot(n, x2 + x1), norm2(x2) - norm2(x1) + sigma * lengths),
    )


def properties(phi, x, z) -> tuple[Any, Any, Any]:
    """φ has the gradient ∇φ, curvature in [μ, L], and is L-smooth."""
    import sympy as sp

    from grams_theory.symbolic.gram import dot, norm2

    remainder = phi(x + z) - phi(x) - dot(phi.gradient(x), z)
    return (
        sp.Le(phi.mu / 2 * norm2(z), remainder),
        sp.Le(remainder, phi.L / 2 * norm2(z)),
        sp.Le(norm2(phi.gradient(x + z) - phi.gradient(x)), phi.L**2 * norm2(z)),
    )


def normal(x1, x2):
    """The multiple of ‖q‖ m + σ‖m‖ q whose square is 2."""
    from grams_theory.symbolic.proof import reals

    minus, plus, scale, sigma = reals("‖m‖ ‖q‖ ν σ")
    return scale * (plus * (x2 - x1) + sigma * minus * (x2 + x1))


def formal():
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, x1, x2, x, z, n = Space("g x1 x2 x z n").vectors()
    mu, L, s, sigma = reals("mu L s σ")
    sign: Any = sp.Eq(sigma**2, 1)
    phi, squares = Reflected(g, n, sigma, mu, L), norm2(x2) - norm2(x1)
    unit, product = reflects(n, x1, x2, sigma)
    bend = (L + mu) / 4 * squares + (L - mu) / 4 * sp.sqrt(norm2(x2 - x1) * norm2(x2 + x1))
    return Formal(
        {
            "attained": sp.Implies(
                sp.And(sign, product), sp.Eq(phi(s * x2) - phi(s * x1), s * dot(g, x2 - x1) + s**2 * bend)
            ),
            "curvature": sp.Implies(sp.And(sign, unit), sp.And(*properties(phi, x, z))),
            "n exists": sp.Implies(
                sp.And(sign, sigma * squares >= 0, norm2(x2 - x1) > 0, norm2(x2 + x1) > 0),
                sp.And(*reflects(normal(x1, x2), x1, x2, sigma)),
            ),
        },
        (mu >= -L, mu <= L),
        {"‖m‖": "‖x₂ − x₁‖", "‖q‖": "‖x₂ + x₁‖"},
    )


def prove(p):
    _attained(p)
    _curvature(p)
    _existence(p)


def _attained(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, x1, x2, _, _, n = Space("g x1 x2 x z n").vectors()
    mu, L, s, sigma, D = reals("mu L s σ D")
    phi, squares = Reflected(g, n, sigma, mu, L), norm2(x2) - norm2(x1)
    sign, (_, product) = sp.Eq(sigma**2, 1), reflects(n, x1, x2, sigma)
    root = sp.sqrt(norm2(x2 - x1) * norm2(x2 + x1))
    named = p.implies(
        "D",
        [p.define(D, root), product],
        sp.Eq(product.lhs, squares + sigma * D),
    )
    bend = (L + mu) / 4 * squares + (L - mu) / 4 * D
    exact = p.identity(
        "φ(sx₂) − φ(sx₁)", phi(s * x2) - phi(s * x1), s * dot(g, x2 - x1) + s**2 * bend, given=[sign, named]
    )
    p.implies("with the root", [exact, sp.Eq(D, root)], formal().conclusions["attained"].args[1])
    p.conclude("attained")


def _curvature(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space
    from grams_theory.symbolic.inequalities import exceeds
    from grams_theory.symbolic.proof import reals

    g, _, _, x, z, n = Space("g x1 x2 x z n").vectors()
    mu, L, sigma = reals("mu L σ")
    phi = Reflected(g, n, sigma, mu, L)
    relations = list(formal().conclusions["curvature"].args[0].args)
    p.implies("μ is in [−L, L]", formal().premises, [sp.Ge((L - mu) / 8, 0), sp.Ge((L**2 - mu**2) / 4, 0)])
    image = phi.reflection(z)
    lower, upper, smooth = properties(phi, x, z)
    exceeds(p, "curvature at least μ", lower.lhs, lower.rhs, (L - mu) / 8, z + image, relations)
    exceeds(p, "curvature at most L", upper.lhs, upper.rhs, (L - mu) / 8, z - image, relations)
    exceeds(p, "L-smooth", smooth.lhs, smooth.rhs, (L**2 - mu**2) / 4, z - image, relations)
    p.conclude("curvature")


def _existence(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, norm2
    from grams_theory.symbolic.proof import reals

    _, x1, x2, *_ = Space("g x1 x2 x z n").vectors()
    minus, plus, scale, sigma = reals("‖m‖ ‖q‖ ν σ")
    m, q, squares = x2 - x1, x2 + x1, norm2(x2) - norm2(x1)
    sign, order, apart, opposite = (
        sp.Eq(sigma**2, 1),
        sigma * squares >= 0,
        norm2(m) > 0,
        norm2(q) > 0,
    )
    roots = [p.define(minus, sp.sqrt(norm2(m))), p.define(plus, sp.sqrt(norm2(q)))]
    defined = p.define(scale, 1 / sp.sqrt(minus * plus * (minus * plus + sigma * squares)))
    lengths, squared = [minus > 0, plus > 0], [sp.Eq(minus**2, norm2(m)), sp.Eq(plus**2, norm2(q))]
    root = sp.Eq(sp.sqrt(norm2(m) * norm2(q)), minus * plus)
    p.implies("the lengths of m and q", [*roots, apart, opposite], [*lengths, *squared, root])
    unit = p.implies(
        "ν",
        [defined, *lengths, order],
        sp.Eq(scale**2 * minus * plus * (minus * plus + sigma * squares), 1),
    )
    vector = normal(x1, x2)
    size, product = reflects(vector, x1, x2, sigma)
    p.identity("‖n‖² = 2", size.lhs, size.rhs, given=[*squared, sign, unit])
    exact = p.identity(
        "⟨n, m⟩⟨n, q⟩", product.lhs, squares + sigma * (minus * plus), given=[*squared, sign, unit]
    )
    p.implies("⟨n, m⟩⟨n, q⟩, with the root", [exact, root], product)
    p.conclude("n exists")


CLAIM = Claim(
    id="two-point-attained",
    title="A quadratic that attains the two-point bound",
    source="Ours",
    statement=(
        "the curvature of φ(x) = ⟨g,x⟩ + ½⟨x,Hx⟩ is in [μ, L], φ is L-smooth, and φ(sx₂) − φ(sx₁) = "
        "s⟨g, x₂−x₁⟩ + s²[((L+μ)/4)(‖x₂‖²−‖x₁‖²) + ((L−μ)/4)‖x₂−x₁‖‖x₂+x₁‖]"
    ),
    latex=(
        r"\varphi(sx_2)-\varphi(sx_1)=s\langle g,x_2-x_1\rangle+s^2\Bigl[\tfrac{L+\mu}4"
        r"(\lVert x_2\rVert^2-\lVert x_1\rVert^2)+\tfrac{L-\mu}4\lVert x_2-x_1\rVert\lVert x_2+x_1\rVert\Bigr]"
    ),
    recorded=Verdict.PROVED,
    formal=formal,
    prove=prove,
    place=(4, 2, 4, 2),
)
