"""What a run says of each group of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grams_theory.landscape.alignment import Alignment
from grams_theory.landscape.curvature import Spectrum
from grams_theory.landscape.curvature.hessian import NOISE
from grams_theory.landscape.descent import Trajectory
from grams_theory.landscape.noise import Skew
from grams_theory.landscape.quantity import Quantity, over_run

Spectra = tuple[tuple[int, Spectrum], ...]
"""(index of the point, both ends of the spectrum there)."""


@dataclass(frozen=True)
class GroupEstimate:
    """One group. `kappa`, `disagreement` and `gradient_share` are medians over the run, with their ranges."""

    dim: int
    kappa: Quantity
    disagreement: Quantity
    gradient_share: Quantity
    """The part of ‖∇f‖² that lies in the group."""
    smoothness_seen: Quantity
    """The largest curvature met within the group: of the diagonal block of the Hessian."""
    curvature: Spectra = ()
    noise: Skew | None = None


def group_estimates(
    dims: Mapping[str, int],
    run: Trajectory,
    blocks: Mapping[str, Spectra] | None = None,
    noise: Mapping[str, Skew] | None = None,
) -> dict[str, GroupEstimate]:
    """By name of the group, for those of `run.groups`; `dims` says how many weights each has."""
    return {
        name: GroupEstimate(
            dim=dims[name],
            kappa=kappa(found, run.u),
            disagreement=disagreement(found),
            gradient_share=_share(found, run),
            smoothness_seen=largest((blocks or {}).get(name, ()), run, "the group's block of the Hessian"),
            curvature=(blocks or {}).get(name, ()),
            noise=(noise or {}).get(name),
        )
        for name, found in run.groups.items()
    }


def kappa(found: Sequence[Alignment | None], u: str) -> Quantity:
    return over_run([a.kappa for a in found if a], f"⟨|g|, |u|⟩/(‖g‖‖u‖), u {u}")


def disagreement(found: Sequence[Alignment | None]) -> Quantity:
    return over_run([a.disagreement for a in found if a], "coordinates with u_i g_i < 0")


def largest(spectra: Spectra, run: Trajectory, of: str, high: float | None = None) -> Quantity:
    """The largest |eigenvalue| met; its lower end, less residual and rounding, is a lower bound of L."""
    if not spectra:
        return Quantity(None, f"{of} was not looked at", high=high)
    step, top = max(((run.number(t), s.magnitude) for t, s in spectra), key=lambda pair: pair[1].value)
    points = ", ".join(str(run.number(t)) for t, _ in spectra)
    why = f"largest |eigenvalue| of {of} at steps {points} (at {step}), Lanczos, residual {top.residual:.1e}"
    if not top.converged:
        why += ", not converged"
    return Quantity(top.value, why, max(top.value * (1 - NOISE * run.unit) - top.residual, 0.0), high)


def _share(found: Sequence[Alignment | None], run: Trajectory) -> Quantity:
    """Over the points where g and u are known and not 0."""
    points = zip(found, run.alignment, run.grad_norm, strict=True)
    shares = [(a.g_norm / norm) ** 2 if a else 0.0 for a, whole, norm in points if whole]
    return over_run(shares, "share of ‖g‖² in the group")
