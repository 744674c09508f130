"""Curvature along a step, and (L0, L1) fits, against what is known."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import nn

from grams_theory.core.errors import UsageError
from grams_theory.landscape.curvature import smoothness
from grams_theory.landscape.curvature.smoothness import fit_relaxed_smoothness, segment_smoothness
from grams_theory.landscape.objective import Objective

EPS = torch.finfo(torch.float64).eps
DATA = torch.zeros(1, 1), torch.zeros(1)


class Scalar(nn.Module):
    """Outputs f(w) for one weight or several, whatever the input."""

    def __init__(self, f, w):
        super().__init__()
        self.f, self.w = f, nn.Parameter(w)

    def forward(self, x):
        return self.f(self.w).expand(len(x))


def made(f, w):
    return Objective(Scalar(f, w), lambda output, target: output.mean(), DATA)


def vector(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


# The segment of a step


@pytest.fixture
def bowl(objective):
    """½ (−3 a² + b² + 2 c²)."""
    return objective(torch.diag(vector(-3, 1, 2)), torch.ones(3))


@pytest.mark.parametrize("points", [2, 3, 7])
def test_a_quadratic_has_the_same_curvature_all_along(points, bowl):
    s = vector(1, 2, 0)
    found = segment_smoothness(bowl, bowl.w, s, points)
    assert [p.position for p in found.points] == pytest.approx(np.linspace(0, 1, points))
    for point in found.points:
        assert point.sharpest.value == pytest.approx(-3, rel=1e-12)
        assert point.along == pytest.approx((-3 + 4) / 5, rel=1e-12)
    assert found.largest.value == pytest.approx(3, rel=1e-12)
    assert found.secant.value == pytest.approx(math.sqrt(9 + 4) / math.sqrt(5), rel=1e-12)
    assert found.length == pytest.approx(math.sqrt(5))


def test_the_curvature_between_is_met_at_the_points():
    # f = cos: f'' = -cos, largest in magnitude at 0, in the middle of the segment
    objective = made(lambda w: w.cos().sum(), vector(-1))
    found = segment_smoothness(objective, vector(-1), vector(2), 3)
    assert found.largest.value == pytest.approx(1, rel=1e-12)
    assert [p.sharpest.value for p in found.points] == pytest.approx([-math.cos(1), -1, -math.cos(1)])
    assert found.secant.value == pytest.approx(math.sin(1), rel=1e-12)  # the mean of |f''|
    ends = segment_smoothness(objective, vector(-1), vector(2), 2)
    assert ends.largest.value == pytest.approx(math.cos(1))  # the ends alone miss it


def test_the_secant_alone_misses_the_curvature_across_the_step(objective):
    objective = objective(torch.diag(vector(100, 1e-3)), torch.ones(2))
    found = segment_smoothness(objective, vector(0, 0), vector(0, 1))
    assert found.secant.value == pytest.approx(1e-3)
    assert found.seen == found.largest.low == pytest.approx(100)


def test_the_hessian_alone_misses_a_kink():
    objective = made(lambda w: w.relu().sum(), vector(-0.1))
    found = segment_smoothness(objective, vector(-0.1), vector(0.2))
    assert found.largest.value == 0
    assert found.secant.value == pytest.approx(1 / 0.2)
    assert found.seen == found.secant.low == pytest.approx(1 / 0.2)


@pytest.mark.parametrize("seed", range(5))
def test_no_lower_bound_exceeds_a_known_smoothness(seed, objective):
    rng = torch.Generator().manual_seed(seed)
    A = torch.randn(6, 6, generator=rng, dtype=torch.float64)
    H, w, s = A + A.mT, *torch.randn(2, 6, generator=rng, dtype=torch.float64)
    found, L = segment_smoothness(objective(H, w), w, s), torch.linalg.matrix_norm(H, 2).item()
    bounds = [found.secant.value, found.largest.value, found.seen, *(abs(p.along) for p in found.points)]
    assert all(
        bound and bound <= L * (1 + 100 * EPS) for bound in bounds
    )  # products with a matrix of 6 columns


@pytest.mark.parametrize("size", [10.0**-k for k in range(9)])
def test_the_secant_less_rounding_is_below_the_true_one(size, rng):
    # near a minimum and with short steps a secant in float32 is little but rounding
    torch.manual_seed(0)
    x, s = torch.randn(64, 6, generator=rng), torch.randn(49, generator=rng)
    model = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 1))
    y = model(x).detach() + 0.1 * torch.randn(64, 1, generator=rng)
    single, double = (Objective(model, nn.MSELoss(), (x, y), dtype=d) for d in (torch.float32, torch.float64))
    step = size * s / s.norm()
    found = segment_smoothness(single, single.w, step).secant
    truth = segment_smoothness(double, double.w, step.double()).secant
    assert found.low is not None and truth.value is not None and found.value is not None
    assert found.low <= truth.value
    if size == 1:
        assert found.low > 0.99 * found.value
    if size == 1e-8:
        assert found.value > 2 * truth.value  # so the rounding must be taken off


def test_the_step_is_taken_as_the_weights_round_it():
    objective = made(lambda w: (w * w).sum(), torch.ones(1))
    s = torch.tensor([1.4 * torch.finfo(torch.float32).eps])
    found = segment_smoothness(objective, torch.ones(1), s)
    assert found.length == torch.finfo(torch.float32).eps
    assert found.secant.value == 2


def test_weights_and_gradients_are_as_before(bowl, monkeypatch):
    bowl.value_and_gradient()
    w, gradients = bowl.w, [p.grad for p in bowl.parameters]
    segment_smoothness(bowl, torch.zeros(3).double(), vector(1, 0, 0))
    assert torch.equal(bowl.w, w)
    assert all(p.grad is g for p, g in zip(bowl.parameters, gradients, strict=True))

    def fail(*_, **__):
        raise UsageError("no")

    monkeypatch.setattr(smoothness, "sharpness", fail)
    with pytest.raises(UsageError, match="no"):
        segment_smoothness(bowl, torch.zeros(3).double(), vector(1, 0, 0))
    assert torch.equal(bowl.w, w)
    assert all(p.grad is g for p, g in zip(bowl.parameters, gradients, strict=True))


@pytest.mark.parametrize(
    ("w", "s", "points", "complaint"),
    [
        (vector(1, 1, 1), vector(0, 0, 0), 3, "length 0"),
        (vector(1, 1, 1), vector(1e-20, 0, 0), 3, "length 0"),
        (vector(1, 1, 1), vector(math.inf, 0, 0), 3, "length"),
        (vector(1, 1, 1), vector(math.nan, 0, 0), 3, "length"),
        (vector(1, 1), vector(1, 1, 1), 3, "shape"),
        (vector(1, 1, 1), vector(1, 1), 3, "shape"),
        (vector(1, 1, 1), vector(1, 1, 1), 1, "points=1"),
    ],
)
def test_what_spans_no_segment_is_refused(w, s, points, complaint, bowl):
    with pytest.raises(UsageError, match=complaint):
        segment_smoothness(bowl, w, s, points)


# (L0, L1)


def points(seed):
    rng = np.random.default_rng(seed)
    T = int(rng.integers(1, 40))
    scale = 10.0 ** rng.uniform(-3, 3, 2)
    return (scale[0] * rng.random(T)).tolist(), (scale[1] * rng.random(T)).tolist()


CLOUDS = {f"random {seed}": points(seed) for seed in range(20)}
CLOUDS |= {
    "one point": ([2.0], [3.0]),
    "no gradient": ([0.0, 0.0], [1.0, 2.0]),
    "no curvature": ([1.0, 2.0], [0.0, 0.0]),
    "curvature falls as the gradient grows": ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]),
    "one line": ([1.0, 2.0, 3.0, 4.0], [3.0, 5.0, 7.0, 9.0]),
    "through the origin": ([1.0, 2.0, 4.0], [0.5, 1.0, 2.0]),
    "the same point twice": ([1.0, 1.0, 2.0], [1.0, 1.0, 3.0]),
    "gradient 0 at the minimum": ([0.0, 1.0, 2.0], [1.0, 1.5, 4.0]),
}
clouds = pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)


def slacks(pair, cloud):
    """L0 + L1 ‖∇f_t‖ − curvature_t, relative to the size of both sides."""
    g, c = map(np.array, cloud)
    bound = pair[0] + pair[1] * g
    return (bound - c) / np.maximum(np.maximum(bound, c), np.finfo(float).tiny)


@clouds
def test_every_pair_of_the_chain_bounds_every_point(cloud):
    for pair in fit_relaxed_smoothness(*cloud).chain:
        assert slacks(pair, cloud).min() >= -4 * EPS  # L0 and L1 are rounded once, the bound twice


@clouds
def test_no_pair_of_the_chain_can_be_lowered(cloud):
    for L0, L1 in fit_relaxed_smoothness(*cloud).chain:
        for lower in [(L0 * (1 - 1e-9), L1)] * (L0 > 0) + [(L0, L1 * (1 - 1e-9))] * (L1 > 0):
            # 1e-9 of the part that was lowered must be seen in the whole bound
            assert slacks(lower, cloud).min() < 0


@clouds
def test_the_pair_solves_the_linear_program(cloud):
    g, c = map(np.array, cloud)
    g, c = g / (g.max() or 1), c / (c.max() or 1)  # the solver's accuracy of 1e-7 is absolute
    found = fit_relaxed_smoothness(g, c)
    A = -np.stack([np.ones(len(g)), g], 1)
    solved = linprog([1.0, g.mean()], A_ub=A, b_ub=-c, bounds=[(0, None)] * 2)
    assert found.L0 + found.L1 * g.mean() == pytest.approx(solved.fun, abs=1e-6)


@clouds
def test_binding_points_are_those_without_slack(cloud):
    found = fit_relaxed_smoothness(*cloud)
    slack = slacks((found.L0, found.L1), cloud)
    assert found.binding
    assert all(abs(slack[t]) <= 4 * EPS for t in found.binding)
    assert all(slack[t] > 0 for t in range(len(slack)) if t not in found.binding)


@clouds
def test_the_chain_ends_with_the_plain_constant_and_rises(cloud):
    found = fit_relaxed_smoothness(*cloud)
    assert found.chain[-1] == (max(cloud[1]), 0) == (found.plain, 0)
    assert list(found.chain) == sorted(found.chain)
    assert 0 <= found.ratio <= 1


def test_a_line_is_found_and_helps():
    found = fit_relaxed_smoothness(*CLOUDS["one line"])
    assert (found.L0, found.L1, found.binding) == (1, 2, (0, 1, 2, 3))
    assert found.ratio == 6 / 9  # the mean bound 1 + 2 · 2.5 instead of 9


def test_what_does_not_grow_with_the_gradient_needs_no_slope():
    found = fit_relaxed_smoothness(*CLOUDS["curvature falls as the gradient grows"])
    # every slope > 0 with intercept 0 through (1, 3) costs more at the others
    assert (found.L0, found.L1, found.ratio, found.binding) == (3, 0, 1, (0,))


def test_a_point_that_is_left_out_lowers_the_fit():
    g, c = CLOUDS["one line"]
    whole, part = fit_relaxed_smoothness([*g, 2.5], [*c, 20.0]), fit_relaxed_smoothness(g, c)
    assert 4 in whole.binding
    assert slacks((part.L0, part.L1), ([2.5], [20.0])).min() < 0


@pytest.mark.parametrize(
    ("g", "c", "complaint"),
    [
        ([], [], "at least 1"),
        ([1.0], [1.0, 2.0], "1 gradient norms and 2 curvatures"),
        ([1.0, math.nan], [1.0, 1.0], "point 1"),
        ([1.0], [-1.0], "point 0"),
        ([math.inf], [1.0], "point 0"),
    ],
)
def test_bad_points_are_refused(g, c, complaint):
    with pytest.raises(UsageError, match=complaint):
        fit_relaxed_smoothness(g, c)
