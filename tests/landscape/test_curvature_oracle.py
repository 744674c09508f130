"""Hessian products and eigenvalues against curvlinops, and against dense Hessians by torch.func."""

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import eigsh
from torch import nn
from torch.func import functional_call, hessian

from grams_theory.landscape.curvature import group_spectra, sharpness, spectrum
from grams_theory.landscape.objective import Objective

curvlinops = pytest.importorskip("curvlinops", reason="the oracle, curvlinops-for-pytorch, is not installed")

N = 24


def perceptron():
    return nn.Sequential(nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 4))


def convolutions():
    return nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)),
        nn.Conv2d(1, 3, 3, padding=1),
        nn.Sigmoid(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(12, 4),
    )


def rectified():
    return nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))


def deep_linear():
    """With more weights than it needs: its Hessian is singular, and indefinite away from the minima."""
    return nn.Sequential(
        nn.Linear(16, 6, bias=False), nn.Linear(6, 6, bias=False), nn.Linear(6, 4, bias=False)
    )


MODELS = {f.__name__: f for f in (perceptron, convolutions, rectified, deep_linear)}
LOSSES = {"softmax": nn.CrossEntropyLoss(), "squares": nn.MSELoss()}
CUTS = {"whole": [N], "even batches": [8, 8, 8], "uneven batches": [13, 9, 2]}


@pytest.fixture(params=[(m, loss) for m in MODELS for loss in LOSSES], ids="-".join)
def problem(request, rng):
    """(model, loss, x, y) in float64."""
    model, loss = request.param
    torch.manual_seed(0)
    x = torch.randn(N, 16, generator=rng, dtype=torch.float64)
    y = torch.randint(0, 4, (N,), generator=rng)
    if loss == "squares":
        y = torch.nn.functional.one_hot(y, 4).double()
    return MODELS[model]().double(), LOSSES[loss], x, y


def oracle(model, loss, batches):
    return curvlinops.HessianLinearOperator(
        model, loss, list(model.parameters()), batches, check_deterministic=False
    )


def rounding(objective):
    """Of a Hessian product, relative to the largest eigenvalue: sums over all samples and weights."""
    return objective.eps * (objective.samples + objective.dim)


@pytest.mark.parametrize(
    ("cut", "chunk"),
    [("whole", None), ("even batches", None), ("uneven batches", None), ("uneven batches", 5)],
)
def test_products_agree_with_curvlinops(problem, cut, chunk, rng):
    model, loss, x, y = problem
    batches = list(zip(x.split(CUTS[cut]), y.split(CUTS[cut]), strict=True))
    objective = Objective(model, loss, batches, chunk=chunk)
    product, theirs = objective.hessian_product(), oracle(model, loss, batches)
    V = torch.randn(objective.dim, 3, generator=rng, dtype=torch.float64)
    error = torch.stack([product(v) for v in V.T], 1) - theirs @ V
    assert error.norm() <= rounding(objective) * abs(sharpness(objective).value) * V.norm()


def test_batches_that_weigh_alike_would_be_seen(problem, rng):
    model, loss, x, y = problem
    batches = list(zip(x.split([13, 9, 2]), y.split([13, 9, 2]), strict=True))
    products = [Objective(model, loss, [batch]).hessian_product() for batch in batches]
    objective, theirs = Objective(model, loss, batches), oracle(model, loss, batches)
    v = torch.randn(objective.dim, generator=rng, dtype=torch.float64)
    wrong = torch.stack([product(v) for product in products]).mean(0)
    assert (wrong - theirs @ v).norm() > 1e6 * rounding(objective) * abs(
        sharpness(objective).value
    ) * v.norm()


def test_eigenvalues_agree_with_eigsh_on_curvlinops(problem):
    model, loss, x, y = problem
    objective = Objective(model, loss, (x, y))
    H = (oracle(model, loss, [(x, y)]) @ torch.eye(objective.dim, dtype=torch.float64)).numpy()
    found, v0 = spectrum(objective, 1e-10), np.random.default_rng(0).standard_normal(objective.dim)
    accuracy = (2e-10 + rounding(objective)) * found.magnitude.value
    for which, ours in (("LA", found.largest), ("SA", found.smallest)):
        # the accuracy of ARPACK is relative to the eigenvalue: of 1e-12 at an end that is not 0
        theirs = eigsh(H, k=1, which=which, v0=v0, ncv=60, tol=1e-12)[0][0]
        assert ours.value == pytest.approx(theirs, abs=accuracy)


def dense(model, loss, x, y):
    """The Hessian over all parameters in order, (D, D)."""
    named = {name: p.detach() for name, p in model.named_parameters()}
    blocks = hessian(lambda p: loss(functional_call(model, p, (x,)), y))(named)
    return torch.cat(
        [
            torch.cat([blocks[a][b].reshape(pa.numel(), pb.numel()) for b, pb in named.items()], 1)
            for a, pa in named.items()
        ]
    )


def test_eigenvalues_agree_with_the_dense_hessian(problem):
    model, loss, x, y = problem
    objective = Objective(model, loss, (x, y))
    exact, found = torch.linalg.eigvalsh(dense(*problem)), spectrum(objective, 1e-12)
    accuracy = (1e-12 + rounding(objective)) * exact.abs().max().item()
    assert found.largest.value == pytest.approx(exact[-1].item(), abs=accuracy)
    assert found.smallest.value == pytest.approx(exact[0].item(), abs=accuracy)


def test_groups_agree_with_the_blocks_of_the_dense_hessian(problem):
    model, loss, x, y = problem
    objective, H = Objective(model, loss, (x, y)), dense(*problem)
    accuracy = (1e-12 + rounding(objective)) * H.norm().item()
    for name, found in group_spectra(objective, 1e-12).items():
        index = objective.part(torch.arange(objective.dim), name)
        exact = torch.linalg.eigvalsh(H[index][:, index])
        assert found.largest.value == pytest.approx(exact[-1].item(), abs=accuracy)
        assert found.smallest.value == pytest.approx(exact[0].item(), abs=accuracy)
