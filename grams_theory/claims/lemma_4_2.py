"""One step of Grams, r = sign(g)∘|u|: an upper bound on ΔL_G, and descent for small η.

    ΔL_G ≤ −η⟨|g|, |u|⟩ + (Lη²/2)‖u‖²;   η ≤ 2⟨|g|, |u|⟩/(L‖u‖²) ⇒ ΔL_G ≤ 0.

Lemma 4.2 of the paper. Needs the descent lemma. The bound is attained, where no gᵢ is 0 and so ‖r‖ = ‖u‖, by
φ(x) = ⟨g, x⟩ + (L/2)‖x‖².
"""

from grams_theory.claims.descent_lemma import CLAIM as DESCENT_LEMMA
from grams_theory.core.algebra import dot
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import GRAMS, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def bounds():
    """The parts that are read on cases."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    change, G, uu, L, eta = reals("ΔL_G ⟨|g|,|u|⟩ ⟨u,u⟩ L η")
    return Formal(
        {
            "upper": sp.Le(change + eta * G, L * eta**2 * uu / 2),
            "descent": sp.Implies(sp.Le(eta * L * uu, 2 * G), sp.Le(change, 0)),
        },
        (L >= 0, eta >= 0),
        {"ΔL_G": "f(w − ηr) − f(w)", "g": "∇f(w)"},
    )


def formal():
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, r, x, z = Space("g r x z").vectors()
    G, uu, L, eta = reals("⟨|g|,|u|⟩ ⟨u,u⟩ L η")

    def phi(y):
        return dot(g, y) + L / 2 * norm2(y)

    attained = sp.Eq(phi(-eta * r), -eta * G + L * eta**2 * uu / 2)
    read_on_cases = bounds()
    return Formal(
        {
            **read_on_cases.conclusions,
            "attained if ‖r‖ = ‖u‖": sp.Implies(sp.Eq(norm2(r), uu), attained),
            "∇φ(x) = g + Lx": sp.Eq(
                phi(x + z) - phi(x) - dot(g + L * x, z), L / 2 * norm2(z), evaluate=False
            ),
        },
        read_on_cases.premises,
        read_on_cases.legend,
    )


def reading(s):
    return {
        "Grams": {
            "ΔL_G": s.change("Grams"),
            "⟨|g|,|u|⟩": dot(abs(s.g), abs(s.u)),
            "u": s.u,
            "L": s.smoothness,
            "η": s.eta,
        }
    }


def attained():
    bowl = {"H": [[1]], "g": [1], "u": [-1], "eta": 2, "smoothness": 1}
    return {"upper": bowl, "descent": bowl}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, r = Space("g r").vectors()
    u, gi, G, uu, change, Delta, L, eta = reals("u g ⟨|g|,|u|⟩ ⟨u,u⟩ ΔL_G Δ L η")
    step = p.use(GRAMS, u, gi)
    p.coordinates(**{"g": gi, "r": step, "u": u, "|g|": abs(gi), "|u|": abs(u)})

    p.implies("first order, in one coordinate", [], sp.Eq(gi * step, abs(gi) * abs(u)))
    p.implies("length, in one coordinate", [], sp.Le(step**2, u**2))
    first = p.lift("first order", "first order, in one coordinate", sp.Eq(dot(g, r), G))
    length = p.lift("length", "length, in one coordinate", sp.Le(norm2(r), uu))
    lemma = p.cite(DESCENT_LEMMA, "from w along −ηr", {Delta: change}, {"g": g, "d": -eta * r})
    upper = p.conclude("upper", [lemma, first, length, L >= 0])
    p.conclude("descent", [upper, eta >= 0])

    parts = formal().conclusions
    reached = parts["attained if ‖r‖ = ‖u‖"].args
    p.identity("φ(−ηr)", reached[1].lhs, reached[1].rhs, given=[first, reached[0]])
    p.conclude("attained if ‖r‖ = ‖u‖")
    remainder = parts["∇φ(x) = g + Lx"]
    p.identity("the remainder of φ", remainder.lhs, remainder.rhs)
    p.conclude("∇φ(x) = g + Lx")


CLAIM = Claim(
    id="lemma-4.2",
    title="Descent of the Grams step",
    source="Lemma 4.2",
    statement="f L-smooth ⇒ ΔL_G ≤ −η⟨|g|, |u|⟩ + (Lη²/2)‖u‖²; η ≤ 2⟨|g|, |u|⟩/(L‖u‖²) ⇒ ΔL_G ≤ 0",
    latex=r"\Delta L_G\le-\eta\langle|g|,|u|\rangle+\tfrac{L\eta^2}2\lVert u\rVert^2",
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams",)),
    formal=formal,
    margin=read(bounds, reading),
    attained=attained,
    prove=prove,
    place=(4, 2),
)
