"""Base updates: enclosed by their definitions, undecided where rounding may turn a sign, stepped by production."""

from fractions import Fraction

import pytest
import torch

from grams_theory import claims, optim
from grams_theory.core.claim import OneStep
from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.rounding import UNIT, Ball
from grams_theory.engine.cases import one_step
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.production import VARIANTS, Hyper, Rig
from grams_theory.engine.updates import UPDATES, AdamMoments, base_update, define_lion
from grams_theory.symbolic import twin

HYPERS = [Hyper(), Hyper((0.5, 0.5), 1e-3), Hyper((0.0, 0.999), 1.0)]


@pytest.fixture
def gradients():
    return list(torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64))


def exactly(gradients, row):
    return [[Fraction(x) for x in g[row].tolist()] for g in gradients]


def by_the_twin(update, gradients, row, hyper):
    """u in exact arithmetic, as floats."""
    state = twin.UPDATES[update](tuple(map(Fraction, hyper.betas)), Fraction(hyper.eps))
    with twin.ctx.workprec(256):
        u = [state.update(g) for g in exactly(gradients, row)][-1]
    return torch.tensor([float(twin.arb(x).mid()) for x in u], dtype=torch.float64)


@pytest.mark.parametrize("hyper", HYPERS, ids=str)
@pytest.mark.parametrize("update", UPDATES)
def test_the_definition_encloses_the_exact_twin(update, hyper, gradients):
    defined = UPDATES[update].define(gradients, hyper, UNIT).u
    for row in range(6):
        distance = (by_the_twin(update, gradients, row, hyper) - defined.mid[row]).abs()
        assert (distance <= defined.rad[row]).all()


@pytest.mark.parametrize("hyper", HYPERS, ids=str)
@pytest.mark.parametrize("update", UPDATES)
def test_the_formula_for_autograd_is_what_the_definition_encloses(update, hyper, gradients):
    u = UPDATES[update].define(gradients, hyper, UNIT).u
    assert (
        (UPDATES[update].formula(gradients, hyper) - u.mid).abs() <= 2 * u.rad + 8 * UNIT * u.mid.abs()
    ).all()


def test_a_short_memory_of_large_gradients_is_enclosed():
    """beta1 = 1/100: float32 keeps 1 - fl(99/100) of the moment, which is 1/100 but for a rounding of 1."""
    gen = torch.Generator().manual_seed(0)
    gradients = (
        torch.randn(2, 64, 4, generator=gen, dtype=torch.float32).double()
        * torch.tensor([1e6, 1.0])[:, None, None]
    )
    w = torch.nn.Parameter(torch.zeros(64, 4))
    optimizer = optim.Grams([w], betas=(0.01, 0.999))
    moments = AdamMoments.of(w, Hyper((0.01, 0.999)), 2.0**-24)
    for g in gradients:
        w.grad = g.float()
        optimizer.step()
        moments.add(Ball.exact(g))
    distance = (optimizer.state[w]["exp_avg"].double() - moments.m.x.mid).abs()
    assert (distance <= moments.m.kept.rad).all()
    assert (distance > 8 * 2.0**-24 * moments.m.size).any()


@pytest.mark.parametrize("update", ["adam", "momentum"])
def test_a_radius_that_is_too_small_would_be_noticed(update, gradients):
    defined = UPDATES[update].define(gradients, Hyper(), UNIT).u
    distance = (by_the_twin(update, gradients, 0, Hyper()) - defined.mid[0]).abs()
    assert (distance > 1e-3 * defined.rad[0]).any()


@pytest.mark.parametrize("hyper", HYPERS, ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["Adam", "Lion", "SGD"])
def test_production_steps_by_the_definition_up_to_its_rounding(name, dtype, hyper, gradients):
    rig, lr = Rig(dtype=dtype), 0.25
    fed = [rig.narrow(g) for g in gradients]
    defined = UPDATES[twin.ROLES[name].update].define(fed, hyper, rig.unit)
    moved = rig.displacement(name, torch.zeros(6, 4, dtype=torch.float64), fed, lr, hyper)
    allowed = defined.rounding + defined.u.rad + 4 * rig.unit * moved.abs() / lr
    assert ((moved / -lr - defined.u.mid).abs() <= allowed).all()
    assert (allowed < 1e-3 * defined.u.mid.abs()).double().mean() > 0.9


