"""Our Lanczos against dense eigenvalues and against ARPACK."""

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, eigsh

from grams_theory.landscape.curvature import lanczos
from grams_theory.landscape.curvature.lanczos import ends


class Diagonal:
    """The product with a diagonal matrix; it counts."""

    def __init__(self, eigenvalues, dtype=torch.float64):
        self.d, self.calls = torch.tensor(eigenvalues, dtype=dtype), 0

    def __call__(self, v):
        self.calls += 1
        return self.d * v


def start(D, dtype=torch.float64):
    return torch.randn(D, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("seed", range(10))
def test_random_matrices_agree_with_dense_eigenvalues(seed):
    rng = np.random.default_rng(seed)
    D = int(rng.integers(1, 150))
    A = rng.standard_normal((D, D))
    A = torch.from_numpy(A + A.T)
    exact = torch.linalg.eigvalsh(A)
    low, high = ends(lambda v: A @ v, start(D), 1e-10, both=True)
    (steepest,) = ends(lambda v: A @ v, start(D), 1e-10, both=False)
    scale = exact.abs().max().item()
    assert low.value == pytest.approx(exact[0].item(), abs=2e-10 * scale)
    assert high.value == pytest.approx(exact[-1].item(), abs=2e-10 * scale)
    assert abs(steepest.value) == pytest.approx(scale, rel=2e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_vectors_are_unit_eigenvectors(dtype):
    A = Diagonal([-2.0, *np.linspace(0, 1, 200), 3.0], dtype)
    for pair in ends(A, start(202, dtype), 1e-5, both=True):
        assert pair.converged and pair.vector.dtype == dtype
        # 10 eps: the rounding of a sum of 200 squares, added pairwise
        assert pair.vector.norm().item() == pytest.approx(1, abs=10 * torch.finfo(dtype).eps)
        assert (A(pair.vector) - pair.value * pair.vector).norm() <= 1.1e-5 * 3


def by_arpack(A, D, which, tol):
    def matvec(v):
        return A(torch.from_numpy(v.reshape(-1))).numpy()

    operator = LinearOperator(dtype=np.dtype(float), shape=(D, D), matvec=matvec)  # type: ignore[call-arg]
    return eigsh(operator, k=1, which=which, v0=start(D).numpy(), tol=tol)[0][0]


# like those of trained networks: a few eigenvalues stand out, most are at 0, the smallest is barely below
NETWORK = [-1e-3, *(1e-6 * np.arange(1000)), *(0.7 ** np.arange(20))]


def test_no_more_products_are_spent_than_by_arpack():
    D = len(NETWORK)
    theirs, ours = Diagonal(NETWORK), Diagonal(NETWORK)
    value = by_arpack(theirs, D, "LM", 1e-6)
    (found,) = ends(ours, start(D), 1e-6, both=False)
    assert found.value == pytest.approx(value, abs=2e-6)
    assert ours.calls < theirs.calls


def test_a_wanted_end_costs_no_more_than_both():
    one, two = Diagonal(NETWORK), Diagonal(NETWORK)
    ends(one, start(len(NETWORK)), 1e-6, both=False)
    ends(two, start(len(NETWORK)), 1e-6, both=True)
    assert one.calls <= two.calls


# Orthogonality: the residual that Lanczos claims is the true one only while its vectors are orthogonal

STEEP = [-1e-3, *np.linspace(0, 1, 300), 1e8]


def claim_broken():
    """By how much the true residuals at both ends of STEEP exceed the one asked for."""
    A, tol = Diagonal(STEEP), 1e-12
    pairs = ends(A, start(len(STEEP)), tol, both=True)
    assert all(pair.converged for pair in pairs)
    return max((A(p.vector) - p.value * p.vector).norm().item() for p in pairs) / (tol * max(STEEP))


def against_the_last_two(w, known):
    parts = known[-2:] @ w
    return parts[-1].item(), w - known[-2:].mT @ parts


def only_once(w, known):
    parts = known @ w
    return parts[-1].item(), w - known.mT @ parts


def test_claimed_residuals_are_true():
    assert claim_broken() <= 1


@pytest.mark.parametrize("orthogonal", [against_the_last_two, only_once])
def test_claimed_residuals_are_wrong_with_less_orthogonalisation(orthogonal, monkeypatch):
    monkeypatch.setattr(lanczos, "_orthogonal", orthogonal)
    assert claim_broken() > 100


# Units: neither squares of products overflow, nor do they underflow


@pytest.mark.parametrize(
    ("dtype", "scale"), [(torch.float32, 1e-35), (torch.float32, 1e30), (torch.float64, 1e-200)], ids=str
)
def test_the_unit_of_the_loss_does_not_matter(dtype, scale):
    def found(scale):
        A = Diagonal([-1.0 * scale, *(scale * np.linspace(0, 1, 50)), 3.0 * scale], dtype)
        return [(pair.value / scale, pair.converged) for pair in ends(A, start(52, dtype), 1e-4, both=True)]

    for (value, converged), (plain, _) in zip(found(scale), found(1.0), strict=True):
        assert converged
        assert value == pytest.approx(plain, abs=3e-4)
