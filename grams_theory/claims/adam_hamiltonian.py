"""Adam in continuous time has a Hamiltonian that decreases if a ≥ b/4, and so has its Grams flow.

    ṁ = a(g − m),  v̇ = b(g² − v),  ẇ = −m/(√v + ε)  or  −sign(g)∘|m|/(√v + ε),  g = ∇L(w)
    H = L(w) + (1/2a)⟨m, m/(√v + ε)⟩;   a ≥ b/4 ⇒ dH/dt ≤ 0 wherever v > 0.

An example of Section 4 of the paper. Needs the chain rule. The constant 1/4 cannot be lowered: for every a₀ < b/4 there
is an ε > 0 with which dH/dt > 0 at g = 0, in every state with m ≠ 0.
"""

from typing import Any

from grams_theory.core.claim import Claim, Flow, Formal
from grams_theory.core.definitions import CAUTIOUS, GRAMS
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read

FLOWS = ("adam", "cautious", "grams")
ROOM, GROWTH = "a < b/4 leaves room for ε > 0", "a < b/4 lets H grow"


def partials(m, a, eps, root):
    """∂H/∂m and ∂H/∂v in one coordinate, root = √v."""
    u = m / (root + eps)
    return u / a, -(u**2) / (4 * a * root)


def still(m, a, b, eps, root):
    """A term of dH/dt at g = 0, where it does not contain ẇ."""
    by_m, by_v = partials(m, a, eps, root)
    return by_m * a * (0 - m) + by_v * b * (0 - root**2)


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    m, a, b, eps, root, below = reals("m a b ε r a₀")
    lowered = sp.And(below > 0, sp.Lt(below, b / 4))
    room = root * (b / (4 * below) - 1)
    moving: Any = sp.Ne(m, 0)
    small = sp.And(lowered, sp.Lt(eps, room), moving)
    return Formal(
        {
            **{f"dH/dt ≤ 0, {flow}": sp.Le(reals(f"Ḣ_{flow}")[0], 0) for flow in FLOWS},
            ROOM: sp.Implies(lowered, room > 0),
            GROWTH: sp.Implies(small, still(m, below, b, eps, root) > 0),
        },
        (b > 0, root > 0, eps >= 0, sp.Ge(a, b / 4)),
        {"Ḣ": "dH/dt along that flow", "r": "√v", "a₀": "a rate below b/4, in place of a"},
    )


def decrease():
    """The parts about a ≥ b/4, for which states are sampled."""
    parts = formal().conclusions
    return Formal({part: relation for part, relation in parts.items() if part not in (ROOM, GROWTH)})


def reading(q):
    return {"": {f"Ḣ_{flow}": q.rate_H(flow) for flow in FLOWS}}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    g, m, a, b, eps, root = reals("g m a b ε r")
    v = sp.Symbol("v", positive=True)
    energy = m**2 / (2 * a * (sp.sqrt(v) + eps))
    by_m, by_v = partials(m, a, eps, root)
    p.calculus("∂H/∂m", energy, m, by_m.subs(root, sp.sqrt(v)))
    p.calculus("∂H/∂v", energy, v, by_v.subs(root, sp.sqrt(v)))

    u = m / (root + eps)
    directions = {"adam": u, "cautious": p.use(CAUTIOUS, u, g), "grams": p.use(GRAMS, u, g)}
    kinetic = by_m * a * (g - m) + by_v * b * (g**2 - root**2)
    p.coordinates(**{"g": g, "∂ₘH": by_m, "ṁ": a * (g - m), "∂ᵥH": by_v, "v̇": b * (g**2 - root**2)})
    p.coordinates(**{f"ẇ_{flow}": -direction for flow, direction in directions.items()})
    mm, vv = reals("⟨∂ₘH,ṁ⟩ ⟨∂ᵥH,v̇⟩")
    rates = {reals(f"Ḣ_{flow}")[0]: reals(f"⟨g,ẇ_{flow}⟩")[0] + mm + vv for flow in FLOWS}
    chain: dict[str, Any] = {flow: sp.Eq(*rate) for flow, rate in zip(FLOWS, rates.items(), strict=True)}
    p.axiom(
        "chain rule",
        "dH/dt = ⟨g,ẇ⟩ + ⟨∂ₘH,ṁ⟩ + ⟨∂ᵥH,v̇⟩ along absolutely continuous solutions, for almost every t",
        "W. Rudin, Principles of Mathematical Analysis, theorem 9.15",
        sp.And(*chain.values()),
        r"\tfrac{dH}{dt}=\langle g,\dot w\rangle+\langle\partial_mH,\dot m\rangle+\langle\partial_vH,\dot v\rangle",
    )
    premise = [b > 0, root > 0, eps >= 0, sp.Ge(a, b / 4)]
    for flow, direction in directions.items():
        term = f"{flow}: a term of dH/dt"
        p.implies(term, premise, sp.Le(-g * direction + kinetic, 0))
        rate = p.lift(f"{flow}: dH/dt", term, sp.Le(chain[flow].rhs, 0))
        p.conclude(f"dH/dt ≤ 0, {flow}", [rate, chain[flow]])

    parts = formal().conclusions
    p.implies(ROOM, [root > 0], parts[ROOM])
    p.implies(GROWTH, [eps >= 0], parts[GROWTH])
    p.conclude(ROOM)
    p.conclude(GROWTH)


CLAIM = Claim(
    id="adam-hamiltonian",
    title="Adam's Hamiltonian, and that of its Grams flow",
    source="Section 4, example of the Hamiltonian; its number is not known to us, the sharpness of b/4 is ours",
    statement=(
        "H = L + (1/2a)⟨m, m/(√v+ε)⟩, a ≥ b/4 ⇒ dH/dt ≤ 0 along Adam's flow, its cautious and its Grams flow; "
        "for no smaller constant than 1/4 it holds for every ε > 0"
    ),
    latex=r"H=L+\tfrac1{2a}\Bigl\langle m,\tfrac m{\sqrt v+\varepsilon}\Bigr\rangle,\quad a\ge\tfrac b4"
    r"\ \Rightarrow\ \tfrac{dH}{dt}\le0",
    recorded=Verdict.PROVED,
    setting=Flow("adam"),
    formal=formal,
    margin=read(decrease, reading),
    prove=prove,
    place=(4, 6, 1),
)
