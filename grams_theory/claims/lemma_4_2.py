"""One step of Grams: an upper bound on ΔL_G, and descent for small η.

    ΔL_G ≤ −η⟨|g|, |u|⟩ + (Lη²/2)‖u‖²;   η ≤ 2⟨|g|, |u|⟩/(L‖u‖²) ⇒ ΔL_G ≤ 0.

Lemma 4.2 of the paper. Needs the descent lemma. The bound is attained: f(x) = ⟨g, x − w⟩ + (L/2)‖x − w‖².
"""

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import SMOOTH, Claim, OneStep
from grams_theory.core.verdict import Verdict


def margin(s):
    first = s.eta * dot(abs(s.g), abs(s.u))
    second = s.smoothness * (s.eta * s.eta / 2) * norm2(s.u)
    change, bound = s.change("Grams"), second - first
    return {
        "upper": bound - change,
        "descent": (abs(bound) + bound) / 2 - change,  # ΔL_G ≤ 0 wherever the bound is
    }


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals
    from grams_theory.symbolic.rules import grams

    u, g, G, inner, N, U, L, eta, change = reals("u g G ⟨g,r⟩ ‖r‖² ‖u‖² L eta ΔL_G")
    r = grams(u, g)
    p.implies("first order, in one coordinate", [], sp.Eq(g * r, abs(g) * abs(u)))
    p.implies("length, in one coordinate", [], sp.Le(r**2, u**2))
    first = p.lift(
        "first order", "first order, in one coordinate", sp.Eq(inner, G), {inner: g * r, G: abs(g) * abs(u)}
    )
    length = p.lift("length", "length, in one coordinate", sp.Le(N, U), {N: r**2, U: u**2})
    lemma = p.cite(
        "descent-lemma",
        "at x = w, y = w − ηr, r = sign(g)∘|u|: ΔL_G ≤ −η⟨g,r⟩ + (L/2)η²‖r‖²",
        sp.Le(change, -eta * inner + L * eta**2 * N / 2),
        r"\Delta L_G\le-\eta\langle g,r\rangle+\tfrac L2\eta^2\lVert r\rVert^2",
    )
    upper = p.implies(
        "upper bound", [lemma, first, length, L > 0], sp.Le(change, -eta * G + L * eta**2 * U / 2)
    )
    p.implies("descent", [upper, L > 0, eta >= 0, U > 0, sp.Le(eta, 2 * G / (L * U))], sp.Le(change, 0))

    space = Space("g r")
    gradient, step = space.vectors()
    x = -eta * step
    p.identity(
        "attained by f(w + x) = ⟨g, x⟩ + (L/2)‖x‖² wherever no gᵢ is 0",
        dot(gradient, x) + L / 2 * norm2(x),
        -eta * dot(gradient, step) + L / 2 * eta**2 * norm2(step),
    )
    p.implies("length is kept, in one coordinate", [sp.Ne(g, 0)], sp.Eq(r**2, u**2))


CLAIM = Claim(
    id="lemma-4.2",
    title="Descent of the Grams step",
    source="Lemma 4.2",
    statement="f L-smooth ⇒ ΔL_G ≤ −η⟨|g|, |u|⟩ + (Lη²/2)‖u‖²; η ≤ 2⟨|g|, |u|⟩/(L‖u‖²) ⇒ ΔL_G ≤ 0",
    latex=r"\Delta L_G\le-\eta\langle|g|,|u|\rangle+\tfrac{L\eta^2}2\lVert u\rVert^2",
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams",)),
    margin=margin,
    prove=prove,
    uses=("descent-lemma",),
    place=(4, 2),
)
