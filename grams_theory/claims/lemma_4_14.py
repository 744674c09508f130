"""The average squared gradient along Adam: (1/T) Σ_{t≤T} ‖∇L(w_t)‖² ≤ 8G (L(w₁) − L*)/(ηT) for small η.

Lemma 4.14 of the paper, which cites it for Adam; its text could not be read beyond this bound. Two readings are
ours: G is √(2L(f(w₁) − f*)) + ε, and "small η" is η ≤ (1 − β₁)ε/(2L). The bound then follows for every optimizer
between Adam and Grams from their common Lyapunov function, with 2 in place of 8.
"""

from grams_theory.claims._ams_run import LEGEND, all_premises, reading
from grams_theory.claims._small_step import CONDITION, CONDITION_LATEX, largest_step_size
from grams_theory.claims.ams_lyapunov import CLAIM as AMS_LYAPUNOV
from grams_theory.core.algebra import norm2
from grams_theory.core.claim import Claim, Formal, Run
from grams_theory.core.definitions import BOUNDED, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read

OPTIMIZERS = ("Adam", "CautiousAdam", "Grams")
PRINTED, FACTOR = 8, 2
"""The constant of the paper, and one that suffices."""


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    total, steps, Delta, eta, eps, G, delta = reals("Σ T Δ η ε G δ")
    bound = (G + eps) * Delta / (eta * steps)
    return Formal(
        {"average": sp.Le(total / steps, PRINTED * bound), "sharper": sp.Le(total / steps, FACTOR * bound)},
        (*all_premises(), eta > 0, steps > 0, 2 * delta <= 1),
        {**LEGEND, "Σ": "Σ_{t≤T} ‖g_t‖²", "T": "how many steps"},
    )


def reads(r):
    def values(name):
        run = reading(r, name)
        return {**{s: run[s] for s in "ΔGηε"}, "T": r.steps, "Σ": norm2(run["g"]).sum(0)}

    return {name: values(name) for name in OPTIMIZERS}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space
    from grams_theory.symbolic.proof import reals

    F, F_next, L, Delta, eta, eps, G, delta, total, steps = reals("F F⁺ L Δ η ε G δ Σ T")
    gg, ee, ee_next, gDg = reals("⟨g,g⟩ ⟨e,e⟩ ⟨e⁺,e⁺⟩ ⟨g,Dg⟩")
    g, e = Space("g e").vectors()
    K, V, V_next = G + eps, F + ee / (2 * L), F_next + ee_next / (2 * L)
    signs = [eta > 0, eps > 0, G >= 0, L > 0]
    squares = [p.square("‖g‖² ≥ 0", g), p.square("‖e‖² ≥ 0", e)]
    lyapunov = p.cite(AMS_LYAPUNOV, parts=["Lyapunov inequality", "steps long enough"])
    x, y, fall = reals("x y w")
    drop = gDg + ee / eps
    p.implies("gradient and drop", [lyapunov, squares[1], *signs], gg <= K * drop)
    p.implies("fall of V", [lyapunov], V_next - V <= -(1 - delta) * eta * drop)
    p.implies("K > 0", signs, K > 0)
    small = p.implies(
        "half of the first-order decrease is left",
        [fall <= -(1 - delta) * eta * x, y <= K * x, y >= 0, K > 0, eta > 0, 2 * delta <= 1],
        FACTOR * K * fall <= -eta * y,
    )
    step = p.instance("decrease in one step", small, {fall: V_next - V, x: drop, y: gg})
    after = {F: F_next, ee: ee_next, total: total + gg}
    summed = FACTOR * K * V + eta * total <= FACTOR * K * Delta
    p.implies("the decreases add up", [step, summed], summed.xreplace(after))
    summed = p.induction("sum of the decreases", summed, {F: Delta, ee: 0, total: 0}, after)
    bounded = p.assume(BOUNDED, "at w_{T+1}", F)
    limit = p.implies("sum", [summed, bounded, squares[1], *signs], eta * total <= FACTOR * K * Delta)
    sharper = p.conclude("sharper", [limit, eta > 0, steps > 0])
    nonnegative = p.implies("Δ ≥ 0", [sp.Eq(G**2, 2 * L * Delta), L > 0], Delta >= 0)
    p.conclude("average", [sharper, nonnegative, *signs, steps > 0])


CLAIM = Claim(
    id="lemma-4.14",
    title="The average squared gradient of Adam",
    source="Lemma 4.14 (cited by the paper for Adam; G and the small η made explicit here, its text could not be read)",
    statement=(
        f"f L-smooth and bounded below, exact gradients, {CONDITION}, G = √(2L(f(w₁) − f*)) ⇒ "
        "(1/T) Σ_{t≤T} ‖∇f(w_t)‖² ≤ 8(G + ε)(f(w₁) − f*)/(ηT) for Adam, and for C-Adam and Grams; 2 is enough for 8"
    ),
    latex=(
        CONDITION_LATEX + r"\ \Rightarrow\ \frac1T\sum_{t=1}^T\lVert\nabla f(w_t)\rVert^2"
        r"\le\frac{8(G+\varepsilon)}{\eta T}\,(f(w_1)-f^\star),\ G=\sqrt{2L(f(w_1)-f^\star)}"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH, BOUNDED),
    setting=Run(OPTIMIZERS, step_size=largest_step_size),
    formal=formal,
    margin=read(formal, reads),
    prove=prove,
    note="With stochastic gradients no such bound holds for Grams: see median-bias.",
    place=(4, 14),
)
