"""Witnesses in small numbers: reached by the runs that they name, exact, and absent where the claim is true."""

from fractions import Fraction

import pytest
import torch
from flint import arb, fmpq_mat

from grams_theory import claims
from grams_theory.engine import exact_run, exact_step, fuzz, simple
from grams_theory.engine.exact import apply, exactly, floats, positive_semidefinite, precision
from grams_theory.engine.exact_update import RATIOS, SMALL
from grams_theory.engine.shrink import largest
from grams_theory.engine.weaken import weaken
from grams_theory.optim import CautiousAdam, Grams
from grams_theory.symbolic import twin

MET = {"comparison-sign-repaired": "ΔL_G ≤ ΔL_C", "grams-vs-adam": "ΔL_G ≤ ΔL_Adam"}
PROVED = {"comparison-sharp": "ΔL_G ≤ ΔL_C", "comparison-separable": "ΔL_G ≤ ΔL_C", "lemma-4.2": "upper"}


def found(claim_id):
    case = simple.met(claims.by_id(claim_id), MET[claim_id])
    assert case is not None
    return case


@pytest.fixture(scope="module", params=MET)
def met(request):
    return claims.by_id(request.param), MET[request.param], found(request.param)


def test_the_case_violates_its_claim_in_small_numbers(met):
    claim, part, case = met
    with precision():
        assert exact_step.violates(claim, case, part)
    assert largest({name: case[name] for name in ("g", "u", "eta", "start", "run")}) <= SMALL


def test_the_function_is_strongly_convex(met):
    H = met[2]["H"]
    assert positive_semidefinite(H)
    assert fmpq_mat(H).det() > 0


@pytest.mark.parametrize("name", ["Grams", "Adam", "CautiousAdam"])
def test_the_twin_reaches_the_state_on_that_very_function(met, name):
    """The gradients that were fed are those of f(w) = w'Hw/2 at the two first iterates, and u is Adam's after them."""
    _, _, case = met
    H, run = case["H"], case["run"]
    betas = run["betas"][0], run["betas"][1]
    path = twin.run(name, lambda w: apply(H, w), case["start"], 1, case["eta"], betas, run["eps"])
    for w, gradient in zip(path, run["gradients"], strict=True):
        assert all(arb(x - y).contains(0) for x, y in zip(apply(H, w), gradient, strict=True))
    u = twin.adam_update(run["gradients"], betas, run["eps"])
    assert all((x - y).contains(0) for x, y in zip(u, map(arb, case["u"]), strict=True))


def test_production_grams_reaches_the_state_and_then_descends_less_than_cautious():
    case = found("comparison-sign-repaired")
    H = torch.tensor(floats(case["H"]), dtype=torch.float64)

    def run(cls):
        w = torch.nn.Parameter(torch.tensor(floats(case["start"]), dtype=torch.float64))
        betas = floats(case["run"]["betas"])
        optimizer, seen = cls([w], lr=floats(case["eta"]), betas=tuple(betas), eps=0.0), []
        for _ in range(2):
            w.grad = H @ w.detach()
            optimizer.step()
            seen.append(w.detach().clone())
        return seen

    (state, ours), (same, cautious) = run(Grams), run(CautiousAdam)
    assert torch.equal(state, same)
    assert (H @ state).tolist() == pytest.approx(floats(case["g"]), abs=1e-13)
    assert ours @ H @ ours / 2 > cautious @ H @ cautious / 2 + 0.05  # exactly, 1/18 more


@pytest.mark.parametrize("claim_id", PROVED)
def test_a_true_claim_has_no_simple_counterexample(claim_id):
    assert simple.met(claims.by_id(claim_id), PROVED[claim_id]) is None


def test_the_true_comparison_with_steps_twice_as_long_has_one():
    longer = weaken(claims.by_id("comparison-sharp"), "step size").claim
    assert simple.met(longer, "ΔL_G ≤ ΔL_C") is not None


def test_adam_s_updates_are_what_the_table_says():
    for table in RATIOS.values():
        for u, earlier in table:
            gradients = [[x] for x in (*earlier, exactly(1))]
            half = exactly("1/2")
            (found,) = twin.adam_update(gradients, (half, half), exactly(0))
            assert (found - arb(u)).contains(0)
            assert largest({"u": u}) <= SMALL


@pytest.fixture(scope="module")
def run():
    return simple.runs(claims.by_id("trajectory-comparison"), "every t")


def test_a_run_in_small_numbers_refutes_the_comparison_of_runs(run):
    claim = claims.by_id("trajectory-comparison")
    with precision():
        assert exact_run.violates(claim, run, "every t")
        assert not exact_run.violates(claim, {**run, "steps": run["steps"] - 1}, "every t")
    assert largest(run) <= SMALL
    assert len(run["start"]) == 2


@pytest.mark.parametrize(
    "claim_id", ["trajectory-comparison", "comparison-sign-repaired", "comparison-rescaled"]
)
def test_the_witnesses_of_refuted_claims_are_in_small_numbers(claim_id):
    data = exactly(fuzz(claim_id).witness.data)
    free = {name: value for name, value in data.items() if name not in ("betas", "steps")}
    assert largest(free) <= SMALL
    assert Fraction(str(data["eta"])) > 0
