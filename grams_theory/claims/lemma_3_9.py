"""One step of the cautious update, a = u∘1[u∘g ≥ 0]: two-sided bounds on ΔL_C, and descent for small η.

    −ηA − (Lη²/2)‖a‖² ≤ ΔL_C ≤ −ηA + (Lη²/2)‖a‖²,  A = ⟨u∘g, 1[u∘g ≥ 0]⟩;   η ≤ 2A/(L‖a‖²) ⇒ ΔL_C ≤ 0.

Lemma 3.9 of the paper. Needs the descent lemma.
"""

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import SMOOTH, Claim, OneStep
from grams_theory.core.verdict import Verdict


def margin(s):
    first = s.eta * dot(s.g, s.a)
    second = s.smoothness * (s.eta * s.eta / 2) * norm2(s.a)
    change, bound = s.change("CautiousAdam"), second - first
    return {
        "upper": bound - change,
        "lower": change + first + second,
        "descent": (abs(bound) + bound) / 2 - change,  # ΔL_C ≤ 0 wherever the bound is
    }


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals
    from grams_theory.symbolic.rules import aligned, cautious

    u, g, A, inner, N, L, eta, change = reals("u g A ⟨g,a⟩ ‖a‖² L eta ΔL_C")
    p.implies("first order, in one coordinate", [], sp.Eq(g * cautious(u, g), aligned(u, g, u * g)))
    first = p.lift(
        "first order",
        "first order, in one coordinate",
        sp.Eq(inner, A),
        {inner: g * cautious(u, g), A: aligned(u, g, u * g)},
    )
    lemma = p.cite(
        "descent-lemma",
        "at x = w, y = w − ηa: |ΔL_C + η⟨g,a⟩| ≤ (L/2)η²‖a‖²",
        sp.Le(abs(change + eta * inner), L * eta**2 * N / 2),
        r"|\Delta L_C+\eta\langle g,a\rangle|\le\tfrac L2\eta^2\lVert a\rVert^2",
    )
    upper = p.implies("upper bound", [lemma, first], sp.Le(change, -eta * A + L * eta**2 * N / 2))
    p.implies("lower bound", [lemma, first], sp.Ge(change, -eta * A - L * eta**2 * N / 2))
    p.implies("descent", [upper, L > 0, eta >= 0, N > 0, sp.Le(eta, 2 * A / (L * N))], sp.Le(change, 0))
    p.implies("descent, where a = 0", [lemma, first, sp.Eq(N, 0), sp.Eq(A, 0)], sp.Le(change, 0))


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
    margin=margin,
    prove=prove,
    uses=("descent-lemma",),
    place=(3, 9),
)
