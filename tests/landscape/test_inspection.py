"""What is looked at along a run: curvature on segments, (L0, L1), groups of parameters, noise, kinks."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportCallIssue=false

import math
import warnings

import pytest
import torch
from torch import nn

from grams_theory.core.errors import UsageError
from grams_theory.landscape import estimate_pl
from grams_theory.landscape.descent import descend
from grams_theory.landscape.objective import Objective
from grams_theory.optim import Grams
from tests.landscape.conftest import ONE, mean_output
from tests.landscape.objective.samples import Functional, Once
from tests.landscape.test_ratios import Bend


class Blocks(nn.Module):
    """½ Σ_i w_i'H_i w_i over two modules, with a coupling c Σ w_1 w_2."""

    def __init__(self, coupling=0.0):
        super().__init__()
        self.left, self.right = (nn.Linear(3, 1, bias=False, dtype=torch.float64) for _ in "ab")
        self.coupling = coupling
        with torch.no_grad():
            self.left.weight.copy_(torch.tensor([[1.0, -2.0, 3.0]]))
            self.right.weight.copy_(torch.tensor([[0.5, 0.25, -1.0]]))

    def forward(self, x):
        a, b = self.left.weight, self.right.weight
        f = (a.square().sum() + 4 * b.square().sum()) / 2
        return (f + self.coupling * (a * b).sum()).expand(len(x))


def test_blocks_of_groups_have_their_own_curvature():
    """The Hessian is [[1, c], [c, 4]] ⊗ I: the blocks have 1 and 4, the whole more."""
    e = estimate_pl(Blocks(1.0), mean_output, ONE, lower_bound=0.0, steps=5, lr=0.1)
    assert e.groups["left"].smoothness_seen.value == pytest.approx(1.0, rel=1e-12)
    assert e.groups["right"].smoothness_seen.value == pytest.approx(4.0, rel=1e-12)
    assert e.smoothness_seen.value == pytest.approx(2.5 + math.sqrt(1.5**2 + 1), rel=1e-12)
    assert [t for t, _ in e.groups["left"].curvature] == [0, 2, 4]


def test_groups_share_the_gradient_and_have_their_own_alignment():
    """At the first step u = g/(|g| + ε): kappa of a group is ‖g‖₁/(√D ‖g‖₂), and no coordinate disagrees."""
    e = estimate_pl(Blocks(), mean_output, ONE, f_star=0.0, steps=1)
    g = {"left": torch.tensor([1.0, -2.0, 3.0]), "right": 4 * torch.tensor([0.5, 0.25, -1.0])}
    total = sum(part.square().sum() for part in g.values())
    for name, part in g.items():
        found = e.groups[name]
        assert found.dim == 3
        assert found.gradient_share.value == pytest.approx((part.square().sum() / total).item(), rel=1e-6)
        kappa = part.abs().sum() / (math.sqrt(3) * part.norm())
        assert found.kappa.value == pytest.approx(kappa.item(), rel=1e-6)
        assert found.disagreement.value == 0
    assert sum(group.gradient_share.value for group in e.groups.values()) == pytest.approx(1.0, rel=1e-12)


def test_a_group_without_a_gradient_has_no_share_and_no_alignment():
    class Idle(Blocks):
        def forward(self, x):
            return super().forward(x) - 2 * self.right.weight.square().sum()

    found = estimate_pl(Idle(), mean_output, ONE, lower_bound=0.0, steps=3, lr=0.1).groups["right"]
    assert found.gradient_share.high == 0
    assert found.kappa.value is None
    assert found.smoothness_seen.value == 0


@pytest.mark.parametrize(
    ("groups", "names"), [("parameter", {"left.weight", "right.weight"}), ("none", set())]
)
def test_groups_are_the_users_choice(groups, names):
    e = estimate_pl(Blocks(), mean_output, ONE, f_star=0.0, steps=2, groups=groups)
    assert set(e.groups) == names
    assert [row[0] for row in e.groups_table().rows] == sorted(names)


