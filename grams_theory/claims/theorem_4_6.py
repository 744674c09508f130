"""Hamiltonian descent: along the Grams flow H and L decrease, and L at least as fast as along the other flows.

    H(w, s) = L(w) + K(s),  ẇ = −d − Φ(∇L(w)),  ṡ = ∇L(w) − Ψ(s),  with g = ∇L(w), k = ∇K(s) and
    d = k (momentum), k∘1[g∘k ≥ 0] (cautious), sign(g)∘|k| (Grams);  ⟨g, Φ(g)⟩ ≥ 0, ⟨k, Ψ(s)⟩ ≥ 0.

    dH/dt ≤ 0 along all three;  dL/dt = −⟨|g|, |k|⟩ − ⟨g, Φ(g)⟩ ≤ 0 along Grams, ≤ cautious ≤ momentum.

Theorem 4.6 of the paper, for L and K in C¹. Needs the chain rule. Where some gᵢ = 0 the right-hand sides jump; what
becomes of the theorem there is the claim "filippov".
"""

from grams_theory.claims._flow_rates import chain_rule
from grams_theory.core.claim import Claim, Flow, Formal
from grams_theory.core.definitions import (
    CAUTIOUS_FLOW,
    GRAMS_FLOW,
    MOMENTUM_FLOW,
    MOMENTUM_RATE,
    PHI,
    PSI,
)
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read

FLOWS = ("momentum", "cautious", "grams")


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    momentum, cautious, grams = reals("L̇_momentum L̇_cautious L̇_grams")
    sizes, phi, psi = reals("⟨|g|,|k|⟩ ⟨g,Φ⟩ ⟨k,Ψ⟩")
    return Formal(
        {
            **{f"dH/dt ≤ 0, {flow}": sp.Le(reals(f"Ḣ_{flow}")[0], 0) for flow in FLOWS},
            "dL/dt ≤ 0, grams": sp.Le(grams, 0),
            "dL/dt, grams ≤ cautious": sp.Le(grams, cautious),
            "dL/dt, cautious ≤ momentum": sp.Le(cautious, momentum),
            "dL/dt, grams": sp.Eq(grams, -sizes - phi),
        },
        (sp.Ge(phi, 0), sp.Ge(psi, 0)),
        {"g": "∇L(w)", "k": "∇K(s)", "L̇": "dL/dt along that flow", "Φ": "Φ(g)", "Ψ": "Ψ(s)"},
    )


def inequalities():
    """What a state is fuzzed for: the formula for dL/dt would only compare two roundings of one number."""
    parts = formal().conclusions
    return Formal({part: relation for part, relation in parts.items() if part != "dL/dt, grams"})


def reading(q):
    rates = {f"Ḣ_{flow}": q.rate_H(flow) for flow in FLOWS}
    return {"": rates | {f"L̇_{flow}": q.rate_L(flow) for flow in FLOWS}}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    g, k, phi, psi = reals("g k φ ψ")
    sizes, g_phi, k_psi = reals("⟨|g|,|k|⟩ ⟨g,Φ⟩ ⟨k,Ψ⟩")
    damping = [p.use(PHI, g_phi), p.use(PSI, k_psi)]
    s_dot = p.use(MOMENTUM_RATE, g, psi)
    w_dots = {
        "momentum": p.use(MOMENTUM_FLOW, k, phi),
        "cautious": p.use(CAUTIOUS_FLOW, g, k, phi),
        "grams": p.use(GRAMS_FLOW, g, k, phi),
    }
    ks, gw, chain, pumped, total = chain_rule(p, s_dot, w_dots)
    for flow, w_dot in w_dots.items():
        term = f"{flow}: a term of dH/dt"
        p.implies(term, [], sp.Le(g * w_dot + k * s_dot, -g * phi - k * psi))
        rate = p.lift(f"{flow}: ⟨g,ẇ⟩ + ⟨k,ṡ⟩", term, sp.Le(gw[flow] + ks, -g_phi - k_psi))
        p.conclude(f"dH/dt ≤ 0, {flow}", [rate, chain[flow], pumped, total[flow], *damping])

    p.implies("grams: a term of dL/dt", [], sp.Eq(g * w_dots["grams"], -abs(g) * abs(k) - g * phi))
    rate = p.lift("grams: ⟨g,ẇ⟩", "grams: a term of dL/dt", sp.Eq(gw["grams"], -sizes - g_phi))
    p.implies("a term of ⟨|g|,|k|⟩", [], sp.Ge(abs(g) * abs(k), 0, evaluate=False))
    size = p.lift("⟨|g|,|k|⟩ ≥ 0", "a term of ⟨|g|,|k|⟩", sp.Ge(sizes, 0))
    formula = p.conclude("dL/dt, grams", [rate, chain["grams"]])
    p.conclude("dL/dt ≤ 0, grams", [formula, size, damping[0]])
    for fast, slow in (("cautious", "momentum"), ("grams", "cautious")):
        order = f"⟨g,ẇ⟩, {fast} ≤ {slow}"
        p.implies(f"a term of {order}", [], sp.Le(g * w_dots[fast], g * w_dots[slow]))
        ordered = p.lift(order, f"a term of {order}", sp.Le(gw[fast], gw[slow]))
        p.conclude(f"dL/dt, {fast} ≤ {slow}", [ordered, chain[fast], chain[slow]])


CLAIM = Claim(
    id="theorem-4.6",
    title="Hamiltonian descent of the Grams flow",
    source="Theorem 4.6",
    statement=(
        "dH/dt ≤ 0 along the momentum, cautious and Grams flows; "
        "dL/dt ≤ 0 along Grams, and dL/dt(Grams) ≤ dL/dt(cautious) ≤ dL/dt(momentum)"
    ),
    latex=(
        r"\tfrac{dH}{dt}\le0,\quad\tfrac{dL}{dt}\Big|_{\mathrm{Grams}}"
        r"=-\langle|\nabla L|,|\nabla K|\rangle-\langle\nabla L,\Phi(\nabla L)\rangle"
        r"\le\tfrac{dL}{dt}\Big|_{\mathrm{C}}\le\tfrac{dL}{dt}\Big|_{\mathrm{momentum}}"
    ),
    recorded=Verdict.PROVED,
    setting=Flow("hamiltonian"),
    formal=formal,
    margin=read(inequalities, reading),
    prove=prove,
    place=(4, 6),
)
