"""Where Cautious as released descends further than Grams, for every small step and every f.

Let k of d uᵢgᵢ be > 0, a = u∘1[u∘g>0], s = d/k, r = sign(g)∘|u|, β = Σ |uᵢgᵢ| over uᵢgᵢ < 0. The released step is sa;

    (s − 1)⟨g, a⟩ > β, f L-smooth, 0 < η < 2((s − 1)⟨g, a⟩ − β)/(L(‖r‖² + ‖sa‖²)) ⇒ ΔL_G > ΔL_C;

for linear f at every η > 0: then no step size makes Grams descend as far.

Ours; amends comparison-rescaled. Needs the descent lemma. Nothing is assumed of s.
"""

from grams_theory.claims.comparison_rescaled import reading
from grams_theory.claims.descent_lemma import CLAIM as DESCENT_LEMMA
from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import GRAMS, MISALIGNED, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def step_size(s):
    return 2 * (dot(s.g, s.c) - dot(s.g, s.r)) / (s.smoothness * (norm2(s.r) + norm2(s.c)))


def formal():
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, a, r = Space("g a r").vectors()
    of_grams, of_cautious, beta, s, L, eta = reals("ΔL_G ΔL_C β s L η")
    excess = (s - 1) * dot(g, a) - beta
    return Formal(
        {
            "small steps": sp.Implies(
                sp.And(eta > 0, eta * L * (norm2(r) + s**2 * norm2(a)) < 2 * excess), of_cautious < of_grams
            ),
            "linear f": sp.Implies(sp.And(eta > 0, excess > 0), dot(g, -eta * s * a) < dot(g, -eta * r)),
        },
        (L >= 0,),
        {"ΔL_G": "f(w − ηr) − f(w)", "ΔL_C": "f(w − ηsa) − f(w)", "g": "∇f(w)", "s": "d/#{uᵢgᵢ > 0}"},
    )


def fuzzed():
    return Formal({"ΔL_C < ΔL_G": formal().conclusions["small steps"].args[1]})


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot
    from grams_theory.symbolic.proof import reals

    g, a, r = Space("g a r").vectors()
    u, gi, of_grams, of_cautious, beta, s, eta, Delta = reals("u g ΔL_G ΔL_C β s η Δ")
    grams, dropped = p.use(GRAMS, u, gi), -p.use(MISALIGNED, u, gi, u * gi)
    kept = sp.Piecewise((u, u * gi > 0), (0, True))
    p.coordinates(g=gi, a=kept, r=grams)
    p.implies("⟨g, r⟩ = ⟨g, a⟩ + β, in one coordinate", [], sp.Eq(gi * grams, gi * kept + dropped))
    slope = p.lift(
        "⟨g, r⟩ = ⟨g, a⟩ + β",
        "⟨g, r⟩ = ⟨g, a⟩ + β, in one coordinate",
        sp.Eq(dot(g, r), dot(g, a) + beta),
        {beta: dropped},
    )
    ends = [
        p.cite(DESCENT_LEMMA, "from w along −ηr", {Delta: of_grams}, {"g": g, "d": -eta * r}),
        p.cite(DESCENT_LEMMA, "from w along −ηsa", {Delta: of_cautious}, {"g": g, "d": -eta * s * a}),
    ]
    p.conclude("small steps", [*ends, slope])
    p.conclude("linear f", [slope])


CLAIM = Claim(
    id="comparison-rescaled-fails",
    title="Cautious as released descends further than Grams",
    source="Ours",
    statement=(
        "s = d/#{uᵢgᵢ>0}, a = u∘1[u∘g>0], β = Σ|uᵢgᵢ| over uᵢgᵢ<0: ΔL_G > ΔL_C for every L-smooth f if "
        "0 < η L(‖r‖²+‖sa‖²) < 2((s−1)⟨g,a⟩ − β), and for linear f at every η > 0 if (s−1)⟨g,a⟩ > β"
    ),
    latex=(
        r"0<\eta L(\lVert r\rVert^2+\lVert sa\rVert^2)<2\bigl((s-1)\langle g,a\rangle-\beta\bigr)"
        r"\ \Rightarrow\ \Delta L_G>\Delta L_C,\quad s=\tfrac d{\#\{u_ig_i>0\}}"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams", "ReleasedCautiousAdam"), step_size),
    formal=formal,
    margin=read(fuzzed, reading),
    prove=prove,
    amends="comparison-rescaled",
    place=(4, 2, 11),
)
