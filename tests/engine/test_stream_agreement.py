"""A kernel is believed after it was seen to step as production; whatever it does otherwise is named."""

import dataclasses
import itertools
import shutil
from contextlib import nullcontext
from functools import cache

import pytest
import torch

from grams_theory import claims
from grams_theory.core.errors import UsageError
from grams_theory.engine.campaign import Campaign
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.production import Rig
from grams_theory.engine.stream import Stream, operations, program
from grams_theory.engine.stream.agreement import disagreement
from grams_theory.engine.stream.native import Kernel
from grams_theory.engine.stream.source import families

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")

CLAIM = claims.by_id("lemma-4.2")
FAMILIES = {family.name: family for family in families(Campaign(CLAIM).families)}
FAST = {("diagonal_quadratic", "float64"), ("dense_quadratic", "float32")}


def stream(family="diagonal_quadratic", dtype="float64", claim=CLAIM, steps=1, options=None):
    knobs, dim = {"history": 1, "zeros": 0.3}, max(FAMILIES[family].dims)
    return Stream(claim, Structure(family, dim, 5, 64, options or {}, knobs=knobs), Rig(dtype=dtype), steps)


@cache
def sound():
    made = stream()
    assert made.kernel
    return made


@pytest.mark.parametrize(
    ("family", "dtype"),
    [
        pytest.param(*case, marks=() if case in FAST else pytest.mark.slow)
        for case in itertools.product(FAMILIES, ("float64", "float32"))
    ],
)
def test_kernels_of_quadratics_step_as_production(family, dtype):
    assert disagreement(stream(family, dtype, steps=2)) is None


@pytest.mark.slow
@pytest.mark.parametrize("claim", ["definitions", "lion-descent", "momentum-descent", "comparison-sharp"])
def test_kernels_of_other_optimizers_step_as_production(claim):
    assert disagreement(stream("dense_quadratic", claim=claims.by_id(claim), steps=3)) is None


@dataclasses.dataclass(frozen=True)
class Faulty(Kernel):
    """Counts and numbers as the kernel's, with one of them spoilt."""

    fault: tuple = ()

    def __call__(self, tensors):
        counts, minima, places = super().__call__(tensors)
        which, place, spoil = self.fault
        (counts if which == "counts" else minima)[place] = spoil((counts, minima)[which == "minima"][place])
        return counts, minima, places


def spoilt(which, place, spoil):
    """The sound stream with a kernel whose result is spoilt there.

    The parts are upper and descent: minima are their relative margins, their margins, and the extremes of the move.
    """
    made, kernel = stream(), sound().kernel
    vars(made)["kernel"] = Faulty(kernel.lowered, kernel.library, kernel.otherwise, (which, place, spoil))
    return made


def a_unit_more(x):
    return torch.nextafter(x, x.new_tensor(torch.inf))


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (("minima", 4, a_unit_more), "Grams moves a weight by"),
        (("minima", 5, a_unit_more), "Grams moves a weight by"),
        (("minima", 2, lambda margin: margin * (1 + 1e-8)), "margin of 'upper'"),
        (("minima", 3, lambda margin: -margin), "margin of 'descent'"),
        (("minima", 1, lambda relative: -relative), "relative margin of 'descent'"),
        (("counts", 0, lambda inside: 1 - inside), "the premise"),
        (("counts", 3, lambda violated: 1 - violated), "'descent' is judged otherwise"),
    ],
    ids=[
        "largest move",
        "smallest move",
        "margin",
        "sign of a margin",
        "relative margin",
        "premise",
        "judgement",
    ],
)
def test_a_fault_in_what_a_kernel_says_is_named(fault, named):
    assert disagreement(sound()) is None
    problem = disagreement(spoilt(*fault))
    assert problem is not None
    assert named in problem


@pytest.mark.parametrize(
    ("owner", "name", "fault"),
    [
        (program, "faithfully", nullcontext),
        (operations.POINTWISE, "sign", lambda emit, x: emit("where", emit("gt", x, 0.0), 1.0, -1.0)),
    ],
    ids=["rounds otherwise", "sign of 0"],
)
def test_a_fault_in_how_a_kernel_is_made_is_named(monkeypatch, owner, name, fault):
    patch = monkeypatch.setitem if isinstance(owner, dict) else monkeypatch.setattr
    patch(owner, name, fault)
    problem = disagreement(stream())
    assert problem is not None
    assert "in the kernel" in problem


def test_problems_that_underflow_are_left_to_others():
    with pytest.raises(UsageError, match="underflow"):
        disagreement(stream(dtype="float32", options={"scale": 1e-36}))
