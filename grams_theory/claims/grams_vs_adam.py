"""Grams descends at least as far as Adam in one step from the same state, at Grams' own descent step size.

    f L-smooth, η ≤ 2⟨|g|, |u|⟩/(L‖u‖²) ⇒ ΔL_G ≤ ΔL_Adam.

The abstract says that Grams descends faster than other optimizers; the condition is that of Lemma 4.2.
"""

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def step_size(s):
    return 2 * dot(abs(s.g), abs(s.u)) / (s.smoothness * norm2(s.u))


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    of_grams, of_adam = reals("ΔL_G ΔL_A")
    return Formal({"ΔL_G ≤ ΔL_Adam": sp.Le(of_grams, of_adam)})


def reading(s):
    return {"Grams": {"ΔL_G": s.change("Grams"), "ΔL_A": s.change("Adam")}}


CLAIM = Claim(
    id="grams-vs-adam",
    title="Grams descends faster than Adam",
    source="Abstract; the condition is reconstructed from Lemma 4.2",
    statement="f L-smooth, η ≤ 2⟨|g|, |u|⟩/(L‖u‖²) ⇒ ΔL_G ≤ ΔL_Adam, from the same state",
    latex=(
        r"\eta\le\tfrac{2\langle|g|,|u|\rangle}{L\lVert u\rVert^2}"
        r"\ \Rightarrow\ \Delta L_G\le\Delta L_{\mathrm{Adam}}"
    ),
    recorded=Verdict.REFUTED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams", "Adam"), step_size),
    formal=formal,
    margin=read(formal, reading),
    place=(4, 2, 8),
)
