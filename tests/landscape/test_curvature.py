"""Lanczos against spectra that are known."""

import pytest
import torch
from torch import nn

from grams_theory.core.errors import GramsTheoryError
from grams_theory.landscape import by_name
from grams_theory.landscape.curvature import DENSE, spectrum
from grams_theory.landscape.objective import Objective


def rotated(eigenvalues, rng):
    Q = torch.linalg.qr(torch.randn((len(eigenvalues),) * 2, generator=rng, dtype=torch.float64))[0]
    return Q @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ Q.mT


SPECTRA = {
    "one dimension": [3.0],
    "small": [1.0, 2.0, 5.0],
    "positive": [0.1 * i for i in range(1, 101)],
    "indefinite": [-7.0, *[0.0] * 60, 1.0, 2.0],
    "rank one": [*[0.0] * 60, 4.0],
    "multiples of the identity": [2.0] * (DENSE + 1),
    "negative": [-float(i) for i in range(1, 41)],
}


@pytest.mark.parametrize("eigenvalues", SPECTRA.values(), ids=SPECTRA)
def test_both_ends_are_found_to_a_millionth(eigenvalues, objective, rng):
    found = spectrum(objective(rotated(eigenvalues, rng), torch.ones(len(eigenvalues))))
    scale = max(map(abs, eigenvalues))
    assert found.largest.value == pytest.approx(max(eigenvalues), abs=1e-6 * scale)
    assert found.smallest.value == pytest.approx(min(eigenvalues), abs=1e-6 * scale)
    assert found.magnitude.value == pytest.approx(scale, rel=1e-6)


@pytest.mark.parametrize("eigenvalues", SPECTRA.values(), ids=SPECTRA)
@pytest.mark.parametrize("tol", [1e-1, 1e-8])
def test_an_eigenvalue_lies_within_the_residual(eigenvalues, tol, objective, rng):
    found = spectrum(objective(rotated(eigenvalues, rng), torch.ones(len(eigenvalues))), tol)
    for end in (found.largest, found.smallest):
        rounding = 1e-13 * max(map(abs, eigenvalues))
        assert min(abs(end.value - e) for e in eigenvalues) <= end.residual + rounding


@pytest.mark.parametrize("dim", [3, DENSE + 5])
def test_a_linear_loss_has_no_curvature(dim):
    model = nn.Linear(dim, 1, bias=False, dtype=torch.float64)
    found = spectrum(
        Objective(model, lambda output, target: output.mean(), (torch.ones(4, dim), torch.zeros(4)))
    )
    assert found.largest.value == found.smallest.value == 0


def test_a_perceptron_agrees_with_its_hessian_by_finite_differences(rng):
    x, y = by_name("digits_mlp_softmax").data
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 1), nn.Tanh(), nn.Linear(1, 10)).double()
    objective = Objective(model, nn.CrossEntropyLoss(), (x[:50], y[:50]))
    found, w, h = spectrum(objective), objective.w, 1e-5

    def gradient(w):
        objective.move_to(w)
        return objective.value_and_gradient()[1]

    rows = [(gradient(w + h * e) - gradient(w - h * e)) / (2 * h) for e in torch.eye(objective.dim).double()]
    exact = torch.linalg.eigvalsh((torch.stack(rows) + torch.stack(rows).mT) / 2)
    accuracy = 1e-6 * exact[-1].item()  # h^2 times a fourth derivative, and eps/h
    assert found.largest.value == pytest.approx(exact[-1].item(), abs=accuracy)
    assert found.smallest.value == pytest.approx(exact[0].item(), abs=accuracy)


def test_no_convergence_says_what_to_loosen(objective, rng, monkeypatch):
    from scipy.sparse.linalg import ArpackNoConvergence

    from grams_theory.landscape import curvature

    def give_up(*_args, **_options):
        raise ArpackNoConvergence("no", [], [])

    monkeypatch.setattr(curvature, "eigsh", give_up)
    with pytest.raises(GramsTheoryError, match="curvature_tol"):
        spectrum(objective(torch.eye(DENSE + 1), torch.ones(DENSE + 1)))
