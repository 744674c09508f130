"""Hypothesis draws structure, tensors of cases are filled from it, the production optimizer steps them."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

import torch
from hypothesis import HealthCheck, Phase, given, seed, settings, target
from hypothesis.strategies import SearchStrategy

from grams_theory.core.claim import Claim
from grams_theory.core.evidence import FuzzEvidence
from grams_theory.core.random import stream_seed
from grams_theory.engine.budget import Budget
from grams_theory.engine.cases import DRIVERS
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.evaluate import Outcome, evaluate
from grams_theory.engine.production import OURS, Rig

EXAMPLES = 2
"""Structures that Hypothesis draws of one family before the next has its turn."""
SHRINKS = 60
"""Structures that Hypothesis may try while it shrinks a falsifying one."""


class Falsified(AssertionError):
    """A structure with a row that violates the claim beyond rounding."""

    def __init__(self, structure: Structure, part: str, row: int, outcome: Outcome) -> None:
        super().__init__(f"part {part!r} is violated at batch index {row}")
        self.structure, self.part, self.row, self.outcome = structure, part, row, outcome


@dataclass
class Tally:
    """Running counts of a campaign."""

    cases: int = 0
    discarded: int = 0
    undecided: int = 0
    violations: int = 0
    structures: int = 0
    parts: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    families: Counter[str] = field(default_factory=Counter)

    @property
    def drawn(self) -> int:
        """Rows that were sampled, inside the premise or not: what a budget pays for."""
        return self.cases + self.discarded

    def add(self, structure: Structure, outcome: Outcome | None) -> None:
        self.structures += 1
        if outcome is None:
            self.discarded += structure.batch
            return
        inside = int(outcome.inside.sum())
        self.cases += inside
        self.discarded += len(outcome.inside) - inside
        self.undecided += int(outcome.undecided().sum())
        self.families[structure.family] += inside
        for part, ratio in outcome.ratios.items():
            self.ratios[part] = max(self.ratios.get(part, 0.0), ratio)
        for part, margin in outcome.margins.items():
            violated = outcome.violated(part)
            self.violations += int(violated.sum())
            clear = violated | (outcome.inside & outcome.decided & margin.surely_nonnegative())
            if bool(clear.any()):
                self.parts[part] = min(
                    self.parts.get(part, float("inf")), margin.mid[clear].min().item() + 0.0
                )

    def evidence(self, optimizers: tuple[str, ...], seed: int, seconds: float) -> FuzzEvidence:
        return FuzzEvidence(
            cases=self.cases,
            discarded=self.discarded,
            undecided=self.undecided,
            violations=self.violations,
            min_margin=min(self.parts.values(), default=None),
            parts=dict(self.parts),
            ratios=dict(self.ratios),
            families=dict(self.families),
            structures=self.structures,
            optimizers=optimizers,
            seed=seed,
            seconds=seconds,
        )


Evaluate = Callable[[Structure], Outcome | None]


class _Hunt:
    """Evaluates structures for Hypothesis, remembers failures, and bounds the time that shrinking takes."""

    def __init__(
        self, budget: Budget, tally: Tally, evaluate_one: Evaluate, tick: Callable[[], None], shrinks: int
    ) -> None:
        self.budget, self.tally, self.most_shrinks = budget, tally, shrinks
        self.evaluate_one, self.tick = evaluate_one, tick
        self.failures: dict[str, Falsified] = {}
        self.seen: set[str] = set()
        self.shrinks = 0

    def __call__(self, structure: Structure) -> None:
        key = json.dumps(structure.as_dict(), sort_keys=True)
        if key in self.failures:
            raise self.failures[key]
        if self.failures:
            self.shrinks += 1
        if key in self.seen or self.shrinks > self.most_shrinks:
            return
        if not self.failures and self.budget.spent(self.tally.drawn):
            return
        self.seen.add(key)
        outcome: Outcome | None = self.evaluate_one(structure)
        if not self.failures:
            self.tally.add(structure, outcome)
            self.tick()
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

    The families take turns, so that each has its share whatever Hypothesis prefers.
    `quadratic` restricts the families to quadratics, whose cases can be rechecked exactly; `shrinks` bounds the
    structures that Hypothesis tries while it shrinks.
    """
    assert claim.setting is not None
    began, tally = time.monotonic(), Tally()
    driver = DRIVERS[type(claim.setting)]
    pool = [family for family in driver.pool(claim) if not quadratic or "quadratic" in family.traits]

    def tick() -> None:
        if progress is not None:
            progress(budget.done(tally.drawn))

    attack = _Hunt(budget, tally, lambda s: evaluate(claim, s, rig=rig), tick, shrinks)
    found = None
    with one_thread():
        for turn, family in enumerate(cycle(pool)):
            found = _falsify(attack, driver.strategy(claim, family), stream_seed(run_seed, claim.id, turn))
            if found is not None or budget.spent(tally.drawn):
                break
    names = rig.names(getattr(claim.setting, "optimizers", ()))
    return tally.evidence(names, run_seed, time.monotonic() - began), found


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread inside the block: batches are small, and threads that wait for each other cost more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _falsify(attack: _Hunt, strategy: SearchStrategy[Structure], stream: int) -> Falsified | None:
    """Let Hypothesis draw EXAMPLES structures and shrink the first that falsifies the claim."""

    @seed(stream)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.target, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(strategy)
    def holds(structure: Structure) -> None:
        attack(structure)

    try:
        holds()
    except Falsified as failure:
        return failure
    return None
