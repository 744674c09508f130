"""Optimizers are recognised by their steps, faults and all; and those that are like no role are not."""

import grams
import lion_pytorch
import pytest
import pytorch_optimizer
import torch

from grams_theory import optim
from grams_theory.claims import by_id
from grams_theory.engine.production import VARIANTS
from grams_theory.symbolic.twin import ROLES
from grams_theory.testing.roles import claims_about, natural_role
from tests.quality.broken import loop


@pytest.mark.parametrize("name", sorted(ROLES))
def test_every_role_is_recognised(name):
    cls = VARIANTS[name] if name in VARIANTS else optim.by_name(name)
    assert natural_role(cls) == name


@pytest.mark.parametrize(
    ("cls", "role"),
    [
        (torch.optim.Adam, "Adam"),
        (torch.optim.AdamW, "Adam"),
        (torch.optim.SGD, "SGD"),
        (grams.Grams, "Grams"),
        (pytorch_optimizer.Grams, "Grams"),
        (lion_pytorch.Lion, "Lion"),
        (loop.EpsilonUnderTheRoot, "Grams"),
        (loop.WeightDecayLeft, "Grams"),
        (loop.StrictMask, "CautiousAdam"),
        (torch.optim.RMSprop, None),
        pytest.param(getattr(torch.optim, "Muon", None), None, marks=pytest.mark.since_torch("2.9")),
        (loop.Ascends, None),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_others_are_recognised_by_their_steps(cls, role):
    assert natural_role(cls) == role


class Fails(torch.optim.SGD):
    def step(self, closure=None):
        raise RuntimeError("not today")


def test_an_optimizer_that_fails_has_no_role():
    assert natural_role(Fails) is None


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_s_claims_speak_of_it_and_are_kept(role):
    found = claims_about(role)
    assert found
    assert all(
        role in claim.setting.optimizers and claim.recorded in ("proved", "survived") for claim in found
    )


def test_a_refuted_claim_is_asked_of_nobody():
    assert by_id("comparison-sign-repaired") not in claims_about("Grams")
