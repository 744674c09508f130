"""estimate_pl: exact small cases, honest intervals, and diagnoses."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportArgumentType=false

import math
import warnings
from itertools import pairwise

import pytest
import torch
from torch import nn

from grams_theory.core.errors import GramsTheoryError, UsageError
from grams_theory.landscape import estimate_pl
from grams_theory.landscape.certificates.certificate import Certificate
from grams_theory.landscape.certificates.criteria import SquareLoss
from grams_theory.landscape.quantity import Quantity

UNKNOWN = nn.HuberLoss(delta=1e9)
"""The same squares as `SquareLoss`, of which nothing is certified but that they are not negative."""


def test_least_squares_ratio_tends_to_the_smallest_eigenvalue(regression):
    """Gradient descent leaves the slow direction: the error is of order ((1 − 2/4)/(1 − 1/4))^(2·60) < 1e-20."""
    model, X, Y = regression([1.0, 2.0, 4.0])
    e = estimate_pl(model, nn.MSELoss(), (X, Y), f_star=0.0, steps=60)
    assert e.mu_upper.value == pytest.approx(2.0, rel=1e-6)  # MSELoss lacks the factor ½
    assert e.mu_lower.value == pytest.approx(2.0, rel=1e-9)
    assert e.smoothness_seen.value == pytest.approx(8.0, rel=1e-6)


@pytest.mark.parametrize("eigenvalues", [[1.0, 3.0], [0.01, 1.0, 2.0], [0.5]])
@pytest.mark.parametrize("optimizer", [None, torch.optim.Adam])
def test_certified_and_measured_mu_enclose_the_eigenvalue(eigenvalues, optimizer, regression):
    model, X, Y = regression(eigenvalues, noise=1.0)
    e = estimate_pl(model, SquareLoss(), (X, Y), optimizer=optimizer, steps=50)
    assert e.mu_lower.value <= eigenvalues[0] * (1 + 1e-12)
    assert e.mu_lower.value == pytest.approx(eigenvalues[0], rel=1e-9)
    assert e.mu_upper.high >= eigenvalues[0] * (1 - 1e-12)
    assert e.mu_upper.low <= e.mu_upper.value <= e.mu_upper.high


def test_an_uncertain_minimum_widens_the_interval_that_holds_the_known_answer(regression):
    model, X, Y = regression([1.0, 3.0], noise=1.0)
    known = estimate_pl(model, SquareLoss(), (X, Y), steps=20)
    loose = estimate_pl(model, UNKNOWN, (X, Y), steps=20)
    assert loose.f_star.low == 0.0
    assert loose.f_star.low <= known.f_star.value <= loose.f_star.high * (1 + 1e-12)
    assert loose.mu_upper.low < known.mu_upper.value < loose.mu_upper.high * (1 + 1e-6)
    assert loose.mu_upper.high - loose.mu_upper.low > 0.1


def test_the_minimum_is_never_the_last_iterate(regression):
    model, X, Y = regression([0.001, 1.0], noise=1.0)
    e = estimate_pl(model, UNKNOWN, (X, Y), steps=5)
    assert e.f_star.high < e.trajectory.f[-1]
    assert e.dropped == 0


def test_default_steps_lower_the_loss_every_time():
    """The Hessian at the start is flat, so 1/L has to be found."""

    class Steep(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor([0.01], dtype=torch.float64))

        def forward(self, x):
            return (self.w + 2) ** 4 * torch.ones(len(x))

    f = estimate_pl(
        Steep(), lambda o, t: o.mean(), (torch.zeros(1, 1), torch.zeros(1)), f_star=0.0
    ).trajectory.f
    assert all(after < before for before, after in pairwise(f))


def test_no_known_lower_bound_leaves_the_interval_open(quadratic):
    e = estimate_pl(*quadratic(torch.eye(2), torch.ones(2)), steps=3, lr=0.1)
    assert e.f_star.low is None
    assert e.mu_upper.low is None
    assert e.mu_upper.high == pytest.approx(1.0, rel=1e-9)
    assert "lower_bound" in e.f_star.provenance


def test_a_start_at_the_minimum_gives_no_ratio(quadratic):
    e = estimate_pl(*quadratic(torch.eye(2), torch.zeros(2)), f_star=0.0, steps=4)
    assert e.mu_upper.value is None
    assert e.dropped == 4
    assert "start elsewhere" in e.mu_upper.provenance
    assert e.kappa.value is None


def test_points_lost_in_rounding_are_dropped_and_counted(regression):
    model, X, Y = regression([1.0, 1.5], noise=1.0)
    e = estimate_pl(model, SquareLoss(), (X, Y), steps=100)
    assert 0 < e.dropped < 100
    gaps = [f - e.f_star.high for f, r in zip(e.trajectory.f, e.ratios, strict=True) if r is not None]
    assert min(gaps) >= 1e3 * 2**-52 * e.f_star.high


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"f_star": 1.0}, r"f_star=1.* step 2"),
        ({"lower_bound": 0.9}, r"lower_bound=0.9.* at step"),
        ({"lower_bound": 1e-3, "steps": 2, "lr": 0.01}, "longer run reached"),
        ({"f_star": math.nan}, "finite"),
        ({"f_star": 0.0, "lower_bound": 0.0}, "not both"),
        ({"steps": 0}, "at least 1"),
        ({"lr": -1.0}, "lr=-1.0"),
    ],
)
def test_wrong_bounds_and_arguments_are_errors_that_say_so(options, message, quadratic):
    with pytest.raises(UsageError, match=message):
        estimate_pl(*quadratic(torch.diag(torch.tensor([1.0, 4.0])), torch.ones(2)), **options)


@pytest.mark.parametrize("bound", ["f_star", "lower_bound"])
def test_bounds_are_held_against_the_certificate(bound, regression):
    model, X, Y = regression([1.0, 3.0], noise=1.0)
    f_star = estimate_pl(model, SquareLoss(), (X, Y), steps=2).f_star.value
    estimate_pl(model, SquareLoss(), (X, Y), steps=2, **{bound: f_star})
    with pytest.raises(UsageError, match="wrong"):
        estimate_pl(model, SquareLoss(), (X, Y), steps=2, **{bound: f_star * 1.001})


@pytest.mark.parametrize(
    ("mu", "L", "message"), [(2.5, 4.1, "mu = 2.5"), (0.5, 3.9, "L = 3.9"), (0.5, 4.1, None)]
)
def test_a_wrong_certificate_is_caught(mu, L, message, quadratic):
    class Claims:
        def __call__(self, output, target):
            return output.mean()

        def certify(self, objective):
            return Certificate(
                Quantity(L, "planted"), Quantity(mu, "planted"), Quantity(0.0, "planted", 0.0, 0.0)
            )

    model, _, data = quadratic(torch.diag(torch.tensor([1.0, 4.0])), torch.ones(2))
    if message is None:
        assert estimate_pl(model, Claims(), data).mu_lower.value == mu
    else:
        with pytest.raises(GramsTheoryError, match=message):
            estimate_pl(model, Claims(), data)


def test_divergence_names_the_step(quadratic):
    with pytest.raises(UsageError, match=r"step \d+.*smaller lr"):
        estimate_pl(*quadratic(torch.eye(2), torch.ones(2)), lr=1e100, f_star=0.0)


def test_bad_data_is_found_at_step_one(regression):
    model, X, Y = regression([1.0, 2.0])
    Y[3] = math.nan
    with pytest.raises(UsageError, match=r"step 1.*'weight'"):
        estimate_pl(model, nn.MSELoss(), (X, Y))


def test_a_model_without_trainable_parameters_is_refused(regression):
    model, X, Y = regression([1.0, 2.0])
    model.requires_grad_(False)
    with pytest.raises(UsageError, match="no trainable parameters"):
        estimate_pl(model, nn.MSELoss(), (X, Y))


def test_frozen_parameters_are_ignored_and_the_model_is_left_alone():
    model = nn.Linear(2, 1).double()
    model.bias.requires_grad_(False)
    before = [p.clone() for p in model.parameters()]
    X = torch.eye(2, dtype=torch.float64)
    e = estimate_pl(model, nn.MSELoss(), (X, X[:, :1]), steps=3)
    assert e.dim == 2
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(p.grad is None for p in model.parameters())


def test_an_optimizer_bound_to_other_parameters_is_refused(regression):
    model, X, Y = regression([1.0, 2.0])
    with pytest.raises(UsageError, match="factory"):
        estimate_pl(model, nn.MSELoss(), (X, Y), optimizer=torch.optim.Adam(model.parameters()))


@pytest.mark.parametrize("layer", [nn.Dropout(), nn.BatchNorm1d(2)])
def test_random_layers_in_train_mode_are_warned_about(layer):
    model = nn.Sequential(layer, nn.Linear(2, 1))
    data = (torch.randn(8, 2), torch.randn(8, 1))
    with pytest.warns(UserWarning, match="eval"):
        estimate_pl(model, nn.MSELoss(), data, steps=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimate_pl(model.eval(), nn.MSELoss(), data, steps=1)


def test_uneven_batches_give_the_loss_of_the_whole(regression):
    model, X, Y = regression([1.0, 2.0], noise=1.0)
    whole = estimate_pl(model, nn.MSELoss(), (X, Y), steps=10)
    parts = estimate_pl(model, nn.MSELoss(), [(X[:3], Y[:3]), (X[3:], Y[3:])], steps=10)
    assert parts.trajectory.f == pytest.approx(whole.trajectory.f, rel=1e-12)
    assert parts.smoothness_seen.value == pytest.approx(whole.smoothness_seen.value, rel=1e-12)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (torch.ones(3), "pair of tensors"),
        ([], "empty"),
        ([torch.ones(3)], "item 0"),
        (3, "got int"),
    ],
)
def test_bad_data_is_refused(data, message):
    with pytest.raises(UsageError, match=message):
        estimate_pl(nn.Linear(2, 1), nn.MSELoss(), data)


def test_summed_losses_cannot_be_averaged_over_batches():
    pair = (torch.ones(2, 2), torch.ones(2, 1))
    with pytest.raises(UsageError, match="reduction='mean'"):
        estimate_pl(nn.Linear(2, 1), nn.MSELoss(reduction="sum"), [pair, pair])


def test_a_run_is_reproducible_and_reports_progress(regression):
    model, X, Y = regression([1.0, 2.0], noise=1.0)
    seen = []
    runs = [
        estimate_pl(model, nn.MSELoss(), (X, Y), steps=5, progress=lambda *at: seen.append(at)) for _ in "ab"
    ]
    assert runs[0].table() == runs[1].table()
    once = seen[: len(seen) // 2]
    assert once * 2 == seen
    stages = {name: [] for name, _, _ in once}
    for name, done, total in once:
        stages[name].append((done, total))
    assert stages["points visited"] == [(i, 5) for i in range(6)]
    assert stages["Hessians, blocks and segments"] == [(i, 3 + 2) for i in range(6)]
    assert all(counts == [(i, counts[0][1]) for i in range(len(counts))] for counts in stages.values())


@pytest.mark.parametrize(("loss", "mu"), [(nn.MSELoss(), 2.0), (SquareLoss(), 1.0)])
def test_single_precision_is_measured_in_single_precision(loss, mu, regression):
    model, X, Y = regression([1.0, 2.0], noise=1.0)
    e = estimate_pl(model, loss, (X, Y), steps=30, dtype=torch.float32, curvature_tol=1e-4)
    assert e.mu_upper.value == pytest.approx(mu, rel=1e-2)
    assert e.dropped > 0


def test_every_number_is_shown_with_its_reason(regression):
    model, X, Y = regression([1.0, 2.0], noise=1.0)
    e = estimate_pl(model, SquareLoss(), (X, Y), steps=5)
    table = e.table()
    assert [row[1] for row in table.rows] == [q.value for q in e.quantities().values()]
    assert all(row[-1] for row in table.rows)
    html = e._repr_html_()
    assert html.count("<tr>") == len(table.rows) + 1 + len(e.groups_table().rows) + 1
    assert "smallest nonzero eigenvalue" in html
