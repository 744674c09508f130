"""If f is L-smooth, then |f(y) − f(x) − ⟨∇f(x), y − x⟩| ≤ (L/2)‖y − x‖².

The classical consequence of Definition 3.1 that every descent bound of the paper starts from.
Needs two facts of calculus as axioms: the fundamental theorem along a segment, and monotone integrals.
"""

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    change, gd, dd, L = reals("Δ ⟨g,d⟩ ⟨d,d⟩ L")
    return Formal(
        {"remainder": sp.Le(abs(change - gd), L * dd / 2)},
        (L >= 0,),
        {"Δ": "f(x + d) − f(x)", "g": "∇f(x)"},
    )


def reading(s):
    return {
        "Grams": {
            "Δ": s.change("Grams"),
            "⟨g,d⟩": -s.eta * dot(s.g, s.r),
            "⟨d,d⟩": s.eta * s.eta * norm2(s.r),
            "L": s.smoothness,
        }
    }


def attained():
    return {"remainder": {"H": [[1]], "g": [1], "u": [1], "eta": 1, "smoothness": 1}}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.inequalities import cauchy_schwarz
    from grams_theory.symbolic.proof import reals

    k, d = Space("k d").vectors()  # k = ∇f(x + t d) − ∇f(x), d = y − x
    kd, kk, dd = dot(k, d), norm2(k), norm2(d)
    change, gd, L, t, I = reals("Δ ⟨g,d⟩ L t I")

    length = p.square("‖d‖² ≥ 0", d)
    product = cauchy_schwarz(p, "Cauchy–Schwarz", k, d)
    smooth = p.assume(SMOOTH, "at x + td and x, where k = ∇f(x + td) − ∇f(x)", kk, t**2 * dd)
    integrand = p.implies(
        "the integrand is at most L t ‖d‖²",
        [L >= 0, length, product, smooth],
        sp.Implies(sp.And(t >= 0, t <= 1), sp.Le(abs(kd), L * t * dd)),
    )
    p.calculus("the bound's integral", L * t * dd, t, L * dd / 2, (0, 1))
    segment = p.axiom(
        "fundamental theorem of calculus",
        "Δ − ⟨g,d⟩ = I = ∫₀¹ ⟨∇f(x + t d) − ∇f(x), d⟩ dt, as ∇f is continuous",
        "W. Rudin, Principles of Mathematical Analysis, theorem 6.21",
        sp.Eq(change - gd, I),
        r"f(x+d)-f(x)-\langle\nabla f(x),d\rangle=I=\int_0^1\langle\nabla f(x+td)-\nabla f(x),d\rangle\,dt",
    )
    monotone = p.axiom(
        "monotone integrals",
        "|φ(t)| ≤ ψ(t) on [0, 1] gives |∫₀¹ φ dt| ≤ ∫₀¹ ψ dt; here φ = ⟨k,d⟩, ψ = L t ‖d‖²: |I| ≤ (L/2)‖d‖²",
        "W. Rudin, Principles of Mathematical Analysis, theorems 6.12 and 6.13",
        sp.Implies(integrand, sp.Le(abs(I), L * dd / 2)),
        r"|\varphi|\le\psi\ \Rightarrow\ \Bigl|\int_0^1\varphi\,dt\Bigr|\le\int_0^1\psi\,dt",
    )
    p.conclude("remainder", [segment, monotone, integrand])


CLAIM = Claim(
    id="descent-lemma",
    title="Descent lemma",
    source="Classical; follows from Definition 3.1",
    statement="f L-smooth ⇒ |f(y) − f(x) − ⟨∇f(x), y − x⟩| ≤ (L/2)‖y − x‖² for all x, y",
    latex=r"|f(y)-f(x)-\langle\nabla f(x),y-x\rangle|\ \le\ \tfrac L2\lVert y-x\rVert^2",
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams",)),
    formal=formal,
    margin=read(formal, reading),
    attained=attained,
    prove=prove,
    place=(3, 1),
)
