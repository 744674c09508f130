"""Planted optimizer faults: each must be caught, and the same code without the fault must not be."""

from collections import Counter

import pytest

from grams_theory.testing import conformance
from tests.quality import broken
from tests.quality.broken.detection import CHECKS_BY_NAME, detect

SEARCH, CONTROL = 60_000, 4_000
"""Cases in which a fault must be found, and in which none may be found in code without one."""


def _marked(cls):
    """The class, marked if it needs a GPU or a slow check."""
    slow = cls.caught_by in CHECKS_BY_NAME and CHECKS_BY_NAME[cls.caught_by].slow
    marks = [
        mark
        for mark, wanted in ((pytest.mark.gpu, hasattr(cls, "device")), (pytest.mark.slow, slow))
        if wanted
    ]
    return pytest.param(cls, marks=marks, id=cls.__name__)


@pytest.mark.parametrize("cls", [_marked(cls) for cls in broken.FAULTS])
def test_a_planted_fault_is_caught(cls, tallied):
    found = detect(cls, cls.caught_by, budget=SEARCH)
    tallied(f"optimizer faults, {cls.style}", int(found.caught), 1)
    assert found.caught


@pytest.mark.parametrize("cls", broken.BASES, ids=lambda cls: cls.__name__)
def test_the_code_without_a_fault_passes(cls):
    assert not detect(cls, cls.caught_by, budget=CONTROL).caught
    assert conformance.run(cls).failures == {}


@pytest.mark.parametrize("check", CHECKS_BY_NAME)
def test_every_check_has_a_fault_that_it_must_catch(check):
    assert check in {cls.caught_by for cls in broken.FAULTS}


def test_faults_are_planted_in_every_style():
    styles = Counter(cls.style for cls in broken.FAULTS)
    assert min(styles.values()) >= 15
    assert set(styles) == {cls.style for cls in broken.BASES}
