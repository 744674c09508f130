"""What a proof has come to: the parts of the claim that follow from its premises alone, and what is still missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp

from grams_theory.core.claim import Claim
from grams_theory.core.evidence import FOUNDATIONS
from grams_theory.symbolic import checks, smt
from grams_theory.symbolic.facts import Formula, Hypotheses, conjuncts, symbols_of
from grams_theory.symbolic.notation import unicode
from grams_theory.symbolic.proof.hypotheses import HypothesisRules
from grams_theory.symbolic.proof.recorder import ProofFailed
from grams_theory.symbolic.proof.steps import Steps
from grams_theory.symbolic.theorem import Theorem

VACUITY_SECONDS = 2.0
"""For each solver, to see that hypotheses contradict each other: a point that satisfies them may be hard to find."""


class Conclusions(Steps, HypothesisRules):
    """The claim's `formal`, part by part."""

    def __init__(self, claim: Claim | None = None) -> None:
        super().__init__(claim)
        self._concluded: dict[str, Formula] = {}

    def conclude(
        self, part: str, given: Iterable | None = None, timeout: float = smt.TIMEOUT_SECONDS
    ) -> Formula:
        """A part of the claim's `formal` follows from `given`, and in the end from the claim's premises alone.

        Where the part is itself an implication, its own hypothesis may be used. Without `given` it must already be
        established, up to that hypothesis.
        """
        if self._formal is None or part not in self._formal.conclusions:
            raise ProofFailed(part, "the claim's `formal` has no such conclusion")
        goal: Any = self._formal.conclusions[part]
        if goal == sp.true:
            raise ProofFailed(part, "SymPy evaluated it to true while it was built, so it says nothing")
        if given is not None:
            given = conjuncts(given)
            self.implies(part, given, goal, timeout)
        elif isinstance(goal, sp.Implies) and not self._facts.established(goal):
            self.discharge(part, goal.args[1], goal.args[0])
        rest = [h for h in self._facts.support([goal]) - self._premises() if not self._never_zero(h)]
        if rest or not self._facts.established(goal):
            shown = "; ".join(sorted(map(unicode, rest)))
            raise ProofFailed(part, f"it rests on what is neither premise nor established: {shown}")
        if isinstance(goal, sp.Implies) and self._contradictory([*(given or ()), goal.args[0]]):
            raise ProofFailed(part, f"its condition {unicode(goal.args[0])} is never met, so it says nothing")
        self._concluded[part] = goal
        return goal

    def _contradictory(self, formulas: Iterable[Formula] = ()) -> bool:
        """Whether no point satisfies the premises and these formulas, as far as the solvers see at once."""
        assert self._formal is not None
        everything = [*conjuncts(self._formal.premises), *self._meanings(), *formulas]
        return smt.state(everything, VACUITY_SECONDS) == "contradictory"

    def _meanings(self) -> list[Formula]:
        """What abbreviations stand for."""
        return [sp.Eq(s, e, evaluate=False) for s, e in self._facts.definitions.items()]

    def _never_zero(self, hypothesis: Formula) -> bool:
        """Whether it says that a denominator is not 0, and the premises say so too."""
        if not isinstance(hypothesis, sp.Ne):
            return False
        return smt.decide([*self._premises(), *self._meanings()], hypothesis).outcome == "holds"

    def _premises(self) -> Hypotheses:
        assert self._formal is not None
        return frozenset(conjuncts(self._formal.premises))

    def rests_on(self) -> Hypotheses:
        """The premises that the conclusions need, as this proof reached them."""
        return self._facts.support(self._concluded.values()) & self._premises()

    def unfinished(self) -> str | None:
        """What is still missing, or None."""
        if all(step.kind in FOUNDATIONS for step in self._steps):
            return "the proof checks nothing: it has only axioms and citations"
        if self._claim is None or self._formal is None:
            return "the claim has no `formal`, so the proof concludes nothing; state what it proves"
        if missing := [part for part in self._formal.conclusions if part not in self._concluded]:
            return f"not concluded: {', '.join(missing)}"
        if self._contradictory():
            return "no point satisfies the premises, so the claim says nothing"
        idle = [a.text for a in self._claim.assumptions if a.id not in self._used]
        if idle and self._claim.prove:  # that the premises are empty may be shown without them
            return f"the proof never uses that {', '.join(idle)}; drop the assumption"
        return None

    def theorem(self) -> Theorem:
        """The statement that this proof established, for others to cite."""
        assert self._claim is not None and self._formal is not None
        facts, stated = self._facts, conjuncts(self._formal.premises)
        premises = tuple(map(facts.unfold, stated))
        conclusions = {part: facts.unfold(f) for part, f in self._concluded.items()}
        named = symbols_of([*premises, *conclusions.values()])
        return Theorem(
            self._claim.id,
            premises,
            conclusions,
            {s: facts.sums[s] for s in named if s in facts.sums},
            dict(facts.coordinates),
            facts.of_one() | facts.stepped,
            self._constants(),
            frozenset(facts.basis),
            frozenset(map(facts.unfold, facts.lifted)),
            frozenset(map(facts.unfold, facts.always)),
            {s: run for s, run in facts.runs.items() if s in named},
            {part: self._unfolded([*stated, f]) for part, f in self._concluded.items()},
        )

    def _unfolded(self, formulas: list[Formula]) -> tuple[Formula, ...]:
        """Hypotheses under which what the abbreviations in the formulas stand for means something."""
        facts = self._facts
        abbreviations = sorted(symbols_of(formulas) & facts.definitions.keys(), key=str)
        return tuple(checks.meant(*map(facts.unfold, abbreviations)))
