"""What a campaign has seen so far: counts that add up, in any order and across processes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from grams_theory.core.evidence import FuzzEvidence, Streamed
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.evaluate import Outcome

Counters = defaultdict[str, Counter[str]]
DECADES = range(-16, 1)
"""Of relative margins: a smaller one is inside its rounding bound, a larger one there is not."""


@dataclass
class Tally:
    """Counts of sampled rows, and the extremes of their margins."""

    cases: int = 0
    discarded: int = 0
    undecided: int = 0
    resolved: int = 0
    violations: int = 0
    structures: int = 0
    seconds: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    """Part of the claim -> its smallest clear margin."""
    ratios: dict[str, float] = field(default_factory=dict)
    families: Counter[str] = field(default_factory=Counter)
    explored: Counters = field(default_factory=lambda: defaultdict(Counter))
    """Axis of the search -> value -> cases."""
    histogram: Counters = field(default_factory=lambda: defaultdict(Counter))
    """Part of the claim -> decade of the relative margin -> cases: see `decades`."""
    streams: Streamed = field(default_factory=Streamed)
    """What streams counted, apart from all of the above."""

    def add(self, structure: Structure, outcome: Outcome | None) -> None:
        """Count the rows of one structure; None: no row was inside the premise."""
        self.structures += 1
        if outcome is None:
            self.discarded += structure.batch
            return
        inside = int(outcome.inside.sum())
        self.cases += inside
        self.discarded += len(outcome.inside) - inside
        self.undecided += int(outcome.undecided().sum())
        self.resolved += outcome.resolved
        self.families[structure.family] += inside
        for axis, value in axes(structure):
            self.explored[axis][value] += inside
        for part, ratio in outcome.ratios.items():
            self.ratios[part] = max(self.ratios.get(part, 0.0), ratio)
        for part, margin in outcome.margins.items():
            violated = outcome.violated(part)
            self.violations += int(violated.sum())
            clear = violated | (outcome.inside & outcome.decided & margin.surely_nonnegative())
            self.histogram[part].update(
                decades(outcome.relative(part)[outcome.inside], clear[outcome.inside])
            )
            if bool(clear.any()):
                smallest = margin.mid[clear].min().item() + 0.0
                self.parts[part] = min(self.parts.get(part, float("inf")), smallest)

    def merge(self, other: Tally) -> None:
        """Add what another tally counted."""
        for name in ("cases", "discarded", "undecided", "resolved", "violations", "structures", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for part, margin in other.parts.items():
            self.parts[part] = min(self.parts.get(part, margin), margin)
        for part, ratio in other.ratios.items():
            self.ratios[part] = max(self.ratios.get(part, ratio), ratio)
        self.families.update(other.families)
        for name in _NESTED:
            for key, counts in getattr(other, name).items():
                getattr(self, name)[key].update(counts)
        self.streams = together(self.streams, other.streams)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON, from which `from_dict` makes an equal tally."""
        nested = {
            name: {key: dict(counts) for key, counts in getattr(self, name).items()} for name in _NESTED
        }
        return {**vars(self), "families": dict(self.families), "streams": asdict(self.streams), **nested}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Tally:
        nested = {
            name: defaultdict(Counter, {key: Counter(counts) for key, counts in data[name].items()})
            for name in _NESTED
        }
        streams = {**data["streams"], "disagreements": tuple(data["streams"]["disagreements"])}
        return cls(
            **{**data, "families": Counter(data["families"]), "streams": Streamed(**streams), **nested}
        )

    def evidence(self, optimizers: tuple[str, ...], seed: int) -> FuzzEvidence:
        return FuzzEvidence(
            cases=self.cases,
            discarded=self.discarded,
            undecided=self.undecided,
            resolved=self.resolved,
            violations=self.violations,
            min_margin=min(self.parts.values(), default=None),
            parts=dict(self.parts),
            ratios=dict(self.ratios),
            families=dict(sorted(self.families.items())),
            structures=self.structures,
            optimizers=optimizers,
            seed=seed,
            seconds=self.seconds,
            explored={axis: dict(sorted(counts.items())) for axis, counts in sorted(self.explored.items())},
            histogram={
                part: dict(sorted(counts.items(), key=lambda item: float(item[0])))
                for part, counts in self.histogram.items()
            },
            streams=None if self.streams == Streamed() else self.streams,
        )


_NESTED = ("explored", "histogram")


def together(one: Streamed, other: Streamed) -> Streamed:
    """What both counted, in any order."""
    return Streamed(
        **{f.name: _added(getattr(one, f.name), getattr(other, f.name)) for f in fields(Streamed)}
    )


def _added(one: Any, other: Any) -> Any:
    """Counts add up, also those in mappings; of margins the smaller stands; texts are gathered."""
    match one, other:
        case int(), int():
            return one + other
        case float(), float():
            return min(one, other)
        case tuple(), tuple():
            return tuple(sorted({*one, *other}))
        case Mapping(), Mapping():
            both = {
                **one,
                **other,
                **{key: _added(one[key], other[key]) for key in one.keys() & other.keys()},
            }
            return dict(sorted(both.items()))
    return one if other is None else other


def decades(relative: Tensor, clear: Tensor) -> Counter[str]:
    """How many relative margins, shape (B,), lie in each decade: "1e-3" counts those in [1e-3, 1e-2).

    "-1e-3" counts violations of that size. "0": equality as far as floating point can tell, where `clear`, shape (B,),
    does not hold or the margin is 0.
    """
    edges = torch.tensor([10.0**decade for decade in DECADES], dtype=relative.dtype, device=relative.device)
    place = torch.bucketize(relative.abs(), edges, right=True) * relative.sign().long() * clear
    counts = torch.bincount(place + len(DECADES), minlength=2 * len(DECADES) + 1).tolist()
    names = [f"1e{decade}" for decade in DECADES]
    labels = (*(f"-{name}" for name in reversed(names)), "0", *names)
    return Counter({label: count for label, count in zip(labels, counts, strict=True) if count})


def axes(structure: Structure) -> Iterator[tuple[str, str]]:
    """What was chosen for a structure, besides its family and seed."""
    (beta1, beta2), eps = structure.hyper.betas, structure.hyper.eps
    yield "dimension", f"{structure.dim:2d}"
    yield "hyperparameters", f"betas ({beta1:g}, {beta2:g}), eps {eps:g}"
    for name, value in {**structure.options, **structure.knobs}.items():
        yield name, f"{value:g}" if isinstance(value, float) else str(value)
