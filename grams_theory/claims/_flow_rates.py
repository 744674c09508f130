"""What the proofs about Hamiltonian flows have in common: the rates of L, K and H along each flow."""

from typing import Any

from grams_theory.core.definitions import HAMILTONIAN


def chain_rule(p, s_dot, w_dots):
    """dL/dt = ⟨g,ẇ⟩ and dK/dt = ⟨k,ṡ⟩ for one coordinate of ṡ and of each flow's ẇ (flow -> ẇ).

    Returns the symbol ⟨k,ṡ⟩, flow -> ⟨g,ẇ⟩, flow -> dL/dt = ⟨g,ẇ⟩, dK/dt = ⟨k,ṡ⟩, and flow -> dH/dt = dL/dt + dK/dt.
    """
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    g, k, phi, psi, kinetic, ks = reals("g k φ ψ K̇ ⟨k,ṡ⟩")
    p.coordinates(**{"g": g, "k": k, "|g|": abs(g), "|k|": abs(k), "Φ": phi, "Ψ": psi, "ṡ": s_dot})
    p.coordinates(**{f"ẇ_{flow}": w_dot for flow, w_dot in w_dots.items()})
    loss = {flow: reals(f"L̇_{flow}")[0] for flow in w_dots}
    gw = {flow: reals(f"⟨g,ẇ_{flow}⟩")[0] for flow in w_dots}
    total = {
        flow: p.define(reals(f"Ḣ_{flow}")[0], p.use(HAMILTONIAN, loss[flow], kinetic)) for flow in w_dots
    }
    chain: dict[str, Any] = {flow: sp.Eq(loss[flow], gw[flow]) for flow in w_dots}
    pumped: Any = sp.Eq(kinetic, ks)
    p.axiom(
        "chain rule",
        "dL/dt = ⟨g,ẇ⟩ and dK/dt = ⟨k,ṡ⟩ along absolutely continuous solutions, for almost every t",
        "W. Rudin, Principles of Mathematical Analysis, theorem 9.15",
        sp.And(*chain.values(), pumped),
        r"\dot L=\langle g,\dot w\rangle,\quad\dot K=\langle k,\dot s\rangle",
    )
    return ks, gw, chain, pumped, total
