"""Gradient descent with momentum decreases f in each step, as gradient descent does for η ≤ 1/L.

    u ← μu + g from u = 0,  η ≤ 1/L   ⇒   ΔL ≤ 0.

False: momentum carries w through a minimum. On f(w) = w²/2 with μ = ½ and η = ¾ the second step leads uphill.
"""

from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.definitions import SMOOTH
from grams_theory.core.verdict import Verdict


def step_size(s):
    return 1 / s.smoothness


def margin(s):
    return {"descent": -s.change("SGD")}


CLAIM = Claim(
    id="momentum-monotone",
    title="Momentum decreases the loss in each step",
    source="Ours: what gradient descent does for η ≤ 1/L, asked of momentum",
    statement="f L-smooth, u ← μu + g, η ≤ 1/L ⇒ ΔL ≤ 0",
    latex=r"u\leftarrow\mu u+g,\quad\eta\le\tfrac1L\ \Rightarrow\ \Delta L\le0",
    recorded=Verdict.REFUTED,
    assumptions=(SMOOTH,),
    setting=OneStep(("SGD",), step_size, update="momentum"),
    margin=margin,
    note="f(w) = w²/2, μ = 1/2, η = 3/4: from w = 1 to 1/4 to −5/16.",
    place=(3, 9, 3),
)
