"""One step of gradient descent with momentum: two-sided bounds on ΔL, and descent for small η where ⟨g, u⟩ > 0.

    u ← μu + g from u = 0;   |ΔL + η⟨g, u⟩| ≤ (Lη²/2)‖u‖²;   η ≤ 2⟨g, u⟩/(L‖u‖²) ⇒ ΔL ≤ 0.

The simplest update u that is not the gradient: what holds of Adam's by the descent lemma holds of it.
Needs the descent lemma.
"""

from grams_theory.claims.descent_lemma import CLAIM as DESCENT_LEMMA
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    change, gu, uu, L, eta = reals("ΔL ⟨g,u⟩ ⟨u,u⟩ L η")
    bend = L * eta**2 * uu / 2
    return Formal(
        {
            "upper": sp.Le(change + eta * gu, bend),
            "lower": sp.Ge(change + eta * gu, -bend),
            "descent": sp.Implies(sp.Le(eta * L * uu, 2 * gu), sp.Le(change, 0)),
        },
        (L >= 0, eta >= 0),
        {"ΔL": "f(w − ηu) − f(w)", "g": "∇f(w)"},
    )


def reading(s):
    return {"SGD": {"ΔL": s.change("SGD"), "g": s.g, "u": s.u, "L": s.smoothness, "η": s.eta}}


def attained():
    bowl = {"H": [[1]], "g": [1], "u": [1], "eta": 2, "smoothness": 1}
    return {"upper": bowl, "lower": {**bowl, "H": [[-1]]}, "descent": bowl}


def prove(p):
    from grams_theory.symbolic.gram import Space
    from grams_theory.symbolic.proof import reals

    g, u = Space("g u").vectors()
    change, Delta, eta = reals("ΔL Δ η")
    lemma = p.cite(DESCENT_LEMMA, "from w along −ηu", {Delta: change}, {"g": g, "d": -eta * u})
    upper = p.conclude("upper", [lemma])
    p.conclude("lower", [lemma])
    p.conclude("descent", [upper, eta >= 0])


CLAIM = Claim(
    id="momentum-descent",
    title="Descent of a step with momentum",
    source="Ours: the descent lemma at torch.optim.SGD with momentum μ and no dampening",
    statement="f L-smooth, u ← μu + g ⇒ |ΔL + η⟨g,u⟩| ≤ (Lη²/2)‖u‖²; η ≤ 2⟨g,u⟩/(L‖u‖²) ⇒ ΔL ≤ 0",
    latex=(
        r"u\leftarrow\mu u+g,\quad\bigl|\Delta L+\eta\langle g,u\rangle\bigr|\le\tfrac{L\eta^2}2\lVert u\rVert^2"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH,),
    setting=OneStep(("SGD",), update="momentum"),
    formal=formal,
    margin=read(formal, reading),
    attained=attained,
    prove=prove,
    place=(3, 9, 2),
)
