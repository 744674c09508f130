"""Stochastic rounding too never moves a coordinate of a Grams step against −sign(g).

    w⁺ ∈ {⌊x⌋, ⌈x⌉}, x = fl(w − fl(η r)), r = sign(g)∘|u|:
    g > 0 ⇒ w⁺ ≤ w,   g < 0 ⇒ w⁺ ≥ w,   g = 0 ⇒ w⁺ = w

for the numbers ⌊x⌋ ≤ x ≤ ⌈x⌉ of the weights' format that are next to x, whichever of them chance takes: rounding down
and rounding up are roundings of IEEE 754, monotone, and leave w alone. x is what the arithmetic makes of w − η r, in
float32 for weights of 16 bits. So `rounding-direction` holds draw by draw, not only on average. Ours; the only axiom is
what the standard says of its roundings. Without weight decay, and for finite numbers; w⁺ may be ±∞.

That `Grams(stochastic_rounding=True)` lands on such a neighbour is tried on the numbers of both formats of 16 bits.
"""

from grams_theory.core.claim import Claim, Formal
from grams_theory.core.definitions import GRAMS
from grams_theory.core.verdict import Verdict


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    g, w, after, eta, below, above = reals("g w w⁺ η ⌊x⌋ ⌈x⌉")
    return Formal(
        {
            "g > 0": sp.Implies(g > 0, sp.Le(after, w)),
            "g < 0": sp.Implies(g < 0, sp.Ge(after, w)),
            "g = 0": sp.Implies(sp.Eq(g, 0), sp.Eq(after, w)),
        },
        (eta >= 0, sp.Eq(after, below) | sp.Eq(after, above)),
        {"⌊x⌋": "x rounded down", "⌈x⌉": "x rounded up, x = fl(w − d), d = fl(η r)"},
    )


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    g, u, w, eta, d, x, below, above = reals("g u w η d x ⌊x⌋ ⌈x⌉")
    step, statement = eta * p.use(GRAMS, u, g), formal()

    def keep(side, before, *after):
        """What monotone roundings that leave w alone make of numbers that are on one side of w."""
        return sp.Implies(side(before, w), sp.And(*(side(y, w) for y in after)))

    monotone = p.axiom(
        "monotone rounding",
        "fl(x) ≤ fl(y) if x ≤ y, fl(0) = 0 and fl(w) = w: to nearest, for d = fl(ηr) and x = fl(w − d), down and up",
        "IEEE Std 754-2019, section 4.3",
        sp.And(
            sp.Implies(step >= 0, d >= 0),
            sp.Implies(step <= 0, d <= 0),
            *(keep(side, w - d, x) for side in (sp.Le, sp.Ge)),
            *(keep(side, x, below, above) for side in (sp.Le, sp.Ge)),
        ),
        r"x\le y\Rightarrow\operatorname{fl}(x)\le\operatorname{fl}(y),\quad "
        r"\operatorname{fl}(0)=0,\quad\operatorname{fl}(w)=w",
    )
    for part in statement.conclusions:
        p.conclude(part, [monotone, *statement.premises])


def measure(device):
    """Production Grams with stochastic rounding on the weights and steps of each format of 16 bits."""
    from grams_theory.claims._direction_evidence import measured

    return measured(device, "stochastic")


CLAIM = Claim(
    id="stochastic-direction",
    title="Stochastic rounding never turns a Grams step around",
    source="Ours",
    statement=(
        "In every IEEE format, without weight decay: g > 0 ⇒ w⁺ ≤ w, g < 0 ⇒ w⁺ ≥ w, g = 0 ⇒ w⁺ = w, "
        "for w⁺ either neighbour of the rounded step fl(w − fl(η sign(g)|u|))"
    ),
    latex=(
        r"w^+\in\{\lfloor x\rfloor,\lceil x\rceil\},\ "
        r"x=\operatorname{fl}(w-\operatorname{fl}(\eta\operatorname{sign}(g)|u|)):\quad "
        r"g>0\Rightarrow w^+\le w,\quad g<0\Rightarrow w^+\ge w,\quad g=0\Rightarrow w^+=w"
    ),
    recorded=Verdict.PROVED,
    formal=formal,
    prove=prove,
    measure=measure,
    place=(4, 1, 3),
)
