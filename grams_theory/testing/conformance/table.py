"""The table: every check, for every implementation of an optimizer."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Literal

import torch

from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.engine.production import OptimizerClass
from grams_theory.testing.conformance import promises
from grams_theory.testing.conformance.description import Description, describe
from grams_theory.testing.conformance.marks import NotApplicable
from grams_theory.testing.conformance.setup import Setup

Verdict = Literal["passed", "failed", "known deviation", "not applicable"]
GLYPHS: dict[Verdict, str] = {"passed": "✓", "failed": "✗", "known deviation": "!", "not applicable": "–"}
DTYPES = (torch.float64, torch.float32)


@dataclass(frozen=True)
class Check:
    """One promise: `function(setup)` raises AssertionError if it is broken, NotApplicable if it says nothing."""

    function: Callable[[Setup], None]

    @property
    def name(self) -> str:
        return self.function.__name__.removeprefix("check_")

    @property
    def promise(self) -> str:
        """What is promised, in a sentence."""
        return " ".join((self.function.__doc__ or "").split("\n\n")[0].split())

    @property
    def once(self) -> bool:
        """Whether it is about the class, so that it is tried with one implementation."""
        return getattr(self.function, "once", False)

    @property
    def slow(self) -> bool:
        """Whether it takes seconds; then it is tried only if it is asked for."""
        return getattr(self.function, "slow", False)


@dataclass(frozen=True)
class Outcome:
    """What a check came to with one implementation. The message says what was expected, or why nothing was."""

    check: str
    implementation: str
    verdict: Verdict
    message: str = ""


@dataclass(frozen=True)
class Report:
    """All outcomes for one optimizer; `str` is the table.

    Attributes:
        optimizer: its description.
        device, dtype: of the parameters, where a check does not choose them.
        outcomes: in the order of the checks, then of the implementations.
    """

    optimizer: Description
    device: torch.device
    dtype: torch.dtype
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed; a known deviation is none."""
        return not self.failures

    @property
    def failures(self) -> dict[tuple[str, str], str]:
        """(check, implementation) -> what was expected."""
        return self.messages("failed")

    @property
    def deviations(self) -> dict[tuple[str, str], str]:
        """(check, implementation) -> the evidence for a known fault, which is still there."""
        return self.messages("known deviation")

    def messages(self, verdict: Verdict) -> dict[tuple[str, str], str]:
        """(check, implementation) -> message, of all outcomes with that verdict."""
        return {(o.check, o.implementation): o.message for o in self.outcomes if o.verdict == verdict}

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _lines(report: Report) -> Iterator[str]:
    counts = Counter(o.verdict for o in report.outcomes)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in GLYPHS if counts[verdict])
    yield f"{report.optimizer.name} on {report.device}, {str(report.dtype).removeprefix('torch.')}: {told}"
    yield ""
    implementations = list(dict.fromkeys(o.implementation for o in report.outcomes))
    rows: dict[str, dict[str, str]] = {}
    for o in report.outcomes:
        rows.setdefault(o.check, {})[o.implementation] = GLYPHS[o.verdict]
    width = max(map(len, rows), default=0)
    yield " " * width + "  " + "  ".join(implementations)
    for check, found in rows.items():
        cells = (f"{found.get(name, ''):^{len(name)}}" for name in implementations)
        yield f"{check:<{width}}  {'  '.join(cells)}".rstrip()
    for verdict in ("failed", "known deviation", "not applicable"):
        grouped: dict[tuple[str, str], list[str]] = {}
        for (check, implementation), message in report.messages(verdict).items():
            grouped.setdefault((check, message), []).append(implementation)
        if grouped:
            yield f"\n{GLYPHS[verdict]} {verdict}"
        for (check, message), where in grouped.items():
            yield f"  {check} ({', '.join(where)}): {message}"
    if report.optimizer.refused:
        yield "\nnot tried, because one step was refused"
    for what, reason in report.optimizer.refused.items():
        yield f"  {what}: {reason}"