SIZES = {
    "float64": (1.0, 1e-150, 1e-310),
    "float32": (1.0, 1e-18, 1e-37, 1e-42),
    "bfloat16": (1.0, 1e-18, 1e-37, 1e-40),
    "float16": (1.0, 1e-2, 1e-4, 1e-6),
}
"""Gradients whose square underflows, and subnormal ones."""
PLAYERS = {"ours": {}, "torch's": {"Adam": "torch.optim:Adam"}}
SMALL = [(dtype, size) for dtype, sizes in SIZES.items() for size in sizes]


def excess(update, rig, hyper, fed, moved):
    """Distance of a step of size 1 from the exact twin's u over what rounding allows, where that is finite."""
    defined = UPDATES[update].define(fed, hyper, rig.unit, rig.tiny)
    allowed = defined.rounding + defined.u.rad + defined.lost
    exact = torch.stack([by_the_twin(update, fed, row, hyper) for row in range(len(moved))])
    bounded = allowed.isfinite() & (allowed > 0)
    return ((-moved - exact).abs() / allowed)[bounded]


@pytest.mark.parametrize("implementation", ["loop", "foreach"])
@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize(("dtype", "size"), SMALL)
@pytest.mark.parametrize("hyper", [Hyper(), Hyper((0.5, 0.5), 1e-3)], ids=str)
def test_no_rounding_or_underflow_of_production_adam_exceeds_its_bound(
    hyper, dtype, size, player, implementation, gradients
):
    rig = Rig(dtype=dtype, cast=PLAYERS[player], implementation=implementation)
    fed = [rig.narrow(size * g) for g in gradients]
    moved = rig.displacement("Adam", torch.zeros(6, 4, dtype=torch.float64), fed, 1.0, hyper)
    assert (excess("adam", rig, hyper, fed, moved) <= 1).all()


@pytest.mark.parametrize("dtype", SIZES)
def test_the_bound_is_no_more_than_a_hundred_times_what_is_seen(dtype, gradients):
    rig, hyper = Rig(dtype=dtype), Hyper((0.5, 0.5), 1e-3)
    fed = [rig.narrow(g) for g in gradients]
    moved = rig.displacement("Adam", torch.zeros(6, 4, dtype=torch.float64), fed, 1.0, hyper)
    assert excess("adam", rig, hyper, fed, moved).max() > 0.01


@pytest.mark.parametrize("update", ["Adam", "SGD"])
def test_a_bound_without_underflow_is_exceeded_in_float16(update, gradients):
    rig, hyper = Rig(dtype="float16"), Hyper((0.5, 0.5), 1e-3)
    fed = [rig.narrow(1e-6 * g) for g in gradients]
    moved = rig.displacement(update, torch.zeros(6, 4, dtype=torch.float64), fed, 1.0, hyper)
    base = twin.ROLES[update].update
    forgetful = UPDATES[base].define(fed, hyper, rig.unit, 0.0)
    assert ((-moved - forgetful.u.mid).abs() > forgetful.rounding + forgetful.u.rad).any()
    assert (excess(base, rig, hyper, fed, moved) <= 1).all()


def test_where_eps_and_the_second_moment_underflow_there_is_no_bound():
    """0/0 by the best of implementations."""
    fed = [torch.tensor([[1e-4, 1.0, 0.0]], dtype=torch.float64)]
    rig = Rig(dtype="float16")
    rounding = UPDATES["adam"].define(fed, Hyper(), rig.unit, rig.tiny).rounding
    assert rounding.isinf().tolist() == [[True, False, True]]
    assert UPDATES["adam"].define(fed, Hyper(), UNIT).rounding.isfinite().all()


