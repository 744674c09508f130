"""States of continuous-time flows, sampled pointwise for a batch of functions."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from torch import Tensor

from grams_theory.core.claim import Claim, Flow
from grams_theory.core.function import Family
from grams_theory.core.random import generator
from grams_theory.engine.cases.structure import HYPERS, Structure, covering, structures
from grams_theory.engine.production import OURS, Rig
from grams_theory.flows import by_name

BATCH = 512
LARGEST = 1 << 20
EXAMPLES = (3, 24)
CASES = 20_000
EXACT = True


pool = covering


def strategy(claim: Claim, family: Family, batch: int = BATCH) -> SearchStrategy[Structure]:
    """What Hypothesis draws for a claim on flows: the loss is of that family, the rest are the system's own options.

    A premise that the claim has dropped fails in every state.
    """
    assert isinstance(claim.setting, Flow)
    system = by_name(claim.setting.system)
    options = dict(system.OPTIONS)
    for premise in claim.setting.dropped:
        options |= system.PREMISES[premise]
    return structures(
        family, batch, HYPERS[:1], **{name: st.sampled_from(values) for name, values in options.items()}
    )


def build(claim: Claim, structure: Structure, *, rig: Rig = OURS) -> tuple[Any, Tensor]:
    """The batch of states; every row is inside the premise. A flow has no production optimizer."""
    assert isinstance(claim.setting, Flow)
    f = structure.functions(rig.device)
    record = by_name(claim.setting.system).sample(
        generator(structure.seed, "state", device=rig.device), f, **structure.knobs
    )
    return record, torch.ones(structure.batch, dtype=torch.bool, device=rig.device)
