"""The average squared gradient along Adam: (1/T) Σ_{t≤T} ‖∇L(w_t)‖² ≤ 8G (L(w₁) − L*)/(ηT) for small η.

Lemma 4.14 of the paper, which cites it for Adam; its text could not be read beyond this bound. Two readings are
ours: G is √(2L(f(w₁) − f*)) + ε, and "small η" is the condition below. The bound then follows for every optimizer
between Adam and Grams from their common Lyapunov function.
"""

from grams_theory.claims._small_step import CONDITION, CONDITION_LATEX, gradient_bound, largest_step_size
from grams_theory.core.algebra import norm2
from grams_theory.core.claim import BOUNDED, SMOOTH, Claim, Run
from grams_theory.core.verdict import Verdict

OPTIMIZERS = ("Adam", "CautiousAdam", "Grams")
FACTOR = 8


def margin(r):
    bound = (gradient_bound(r) + r.eps) * r.initial_gap * FACTOR / (r.eta * r.steps)
    return {name: bound - norm2(r.grad(name))[: r.steps].sum(0) / r.steps for name in OPTIMIZERS}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    V, V_next, g2, total, Delta, eta, K, T = reals("V V⁺ ‖g‖² Σ Δ η K T")
    step = p.cite(
        "ams-lyapunov",
        "V_{t+1} ≤ V_t − (η/(8K))‖g_t‖², V_t ≥ 0, V_1 = Δ = f(w_1) − f*, K = G + ε",
        V_next <= V - eta * g2 / (8 * K),
        r"V_{t+1}\le V_t-\tfrac{\eta}{8K}\lVert g_t\rVert^2",
    )
    signs = [eta > 0, K > 0]
    p.implies(
        "at t = 1 nothing is summed",
        [*signs, sp.Le(V, Delta), total <= 0],
        V + eta * total / (8 * K) <= Delta,
    )
    p.implies(
        "the sum of the decreases is inherited (Σ = Σ_{s<t} ‖g_s‖²)",
        [step, *signs, V + eta * total / (8 * K) <= Delta],
        V_next + eta * (total + g2) / (8 * K) <= Delta,
    )
    p.axiom(
        "induction",
        "V_{T+1} + (η/(8K)) Σ_{t≤T} ‖g_t‖² ≤ Δ for every T",
        "principle of mathematical induction (Peano)",
    )
    p.implies(
        "average of the squared gradients",
        [V + eta * total / (8 * K) <= Delta, V >= 0, *signs, T > 0],
        total / T <= FACTOR * K * Delta / (eta * T),
    )


CLAIM = Claim(
    id="lemma-4.14",
    title="The average squared gradient of Adam",
    source="Lemma 4.14 (cited by the paper for Adam; G and the small η made explicit here, its text could not be read)",
    statement=(
        f"f L-smooth and bounded below, exact gradients, {CONDITION} ⇒ "
        "(1/T) Σ_{t≤T} ‖∇f(w_t)‖² ≤ 8(G + ε)(f(w₁) − f*)/(ηT) for Adam, and for C-Adam and Grams"
    ),
    latex=(
        CONDITION_LATEX + r"\ \Rightarrow\ \frac1T\sum_{t=1}^T\lVert\nabla f(w_t)\rVert^2"
        r"\le\frac{8(G+\varepsilon)}{\eta T}\,(f(w_1)-f^\star)"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH, BOUNDED),
    setting=Run(OPTIMIZERS, step_size=largest_step_size),
    margin=margin,
    prove=prove,
    uses=("ams-lyapunov",),
    note="With stochastic gradients no such bound holds for Grams: see median-bias.",
    place=(4, 14),
)
