"""A cell is a pure function of its key, and measures what it says."""

import dataclasses
import math

import pytest
import torch

from grams_theory.landscape.alignment import AdamDirection, align
from grams_theory.study import contenders, problems
from grams_theory.study.cell import Floor, Run, minibatches, parse
from grams_theory.study.contenders import Contender

SMALL = Run(
    loss="digits_mlp_softmax",
    seed=3,
    samples=None,
    chunk=None,
    path=None,
    optimizer="Grams",
    lr=0.03,
    betas=(0.9, 0.999),
    batch=50,
    steps=6,
    stages=3,
    noise_batch=20,
    skew_batches=4,
    test_samples=100,
    tested=True,
)
FLOOR = Floor("diabetes", 0, None, None, None, 10)


def change(run, **changes):
    return dataclasses.replace(run, **changes)


@pytest.mark.parametrize("cell", [SMALL, FLOOR])
def test_a_key_gives_its_cell_back(cell):
    assert parse(cell.key) == cell
    assert parse(cell.key).name == cell.name


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Run)])
def test_every_part_of_a_key_changes_the_name(field):
    other = {"betas": (0.8, 0.999), "loss": "diabetes", "optimizer": "Adam", "path": "x", "tested": False}
    value = getattr(SMALL, field)
    assert change(SMALL, **{field: other.get(field, 7 if value is None else 0)}).name != SMALL.name


def test_what_is_no_key_is_refused():
    with pytest.raises(ValueError, match="other parts"):
        parse({**SMALL.key, "another": 1})


@pytest.mark.parametrize("optimizer", ["Grams", "CautiousLion"])
@pytest.mark.parametrize("batch", [None, 50])
def test_a_cell_played_again_gives_the_same_bits_whatever_was_played_between(optimizer, batch):
    run = change(SMALL, optimizer=optimizer, batch=batch)
    first = run.play()
    torch.manual_seed(123)
    change(SMALL, seed=4).play()
    assert run.play() == first


def test_all_optimizers_of_a_seed_see_the_same_start_and_the_same_data():
    starts = {change(SMALL, optimizer=name).play()["points"][0]["f"] for name in contenders.CONTENDERS}
    assert len(starts) == 1
    orders = [
        [next(order).tolist() for _ in range(20)]
        for order in (minibatches(change(SMALL, optimizer=name), 500) for name in ("Adam", "Lion"))
    ]
    assert orders[0] == orders[1]
    assert change(SMALL, seed=4).play()["points"][0]["f"] not in starts


def test_minibatches_go_through_all_samples_in_each_epoch():
    order = minibatches(change(SMALL, batch=30), 100)
    seen = torch.cat([next(order) for _ in range(10)])
    for epoch in seen.split(100):
        assert sorted(epoch.tolist()) == list(range(100))


def test_a_linear_model_starts_elsewhere_for_each_seed():
    values = {change(SMALL, loss="diabetes", seed=s, batch=None).play()["points"][0]["f"] for s in range(3)}
    assert len(values) == 3


def test_f_and_its_gradient_are_those_of_the_same_samples_in_both_modes():
    full, mini = (change(SMALL, batch=batch, samples=80).play()["points"][0] for batch in (None, 50))
    assert full["f"] == pytest.approx(mini["f"], rel=1e-13)
    assert full["grad2"] == pytest.approx(mini["grad2"], rel=1e-12)
    assert full["f"] != pytest.approx(change(SMALL, batch=None).play()["points"][0]["f"], rel=1e-6)


@pytest.mark.parametrize("optimizer", ["Adam", "Grams", "Lion"])
def test_alignment_is_with_adams_update_from_the_runs_own_gradients(optimizer):
    """Against the gradients of the same run, made again by hand."""
    run = change(SMALL, optimizer=optimizer, batch=None)
    problem = problems.load(run.loss, run.seed, None, "cpu")
    f = problems.objective(problem, "cpu", None, None)
    made = contenders.by_name(optimizer).make(f.parameters, lr=run.lr, betas=run.betas)
    adam, seen = AdamDirection(), []
    for t in range(run.steps + 1):
        for group in made.param_groups:
            group["lr"] = run.lr * (1 + math.cos(math.pi * t / run.steps)) / 2
        g = f.value_and_gradient()[1]
        u = adam(g)
        seen.append(align(g, u))
        made.step()
    played = run.play()
    for point in played["points"]:
        expected = seen[point["step"]]
        assert point["kappa"] == pytest.approx(expected.kappa, rel=1e-9)
        assert point["disagreement"] == expected.disagreement
    assert played["groups"].keys() == f.groups.keys()
    for name, places in f.groups.items():
        expected = align(torch.cat([g[s] for s in places]), torch.cat([u[s] for s in places]))
        assert played["groups"][name]["kappa"] == pytest.approx(expected.kappa, rel=1e-9)
        assert played["groups"][name]["disagreement"] == expected.disagreement


def test_the_first_update_agrees_with_the_gradient_of_its_batch():
    first = SMALL.play()["points"][0]
    assert first["disagreement_batch"] == 0
    assert first["disagreement"] > 0


def test_a_batch_of_all_samples_has_no_noise():
    for skew in change(SMALL, noise_batch=500).play()["skew"]:
        assert skew["sign_disagreement"]["value"] < 0.01  # summed in another order: signs of gradients near 0
        assert skew["expected_descent"]["value"] > 1 - 1e-9
    assert [skew["stage"] for skew in SMALL.play()["skew"]] == ["early", "middle", "late"]
    assert all(skew["sign_disagreement"]["value"] > 0.01 for skew in SMALL.play()["skew"])


def test_measuring_changes_nothing_of_the_run():
    watched, unwatched = SMALL.play(), change(SMALL, stages=1, skew_batches=0, tested=False).play()
    for key in ("f", "grad2"):
        assert watched["points"][-1][key] == unwatched["points"][-1][key]


def test_a_run_that_diverges_says_when():
    result = change(SMALL, loss="diabetes", optimizer="Adam", lr=1e200, batch=None).play()
    assert result["diverged"] == 1
    assert len(result["points"]) == 1
    assert result["groups"] == {}


def test_a_nan_gradient_is_a_divergence_too(monkeypatch):
    def broken(params, lr, betas):
        made = torch.optim.SGD(params, lr=lr)
        made.register_step_post_hook(lambda *_: params[0].data.fill_(math.nan))
        return made

    monkeypatch.setitem(contenders.CONTENDERS, "Broken", Contender("Broken", "Broken", broken))
    assert change(SMALL, optimizer="Broken").play()["diverged"] == 1


def test_a_floor_is_certified_below_and_reached_above():
    found = Floor("breast_cancer_ridge", 0, None, None, None, 200).play()
    assert 0 <= found["low"] <= found["high"] < 0.2
    assert found["mu"] == 0.01


@pytest.mark.gpu
def test_on_a_gpu_the_same_run_starts_at_the_same_loss():
    here, there = SMALL.play(), SMALL.play("cuda")
    assert there["diverged"] is None
    assert len(there["points"]) == len(here["points"])
    # float64, sums of 500 samples in another order
    assert there["points"][0]["f"] == pytest.approx(here["points"][0]["f"], rel=1e-12)
