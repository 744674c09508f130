"""Optimizers that keep their moments in another dtype than the weights, and round these at random, keep the claims."""

from typing import ClassVar

import pytest
import torch

from grams_theory import optim
from grams_theory.engine import fuzz, production
from grams_theory.engine.production import Hyper, Rig, state_dtype
from grams_theory.engine.updates import UPDATES
from grams_theory.optim import _fused


class Variant(optim.Grams):
    fixed: ClassVar[dict] = {}

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, *, foreach=None, fused=None
    ):
        super().__init__(params, lr, betas, eps, weight_decay, foreach=foreach, fused=fused, **self.fixed)


class SingleMoments(Variant):
    fixed: ClassVar = {"state_dtype": torch.float32}


class Stochastic(Variant):
    fixed: ClassVar = {"state_dtype": torch.float32, "stochastic_rounding": True}


class ShortMoments(Variant):
    fixed: ClassVar = {"state_dtype": torch.bfloat16}


VARIANTS = [
    (SingleMoments, "bfloat16"),
    (SingleMoments, "float16"),
    (Stochastic, "bfloat16"),
    (Stochastic, "float16"),
    (ShortMoments, "float32"),
]
variants = pytest.mark.parametrize(("cls", "dtype"), VARIANTS)


@pytest.mark.parametrize("claim", ["definitions", "lemma-4.2", "rounding-direction"])
@pytest.mark.parametrize("implementation", ["loop", "foreach", "fused"])
@variants
def test_they_survive_the_fuzzer(cls, dtype, implementation, claim):
    if implementation == "fused" and (reason := _fused.refusal([torch.zeros(1)])):
        pytest.skip(reason)
    torch.manual_seed(0)
    found = fuzz(claim, optimizer=cls, dtype=dtype, implementation=implementation, budget=300)
    assert found.fuzz.violations == 0
    assert found.fuzz.cases > found.fuzz.undecided


def test_the_dtype_of_the_moments_is_read_from_the_groups():
    assert state_dtype(SingleMoments, torch.bfloat16) is torch.float32
    assert state_dtype(ShortMoments, torch.float32) is torch.bfloat16
    assert state_dtype(optim.Grams, torch.bfloat16) is torch.bfloat16
    assert state_dtype(torch.optim.Adam, torch.float16) is torch.float16


def test_the_coarsest_of_all_players_counts():
    rig = Rig(dtype="bfloat16", cast={"Grams": SingleMoments})
    assert rig.precision(["Grams"]) == (2.0**-24, torch.finfo(torch.float32).tiny)
    assert (
        rig.precision(["Grams", "Adam"]) == (rig.unit, rig.tiny) == Rig(dtype="bfloat16").precision(["Adam"])
    )


def test_float32_moments_allow_an_update_less_error():
    gradients = list(torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    native, mixed = (
        UPDATES["adam"].define(gradients, Hyper(), *Rig(dtype="bfloat16", cast=cast).precision(["Grams"]))
        for cast in ({}, {"Grams": SingleMoments})
    )
    assert (
        mixed.rounding < 2.0**-12 * native.rounding
    ).all()  # of roundings 2^-16 as large; 1 - 0.999^t has no less


def test_float32_moments_leave_fewer_signs_undecided():
    undecided = [
        fuzz("rounding-direction", optimizer=cls, dtype="bfloat16", budget=2000).fuzz.undecided
        for cls in (SingleMoments, optim.Grams)
    ]
    assert undecided[0] < undecided[1]


def test_moments_of_16_bits_that_nobody_was_told_of_are_found(monkeypatch):
    monkeypatch.setattr(production, "state_dtype", lambda cls, dtype: dtype)
    found = fuzz("definitions", optimizer=ShortMoments, dtype="float32", budget=300)
    assert found.fuzz.violations > 0