def test_the_secant_and_the_segments_of_a_quadratic_are_its_curvature(quadratic):
    """Along (1, 0) the secant sees the eigenvalue 1 only, the Hessian both."""
    e = estimate_pl(
        *quadratic(torch.diag(torch.tensor([1.0, 4.0])), torch.tensor([1.0, 0.0])), f_star=0.0, lr=0.1
    )
    assert e.secant.value == pytest.approx(1.0, rel=1e-12)
    assert e.secant.low <= 1.0
    assert e.smoothness_seen.value == pytest.approx(4.0, rel=1e-12)
    assert all(segment.largest.value == pytest.approx(4.0, rel=1e-9) for _, segment in e.segment)
    assert e.relaxed.L0 + e.relaxed.L1 * max(e.trajectory.grad_norm) >= 4.0 * (1 - 1e-12)


def test_curvature_between_two_points_is_met_on_the_segment():
    """A bump of curvature at the middle of the only step: neither end sees it."""

    def bump(w):
        return w**2 / 2 + torch.exp(-50 * (w - 0.5) ** 2)

    seen = estimate_pl(
        Bend(bump, 1.0), mean_output, ONE, lower_bound=-1.0, steps=2, optimizer=Jump, checkpoints=2
    )
    ends = max(spectrum.magnitude.value for _, spectrum in seen.curvature)
    assert seen.smoothness_seen.value == pytest.approx(100 - 1, rel=1e-6)
    assert ends < 2
    assert "segment" in seen.smoothness_seen.provenance


class Jump(torch.optim.SGD):
    """w -> 1 − w."""

    def __init__(self, params):
        super().__init__(params, lr=1.0)

    def step(self, closure=None):
        for p in self.param_groups[0]["params"]:
            p.data = 1 - p.data


def test_relaxed_smoothness_of_cosh_is_found():
    """cosh'' = cosh ≤ 1 + |sinh|: the fit covers what was seen, and lies below (1, 1)."""
    e = estimate_pl(Bend(torch.cosh, 4.0), mean_output, ONE, f_star=1.0, steps=30, lr=0.02, checkpoints=6)
    relaxed = e.relaxed
    assert len(e.curvature) == 6
    for t, found in e.curvature:
        bound = relaxed.L0 + relaxed.L1 * e.trajectory.grad_norm[t]
        assert found.magnitude.value <= bound * (1 + 1e-12)
    assert abs(relaxed.L1 - 1) < 0.1
    assert relaxed.L0 < 1.1
    assert e.quantities()["L1 of L0 + L1 ‖∇f‖"].value == relaxed.L1


# noise


def two_point(w):
    """Gradients w − x, x = 1 for three of four samples and −3 for one: their mean is w, most have the sign of w − 1."""
    model = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    nn.init.constant_(model.weight, w)
    targets = torch.tensor([1.0, 1.0, 1.0, -3.0] * 25, dtype=torch.float64).unsqueeze(1)
    return model, lambda o, t: (o - t).square().mean() / 2, (torch.ones_like(targets), targets)


def test_skewed_noise_makes_the_expected_grams_step_climb():
    e = estimate_pl(*two_point(0.5), lower_bound=0.0, steps=1, batch_size=1, batches=400)
    descent = e.noise.expected_descent
    assert descent.low <= -0.5 <= descent.high < 0  # E sign = 1/4 − 3/4
    assert e.noise.biased_share.value == 1
    assert e.groups["Linear"].noise.expected_descent.value == descent.value
    assert e.quantities()["descent of the expected Grams step"] is descent


def test_all_samples_at_once_have_no_noise():
    e = estimate_pl(*two_point(0.5), lower_bound=0.0, steps=3, lr=0.1, batch_size=100, batches=4)
    assert [t for t, _ in e.noise_along] == [0, 1, 2]
    assert e.noise.sign_disagreement.value == 0
    assert e.noise.expected_descent.value == 1


def test_the_noise_reported_is_where_the_expected_step_descends_least():
    """From w = 4 to 0.5: signs agree at first, and are skewed at the end."""
    e = estimate_pl(*two_point(4.0), lower_bound=0.0, steps=3, lr=0.65, batch_size=1, batches=100)
    found = [skew.expected_descent.value for _, skew in e.noise_along]
    assert e.noise.expected_descent.value == min(found) < max(found)


