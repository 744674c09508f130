"""With stochastic gradients Grams follows the median of the gradient, not its mean, and no step size cures it.

f(w) = w²/2 with stochastic gradients g = w + ξ, ξ = −1 with probability 3/4 and +3 with probability 1/4 (mean 0).
The minimiser is w = 0, the median of g vanishes at w = 1, where f = ½. Two statements are proved.

Frozen weight: let w be constant, the second moment be constant, and m' be the stationary momentum. For every
β₁ in [9/10, 1) Grams' expected step D(w) = E[sign(g)|m|], m = β₁m' + (1 − β₁)g, is negative (w grows) for all w < 1
and positive for all w ≥ 1: its only rest point is the median. Adam's expected step is E[m] = w.

Moving weight: nothing is frozen or replaced. Grams of Definitions 3.5 and 4.1 with β₁ = 9/10, any β₂, ε ≥ 100 (large,
so that √v̂ + ε is nearly constant), any η ≤ ε/5, started anywhere in [−4, 2], satisfies

    (1/n) Σ_t E f(w_t) ≥ 1/100 − (400 + 1.82ε/η)/n        (n steps from the 44th on).

So no bound on E f(w_t) − f* that vanishes as T → ∞ or η → 0 can hold for Grams. How much larger the bias is in
practice, with ε = 1e-8 and β₂ = 0.999, is measured on the production optimizers.
"""

from grams_theory.claims import _median_frozen as frozen
from grams_theory.claims import _median_moving as moving
from grams_theory.claims import _median_setting as setting
from grams_theory.core.claim import Claim, Formal, Noise
from grams_theory.core.verdict import Verdict


def margin(n):
    return {
        "Grams rests beyond 1/2": n.mean("Grams") - 0.5,
        "loss floor": n.loss("Grams") - 0.01,
        "Adam rests near the minimiser": 0.1 - abs(n.mean("Adam")),
        "C-Adam is biased too": n.mean("CautiousAdam"),
    }


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    beta = reals("β")[0]
    return Formal(
        {**frozen.conclusions(), **moving.conclusions()},
        (beta >= sp.Rational(setting.SMALLEST_BETA), beta < 1, *moving.premises()),
        {
            "w̄": "the frozen weight",
            "β": "β₁ with frozen weight; with moving weight it is 9/10",
            "D": "E[sign(g)|m|], g = w̄ + ξ, m' stationary: Grams' expected step but for √v̂ + ε",
            "E[m]": "Adam's expected step but for √v̂ + ε, m' stationary",
            "w": "the weight at a step",
            "g": "the stochastic gradient at a step",
            "w₁": "the start",
            "Σf": "Σ E f(w_t) over n steps from the 44th on",
        },
    )


def prove(p):
    import sympy as sp

    states = moving.combine(p, moving.drift(p))
    path = moving.path(p)
    of_moving = moving.expectations(path)
    of_frozen, pointwise = frozen.expectations(p)
    p.axiom(
        "expectation",
        "E of bounded variables is linear and monotone, E Y² ≥ (E Y)²; ξ is independent of the past, m' stationary",
        "P. Billingsley, Probability and Measure, sections 5 and 21",
        sp.And(*of_frozen.values(), *(of_moving[name] for name in moving.AXIOMS)),
    )
    frozen.conclude(p, of_frozen, pointwise)
    moving.conclude(p, path, of_moving, states)


CLAIM = Claim(
    id="median-bias",
    title="With stochastic gradients Grams follows the median",
    source="Ours: the limit of Theorem 4.15, which assumes exact gradients",
    statement=(
        "f(w) = w²/2, noise −1 (probability 3/4) or +3 (1/4). With w and v̂ frozen, β₁ in [9/10, 1): Grams' expected "
        "step increases w for every w < 1 and decreases it for every w ≥ 1, Adam's rests at 0. With nothing frozen, "
        "β₁ = 9/10, ε ≥ 100, any β₂, any η ≤ ε/5: the time average of E f(w_t) stays above 1/100 for Grams. "
        "Sampled with the default β and ε: mean w is above 1/2 for Grams, above 0 for C-Adam, within 1/10 for Adam"
    ),
    latex=(
        r"\liminf_{n\to\infty}\frac1n\sum_{t\le n}\mathbb E\,f(w_t)\ \ge\ \tfrac1{100}\quad"
        r"\text{for }\beta_1=\tfrac9{10},\ \varepsilon\ge100,\ \eta\le\tfrac\varepsilon5,\qquad"
        r"\mathbb E[\operatorname{sign}(g)\,|m|]<0\ \text{for } w<1,\ >0\ \text{for } w\ge1"
        r"\text{ where }\beta_1\in[\tfrac9{10},1)"
    ),
    recorded=Verdict.PROVED,
    setting=Noise(("Grams", "Adam", "CautiousAdam")),
    formal=formal,
    margin=margin,
    prove=prove,
    note="ε ≥ 100 only serves the proof: with ε = 1e-8 the production optimizer drifts all the way to the median.",
    place=(4, 15, 2),
)
