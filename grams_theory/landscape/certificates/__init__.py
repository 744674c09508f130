"""What a loss can prove about itself: constants that hold everywhere, or on a ball, with rounding accounted for."""

from grams_theory.landscape.certificates.certificate import Certificate, Certifying, certify

__all__ = ["Certificate", "Certifying", "certify"]
