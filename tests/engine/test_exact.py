"""Exact arrays and exact definiteness."""

from fractions import Fraction

import numpy as np
import pytest
from flint import arb, fmpq
from hypothesis import given
from hypothesis import strategies as st

from grams_theory.engine.exact import (
    Exact,
    exactly,
    floats,
    polyak_lojasiewicz,
    positive_semidefinite,
    precision,
    rational,
    spectrum_within,
    strings,
    symmetric,
)
from grams_theory.symbolic.twin import UndecidedSignError

FRACTIONS = st.fractions(-50, 50, max_denominator=40)


@given(st.lists(FRACTIONS, min_size=1, max_size=5), FRACTIONS)
def test_arithmetic_agrees_with_fractions(numbers, scalar):
    x = Exact.of([numbers])
    expected = sum(abs(n * n - scalar * n) for n in numbers)
    assert abs(x * x - scalar * x).sum(-1)[0].item() == rational(expected)


def test_a_float_is_taken_for_the_binary_number_that_it_is():
    assert rational(0.1) == rational(Fraction(0.1)) != fmpq(1, 10)


def test_nested_numbers_become_exact_and_are_spelled_and_read_again():
    data = {"H": ((0.5, 0.1),), "eta": "3/4", "pl": None, "run": {"steps": 2}}
    exact = exactly(data)
    assert exact == {
        "H": [[fmpq(1, 2), rational(0.1)]],
        "eta": fmpq(3, 4),
        "run": {"steps": fmpq(2)},
    }
    assert exactly(strings(exact)) == exact
    assert floats(exact["H"]) == [[0.5, 0.1]]


@pytest.mark.parametrize("corner", [0.1, 0.25])
def test_a_matrix_is_made_symmetric_exactly(corner):
    half = symmetric([[1.0, 0.1], [corner, 2.0]])
    assert half[0][1] == half[1][0] == (rational(0.1) + rational(corner)) / 2


def test_a_square_root_is_a_ball_that_encloses_it():
    with precision(256):
        root = Exact.of([[2]]).sqrt()[0, 0].item()
        assert isinstance(root, arb)
        assert (root * root - 2).contains(arb(0))
        assert root.rel_accuracy_bits() > 200


def test_where_keeps_entries_of_the_mask_and_fills_the_rest():
    x = Exact.of([[3, 4]]).where(np.array([[True, False]]))
    assert [str(e) for e in x.entries[0]] == ["3", "0"]


def _matrix(rows):
    return [[rational(x) for x in row] for row in rows]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[1, 1], [1, 1]], True),
        ([[0, 0], [0, 0]], True),
        ([[0, 1], [1, 0]], False),
        ([[1, 2], [2, 1]], False),
        ([[2, 1, 0], [1, 2, 1], [0, 1, 2]], True),
        ([[1, 1, 1], [1, 1, 1], [1, 1, "999999/1000000"]], False),
    ],
)
def test_semidefiniteness_is_decided_exactly(rows, expected):
    assert positive_semidefinite(_matrix(rows)) is expected


@given(st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=3, max_size=3))
def test_semidefiniteness_agrees_with_floating_point_eigenvalues(rows):
    a = np.array(rows)
    symmetric = a + a.T
    eigenvalues = np.linalg.eigvalsh(symmetric)
    if abs(eigenvalues[0]) > 1e-9:  # integers: eigvalsh is accurate to about 1e-14 here
        assert positive_semidefinite(_matrix(symmetric.tolist())) is bool(eigenvalues[0] > 0)


def test_a_spectrum_is_bounded_exactly_at_its_ends():
    matrix = _matrix([[1, 1], [1, 1]])
    assert spectrum_within(matrix, fmpq(0), fmpq(2))
    assert not spectrum_within(matrix, fmpq(0), fmpq(2) - fmpq(1, 10**12))
    assert not spectrum_within(matrix, fmpq(1, 10**12), fmpq(2))


@pytest.mark.parametrize(
    ("rows", "mu", "expected"),
    [
        ([[2, 0], [0, 3]], 2, True),
        ([[2, 0], [0, 3]], "201/100", False),
        ([[1, 1], [1, 1]], 2, True),  # eigenvalues 0 and 2: flat along the kernel
        ([[1, 1], [1, 1]], "201/100", False),
        ([[-1, 0], [0, 3]], 1, False),
        ([[0, 0], [0, 0]], 5, True),
    ],
)
def test_the_pl_constant_of_a_quadratic_is_its_smallest_nonzero_curvature(rows, mu, expected):
    assert polyak_lojasiewicz(_matrix(rows), rational(mu)) is expected


def test_exact_numbers_are_compared_exactly():
    x = Exact.of([["1/3", 0, -1]])
    assert (x > 0).tolist() == [[True, False, False]]
    assert (x > Exact.of([["333/1000", 0, -2]])).tolist() == [[True, False, True]]


def test_balls_are_compared_only_where_they_are_apart():
    with precision():
        root = Exact.of([[2]]).sqrt()
        assert (root > 1).item()
        with pytest.raises(UndecidedSignError):
            _ = root * root > 2


def test_a_sign_is_exact_and_not_guessed_of_a_ball():
    assert list(Exact.of([[3, "-1/7", 0]]).sign().entries[0]) == [1, -1, 0]
    with pytest.raises(UndecidedSignError):
        Exact([arb(0, 1e-9)]).sign()
