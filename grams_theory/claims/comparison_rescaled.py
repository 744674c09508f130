"""The exact comparison with the Cautious code that was released, at the step sizes of comparison-sharp.

    f L-smooth, η L ‖r − a‖ ‖r + a‖ ≤ 2⟨g, r − a⟩ ⇒ ΔL_G ≤ ΔL_C, where C steps by (d/k) u∘1[u∘g>0], k of d uᵢgᵢ > 0.

Ours: Definition 3.7 does not divide the mask by its mean k/d, the released code does. See comparison-rescaled-fails.
"""

from grams_theory.claims.comparison_sharp import step_size
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    of_grams, of_cautious = reals("ΔL_G ΔL_C")
    return Formal({"ΔL_G ≤ ΔL_C": sp.Le(of_grams, of_cautious)})


def reading(s):
    return {"Grams": {"ΔL_G": s.change("Grams"), "ΔL_C": s.change("ReleasedCautiousAdam")}}


CLAIM = Claim(
    id="comparison-rescaled",
    title="Grams descends at least as far as Cautious as released",
    source=(
        "Ours: comparison-sharp with the rescaled mask of the code that K. Liang et al. released with "
        "Cautious optimizers, arXiv 2411.16085"
    ),
    statement=(
        "f L-smooth, η L ‖r−a‖ ‖r+a‖ ≤ 2⟨g, r−a⟩ ⇒ ΔL_G ≤ ΔL_C, C with the step (d/#{uᵢgᵢ>0}) u∘1[u∘g>0]"
    ),
    latex=(
        r"\eta L\lVert r-a\rVert\lVert r+a\rVert\le2\langle g,r-a\rangle\ \Rightarrow\ \Delta L_G\le\Delta L_C,"
        r"\quad c=\tfrac d{\#\{u_ig_i>0\}}\,u\circ\mathbf 1[u\circ g>0]"
    ),
    recorded=Verdict.REFUTED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams", "ReleasedCautiousAdam"), step_size),
    formal=formal,
    margin=read(formal, reading),
    place=(4, 2, 10),
)
