"""What a complete proof established, and its instances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from grams_theory.symbolic.checks import meant, meant_after
from grams_theory.symbolic.facts import Formula, gram_names
from grams_theory.symbolic.gram import Vector, dot


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
    fixed_vectors: frozenset[str] = frozenset()
    """Vectors that cannot be replaced, apart from those with coordinates."""
    lifted: frozenset[Formula] = frozenset()
    """Premises that hold in every coordinate."""
    always: frozenset[Formula] = frozenset()
    """Premises that hold at every step."""
    runs: Mapping[sp.Symbol, tuple[Any, Any]] = field(default_factory=dict)
    """Symbol of a step -> what it is at the first, and at the next."""
    meant: Mapping[str, tuple[Formula, ...]] = field(default_factory=dict)
    """Part -> hypotheses under which its abbreviations, here replaced by what they stand for, mean something."""

    def instance(
        self, formula: Formula, scalars: Mapping[sp.Symbol, Any], vectors: Mapping[str, Vector]
    ) -> Formula:
        """The formula with its symbols replaced; inner products follow their vectors.

        Raises:
            ValueError: a symbol with a fixed meaning would be replaced, or a vector is missing.
        """
        return formula.xreplace(self._replacement(formula, scalars, vectors))

    def conditions(
        self, formulas: Iterable[Formula], scalars: Mapping[sp.Symbol, Any], vectors: Mapping[str, Vector]
    ) -> list[Formula]:
        """Hypotheses under which the instances mean what the formulas do: see `checks.meant_after`."""
        coefficients = [c for x in vectors.values() for c in x.coefficients.values()]
        found = meant(*coefficients)
        for formula in formulas:
            found += meant_after(formula, self._replacement(formula, scalars, vectors))
        return list(dict.fromkeys(found))

    def _replacement(
        self, formula: Formula, scalars: Mapping[sp.Symbol, Any], vectors: Mapping[str, Vector]
    ) -> dict[sp.Symbol, Any]:
        replaced = {symbol: value for symbol, value in scalars.items() if symbol in formula.free_symbols}
        if signed := [s for s in replaced if s != sp.Symbol(s.name, real=True)]:
            raise ValueError(
                f"{signed[0]} carries a sign that its instance would lose; state it as a hypothesis"
            )
        if fixed := sorted(replaced.keys() & (self.bound | self.constants | self.sums.keys()), key=str):
            raise ValueError(f"{fixed[0]} has a fixed meaning in {self.claim_id} and cannot be replaced")
        for symbol in sorted(formula.free_symbols, key=str):
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
            if any(name in self.coordinates or name in self.fixed_vectors for name in names):
                raise ValueError(f"{symbol} is of fixed vectors in {self.claim_id} and cannot be replaced")
            replaced[symbol] = dot(vectors[names[0]], vectors[names[1]])
        return replaced
