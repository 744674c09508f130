"""In floating point too, a Grams step never moves a coordinate against −sign(g).

    w⁺ = fl(w − fl(η r)), r = sign(g)∘|u|:   g > 0 ⇒ w⁺ ≤ w,   g < 0 ⇒ w⁺ ≥ w,   g = 0 ⇒ w⁺ = w

for every format whose rounding fl is monotone and leaves representable numbers alone, as IEEE 754 demands of each of
its roundings: float64, float32, bfloat16, float16. Without weight decay, and for finite numbers; w⁺ may be ±∞. How
often η r is itself rounded does not matter. Nor does it that torch rounds w − d to float32 on its way to 16 bits: each
rounding is monotone and leaves w alone, so both in turn do. Ours; the only axiom is what the standard says of fl.

That production Grams subtracts so, and in no other order, is tried on the numbers of each format (`_direction_sweep`):
`verify` takes a spread of them, `benchmarks/sixteen_bits.py` every pair of a weight and a step of 16 bits.
"""

from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import GRAMS
from grams_theory.core.verdict import Verdict


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    g, w, after, eta = reals("g w w⁺ η")
    return Formal(
        {
            "g > 0": sp.Implies(g > 0, sp.Le(after, w)),
            "g < 0": sp.Implies(g < 0, sp.Ge(after, w)),
            "g = 0": sp.Implies(sp.Eq(g, 0), sp.Eq(after, w)),
        },
        (eta >= 0,),
        {"w⁺": "fl(w − d), d = fl(η r)"},
    )


def margin(s):
    """How far each coordinate moved along −sign(g), exactly; where g = 0, minus how far it moved at all."""
    import torch

    from grams_theory.core.rounding import Ball

    moved, direction = s.moved["Grams"], torch.sign(s.gradients[-1])
    along = torch.where(direction == 0, -moved.abs(), -direction * moved)
    return {"along −sign(g)": Ball.exact(along.amin(-1))}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    g, u, w, after, eta, d = reals("g u w w⁺ η d")
    step = eta * p.use(GRAMS, u, g)
    monotone = p.axiom(
        "monotone rounding",
        "fl(x) ≤ fl(y) if x ≤ y, fl(0) = 0 and fl(w) = w: for d = fl(ηr) and w⁺ = fl(w − d)",
        "IEEE Std 754-2019, section 4.3",
        sp.And(
            sp.Implies(step >= 0, d >= 0),
            sp.Implies(step <= 0, d <= 0),
            sp.Implies(sp.Le(w - d, w), sp.Le(after, w)),
            sp.Implies(sp.Ge(w - d, w), sp.Ge(after, w)),
        ),
        r"x\le y\Rightarrow\operatorname{fl}(x)\le\operatorname{fl}(y),\quad "
        r"\operatorname{fl}(0)=0,\quad\operatorname{fl}(w)=w",
    )
    for part in formal().conclusions:
        p.conclude(part, [monotone, eta >= 0])


def measure(device):
    """Production Grams on the weights and steps of each format: whether it obeys, and which steps are lost."""
    from grams_theory.claims._direction_evidence import measured

    return measured(device)


CLAIM = Claim(
    id="rounding-direction",
    title="Rounding never turns a Grams step around",
    source="Ours",
    statement=(
        "In every IEEE format, without weight decay: g > 0 ⇒ w⁺ ≤ w, g < 0 ⇒ w⁺ ≥ w, g = 0 ⇒ w⁺ = w, "
        "for the rounded step w⁺ = fl(w − fl(η sign(g)|u|))"
    ),
    latex=(
        r"w^+=\operatorname{fl}(w-\operatorname{fl}(\eta\operatorname{sign}(g)|u|)):\quad "
        r"g>0\Rightarrow w^+\le w,\quad g<0\Rightarrow w^+\ge w,\quad g=0\Rightarrow w^+=w"
    ),
    recorded=Verdict.PROVED,
    setting=OneStep(("Grams",)),
    formal=formal,
    margin=margin,
    prove=prove,
    measure=measure,
    place=(4, 1, 2),
)
