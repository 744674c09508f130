"""One step of Grams under the PL condition: how much of the gap it closes, by how well u points along g.

With κ = ⟨|g|, |u|⟩/(‖g‖‖u‖) and the step size η = φ⟨|g|, |u|⟩/(L‖u‖²), 0 ≤ φ ≤ 2:

    f(w⁺) − f* ≤ (1 − φ(2 − φ)κ²μ/L) (f(w) − f*),    and at φ = 1    f(w⁺) − f* ≤ (1 − κ²μ/L) (f(w) − f*).

Attained, for every g without zeros and every u, by f(w) = (L/2)‖w‖², where μ = L. The factor κ can be measured along
any run. Needs the descent lemma.
"""

from grams_theory.claims.descent_lemma import CLAIM as DESCENT_LEMMA
from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import GRAMS, PL, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read

LEGEND = {
    "F": "f(w) − f*",
    "F⁺": "f(w − ηr) − f*, r = sign(g)∘|u|",
    "g": "∇f(w)",
    "A": "⟨|g|, |u|⟩",
    "φ": "η in units of A/(L‖u‖²)",
}


def on_steps():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    F, F_next, gg, uu, A, L, mu, eta, phi, kappa = reals("F F⁺ ⟨g,g⟩ ⟨u,u⟩ A L μ η φ κ")
    return Formal(
        {"rate": sp.Le(F_next, (1 - phi * (2 - phi) * kappa**2 * mu / L) * F)},
        (L > 0, sp.Eq(eta * L * uu, phi * A), phi >= 0, phi <= 2, sp.Eq(A**2, kappa**2 * gg * uu), uu > 0),
        LEGEND,
    )


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    F, F_next, gg, uu, gr, rr, L, mu, eta, phi, kappa = reals("F F⁺ ⟨g,g⟩ ⟨u,u⟩ ⟨g,r⟩ ⟨r,r⟩ L μ η φ κ")
    found, gap = on_steps(), gg / (2 * L)
    after = (gg - 2 * eta * L * gr + eta**2 * L**2 * rr) / (2 * L)
    return Formal(
        {
            **found.conclusions,
            "best step": sp.Implies(sp.Eq(phi, 1), sp.Le(F_next, (1 - kappa**2 * mu / L) * F)),
            "attained by (L/2)‖w‖²": sp.Implies(
                sp.Eq(rr, uu), sp.Eq(after, (1 - phi * (2 - phi) * kappa**2) * gap)
            ),
        },
        found.premises,
        {**found.legend, "r": "sign(g)∘|u|, as long as u where no gᵢ is 0"},
    )


def step_size(s):
    return 2 * dot(abs(s.g), abs(s.u)) / (s.smoothness * norm2(s.u))


def reading(s):
    A, gg, uu = dot(abs(s.g), abs(s.u)), norm2(s.g), norm2(s.u)
    return {
        "Grams": {
            "F": s.gap,
            "F⁺": s.gap + s.change("Grams"),
            "L": s.smoothness,
            "μ": s.pl,
            "φ": s.smoothness * uu * s.eta / A,
            "κ": A / (gg * uu).sqrt(),
        }
    }


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space
    from grams_theory.symbolic.proof import reals

    u, gi, A, change, F, F_next = reals("u g A Δ F F⁺")
    gg, uu, gr, rr, L, mu, eta, phi, kappa = reals("⟨g,g⟩ ⟨u,u⟩ ⟨g,r⟩ ⟨r,r⟩ L μ η φ κ")
    g, r = Space("g r").vectors()
    signed = p.use(GRAMS, u, gi)
    p.coordinates(g=gi, u=u, r=signed)
    positive, size, *window, aligned, moving = formal().premises
    p.implies("first order, in one coordinate", [], sp.Eq(gi * signed, abs(gi) * abs(u)))
    p.implies("length, in one coordinate", [], sp.Le(signed**2, u**2))
    first = p.lift("first order", "first order, in one coordinate", sp.Eq(gr, A), {A: abs(gi) * abs(u)})
    length = p.lift("length", "length, in one coordinate", sp.Le(rr, uu))
    p.implies("L ≥ 0", [positive], L >= 0)
    lemma = p.cite(DESCENT_LEMMA, "from w along −ηr", {change: F_next - F}, {"g": g, "d": -eta * r})
    bound = p.implies(
        "Grams' descent", [lemma, first, length, positive], F_next <= F - eta * A + L * eta**2 * uu / 2
    )
    bend = p.identity("second order, in φ", L * eta**2 * uu, eta * phi * A, given=[size])
    p.implies("Grams' descent, in φ", [bound, bend], 2 * (F_next - F) <= -((2 - phi) * eta * A))
    drop = p.identity("first order, in φ", L * uu * eta * A, phi * kappa**2 * gg * uu, given=[size, aligned])
    drop = p.implies("the drop, in κ", [drop, moving], sp.Eq(L * eta * A, phi * kappa**2 * gg))
    polyak = p.assume(PL, "at w", gg, F)
    share = phi * (2 - phi) * kappa**2
    p.implies("the drop, by the PL condition", [polyak, *window], share * gg >= 2 * share * mu * F)
    x, y, z, c = reals("x y z c")
    scaled = p.implies(
        "multiplication by L, and the PL condition",
        [2 * x <= -((2 - phi) * y), sp.Eq(L * y, z), (2 - phi) * z >= 2 * c, positive],
        x <= -c / L,
    )
    values = {x: F_next - F, y: eta * A, z: phi * kappa**2 * gg, c: share * mu * F}
    fall = p.instance("Grams' descent, in κ and μ", scaled, values)
    rate = p.conclude("rate", [fall, positive])
    p.conclude("best step", [rate])
    square = p.identity("‖g − ηLr‖² where ‖r‖ = ‖u‖", eta**2 * L**2 * uu, phi * eta * L * A, given=[size])
    p.conclude("attained by (L/2)‖w‖²", [first, drop, square, positive])


CLAIM = Claim(
    id="one-step-pl-rate",
    title="The rate of one step of Grams",
    source="Ours: Lemma 4.2 under the PL condition",
    statement=(
        "f L-smooth and μ-PL, κ = ⟨|g|,|u|⟩/(‖g‖‖u‖), η = φ⟨|g|,|u|⟩/(L‖u‖²), 0 ≤ φ ≤ 2 ⇒ along one step of Grams "
        "f(w⁺) − f* ≤ (1 − φ(2 − φ)κ²μ/L)(f(w) − f*)"
    ),
    latex=(
        r"\eta=\varphi\,\frac{\langle|g|,|u|\rangle}{L\lVert u\rVert^2},\ \kappa=\frac{\langle|g|,|u|\rangle}"
        r"{\lVert g\rVert\lVert u\rVert}\ \Rightarrow\ f(w^+)-f^\star\le"
        r"\Bigl(1-\varphi(2-\varphi)\,\kappa^2\frac\mu L\Bigr)(f(w)-f^\star)"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH, PL),
    setting=OneStep(("Grams",), step_size),
    formal=formal,
    margin=read(on_steps, reading),
    prove=prove,
    place=(4, 2, 0, 1),
)
