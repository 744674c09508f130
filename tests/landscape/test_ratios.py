"""What the visited points say of mu: the ratio, the interval that f* leaves it, and the slope that tells PL apart."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportCallIssue=false

import math

import pytest
import torch
from torch import nn

from grams_theory.core.errors import GramsTheoryError
from grams_theory.landscape import estimate_pl
from grams_theory.landscape.certificates import Certificate
from grams_theory.landscape.descent import ROUNDING, Trajectory
from grams_theory.landscape.quantity import Quantity
from grams_theory.landscape.ratios import ratios
from tests.landscape.conftest import ONE, mean_output


def run(f, grad_norm):
    return Trajectory(tuple(f), tuple(grad_norm), (), (), "a test")


def star(low, high):
    return Quantity(high, "", low, high)


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
def test_the_slope_is_the_power_of_the_gap_that_the_gradient_follows(power):
    gaps = [2.0**-k for k in range(12)]
    found = ratios(run([0.5 + g for g in gaps], [g ** (power / 2) for g in gaps]), star(0.5, 0.5), 2.0**-52)
    # gaps are exact; logarithms and twelve sums of them are not
    assert found.slope.value == pytest.approx(power, abs=1e-13)
    assert found.slope.low == pytest.approx(power, abs=1e-6)
    assert found.slope.high == pytest.approx(power, abs=1e-6)


def test_the_standard_error_of_the_slope_is_that_of_least_squares():
    """Against scipy, on points that lie on no line."""
    from scipy.stats import linregress

    rng = torch.Generator().manual_seed(0)
    gaps = torch.rand(40, generator=rng, dtype=torch.float64) + 0.01
    norms = gaps.sqrt() * (1 + torch.rand(40, generator=rng, dtype=torch.float64))
    found = ratios(run(gaps.tolist(), norms.tolist()), star(0.0, 0.0), 2.0**-52).slope
    expected = linregress(gaps.log(), 2 * norms.log())
    assert found.value == pytest.approx(expected.slope, rel=1e-12)
    assert found.high - found.value == pytest.approx(2 * expected.stderr, rel=1e-9)
    assert f"{expected.stderr:.1e}" in found.provenance


def test_an_uncertain_minimum_widens_slope_and_ratio():
    gaps = [2.0**-k for k in range(8)]
    f, norms = [1 + g for g in gaps], [math.sqrt(g) for g in gaps]
    sharp, loose = (ratios(run(f, norms), star(low, 1.0), 2.0**-52) for low in (1.0, 0.99))
    assert loose.slope.low < sharp.slope.low or loose.slope.high > sharp.slope.high
    assert sharp.smallest.low == pytest.approx(0.5, rel=1e-12)
    last = gaps[-1]
    assert loose.smallest.low == pytest.approx(0.5 * last / (last + 0.01), rel=1e-12)
    assert loose.smallest.value == sharp.smallest.value


def test_an_open_lower_end_of_the_minimum_leaves_the_ratio_open_and_says_so():
    found = ratios(run([3.0, 2.0, 1.5], [2.0, 1.0, 0.7]), star(None, 1.0), 2.0**-52)
    assert found.smallest.low is None
    assert "the upper end of f*" in found.slope.provenance


@pytest.mark.parametrize(
    ("f", "norms"),
    [([1.0, 0.5], [1.0, 0.7]), ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]), ([1.0, 0.5, 0.2], [0.0] * 3)],
)
def test_too_few_points_have_no_slope(f, norms):
    found = ratios(run(f, norms), star(0.0, 0.0), 2.0**-52).slope
    assert found.value is None
    assert "three points" in found.provenance


def test_points_lost_in_rounding_have_no_ratio():
    eps = 2.0**-52
    edge = ROUNDING * eps
    found = ratios(run([2.0, 1 + 2 * edge, 1 + edge / 2, 1.0], [1.0] * 4), star(1.0, 1.0), eps)
    assert [r is None for r in found.values] == [False, False, True, True]
    assert (
        f"{eps * (1 + 2 * edge) / (2 * edge):.1e}" not in found.smallest.provenance
    )  # that of the smallest ratio:
    assert f"{2 * eps:.1e}" in found.smallest.provenance


class Bend(nn.Module):
    """f as a function of one weight."""

    def __init__(self, f, w):
        super().__init__()
        self.f, self.w = f, nn.Parameter(torch.tensor([w], dtype=torch.float64))

    def forward(self, x):
        return self.f(self.w).expand(len(x))


def test_unregularised_logistic_loss_has_slope_two_and_squares_have_one():
    """−log σ(w) has gradient σ(−w) ~ f as w grows; w²/2 has ½‖∇f‖² = f."""
    logistic = estimate_pl(
        Bend(nn.functional.softplus, -8.0), mean_output, ONE, f_star=0.0, steps=50, lr=20.0
    )
    assert logistic.slope.value == pytest.approx(2.0, abs=0.05)
    squares = estimate_pl(Bend(lambda w: w**2 / 2, 3.0), mean_output, ONE, f_star=0.0, steps=20, lr=0.3)
    assert squares.slope.value == pytest.approx(1.0, abs=1e-12)


def local(mu, radius):
    class Claims:
        def __call__(self, output, target):
            return output.mean()

        def certify(self, objective):
            unknown = Quantity(None, "unknown")
            near = Quantity(mu, "planted", radius=radius)
            return Certificate(unknown, unknown, Quantity(0.0, "planted", 0.0, 0.0), near)

    return Claims()


def test_a_local_certificate_says_where_the_run_leaves_its_ball():
    """f = w²/2 from w = 4: halved by each step, at distance 2, 3, 3.5, ... from the start."""

    def measured(radius):
        return estimate_pl(Bend(lambda w: w**2 / 2, 4.0), local(0.5, radius), ONE, steps=6, lr=0.5)

    assert measured(3.2).mu_local.radius == 3.2
    assert "leaves the ball at step 4" in measured(3.2).mu_local.provenance
    assert "stays in the ball" in measured(4.0).mu_local.provenance
    row = next(row for row in measured(3.2).table().rows if row[0].startswith("μ near"))
    assert row[1] == 0.5
    assert "within 3.2 of the start" in row[-1]


def test_a_wrong_local_certificate_is_caught_inside_its_ball_only():
    """w²/2 has ratio 1; beyond w = 1 it goes on as w − 1/2, with the ratio 1/(2w − 1). The run moves by 0.4."""

    def dented(w):
        return torch.where(w > 1, w - 0.5, w**2 / 2)

    def measured(radius):
        return estimate_pl(
            Bend(dented, 0.9), local(0.9, radius), ONE, steps=5, optimizer=Climb, checkpoints=1
        )

    measured(0.39)
    with pytest.raises(GramsTheoryError, match=r"mu = 0.9, but the run saw ratio 0.625"):
        measured(0.41)


class Climb(torch.optim.SGD):
    """Goes uphill by 0.4."""

    def __init__(self, params):
        super().__init__(params, lr=0.4)

    def step(self, closure=None):
        for p in self.param_groups[0]["params"]:
            p.data += 0.4


def test_points_whose_gradient_is_rounding_are_dropped_where_squares_interpolate():
    """In float32 the residuals of a line end at eps ‖Xw‖, and f* = 0: eps |f| tells nothing of that."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(32, 4, generator=generator)
    model = nn.Linear(4, 1)
    for seed in range(5):
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(seed)))
        e = estimate_pl(model, nn.MSELoss(), (x, x.sum(1, keepdim=True)))
        assert 0 < e.dropped < 200
        assert e.mu_lower.value <= e.mu_upper.high
    unblurred = ratios(e.trajectory, e.f_star, torch.finfo(torch.float32).eps).smallest
    assert unblurred.value < e.mu_lower.value
