"""Adam decreases every L-smooth f in each step if η is small: the bound of the descent lemma with |⟨g, u⟩| for ⟨g, u⟩.

    η ≤ 2|⟨g, u⟩|/(L‖u‖²)   ⇒   ΔL_Adam ≤ 0.

False: where ⟨g, u⟩ < 0 the descent lemma gives ΔL_Adam ≥ −η⟨g, u⟩ − (Lη²/2)‖u‖² > 0 for every smaller η. The premise
cannot be repaired by a smaller η, only by ⟨g, u⟩ ≥ 0; this is what the cautious and the Grams step see to.
"""

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.definitions import SMOOTH
from grams_theory.core.verdict import Verdict


def step_size(s):
    return 2 * abs(dot(s.g, s.u)) / (s.smoothness * norm2(s.u))


def margin(s):
    return {"descent": -s.change("Adam")}


CLAIM = Claim(
    id="adam-monotone",
    title="Adam decreases the loss in each small step",
    source="Ours: the step sizes of Lemma 4.2, asked of Adam",
    statement="f L-smooth, η ≤ 2|⟨g,u⟩|/(L‖u‖²) ⇒ ΔL_Adam ≤ 0",
    latex=r"\eta\le\tfrac{2|\langle g,u\rangle|}{L\lVert u\rVert^2}\ \Rightarrow\ \Delta L_{\mathrm{Adam}}\le0",
    recorded=Verdict.REFUTED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Adam",), step_size),
    margin=margin,
    note=(
        "f(w) = w²/2, β₁ = β₂ = 1/2, ε = 0, η = 6: from w = −5 to 1 to 3. "
        "No smaller step size helps: where ⟨g, u⟩ < 0, every η > 0 below the bound increases f."
    ),
    place=(3, 9, 4),
)
