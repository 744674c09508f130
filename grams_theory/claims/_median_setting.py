"""The noise of `median-bias`, and how far its proof reaches."""

FLOOR = "1/50"
"""Time average of E w² that Grams cannot get below."""

SMALLEST_BETA = "9/10"
"""The frozen statement is proved for β₁ from here to 1. At β₁ = 0 it is false: there Grams is Adam."""

LATE = 44
"""The step from which on the normaliser is nearly constant."""


def noise_law():
    import sympy as sp

    return {-1: sp.Rational(3, 4), 3: sp.Rational(1, 4)}