@pytest.mark.parametrize("name", ["Lion", "SGD"])
def test_swapped_betas_leave_the_rounding_allowance(name, gradients):
    hyper = Hyper((0.9, 0.5))
    defined = UPDATES[twin.ROLES[name].update].define(gradients, hyper, UNIT)
    moved = Rig().displacement(
        name, torch.zeros(6, 4, dtype=torch.float64), gradients, 1.0, Hyper((0.5, 0.9))
    )
    assert ((-moved - defined.u.mid).abs() > defined.rounding + defined.u.rad + 1e-12).any()


def test_sgd_is_torch_s_with_the_first_beta_for_momentum():
    group = Rig().subject("SGD", torch.zeros(2, 2), 0.1, Hyper((0.75, 0.999))).optimizers[0].param_groups[0]
    assert type(Rig().subject("SGD", torch.zeros(2, 2), 0.1, Hyper()).optimizers[0]) is torch.optim.SGD
    assert (group["momentum"], group["dampening"], group["nesterov"], group["weight_decay"]) == (
        0.75,
        0,
        False,
        0,
    )


def test_lion_s_sign_is_not_guessed_where_its_argument_cancels():
    """c = m/2 + g/2 with m = 1/2 and g = -1/2, or one rounding from it."""
    hyper = Hyper((0.5, 0.5))
    last = torch.tensor([[-0.5, -0.5 - UNIT, -0.5 - 64 * UNIT, 0.0]], dtype=torch.float64)
    first = torch.tensor([[1.0, 1.0, 1.0, 0.0]], dtype=torch.float64)
    defined = define_lion([first, last], hyper)
    assert defined.u.mid.tolist() == [[0.0, 0.0, -1.0, 0.0]]
    assert defined.u.rad.tolist() == [[1.0, 1.0, 0.0, 0.0]]
    assert defined.rounding.tolist() == defined.u.rad.tolist()


def test_in_a_coarser_format_more_signs_are_not_guessed():
    hyper = Hyper((0.5, 0.5))
    history = [torch.tensor([[1.0]]), torch.tensor([[-0.5 - 1e-5]])]
    assert define_lion(history, hyper, Rig(dtype="float32").unit).u.rad.item() == 0
    assert define_lion(history, hyper, Rig(dtype="bfloat16").unit).u.rad.item() == 1


@pytest.mark.parametrize("role", twin.ROLES)
def test_every_role_is_played_and_every_update_defined(role):
    assert Rig().optimizer(role).__name__ == role
    assert base_update(OneStep((role,), update=twin.ROLES[role].update)) in UPDATES.values()


def test_every_optimizer_of_ours_that_a_role_names_is_ours():
    assert set(twin.ROLES) - set(VARIANTS) <= set(optim.names())


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        (OneStep(("Lion",)), UsageError, "update='lion'"),
        (OneStep(("Lion", "Adam"), update="lion"), UsageError, "Adam is made of the update 'adam'"),
        (OneStep(("Lion",), update="lions"), UnknownNameError, "did you mean lion"),
    ],
)
def test_a_setting_whose_update_is_not_its_optimizers_is_refused(setting, error, message):
    with pytest.raises(error, match=message):
        base_update(setting)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_runs_of_momentum_stay_finite_on_the_steepest_functions(dtype):
    """Its steps grow with the gradient: 16 of size 1 where L = 10^6 overflow float32."""
    options = {"condition": 1e4, "scale": 100.0, "wide": False}
    knobs = {**one_step.PLAIN, "reached": True, "history": 4, "memory": 0.3, "fraction": 0.5}
    for seed in range(8):
        structure = Structure("pl_sine_composition", 16, seed, 64, options, Hyper((0.99, 0.9)), knobs)
        built = one_step.build(claims.by_id("momentum-descent"), structure, rig=Rig(dtype=dtype))
        assert built is not None
        step, inside = built
        assert step.w.isfinite().all()
        assert step.u.mid.isfinite().all()
        assert inside.any()
