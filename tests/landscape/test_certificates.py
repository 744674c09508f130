"""Certified constants against exact arithmetic: they must contain the truth in every case."""

import pytest
import torch
from flint import arb, fmpq, fmpq_mat
from torch import nn

from grams_theory.core import rounding
from grams_theory.core.errors import UsageError
from grams_theory.landscape.certificates import certify, readings, spectrum_bounds
from grams_theory.landscape.certificates.criteria import LogisticLoss, SoftmaxLoss, SquareLoss
from grams_theory.landscape.certificates.links import Squares
from grams_theory.landscape.certificates.quadratics import Quadratic, QuadraticLoss
from grams_theory.landscape.certificates.spectrum_bounds import exact_rank, gram_spectrum
from grams_theory.landscape.curvature import spectrum
from grams_theory.landscape.objective import Objective
from tests.landscape.exact import (
    ALL,
    QUICK,
    each,
    eigenvalues,
    exact,
    identity,
    least_squares,
    precision,
    rational,
    squares,
)

SEEDS = [
    pytest.param(range(QUICK), id="quick"),
    pytest.param(range(QUICK, ALL), id="all", marks=pytest.mark.slow),
]


def random_case(seed, outputs=1):
    """X, Y; every fifth X has columns that depend on others, every second one columns of very unlike sizes."""
    rng = torch.Generator().manual_seed(seed)
    D = 1 + seed % 4
    n = D + seed % 5
    scale = 10.0 ** torch.randint(-3, 4, (1, D), generator=rng) if seed % 2 else torch.ones(1, D)
    X = torch.randn((n, D), generator=rng, dtype=torch.float64) * scale
    if seed % 5 == 0:
        X = X.float().double()  # 24 bits: three quarters of it are exact
        X = torch.cat([X, X[:, :1] * 0.75, torch.zeros_like(X[:, :1])], 1)
    return X, torch.randn((n, outputs), generator=rng, dtype=torch.float64)


