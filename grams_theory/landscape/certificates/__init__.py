"""What a loss can prove about itself: constants that hold everywhere, or on a ball, with rounding accounted for."""

from grams_theory.landscape.certificates.certificate import Certificate, Certifying
from grams_theory.landscape.certificates.dispatch import certify
from grams_theory.landscape.certificates.tangent_kernel import pl_star

__all__ = ["Certificate", "Certifying", "certify", "pl_star"]
