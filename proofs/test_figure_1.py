"""Figure 1: Grams ends lowest on f(w) = (0.5 w₁)² + (0.1 w₂)².

    from every start and for every number of steps T:
    f(w_{T+1}) under Grams ≤ f(w_{T+1}) under Adam, C-Adam, Lion and C-Lion;
    η = 0.01 (0.001 for the Lions), default betas

One picture in the paper, its start and number of steps unknown to us; read as a statement about all starts it
is false. From starts that are far from the optimum no rival was measured below Grams: the picture itself is
not contradicted.
"""

from decimal import Decimal, localcontext
from fractions import Fraction as Q

from grams_theory.claims.figure_1 import figure1_runs
from grams_theory.core.evidence import MeasuredEvidence
from proofs.by_hand import adam, cautious, decimal, exactly, grams, loss, run

DIGITS = 320
"""The optimizers come as near to the optimum as 1e-200."""
RULES = {"Adam": adam, "CautiousAdam": cautious, "Grams": grams}


def rival(witness):
    return witness.part.removeprefix("f(").partition(")")[0]


def test_the_witness_holds_by_hand(refuted):
    witness = refuted("figure-1")
    assert exactly(witness.data)["H"] == [[2 * Q(1, 2) ** 2, 0], [0, 2 * Q(1, 10) ** 2]]
    with localcontext(prec=DIGITS):
        case = exactly(witness.data, decimal)
        end = {
            name: loss(
                case["H"],
                run(
                    RULES[name],
                    case["H"],
                    case["start"],
                    int(case["steps"]),
                    case["eta"][name],
                    case["betas"][name],
                    case["eps"],
                    Decimal.sqrt,
                )[-1],
            )
            for name in ("Grams", rival(witness))
        }
    assert end[rival(witness)] < end["Grams"]


def test_the_production_optimizers_show_the_witness(refuted):
    witness = refuted("figure-1")
    x, y = map(float, exactly(witness.data["start"]))
    runs = figure1_runs((x, y), witness.data["steps"])
    assert runs.objective(rival(witness))[-1] < runs.objective("Grams")[-1]


def test_the_picture_from_a_far_start_is_not_contradicted(examine):
    measured = [e for e in examine("figure-1").evidence if isinstance(e, MeasuredEvidence)]
    [ends] = [e for e in measured if e.columns[:2] == ("w₁", "w₂")]
    assert ends.columns[2] == "Grams"
    far = [exactly(row) for row in ends.rows if min(exactly(row[:2])) >= Q(1, 2)]
    assert far
    assert all(row[2] <= min(row[3:]) for row in far)
