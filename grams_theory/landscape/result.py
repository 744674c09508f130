"""What an estimate is: numbers with intervals and reasons, as a table, in a notebook, and as plain data."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from torch import Tensor

from grams_theory.core.evidence import MeasuredEvidence
from grams_theory.core.html import table
from grams_theory.core.summary import number
from grams_theory.landscape.curvature import RelaxedSmoothness, SegmentSmoothness
from grams_theory.landscape.descent import Trajectory
from grams_theory.landscape.groups import GroupEstimate, Spectra
from grams_theory.landscape.noise import NoiseSkew
from grams_theory.landscape.quantity import Quantity

NOT_MEASURED = Quantity(None, "not measured")


@dataclass(frozen=True)
class PLEstimate:
    """What one run says about a loss.

    `mu_lower` holds everywhere (or is None); `mu_upper` bounds any global mu from above, and its interval shows what
    the uncertainty of `f_star` does to it. `smoothness` is a certified upper bound of L (or None); `smoothness_seen`
    the largest curvature met. `kappa` and `disagreement` are medians over the run, with their ranges.
    """

    mu_lower: Quantity
    mu_upper: Quantity
    f_star: Quantity
    smoothness: Quantity
    smoothness_seen: Quantity
    kappa: Quantity
    disagreement: Quantity
    dim: int
    samples: int
    trajectory: Trajectory
    ratios: tuple[float | None, ...]
    """½‖∇f‖²/(f − f*) at the value of f*, per visited point; None where the gap is lost in rounding."""
    curvature: Spectra
    """(index of the point, both ends of the Hessian's spectrum there)."""
    mu_local: Quantity = NOT_MEASURED
    """A lower bound of mu that holds within `radius` of the starting weights."""
    slope: Quantity = NOT_MEASURED
    """Of log ‖∇f‖² against log(f − f*): near f* it is 1 under PL, and 2 where ‖∇f‖ ~ f − f*, so that no mu > 0 is."""
    secant: Quantity = NOT_MEASURED
    """The largest ‖Δ∇f‖/‖Δw‖ of a step: a lower bound of L, kinks or not."""
    segment: tuple[tuple[int, SegmentSmoothness], ...] = ()
    """(index of the point, what the segment of the step from there says of L)."""
    relaxed: RelaxedSmoothness | None = None
    """L <= L0 + L1 ‖∇f‖ at all points seen."""
    groups: Mapping[str, GroupEstimate] = field(default_factory=dict)
    noise: NoiseSkew | None = None
    """Where the expected Grams step descends least; None if no noise was measured."""
    noise_along: tuple[tuple[int, NoiseSkew], ...] = ()
    """(index of the point, what minibatch noise does to the sign of the gradient there)."""
    kinks: tuple[str, ...] = ()
    """Modules that are not smooth: L is then only what was seen."""
    ignored: tuple[str, ...] = ()
    """Parameters that need no gradient."""
    eta: float | None = None
    """The step size of the run; None for steps of 1/L."""
    eps_of_adam: float = 1e-8
    """The ε in Adam's update u, with which kappa was taken."""
    origin: str = ""
    """Where the samples come from."""

    @property
    def dropped(self) -> int:
        """Visited points whose gap f − f* is lost in rounding."""
        return self.ratios.count(None)

    def quantities(self) -> dict[str, Quantity]:
        """Every number of the run as a whole, by name."""
        found = {
            "μ, certified lower bound": self.mu_lower,
            "μ near the start, certified": self.mu_local,
            "μ, upper bound": self.mu_upper,
            "f*": self.f_star,
            "slope of log ‖∇f‖² over log gap": self.slope,
            "L, certified upper bound": self.smoothness,
            "L, seen": self.smoothness_seen,
            "L along steps, secant": self.secant,
            "κ, median": self.kappa,
            "disagreeing coordinates, median share": self.disagreement,
        }
        if self.relaxed is not None:
            seen = len(self.curvature) + len(self.segment)
            points = f"least L0 + L1 ‖∇f‖ above the curvature at {seen} points seen"
            found["L0 of L0 + L1 ‖∇f‖"] = Quantity(self.relaxed.L0, points)
            found["L1 of L0 + L1 ‖∇f‖"] = Quantity(self.relaxed.L1, points)
        if self.noise is not None:
            found["minibatch signs against the gradient's"] = self.noise.sign_disagreement
            found["descent of the expected Grams step"] = self.noise.expected_descent
            found["coordinates with a biased sign"] = self.noise.biased_share
        return found

    def table(self) -> MeasuredEvidence:
        """One row per quantity: value, interval, where it comes from."""
        return MeasuredEvidence(
            title=f"PL, smoothness and alignment of a loss with {self.dim} weights on {self.samples} samples",
            columns=("quantity", "value", "low", "high", "provenance"),
            rows=tuple((name, q.value, q.low, q.high, _where(q)) for name, q in self.quantities().items()),
            notes=self.notes,
        )

    @property
    def notes(self) -> tuple[str, ...]:
        notes = [
            self.trajectory.method,
            f"{self.dropped} of {len(self.ratios)} points dropped: gap lost in rounding",
        ]
        if self.origin:
            notes.append(self.origin)
        if self.kinks:
            notes.append(f"not smooth at {', '.join(self.kinks)}: L is only what was seen")
        if self.ignored:
            notes.append(f"constant, as they need no gradient: {', '.join(self.ignored)}")
        return tuple(notes)

    def groups_table(self) -> MeasuredEvidence:
        """One row per group of parameters."""
        columns = ("group", "weights", "share of ‖g‖²", "κ", "disagree", "L, seen")
        noisy = any(g.noise for g in self.groups.values())
        return MeasuredEvidence(
            title="Per group of parameters: medians over the run, and the largest curvature of its block",
            columns=(*columns, "signs differ", "descent", "biased") if noisy else columns,
            rows=tuple(
                (
                    name,
                    g.dim,
                    g.gradient_share.value,
                    g.kappa.value,
                    g.disagreement.value,
                    g.smoothness_seen.value,
                    *(_noise(g) if noisy else ()),
                )
                for name, g in self.groups.items()
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything but the weights, as mappings, lists, strings and numbers; such as are not finite as strings."""
        return {**_plain(self), "notes": list(self.notes)}

    def to_json(self) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False)

    def _repr_html_(self) -> str:
        return "".join(
            _html(measured) for measured in (self.table(), *([self.groups_table()] if self.groups else []))
        )


def _where(q: Quantity) -> str:
    return q.provenance if q.radius is None else f"{q.provenance}; within {number(q.radius)} of the start"


def _noise(group: GroupEstimate) -> tuple[float | None, ...]:
    skew = group.noise
    if skew is None:
        return None, None, None
    return skew.sign_disagreement.value, skew.expected_descent.value, skew.biased_share.value


def _html(measured: MeasuredEvidence) -> str:
    cells = ([escape(number(cell)) for cell in row] for row in measured.rows)
    notes = "; ".join(map(escape, measured.notes))
    return f"<p>{escape(measured.title)}</p>{table(measured.columns, cells)}<p>{notes}</p>"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {name: _plain(part) for name, part in fields if not isinstance(part, Tensor)}
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
