"""Lion in continuous time has a Hamiltonian that decreases, and so have its cautious and its Grams flow.

    c = m + e(g − m),  ẇ = −sign(c),  −sign(c)∘1[sign(c)∘g ≥ 0]  or  −sign(g)∘|sign(c)|,  ṁ = a(g − m),  g = ∇L(w)
    H = L(w) + ((1 − e)/a)‖m‖₁,  a > 0,  0 < e ≤ 1:   dH/dt ≤ 0 along all three;
    dL/dt(Grams) ≤ dL/dt(cautious) ≤ dL/dt(Lion),  and dL/dt(Grams) ≤ 0.

Ours in this form; that Lion has a Lyapunov function is due to L. Chen, B. Liu, K. Liang and Q. Liu, 2023.
By g − m = (c − m)/e, along Lion dH/dt = −‖c‖₁ − ((1 − e)/e)⟨c − m, sign(c) − ξ⟩ for every ξ in ∂‖m‖₁, and the sign
is monotone. Where cᵢ = 0, gᵢ = 0 or mᵢ = 0 it holds for every velocity of Filippov's inclusion. Needs the chain rule.
"""

from typing import Any

from grams_theory.core.claim import Claim, Flow, Formal
from grams_theory.core.definitions import CAUTIOUS, GRAMS, SIGN
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read

FLOWS = ("lion", "cautious", "grams")


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    L = {flow: reals(f"L̇_{flow}")[0] for flow in FLOWS}
    xi, m, a, e = reals("ξ m a e")
    return Formal(
        {
            **{f"dH/dt ≤ 0, {flow}": sp.Le(reals(f"Ḣ_{flow}")[0], 0) for flow in FLOWS},
            "dL/dt ≤ 0, grams": sp.Le(L["grams"], 0),
            "dL/dt, grams ≤ cautious": sp.Le(L["grams"], L["cautious"]),
            "dL/dt, cautious ≤ lion": sp.Le(L["cautious"], L["lion"]),
        },
        (*_lion(a, e), *_selection(xi, m)),
        {
            "ξ": "a subgradient of |m|, in every coordinate",
            "Ḣ": "⟨g,ẇ⟩ + ((1 − e)/a)⟨ξ,ṁ⟩ along that flow",
            "L̇": "⟨g,ẇ⟩ along that flow",
        },
    )


def _lion(a, e):
    return (a > 0, e > 0, e <= 1)


def _selection(xi, x):
    """ξ is in [−1, 1], and sign(x) where x ≠ 0."""
    import sympy as sp

    return (
        xi >= -1,
        xi <= 1,
        sp.Implies(x > 0, sp.Eq(xi, 1)),
        sp.Implies(x < 0, sp.Eq(xi, -1)),
    )


def reading(q):
    rates = {f"Ḣ_{flow}": q.rate_H(flow) for flow in FLOWS}
    return {"": rates | {f"L̇_{flow}": q.rate_L(flow) for flow in FLOWS}}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    g, m, c, xi, a, e = reals("g m c ξ a e")
    premises = [*_lion(a, e), *_selection(xi, m)]
    p.shared(a, e)
    ahead = p.define(c, m + e * (g - m))
    u = p.use(SIGN, c)
    flows = {"lion": u, "cautious": p.use(CAUTIOUS, u, g), "grams": p.use(GRAMS, u, g)}
    m_dot = a * (g - m)
    steps = {f"ẇ_{flow}": -step for flow, step in flows.items()}
    p.coordinates(**{"g": g, "ξ": xi, "ṁ": m_dot} | steps)
    momentum = reals("⟨ξ,ṁ⟩")[0]
    gw = {flow: reals(f"⟨g,ẇ_{flow}⟩")[0] for flow in FLOWS}
    L = {flow: reals(f"L̇_{flow}")[0] for flow in FLOWS}
    H = {flow: reals(f"Ḣ_{flow}")[0] for flow in FLOWS}
    rates: list[Any] = [sp.Eq(L[flow], gw[flow]) for flow in FLOWS]
    rates += [sp.Eq(a * H[flow], a * gw[flow] + (1 - e) * momentum) for flow in FLOWS]
    chain = p.axiom(
        "chain rule",
        "dL/dt = ⟨g,ẇ⟩ and a dH/dt = a⟨g,ẇ⟩ + (1 − e)⟨ξ,ṁ⟩ for some subgradient ξ of ‖m‖₁, for almost every t",
        "F. Clarke, Optimization and Nonsmooth Analysis, theorem 2.3.10",
        sp.And(*rates),
        r"\dot L=\langle g,\dot w\rangle,\quad a\dot H=a\langle g,\dot w\rangle+(1-e)\langle\xi,\dot m\rangle",
    )
    for flow, step in flows.items():
        term = f"{flow}: a term of a dH/dt"
        p.implies(term, [ahead, *premises], sp.Le(-a * g * step + (1 - e) * xi * m_dot, 0))
        rate = p.lift(f"{flow}: a dH/dt ≤ 0", term, sp.Le(a * gw[flow] + (1 - e) * momentum, 0))
        p.conclude(f"dH/dt ≤ 0, {flow}", [rate, chain, a > 0])
    p.implies("grams: a term of dL/dt", [ahead], sp.Le(-g * flows["grams"], 0))
    rate = p.lift("grams: ⟨g,ẇ⟩ ≤ 0", "grams: a term of dL/dt", sp.Le(gw["grams"], 0))
    p.conclude("dL/dt ≤ 0, grams", [rate, chain])
    for fast, slow in (("grams", "cautious"), ("cautious", "lion")):
        order = f"⟨g,ẇ⟩, {fast} ≤ {slow}"
        p.implies(f"a term of {order}", [ahead], sp.Le(-g * flows[fast], -g * flows[slow]))
        ordered = p.lift(order, f"a term of {order}", sp.Le(gw[fast], gw[slow]))
        p.conclude(f"dL/dt, {fast} ≤ {slow}", [ordered, chain])


CLAIM = Claim(
    id="lion-hamiltonian",
    title="Lion's Hamiltonian, and that of its cautious and Grams flows",
    source=(
        "Ours, with the Lyapunov function of L. Chen, B. Liu, K. Liang and Q. Liu, Lion secretly solves constrained "
        "optimization: as Lyapunov predicts, 2023, without weight decay"
    ),
    statement=(
        "H = L + ((1−e)/a)‖m‖₁, c = m + e(g−m), 0 < e ≤ 1 ⇒ dH/dt ≤ 0 along ẇ = −sign(c), its cautious and its Grams "
        "flow; dL/dt(Grams) ≤ dL/dt(cautious) ≤ dL/dt(Lion), dL/dt(Grams) ≤ 0"
    ),
    latex=r"H=L+\tfrac{1-e}a\lVert m\rVert_1,\quad\dot w=-\operatorname{sign}\bigl(m+e(g-m)\bigr),\quad"
    r"\dot m=a(g-m)\ \Rightarrow\ \tfrac{dH}{dt}\le0",
    recorded=Verdict.PROVED,
    setting=Flow("lion"),
    formal=formal,
    margin=read(formal, reading),
    prove=prove,
    place=(4, 6, 2),
)
