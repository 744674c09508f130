"""Lanczos against spectra that are known."""

import math

import pytest
import torch
from torch import nn

from grams_theory.core.errors import UsageError
from grams_theory.landscape.curvature import group_spectra, lanczos, sharpness, spectrum
from grams_theory.landscape.curvature import hessian as curvature
from grams_theory.landscape.curvature.lanczos import RitzPair
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
    "rank deficient": [*[0.0] * 60, *(1.1**-i for i in range(60))],
    "ends of one magnitude": [-3.0, *[0.5] * 60, 3.0],
    "multiples of the identity": [2.0] * 33,
    "negative": [-float(i) for i in range(1, 41)],
    "zero": [0.0] * 40,
}
spectra = pytest.mark.parametrize("eigenvalues", SPECTRA.values(), ids=SPECTRA)


@pytest.fixture
def quadratic_with(objective, rng):
    return lambda eigenvalues: objective(rotated(eigenvalues, rng), torch.ones(len(eigenvalues)))


@spectra
def test_both_ends_are_found_to_twelve_digits(eigenvalues, quadratic_with):
    found = spectrum(quadratic_with(eigenvalues), 1e-13)
    accuracy = 1e-12 * max(
        map(abs, eigenvalues)
    )  # the residual that was asked for, and the rounding of a product
    assert found.largest.value == pytest.approx(max(eigenvalues), abs=accuracy)
    assert found.smallest.value == pytest.approx(min(eigenvalues), abs=accuracy)
    assert found.magnitude.value == pytest.approx(max(map(abs, eigenvalues)), abs=accuracy)


@spectra
def test_the_sharpest_eigenvalue_is_that_of_largest_magnitude(eigenvalues, quadratic_with):
    found = sharpness(quadratic_with(eigenvalues), 1e-13)
    scale = max(map(abs, eigenvalues))
    assert abs(found.value) == pytest.approx(scale, abs=1e-12 * scale)
    assert min(abs(found.value - e) for e in eigenvalues) <= 1e-12 * scale


@spectra
@pytest.mark.parametrize("tol", [1e-1, 1e-8])
def test_an_eigenvalue_lies_within_the_residual(eigenvalues, tol, quadratic_with):
    found = spectrum(quadratic_with(eigenvalues), tol)
    scale = max(map(abs, eigenvalues))
    for end in (found.largest, found.smallest):
        assert end.converged and end.residual <= (tol + 1e-13) * scale
        assert min(abs(end.value - e) for e in eigenvalues) <= end.residual + 1e-13 * scale


@spectra
def test_a_rayleigh_quotient_lies_inside_the_spectrum_whatever_the_accuracy(eigenvalues, quadratic_with):
    found = spectrum(quadratic_with(eigenvalues), 0.3)
    rounding = 1e-13 * max(map(abs, eigenvalues))
    assert min(eigenvalues) - rounding <= found.smallest.value
    assert found.largest.value <= max(eigenvalues) + rounding


@pytest.mark.parametrize("dim", [3, 37])
def test_a_linear_loss_has_no_curvature(dim):
    model = nn.Linear(dim, 1, bias=False, dtype=torch.float64)
    found = spectrum(
        Objective(model, lambda output, target: output.mean(), (torch.ones(4, dim), torch.zeros(4)))
    )
    assert found.largest.value == found.smallest.value == 0


def test_the_same_seed_says_the_same(quadratic_with):
    objective = quadratic_with(SPECTRA["rank deficient"])
    assert spectrum(objective, seed=1) == spectrum(objective, seed=1)


def test_products_are_counted_and_few(quadratic_with):
    objective = quadratic_with(SPECTRA["rank one"])
    calls, product = [], objective.hessian_product()

    def counted(v):
        calls.append(v)
        return product(v)

    # two for the Krylov space of a rank-one matrix, and two to verify
    assert spectrum(objective, 1e-8, product=counted).products == len(calls) == 4


# Where memory ends


@pytest.fixture
def few_vectors(monkeypatch):
    monkeypatch.setattr(lanczos, "VECTORS", 6)