def test_no_noise_is_measured_unless_asked_for():
    e = estimate_pl(*two_point(0.5), lower_bound=0.0, steps=2)
    assert e.noise is None
    assert e.groups["Linear"].noise is None
    assert not any("minibatch" in name for name in e.quantities())


@pytest.mark.parametrize("batch_size", [0, 101])
def test_a_batch_must_fit_the_data(batch_size):
    with pytest.raises(UsageError, match=f"batch_size={batch_size} must be from 1 to 100"):
        estimate_pl(*two_point(0.5), batch_size=batch_size)


# what an estimate warns about


class Corner(nn.Module):
    """w²/2 + 10|w|: curvature 1 on both sides of the kink."""

    def __init__(self, w):
        super().__init__()
        self.bend = Bend(lambda w: w**2 / 2 + 10 * w.abs(), w)

    def forward(self, x):
        return self.bend(x)


def test_a_kink_is_flagged_and_the_secant_sees_it():
    with pytest.warns(UserWarning, match=r"not smooth at bend.*secants"):
        e = estimate_pl(Corner(1.0), mean_output, ONE, f_star=0.0, steps=8, lr=0.15, checkpoints=8)
    assert e.kinks == ("bend",)
    assert e.smoothness_seen.value == pytest.approx(1.0, rel=1e-9)
    assert "misses the kinks of bend" in e.smoothness_seen.provenance
    assert e.secant.low > 2.0
    assert any("not smooth at bend" in note for note in e.notes)


def test_a_smooth_loss_is_not_flagged():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        e = estimate_pl(Bend(lambda w: w**2, 1.0), mean_output, ONE, f_star=0.0, steps=2)
    assert e.kinks == ()
    assert "kinks" not in e.smoothness_seen.provenance


def test_without_second_derivatives_the_run_is_measured_without_curvature():
    data = (torch.randn(6, 5, dtype=torch.float64), torch.zeros(6, 2, dtype=torch.float64))
    model = Functional(Once.apply).double()
    with pytest.raises(UsageError, match="curvature=False"):
        estimate_pl(model, nn.MSELoss(), data, steps=3)
    e = estimate_pl(model, nn.MSELoss(), data, steps=10, curvature=False)
    assert e.curvature == e.segment == ()
    assert e.relaxed is None
    assert e.smoothness_seen.value == e.secant.value > 0
    assert "no Hessian was looked at" in e.smoothness_seen.provenance
    assert e.mu_upper.value > 0


def test_frozen_parameters_are_named_in_the_notes():
    model = nn.Linear(2, 1).double()
    model.bias.requires_grad_(False)
    e = estimate_pl(model, nn.MSELoss(), (torch.eye(2).double(), torch.ones(2, 1).double()), steps=2)
    assert e.ignored == ("bias",)
    assert any(note.endswith("need no gradient: bias") for note in e.notes)


def squares(output, target):
    return (output - target).square().mean()


class Noisy(nn.Linear):
    """Drops half of its inputs, in eval mode too."""

    def forward(self, x):
        return super().forward(nn.functional.dropout(x))


