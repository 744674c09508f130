"""One step of Lion and of cautious Lion: two-sided bounds on ΔL, and descent of cautious Lion for small η.

    u = sign(c), c = β₁m + (1 − β₁)g, and a = u∘1[u∘g ≥ 0];  ‖u‖² and ‖a‖² count the coordinates that move.

    |ΔL + η⟨g, u⟩| ≤ (Lη²/2)‖u‖² along Lion;   |ΔL + η⟨g, a⟩| ≤ (Lη²/2)‖a‖² along C-Lion;
    η ≤ 2⟨g, a⟩/(L‖a‖²) ⇒ ΔL ≤ 0 along C-Lion;   ⟨|g|, |u|⟩ ≥ ⟨g, a⟩ ≥ ⟨g, u⟩.

Ours: the alignment fact and Lemma 3.9 hold for every u, and here u is that of Definition 3.6. Needs the descent lemma.
"""

from grams_theory.claims.descent_lemma import CLAIM as DESCENT_LEMMA
from grams_theory.core.algebra import dot
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import CAUTIOUS, LION, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    lion, cautious, L, eta = reals("ΔL ΔL_C L η")
    gu, ga, uu, aa, sizes = reals("⟨g,u⟩ ⟨g,a⟩ ⟨u,u⟩ ⟨a,a⟩ ⟨|g|,|u|⟩")
    bend, cautious_bend = L * eta**2 * uu / 2, L * eta**2 * aa / 2
    return Formal(
        {
            "Lion, upper": sp.Le(lion + eta * gu, bend),
            "Lion, lower": sp.Ge(lion + eta * gu, -bend),
            "C-Lion, upper": sp.Le(cautious + eta * ga, cautious_bend),
            "C-Lion, lower": sp.Ge(cautious + eta * ga, -cautious_bend),
            "C-Lion, descent": sp.Implies(sp.Le(eta * L * aa, 2 * ga), sp.Le(cautious, 0)),
            "⟨|g|,|u|⟩ ≥ ⟨g,a⟩": sp.Ge(sizes, ga),
            "⟨g,a⟩ ≥ ⟨g,u⟩": sp.Ge(ga, gu),
        },
        (L >= 0, eta >= 0),
        {"ΔL": "f(w − ηu) − f(w)", "ΔL_C": "f(w − ηa) − f(w)", "g": "∇f(w)"},
    )


def reading(s):
    values = {"g": s.g, "u": s.u, "a": s.a, "L": s.smoothness, "η": s.eta}
    changes = {"ΔL": s.change("Lion"), "ΔL_C": s.change("CautiousLion")}
    return {"Lion": {**values, **changes, "⟨|g|,|u|⟩": dot(abs(s.g), abs(s.u))}}


def attained():
    bowl = {"H": [[1]], "g": [1], "u": [1], "eta": 2, "smoothness": 1}
    cap = {**bowl, "H": [[-1]]}
    return {
        **{f"{name}, upper": bowl for name in ("Lion", "C-Lion")},
        **{f"{name}, lower": cap for name in ("Lion", "C-Lion")},
        "C-Lion, descent": bowl,
        "⟨|g|,|u|⟩ ≥ ⟨g,a⟩": bowl,
        "⟨g,a⟩ ≥ ⟨g,u⟩": bowl,
    }


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot
    from grams_theory.symbolic.proof import reals

    g, u, a = Space("g u a").vectors()
    gi, mi, beta, ui, sizes = reals("g m β₁ uᵢ ⟨|g|,|u|⟩")
    lion, cautious, Delta, eta = reals("ΔL ΔL_C Δ η")
    p.define(ui, p.use(LION, mi, gi, beta))
    masked = p.use(CAUTIOUS, ui, gi)
    p.coordinates(**{"g": gi, "u": ui, "a": masked, "|g|": abs(gi), "|u|": abs(ui)})

    for name, change, step in (("Lion", lion, u), ("C-Lion", cautious, a)):
        lemma = p.cite(DESCENT_LEMMA, f"along {name}'s step", {Delta: change}, {"g": g, "d": -eta * step})
        upper = p.conclude(f"{name}, upper", [lemma])
        p.conclude(f"{name}, lower", [lemma])
    p.conclude("C-Lion, descent", [upper, eta >= 0])
    p.implies("|g||u| ≥ g a, in one coordinate", [], sp.Ge(abs(gi) * abs(ui), gi * masked))
    p.lift("⟨|g|,|u|⟩ ≥ ⟨g,a⟩, summed", "|g||u| ≥ g a, in one coordinate", sp.Ge(sizes, dot(g, a)))
    p.conclude("⟨|g|,|u|⟩ ≥ ⟨g,a⟩")
    p.implies("g a ≥ g u, in one coordinate", [], sp.Ge(gi * masked, gi * ui))
    p.lift("⟨g,a⟩ ≥ ⟨g,u⟩, summed", "g a ≥ g u, in one coordinate", sp.Ge(dot(g, a), dot(g, u)))
    p.conclude("⟨g,a⟩ ≥ ⟨g,u⟩")


CLAIM = Claim(
    id="lion-descent",
    title="Descent of Lion and of cautious Lion",
    source=(
        "Ours, as Lemma 3.9 for the update of Definition 3.6; Lion is that of X. Chen et al., Symbolic discovery of "
        "optimization algorithms, 2023, its cautious form that of K. Liang et al., Cautious optimizers, 2024"
    ),
    statement=(
        "f L-smooth, u = sign(β₁m + (1−β₁)g), a = u∘1[u∘g≥0] ⇒ |ΔL_Lion + η⟨g,u⟩| ≤ (Lη²/2)‖u‖², "
        "|ΔL_C-Lion + η⟨g,a⟩| ≤ (Lη²/2)‖a‖²; η ≤ 2⟨g,a⟩/(L‖a‖²) ⇒ ΔL_C-Lion ≤ 0; ⟨|g|,|u|⟩ ≥ ⟨g,a⟩"
    ),
    latex=(
        r"u=\operatorname{sign}(\beta_1m+(1-\beta_1)g),\quad"
        r"\bigl|\Delta L+\eta\langle g,u\rangle\bigr|\le\tfrac{L\eta^2}2\lVert u\rVert^2"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Lion", "CautiousLion"), update="lion"),
    formal=formal,
    margin=read(formal, reading),
    attained=attained,
    prove=prove,
    note=(
        "‖u‖² is the number of coordinates that move, so the bounds do not shrink with the gradient: "
        "they say nothing about a limit unless η does."
    ),
    place=(3, 9, 1),
)
