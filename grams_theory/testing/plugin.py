"""pytest plugin: proof-checks that end with the table of claims.

    def test_lemma_4_2_is_proved(examine):
        assert examine("lemma-4.2").verdict == "proved"

`examine(claim_id)` proves and fuzzes a claim once per session. Options: `--gt-budget`, `--gt-seed`, `--gt-device`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grams_theory.core.ledger import ClaimResult
from grams_theory.core.summary import GLYPHS, lines

_RESULTS = pytest.StashKey[dict[str, ClaimResult]]()

Examine = Callable[[str], ClaimResult]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("grams_theory", "machine-checked claims")
    group.addoption("--gt-budget", default="default", help="fuzzing per claim: cases (20000) or time (30s)")
    group.addoption("--gt-seed", type=int, default=0, help="seed of every random stream")
    group.addoption("--gt-device", default="cpu", help="torch device that cases are fuzzed on")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RESULTS] = {}


def _option(config: pytest.Config) -> Callable[[str], Any]:
    return config.getoption


@pytest.fixture(scope="session")
def examine(pytestconfig: pytest.Config) -> Examine:
    """The result of proving and fuzzing a claim, computed once per session."""

    def run(claim_id: str) -> ClaimResult:
        from grams_theory.engine import verify

        results = pytestconfig.stash[_RESULTS]
        if claim_id not in results:
            budget, device, seed = map(_option(pytestconfig), ("gt_budget", "gt_device", "gt_seed"))
            ledger = verify([claim_id], budget, device, seed)
            results.update(ledger)
        return results[claim_id]

    return run


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    results = config.stash[_RESULTS]
    if not results:
        return
    terminalreporter.section("claims")
    width = max(map(len, results))
    for claim_id, result in results.items():
        changed = f"   CHANGED, recorded: {result.recorded}" if result.changed else ""
        terminalreporter.write_line(
            f"{GLYPHS[result.verdict]} {claim_id:<{width}}  {result.verdict:<9}{changed}"
        )
        for line in lines(result.evidence):
            terminalreporter.write_line(f"  {'':<{width}}  {line}")
