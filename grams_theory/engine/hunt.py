"""A claim under attack: the turns of its campaign, one after another, until one falsifies it or the budget is spent."""

from __future__ import annotations

from collections.abc import Callable

from grams_theory.core.claim import Claim
from grams_theory.core.evidence import FuzzEvidence
from grams_theory.engine.budget import Budget
from grams_theory.engine.campaign import SHRINKS, Campaign, Falsified
from grams_theory.engine.production import OURS, Rig
from grams_theory.engine.tally import Tally


def hunt(
    claim: Claim,
    budget: Budget,
    *,
    run_seed: int = 0,
    rig: Rig = OURS,
    quadratic: bool = False,
    progress: Callable[[float], None] | None = None,
    shrinks: int = SHRINKS,
) -> tuple[FuzzEvidence, Falsified | None]:
    """Attack the claim until the budget is spent or a structure falsifies it (shrunk by Hypothesis).

    `quadratic` restricts the families to quadratics, whose cases can be rechecked exactly; `shrinks` bounds the
    structures that Hypothesis tries while it shrinks.
    """
    campaign = Campaign(claim, rig, run_seed, quadratic, shrinks)
    tally, found = Tally(), None
    for turn in campaign.turns():
        if found is not None or budget.spent(turn.before):
            break
        played, found = campaign.play(turn)
        tally.merge(played)
        if progress is not None:
            progress(budget.done(turn.before + turn.rows))
    return tally.evidence(campaign.players, run_seed), found
