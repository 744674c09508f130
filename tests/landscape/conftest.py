"""Small objectives with known constants."""

import pytest
import torch
from torch import nn

from grams_theory.landscape.objective import Objective


class Quadratic(nn.Module):
    """Outputs ½ w'Hw for every sample."""

    H: torch.Tensor

    def __init__(self, H, w):
        super().__init__()
        self.register_buffer("H", H.double())
        self.w = nn.Parameter(w.double())

    def forward(self, x):
        return (self.w @ self.H @ self.w / 2).expand(len(x))


def mean_output(output, target):
    return output.mean()


@pytest.fixture(autouse=True)
def same_random_numbers():
    """Whatever ran before: models that torch initialises are the same in every order of the tests."""
    torch.manual_seed(0)


ONE = (torch.zeros(1, 1), torch.zeros(1))


@pytest.fixture
def quadratic():
    """(H, w) -> (model, loss_fn, data) with loss ½ w'Hw."""
    return lambda H, w: (Quadratic(H, w), mean_output, ONE)


@pytest.fixture
def objective(quadratic):
    return lambda H, w: Objective(*quadratic(H, w))


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def regression(rng):
    """(spectrum of X'X/n, noise) -> (model, X, Y) with Y = X (1, ..., 1)' + noise."""

    def make(eigenvalues, noise=0.0):
        D, n = len(eigenvalues), 20
        U = torch.linalg.qr(torch.randn((n, D), generator=rng, dtype=torch.float64))[0]
        V = torch.linalg.qr(torch.randn((D, D), generator=rng, dtype=torch.float64))[0]
        X = U @ torch.diag((n * torch.tensor(eigenvalues, dtype=torch.float64)).sqrt()) @ V
        Y = X @ torch.ones((D, 1), dtype=torch.float64)
        Y = Y + noise * torch.randn(Y.shape, generator=rng, dtype=torch.float64)
        model = nn.Linear(D, 1, bias=False, dtype=torch.float64)
        nn.init.zeros_(model.weight)
        return model, X, Y

    return make
