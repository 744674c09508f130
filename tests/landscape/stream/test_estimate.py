"""The estimate of a watched run is that of `estimate_pl`, as far as the same points were visited."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportOptionalMemberAccess=false, reportIndexIssue=false

import pytest
import torch

from grams_theory.core.errors import UsageError
from grams_theory.landscape import estimate_pl
from grams_theory.landscape.certificates.criteria import SquareLoss
from grams_theory.landscape.stream import watch_pl
from tests.landscape.stream.loops import (
    full_batch,
    still,
    watched,
)


def of_gradient_descent(regression, every, **options):
    """estimate_pl by gradient descent with lr 0.1, and a loop of one's own that makes the same steps, watched."""
    model, X, Y = regression([0.5, 1.0, 3.0], noise=1.0)
    whole = estimate_pl(model, SquareLoss(), (X, Y), lr=0.1, steps=30, groups="none")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch_pl(optimizer, model, SquareLoss(), (X, Y), every=every, **options) as seen:
        for _ in range(29):
            SquareLoss()(model(X), Y).backward()
            optimizer.step()
            optimizer.zero_grad()
    return whole, seen


def test_a_full_batch_loop_watched_at_every_step_gives_the_estimate_of_the_run(regression):
    whole, seen = of_gradient_descent(regression, 1)
    e = seen.estimate()
    assert e.trajectory.f == pytest.approx(whole.trajectory.f, rel=1e-12)
    assert e.trajectory.distance == pytest.approx(whole.trajectory.distance, rel=1e-12)
    assert e.secant.value == pytest.approx(whole.secant.value, rel=1e-9)
    for name in ("mu_lower", "mu_upper", "f_star", "smoothness"):
        found, expected = getattr(e, name), getattr(whole, name)
        assert found.value == pytest.approx(expected.value, rel=1e-9), name
    assert e.kappa.value == pytest.approx(seen.points[0].alignment.kappa, rel=0.5)
    assert (e.eta, e.dim, e.samples) == (0.1, 3, 20)
    assert e.noise.sign_disagreement.value == 0
    assert e.groups["group 0"].noise.expected_descent.value == pytest.approx(1)
    assert e.groups["group 0"].gradient_share.low == pytest.approx(1)


def test_points_go_by_the_number_of_their_step(regression):
    _, seen = of_gradient_descent(regression, 10)
    e = seen.estimate()
    assert e.trajectory.steps == (1, 11, 21, 30)
    assert "over 4 visited points, at step 30" in e.mu_upper.provenance  # the slow direction is left
    assert "gradients of the probes, since SGD" in e.kappa.provenance
    assert "run of 29 steps of SGD" in e.trajectory.method
    assert e.trajectory.optimizer == "SGD"


@pytest.mark.parametrize("refine", [0, 50])
def test_the_minimum_is_an_interval_and_never_the_last_value(refine):
    model = still()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with watched(optimizer, model, every=1) as seen:
        full_batch(model, optimizer, 20)
    weights = [p.clone() for p in model.parameters()]
    star = seen.estimate(refine=refine).f_star
    assert star.low == 0.0  # squares are never negative
    assert (star.value < seen.points[-1].f) is bool(refine)
    assert star.value <= seen.points[-1].f
    assert ("L-BFGS" in star.provenance) is bool(refine)
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"f_star": 100.0}, r"f_star=100.*step 1"), ({"lower_bound": 100.0}, "lower_bound")],
)
def test_a_loss_below_its_given_minimum_is_an_error(options, message):
    model = still()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with watched(optimizer, model, every=1, **options) as seen:
        full_batch(model, optimizer)
    with pytest.raises(UsageError, match=message):
        seen.estimate()


def test_curvature_is_measured_at_the_last_point_if_asked(regression):
    _, seen = of_gradient_descent(regression, 10)
    without, with_it = seen.estimate(), seen.estimate(curvature=True)
    assert without.curvature == ()
    assert "secant" in without.smoothness_seen.provenance or "‖Δ∇f‖" in without.smoothness_seen.provenance
    assert with_it.smoothness_seen.value == pytest.approx(3.0, rel=1e-6)
    assert "at steps 30" in with_it.smoothness_seen.provenance
    assert with_it.groups["group 0"].smoothness_seen.value == pytest.approx(3.0, rel=1e-3)


def test_an_estimate_in_mid_run_changes_nothing_and_its_time_is_of_neither_kind(clock):
    model = still()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with watched(optimizer, model, budget=0.05) as seen:
        clock.now += 1
        full_batch(model, optimizer, 1)
        before, state = seen.overhead, torch.get_rng_state()
        assert len(seen.estimate(refine=5, curvature=True).trajectory.f) == 1
        assert seen.overhead == before
        assert torch.equal(state, torch.get_rng_state())
