"""Certified constants against exact arithmetic: they must contain the truth in every case."""

import pytest
import torch
from flint import acb_mat, arb, ctx, fmpq, fmpq_mat
from torch import nn

from grams_theory.core.errors import UsageError
from grams_theory.landscape.certificates.criteria import LogisticLoss, SoftmaxLoss, SquareLoss
from grams_theory.landscape.certificates.spectrum_bounds import exact_rank, gram_spectrum
from grams_theory.landscape.curvature import spectrum
from grams_theory.landscape.descent import descend
from grams_theory.landscape.minimum import bracket, refine
from grams_theory.landscape.objective import Objective

CASES = 500


def rational(x):
    p, q = float(x).as_integer_ratio()
    return fmpq(p, q)


def exact(X):
    return fmpq_mat([[rational(x) for x in row] for row in X.tolist()])


def eigenvalues(A: fmpq_mat) -> list[arb]:
    """Of a symmetric rational matrix with simple eigenvalues, ascending, as 200-bit balls."""
    ctx.prec = 200
    found = [e.real for e in acb_mat(A).eig(algorithm="rump")]
    ctx.prec = 53
    return sorted(found, key=lambda e: float(e.mid()))


def random_case(seed):
    rng = torch.Generator().manual_seed(seed)
    D = 1 + seed % 4
    n = D + seed % 5
    scale = 10.0 ** torch.randint(-3, 4, (1, D), generator=rng)
    X = torch.randn((n, D), generator=rng, dtype=torch.float64) * scale
    return X, torch.randn((n, 1), generator=rng, dtype=torch.float64)


def linear(X, outputs=1):
    model = nn.Linear(X.shape[1], outputs, bias=False, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    return model


@pytest.mark.parametrize("ridge", [0.0, 2.0**-7])
def test_least_squares_intervals_contain_the_exact_constants(ridge):
    certified = 0
    for seed in range(CASES):
        X, Y = random_case(seed)
        n, D = X.shape
        certificate = SquareLoss(ridge).certify(Objective(linear(X), SquareLoss(ridge), (X, Y)))
        penalty = fmpq_mat([[rational(ridge) * (i == j) for j in range(D)] for i in range(D)])
        A = exact(X).transpose() * exact(X) * fmpq(1, n) + penalty
        truth = eigenvalues(A)
        assert truth[-1] <= arb(certificate.smoothness.value), seed
        if certificate.pl.value is None:
            continue
        certified += 1
        assert arb(certificate.pl.value) <= truth[0], seed
        w = A.solve(exact(X).transpose() * exact(Y) * fmpq(1, n))
        residual = exact(X) * w - exact(Y)
        f_star = (residual.transpose() * residual)[0, 0] / (2 * n) + (w.transpose() * w)[0, 0] * rational(
            ridge
        ) / 2
        assert rational(certificate.minimum.low) <= f_star <= rational(certificate.minimum.high), seed
    assert certified > 0.9 * CASES


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
def test_ridge_classification_has_its_spectrum_and_minimum_inside_the_certificate(loss):
    for seed in range(20):
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
        short = descend(objective, 3, smoothness=L)
        minimum = bracket(objective, short, certificate, None, evaluations=4)
        assert minimum.low is not None
        assert minimum.high is not None
        best = refine(objective, 200).f
        assert minimum.low <= best <= minimum.high + 1e-15


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
