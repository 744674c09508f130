"""Tokens: a case in one line of text, and its replay through the production optimizer."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, replace
from typing import Any

from grams_theory.core.errors import UsageError
from grams_theory.core.html import named_html
from grams_theory.engine import weaken
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.evaluate import evaluate
from grams_theory.engine.production import OURS, Rig

PREFIX = "gt1."


@dataclass(frozen=True)
class Token:
    """Everything that replays one case."""

    claim: str
    structure: Structure
    part: str
    row: int
    rig: Rig = OURS

    def encode(self) -> str:
        cast = dict(zip(self.rig.cast, self.rig.names(self.rig.cast), strict=True))
        rig = [self.rig.dtype, cast, self.rig.implementation]
        data = [self.claim, self.structure.as_dict(), self.part, self.row, *rig]
        packed = zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 9)
        return PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Token:
        """The token of a printed string.

        Raises:
            UsageError: the text is no token, or was cut.
        """
        try:
            if not text.startswith(PREFIX):
                raise ValueError(f"it does not start with {PREFIX!r}")
            packed = base64.urlsafe_b64decode(text[len(PREFIX) :] + "=" * (-len(text[len(PREFIX) :]) % 4))
            claim, structure, part, row, *rig = json.loads(zlib.decompress(packed))
            return cls(claim, Structure.from_dict(structure), part, row, Rig("cpu", *rig))
        except (ValueError, zlib.error, TypeError, KeyError) as error:
            raise UsageError(f"not a replay token ({error}); copy the whole token from a witness") from error


@dataclass(frozen=True)
class Replay:
    """What a replayed case showed."""

    token: Token
    margin: float
    rounding: float
    reproduced: bool
    case: dict

    @property
    def entries(self) -> dict[str, Any]:
        """What is shown, by name."""
        outcome = "violated" if self.reproduced else "not violated"
        structure = self.token.structure
        return {
            "claim": f"{self.token.claim}, part {self.token.part!r}",
            "family": f"{structure.family}, dimension {structure.dim}, row {self.token.row}",
            "margin": f"{self.margin:.6g} ± {self.rounding:.1g}  ({outcome})",
            **{name: value for name, value in self.case.items() if value is not None},
        }

    @property
    def text(self) -> str:
        entries = self.entries
        width = max(map(len, entries))
        return "\n".join(f"{name:<{width}}  {value}" for name, value in entries.items())

    def _repr_html_(self) -> str:
        return named_html(self.entries)


def replay(text: str, device: str = "cpu") -> Replay:
    """Build the case of a token again, step the production optimizers, take the margin.

    Raises:
        UsageError: the text is no token, or names a claim or optimizer that does not exist.
    """
    token = Token.decode(text)
    claim = weaken.by_id(token.claim)
    outcome = evaluate(claim, token.structure, rig=replace(token.rig, device=device).check())
    if outcome is None or token.part not in outcome.margins:
        raise UsageError(
            f"the token's case is outside the premise of {token.claim!r}: the claim has changed since"
        )
    margin = outcome.margins[token.part][token.row]
    case = outcome.record.row(token.row) if hasattr(outcome.record, "row") else {}
    return Replay(
        token,
        margin.mid.item(),
        margin.rad.item(),
        bool(outcome.violated(token.part)[token.row]),
        case,
    )
