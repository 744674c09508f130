"""What a proof starts from: axioms, assumptions of the claim, definitions, and what its symbols mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from grams_theory.core.definitions import Assumption, Definition
from grams_theory.symbolic.facts import Formula, gram_names, symbols_of
from grams_theory.symbolic.gram import Vector
from grams_theory.symbolic.notation import latex, unicode
from grams_theory.symbolic.proof.recorder import ProofFailed, Recorder, granted_to


def reals(names: str) -> tuple[Any, ...]:
    """Real symbols, one per word. State signs as hypotheses of a step, so that the report shows them."""
    return tuple(sp.Symbol(name, real=True) for name in names.split())


class Foundations(Recorder):
    """Nothing here is proved: axioms and assumptions are listed by name, definitions assume nothing."""

    def axiom(
        self, name: str, statement: str, reference: str, formula: Formula = sp.true, latex: str = ""
    ) -> Formula:
        """A fact that no machine checked, listed by name in the report. `formula`: the instance in use."""
        if not reference:
            raise ProofFailed(name, "an axiom needs a reference")
        return self._record(
            name, "axiom", (), formula, lambda: reference, statement, latex, hypotheses=frozenset()
        )

    def assume(self, assumption: Assumption, where: str, *quantities: Any) -> Formula:
        """The instance of one of the claim's assumptions in these quantities (see the assumption's `build`)."""
        name = f"{assumption.title}: {where}"
        if self._claim is not None and assumption.id not in granted_to(self._claim):
            raise ProofFailed(name, f"the claim does not assume that {assumption.text}")
        formula = assumption(*quantities)
        self._used[assumption.id] = None
        return self._record(
            name,
            "assumption",
            (),
            formula,
            lambda: f"assumed: {assumption.text}",
            f"{unicode(formula)} ({where})",
            rf"{latex(formula)}\quad\text{{({where})}}",
            hypotheses=frozenset(),
        )

    def use(self, definition: Definition, *quantities: Any) -> Any:
        """What the definition makes of these quantities, an expression; records that the proof rests on it."""
        self._used[definition.id] = None
        return definition(*quantities)

    def define(self, symbol: sp.Symbol, expression: Any) -> Formula:
        """Abbreviate: symbol = expression. The symbol must be new, so that nothing is assumed."""
        expression, name = sp.sympify(expression), f"definition of {unicode(symbol)}"
        if symbol in self._facts.declared | self._facts.constants:
            raise ProofFailed(name, "the symbol was declared; declare what it is made of")
        seen = symbols_of([*self._facts.hypotheses, *self._facts.hypotheses.values()])
        if symbol in seen | expression.free_symbols or self._facts.summand(symbol) is not None:
            raise ProofFailed(name, "the symbol already has a meaning; take another one")
        if gram_names(symbol):
            raise ProofFailed(
                name, "an inner product means what its vectors make of it; it cannot be defined"
            )
        formula = sp.Eq(symbol, expression, evaluate=False)
        self._facts.definitions[symbol] = expression
        return self._record(name, "definition", (), formula, lambda: "abbreviation", hypotheses=frozenset())

    def coordinates(self, **vectors: Any) -> None:
        """What one coordinate of each named vector is: every ⟨x,y⟩ of theirs gets the summand x_i y_i."""
        for name, coordinate in vectors.items():
            if name in self._facts.basis:
                raise ProofFailed(f"coordinates of {name}", "the vector is one of a basis; take another one")
            if self._facts.coordinates.setdefault(name, sp.sympify(coordinate)) != coordinate:
                raise ProofFailed(f"coordinates of {name}", "the vector already has other coordinates")

    def basis(self, vector: Vector, components: Mapping[str, Any]) -> Formula:
        """Take `vector` for the i-th basis vector: it has length 1, and ⟨x,vector⟩ is the i-th coordinate of each x.

        `components` maps the names of vectors to the coordinate that `coordinates` gave them. The vector must be new.
        """
        (name,) = vector.coefficients
        entries = {x: vector.space.entry(x, name) for x in (*components, name)}
        seen = symbols_of([*self._facts.hypotheses, *self._facts.hypotheses.values()])
        if name in self._facts.coordinates or any(name in (gram_names(s) or ()) for s in seen):
            raise ProofFailed(f"basis vector {name}", "the vector already has a meaning; take another one")
        for x, component in components.items():
            if self._facts.coordinates.get(x) != component:
                raise ProofFailed(
                    f"basis vector {name}", f"{unicode(component)} is not the coordinate of {x}"
                )
        self._facts.basis.add(name)
        lengths = {**components, name: sp.Integer(1)}
        facts: list[Any] = [sp.Eq(entries[x], component) for x, component in lengths.items()]
        return self._record(
            f"basis vector {name}",
            "definition",
            (),
            sp.And(*facts),
            lambda: "the i-th basis vector",
            hypotheses=frozenset(),
        )

    def shared(self, *symbols: sp.Symbol) -> None:
        """Declare symbols the same in every coordinate, so that a summand may hold them beside its coordinates."""
        if used := self._facts.summed & set(symbols):
            raise ProofFailed("shared", f"{sorted(map(str, used))[0]} already is the symbol of a coordinate")
        for symbol in symbols:
            if symbol in self._facts.definitions:
                raise ProofFailed("shared", f"{symbol} abbreviates something; declare what it is made of")
        self._facts.declared |= set(symbols)
        self._facts.shared |= set(symbols)

    def constant(self, *symbols: sp.Symbol) -> None:
        """Declare symbols the same in every coordinate and at every step."""
        self.shared(*symbols)
        if moved := self._facts.stepped & self._facts.runs.keys() & set(symbols):
            raise ProofFailed("constant", f"{sorted(map(str, moved))[0]} already changes from step to step")
        self._facts.constants |= set(symbols)
