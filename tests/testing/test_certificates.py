"""Every family survives the attack on its certificates, and each kind of wrong certificate is caught."""

from dataclasses import replace

import pytest
import torch

from grams_theory import families
from grams_theory.testing.certificates import CertificateError, check_certificates

FAMILIES = families.all_families()
every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
FLOORS = {
    "softplus": 0.9,
    "trigonometric": 0.9,
    "logistic_breast_cancer": 0.99,
    "ridge_logistic_breast_cancer": 0.9,
    "ridge_logistic_digits": 0.9,
}
"""How much of L the attack attains where it does not attain 99.9 %: the curvature of these peaks between the points."""
ROW = 2


def spoiled(family, spoil):
    """The family with `spoil(f)` done to its batches."""

    def sample(generator, batch, dim, **options):
        f = family.sample(generator, batch, dim, **options)
        spoil(f)
        return f

    return replace(family, sample=sample)


def at_row(tensor, factor):
    """A copy with row ROW multiplied by `factor`."""
    copy = tensor.clone()
    copy[ROW] *= factor
    return copy


def named(*names):
    return pytest.mark.parametrize("family", [families.by_name(name) for name in names], ids=names)


@every_family
def test_certificates_survive(family):
    dim = 1 if 1 in family.dims else family.dims[0]
    found = check_certificates(family, batch=4, dim=dim)
    assert found.inequalities > 100
    assert FLOORS.get(family.name, 0.999) < found.curvature < 1 + 1e-6
    assert found.pl > 1 - 1e-4


@every_family
def test_certificates_survive_the_extreme_options(family):
    options = {name: values[-1] for name, values in family.options.items()}
    check_certificates(family, seed=1, batch=4, dim=family.dims[len(family.dims) // 2], options=options)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_family
def test_certificates_survive_on_a_gpu(family):
    check_certificates(family, batch=4, device="cuda")


@named(
    "dense_quadratic",
    "indefinite_diagonal_quadratic",
    "reflection",
    "log_cosh",
    "pl_sine",
    "least_squares_diabetes",
)
def test_a_smoothness_constant_one_percent_too_small_is_caught(family):
    def spoil(f):
        f.smoothness = at_row(f.smoothness, 0.99)

    with pytest.raises(
        CertificateError, match=rf"'{family.name}'.* at batch index {ROW}, (smoothness|gradient): "
    ):
        check_certificates(spoiled(family, spoil), batch=4)


@named(
    "dense_quadratic", "diagonal_quadratic", "pl_sine", "rank_deficient_quadratic", "least_squares_diabetes"
)
def test_a_pl_constant_one_percent_too_large_is_caught(family):
    def spoil(f):
        f.pl = at_row(f.pl, 1.01)

    with pytest.raises(CertificateError, match=rf"at batch index {ROW}, pl: .* fails"):
        check_certificates(spoiled(family, spoil), batch=4)


@named("pl_sine_composition", "least_squares_diabetes", "ridge_logistic_breast_cancer")
@pytest.mark.parametrize(("shift", "message"), [(1e-6, "minimum"), (-1e-6, "pl|minimizer")])
def test_a_wrong_minimum_is_caught(family, shift, message):
    def spoil(f):
        f.minimum = f.minimum + shift

    with pytest.raises(CertificateError, match=rf"at batch index \d, ({message}): "):
        check_certificates(spoiled(family, spoil), batch=4)


@named("dense_quadratic", "softplus", "trigonometric", "logistic_breast_cancer")
def test_a_gradient_wrong_by_one_percent_is_caught(family):
    def spoil(f):
        right = f.gradient
        f.gradient = lambda w: right(w) * 1.01

    with pytest.raises(CertificateError, match=r"at batch index \d, (gradient|change|smoothness|pl): "):
        check_certificates(spoiled(family, spoil), batch=4)


@named("dense_quadratic", "least_squares_diabetes")
def test_a_wrong_change_is_caught(family):
    def spoil(f):
        right = f.change
        f.change = lambda w, d: right(w, d) * 1.01

    with pytest.raises(CertificateError, match=r"at batch index \d, (change|gradient): "):
        check_certificates(spoiled(family, spoil), batch=4)


@pytest.mark.parametrize(
    ("name", "trait"),
    [
        ("trigonometric", "convex"),
        ("indefinite_quadratic", "convex"),
        ("pl_sine", "convex"),
        ("dense_quadratic", "separable"),
        ("log_cosh", "separable"),
        ("pl_sine_composition", "separable"),
        ("log_cosh", "pl"),
        ("softplus", "bounded"),
        ("pseudo_huber", "quadratic"),
    ],
)
def test_a_trait_that_does_not_hold_is_caught(name, trait):
    family = families.by_name(name)
    proud = replace(family, traits=family.traits | {trait})
    with pytest.raises(CertificateError, match=trait):
        check_certificates(proud, dim=3, batch=4)


def test_a_wrong_quadratic_form_is_caught():
    family = families.by_name("dense_quadratic")

    def spoil(f):
        f.quadratic = lambda row: (f.hessian[row] * 1.001, f.centre[row])

    with pytest.raises(CertificateError, match="quadratic: "):
        check_certificates(spoiled(family, spoil), dim=3, batch=4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (torch.ones(3, dtype=torch.float64), r"smoothness must be float64 of shape \(4,\)"),
        (torch.ones(4), "smoothness must be float64"),
        (torch.zeros(4, dtype=torch.float64), "smoothness must be finite and > 0"),
    ],
)
def test_malformed_constants_are_caught(wrong, message):
    def spoil(f):
        f.smoothness = wrong

    with pytest.raises(CertificateError, match=message):
        check_certificates(spoiled(families.by_name("diagonal_quadratic"), spoil), batch=4)
