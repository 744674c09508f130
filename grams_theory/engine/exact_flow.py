"""States of a flow in exact rationals: the recheck behind every refuted claim on flows.

The rates of change are rational in a state's numbers, so the `margin` that judged floating-point tensors judges these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flint import fmpq

from grams_theory.core.claim import Claim, Flow
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.exact import Exact, exactly
from grams_theory.engine.shrink import Case, shrink
from grams_theory.flows import by_name


def _states(claim: Claim, cases: Sequence[Case]) -> Any:
    """The batch of states of one dimension."""
    assert isinstance(claim.setting, Flow)

    def vector(x: Any) -> list[fmpq]:
        return x if isinstance(x, list) else [x]

    entries = {name: Exact([vector(case[name]) for case in cases]) for name in cases[0]}
    return by_name(claim.setting.system).State(**entries)


def margins(claim: Claim, cases: Sequence[Case]) -> Mapping[str, Exact]:
    """The exact margins of states of one dimension, shape (B,) for each part; no premise is checked.

    Raises:
        ZeroDivisionError: a state has none.
    """
    assert claim.margin is not None
    return claim.margin(_states(claim, cases))


def margin_of(claim: Claim, case: Case, part: str) -> Any | None:
    """The exact margin if the state satisfies every premise that the claim has kept, else None."""
    setting = claim.setting
    assert isinstance(setting, Flow)
    try:
        premises = _states(claim, (case,)).premise()
        kept = (value for name, value in premises.items() if name not in setting.dropped)
        if any(value[0].item() < 0 for value in kept):
            return None
        return margins(claim, (case,))[part][0].item()
    except ZeroDivisionError:
        return None


def violates(claim: Claim, case: Case, part: str) -> bool:
    """Whether the state satisfies the premises and violates that part."""
    margin = margin_of(claim, case, part)
    return margin is not None and bool(margin < 0)


def from_row(claim: Claim, row: Mapping[str, Any], structure: Structure) -> Case:
    """The floating-point state as exact rationals, its constants as numbers."""
    assert isinstance(claim.setting, Flow)
    constants = by_name(claim.setting.system).State.constants
    return {name: values[0] if name in constants else values for name, values in exactly(row).items()}


def certify(claim: Claim, row: Mapping[str, Any], part: str, structure: Structure) -> Case | None:
    """A violating state in exact rationals, shrunk; None if exact arithmetic does not confirm it."""
    case = from_row(claim, row, structure)
    if not violates(claim, case, part):
        return None
    return shrink(case, lambda candidate: violates(claim, candidate, part))
