"""Families are discovered, named after their files, and found by name or by what they certify."""

import pytest
import torch

from grams_theory import families
from grams_theory.core.definitions import BOUNDED, CONVEX, PL, SEPARABLE, SMOOTH
from grams_theory.core.errors import UnknownNameError
from grams_theory.core.random import generator
from grams_theory.core.registry import modules
from grams_theory.core.rounding import Ball

TRAITS = {
    "smooth",
    "bounded",
    "convex",
    "pl",
    "separable",
    "interpolating",
    "stochastic",
    "quadratic",
    "real-data",
}
FAMILIES = families.all_families()
every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def test_every_module_is_a_family_of_its_own_name():
    assert [module.FAMILY.name for module in modules(families)] == list(families.names())
    assert [module.__name__.rsplit(".")[-1] for module in modules(families)] == list(families.names())


def test_an_unknown_name_offers_near_ones():
    assert families.by_name("log_cosh").name == "log_cosh"
    with pytest.raises(UnknownNameError, match="did you mean log_cosh"):
        families.by_name("logcosh")


@pytest.mark.parametrize("assumption", [SMOOTH, BOUNDED, CONVEX, PL, SEPARABLE], ids=lambda a: a.id)
def test_each_assumption_is_certified_by_several_families(assumption):
    found = families.certifying({assumption.id})
    assert len(found) >= 3
    assert all(assumption.id in family.traits for family in found)


def test_the_traits_narrow_the_choice():
    assert {family.name for family in families.certifying({"pl", "separable"})} == {
        "diagonal_quadratic",
        "figure1",
        "pl_sine",
        "two_point_noise",
    }
    assert families.certifying({"no such trait"}) == ()


@every_family
def test_a_family_is_described(family):
    assert "smooth" in family.traits <= TRAITS
    assert family.title
    assert family.dims


@every_family
def test_a_minimum_is_certified_exactly_by_the_bounded_families(family):
    f = family(generator(0), 2, family.dims[0])
    assert (f.minimum is not None) == ("bounded" in family.traits)


@every_family
def test_the_same_stream_gives_the_same_functions(family):
    dim = family.dims[0]
    first, again, other = (family(generator(seed), 3, dim) for seed in (1, 1, 2))
    w = first.start(generator(3))
    assert torch.equal(first.value(w), again.value(w))
    fixed = {"figure1", "two_point_noise"}
    assert torch.equal(first.value(w), other.value(w)) == (family.name in fixed)


@every_family
def test_values_and_gradients_take_balls_and_leading_time_dimensions(family):
    dim = family.dims[-1]
    f = family(generator(0), 2, dim)
    path = torch.stack([f.start(generator(seed)) for seed in range(3)])
    values, gradients = f.value(Ball.exact(path)), f.gradient(Ball.exact(path))
    assert (values.shape, gradients.shape) == ((3, 2), (3, 2, dim))
    for t in range(3):
        assert bool(((f.value(path[t]) - values.mid[t]).abs() <= 2 * values.rad[t]).all())
        assert bool(((f.gradient(path[t]) - gradients.mid[t]).abs() <= 2 * gradients.rad[t]).all())


@every_family
def test_the_constants_stay_in_the_promised_magnitudes(family):
    for options in ({}, {name: values[-1] for name, values in family.options.items()}):
        f = family(generator(0), min(16, family.max_batch), family.dims[-1], **options)
        scale = options.get("scale", 1.0)
        for constant in (f.smoothness, f.pl):
            assert constant is None or bool(((constant >= 1e-6 * scale) & (constant <= 1e6 * scale)).all())
