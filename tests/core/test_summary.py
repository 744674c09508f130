"""Numbers in table cells."""

import pytest

from grams_theory.core.summary import number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (12345, "12,345"),
        (0.000012344, "1.234e-05"),
        ("-4/1", "-4"),
        ("0/1", "0"),
        ("1/11", "1/11"),
        ("-2/3", "-2/3"),
        ("12345678901234567/1", "≈ 1.235e+16"),
        ("12345678901234567/12345678901234568", "≈ 1"),
        ("not a fraction, and long", "not a fraction, and long"),
    ],
)
def test_a_number_is_short_and_says_when_it_was_shortened(value, text):
    assert number(value) == text
