"""With bounded gradient noise of mean 0, Grams settles at the minimiser: what a convergence theorem would promise.

    f strongly convex, E ξ = 0, |ξ| bounded, η small   ⇒   the mean weight of Grams comes to rest at the minimiser.

False: the expected step is 0 elsewhere. On f(w) = w²/2 with ξ = −1 (probability 3/4) or +3 (1/4), β₁ = 1/2 and the
average m̂ = (g₁ + 2g₂)/3 of two gradients g = w + ξ, E[sign(g₂)|m̂|] = (5w − 1)/8 near 0: the minimiser is left, and the
mean comes to rest at w = 1/5. Adam's expected step is E[m̂] = w, but for the normaliser: it rests at 0. With a longer
memory Grams goes further, as `median-bias` proves, up to the median w = 1 of the gradient.
"""

from grams_theory.core.claim import Claim, Noise
from grams_theory.core.verdict import Verdict

NEAR = 0.125
"""A dozen of the longest steps: the step size is at most 1/100 in the sampled runs."""


def margin(n):
    return {"Grams rests at the minimiser": NEAR - abs(n.mean("Grams"))}


CLAIM = Claim(
    id="noise-convergence",
    title="Grams settles at the minimiser under bounded noise of mean zero",
    source="Ours: Theorem 4.15 with stochastic gradients in place of exact ones",
    statement="f strongly convex, bounded noise ξ, E ξ = 0, small η ⇒ the mean weight of Grams rests within 1/8 of w*",
    latex=r"\mathbb E\,\xi=0,\ |\xi|\le C\ \Rightarrow\ |\mathbb E\,w_t-w^\star|\le\tfrac18\text{ for small }\eta",
    recorded=Verdict.REFUTED,
    setting=Noise(("Grams", "Adam")),
    margin=margin,
    note="The witness holds the weight and the normaliser; the sampled runs hold nothing, and drift further.",
    place=(4, 15, 4),
)
