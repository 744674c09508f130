"""What the comparisons of Grams' step r with a step c of another optimizer share: r − c, r + c and the witness."""

from __future__ import annotations

from typing import Any

from grams_theory.claims.two_point_attained import CLAIM as TWO_POINT_ATTAINED
from grams_theory.claims.two_point_attained import Reflected, properties, reflects
from grams_theory.core.claim import Formal


def legend(c):
    """What the symbols of the witness are, where `c` is the letter of the other step."""
    return {"σ": "1 or −1", "n": f"as in two-point-attained, at x₁ = {c}, x₂ = r: it exists if r ≠ ±{c}"}


def ordered(formal, part):
    """The relation that the part "if" of the formal statement concludes, alone, to be read on cases."""
    return lambda: Formal({part: formal().conclusions["if"].args[1]})


def lengths(c, r):
    """‖r − c‖ ‖r + c‖."""
    import sympy as sp

    from grams_theory.symbolic.gram import norm2

    return sp.sqrt(norm2(r - c) * norm2(r + c))


def witness(vectors, mu, L) -> tuple[list[Any], Reflected]:
    """What σ and n have to satisfy, and the φ with ∇φ(0) = g that they make. `vectors` are g, c, r, x, z, n."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    g, c, r, _, _, n = vectors
    (sigma,) = reals("σ")
    return [sp.Eq(sigma**2, 1), *reflects(n, c, r, sigma)], Reflected(g, n, sigma, mu, L)


def only_if(fails, vectors, mu, L, eta):
    """Where `fails` holds, φ of gradient g and curvature in [μ, L] rises from −ηc to −ηr: parts of the claim."""
    import sympy as sp

    from grams_theory.symbolic.gram import norm2

    _, c, r, x, z, _ = vectors
    conditions, phi = witness(vectors, mu, L)
    rise = phi(-eta * r) - phi(-eta * c)
    return {
        "only if": sp.Implies(sp.And(fails, *conditions), sp.And(rise > 0, *properties(phi, x, z))),
        "only if: n exists": sp.Implies(fails, sp.And(norm2(r - c) > 0, norm2(r + c) > 0)),
    }


def prove_only_if(p, known, vectors, mu, L, eta):
    """Conclude the parts of `only_if`, where `known` are established: that the condition fails in terms of
    ‖r − c‖‖r + c‖ and ‖r‖² − ‖c‖², and what else makes r ≠ ±c.
    """
    import sympy as sp

    from grams_theory.symbolic.gram import dot, norm2
    from grams_theory.symbolic.proof import reals

    g, c, r, x, z, n = vectors
    apart = p.implies("r ≠ ±c", known, [norm2(r - c) > 0, norm2(r + c) > 0])
    p.implies("what is under the root", [apart], sp.Ge(norm2(r - c) * norm2(r + c), 0))
    p.conclude("only if: n exists")

    general_mu, general_L, s = reals("mu L s")
    values = {general_mu: mu, general_L: L}
    ends = {"μ ≥ −L": general_mu >= -general_L, "μ ≤ L": general_mu <= general_L}
    for name, relation in ends.items():
        if (end := relation.xreplace(values)) != sp.true:
            p.implies(name, [L > 0], end)
    named = {"g": g, "x1": c, "x2": r, "x": x, "z": z, "n": n}
    (sign, unit, product), _ = witness(vectors, mu, L)
    _, goal = p.cite(
        TWO_POINT_ATTAINED, "at x₁ = c, x₂ = r, s = −η", {**values, s: -eta}, named, ["attained"]
    ).args
    curvature = p.cite(TWO_POINT_ATTAINED, "curvature of φ", values, named, ["curvature"])
    value = p.implies("φ(−ηr) − φ(−ηc)", [sign, product], goal)
    slope, bend = dot(g, r - c), (L + mu) / 4 * (norm2(r) - norm2(c)) + (L - mu) / 4 * lengths(c, r)
    p.implies("the curvature outweighs the slope", [known[0]], eta * bend > slope)
    rise, first, second = reals("x b B")
    rule = p.implies(
        "φ rises: for numbers",
        [sp.Eq(rise, -eta * first + eta**2 * second), eta * second > first, eta > 0],
        rise > 0,
    )
    p.instance("φ rises", rule, {rise: value.lhs, first: slope, second: bend})
    p.implies("φ is as assumed", [curvature, sign, unit], curvature.args[1])
    p.conclude("only if")


def prove_scaling(p, c, r, eta):
    """‖ηr − ηc‖ ‖ηr + ηc‖ = η² ‖r − c‖ ‖r + c‖."""
    import sympy as sp

    squares = [p.square("lengths: ‖r − c‖² ≥ 0", r - c), p.square("lengths: ‖r + c‖² ≥ 0", r + c)]
    scaled = sp.Eq(lengths(-eta * c, -eta * r), eta**2 * lengths(c, r))
    return p.implies("lengths scale with η", squares, scaled)
