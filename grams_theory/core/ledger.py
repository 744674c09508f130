"""The outcome of a verification: one result per claim, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from grams_theory.core.errors import UnknownNameError
from grams_theory.core.evidence import (
    Evidence,
    FuzzEvidence,
    ProofEvidence,
    Witness,
)
from grams_theory.core.html import results_html
from grams_theory.core.verdict import Verdict

SCHEMA = 4


@dataclass(frozen=True)
class ClaimResult:
    """What a verification found about one claim."""

    id: str
    title: str
    source: str
    verdict: Verdict
    recorded: Verdict | None
    """The verdict that a verification must reach; None where none is, as for another optimizer."""
    evidence: tuple[Evidence, ...]
    seconds: float

    @property
    def witness(self) -> Witness | None:
        return next((e for e in self.evidence if isinstance(e, Witness)), None)

    @property
    def proof(self) -> ProofEvidence | None:
        return next((e for e in self.evidence if isinstance(e, ProofEvidence)), None)

    @property
    def fuzz(self) -> FuzzEvidence | None:
        return next((e for e in self.evidence if isinstance(e, FuzzEvidence)), None)

    @property
    def changed(self) -> bool:
        """Whether the verdict differs from the recorded one."""
        return self.recorded is not None and self.verdict is not self.recorded

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "title": self.title,
            "source": self.source,
            "verdict": str(self.verdict),
            "recorded": None if self.recorded is None else str(self.recorded),
            "evidence": [{"type": e.kind, **asdict(e)} for e in self.evidence if not isinstance(e, Witness)],
            "witness": None if self.witness is None else asdict(self.witness),
            "seconds": round(self.seconds, 3),
        }

    def _repr_html_(self) -> str:
        return results_html((self,))


@dataclass(frozen=True)
class Ledger(Mapping[str, ClaimResult]):
    """Results by claim id, in the order of the paper, and the environment that they were obtained in."""

    results: tuple[ClaimResult, ...]
    environment: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, claim_id: str) -> ClaimResult:
        for result in self.results:
            if result.id == claim_id:
                return result
        raise UnknownNameError("result", claim_id, list(self))

    def __iter__(self) -> Iterator[str]:
        return (result.id for result in self.results)

    def __len__(self) -> int:
        return len(self.results)

    @property
    def changed(self) -> tuple[str, ...]:
        return tuple(result.id for result in self.results if result.changed)

    def as_dict(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "claims": [result.as_dict() for result in self.results],
            "environment": dict(self.environment),
        }

    def _repr_html_(self) -> str:
        return results_html(self.results)
