"""Planted optimizer faults: each must be caught, and the same code without the fault must not be."""

import pytest

from grams_theory import claims
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from grams_theory.engine.production import Rig
from grams_theory.testing.contract import CHECKS
from tests.quality import broken

KIND = "optimizer faults"


def violations(cls, role):
    """How many cases of the definitions the class violates in that role."""
    evidence, _ = hunt(claims.by_id("definitions"), Budget.parse(20_000), rig=Rig(cast={role: cls}))
    assert evidence.cases > 0
    return evidence.violations


@pytest.mark.parametrize("cls", broken.GRAMS_FAULTS, ids=lambda c: c.__name__)
def test_a_fault_in_grams_violates_the_definitions(cls, killed):
    assert violations(cls, "Grams") > 0


@pytest.mark.parametrize("cls", broken.CAUTIOUS_FAULTS, ids=lambda c: c.__name__)
def test_a_fault_in_the_mask_violates_the_definitions(cls, killed):
    assert violations(cls, "CautiousAdam") > 0


@pytest.mark.parametrize("cls", broken.CONTRACT_FAULTS, ids=lambda c: c.__name__)
def test_a_fault_beside_the_update_breaks_the_contract(cls, killed):
    broken_promises = 0
    for check in CHECKS:
        try:
            check(cls)
        except AssertionError:
            broken_promises += 1
    assert broken_promises > 0


@pytest.mark.parametrize(("cls", "role"), [(broken.Plain, "Grams"), (broken.PlainCautious, "CautiousAdam")])
def test_the_code_without_a_fault_passes(cls, role):
    assert violations(cls, role) == 0
    for check in CHECKS:
        check(cls)
