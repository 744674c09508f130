"""Search: rows walk downhill each by itself, and batches that climb find what batches that are only drawn miss."""

from dataclasses import replace

import pytest
import torch

from grams_theory import claims, families
from grams_theory.engine.cases import DRIVERS, one_step
from grams_theory.engine.cases.climb import climb, relative_margin
from grams_theory.engine.cases.structure import Structure, covering
from grams_theory.engine.evaluate import evaluate
from grams_theory.engine.production import OURS, Hyper, Rig
from grams_theory.engine.search import descend

KNOBS = {**one_step.PLAIN, "history": 2}
SHARP = ("comparison-sharp", "comparison-sharp-convex", "grams-vs-adam-sharp", "lemma-4.2", "lemma-3.9")


def structure(family, dim, *, ascent=0, seed=0, **changes):
    return Structure(family, dim, seed, 256, {}, Hyper(), {**KNOBS, "ascent": ascent, **changes})


def f64(values):
    return torch.tensor(values, dtype=torch.float64)


def ones(x):
    return torch.ones_like(x)


def test_each_row_finds_its_own_minimum():
    goal, weight = torch.randn(4, 3).double(), f64([1e-8, 1.0, 1e8, 1.0]).unsqueeze(-1)
    start = torch.zeros_like(goal)
    (found,) = descend(lambda v: (weight * (v[0] - goal) ** 2).sum(-1), [start], [ones(start)], 100)
    assert torch.allclose(found, goal, rtol=0, atol=1e-3)


def test_a_row_keeps_the_best_point_that_it_met():
    start = torch.linspace(-3, 3, 32).double().unsqueeze(-1)

    def rough(v):
        return (v[0].sin() * 5 + v[0].abs()).squeeze(-1)

    (found,) = descend(rough, [start], [ones(start)], 10)
    assert (rough([found]) <= rough([start])).all()
    assert (rough([found]) < rough([start])).any()


def test_a_row_never_leaves_the_domain_of_its_objective():
    start = f64([[1.0], [-1.0]])
    (found,) = descend(lambda v: v[0].sqrt().squeeze(-1), [start], [ones(start)], 50)
    assert 0 <= found[0].item() < 0.01
    assert found[1].item() == -1.0


def test_nothing_moves_along_what_has_no_derivative():
    start = f64([[0.3], [-0.7]])
    (found,) = descend(lambda v: v[0].sign().squeeze(-1), [start], [ones(start)], 5)
    assert torch.equal(found, start)


@pytest.mark.parametrize("claim_id", SHARP)
@pytest.mark.parametrize("family", ["dense_quadratic", "log_cosh"])
def test_climbing_brings_a_sharp_claim_ten_times_nearer_to_equality(claim_id, family):
    claim = claims.by_id(claim_id)
    state = one_step.draw(claim, structure(family, 3))
    higher = climb(claim, state, OURS, fraction=1.0, steps=32)
    nearness = relative_margin(claim, state, 1.0)
    before, after = (nearness([s.w, torch.stack(s.history)]) for s in (state, higher))
    rows = before.isfinite()
    assert rows.any()
    assert (after[rows] <= before[rows]).all()
    assert after[rows].min() <= before[rows].min() / 10


@pytest.mark.parametrize("claim_id", SHARP)
def test_a_true_claim_survives_the_climb(claim_id):
    family = "log_cosh" if claim_id == "comparison-sharp-convex" else "reflection"
    outcome = evaluate(claims.by_id(claim_id), structure(family, 3, ascent=8))
    assert outcome is not None
    assert outcome.inside.any()
    assert outcome.worst() is None


def violations(claim, family, dim, batches, ascent):
    outcomes = [evaluate(claim, structure(family, dim, ascent=ascent, seed=seed)) for seed in range(batches)]
    return sum(int(o.violated(part).sum()) for o in outcomes if o is not None for part in o.margins)


def test_climbing_finds_a_fault_that_drawing_misses_in_the_same_time():
    """Step sizes one percent too long: 32 steps of a climb cost about as much as drawing 32 batches."""
    claim = claims.by_id("comparison-sharp")
    bound = claim.setting.step_size
    longer = replace(claim, setting=replace(claim.setting, step_size=lambda s: bound(s) * 1.01))
    assert violations(longer, "reflection", 5, 32, ascent=0) == 0
    assert violations(longer, "reflection", 5, 1, ascent=32) > 0
    assert violations(claim, "reflection", 5, 1, ascent=32) == 0


def test_a_climbed_case_is_replayed_by_its_structure():
    claim, climbed = claims.by_id("comparison-sharp"), structure("reflection", 3, ascent=4)
    first, again = (one_step.build(claim, s) for s in (climbed, Structure.from_dict(climbed.as_dict())))
    drawn = one_step.build(claim, replace(climbed, knobs={**climbed.knobs, "ascent": 0}))
    assert first is not None and again is not None and drawn is not None
    assert torch.equal(first[0].w, again[0].w)
    assert not torch.equal(first[0].w, drawn[0].w)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_climbed_states_are_numbers_of_the_weights_dtype(dtype):
    rig, claim = Rig(dtype=dtype), claims.by_id("comparison-sharp")
    state = one_step.draw(claim, structure("dense_quadratic", 3), rig)
    higher = climb(claim, state, rig, fraction=1.0, steps=4)
    assert all(torch.equal(x, rig.narrow(x)) for x in (higher.w, *higher.history))


def test_climbing_batches_are_small_and_take_the_longest_steps():
    from hypothesis import find

    family = families.by_name("dense_quadratic")
    strategy = DRIVERS[type(claims.by_id("lemma-4.2").setting)].strategy(
        claims.by_id("lemma-4.2"), family, 1 << 14
    )
    found = find(strategy, lambda s: s.knobs["ascent"] > 0)
    assert (found.batch, found.knobs["fraction"], found.knobs["reached"]) == (one_step.CLIMBERS, 1.0, False)


@pytest.mark.parametrize("family", covering(claims.by_id("lemma-4.2")), ids=lambda family: family.name)
def test_every_family_is_differentiable(family):
    claim = claims.by_id("lemma-4.2")
    drawn = replace(structure(family.name, family.dims[0]), batch=min(8, family.max_batch))
    state = one_step.draw(claim, drawn)
    higher = climb(claim, state, OURS, fraction=1.0, steps=2)
    assert not torch.equal(higher.w, state.w)
