"""A smooth, non-convex, non-separable loss that needs no family: f(w) = Σ log cosh(w A)_j + cos(w_1)."""

import pytest
import torch

from grams_theory.core.function import FunctionBatch


class Valley(FunctionBatch):
    def __init__(self, batch: int, dim: int) -> None:
        generator = torch.Generator().manual_seed(dim)
        self.A = torch.randn((dim, dim), generator=generator, dtype=torch.float64)
        self.smoothness = torch.full((batch,), float(torch.linalg.matrix_norm(self.A, 2)) ** 2 + 1).double()

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.smoothness), len(self.A)

    def value(self, w):
        z = w @ self.A
        return torch.logaddexp(z, -z).sum(-1) + torch.cos(w[..., 0])

    def gradient(self, w):
        first = torch.zeros_like(w)
        first[..., 0] = torch.sin(w[..., 0])
        return torch.tanh(w @ self.A) @ self.A.mT - first


@pytest.fixture
def valley():
    return Valley


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)