@cache
def checks() -> tuple[Check, ...]:
    """Every `check_*` function of `conformance.promises`, found without being listed."""
    found = []
    for info in iter_modules(promises.__path__):
        module = import_module(f"{promises.__name__}.{info.name}")
        found += [
            Check(value)
            for name, value in vars(module).items()
            if name.startswith("check_") and value.__module__ == module.__name__
        ]
    return tuple(found)


def quick() -> tuple[Check, ...]:
    """The checks that take less than a second."""
    return tuple(check for check in checks() if not check.slow)


def by_name(name: str) -> Check:
    """The check of that name.

    Raises:
        UnknownNameError: there is none.
    """
    known = {check.name: check for check in checks()}
    if name not in known:
        raise UnknownNameError("check", name, known)
    return known[name]


@dataclass(frozen=True)
class Case:
    """One check on one implementation. As a test, `case()` passes, fails, or is skipped or expected to fail."""

    check: Check
    setup: Setup

    @property
    def __name__(self) -> str:
        """The id that pytest gives it."""
        return f"{self.setup.name}-{self.setup.implementation}-{self.check.name}"

    def judge(self) -> Outcome:
        """Try it."""
        verdict, message = self._tried()
        evidence = self.setup.optimizer.deviations.get((self.check.name, self.setup.implementation))
        if evidence is not None and verdict == "failed":
            verdict, message = "known deviation", evidence
        elif evidence is not None and verdict == "passed":
            verdict, message = (
                "failed",
                f"it passes, so it is no longer true: {evidence}; take it off the list",
            )
        return Outcome(self.check.name, self.setup.implementation, verdict, message)

    def _tried(self) -> tuple[Verdict, str]:
        try:
            with warnings.catch_warnings(), torch.enable_grad():
                warnings.simplefilter("ignore")
                self.check.function(self.setup)
        except (NotApplicable, UsageError) as reason:
            return "not applicable", str(reason)
        except AssertionError as failure:
            return "failed", str(failure)
        except Exception as error:
            return "failed", f"{self.setup.name} raised {error!r}"
        return "passed", ""

    def __call__(self) -> None:
        """Fail, skip or expect failure as pytest does."""
        import pytest

        outcome = self.judge()
        if outcome.verdict == "failed":
            pytest.fail(f"{outcome.message}\nthe promise: {self.check.promise}", pytrace=False)
        if outcome.verdict == "known deviation":
            pytest.xfail(outcome.message)
        if outcome.verdict == "not applicable":
            pytest.skip(outcome.message)


def cases(
    optimizer: str | OptimizerClass | Description,
    *,
    implementations: Iterable[str] | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float64,
    checks: Iterable[Check | str] | None = None,
) -> list[Case]:
    """One case for each check and implementation, to be called; see `run` for the arguments and errors."""
    if dtype not in DTYPES:
        raise UsageError(f"dtype={dtype} must be one of {DTYPES}; checks of low precision choose theirs")
    described = describe(optimizer, device)
    names = described.implementations if implementations is None else tuple(implementations)
    for name in names:
        described.flags(name)
    chosen = quick() if checks is None else [by_name(c) if isinstance(c, str) else c for c in checks]
    place = torch.device(device)
    return [
        Case(check, Setup(described, name, place, dtype))
        for check in chosen
        for name in (names[:1] if check.once else names)
    ]


def run(
    optimizer: str | OptimizerClass | Description,
    *,
    implementations: Iterable[str] | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float64,
    checks: Iterable[Check | str] | None = None,
) -> Report:
    """Try every check on every implementation.

    Args:
        optimizer: a class, "module:Class", or a `Description`.
        implementations: names in IMPLEMENTATIONS; None is all that the optimizer has on the device.
        device: where its parameters are.
        dtype: float64 or float32, of the parameters where a check does not choose it.
        checks: checks, or their names; None is all that are not slow.

    Raises:
        UsageError: the optimizer cannot be loaded or built, has no such implementation, or there is no such check or
            dtype.
    """
    found = cases(optimizer, implementations=implementations, device=device, dtype=dtype, checks=checks)
    described = found[0].setup.optimizer if found else describe(optimizer, device)
    return Report(described, torch.device(device), dtype, tuple(case.judge() for case in found))