@spectra
def test_few_vectors_find_the_same(eigenvalues, quadratic_with, few_vectors):
    found = spectrum(quadratic_with(eigenvalues), 1e-9)
    scale = max(map(abs, eigenvalues))
    assert found.largest.value == pytest.approx(max(eigenvalues), abs=2e-9 * scale)
    assert found.smallest.value == pytest.approx(min(eigenvalues), abs=2e-9 * scale)
    assert found.largest.converged and found.smallest.converged


def test_vectors_fit_into_memory(quadratic_with, monkeypatch):
    D = len(SPECTRA["rank deficient"])
    monkeypatch.setattr(lanczos, "MEMORY", 10 * 8 * D)
    assert lanczos._affordable(torch.zeros(D, dtype=torch.float64), 100) == 10
    assert lanczos._affordable(torch.zeros(100 * D), 100) == lanczos.FEWEST
    found = spectrum(quadratic_with(SPECTRA["rank deficient"]), 1e-9)
    assert found.largest.value == pytest.approx(1, abs=1e-8)


def test_an_end_that_is_not_reached_says_so_and_keeps_its_true_residual(
    quadratic_with, few_vectors, monkeypatch
):
    monkeypatch.setattr(lanczos, "RESTARTS", 1)
    monkeypatch.setattr(lanczos, "RESTARTED", 3)
    eigenvalues = SPECTRA["positive"]
    found = spectrum(quadratic_with(eigenvalues), 1e-12)
    assert not found.smallest.converged
    assert not found.magnitude.converged
    for end in (found.smallest, found.largest):
        assert end.residual > 1e-12 * max(eigenvalues)
        assert min(abs(end.value - e) for e in eigenvalues) <= end.residual
        assert min(eigenvalues) < end.value < max(eigenvalues)


# What Lanczos says of itself is not believed


@pytest.mark.parametrize("error", [1e-1, 1e-3, 1e-5])
def test_a_wrong_eigenvector_is_seen_in_the_residual(error, objective, rng, monkeypatch):
    H = rotated([1.0, 2.0, 5.0], rng)
    _, vectors = torch.linalg.eigh(H)
    wrong = vectors[:, 2] + error * vectors[:, 0]
    liar = RitzPair(5.0, wrong, True)
    monkeypatch.setattr(curvature, "ends", lambda *_, **__: (liar,))
    found = sharpness(objective(H, torch.ones(3)))
    assert found.residual == pytest.approx(4 * error, rel=2 * error)
    assert found.value < 5


# Precision, chunks, groups


@pytest.fixture
def perceptron(rng):
    torch.manual_seed(0)
    x = torch.randn(50, 12, generator=rng, dtype=torch.float64)
    y = torch.randint(0, 5, (50,), generator=rng)
    model = nn.Sequential(nn.Linear(12, 7), nn.Tanh(), nn.Linear(7, 5)).double()
    return model, nn.CrossEntropyLoss(), (x, y)


def test_float32_agrees_with_float64_as_far_as_its_residual_tells(perceptron):
    single, double = (spectrum(Objective(*perceptron, dtype=d)) for d in (torch.float32, torch.float64))
    for a, b in ((single.largest, double.largest), (single.smallest, double.smallest)):
        assert a.converged and a.residual > b.residual
        assert abs(a.value - b.value) <= a.residual + 8 * torch.finfo(torch.float32).eps * abs(b.value)


@pytest.mark.parametrize("chunk", [7, 49])
def test_chunks_change_nothing(perceptron, chunk):
    whole, cut = spectrum(Objective(*perceptron), 1e-10), spectrum(Objective(*perceptron, chunk=chunk), 1e-10)
    accuracy = 1e-9 * whole.magnitude.value
    assert cut.largest.value == pytest.approx(whole.largest.value, abs=accuracy)
    assert cut.smallest.value == pytest.approx(whole.smallest.value, abs=accuracy)


