"""A clock of our own."""

import pytest

from grams_theory.landscape.stream import pace
from grams_theory.landscape.stream import watch as stream
from grams_theory.landscape.stream.shadow import Shadow
from tests.landscape.stream.loops import MEASURE


class Clock:
    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """A step takes one second, a probe 0.3: both on a clock of our own."""
    made = Clock()
    monkeypatch.setattr(stream, "time", made)
    monkeypatch.setattr(pace, "time", made)

    def measure(self):
        made.now += 0.3
        return MEASURE(self)

    monkeypatch.setattr(Shadow, "measure", measure)
    return made
