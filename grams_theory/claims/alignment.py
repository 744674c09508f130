"""⟨|g|, |u|⟩ ≥ ⟨u∘g, 1[u∘g ≥ 0]⟩: Grams' step has at least the cautious step's inner product with the gradient.

The paper rests its comparison of the two descent bounds on it. Needs nothing; true coordinate by coordinate.
"""

from grams_theory.core.algebra import dot
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import ALIGNED
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    G, A = reals("⟨|g|,|u|⟩ A")
    return Formal({"order": sp.Ge(G, A)})


def reading(s):
    return {"Grams": {"⟨|g|,|u|⟩": dot(abs(s.g), abs(s.u)), "A": dot(s.g, s.a)}}


def attained():
    return {"order": {"H": [[1]], "g": [1], "u": [1], "eta": 1, "smoothness": 1}}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    u, g, G, A = reals("u g ⟨|g|,|u|⟩ A")
    cautious = p.use(ALIGNED, u, g, u * g)
    p.coordinates(**{"|g|": abs(g), "|u|": abs(u)})
    p.implies("in one coordinate", [], sp.Ge(abs(g) * abs(u), cautious))
    p.lift("in every dimension", "in one coordinate", sp.Ge(G, A), {A: cautious})
    p.conclude("order")


CLAIM = Claim(
    id="alignment",
    title="Grams' step is aligned at least as well as the cautious step",
    source="Quoted from the paper as Fact 3.6",
    statement="⟨|g|, |u|⟩ ≥ ⟨u∘g, 1[u∘g ≥ 0]⟩ for all vectors g, u",
    latex=r"\langle|g|,|u|\rangle\ \ge\ \langle u\circ g,\mathbf 1[u\circ g\ge0]\rangle",
    recorded=Verdict.PROVED,
    setting=OneStep(("Grams", "CautiousAdam")),
    formal=formal,
    margin=read(formal, reading),
    attained=attained,
    prove=prove,
    place=(3, 6),
)
