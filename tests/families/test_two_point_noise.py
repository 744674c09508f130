"""The noise has mean 0, variance 3 and median −1."""

from grams_theory import families
from grams_theory.core.random import generator

N = 1_000_000


def test_the_noise_has_mean_zero_and_median_minus_one():
    """Within 6 standard errors: √3/√N of the mean, √(3/16)/√N of the share."""
    f = families.by_name("two_point_noise")(generator(0), 2, 3)
    noise = f.noise(generator(1), (N,))
    assert sorted(noise.unique().tolist()) == [-1.0, 3.0]
    assert abs(noise.mean().item()) < 6 * (3 / N) ** 0.5
    assert abs((noise == -1).double().mean().item() - 0.75) < 6 * (3 / 16 / N) ** 0.5
    assert f.noise(generator(1), (2, 3)).shape == f.shape


def test_the_noise_is_addressable():
    f = families.by_name("two_point_noise")(generator(0), 1, 1)
    assert f.noise(generator(5), (8,)).equal(f.noise(generator(5), (8,)))
