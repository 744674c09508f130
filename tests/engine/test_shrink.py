"""Shrinking reaches the simplest case that still holds."""

from flint import fmpq

from grams_theory.engine.exact import rational
from grams_theory.engine.shrink import complexity, shrink, simpler


def test_simpler_numbers_are_simpler_and_come_in_order():
    found = list(simpler(rational("355/113")))
    costs = [complexity(x) for x in found]
    assert costs == sorted(costs)
    assert all(cost < complexity(rational("355/113")) for cost in costs)
    assert fmpq(3) in found


def test_coordinates_that_do_not_matter_are_dropped():
    case = {
        "H": [[rational(i + j) for j in range(3)] for i in range(3)],
        "g": [rational(x) for x in (5, 0.3, 7)],
    }
    small = shrink(case, lambda c: any(x == rational(7) for x in c["g"]))
    assert small["g"] == [fmpq(7)]
    assert len(small["H"]) == 1


def test_numbers_become_simple_while_the_property_holds():
    case = {"x": rational(0.7312345), "v": [rational(0.123), rational(2.718281828)]}
    small = shrink(case, lambda c: len(c["v"]) == 2 and c["x"] * c["v"][1] > 1)
    assert small["v"][0] == 0
    assert small["x"] * small["v"][1] > 1
    assert complexity(small["x"]) + complexity(small["v"][1]) <= 12


def test_a_symmetric_matrix_stays_symmetric():
    case = {"H": [[rational(1.01), rational(0.37)], [rational(0.37), rational(2.2)]]}
    small = shrink(case, lambda c: len(c["H"]) == 2 and c["H"][0][1] > fmpq(1, 4))
    assert small["H"][0][1] == small["H"][1][0] > fmpq(1, 4)
