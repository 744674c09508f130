"""Adam in continuous time has a Hamiltonian that decreases if a ≥ b/4, and so has its Grams flow.

    ṁ = a(g − m),  v̇ = b(g² − v),  ẇ = −m/(√v + ε)  or  −sign(g)∘|m|/(√v + ε),  g = ∇L(w)
    H = L(w) + (1/2a)⟨m, m/(√v + ε)⟩;   a ≥ b/4 ⇒ dH/dt ≤ 0 wherever v > 0.

An example of Section 4 of the paper. Needs the chain rule. The constant 1/4 cannot be lowered:
if a < b/4, some state with g = 0 and small ε/√v has dH/dt > 0.
"""

from grams_theory.core.claim import Claim, Flow
from grams_theory.core.verdict import Verdict


def margin(q):
    return {f"dH/dt ≤ 0, {flow}": -q.rate_H(flow) for flow in ("adam", "cautious", "grams")}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals
    from grams_theory.symbolic.rules import cautious, grams

    g, m, a, b, eps, s = reals("g m a b epsilon s")  # s = √v
    v = sp.Symbol("v", positive=True)
    root, energy = sp.sqrt(v), m**2 / (2 * a * (sp.sqrt(v) + eps))
    u = m / (s + eps)
    by_m, by_v = u / a, -(u**2) / (4 * a * s)
    p.calculus("∂H/∂m", energy, m, by_m.subs(s, root))
    p.calculus("∂H/∂v", energy, v, by_v.subs(s, root))
    p.axiom(
        "chain rule",
        "dH/dt = Σᵢ (gᵢẇᵢ + ∂H/∂mᵢ ṁᵢ + ∂H/∂vᵢ v̇ᵢ) along absolutely continuous solutions, for almost every t",
        "W. Rudin, Principles of Mathematical Analysis, theorem 9.15",
        latex=r"\tfrac{dH}{dt}=\sum_ig_i\dot w_i+\partial_{m_i}H\,\dot m_i+\partial_{v_i}H\,\dot v_i",
    )

    def rate(direction):
        return -g * direction + by_m * a * (g - m) + by_v * b * (g**2 - s**2)

    premise = [b > 0, s > 0, eps >= 0, sp.Ge(a, b / 4)]
    for name, direction in {"Adam": u, "cautious": cautious(u, g), "Grams": grams(u, g)}.items():
        H = sp.Symbol(f"Ḣ_{name}", real=True)
        p.implies(f"{name}: a term of dH/dt", premise, sp.Le(rate(direction), 0))
        p.lift(f"{name}: H decreases", f"{name}: a term of dH/dt", sp.Le(H, 0), {H: rate(direction)})

    still = rate(u).subs(g, 0)
    p.identity("at g = 0", still, -(m**2) / (s + eps) * (1 - b / (4 * a) / (1 + eps / s)))
    ratio = sp.Symbol("ρ", real=True)
    p.limit("ε/√v → 0 leaves", 1 - b / (4 * a) / (1 + ratio), ratio, 0, 1 - b / (4 * a), "+")
    room = s * (b / (4 * a) - 1)
    p.implies("a < b/4 leaves room for ε > 0", [a > 0, sp.Lt(a, b / 4), s > 0], room > 0)
    p.implies("… where H grows at g = 0", [s > 0, eps >= 0, sp.Lt(eps, room), sp.Ne(m, 0)], still > 0)


CLAIM = Claim(
    id="adam-hamiltonian",
    title="Adam's Hamiltonian, and that of its Grams flow",
    source="Section 4, example of the Hamiltonian; its number is not known to us, the sharpness of b/4 is ours",
    statement="H = L + (1/2a)⟨m, m/(√v+ε)⟩, a ≥ b/4 ⇒ dH/dt ≤ 0 along Adam's flow, its cautious and its Grams flow",
    latex=r"H=L+\tfrac1{2a}\Bigl\langle m,\tfrac m{\sqrt v+\varepsilon}\Bigr\rangle,\quad a\ge\tfrac b4"
    r"\ \Rightarrow\ \tfrac{dH}{dt}\le0",
    recorded=Verdict.PROVED,
    setting=Flow("adam"),
    margin=margin,
    prove=prove,
    place=(4, 6, 1),
)
