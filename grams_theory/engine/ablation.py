"""Which hypotheses a claim needs: each is weakened in turn, and the claim attacked until it breaks."""

from __future__ import annotations

import time

from grams_theory.core.claim import Claim
from grams_theory.core.evidence import AblationEvidence
from grams_theory.engine.budget import Budget
from grams_theory.engine.cases import DRIVERS
from grams_theory.engine.certify import certify
from grams_theory.engine.hunt import hunt
from grams_theory.engine.production import OURS, Rig
from grams_theory.engine.weaken import hypotheses, weakenings

BUDGET = 4_000
"""One-step cases for each weakening."""


def ablate(
    claim: Claim, budget: str | int = BUDGET, seed: int = 0, rig: Rig = OURS
) -> tuple[AblationEvidence, ...]:
    """One piece of evidence for each hypothesis of the claim that can be weakened.

    Only functions whose cases can be rechecked exactly are sampled: quadratics, and the states of flows.

    Args:
        claim: any claim; what is not attacked by sampling has no ablations.
        budget: for each weakening, as in `verify`.
        seed: seed of every random stream.
        rig: device and dtype of our own optimizers.
    """
    driver = DRIVERS.get(type(claim.setting))
    if driver is None or not driver.EXACT:
        return ()
    limit = Budget.parse(budget, driver.CASES)
    return tuple(_ablate(claim, hypothesis, limit, seed, rig) for hypothesis in hypotheses(claim))


def _ablate(claim: Claim, hypothesis: str, limit: Budget, seed: int, rig: Rig) -> AblationEvidence:
    """The mildest weakening that breaks the claim, else the strongest."""
    began, cases, witness = time.monotonic(), 0, None
    for weakened in weakenings(claim, hypothesis):
        tally, found = hunt(weakened.claim, limit.fresh(), run_seed=seed, rig=rig, quadratic=True)
        cases += tally.cases
        witness = None if found is None else certify(weakened.claim, found, rig)
        if witness is not None:
            break
    return AblationEvidence(
        hypothesis, weakened.text, witness, cases, weakened.factor, time.monotonic() - began
    )
