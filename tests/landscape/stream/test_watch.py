"""When a watch begins and ends, what it refuses, and what it does where a step or a probe goes wrong."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportOptionalMemberAccess=false, reportIndexIssue=false

from contextlib import suppress

import pytest
import torch
from torch import nn

from grams_theory.core.errors import UsageError
from tests.landscape.stream.loops import (
    LOSS,
    STEPS,
    data,
    full_batch,
    ordinary,
    still,
    watched,
)


def broken_after(k):
    model = still()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watched(optimizer, model, every=1) as seen:
        for step in range(STEPS):
            if step == k:
                with torch.no_grad():
                    model[2].weight[0, 0] = torch.nan
            full_batch(model, optimizer, 1)
    return seen


def test_a_loss_that_is_nan_names_step_and_parameter_and_does_not_stop_training():
    with pytest.warns(UserWarning, match=r"loss is nan at step 4.*'2.weight'"):
        seen = broken_after(3)
    assert seen.steps == STEPS
    assert [point.step for point in seen.points] == [1, 2, 3]
    assert list(seen.broken) == [4, 5, 6, 7]
    assert "4 probes were not finite" in seen.estimate().trajectory.method


def test_nothing_finite_is_an_error_that_says_why():
    with pytest.warns(UserWarning, match="step 1"):
        seen = broken_after(0)
    with pytest.raises(UsageError, match=r"loss is nan at step 1.*'2.weight'"):
        seen.estimate()


def test_nothing_seen_is_an_error_that_says_so():
    model = still()
    with pytest.raises(UsageError, match="no step was taken"):
        watched(torch.optim.SGD(model.parameters(), lr=0.1), model).estimate()


def test_an_interrupted_loop_gives_what_was_seen():
    model = still()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    seen = watched(optimizer, model, every=1)
    with suppress(KeyboardInterrupt), seen:
        full_batch(model, optimizer, 3)
        raise KeyboardInterrupt
    assert [point.step for point in seen.points] == [1, 2, 3]
    assert len(seen.estimate().trajectory.f) == 3
    full_batch(model, optimizer, 2)
    assert seen.steps == 3


def test_a_step_that_fails_keeps_its_probe():
    model = still()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def closure():
        raise ValueError("the user's own")

    with pytest.raises(ValueError, match="own"), watched(optimizer, model, every=1) as seen:
        optimizer.step(closure)
    assert [(point.step, point.alignment) for point in seen.points] == [(1, None)]


def test_detach_takes_the_hooks_away_and_may_be_called_twice():
    model = still()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    seen = watched(optimizer, model, every=1)
    full_batch(model, optimizer, 2)
    seen.detach()
    seen.detach()
    assert [point.step for point in seen.points] == [1, 2, 3]
    assert not optimizer._optimizer_step_pre_hooks and not optimizer._optimizer_step_post_hooks


def frozen():
    model = still()
    return torch.optim.SGD(still().parameters(), lr=0.1), model


def ascending():
    model = still()
    return torch.optim.SGD(model.parameters(), lr=0.1, maximize=True), model


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (frozen, {}, "no trainable parameter of the model"),
        (ascending, {}, "maximize"),
        (ordinary, {"every": 0}, "every=0"),
        (ordinary, {"budget": 0.0}, "budget=0.0"),
        (ordinary, {"level": 2.0}, "level=2.0"),
        (ordinary, {"f_star": 0.0, "lower_bound": 0.0}, "not both"),
        (ordinary, {"chunk": 0}, "chunk=0"),
    ],
)
def test_bad_arguments_say_what_is_allowed(make, options, message):
    optimizer, model = make()
    with pytest.raises(UsageError, match=message):
        watched(optimizer, model, **options)
    assert not optimizer._optimizer_step_pre_hooks


def test_a_model_that_got_other_parameters_is_refused():
    optimizer, model = ordinary()
    with watched(optimizer, model, every=1):
        model[2] = nn.Linear(4, 2).double()
        with pytest.raises(UsageError, match=r"'2.weight' is no longer"):
            optimizer.step()


def test_steps_in_inference_mode_are_seen_as_those_outside():
    """And what was seen can be used outside."""
    runs = []
    for inference in (False, True):
        optimizer, model = ordinary()
        with watched(optimizer, model, every=1) as seen:
            for _ in range(STEPS):
                x, y = data()
                LOSS(model(x), y).backward()
                with torch.inference_mode(inference):
                    optimizer.step()
                optimizer.zero_grad()
        runs.append([(point.step, point.f, point.grad_norm) for point in seen.points])
        seen.estimate(curvature=True)
    assert runs[0] == runs[1]
    assert len(runs[0]) == STEPS + 1


class Wrapper(torch.optim.Optimizer):
    """As accelerate's: no hooks of its own."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def step(self, closure=None):
        self.optimizer.step(closure)


def test_an_optimizer_is_watched_through_a_wrapper_without_hooks():
    optimizer, model = ordinary()
    with watched(Wrapper(optimizer), model, every=1) as seen:
        full_batch(model, optimizer, 2)
    assert [point.step for point in seen.points] == [1, 2, 3]
