"""A claim under attack: the turns of its campaign, until one falsifies it or the budget is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import inf

from grams_theory.core.claim import Claim
from grams_theory.core.evidence import FuzzEvidence
from grams_theory.engine.budget import Budget
from grams_theory.engine.campaign import SHRINKS, Campaign, Falsified, Sources
from grams_theory.engine.distributed import ALONE, Crew
from grams_theory.engine.interruption import heeded
from grams_theory.engine.journal import Finished, Notes, State, total
from grams_theory.engine.production import OURS, Rig
from grams_theory.engine.tally import Tally
from grams_theory.engine.tokens import Token

Watcher = Callable[[float, float | None], None]
"""Is told, as a hunt goes on, the share of the budget that is spent, and the smallest clear margin seen so far."""


def hunt(
    claim: Claim,
    budget: Budget,
    *,
    run_seed: int = 0,
    rig: Rig = OURS,
    quadratic: bool = False,
    progress: Watcher | None = None,
    shrinks: int = SHRINKS,
    state: State | None = None,
    crew: Crew = ALONE,
    sources: Sources = "drawn",
) -> tuple[FuzzEvidence, Falsified | None]:
    """Attack the claim until the budget is spent or a structure falsifies it (shrunk by Hypothesis).

    `quadratic` restricts the families to quadratics, whose cases can be rechecked exactly; `shrinks` bounds the
    structures that Hypothesis tries while it shrinks. `state` keeps finished turns and falsifications on disk, and a
    new campaign tries earlier falsifications first. `crew` are the processes that share the turns. All of them return
    the same: what was counted in every turn up to the first that falsifies the claim. `sources` is as in `Campaign`.
    """
    campaign = Campaign(claim, rig, run_seed, quadratic, shrinks, sources)
    notes = Notes() if state is None else state.journal(campaign, crew)
    if state is not None:
        known = crew.first(lambda: None if any(notes) else state.corpus.falsify(campaign))
        if known is not None:
            evidence, token = known
            return evidence, campaign.recall(token.structure)
    fresh: dict[int, Falsified] = {}
    last = _lowest(crew.together(lambda: _play(campaign, budget, notes, fresh, crew, progress)))
    tally = Tally()
    for counted in crew.together(lambda: _count(notes, last, crew)):
        tally.merge(counted)
    evidence = tally.evidence(campaign.players, run_seed)
    if last is None or last.token is None:
        return evidence, None
    token = Token.decode(last.token)
    if state is not None:
        crew.first(lambda: state.corpus.add(token))
    return evidence, fresh.get(last.index) or campaign.recall(token.structure)


def _play(
    campaign: Campaign,
    budget: Budget,
    notes: Notes,
    fresh: dict[int, Falsified],
    crew: Crew,
    progress: Watcher | None,
) -> Finished | None:
    """Play this process's turns that are not finished; the lowest turn known here that falsified the claim.

    What falsifies it goes into `fresh`. The first turn is played even if imports took all seconds of the budget.
    """
    done, falsified, smallest = set[int](), list[Finished](), inf
    for turn in notes:
        done.add(turn.index)
        smallest = min(smallest, *turn.tally.parts.values(), inf)
        if _mine(turn, crew):
            budget = budget.less(turn.tally.seconds)
        if turn.token:
            falsified.append(turn)
    lowest = _lowest(falsified)
    with heeded() as heed:
        for turn in crew.share(campaign.turns()):
            last = min(crew.announced(), inf if lowest is None else lowest.index)
            if turn.index > last or (turn.before and budget.spent(turn.before)):
                break
            if turn.index in done:
                continue
            tally, found = campaign.play(turn)
            finished = Finished(turn.index, tally)
            if found is not None:
                token = Token(campaign.claim.id, found.structure, found.part, found.row, campaign.rig)
                lowest = finished = replace(finished, token=token.encode(), margin=found.margin)
                fresh[turn.index] = found
                crew.announce(turn.index)
            notes.add(finished)
            heed()
            smallest = min(smallest, *tally.parts.values(), inf)
            if progress is not None:
                progress(budget.done(turn.before + turn.rows), smallest if smallest < inf else None)
    return lowest


def _lowest(turns: Iterable[Finished | None]) -> Finished | None:
    return min((turn for turn in turns if turn), key=lambda turn: turn.index, default=None)


def _count(notes: Notes, last: Finished | None, crew: Crew) -> Tally:
    """What this process's turns counted, up to the last one that matters."""
    return total(turn for turn in notes if _mine(turn, crew) and (last is None or turn.index <= last.index))


def _mine(turn: Finished, crew: Crew) -> bool:
    return turn.index % crew.size == crew.rank
