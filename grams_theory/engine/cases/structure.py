"""What Hypothesis draws: small, serialisable structure from which tensors of cases are filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from grams_theory import families
from grams_theory.core.claim import Claim
from grams_theory.core.errors import UsageError
from grams_theory.core.function import Family, FunctionBatch
from grams_theory.core.random import generator
from grams_theory.engine.production import Hyper


@dataclass(frozen=True)
class Structure:
    """One batch of cases, complete: the same structure gives the same tensors, up to the rounding of the machine."""

    family: str
    dim: int
    seed: int
    batch: int
    options: Mapping[str, Any] = field(default_factory=dict)
    hyper: Hyper = field(default_factory=Hyper)
    knobs: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the driver, such as the history length or the fraction of the allowed step size."""

    def functions(self, device: str) -> FunctionBatch:
        """The functions of the batch, sampled from their own stream."""
        family = families.by_name(self.family)
        stream = generator(self.seed, "family", device=device)
        return family(stream, self.batch, self.dim, **self.options)

    def as_dict(self) -> dict[str, Any]:
        return {
            "family": self.family,
            "dim": self.dim,
            "seed": self.seed,
            "batch": self.batch,
            "options": dict(self.options),
            "hyper": {"betas": list(self.hyper.betas), "eps": self.hyper.eps},
            "knobs": dict(self.knobs),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Structure:
        hyper = Hyper(tuple(data["hyper"]["betas"]), data["hyper"]["eps"])
        return cls(**{**data, "hyper": hyper})


def covering(claim: Claim) -> list[Family]:
    """Families whose certificates cover the claim's assumptions, quadratics first: they can be rechecked exactly.

    Raises:
        UsageError: there is none.
    """
    if claim.families:
        return [families.by_name(name) for name in claim.families]
    needed = {assumption.id for assumption in claim.assumptions}
    found = [family for family in families.certifying(needed) if "stochastic" not in family.traits]
    if not found:
        raise UsageError(
            f"claim {claim.id!r} needs {sorted(needed)}, which no family certifies; add a family"
        )
    return sorted(found, key=lambda family: "quadratic" not in family.traits)


HYPERS = (
    Hyper(),
    Hyper((0.5, 0.5), 1e-8),
    Hyper((0.9, 0.999), 1e-3),
    Hyper((0.9, 0.95), 1.0),
    Hyper((0.0, 0.999), 1e-8),
    Hyper((0.99, 0.9), 0.1),
)
"""Defaults first; then a short memory, visible and dominant eps, no momentum, and a first moment that lags."""


SEEDS = st.lists(st.integers(0, 63), min_size=5, max_size=5).map(
    lambda digits: sum(digit << 6 * place for place, digit in enumerate(digits))
)
"""Seeds below 2^30, digit by digit: into wider draws Hypothesis mixes integers of whatever modules are imported, and
then a turn would not be a function of its number."""


CELLS = 1 << 24
"""Entries of the largest batch of Hessians, B D D: what bounds the memory of a batch."""


@st.composite
def structures(
    draw: st.DrawFn, family: Family, batch: int, hypers: tuple[Hyper, ...], **knobs: Any
) -> Structure:
    """A dimension and options that the family allows, hyperparameters, a seed, and the knobs; simplest first."""
    dim = draw(st.sampled_from(family.dims))
    return Structure(
        family=family.name,
        dim=dim,
        seed=draw(SEEDS),
        batch=min(batch, max(1, CELLS // dim**2)),
        options={name: draw(st.sampled_from(values)) for name, values in family.options.items()},
        hyper=draw(st.sampled_from(hypers)),
        knobs={name: draw(strategy) for name, strategy in knobs.items()},
    )
