"""How much fuzzing a claim gets: a number of sampled cases (reproducible) or a time."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field, replace

from grams_theory.core.errors import UsageError

DEFAULT_CASES = 10_000
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass
class Budget:
    """Spent when `cases` cases were sampled or `seconds` have passed, whichever is set."""

    cases: int | None = DEFAULT_CASES
    seconds: float | None = None
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def parse(cls, text: str | int, default: int = DEFAULT_CASES) -> Budget:
        """What a text means: "default", a number of one-step cases (200000, 2e5), or a time ("30s", "5m", "1h").

        `default` is what the kind of case at hand gets by default: a number of cases is scaled by it, so that whole
        runs, which cost more than single steps, get fewer.

        Raises:
            UsageError: anything else, or nothing at all to spend.
        """
        if text == "default":
            return cls(cases=default)
        timed = re.fullmatch(r"\s*([0-9.]+)\s*([smh])\s*", str(text))
        try:
            amount = float(timed[1]) if timed else float(str(text).replace("_", ""))
        except ValueError:
            amount = float("nan")
        if not 0 < amount < float("inf"):
            raise UsageError(
                f"budget {text!r} must be positive: a number of cases (200000) or a time (30s, 5m, 1h)"
            )
        if timed:
            return cls(cases=None, seconds=amount * _SECONDS[timed[2]])
        return cls(cases=max(1, round(amount * default / DEFAULT_CASES)))

    def fresh(self) -> Budget:
        """The same budget, unspent."""
        return Budget(self.cases, self.seconds)

    def less(self, seconds: float) -> Budget:
        """The same budget, with so many more of its seconds spent."""
        return replace(self, started=self.started - seconds)

    def done(self, cases: int) -> float:
        """The share that is spent, in [0, 1]."""
        if self.seconds is not None:
            return min(1.0, (time.monotonic() - self.started) / self.seconds)
        assert self.cases is not None
        return min(1.0, cases / self.cases)

    def spent(self, cases: int) -> bool:
        return self.done(cases) >= 1.0
