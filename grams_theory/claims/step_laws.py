"""What the rules of Adam, Cautious and Grams have in common and what tells them apart, in every coordinate.

    r = sign(g)∘|u| (Grams), a = u∘1[u∘g ≥ 0] (Cautious), u = m̂/(√v̂ + ε) (Adam)

Grams moves as far as Adam wherever g ≠ 0, and nowhere else; it is Adam where u and g agree in sign. Cautious moves only
there. Changing the sign of a coordinate changes the sign of its step, all three are coordinatewise, and for ε = 0 the
scale of the loss does not matter. That the code obeys the same laws is the claim `definitions`.

Ours; consequences of Definitions 3.5, 3.7 and 4.1.
"""

from grams_theory.core.claim import Claim, Formal
from grams_theory.core.definitions import ADAM, CAUTIOUS, GRAMS
from grams_theory.core.verdict import Verdict


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    u, g, m, v, c = reals("u g m̂ v̂ c")
    r, a, adam = GRAMS, CAUTIOUS, ADAM
    return Formal(
        {
            "Grams moves as far as Adam": sp.Implies(sp.Ne(g, 0), sp.Eq(abs(r(u, g)), abs(u))),
            "Grams stands still without a gradient": sp.Implies(sp.Eq(g, 0), sp.Eq(r(u, g), 0)),
            "Grams never moves against the gradient": sp.Ge(g * r(u, g), 0),
            "Grams is Adam where the signs agree": sp.Implies(u * g > 0, sp.Eq(r(u, g), u)),
            "Cautious moves only where they do": sp.Implies(sp.Ne(a(u, g), 0), sp.Ge(u * g, 0)),
            "signs flip along, Grams": sp.Eq(r(-u, -g), -r(u, g), evaluate=False),
            "signs flip along, Cautious": sp.Eq(a(-u, -g), -a(u, g), evaluate=False),
            "scale does not matter, ε = 0": sp.Implies(
                sp.And(c > 0, v > 0), sp.Eq(adam(c * m, c**2 * v, 0), adam(m, v, 0), evaluate=False)
            ),
        }
    )


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    u, g, m, v = reals("u g m̂ v̂")
    p.use(GRAMS, u, g)
    p.use(CAUTIOUS, u, g)
    p.use(ADAM, m, v, sp.Integer(0))
    for part in formal().conclusions:
        p.conclude(part, [])


CLAIM = Claim(
    id="step-laws",
    title="The laws of one step",
    source="Ours; follows from Definitions 3.5, 3.7 and 4.1",
    statement=(
        "In every coordinate: |r| = |u| where g ≠ 0, r = 0 where g = 0, g r ≥ 0, r = u where u g > 0; "
        "a ≠ 0 only where u g ≥ 0; (−u, −g) gives −r and −a; for ε = 0 scaling the loss leaves u unchanged"
    ),
    latex=(
        r"|r_i|=|u_i|\ (g_i\ne0),\quad g_ir_i\ge0,\quad r_i=u_i\ (u_ig_i>0),\quad "
        r"r(-u,-g)=-r(u,g)"
    ),
    recorded=Verdict.PROVED,
    formal=formal,
    prove=prove,
    place=(4, 1, 1),
)
