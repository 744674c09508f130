"""The Grams flow converges: one strict damping is enough, and without any it still converges if K is strongly convex.

Let (w, s) be a bounded solution of the Grams flow of Theorem 4.6 in Filippov's sense, with L and K in C¹; if H is
radially unbounded every solution is bounded, since H decreases. Then ∇L(w(t)) → 0 if one of these holds:

    Φ is strict:   ⟨x, Φ(x)⟩ > 0 for x ≠ 0;
    Ψ is strict:   ⟨k, Ψ(s)⟩ > 0 for k = ∇K(s) ≠ 0; and ∇K(s) = 0 only at s = 0, where Ψ(0) = 0. Then k → 0, too;
    neither is:    K locally strongly convex, ∇K locally Lipschitz, Ψ(s) = 0 wherever ⟨k, Ψ(s)⟩ = 0: Ψ = 0 will do.

The reason: L and H are constant on the limit, so that |gᵢ||kᵢ| = 0 there in every coordinate. Where gᵢ ≠ 0, kᵢ rests
at 0, but gᵢ would move it. The momentum flow has nothing of the kind: without damping it oscillates.

Corollary to Theorem 4.6 ("filippov"). Needs LaSalle's principle for inclusions, and that ẋ = 0 at almost every t at
which an absolutely continuous x vanishes: hence |k̇ᵢ| ≤ C|kᵢ| for all i, with C the largest |k̇ᵢ|/|kᵢ| over kᵢ ≠ 0.
"""

from typing import Any

from grams_theory.claims.filippov import CLAIM as FILIPPOV_DESCENT
from grams_theory.core.claim import Claim, Formal
from grams_theory.core.definitions import MOMENTUM_RATE
from grams_theory.core.verdict import Verdict

STRICT_PHI, STRICT_PSI, NEITHER = "∇L = 0 if Φ is strict", "∇L = 0 if Ψ is strict", "∇L = 0 if neither is"
REST = "∇K = 0 if Ψ is strict"
"""Names of the parts."""


def _vectors():
    from grams_theory.symbolic.gram import Space

    return Space("g k Φ Ψ s κ").vectors()


