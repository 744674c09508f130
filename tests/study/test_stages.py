"""When a run is measured."""

import pytest

from grams_theory.study.stages import STAGES, points, skew_points, stage


@pytest.mark.parametrize(("steps", "stages"), [(300, 10), (7, 10), (12, 4), (1, 1), (3, 2)])
def test_the_start_and_the_end_are_measured_and_no_step_twice(steps, stages):
    found = points(steps, stages)
    assert (found[0], found[-1]) == (0, steps)
    assert len(found) == min(stages, steps) + 1
    assert list(found) == sorted(set(found))


def test_stages_are_thirds_without_the_first_point():
    assert [stage(step, 9) for step in range(10)] == [None, *(name for name in STAGES for _ in range(3))]


def test_noise_is_measured_once_in_each_stage():
    assert skew_points(300, 10) == {60: "early", 150: "middle", 270: "late"}
