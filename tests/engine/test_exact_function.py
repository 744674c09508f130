"""What is rechecked is a quadratic: its Hessian is symmetric, and as curved as the claim says."""

import pytest

from grams_theory.claims import by_id
from grams_theory.engine import exact_step
from grams_theory.engine.exact import exactly, spectrum_within


@pytest.mark.parametrize(("H", "admitted"), [([[0, 9], [0, 0]], False), ([[0, 1], [1, 0]], True)])
def test_a_matrix_that_is_not_symmetric_is_no_hessian(H, admitted):
    """Elimination looks at one triangle of it: this one would seem flat, and refute what is proved."""
    case = exactly({"H": H, "g": [1, 1], "u": [1, 1], "eta": 1, "smoothness": 1})
    assert spectrum_within(case["H"], -case["smoothness"], case["smoothness"])
    margin = exact_step.margin_of(by_id("lemma-4.2"), case, "upper")
    assert (margin is not None) == admitted