def linear(X, outputs=1):
    model = nn.Linear(X.shape[1], outputs, bias=False, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    return model


LEAST_SQUARES = {
    "SquareLoss": (SquareLoss(), lambda n, C: 2 * n),
    "SquareLoss, ridge": (SquareLoss(2.0**-7), lambda n, C: 2 * n),
    "nn.MSELoss": (nn.MSELoss(), lambda n, C: n * C),
    "mse_loss": (nn.functional.mse_loss, lambda n, C: n * C),
}


def holds_for_least_squares(loss, terms, seed):
    """L, mu and f* against the rationals; returns whether mu was certified and, well conditioned, to 1e-6."""
    outputs = 1 + seed % 3
    X, Y = random_case(seed, outputs)
    n, D = X.shape
    ridge = rational(getattr(loss, "ridge", 0.0))
    certificate = certify(loss, Objective(linear(X, outputs), loss, (X, Y)))
    A = exact(X).transpose() * exact(X) * fmpq(2, terms(n, outputs)) + identity(D, ridge)
    truth = eigenvalues(A)
    assert truth[-1] <= arb(certificate.smoothness.value)
    if certificate.pl.value is None:
        return False
    assert arb(certificate.pl.value) <= truth[0]
    if truth[-1] < 1e6 * truth[0]:
        assert arb(certificate.pl.value) >= truth[0] * (1 - arb(10) ** -6)
    half = terms(n, outputs) * ridge / 2  # (terms/2) ridge ‖W‖² are squares of further rows
    if ridge:
        f_star = regularised(exact(X), exact(Y), half) / terms(n, outputs)
    else:
        f_star = least_squares(exact(X), exact(Y)) / terms(n, outputs)
    assert rational(certificate.minimum.low) <= f_star <= rational(certificate.minimum.high)
    return True


def regularised(X, Y, penalty):
    W = (X.transpose() * X + identity(X.ncols(), penalty)).solve(X.transpose() * Y)
    return squares(X * W - Y) + penalty * squares(W)


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("name", LEAST_SQUARES)
def test_least_squares_intervals_contain_the_exact_constants(name, seeds):
    assert sum(each(holds_for_least_squares, seeds, *LEAST_SQUARES[name])) > 0.8 * len(seeds)


def test_a_wrong_scaling_is_caught(monkeypatch):
    monkeypatch.setitem(readings._FUNCTIONS, nn.functional.mse_loss, lambda outputs: (Squares, 1))
    with pytest.raises(AssertionError):
        each(holds_for_least_squares, range(QUICK), *LEAST_SQUARES["nn.MSELoss"])


def random_quadratic(seed):
    """H = V'V − shift of rank at most that of V, with few bits so that it is exact; b in its range or not."""
    rng = torch.Generator().manual_seed(seed)
    D = 1 + seed % 5
    rank = D if seed % 3 else max(1, D - 1)
    V = torch.randint(-9, 10, (rank, D), generator=rng).double() * 2.0 ** torch.randint(
        -4, 5, (1, D), generator=rng
    )
    H = V.mT @ V - (torch.eye(D) if seed % 7 == 0 else 0.0)
    b = torch.randint(-9, 10, (D,), generator=rng).double()
    return H.double(), b if seed % 2 else H @ b


def holds_for_a_quadratic(seed):
    H, b = random_quadratic(seed)
    loss = QuadraticLoss()
    objective = Objective(Quadratic(H, b, torch.ones_like(b)), loss, (torch.zeros(1, 1), torch.zeros(1)))
    certificate = certify(loss, objective)
    exact_H, exact_b = exact(H), exact(b.unsqueeze(1))
    if exact_H.rank() == 0:
        return False
    truth = eigenvalues(exact_H)
    assert max(abs(truth[0]), abs(truth[-1])) <= arb(certificate.smoothness.value)
    joined, rank = fmpq_mat([[*exact_H.table()[i], exact_b[i, 0]] for i in range(len(b))]).rref()
    bounded = truth[0] > 0 and exact_H.rank() == rank
    if certificate.pl.value is None:
        return False
    assert bounded
    assert arb(certificate.pl.value) <= truth[0]
    if truth[-1] < 1e6 * truth[0]:
        assert arb(certificate.pl.value) >= truth[0] * (1 - arb(10) ** -6)
    w = [fmpq(0)] * len(b)
    for i in range(rank):
        w[next(j for j in range(len(b)) if joined[i, j] != 0)] = joined[i, len(b)]
    f_star = -sum((exact_b[i, 0] * w[i] for i in range(len(b))), fmpq(0)) / 2
    assert rational(certificate.minimum.low) <= f_star <= rational(certificate.minimum.high)
    return True


@pytest.mark.parametrize("seeds", SEEDS)
def test_quadratics_intervals_contain_the_exact_constants(seeds):
    assert sum(map(holds_for_a_quadratic, seeds)) > 0.4 * len(seeds)


@pytest.mark.parametrize("check", [holds_for_least_squares, holds_for_a_quadratic])
def test_rounding_that_is_forgotten_is_caught(check, monkeypatch):
    monkeypatch.setattr(rounding, "UNIT", 0.0)
    monkeypatch.setattr(spectrum_bounds, "frobenius", lambda x: x.mid.new_zeros(()))
    first = () if check is holds_for_a_quadratic else LEAST_SQUARES["SquareLoss"]
    with pytest.raises(AssertionError):
        each(check, range(QUICK), *first)


@pytest.mark.parametrize(
    ("H", "b", "why"),
    [
        ([[1.0, 0.0], [0.0, -1.0]], [0.0, 0.0], "negative eigenvalue"),
        ([[1.0, 1.0], [1.0, 1.0]], [1.0, 0.0], "not in the range"),
        ([[1.0, 1.0], [1.0, 1.0 + 2.0**-52]], [1.0, 0.0], "cannot be told from 0"),
    ],
)
def test_quadratics_without_a_known_minimum_say_why(H, b, why):
    model = Quadratic(torch.tensor(H, dtype=torch.float64), torch.tensor(b).double(), torch.ones(2).double())
    certificate = certify(
        QuadraticLoss(), Objective(model, QuadraticLoss(), (torch.zeros(1, 1), torch.zeros(1)))
    )
    assert certificate.pl.value is None
    assert certificate.minimum.value is None
    assert why in certificate.pl.provenance


def test_a_quadratic_must_be_symmetric():
    with pytest.raises(UsageError, match="symmetric"):
        Quadratic(torch.tensor([[1.0, 1.0], [0.0, 1.0]]), torch.zeros(2), torch.zeros(2))


def test_certified_mu_is_tight_on_well_conditioned_data(regression):
    model, X, Y = regression([1.0, 2.0, 4.0])
    certificate = SquareLoss().certify(Objective(model, SquareLoss(), (X, Y)))
    assert certificate.pl.value == pytest.approx(1.0, rel=1e-12)
    assert certificate.smoothness.value == pytest.approx(4.0, rel=1e-12)


def test_floating_point_eigenvalues_alone_would_miss_the_truth():
    """The enclosure's width is needed: without it the same check fails."""
    missed = 0
    for seed in range(50):
        X, _ = random_case(seed)
        largest = torch.linalg.eigvalsh(X.mT @ X / len(X))[-1].item()
        with precision():
            missed += not eigenvalues(exact(X).transpose() * exact(X) * fmpq(1, len(X)))[-1] <= arb(largest)
    assert missed


def test_dependent_columns_are_recognised_exactly():
    """(x, y, 3x/4, 0) has the nonzero eigenvalues of (5x/4, y)."""
    X = torch.randn((8, 2), generator=torch.Generator().manual_seed(0)).double()  # 24 bits: 3x/4 is exact
    found = gram_spectrum(torch.cat([X, X[:, :1] * 0.75, torch.zeros(8, 1, dtype=torch.float64)], 1))
    reduced = exact(X) * fmpq_mat([[fmpq(5, 4), 0], [0, 1]])
    truth = eigenvalues(reduced.transpose() * reduced * fmpq(1, 8))[0]
    assert found.rank == 2
    assert found.smallest_nonzero is not None
    assert arb(found.smallest_nonzero) <= truth
    assert found.smallest_nonzero == pytest.approx(float(truth.mid()), rel=1e-12)


def test_a_rank_that_float64_cannot_see_is_not_certified():
    X = torch.tensor([[1.0, 1.0], [1.0, 1.0 + 2.0**-40], [0.0, 0.0]], dtype=torch.float64)
    assert exact_rank(X) == 2
    certificate = SquareLoss().certify(Objective(linear(X), SquareLoss(), (X, X[:, :1])))
    assert certificate.pl.value is None
    assert "cannot be told from 0" in certificate.pl.provenance


def classification(loss, seed):
    X, _ = random_case(seed)
    X = X / X.abs().max()
    rng = torch.Generator().manual_seed(seed)
    if loss is SoftmaxLoss:
        return linear(X, 3), (X, torch.randint(0, 3, (len(X),), generator=rng))
    return linear(X), (X, torch.randint(0, 2, (len(X), 1), generator=rng).double())


@pytest.mark.parametrize("loss", [LogisticLoss, SoftmaxLoss])
def test_ridge_classification_has_its_spectrum_inside_the_certificate(loss):
    for seed in range(3):
        model, data = classification(loss, seed)
        objective = Objective(model, loss(0.25), data)
        certificate = loss(0.25).certify(objective)
        L, mu = certificate.smoothness.value, certificate.pl.value
        rng = torch.Generator().manual_seed(seed)
        for scale in (0.0, 1.0, 30.0):
            objective.move_to(scale * torch.randn(objective.dim, generator=rng, dtype=torch.float64))
            seen = spectrum(objective)
            assert mu - seen.smallest.residual - 1e-14 <= seen.smallest.value
            assert seen.largest.value <= L + seen.largest.residual + 1e-14


def test_softmax_curvature_of_one_half_is_attained():
    X = torch.ones((1, 1), dtype=torch.float64)
    objective = Objective(linear(X, 3), SoftmaxLoss(), (X, torch.zeros(1, dtype=torch.long)))
    objective.move_to(torch.tensor([0.0, 0.0, -60.0], dtype=torch.float64))
    assert spectrum(objective).largest.value == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize("loss", [LogisticLoss, SoftmaxLoss])
def test_without_a_ridge_no_mu_is_certified(loss):
    model, data = classification(loss, 3)
    certificate = loss().certify(Objective(model, loss(), data))
    assert certificate.pl.value is None
    assert "add a ridge" in certificate.pl.provenance


@pytest.mark.parametrize("loss", [SquareLoss, LogisticLoss, SoftmaxLoss])
def test_only_a_linear_model_is_certified(loss):
    X = torch.ones((4, 2), dtype=torch.float64)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    certificate = loss(0.1).certify(Objective(model, loss(0.1), (X, torch.ones(4, 1))))
    assert certificate.smoothness.value is None
    assert certificate.pl.value is None
    assert certificate.minimum.low == 0


def test_a_frozen_bias_is_not_certified():
    model = nn.Linear(2, 1).double()
    model.bias.requires_grad_(False)
    X = torch.ones((4, 2), dtype=torch.float64)
    assert SquareLoss().certify(Objective(model, SquareLoss(), (X, torch.ones(4, 1)))).pl.value is None


@pytest.mark.parametrize("ridge", [-1.0, float("nan"), float("inf")])
def test_bad_ridges_are_refused(ridge):
    with pytest.raises(UsageError, match="ridge"):
        SquareLoss(ridge)


@pytest.mark.parametrize("loss", [SquareLoss(), LogisticLoss()])
def test_targets_must_match_outputs(loss):
    with pytest.raises(UsageError, match="one shape"):
        loss(torch.ones(4, 1), torch.ones(4))
