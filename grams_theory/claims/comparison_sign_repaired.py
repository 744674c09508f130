"""The loss-descent comparison with |u∘g| in place of u∘g in the third bound, the least change that gives it sense.

    f L-smooth, η ≤ min{ 2⟨u∘g, 1[u∘g≥0]⟩/(L‖u∘1[u∘g≥0]‖²), 2⟨|g|, |u|⟩/(L‖u‖²), 2⟨|u∘g|, 1[u∘g<0]⟩/(L‖u∘1[u∘g<0]‖²) }
    ⇒ ΔL_G ≤ ΔL_C ≤ 0.

Amends comparison-printed. An upper bound on ΔL_G below an upper bound on ΔL_C does not order ΔL_G and ΔL_C.
"""

from grams_theory.claims.comparison_printed import comparison, first_two_bounds, reading
from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.definitions import SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def step_size(s):
    third = 2 * dot(s.g, s.b) / (s.smoothness * norm2(s.b))
    return first_two_bounds(s).minimum(third)


CLAIM = Claim(
    id="comparison-sign-repaired",
    title="Grams descends at least as far as Cautious (sign repaired)",
    source="Ours: comparison-printed with |u∘g| in the third bound",
    statement=(
        "f L-smooth, η ≤ min{2⟨u∘g,1[u∘g≥0]⟩/(L‖u∘1[u∘g≥0]‖²), 2⟨|g|,|u|⟩/(L‖u‖²), "
        "2⟨|u∘g|,1[u∘g<0]⟩/(L‖u∘1[u∘g<0]‖²)} ⇒ ΔL_G ≤ ΔL_C ≤ 0"
    ),
    latex=(
        r"\eta\le\min\Bigl\{\tfrac{2\langle u\circ g,\mathbf 1[u\circ g\ge0]\rangle}"
        r"{L\lVert u\circ\mathbf 1[u\circ g\ge0]\rVert^2},\tfrac{2\langle|g|,|u|\rangle}{L\lVert u\rVert^2},"
        r"\tfrac{2\langle|u\circ g|,\mathbf 1[u\circ g<0]\rangle}{L\lVert u\circ\mathbf 1[u\circ g<0]\rVert^2}\Bigr\}"
        r"\ \Rightarrow\ \Delta L_G\le\Delta L_C\le0"
    ),
    recorded=Verdict.REFUTED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams", "CautiousAdam"), step_size),
    formal=comparison,
    margin=read(comparison, reading),
    argument=("alignment", "lemma-3.9", "lemma-4.2"),
    amends="comparison-printed",
    place=(4, 2, 2),
)
