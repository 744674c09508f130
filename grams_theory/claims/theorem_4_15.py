"""Convergence of Grams under the PL condition: L(w_T) − L* ≤ (4G/(μηT)) (L(w₁) − L*).

Theorem 4.15 of the paper. Its argument carries Adam's bound (Lemma 4.14) over to Grams by comparing the two runs at
every t, and that comparison fails. The conclusion itself is true, and `linear-rate` proves more.
"""

from grams_theory.claims._small_step import CONDITION, CONDITION_LATEX, gradient_bound, largest_step_size
from grams_theory.core.claim import Claim, Run
from grams_theory.core.definitions import PL, SMOOTH
from grams_theory.core.verdict import Verdict

FACTOR = 4


def slack(r, name):
    """The smallest (4(G + ε)/(μηT))(f(w₁) − f*) − (f(w_T) − f*) over T = 1, 2, ... along the run, shape (B,)."""
    gap = r.gap(name)
    once = (gradient_bound(r) + r.eps) * r.initial_gap * FACTOR / (r.pl * r.eta)
    worst = once - gap[0]
    for t in range(2, r.steps + 2):
        worst = worst.minimum(once / t - gap[t - 1])
    return worst


def margin(r):
    return {"every T": slack(r, "Grams")}


def measure(device):
    """The bound along production runs on real losses, with the constants that were measured on them."""
    from grams_theory.landscape.real import measure_real_losses

    return [measure_real_losses(device)]


CLAIM = Claim(
    id="theorem-4.15",
    title="Convergence of Grams under the PL condition",
    source="Theorem 4.15 (G and the small η of Lemma 4.14 made explicit here)",
    statement=(
        f"f L-smooth and μ-PL, exact gradients, {CONDITION}, G = √(2L(f(w₁) − f*)) ⇒ "
        "f(w_T) − f* ≤ (4(G + ε)/(μηT))(f(w₁) − f*) for Grams"
    ),
    latex=(
        CONDITION_LATEX
        + r"\ \Rightarrow\ f(w_T)-f^\star\le\frac{4(G+\varepsilon)}{\mu\eta T}\,(f(w_1)-f^\star),"
        r"\ G=\sqrt{2L(f(w_1)-f^\star)}"
    ),
    recorded=Verdict.GAP,
    assumptions=(SMOOTH, PL),
    setting=Run(("Grams",), step_size=largest_step_size),
    margin=margin,
    measure=measure,
    argument=("lemma-4.14", "trajectory-comparison"),
    note="linear-rate proves it with 1 in place of 4, for Adam and Grams at once, and compares no runs.",
    place=(4, 15),
)
