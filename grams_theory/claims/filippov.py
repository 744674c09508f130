"""Hamiltonian descent where the Grams flow jumps: at gᵢ = 0 every velocity of Filippov's inclusion will do.

    ẇᵢ = −ξᵢ|kᵢ| − φᵢ (Grams),  −(kᵢ + ξᵢ|kᵢ|)/2 − φᵢ (cautious),  ṡ = g − ψ,   ⟨g, φ⟩ ≥ 0, ⟨k, ψ⟩ ≥ 0,
    ξᵢ = sign(gᵢ) where gᵢ ≠ 0, and any number of [−1, 1] where gᵢ = 0.

    dH/dt ≤ −⟨g, φ⟩ − ⟨k, ψ⟩ ≤ 0 along both,  dL/dt = −⟨|g|, |k|⟩ − ⟨g, φ⟩ ≤ 0 along Grams: as in Theorem 4.6.

Ours: the form in which the theorem holds for solutions that exist, those that slide along gᵢ = 0 among them. A sliding
solution has some ξᵢ there; none enters dL/dt or dH/dt, since gᵢ does not. φ and ψ may be any values that discontinuous
Φ and Ψ take in Filippov's sense: limits and averages of values with ⟨g, φ⟩ ≥ 0 have it, too. Needs the chain rule.
"""

from grams_theory.claims._flow_rates import chain_rule
from grams_theory.core.claim import Claim, Flow, Formal
from grams_theory.core.definitions import FILIPPOV, MOMENTUM_RATE, PHI, PSI
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read

FLOWS = ("cautious", "grams")


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    grams, sizes, phi, psi, xi, g = reals("L̇_grams ⟨|g|,|k|⟩ ⟨g,Φ⟩ ⟨k,Ψ⟩ ξ g")
    H = {flow: reals(f"Ḣ_{flow}")[0] for flow in FLOWS}
    return Formal(
        {
            **{f"dH/dt, {flow}": sp.Le(H[flow], -phi - psi) for flow in FLOWS},
            **{f"dH/dt ≤ 0, {flow}": sp.Le(H[flow], 0) for flow in FLOWS},
            "dL/dt ≤ 0, grams": sp.Le(grams, 0),
            "dL/dt, grams": sp.Eq(grams, -sizes - phi),
        },
        (sp.Ge(phi, 0), sp.Ge(psi, 0), sp.Eq(xi * g, abs(g))),
        {"g": "∇L(w)", "k": "∇K(s)", "L̇": "dL/dt along that flow", "Φ": "Φ(g)", "Ψ": "Ψ(s)"},
    )


def inequalities():
    """What a state is fuzzed for: the formula for dL/dt would only compare two roundings of one number."""
    parts = formal().conclusions
    return Formal({part: relation for part, relation in parts.items() if part != "dL/dt, grams"})


def reading(q):
    rates = {f"Ḣ_{flow}": q.rate_H(flow) for flow in FLOWS}
    return {"": rates | {"L̇_grams": q.rate_L("grams"), "g": q.g, "k": q.k, "Φ": q.phi, "Ψ": q.psi}}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    g, k, phi, psi, xi = reals("g k φ ψ ξ")
    sizes, g_phi, k_psi = reals("⟨|g|,|k|⟩ ⟨g,Φ⟩ ⟨k,Ψ⟩")
    damping = [p.use(PHI, g_phi), p.use(PSI, k_psi)]
    selection = p.use(FILIPPOV, g, xi)
    s_dot = p.use(MOMENTUM_RATE, g, psi)
    w_dots = {"cautious": -(k + xi * abs(k)) / 2 - phi, "grams": -xi * abs(k) - phi}
    ks, gw, chain, pumped, total = chain_rule(p, s_dot, w_dots)
    for flow, w_dot in w_dots.items():
        term = f"{flow}: a term of dH/dt"
        p.implies(term, [selection], sp.Le(g * w_dot + k * s_dot, -g * phi - k * psi))
        rate = p.lift(f"{flow}: ⟨g,ẇ⟩ + ⟨k,ṡ⟩", term, sp.Le(gw[flow] + ks, -g_phi - k_psi))
        bound = p.conclude(f"dH/dt, {flow}", [rate, chain[flow], pumped, total[flow]])
        p.conclude(f"dH/dt ≤ 0, {flow}", [bound, *damping])

    p.implies("grams: a term of dL/dt", [selection], sp.Eq(g * w_dots["grams"], -abs(g) * abs(k) - g * phi))
    rate = p.lift("grams: ⟨g,ẇ⟩", "grams: a term of dL/dt", sp.Eq(gw["grams"], -sizes - g_phi))
    p.implies("a term of ⟨|g|,|k|⟩", [], sp.Ge(abs(g) * abs(k), 0, evaluate=False))
    size = p.lift("⟨|g|,|k|⟩ ≥ 0", "a term of ⟨|g|,|k|⟩", sp.Ge(sizes, 0))
    formula = p.conclude("dL/dt, grams", [rate, chain["grams"]])
    p.conclude("dL/dt ≤ 0, grams", [formula, size, damping[0]])


CLAIM = Claim(
    id="filippov",
    title="Hamiltonian descent of the Grams flow where it jumps",
    source="Ours: Theorem 4.6 in Filippov's sense (A. F. Filippov, 1988)",
    statement=(
        "Where ∇Lᵢ = 0, let the velocity be −ξ|kᵢ| − φᵢ with any ξ in [−1, 1]: still dH/dt ≤ 0, and "
        "dL/dt = −⟨|∇L|, |∇K|⟩ − ⟨∇L, Φ⟩ ≤ 0, for every such selection, along sliding solutions, too"
    ),
    latex=(
        r"\dot w\in-\operatorname{Sign}(\nabla L)\circ|\nabla K|-\Phi(\nabla L),\ "
        r"\operatorname{Sign}(0)=[-1,1]\ \Rightarrow\ "
        r"\tfrac{dH}{dt}\le0,\quad\tfrac{dL}{dt}=-\langle|\nabla L|,|\nabla K|\rangle-\langle\nabla L,\Phi\rangle"
    ),
    recorded=Verdict.PROVED,
    setting=Flow("filippov"),
    formal=formal,
    margin=read(inequalities, reading),
    prove=prove,
    place=(4, 6, 0, 1),
)