def formal():
    import sympy as sp

    from grams_theory.symbolic.gram import dot, norm2
    from grams_theory.symbolic.proof import reals

    g, k, phi, psi, s, rate_k = _vectors()
    rate_s = g - psi
    no_gradient, no_momentum = sp.Eq(norm2(g), 0), sp.Eq(norm2(k), 0)
    strict_phi = sp.Implies(norm2(g) > 0, dot(g, phi) > 0)
    strict_psi = sp.Implies(norm2(k) > 0, dot(k, psi) > 0)
    one_rest = sp.And(
        sp.Implies(no_momentum, sp.Eq(norm2(s), 0)), sp.Implies(sp.Eq(norm2(s), 0), sp.Eq(norm2(psi), 0))
    )
    working = sp.Implies(sp.Eq(dot(k, psi), 0), sp.Eq(norm2(psi), 0))
    convex = sp.Implies(norm2(rate_s) > 0, dot(rate_s, rate_k) > 0)
    gi, xi = reals("g ξ")
    return Formal(
        {
            STRICT_PHI: sp.Implies(strict_phi, no_gradient),
            REST: sp.Implies(strict_psi, no_momentum),
            STRICT_PSI: sp.Implies(sp.And(strict_psi, one_rest), no_gradient),
            NEITHER: sp.Implies(sp.And(working, convex), no_gradient),
        },
        (sp.Ge(dot(g, phi), 0), sp.Ge(dot(k, psi), 0), sp.Eq(xi * gi, abs(gi))),
        {
            "g": "∇L(w) on a solution through an accumulation point, with constant L and K; at almost every t",
            "k": "∇K(s)",
            "κ": "dk/dt",
            "Φ": "Φ(g)",
            "Ψ": "Ψ(s)",
        },
    )


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import dot, norm2
    from grams_theory.symbolic.inequalities import cauchy_schwarz
    from grams_theory.symbolic.proof import reals

    g, k, phi, psi, s, rate_k = _vectors()
    rate_s = p.use(MOMENTUM_RATE, g, psi)
    gi, ki, kappa, C = reals("g k κ C")
    sizes, loss, kinetic = reals("⟨|g|,|k|⟩ L̇_grams K̇")
    work_phi, work_psi = dot(g, phi), dot(k, psi)
    p.shared(C)
    p.coordinates(**{"g": gi, "k": ki, "|g|": abs(gi), "|k|": abs(ki), "κ": kappa})

    resting: list[Any] = [sp.Eq(loss, 0), sp.Eq(kinetic, 0)]
    p.axiom(
        "LaSalle's invariance principle",
        "through every accumulation point passes a solution with constant L and H = L + K, as both are monotone",
        "A. Bacciotti and F. Ceragioli, ESAIM: Control, Optimisation and Calculus of Variations 4, 1999, theorem 3",
        sp.And(*resting),
        r"\dot L=\dot K=0",
    )
    at_rest = sp.Implies(sp.Eq(norm2(s), 0), sp.Eq(norm2(rate_s), 0))
    stays = sp.Le(abs(kappa), C * abs(ki))
    p.axiom(
        "level sets",
        "ẋ = 0 at almost every t with x(t) = 0, for absolutely continuous x: here x = s and x = kᵢ, |k̇ᵢ| ≤ C|kᵢ|",
        "L. C. Evans and R. F. Gariepy, Measure Theory and Fine Properties of Functions, section 4.2.2",
        sp.And(at_rest, stays),
        r"x(t)=0\ \Rightarrow\ \dot x(t)=0",
    )
    fall = p.cite(FILIPPOV_DESCENT, "dH/dt along that solution", parts=["dH/dt, grams"])
    rate = p.cite(FILIPPOV_DESCENT, "dL/dt along that solution", parts=["dL/dt, grams"])
    damping = [sp.Ge(work_phi, 0), sp.Ge(work_psi, 0)]
    idle_phi, idle_psi = (
        p.implies(f"{name} does no work", [fall, *resting, *damping], sp.Eq(work, 0))
        for name, work in (("Φ", work_phi), ("Ψ", work_psi))
    )
    apart = p.implies("|gᵢ||kᵢ| = 0 for every i", [rate, resting[0], idle_phi], sp.Eq(sizes, 0))
    squares = [p.square(f"‖{name}‖² ≥ 0", x) for name, x in {"g": g, "k": k, "g − Ψ": rate_s}.items()]
    orthogonal = cauchy_schwarz(p, "⟨g,Ψ⟩", g, psi)
    p.implies("a term of ⟨g,κ⟩", [stays], sp.Le(gi * kappa, C * abs(gi) * abs(ki)))
    pulled = p.lift("⟨g,κ⟩", "a term of ⟨g,κ⟩", sp.Le(dot(g, rate_k), C * sizes))
    useless = p.implies("g does not move k", [pulled, apart], sp.Le(dot(g, rate_k), 0))
    damped = cauchy_schwarz(p, "⟨Ψ,κ⟩", psi, rate_k)
    because = {
        STRICT_PHI: [idle_phi, squares[0]],
        REST: [idle_psi, squares[1]],
        STRICT_PSI: [idle_psi, squares[1], at_rest, orthogonal],
        NEITHER: [idle_psi, useless, squares[2], orthogonal, damped],
    }
    parts = formal().conclusions
    for part, given in because.items():
        p.implies(part, given, parts[part])
        p.conclude(part)


CLAIM = Claim(
    id="lasalle",
    title="The Grams flow converges to stationary points",
    source="Corollary to Theorem 4.6; statement reconstructed, that one strict damping or none is enough is ours",
    statement=(
        "H radially unbounded ⇒ ∇L(w(t)) → 0 along the Grams flow in Filippov's sense if Φ is strict; or if Ψ is "
        "strict and K has one stationary point, where Ψ = 0 (then ∇K → 0, too); or if K is locally strongly convex, "
        "∇K locally Lipschitz and Ψ = 0 wherever ⟨∇K, Ψ⟩ = 0, so without any damping"
    ),
    latex=(
        r"\langle x,\Phi(x)\rangle>0\ (x\ne0)\ \Rightarrow\ \nabla L(w(t))\to0,\qquad"
        r"\Phi=\Psi=0,\ \nabla^2\mathcal K\succ0\ \Rightarrow\ \nabla L(w(t))\to0"
    ),
    recorded=Verdict.PROVED,
    formal=formal,
    prove=prove,
    place=(4, 6, 0, 2),
)
