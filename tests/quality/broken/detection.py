"""How a fault is looked for: through a claim whose part its class plays, or by a check of conformance."""

import time
from dataclasses import dataclass

from grams_theory import claims
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from grams_theory.engine.production import Rig
from grams_theory.testing import conformance

CHECKS_BY_NAME = {f"check_{check.name}": check for check in conformance.checks()}


@dataclass(frozen=True)
class Detection:
    """What looking for a fault came to. `cases` are those that were stepped; a check of conformance has none."""

    caught: bool
    seconds: float
    cases: int | None = None


def detect(cls, by, *, budget, seed=0):
    """Look at the class by the check of that name, or by the claim of that id for at most `budget` one-step cases."""
    began = time.perf_counter()
    if by in CHECKS_BY_NAME:
        return Detection(_broken(CHECKS_BY_NAME[by], cls), time.perf_counter() - began)
    evidence, found = hunt(
        claims.by_id(by), Budget.parse(budget), run_seed=seed, rig=Rig(cast={cls.role: cls}), shrinks=0
    )
    return Detection(found is not None, time.perf_counter() - began, evidence.cases)


def _broken(check, cls):
    return not conformance.run(cls, checks=[check], device=getattr(cls, "device", "cpu")).passed
