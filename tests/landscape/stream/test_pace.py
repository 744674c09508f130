"""Probes keep within their share of the time of training, on a clock of our own."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportOptionalMemberAccess=false, reportIndexIssue=false

import math

import pytest
import torch

from grams_theory.landscape.stream import pace
from grams_theory.landscape.stream.shadow import Shadow
from tests.landscape.stream.loops import (
    MEASURE,
    full_batch,
    still,
    watched,
)


def timed_run(clock, steps, **options):
    model = still()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watched(optimizer, model, **options) as seen:
        for _ in range(steps):
            clock.now += 1
            full_batch(model, optimizer, 1)
    return seen


@pytest.mark.parametrize("budget", [0.02, 0.05, 0.2])
def test_probes_use_the_budget_and_keep_within_it(clock, budget):
    seen = timed_run(clock, 300, budget=budget)
    assert 0 < seen.overhead <= budget
    # all that fits, but for what is in reserve, less than one step of waiting for each, and less than one probe
    wait = math.ceil(0.3 / (budget * (1 - pace.RESERVE)))
    assert len(seen.points) >= 300 / wait - 1
    steps = [point.step for point in seen.points]
    assert steps[0] == 1


def test_a_run_too_short_for_its_first_probe_says_so(clock):
    seen = timed_run(clock, 2, budget=0.05)
    assert len(seen.points) == 1
    assert seen.overhead == pytest.approx(0.15)


def test_a_costly_probe_makes_the_next_one_wait(clock, monkeypatch):
    def measure(self):
        clock.now += 5.0 if clock.now < 10 else 0.1
        return MEASURE(self)

    monkeypatch.setattr(Shadow, "measure", measure)
    steps = [point.step for point in timed_run(clock, 400, budget=0.05).points]
    wait = 5.0 / (0.05 * (1 - pace.RESERVE))
    assert steps[1] >= wait
    assert steps[2] - steps[1] <= wait
