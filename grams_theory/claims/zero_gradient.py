"""Where gᵢ = 0, nothing moves: neither Grams, nor Cautious as released, nor Cautious as defined.

    gᵢ = 0   ⇒   (w⁺)ᵢ = wᵢ.

True of Grams, since sign(0) = 0, and of the released mask u∘g > 0. False of Definition 3.7, whose mask u∘g ≥ 0 lets uᵢ
pass there: after the gradients 1 and 0 it moves, the other two stand still. So the two conventions are different
optimizers wherever a coordinate gets no gradient, as rows of an embedding do, and units of a ReLU that is off.
"""

from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.verdict import Verdict

PARTS = {
    "Grams": "Grams",
    "Cautious as released": "ReleasedCautiousAdam",
    "Cautious as defined": "CautiousAdam",
}


def margin(s):
    return {part: -abs(s.unforced(name)).sum(-1) for part, name in PARTS.items()}


CLAIM = Claim(
    id="zero-gradient",
    title="A coordinate without a gradient stands still",
    source="Ours: what Definitions 3.4, 3.7 and 4.1 and the released code say where gᵢ = 0",
    statement="gᵢ = 0 ⇒ coordinate i does not move, under Grams, Cautious as released, and Cautious as defined",
    latex=r"g_i=0\ \Rightarrow\ (w_{t+1})_i=(w_t)_i",
    recorded=Verdict.REFUTED,
    setting=OneStep(tuple(PARTS.values())),
    margin=margin,
    place=(3, 7),
)