def test_a_loss_that_draws_random_numbers_unseen_is_warned_about():
    torch.manual_seed(0)
    data = (torch.ones(8, 3, dtype=torch.float64), torch.ones(8, 1, dtype=torch.float64))
    with pytest.warns(UserWarning, match="at the same weights"):
        estimate_pl(Noisy(3, 1).double().eval(), squares, data, steps=1, curvature=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quiet = nn.Sequential(nn.Dropout(0.0), nn.Linear(3, 1)).double().train()
        estimate_pl(quiet, squares, data, steps=1, curvature=False)


# the run


@pytest.mark.parametrize(
    ("steps", "count", "expected"), [(9, 3, [0, 4, 8]), (10, 4, [0, 3, 6, 9]), (3, 9, [0, 1, 2])]
)
def test_checkpoints_are_evenly_spaced(steps, count, expected, objective):
    run = descend(objective(torch.eye(2), torch.ones(2)), steps, lr=0.1, checkpoints=count)
    assert [point.index for point in run.checkpoints] == expected


def test_what_a_checkpoint_keeps_is_the_step_that_was_taken(objective):
    """lr u is what an Adam of the same betas subtracts; the points, steps and distances fit together."""
    made = objective(torch.diag(torch.tensor([1.0, 9.0])), torch.tensor([1.0, -2.0]))
    adam = {"betas": (0.5, 0.8), "eps": 1e-3}
    run = descend(made, 6, optimizer=lambda p: torch.optim.Adam(p, lr=0.25, **adam), checkpoints=6)
    assert (run.lr, run.betas, run.eps) == (0.25, (0.5, 0.8), 1e-3)
    for point, following in zip(run.checkpoints, run.checkpoints[1:], strict=False):
        torch.testing.assert_close(point.step, -0.25 * point.u, rtol=1e-13, atol=1e-15)
        assert point.step.equal(following.w - point.w)
        assert run.moves[point.index].length == point.step.norm().item()
    assert run.checkpoints[-1].step is None
    start = run.checkpoints[0].w
    assert run.distance == tuple((point.w - start).norm().item() for point in run.checkpoints)


def test_an_optimizer_without_moments_is_held_against_adam_with_its_defaults(objective):
    run = descend(objective(torch.eye(2), torch.ones(2)), 3, optimizer=torch.optim.SGD, lr=0.1)
    assert (run.lr, run.betas, run.eps) == (0.1, (0.9, 0.999), 1e-8)


def test_the_hyperparameters_of_the_run_are_part_of_the_estimate(regression):
    model, X, Y = regression([1.0, 2.0], noise=1.0)
    e = estimate_pl(model, nn.MSELoss(), (X, Y), optimizer=lambda p: Grams(p, lr=0.01, eps=1e-4), steps=3)
    assert (e.eta, e.eps_of_adam) == (0.01, 1e-4)
    assert estimate_pl(model, nn.MSELoss(), (X, Y), steps=3).eta is None


def test_nan_in_the_middle_names_step_and_parameter():
    """√w is finite until a step crosses zero."""

    class Root(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Bend(torch.sqrt, 0.5)

        def forward(self, x):
            return self.inner(x)

    with pytest.raises(
        UsageError, match=r"nan at step 2, first in parameter 'inner\.w' \(the loss before was 0.7"
    ):
        estimate_pl(Root(), mean_output, ONE, lower_bound=0.0, lr=1.0, steps=5)


def test_chunks_change_nothing_but_rounding(regression):
    model, X, Y = regression([1.0, 2.0], noise=1.0)
    options = {"steps": 5, "lr": 0.1, "batch_size": 4, "batches": 8}
    whole, cut = (estimate_pl(model, nn.MSELoss(), (X, Y), chunk=chunk, **options) for chunk in (None, 3))
    for name, q in whole.quantities().items():
        found = cut.quantities()[name].value
        # f* is known to 1e-15, so a ratio to 1e-15 over its gap, which is above 0.1
        assert found == pytest.approx(q.value, rel=1e-11), name


def test_float64_may_be_asked_for(regression):
    model, X, Y = regression([1.0, 2.0], noise=1.0)
    e = estimate_pl(model.float(), nn.MSELoss(), (X, Y), steps=30, dtype=torch.float64)
    assert e.mu_upper.value == pytest.approx(2.0, rel=1e-6)
    assert Objective(model, nn.MSELoss(), (X, Y)).eps == 2.0**-23


def test_a_loader_that_shuffles_is_named_in_the_notes(regression):
    from torch.utils.data import DataLoader, TensorDataset

    model, X, Y = regression([1.0, 2.0], noise=1.0)
    loader = DataLoader(TensorDataset(X, Y), 6, shuffle=True)
    whole, drawn = (estimate_pl(model, nn.MSELoss(), data, steps=4) for data in ((X, Y), loader))
    assert drawn.trajectory.f == pytest.approx(whole.trajectory.f, rel=1e-12)
    assert any("RandomSampler" in note for note in drawn.notes)
