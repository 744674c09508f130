"""A campaign: numbered turns, each a pure function of the campaign and its number.

In a turn Hypothesis draws structures of one family, tensors of cases are filled from them, and the production
optimizer steps them. Where streams play too, every eleventh turn is one of theirs (`stream.source`): the others are
the same with streams and without. Turns depend on nothing but their number, so any process may play any of them, in any
order, and what they counted adds up to the same totals.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, cycle
from typing import Literal

import torch
from hypothesis import HealthCheck, Phase, given, seed, settings, target
from hypothesis.strategies import SearchStrategy

from grams_theory.core.claim import Claim
from grams_theory.core.errors import UsageError
from grams_theory.core.evidence import Streamed
from grams_theory.core.function import Family
from grams_theory.core.random import stream_seed
from grams_theory.engine.cases import DRIVERS
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.evaluate import Outcome, evaluate
from grams_theory.engine.production import OURS, Rig, is_coordinatewise
from grams_theory.engine.stream import source
from grams_theory.engine.stream.source import StreamTurn, Suspect
from grams_theory.engine.tally import Tally, together

SHARE = 8
"""A turn has at most 1/SHARE as many rows as all turns before it, once those are many."""
APART = 64
"""Rows of a batch in which every row is a parameter of its own, since an optimizer couples coordinates."""
SHRINKS = 60
"""Structures that Hypothesis may try while it shrinks a falsifying one."""
SHRINK_ROWS = 1 << 18
"""Rows that it may try in all."""
PARALLEL = 1 << 16
"""Numbers in a batch from which on torch gains by more than one thread."""
Sources = Literal["drawn", "both", "streams"]
"""Whose turns a campaign has: those in which Hypothesis draws, also those of streams, or these alone."""


class Falsified(AssertionError):
    """A structure with a row that violates the claim beyond rounding."""

    def __init__(self, structure: Structure, part: str, row: int, outcome: Outcome) -> None:
        super().__init__(f"part {part!r} is violated at batch index {row}")
        self.structure, self.part, self.row, self.outcome = structure, part, row, outcome

    @property
    def margin(self) -> float:
        """The relative margin of that row."""
        return self.outcome.relative(self.part)[self.row].item()


@dataclass(frozen=True)
class Turn:
    """One turn of a campaign."""

    index: int
    """Of all turns."""
    number: int
    """Of those in which Hypothesis draws."""
    family: Family
    examples: int
    """Structures that Hypothesis draws."""
    batch: int
    """Rows of each."""
    before: int
    """Rows of all turns before this one."""

    @property
    def rows(self) -> int:
        return self.examples * self.batch


@dataclass(frozen=True)
class Campaign:
    """The turns of an attack on a claim.

    `quadratic` restricts the families to quadratics, whose cases can be rechecked exactly; `shrinks` bounds the
    structures that Hypothesis tries while it shrinks. `sources` with streams needs a claim and a rig that
    `source.refusal` has nothing against.
    """

    claim: Claim
    rig: Rig = OURS
    seed: int = 0
    quadratic: bool = False
    shrinks: int = SHRINKS
    sources: Sources = "drawn"

    @property
    def players(self) -> tuple[str, ...]:
        """The optimizers under test, by the names that `production.load` finds them by."""
        return self.rig.names(getattr(self.claim.setting, "optimizers", ()))

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that cases are drawn from."""
        pool = DRIVERS[type(self.claim.setting)].pool(self.claim)
        return tuple(family for family in pool if not self.quadratic or "quadratic" in family.traits)

    @property
    def _coordinatewise(self) -> bool:
        """Whether each optimizer under test steps a whole batch in one parameter."""
        roles = getattr(self.claim.setting, "optimizers", ())
        return all(is_coordinatewise(self.rig.optimizer(role)) for role in roles)

    def turns(self) -> Iterator[Turn | StreamTurn]:
        """All turns, without end."""
        drawn, streamed, before = self._drawn(), count(), 0
        for index in count():
            alone = self.sources == "streams"
            if alone or (self.sources == "both" and index % source.PERIOD == source.PERIOD - 1):
                turn = StreamTurn(index, next(streamed), before, alone)
            else:
                turn = replace(next(drawn), index=index)
            yield turn
            before += turn.rows

    def _drawn(self) -> Iterator[Turn]:
        """Those in which Hypothesis draws. The families take turns too, so that each has its share whatever it prefers.

        They grow with what was drawn before them: first in structures, so that Hypothesis can aim, then in rows.
        """
        driver, before = DRIVERS[type(self.claim.setting)], 0
        first, largest = (driver.BATCH, driver.LARGEST) if self._coordinatewise else (APART, APART)
        for index, family in enumerate(cycle(self.families)):
            batch = min(first, family.max_batch)
            room = before // SHARE
            examples = max(driver.EXAMPLES[0], min(driver.EXAMPLES[1], room // batch))
            batch = max(batch, min(largest, family.max_batch, _power_of_two(room // examples)))
            turn = Turn(index, index, family, examples, batch, before)
            yield turn
            before += turn.rows

    def play(self, turn: Turn | StreamTurn) -> tuple[Tally, Falsified | None]:
        """What the turn counted, and the structure that falsified the claim, shrunk, if one did."""
        if isinstance(turn, StreamTurn):
            return self._stream(turn)
        began, attack = time.monotonic(), _Attack(self)
        driver, stream = DRIVERS[type(self.claim.setting)], stream_seed(self.seed, self.claim.id, turn.number)
        strategy = driver.strategy(self.claim, turn.family, turn.batch)
        found = _falsify(attack, strategy, stream, turn.examples)
        attack.tally.seconds = time.monotonic() - began
        return attack.tally, found

    def _stream(self, turn: StreamTurn) -> tuple[Tally, Falsified | None]:
        """The turn of a stream. What it suspects falsifies the claim only if production's own steps do, too."""
        began, tally = time.monotonic(), Tally()
        stream = source.drawn(self.claim, self.rig, self.families, self.seed, turn)
        tally.streams, suspect = source.play(stream, turn.steps)
        found = None if suspect is None else self._recheck(suspect, tally)
        tally.seconds = time.monotonic() - began
        return tally, found

    def _recheck(self, suspect: Suspect, tally: Tally) -> Falsified | None:
        """Step the suspect's cases by production, count them, and say what they show.

        Where they show nothing, though production is sure, the kernel is at fault, and what it counted is dropped.
        """
        structure, outcome = suspect.structure, self.evaluate(suspect.structure)
        tally.add(structure, outcome)
        worst = None if outcome is None else outcome.worst()
        if outcome is not None and worst is not None:
            return Falsified(structure, *worst, outcome)
        if outcome is not None and bool(outcome.undecided()[suspect.row]):
            tally.streams = together(tally.streams, Streamed(unconfirmed=1))
            return None
        seen = f"{structure.family} in dimension {structure.dim}, problem {suspect.row}: {suspect.part!r} is violated "
        seen += f"in the kernel, by up to {-suspect.margin:.3g} of its terms, and not in production"
        tally.streams = Streamed(disagreements=(seen,))
        return None

    def evaluate(self, structure: Structure) -> Outcome | None:
        """The cases of one structure, on as many threads as pay; None if none is inside the premise.

        Raises:
            UsageError: somebody else's optimizer violates the claim in a case only beside others.
        """
        with threads_for(structure):
            outcome = evaluate(self.claim, structure, rig=self.rig)
            worst = None if outcome is None else outcome.worst()
            if self.rig.cast and worst is not None:
                self._check_alone(structure, *worst)
        return outcome

    def _check_alone(self, structure: Structure, part: str, row: int) -> None:
        """Refuse a violation that vanishes when nothing but this row gets gradients: it is no violation by one case."""
        alone = evaluate(self.claim, structure, rig=replace(self.rig, only=row))
        if alone is None or not bool(alone.violated(part)[row]):
            raise UsageError(
                f"{', '.join(self.rig.names(self.rig.cast))} violates {part!r} in case {row} of {structure.batch} that "
                "share its step, and not where the others' gradients are 0: it couples parameters, as clipping by a "
                "norm does, so that many cases at once say nothing of one; give a subclass without that"
            )

    def recall(self, structure: Structure) -> Falsified | None:
        """What a structure that once falsified the claim shows now: its worst row, or None if no row violates it."""
        outcome = self.evaluate(structure)
        worst = None if outcome is None else outcome.worst()
        return None if outcome is None or worst is None else Falsified(structure, *worst, outcome)


def _power_of_two(n: int) -> int:
    """The largest power of two <= n, or 0."""
    return 1 << (n.bit_length() - 1) if n > 0 else 0


class _Attack:
    """Evaluates structures for Hypothesis, remembers failures, and bounds the time that shrinking takes."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign, self.tally = campaign, Tally()
        self.failures: dict[str, Falsified] = {}
        self.seen: set[str] = set()
        self.shrinks = self.shrunk_rows = 0

    def __call__(self, structure: Structure) -> None:
        key = json.dumps(structure.as_dict(), sort_keys=True)
        if key in self.failures:
            raise self.failures[key]
        if self.failures:
            self.shrinks += 1
            self.shrunk_rows += structure.batch
        if key in self.seen or self.shrinks > self.campaign.shrinks or self.shrunk_rows > SHRINK_ROWS:
            return
        outcome = self.campaign.evaluate(structure)
        self.seen.add(key)
        if not self.failures:
            self.tally.add(structure, outcome)
        if outcome is None:
            return
        worst = outcome.worst()
        if worst is not None:
            part, row = worst
            self.failures[key] = Falsified(structure, part, row, outcome)
            raise self.failures[key]
        for part in outcome.margins:
            closest = outcome.relative(part).min().item()
            if abs(closest) < float("inf"):
                target(-closest, label=part)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Torch on that many threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def threads_for(structure: Structure):
    """One thread for a small batch: threads that wait for each other cost more than they bring."""
    many = structure.batch * structure.dim >= PARALLEL
    return threads(torch.get_num_threads() if many else 1)


def _falsify(
    attack: _Attack, strategy: SearchStrategy[Structure], stream: int, examples: int
) -> Falsified | None:
    """Let Hypothesis draw structures in the stream of this turn, and shrink the first that falsifies the claim."""
    rig = attack.campaign.rig

    @seed(stream)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.target, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(strategy)
    def holds(structure: Structure) -> None:
        attack(replace(structure, seed=structure.seed + stream, hyper=rig.told(structure.hyper)))

    try:
        holds()
    except Falsified as failure:
        return failure
    return None
