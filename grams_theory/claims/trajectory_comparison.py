"""The step that carries Adam's bound over to Grams: L(w_t) along Grams is at most L(w_t) along Adam, at every t.

Reconstructed: Theorem 4.15 speaks of Grams, Lemma 4.14 of Adam, and a comparison of single steps from a common state
joins them. After the first step that differs, the two runs have no common state any more, and the loss of Grams may
be the larger one, even for the small step sizes of Lemma 4.14: where a coordinate of the gradient changes sign twice
within Adam's memory, the detour of Adam against its gradient pays off at the second turn.
"""

from grams_theory.claims._small_step import CONDITION, CONDITION_LATEX, largest_step_size
from grams_theory.core.claim import Claim, Run
from grams_theory.core.definitions import PL, SMOOTH
from grams_theory.core.verdict import Verdict


def margin(r):
    return {"every t": (r.gap("Adam") - r.gap("Grams")).worst(0)}


CLAIM = Claim(
    id="trajectory-comparison",
    title="Grams stays below Adam along whole runs",
    source="Reconstructed from the argument for Theorem 4.15",
    statement=f"f L-smooth and μ-PL, exact gradients, equal w₁, {CONDITION} ⇒ f(w_t^Grams) ≤ f(w_t^Adam) for all t",
    latex=CONDITION_LATEX + r"\ \Rightarrow\ f(w_t^{\mathrm{Grams}})\le f(w_t^{\mathrm{Adam}})\quad\forall t",
    recorded=Verdict.REFUTED,
    assumptions=(SMOOTH, PL),
    setting=Run(("Grams", "Adam"), step_size=largest_step_size),
    margin=margin,
    place=(4, 14, 1),
)
