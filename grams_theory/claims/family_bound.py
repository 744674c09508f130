"""Which member of AMS(λ) the descent lemma prefers: to first order the smaller λ the better, and λ* for a given η.

    s = u∘1[u∘g ≥ 0] + λ u∘1[u∘g < 0],  a = u∘1[u∘g ≥ 0],  b = −u∘1[u∘g < 0],  β = ⟨g, b⟩ = Σ |uᵢgᵢ| over uᵢgᵢ < 0
    ΔL_λ ≤ −η(⟨g, a⟩ − λβ) + (Lη²/2)(‖a‖² + λ²‖b‖²), smallest at λ* = −β/(ηL‖b‖²)

so Grams' λ = −1 minimises the bound exactly for η = β/(L‖b‖²), and no λ does for every η.

Ours. Needs the descent lemma.
"""

from grams_theory.claims.descent_lemma import CLAIM as DESCENT_LEMMA
from grams_theory.core.algebra import dot
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import ALIGNED, AMS, CAUTIOUS, MISALIGNED, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read

MEMBERS = {"Adam": 1, "CautiousAdam": 0, "Grams": -1}


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    change, lam, best, L, eta, alpha, beta, aa, bb = reals("ΔL_λ λ λ* L η α β ⟨a,a⟩ ⟨b,b⟩")

    def bound(lam):
        return -eta * (alpha - lam * beta) + L * eta**2 / 2 * (aa + lam**2 * bb)

    return Formal(
        {
            "bound": sp.Le(change, bound(lam)),
            "best λ": sp.Implies(sp.Eq(eta * L * bb * best, -beta), sp.Ge(bound(lam), bound(best))),
        },
        (L >= 0, eta >= 0),
        {"ΔL_λ": "f(w − ηs) − f(w)"},
    )


def read_on_steps():
    return Formal({"bound": formal().conclusions["bound"]})


def reading(s):
    """Adam, Cautious and Grams as members. Where gᵢ = 0 ≠ uᵢ Grams is none, and such a case is read as 0 ≤ 0."""
    from grams_theory.flows.directions import positive

    regular = ~positive((abs(s.u) - abs(s.r)).sum(-1))
    parts = {"α": dot(s.g, s.a), "β": dot(s.g, s.b), "⟨a,a⟩": dot(s.a, s.a), "⟨b,b⟩": dot(s.b, s.b)}
    inside = {symbol: value.where(regular) for symbol, value in parts.items()}
    common = {**inside, "L": s.smoothness, "η": s.eta}
    return {
        name: {**common, "ΔL_λ": s.change(name).where(regular), "λ": lam} for name, lam in MEMBERS.items()
    }


def attained():
    bowl = {"H": [[1]], "g": [1], "u": [-1], "eta": 1, "smoothness": 1}
    return {f"bound, {name}": bowl for name in ("Adam", "Grams")}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, a, b, s = Space("g a b s").vectors()
    gi, ui, lam, L, eta, alpha, beta, change, Delta = reals("g u λ L η α β ΔL_λ Δ")
    p.shared(lam)
    step = p.use(AMS, ui, gi, lam)
    p.coordinates(g=gi, a=p.use(CAUTIOUS, ui, gi), b=-p.use(MISALIGNED, ui, gi, ui), s=step)

    aligned, opposed = p.use(ALIGNED, ui, gi, ui * gi), -p.use(MISALIGNED, ui, gi, ui * gi)
    p.implies("⟨g, s⟩, in one coordinate", [], sp.Eq(gi * step, aligned - lam * opposed))
    first = p.lift(
        "⟨g, s⟩ = α − λβ",
        "⟨g, s⟩, in one coordinate",
        sp.Eq(dot(g, s), alpha - lam * beta),
        {alpha: aligned, beta: opposed},
    )
    p.implies(
        "‖s‖², in one coordinate",
        [],
        sp.Eq(step**2, p.use(CAUTIOUS, ui, gi) ** 2 + lam**2 * p.use(MISALIGNED, ui, gi, ui) ** 2),
    )
    second = p.lift(
        "‖s‖² = ‖a‖² + λ²‖b‖²", "‖s‖², in one coordinate", sp.Eq(norm2(s), norm2(a) + lam**2 * norm2(b))
    )
    lemma = p.cite(DESCENT_LEMMA, "from w along −ηs", {Delta: change}, {"g": g, "d": -eta * s})
    p.conclude("bound", [lemma, first, second])
    p.conclude("best λ", [p.square("‖b‖² ≥ 0", b), L >= 0, eta >= 0])


CLAIM = Claim(
    id="family-bound",
    title="The member of the family that the descent lemma prefers",
    source="Ours",
    statement=(
        "f L-smooth ⇒ ΔL_λ ≤ −η(⟨g,a⟩ − λβ) + (Lη²/2)(‖a‖² + λ²‖b‖²) along AMS(λ); "
        "the bound is smallest at λ* = −β/(ηL‖b‖²)"
    ),
    latex=(
        r"\Delta L_\lambda\le-\eta(\langle g,a\rangle-\lambda\beta)"
        r"+\tfrac{L\eta^2}2(\lVert a\rVert^2+\lambda^2\lVert b\rVert^2),\quad"
        r"\lambda^\star=-\frac{\beta}{\eta L\lVert b\rVert^2}"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams", "CautiousAdam", "Adam")),
    formal=formal,
    margin=read(read_on_steps, reading),
    attained=attained,
    prove=prove,
    place=(4, 2, 11),
)
