"""A family says what it allows, and a function batch has sound defaults."""

import pytest
import torch

from grams_theory.core.algebra import norm2
from grams_theory.core.errors import UsageError
from grams_theory.core.function import Family, FunctionBatch
from grams_theory.core.random import generator
from grams_theory.core.rounding import UNIT, Ball


class HalfSquares(FunctionBatch):
    """f(w) = ‖w‖²/2, known only through `value` and `gradient`."""

    def __init__(self, batch, dim):
        self.smoothness = torch.ones(batch, dtype=torch.float64)
        self._shape = (batch, dim)

    @property
    def shape(self):
        return self._shape

    def value(self, w):
        return norm2(w) * 0.5

    def gradient(self, w):
        return w


FAMILY = Family(
    name="half_squares",
    traits=frozenset({"smooth"}),
    sample=lambda generator, batch, dim, flat=False: HalfSquares(batch, dim),
    dims=(1, 3),
    options={"flat": (False, True)},
    max_batch=8,
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch": 4, "dim": 2}, r"no dimension 2; allowed: \(1, 3\)"),
        ({"batch": 9, "dim": 3}, "batch=9 must be from 1 to 8"),
        ({"batch": 0, "dim": 3}, "batch=0 must be from 1 to 8"),
        ({"batch": 4, "dim": 3, "steep": True}, r"no option \['steep'\]; allowed: \['flat'\]"),
    ],
)
def test_a_family_rejects_what_it_cannot_draw(arguments, message):
    with pytest.raises(UsageError, match=message):
        FAMILY(generator(0), **arguments)


def test_a_family_draws_what_it_allows():
    assert FAMILY(generator(0), 8, 3, flat=True).shape == (8, 3)


def test_starts_are_reproducible_and_scale_with_the_radius():
    f = FAMILY(generator(0), 4, 3)
    assert torch.equal(f.start(generator(1), radius=2.0), 2 * f.start(generator(1)))


def test_starts_surround_the_minimiser():
    f = FAMILY(generator(0), 4, 3)
    f.minimizer = torch.full((4, 3), 5.0, dtype=torch.float64)
    assert torch.equal(f.start(generator(1), radius=0.0), f.minimizer)


def test_the_change_encloses_the_exact_difference():
    f = FAMILY(generator(0), 1, 3)
    w, d = (
        torch.tensor([[1.0, 2.0, 4.0]], dtype=torch.float64),
        torch.tensor([[2.0**-20, 0.0, 0.0]], dtype=torch.float64),
    )
    change = f.change(w, Ball.exact(d))
    assert (
        abs(change.mid.item() - (2.0**-20 + 2.0**-41)) <= change.rad.item() <= 16 * f.value(w).item() * UNIT
    )


def test_a_batch_is_not_taken_for_a_quadratic():
    assert FAMILY(generator(0), 1, 3).quadratic(0) is None


def test_a_batch_without_noise_says_where_to_find_some():
    with pytest.raises(UsageError, match=r"HalfSquares has no gradient noise; .* trait 'stochastic'"):
        FAMILY(generator(0), 1, 3).noise(generator(0), (1, 3))
