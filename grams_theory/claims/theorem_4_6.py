"""Hamiltonian descent: along the Grams flow H and L decrease, and L at least as fast as along the other flows.

    H(w, s) = L(w) + K(s),  ẇ = −d − Φ(∇L(w)),  ṡ = ∇L(w) − Ψ(s),  with g = ∇L(w), k = ∇K(s) and
    d = k (momentum), k∘1[g∘k ≥ 0] (cautious), sign(g)∘|k| (Grams);  ⟨g, Φ(g)⟩ ≥ 0, ⟨k, Ψ(s)⟩ ≥ 0.

    dH/dt ≤ 0 along all three;  dL/dt = −⟨|g|, |k|⟩ − ⟨g, Φ(g)⟩ ≤ 0 along Grams, ≤ cautious ≤ momentum.

Theorem 4.6 of the paper. Where some gᵢ = 0 the right-hand sides jump: the statement holds for every velocity that
Filippov's inclusion allows there, since gᵢ = 0 removes it from dL/dt and dH/dt. Needs the chain rule.
"""

from grams_theory.core.claim import Claim, Flow
from grams_theory.core.verdict import Verdict


def margin(q):
    momentum, cautious, grams = (q.rate_L(flow) for flow in ("momentum", "cautious", "grams"))
    return {
        "dH/dt ≤ 0, momentum": -q.rate_H("momentum"),
        "dH/dt ≤ 0, cautious": -q.rate_H("cautious"),
        "dH/dt ≤ 0, Grams": -q.rate_H("grams"),
        "dL/dt ≤ 0, Grams": -grams,
        "dL/dt, Grams ≤ cautious": cautious - grams,
        "dL/dt, cautious ≤ momentum": momentum - cautious,
    }


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals
    from grams_theory.symbolic.rules import cautious, grams

    g, k, xi, phi, psi = reals("g k ξ φ ψ")
    dot_phi, dot_psi, GK = reals("⟨g,Φ⟩ ⟨k,Ψ⟩ ⟨|g|,|k|⟩")
    damped = [dot_phi >= 0, dot_psi >= 0]
    p.axiom(
        "chain rule",
        "dL/dt = Σᵢ gᵢẇᵢ and dH/dt = Σᵢ (gᵢẇᵢ + kᵢṡᵢ) along absolutely continuous solutions, for almost every t",
        "W. Rudin, Principles of Mathematical Analysis, theorem 9.15",
        latex=r"\dot L=\langle g,\dot w\rangle,\quad\dot H=\langle g,\dot w\rangle+\langle k,\dot s\rangle",
    )
    flows = {"momentum": k, "cautious": cautious(k, g), "Grams": grams(k, g)}
    for name, d in flows.items():
        H = sp.Symbol(f"Ḣ_{name}", real=True)
        term = g * (-d - phi) + k * (g - psi)
        p.implies(f"{name}: a term of dH/dt", [], sp.Le(term, -g * phi - k * psi))
        rate = p.lift(
            f"{name}: dH/dt",
            f"{name}: a term of dH/dt",
            sp.Le(H, -dot_phi - dot_psi),
            {H: term, dot_phi: g * phi, dot_psi: k * psi},
        )
        p.implies(f"{name}: H decreases", [rate, *damped], sp.Le(H, 0))

    terms = {sp.Symbol(f"L̇_{name}", real=True): g * (-d - phi) for name, d in flows.items()}
    momentum_L, cautious_L, grams_L = terms
    p.implies("Grams: a term of dL/dt", [], sp.Eq(terms[grams_L], -abs(g) * abs(k) - g * phi))
    p.implies("a term of ⟨|g|, |k|⟩", [], sp.Ge(abs(g) * abs(k), 0, evaluate=False))
    rate = p.lift(
        "Grams: dL/dt",
        "Grams: a term of dL/dt",
        sp.Eq(grams_L, -GK - dot_phi),
        {grams_L: terms[grams_L], GK: abs(g) * abs(k), dot_phi: g * phi},
    )
    size = p.lift("⟨|g|, |k|⟩ ≥ 0", "a term of ⟨|g|, |k|⟩", sp.Ge(GK, 0), {GK: abs(g) * abs(k)})
    p.implies("Grams: L decreases", [rate, size, damped[0]], sp.Le(grams_L, 0))
    for fast, slow in ((cautious_L, momentum_L), (grams_L, cautious_L)):
        order = f"{fast} ≤ {slow}"
        p.implies(f"a term of {order}", [], sp.Le(terms[fast], terms[slow]))
        p.lift(order, f"a term of {order}", sp.Le(fast, slow), {fast: terms[fast], slow: terms[slow]})

    selection = [sp.Implies(g > 0, sp.Eq(xi, 1)), sp.Implies(g < 0, sp.Eq(xi, -1))]
    p.implies(
        "Filippov: with any ξ in place of sign(0) the term is the same",
        selection,
        sp.Eq(g * (-xi * abs(k) - phi), -abs(g) * abs(k) - g * phi),
    )


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
    margin=margin,
    prove=prove,
    place=(4, 6),
)
