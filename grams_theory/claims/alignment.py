"""⟨|g|, |u|⟩ ≥ ⟨u∘g, 1[u∘g ≥ 0]⟩: Grams' step has at least the cautious step's inner product with the gradient.

The paper rests its comparison of the two descent bounds on it. Needs nothing; true coordinate by coordinate.
"""

from grams_theory.core.algebra import dot
from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.verdict import Verdict


def margin(s):
    return {"order": dot(abs(s.g), abs(s.u)) - dot(s.g, s.a)}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals
    from grams_theory.symbolic.rules import aligned

    u, g, G, A = reals("u g G A")
    grams, cautious = abs(g) * abs(u), aligned(u, g, u * g)
    p.implies("in one coordinate", [], sp.Ge(grams, cautious))
    p.lift("in every dimension", "in one coordinate", sp.Ge(G, A), {G: grams, A: cautious})


CLAIM = Claim(
    id="alignment",
    title="Grams' step is aligned at least as well as the cautious step",
    source="Quoted from the paper as Fact 3.6",
    statement="⟨|g|, |u|⟩ ≥ ⟨u∘g, 1[u∘g ≥ 0]⟩ for all vectors g, u",
    latex=r"\langle|g|,|u|\rangle\ \ge\ \langle u\circ g,\mathbf 1[u\circ g\ge0]\rangle",
    recorded=Verdict.PROVED,
    setting=OneStep(("Grams", "CautiousAdam")),
    margin=margin,
    prove=prove,
    place=(3, 6),
)
