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

from grams_theory.symbolic.gram import Vector, dot

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

    def lift(self, sums: Mapping[sp.Symbol, Any], coefficients: Iterable[Any]) -> None:
        """Record what each sum sums, and who speaks of one coordinate.

        Raises:
            ValueError: a coefficient depends on a coordinate, directly or by definition, here or in another lifting.
        """
        coordinates = symbols_of([*sums.values(), *map(self.unfold, sums.values())]) - self.declared
        summed = self.summed | coordinates
        shared = self.shared | symbols_of(self.unfold(sp.sympify(c)) for c in coefficients)
        if mixed := sorted(map(str, summed & shared)):
            raise ValueError(f"{', '.join(mixed)} would have to be the same in every coordinate")
        self.summed, self.shared = summed, shared
        self.sums |= {s: summand for s, summand in sums.items() if self.summand(s) is None}

    def unfold(self, formula: Formula) -> Formula:
        """The formula with every defined symbol replaced by what it stands for."""
        for symbol, expression in reversed(self.definitions.items()):
            formula = formula.xreplace({symbol: expression})
        return formula


@dataclass(frozen=True)
class Theorem:
    """What a complete proof established: premises ⇒ each conclusion, and the meaning of the symbols in them."""

    claim_id: str
    premises: tuple[Formula, ...]
    conclusions: Mapping[str, Formula]
    sums: Mapping[sp.Symbol, Any]
    coordinates: Mapping[str, Any]
    bound: frozenset[sp.Symbol]
    """Symbols of one coordinate or one step: they cannot be replaced."""
    constants: frozenset[sp.Symbol] = frozenset()
    """Constants of assumptions: what was proved of an L-smooth f is true for this L alone."""

    def instance(
        self, formula: Formula, scalars: Mapping[sp.Symbol, Any], vectors: Mapping[str, Vector]
    ) -> Formula:
        """The formula with its symbols replaced; inner products follow their vectors.

        Raises:
            ValueError: a symbol with a fixed meaning would be replaced, or a vector is missing.
        """
        replaced = dict(scalars)
        for symbol in (
            formula.free_symbols & (self.bound | self.constants | self.sums.keys()) & replaced.keys()
        ):
            raise ValueError(f"{symbol} has a fixed meaning in {self.claim_id} and cannot be replaced")
        for symbol in formula.free_symbols:
            names = gram_names(symbol)
            if names is None:
                continue
            if symbol in replaced:
                raise ValueError(f"{symbol} is an inner product; replace its vectors instead")
            if not vectors:
                continue
            missing = [name for name in names if name not in vectors]
            if missing:
                raise ValueError(f"say which vector takes the place of {missing[0]}")
            if any(name in self.coordinates for name in names):
                raise ValueError(f"{symbol} has fixed coordinates in {self.claim_id} and cannot be replaced")
            replaced[symbol] = dot(vectors[names[0]], vectors[names[1]])
        return formula.xreplace(replaced)
