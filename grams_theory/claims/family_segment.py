"""AMS(λ) joins Adam (λ = 1), Cautious (λ = 0) and Grams (λ = −1) by a straight line, and Cautious is its midpoint.

    s = u∘1[u∘g ≥ 0] + λ u∘1[u∘g < 0] = ((1 + λ)/2) u + ((1 − λ)/2) r,  r = sign(g)∘|u|,  wherever gᵢ ≠ 0 or uᵢ = 0

so for convex f the loss after the step is convex in λ, and 2ΔL_C ≤ ΔL_Adam + ΔL_G.

Ours. Where gᵢ = 0 ≠ uᵢ the conventions part: Adam and Cautious move the coordinate, Grams does not.
"""

from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import AMS, CAUTIOUS, CONVEX, GRAMS
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    cautious, adam, grams, change = reals("ΔL_C ΔL_A ΔL_G ΔL_λ")
    u, g, lam = reals("u g λ")
    within = sp.And(lam >= -1, lam <= 1)
    return Formal(
        {
            "Cautious is the midpoint": sp.Le(2 * cautious, adam + grams),
            "convex in λ": sp.Implies(within, sp.Le(2 * change, (1 + lam) * adam + (1 - lam) * grams)),
        },
        (sp.Implies(sp.Eq(g, 0), sp.Eq(u, 0)),),
        {
            "ΔL_λ": "f(w − ηs) − f(w)",
            "ΔL_C": "that of λ = 0, Cautious",
            "ΔL_A": "that of λ = 1, Adam",
            "ΔL_G": "that of λ = −1, Grams",
        },
    )


def reading(s):
    """Cases in which some gᵢ = 0 ≠ uᵢ are outside the premise: there every change is read as 0."""
    from grams_theory.flows.directions import positive

    regular = ~positive((abs(s.u) - abs(s.r)).sum(-1))
    changes = {"ΔL_C": "CautiousAdam", "ΔL_A": "Adam", "ΔL_G": "Grams"}
    return {"production steps": {symbol: s.change(name).where(regular) for symbol, name in changes.items()}}


def read_on_steps():
    """The part about the three members that have production classes of their own."""
    part = "Cautious is the midpoint"
    return Formal({part: formal().conclusions[part]})


def attained():
    return {"Cautious is the midpoint": {"H": [[0]], "g": [1], "u": [-1], "eta": 1, "smoothness": 1}}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot
    from grams_theory.symbolic.proof import reals

    k, u, r, a, s = Space("k u r a s").vectors()
    gi, ki, ui, lam, eta = reals("g k u λ η")
    cautious, adam, grams, change = reals("ΔL_C ΔL_A ΔL_G ΔL_λ")
    regular = sp.Implies(sp.Eq(gi, 0), sp.Eq(ui, 0))
    p.shared(lam)
    step = p.use(AMS, ui, gi, lam)
    p.coordinates(k=ki, u=ui, r=p.use(GRAMS, ui, gi), a=p.use(CAUTIOUS, ui, gi), s=step)

    def below_chord(name, x, weight_u, weight_r, value):
        """2 f(w − ηx) ≤ weight_u f(w − ηu) + weight_r f(w − ηr), from the gradient k at w − ηx."""
        p.implies(
            f"{name} is on the segment, times k, in one coordinate",
            [regular],
            sp.Eq(2 * ki * x, weight_u * ki * ui + weight_r * ki * p.use(GRAMS, ui, gi)),
        )
        vector = s if x is step else a
        line = p.lift(
            f"{name} is on the segment",
            f"{name} is on the segment, times k, in one coordinate",
            sp.Eq(2 * dot(k, vector), weight_u * dot(k, u) + weight_r * dot(k, r)),
        )
        above = [
            p.assume(CONVEX, f"from {name} to {end}, k = ∇f there", rival - value + eta * dot(k, to - vector))
            for end, rival, to in (("Adam", adam, u), ("Grams", grams, r))
        ]
        return [line, *above]

    p.conclude("Cautious is the midpoint", below_chord("Cautious", p.use(CAUTIOUS, ui, gi), 1, 1, cautious))
    p.conclude("convex in λ", [*below_chord("AMS(λ)", step, 1 + lam, 1 - lam, change)])


CLAIM = Claim(
    id="family-segment",
    title="Cautious is the midpoint between Adam and Grams",
    source="Ours",
    statement=(
        "f convex, uᵢ = 0 wherever gᵢ = 0 ⇒ AMS(λ) is ((1+λ)/2)·Adam + ((1−λ)/2)·Grams, so "
        "2ΔL_λ ≤ (1+λ)ΔL_Adam + (1−λ)ΔL_G, and 2ΔL_C ≤ ΔL_Adam + ΔL_G"
    ),
    latex=(
        r"2\,\Delta L_\lambda\le(1+\lambda)\,\Delta L_{\mathrm{Adam}}+(1-\lambda)\,\Delta L_G,\quad"
        r"2\,\Delta L_C\le\Delta L_{\mathrm{Adam}}+\Delta L_G"
    ),
    recorded=Verdict.PROVED,
    assumptions=(CONVEX,),
    setting=OneStep(("Grams", "CautiousAdam", "Adam")),
    formal=formal,
    margin=read(read_on_steps, reading),
    attained=attained,
    prove=prove,
    place=(4, 2, 10),
)
