"""If f is L-smooth, then |f(y) − f(x) − ⟨∇f(x), y − x⟩| ≤ (L/2)‖y − x‖².

The classical consequence of Definition 3.1 that every descent bound of the paper starts from.
Needs two facts of calculus as axioms: the fundamental theorem along a segment, and monotone integrals.
"""

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import SMOOTH, Claim, OneStep
from grams_theory.core.verdict import Verdict


def margin(s):
    remainder = s.change("Grams") + s.eta * dot(s.g, s.r)
    allowed = s.smoothness * (s.eta * s.eta / 2) * norm2(s.r)
    return {"upper": allowed - remainder, "lower": allowed + remainder}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.inequalities import cauchy_schwarz
    from grams_theory.symbolic.proof import reals

    k, d = Space("k d").vectors()  # k = ∇f(x + t d) − ∇f(x), d = y − x
    kd, kk, dd = dot(k, d), norm2(k), norm2(d)
    L, t, R, I, J = reals("L t R I J")

    product = cauchy_schwarz(p, "Cauchy–Schwarz", k, d)
    p.implies(
        "the integrand is at most L t ‖d‖²",
        [L >= 0, t >= 0, dd >= 0, product, sp.Le(kk, L**2 * t**2 * dd)],
        sp.Le(abs(kd), L * t * dd),
    )
    segment = p.axiom(
        "fundamental theorem of calculus",
        "R = f(x + d) − f(x) − ⟨∇f(x), d⟩ = I = ∫₀¹ ⟨∇f(x + t d) − ∇f(x), d⟩ dt, as ∇f is continuous",
        "W. Rudin, Principles of Mathematical Analysis, theorem 6.21",
        sp.Eq(R, I),
        r"R=f(x+d)-f(x)-\langle\nabla f(x),d\rangle=I=\int_0^1\langle\nabla f(x+td)-\nabla f(x),d\rangle\,dt",
    )
    monotone = p.axiom(
        "monotone integrals",
        f"|φ(t)| ≤ ψ(t) on [0, 1] gives |∫₀¹ φ dt| ≤ ∫₀¹ ψ dt; here φ = {kd}, ψ = L t {dd}: |I| ≤ J",
        "W. Rudin, Principles of Mathematical Analysis, theorems 6.12 and 6.13",
        sp.Le(abs(I), J),
        r"|\varphi|\le\psi\ \Rightarrow\ \Bigl|\int_0^1\varphi\,dt\Bigr|\le\int_0^1\psi\,dt",
    )
    p.calculus("the bound's integral", L * t * dd, t, L * dd / 2, (0, 1))
    p.implies("descent lemma", [segment, monotone, sp.Eq(J, L * dd / 2)], sp.Le(abs(R), L * dd / 2))


CLAIM = Claim(
    id="descent-lemma",
    title="Descent lemma",
    source="Classical; follows from Definition 3.1",
    statement="f L-smooth ⇒ |f(y) − f(x) − ⟨∇f(x), y − x⟩| ≤ (L/2)‖y − x‖² for all x, y",
    latex=r"|f(y)-f(x)-\langle\nabla f(x),y-x\rangle|\ \le\ \tfrac L2\lVert y-x\rVert^2",
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams",)),
    margin=margin,
    prove=prove,
    place=(3, 1),
)
