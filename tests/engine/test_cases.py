"""The knobs of a one-step structure do what they say, and the premise ends where the claim says."""

from dataclasses import replace

import pytest
import torch

from grams_theory import claims
from grams_theory.core.rounding import Ball
from grams_theory.engine.budget import Budget
from grams_theory.engine.cases import one_step
from grams_theory.engine.cases.step import longest_step_size
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.evaluate import evaluate
from grams_theory.engine.hunt import hunt
from grams_theory.engine.production import Hyper, Rig

SHARP = claims.by_id("comparison-sharp")
KNOBS = {**one_step.PLAIN, "history": 2}


def structure(family="diagonal_quadratic", dim=3, options=None, **knobs):
    return Structure(family, dim, 0, 256, options or {}, Hyper(), {**KNOBS, **knobs})


def drawn(**knobs):
    return one_step.draw(SHARP, structure(**knobs))


def stepped(**knobs):
    """Step sizes, what the premise allows at most, and the rows inside it, of the rows that have a bound."""
    found = one_step.build(SHARP, structure(**knobs))
    assert found is not None
    step, inside = found
    assert step.eta is not None
    bound = longest_step_size(SHARP.setting, step)
    return step.eta, bound.mid - bound.rad, inside


def distance(state):
    return (state.w - state.f.minimizer).norm(dim=-1).median().item()


@pytest.mark.parametrize("near", [1e-8, 1e-3, 1e3])
def test_starts_are_as_near_to_the_minimiser_as_asked(near):
    assert distance(drawn(near=near)) / near == pytest.approx(distance(drawn(near=1.0)), rel=1e-6)


def test_the_memory_is_the_size_of_the_history():
    size = [drawn(memory=memory).history[0].norm(dim=-1) for memory in (30.0, 1.0)]
    assert torch.allclose(size[0], 30.0 * size[1])


def test_zeros_are_exact_in_weights_and_history_and_of_both_signs():
    state = drawn(zeros=0.3)
    at_minimiser = state.w == state.f.minimizer
    assert 0.2 < at_minimiser.double().mean() < 0.4
    assert (state.f.gradient(state.w)[at_minimiser] == 0).all()
    history = torch.stack(state.history)
    assert 0.2 < (history == 0).double().mean() < 0.4
    assert torch.signbit(history[history == 0]).any()
    assert not torch.signbit(history[history == 0]).all()


@pytest.mark.parametrize("fraction", [1.0, 0.5])
def test_no_step_size_exceeds_its_fraction_of_the_bound_and_some_attain_it(fraction):
    eta, longest, inside = stepped(fraction=fraction)
    assert (eta <= fraction * longest)[inside].all()
    assert (eta == fraction * longest)[inside].sum() >= one_step.STEP_SIZES


def test_a_climbing_batch_gives_each_row_its_own_longest_step_size():
    eta, longest, inside = stepped(ascent=1)
    assert torch.equal(eta[inside], longest[inside])


@pytest.mark.parametrize(("factor", "allowed"), [(1.0, True), (1 + 1e-9, False)])
def test_a_step_size_just_above_the_bound_is_outside_the_premise(factor, allowed):
    _, longest, inside = stepped()
    measured = one_step.measure(SHARP, drawn(), eta=torch.where(inside, factor * longest, 1.0))
    assert measured is not None
    assert inside.any()
    assert (measured[1][inside] == allowed).all()


def test_no_step_size_exceeds_what_the_dtype_holds():
    bound = Ball.exact(torch.tensor([1e-3, 1e30, torch.inf], dtype=torch.float64))
    chosen = one_step.choose_step_sizes(bound, 0.5, largest=100.0)
    assert chosen is not None
    eta, usable = chosen
    assert eta.tolist()[:2] == [5e-4, 50.0]
    assert usable.tolist() == [True, True, False]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_gradients_reach_the_subnormal_numbers_of_every_dtype(dtype):
    rig, scale = Rig(dtype=dtype), 1e-6 if dtype == "float16" else 1e-36
    claim = claims.by_id("definitions")
    tiny = replace(structure(options={"scale": scale}, near=1e-2), hyper=Hyper((0.9, 0.95), 1.0))
    outcome = evaluate(claim, tiny, rig=rig)
    assert outcome is not None
    fed = torch.stack(outcome.record.gradients)[:, outcome.inside].abs()
    assert ((fed > 0) & (fed < torch.finfo(getattr(torch, dtype)).smallest_normal)).any()
    assert outcome.worst() is None


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("claim_id", ["lion-descent", "momentum-descent", "two-point-comparison-convex"])
def test_true_claims_are_fuzzed_in_every_dtype(claim_id, dtype):
    evidence, found = hunt(claims.by_id(claim_id), Budget.parse(2000), rig=Rig(dtype=dtype))
    assert found is None
    assert evidence.cases > 200
    assert evidence.undecided < evidence.cases
