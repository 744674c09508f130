"""What a proof has established, each formula with the hypotheses that it rests on.

Formulas are read with all their symbols universally quantified. A symbol that was summed over (a coordinate), or that
an induction ran over (a step), stays so: a formula in it speaks of every coordinate or every step, in a hypothesis
too. Hence such a hypothesis cannot be discharged or instantiated any more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

Formula = Any
"""A SymPy Boolean."""
Hypotheses = frozenset[Formula]

_ENTRY = re.compile(r"⟨([^,⟨⟩]+),([^,⟨⟩]+)⟩")


def gram_names(symbol: Any) -> tuple[str, str] | None:
    """The two vectors of a Gram entry ⟨x,y⟩, or None for any other symbol."""
    found = _ENTRY.fullmatch(symbol.name)
    return (found[1], found[2]) if found else None


def conjuncts(formulas: Iterable[Any]) -> list[Formula]:
    """The formulas, with lists, tuples and conjunctions taken apart, and without `true`."""
    flat: list[Formula] = []
    for formula in formulas:
        if isinstance(formula, list | tuple):
            flat += conjuncts(formula)
        elif isinstance(formula, sp.And):
            flat += conjuncts(formula.args)
        else:
            flat.append(sp.sympify(formula))
    return [formula for formula in flat if formula != sp.true]


def symbols_of(formulas: Iterable[Any]) -> set[sp.Symbol]:
    return set().union(*(sp.sympify(formula).free_symbols for formula in formulas))


def difference(relation: Any) -> Any:
    """Left side − right side."""
    return relation.lhs - relation.rhs


@dataclass
class Facts:
    """Formula -> the hypotheses that it rests on, and what its symbols mean."""

    hypotheses: dict[Formula, Hypotheses] = field(default_factory=dict)
    definitions: dict[sp.Symbol, Any] = field(default_factory=dict)
    sums: dict[sp.Symbol, Any] = field(default_factory=dict)
    """Symbol -> the coordinate expression that it sums."""
    coordinates: dict[str, Any] = field(default_factory=dict)
    """Vector -> its coordinate; it gives ⟨x,y⟩ its summand."""
    summed: set[sp.Symbol] = field(default_factory=set)
    """Symbols of one coordinate."""
    declared: set[sp.Symbol] = field(default_factory=set)
    """Symbols that the proof declared to be the same in every coordinate."""
    shared: set[sp.Symbol] = field(default_factory=set)
    """Those, and the symbols that some lifting took for the same in every coordinate."""
    stepped: set[sp.Symbol] = field(default_factory=set)
    """Symbols of one step."""
    constants: frozenset[sp.Symbol] = frozenset()
    """Symbols that are the same in every coordinate and at every step: those of assumptions, and declared ones."""
    particular: set[sp.Symbol] = field(default_factory=set)
    """Symbols of axioms, assumptions and theorems that rest on some: they stand for certain numbers."""
    ties: list[frozenset[sp.Symbol]] = field(default_factory=list)
    """Symbols that stand in one definition, axiom, assumption or citation: one may depend on the other."""
    basis: set[str] = field(default_factory=set)
    """Names of basis vectors, one for each coordinate."""
    lifted: set[Formula] = field(default_factory=set)
    """Hypotheses that hold in every coordinate, as something was summed that rests on them."""
    always: set[Formula] = field(default_factory=set)
    """Hypotheses that hold at every step, as an induction rests on them."""
    runs: dict[sp.Symbol, tuple[Any, Any]] = field(default_factory=dict)
    """Symbol of a step -> what it is at the first, and at the next."""

    def add(self, formula: Formula, hypotheses: Hypotheses) -> None:
        for part in conjuncts([formula]):
            known = self.hypotheses.get(part)
            if known is None or hypotheses < known:
                self.hypotheses[part] = hypotheses

    def established(self, formula: Formula) -> bool:
        """Whether some step established it, possibly from hypotheses."""
        return all(part in self.hypotheses for part in conjuncts([formula]))

    def support(self, given: Iterable[Any]) -> Hypotheses:
        """What the formulas rest on: an established one on its hypotheses, any other on itself."""
        return frozenset().union(*(self.hypotheses.get(f, frozenset([f])) for f in conjuncts(given)))

    def summand(self, total: sp.Symbol) -> Any | None:
        """The coordinate expression that the symbol sums, if it has one."""
        names = gram_names(total)
        if names and all(name in self.coordinates for name in names):
            return self.coordinates[names[0]] * self.coordinates[names[1]]
        return self.sums.get(total)

    def lift(
        self, sums: Mapping[sp.Symbol, Any], coefficients: Iterable[Any], hypotheses: Hypotheses = frozenset()
    ) -> None:
        """Record what each sum sums, and who speaks of one coordinate; `hypotheses` hold in every coordinate.

        Raises:
            ValueError: a coefficient may depend on a coordinate, here or in another lifting: directly, or by way of a
                hypothesis or of what the proof starts from.
        """
        for s in sums:
            if gram_names(s) and self.summand(s) is None:
                raise ValueError(f"{s} is an inner product; say what the coordinates of its vectors are")
        fixed = self.declared | self.constants
        coordinates = symbols_of([*sums.values(), *map(self.unfold, sums.values())]) - fixed
        summed = self.summed | coordinates
        shared = self.shared | symbols_of(self.unfold(sp.sympify(c)) for c in coefficients)
        if mixed := sorted(map(str, self._of_one_coordinate(summed, hypotheses) & (shared - fixed))):
            raise ValueError(f"{', '.join(mixed)} would have to be the same in every coordinate")
        self.summed, self.shared = summed, shared
        self.sums |= {s: summand for s, summand in sums.items() if self.summand(s) is None}

    def of_one(self) -> frozenset[sp.Symbol]:
        """Symbols of one coordinate, whether anything was summed yet or not."""
        return frozenset(
            self.summed | (symbols_of(self.coordinates.values()) - self.declared - self.constants)
        )

    def _of_one_coordinate(self, summed: set[sp.Symbol], hypotheses: Hypotheses) -> set[sp.Symbol]:
        """These symbols, and all that may depend on them: by way of hypotheses, or of what the proof starts from."""
        stated = (*self.ties, *(symbols_of([hypothesis]) for hypothesis in hypotheses))
        ties = [{s for s in tie if not self._of_all_coordinates(s)} for tie in stated]
        found = summed | {s for tie in ties for s in tie if set(gram_names(s) or ()) & self.basis}
        while further := [tie for tie in ties if tie & found and not tie <= found]:
            found = found.union(*further)
        return found

    def _of_all_coordinates(self, symbol: sp.Symbol) -> bool:
        names = gram_names(symbol)
        if names is not None:
            return not set(names) & self.basis
        return symbol in self.sums or symbol in self.declared or symbol in self.constants

    def everywhere(self, hypothesis: Formula) -> bool:
        """Whether it speaks of every coordinate or of every step."""
        symbols = symbols_of([hypothesis])
        return (
            bool(symbols & (self.summed | self.stepped))
            or (hypothesis in self.lifted and not all(map(self._of_all_coordinates, symbols)))
            or (hypothesis in self.always and not symbols <= self.constants)
        )

    def runs_as(self, symbol: sp.Symbol, first: Any, following: Any) -> None:
        """Record what the symbol of a step is at the first step, and at the next.

        Raises:
            ValueError: it is something else already.
        """
        known = self.runs.setdefault(symbol, (first, following))
        if known != (first, following) or symbol in self.constants:
            raise ValueError(f"{symbol} runs otherwise here, or is a constant; take another symbol")

    def unfold(self, formula: Formula) -> Formula:
        """The formula with every defined symbol replaced by what it stands for."""
        for symbol, expression in reversed(self.definitions.items()):
            formula = formula.xreplace({symbol: expression})
        return formula
