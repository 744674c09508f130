"""One step of the cautious update, a = u∘1[u∘g ≥ 0]: two-sided bounds on ΔL_C, and descent for small η.

    −ηA − (Lη²/2)‖a‖² ≤ ΔL_C ≤ −ηA + (Lη²/2)‖a‖²,  A = ⟨u∘g, 1[u∘g ≥ 0]⟩;   η ≤ 2A/(L‖a‖²) ⇒ ΔL_C ≤ 0.

Lemma 3.9 of the paper. Needs the descent lemma.
"""

from grams_theory.claims.descent_lemma import CLAIM as DESCENT_LEMMA
from grams_theory.core.algebra import dot
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import ALIGNED, CAUTIOUS, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    change, A, aa, L, eta = reals("ΔL_C A ⟨a,a⟩ L η")
    bend = L * eta**2 * aa / 2
    return Formal(
        {
            "upper": sp.Le(change + eta * A, bend),
            "lower": sp.Ge(change + eta * A, -bend),
            "descent": sp.Implies(sp.Le(eta * L * aa, 2 * A), sp.Le(change, 0)),
        },
        (L >= 0, eta >= 0),
        {"ΔL_C": "f(w − ηa) − f(w)", "g": "∇f(w)"},
    )


def reading(s):
    change = s.change("CautiousAdam")
    return {"CautiousAdam": {"ΔL_C": change, "A": dot(s.g, s.a), "a": s.a, "L": s.smoothness, "η": s.eta}}


def attained():
    bowl = {"H": [[1]], "g": [1], "u": [1], "eta": 2, "smoothness": 1}
    return {"upper": bowl, "lower": {**bowl, "H": [[-1]]}, "descent": bowl}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot
    from grams_theory.symbolic.proof import reals

    g, a = Space("g a").vectors()
    u, gi, A, change, Delta, eta = reals("u g A ΔL_C Δ η")
    cautious, aligned = p.use(CAUTIOUS, u, gi), p.use(ALIGNED, u, gi, u * gi)
    p.coordinates(g=gi, a=cautious)

    p.implies("first order, in one coordinate", [], sp.Eq(gi * cautious, aligned))
    first = p.lift("first order", "first order, in one coordinate", sp.Eq(dot(g, a), A), {A: aligned})
    lemma = p.cite(DESCENT_LEMMA, "from w along −ηa", {Delta: change}, {"g": g, "d": -eta * a})
    upper = p.conclude("upper", [lemma, first])
    p.conclude("lower", [lemma, first])
    p.conclude("descent", [upper, eta >= 0])


CLAIM = Claim(
    id="lemma-3.9",
    title="Descent of the cautious step",
    source="Lemma 3.9",
    statement=(
        "f L-smooth ⇒ |ΔL_C + η⟨u∘g, 1[u∘g≥0]⟩| ≤ (Lη²/2)‖u∘1[u∘g≥0]‖²; "
        "η ≤ 2⟨u∘g, 1[u∘g≥0]⟩/(L‖u∘1[u∘g≥0]‖²) ⇒ ΔL_C ≤ 0"
    ),
    latex=(
        r"\bigl|\Delta L_C+\eta\langle u\circ g,\mathbf 1[u\circ g\ge0]\rangle\bigr|"
        r"\le\tfrac{L\eta^2}2\lVert u\circ\mathbf 1[u\circ g\ge0]\rVert^2"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH,),
    setting=OneStep(("CautiousAdam",)),
    formal=formal,
    margin=read(formal, reading),
    attained=attained,
    prove=prove,
    place=(3, 9),
)
