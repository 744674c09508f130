"""Eigenvalue enclosures are rigorous, and autograd Hessians and gradients agree with the certificates."""

from fractions import Fraction

import mpmath
import pytest
import torch

from grams_theory import families
from grams_theory.core.random import generator
from grams_theory.core.rounding import UNIT, Ball
from grams_theory.families import dense_quadratic, rank_deficient_quadratic
from grams_theory.families._certify import certified_spectrum, frobenius, lower, upper
from grams_theory.families._data import load
from grams_theory.families._draw import normal, rotations, spectrum
from grams_theory.testing.certificates import hessian

every_family = pytest.mark.parametrize("family", families.all_families(), ids=lambda family: family.name)


def symmetric(eigenvalues, basis):
    product = (basis * eigenvalues.unsqueeze(-2)) @ basis.mT
    return (product + product.mT) / 2


def exact_eigenvalues(matrix):
    with mpmath.workdps(40):
        return sorted(mpmath.mp.eigsy(mpmath.matrix(matrix.tolist()), eigvals_only=True))


def all_enclosed(found, matrix):
    order = found.mid.argsort()
    balls = zip(found.mid[order].tolist(), found.rad[order].tolist(), strict=True)
    return all(abs(x - mid) <= rad for x, (mid, rad) in zip(exact_eigenvalues(matrix), balls, strict=True))


@pytest.mark.parametrize("dim", [1, 2, 5, 8])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_enclosures_contain_the_eigenvalues_of_the_stored_matrix(dim, sign):
    gen = generator(0, dim)
    eigenvalues = spectrum(gen, 4, dim, 1e6)
    eigenvalues[:, 0] *= sign
    basis = rotations(gen, 4, dim)
    matrix = symmetric(eigenvalues, basis)
    found = certified_spectrum(Ball.exact(matrix), basis, eigenvalues)
    for row in range(4):
        assert all_enclosed(found[row], matrix[row])
        assert found.rad[row].max() < 1e-12 * eigenvalues[row].abs().max()


def test_a_bad_eigendecomposition_only_widens_the_enclosures():
    gen = generator(0)
    eigenvalues, basis = spectrum(gen, 1, 5, 100.0), rotations(gen, 1, 5)
    matrix = symmetric(eigenvalues, basis)[0]
    for wrong_values, wrong_basis in [
        (eigenvalues * 1.1, basis),
        (eigenvalues, basis * 1.1),
        (eigenvalues, basis + 0.05 * normal(gen, 1, 5, 5)),
        (torch.zeros_like(eigenvalues), basis),
    ]:
        assert all_enclosed(certified_spectrum(Ball.exact(matrix), wrong_basis, wrong_values)[0], matrix)


def test_an_enclosure_without_its_residual_would_miss():
    gen = generator(0)
    eigenvalues, basis = spectrum(gen, 1, 5, 100.0), rotations(gen, 1, 5)
    found = certified_spectrum(Ball.exact(symmetric(eigenvalues, basis)), basis, eigenvalues)
    assert not all_enclosed(Ball(found.mid[0], found.rad[0] * 1e-3), symmetric(eigenvalues, basis)[0])


def test_upper_and_lower_bound_the_ball_strictly():
    ball = Ball(
        torch.tensor([1.0, -1.0], dtype=torch.float64),
        torch.tensor([2.0**-60, 2.0**-60], dtype=torch.float64),
    )
    assert bool((upper(ball) > ball.mid).all())
    assert bool((lower(ball) < ball.mid).all())


def test_the_frobenius_bound_counts_the_radius():
    ball = Ball(torch.zeros(2, 2, dtype=torch.float64), torch.full((2, 2), 3.0, dtype=torch.float64))
    assert 6.0 <= frobenius(ball).item() <= 6.0 + 1e-12


@every_family
def test_the_gradient_is_the_derivative_of_the_value(family):
    """Reverse differentiation takes at most 5 operations for each of the value: 5 radii of the gradient, and roundings
    in the norm of the gradient for the coordinates that cancel."""
    dim = family.dims[-1]
    f = family(generator(0), 4, dim)
    w = f.start(generator(1)).requires_grad_()
    (found,) = torch.autograd.grad(f.value(w).sum(), w)
    gradient = f.gradient(Ball.exact(w.detach()))
    assert bool(((found - gradient.mid).abs() <= 5 * gradient.rad).all())


@every_family
def test_the_hessian_never_exceeds_the_smoothness_constant(family):
    """Backward errors: D² roundings of the eigensolver, 4 for each term of a sum over samples or coordinates."""
    dim = family.dims[-1]
    f = family(generator(0), 8, dim)
    terms = len(getattr(f, "features", ())) + 2 * dim
    slack = 1 + (dim**2 + 4 * terms) * UNIT
    for seed in range(2):
        for radius in (0.01, 1.0, 10.0):
            curvatures = torch.linalg.eigvalsh(hessian(f, f.start(generator(seed), radius)))
            assert bool((curvatures.abs().amax(-1) <= slack * f.smoothness).all())


def test_the_rank_deficient_hessian_is_exact_and_singular():
    f = rank_deficient_quadratic.sample(generator(0), 4, 5)
    assert f.pl is not None
    for row in range(4):
        found = exact_eigenvalues(f.hessian[row])
        positive = [x for x in found if abs(x) > 1e-25]
        assert 1 <= len(positive) <= 4
        assert float(f.pl[row]) <= min(positive) <= float(f.pl[row]) * (1 + 1e-5)
        assert max(positive) <= float(f.smoothness[row])


def test_products_of_quantised_factors_are_exact():
    factor = rank_deficient_quadratic.quantised(normal(generator(0), 2, 16, 16))
    found = factor.mT @ factor
    for row in range(2):
        columns = [[Fraction(x) for x in column] for column in factor[row].T.tolist()]
        exact = [[sum(a * b for a, b in zip(x, y, strict=True)) for y in columns] for x in columns]
        assert [[Fraction(x) for x in line] for line in found[row].tolist()] == exact


def test_scales_and_spectra_differ_between_rows():
    f = dense_quadratic.sample(generator(0), 64, 8)
    assert f.pl is not None
    assert f.smoothness.max() > 10 * f.smoothness.min()
    ratios = f.smoothness / f.pl
    assert ratios.max() > 10 * ratios.min()


@pytest.mark.parametrize(("name", "samples", "features"), [("breast_cancer", 569, 30), ("diabetes", 442, 10)])
def test_real_data_are_standardised_and_loaded_once(name, samples, features):
    data = load(name)
    assert data.features.shape == (samples, features)
    assert data.features.mean(0).abs().max() < samples * UNIT * 10
    assert (data.features.std(0) - 1).abs().max() < samples * UNIT * 10
    assert load(name) is data