@pytest.mark.gpu
def test_a_gpu_agrees(perceptron):
    here, there = (spectrum(Objective(*perceptron, device=device), 1e-10) for device in ("cpu", "cuda"))
    assert there.largest.value == pytest.approx(here.largest.value, rel=1e-9)
    assert there.smallest.value == pytest.approx(here.smallest.value, abs=1e-9 * here.largest.value)


class Blocks(nn.Module):
    """Outputs ½ u'Au + ½ v'Bv + coupling · u₁v₁, with the parameters in the order u, v."""

    def __init__(self, A, B, coupling):
        super().__init__()
        self.A, self.B, self.coupling = A, B, coupling
        self.u = nn.Parameter(torch.ones(len(A), dtype=torch.float64))
        self.v = nn.Parameter(torch.ones(len(B), dtype=torch.float64))

    def forward(self, x):
        u, v = self.u, self.v
        return (u @ self.A @ u / 2 + v @ self.B @ v / 2 + self.coupling * u[0] * v[0]).expand(len(x))


@pytest.fixture
def blocks(rng):
    A, B = rotated([-2.0, 1.0, 3.0], rng), rotated([0.0] * 40 + [5.0, 7.0], rng)
    data = torch.zeros(1, 1), torch.zeros(1)
    return Objective(Blocks(A, B, 4.0), lambda output, target: output.mean(), data, groups="parameter")


def test_groups_have_the_spectra_of_their_blocks(blocks):
    found = group_spectra(blocks, 1e-12)
    assert set(found) == {"u", "v"}
    assert (found["u"].smallest.value, found["u"].largest.value) == pytest.approx((-2, 3), abs=1e-10)
    assert (found["v"].smallest.value, found["v"].largest.value) == pytest.approx((0, 7), abs=1e-10)


def test_blocks_interlace(blocks):
    whole = spectrum(blocks, 1e-12)
    assert whole.smallest.value < -2 and whole.largest.value > 7  # the coupling is in no block
    for part in group_spectra(blocks, 1e-12).values():
        assert whole.smallest.value <= part.smallest.value <= part.largest.value <= whole.largest.value


def test_a_group_may_lie_in_several_places(blocks, rng):
    whole = torch.arange(9.0, dtype=torch.float64)
    scattered = Objective(
        Blocks(torch.diag(whole[:4]), torch.diag(whole[4:]), 0.0),
        lambda output, target: output.mean(),
        (torch.zeros(1, 1), torch.zeros(1)),
        groups={"all": ["v", "u"]},
    )
    assert group_spectra(scattered, 1e-12)["all"].largest.value == pytest.approx(8)


def test_a_perceptron_agrees_with_its_hessian_by_finite_differences(perceptron):
    objective = Objective(*perceptron)
    found, w, h = spectrum(objective), objective.w, 1e-5

    def gradient(w):
        objective.move_to(w)
        return objective.value_and_gradient()[1]

    rows = [(gradient(w + h * e) - gradient(w - h * e)) / (2 * h) for e in torch.eye(objective.dim).double()]
    exact = torch.linalg.eigvalsh((torch.stack(rows) + torch.stack(rows).mT) / 2)
    accuracy = 1e-6 * exact[-1].item()  # h^2 times a fourth derivative, and eps/h
    assert found.largest.value == pytest.approx(exact[-1].item(), abs=accuracy)
    assert found.smallest.value == pytest.approx(exact[0].item(), abs=accuracy)


# Errors


@pytest.mark.parametrize("tol", [-1.0, math.nan])
@pytest.mark.parametrize("measure", [spectrum, sharpness, group_spectra])
def test_a_bad_tolerance_is_refused(measure, tol, quadratic_with):
    with pytest.raises(UsageError, match="tol"):
        measure(quadratic_with([1.0, 2.0]), tol)


@pytest.mark.parametrize("dim", [1, 3, 40])
def test_a_hessian_that_is_not_finite_is_an_error(dim, objective):
    with pytest.raises(UsageError, match="not finite"):
        spectrum(objective(torch.full((dim, dim), torch.nan), torch.ones(dim)))
