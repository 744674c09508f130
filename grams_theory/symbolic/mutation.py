"""False neighbours of a claim's formal statement: each should lose its proof, unless it says no more than the claim.

A relation is mutated by its slack, the sum of terms that it asserts to be ≥ 0: it is flipped, a term is dropped or
scaled by a percent, or a vector takes the place of another. The condition of an implication is dropped or flipped, and
each premise is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import sympy as sp

from grams_theory.core.claim import Claim, Formal
from grams_theory.symbolic import reading, smt
from grams_theory.symbolic.facts import Formula, conjuncts, gram_names, symbols_of
from grams_theory.symbolic.notation import unicode
from grams_theory.symbolic.proof import Proof, ProofFailed

Fate = Literal["proof lost", "says no more", "still proved"]

PERCENT = sp.Rational(1, 100)

SECONDS = 0.5
"""For the question whether a proof proves a mutant too; what takes the solvers longer is taken not to be proved."""


@dataclass(frozen=True, eq=False)
class Mutant:
    """One change of the statement; `part` is None if a premise was changed."""

    text: str
    part: str | None
    formal: Formal


def mutants(formal: Formal) -> Iterator[Mutant]:
    """Every mutant of the statement, conclusions first."""
    for part, formula in formal.conclusions.items():
        for text, changed in _of_formula(formula):
            yield Mutant(
                f"{part}: {text}", part, replace(formal, conclusions={**formal.conclusions, part: changed})
            )
    for index, premise in enumerate(formal.premises):
        rest = (*formal.premises[:index], *formal.premises[index + 1 :])
        yield Mutant(f"without the premise {unicode(premise)}", None, replace(formal, premises=rest))


def _of_formula(formula: Formula) -> Iterator[tuple[str, Formula]]:
    match formula:
        case sp.Implies():
            condition, conclusion = formula.args
            yield f"without its condition {unicode(condition)}", conclusion
            yield f"under ¬({unicode(condition)})", sp.Implies(sp.Not(condition), conclusion)
            for text, changed in _of_formula(conclusion):
                yield text, sp.Implies(condition, changed, evaluate=False)
        case sp.And() | sp.Or():
            for index, arg in enumerate(formula.args):
                for text, changed in _of_formula(arg):
                    yield text, formula.func(*formula.args[:index], changed, *formula.args[index + 1 :])
        case sp.Ge() | sp.Gt() | sp.Le() | sp.Lt():
            yield from _of_relation(formula)


def _of_relation(relation: Any) -> Iterator[tuple[str, Formula]]:
    slack = sp.expand(reading.slack(relation))
    strict = isinstance(relation, sp.Gt | sp.Lt)

    def holds(expression: Any) -> Formula:
        return sp.Gt(expression, 0, evaluate=False) if strict else sp.Ge(expression, 0, evaluate=False)

    terms = sp.Add.make_args(slack)
    yield "turned around", holds(-slack)
    for index, term in enumerate(terms):
        rest = sp.Add(*terms[:index], *terms[index + 1 :])
        if len(terms) > 1:
            yield f"without {unicode(term)}", holds(rest)
        for factor in (1 + PERCENT, 1 - PERCENT):
            yield f"{unicode(factor)} of {unicode(term)}", holds(rest + factor * term)
    yield from ((text, holds(swapped)) for text, swapped in _swaps(slack))


def _swaps(slack: Any) -> Iterator[tuple[str, Any]]:
    """One vector for another in every inner product."""
    entries = {s: names for s in slack.free_symbols if (names := gram_names(s))}
    vectors = sorted({name for names in entries.values() for name in names})
    known = {frozenset(names): s for s, names in entries.items()}
    for old in vectors:
        for new in vectors:
            renamed = {
                s: frozenset(new if name == old else name for name in names) for s, names in entries.items()
            }
            if old != new and all(names in known for names in renamed.values()):
                swapped = slack.xreplace({s: known[names] for s, names in renamed.items()})
                if sp.expand(swapped - slack) != 0:
                    yield f"{new} in place of {old}", swapped


class _Conclusions(Proof):
    """Remembers what each conclusion was drawn from."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(claim)
        self.drawn_from: dict[str, list[Formula]] = {}

    def conclude(self, part: str, given: Any = None, timeout: float = smt.TIMEOUT_SECONDS) -> Formula:
        goal = super().conclude(part, given, timeout)
        self.drawn_from[part] = [goal] if given is None else conjuncts(given)
        return goal


class Judge:
    """What becomes of the mutants of one proved claim. The proof runs once; then only its last steps are asked again.

    Raises:
        ProofFailed: the claim itself is not proved.
    """

    def __init__(self, claim: Claim) -> None:
        assert claim.formal is not None and claim.prove is not None
        self.claim, self.formal = claim, claim.formal()
        self._proof = _Conclusions(claim)
        claim.prove(self._proof)
        if missing := self._proof.unfinished():
            raise ProofFailed(claim.id, missing)

    def fate(self, mutant: Mutant) -> Fate:
        if mutant.part is None:
            left = frozenset(conjuncts(mutant.formal.premises))
            return "still proved" if self._proof.rests_on() <= left else "proof lost"
        changed = mutant.formal.conclusions[mutant.part]
        original, known = self.formal.conclusions[mutant.part], self._premises()
        if not self._follows([*self._proof.drawn_from[mutant.part], original, *known], changed, SECONDS):
            return "proof lost"
        for said in ([original], list(self.formal.conclusions.values())):
            if self._follows([*known, *said], changed):
                return "says no more"
        return "still proved"

    def _premises(self) -> list[Formula]:
        """The claim's premises, and what holds of all inner products."""
        names = {s: names for s in symbols_of(self.formal.conclusions.values()) if (names := gram_names(s))}
        squares = {x: s for s, (x, y) in names.items() if x == y}
        products = [
            sp.Le(s**2, squares[x] * squares[y])
            for s, (x, y) in names.items()
            if x != y and {x, y} <= squares.keys()
        ]
        return [*conjuncts(self.formal.premises), *(sp.Ge(s, 0) for s in squares.values()), *products]

    def _follows(self, given: list[Formula], goal: Formula, seconds: float = smt.TIMEOUT_SECONDS) -> bool:
        return smt.follows(given, goal, seconds)
