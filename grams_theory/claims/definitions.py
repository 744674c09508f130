"""Definitions 3.5, 3.7 and 4.1: the production optimizers step as the paper defines.

    Adam       w ← w − η u,                u = m̂ / (√v̂ + ε)
    Cautious   w ← w − η u * 1[u*g ≥ 0]
    Grams      w ← w − η sign(g) * |u|

Every other claim is about these updates; this one ties the code that users train with to them.
It is about code, so nothing proves it for all inputs: it survives, or a step is found that is off by more than
rounding allows.
"""

from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.verdict import Verdict

OPTIMIZERS = ("Grams", "Adam", "CautiousAdam")


def margin(s):
    return {name: s.agreement(name) for name in OPTIMIZERS}


CLAIM = Claim(
    id="definitions",
    title="The production optimizers compute the defined updates",
    source="Definitions 3.5, 3.7 and 4.1",
    statement="one production step of Adam, C-Adam and Grams equals its definition up to rounding",
    latex=(
        r"w_{t+1}=w_t-\eta\,u,\quad w_t-\eta\,u\circ\mathbf 1_{u\circ g\ge0},"
        r"\quad w_t-\eta\,\operatorname{sign}(g)\circ|u|"
    ),
    recorded=Verdict.SURVIVED,
    setting=OneStep(OPTIMIZERS),
    margin=margin,
    place=(3, 5),
)
