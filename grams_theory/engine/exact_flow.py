"""States of a flow in exact rationals: the recheck behind every refuted claim on flows.

The rates of change are rational in a state's numbers, so the `margin` that judged floating-point tensors judges these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flint import fmpq

from grams_theory.core.claim import Claim, Flow
from grams_theory.engine.exact import Exact, rational
from grams_theory.engine.shrink import Case, shrink
from grams_theory.flows import by_name


def margin_of(claim: Claim, case: Case, part: str) -> Any | None:
    """The exact margin if the state satisfies every premise that the claim has kept, else None."""
    setting = claim.setting
    assert isinstance(setting, Flow) and claim.margin is not None
    vectors = {name: x if isinstance(x, list) else [x] for name, x in case.items()}
    state = by_name(setting.system).State(**{name: Exact([x]) for name, x in vectors.items()})
    try:
        kept = (value for name, value in state.premise().items() if name not in setting.dropped)
        if any(value[0].item() < 0 for value in kept):
            return None
        return claim.margin(state)[part][0].item()
    except ZeroDivisionError:
        return None


def violates(claim: Claim, case: Case, part: str) -> bool:
    """Whether the state satisfies the premises and violates that part."""
    margin = margin_of(claim, case, part)
    return margin is not None and bool(margin < 0)


def from_row(row: Mapping[str, Any], constants: frozenset[str]) -> Case:
    """The floating-point state as exact rationals, its constants as numbers."""
    exact: dict[str, list[fmpq]] = {name: [rational(x) for x in values] for name, values in row.items()}
    return {name: values[0] if name in constants else values for name, values in exact.items()}


def certify(claim: Claim, row: Mapping[str, Any], part: str) -> Case | None:
    """A violating state in exact rationals, shrunk; None if exact arithmetic does not confirm it."""
    assert isinstance(claim.setting, Flow)
    case = from_row(row, by_name(claim.setting.system).State.constants)
    if not violates(claim, case, part):
        return None
    return shrink(case, lambda candidate: violates(claim, candidate, part))
