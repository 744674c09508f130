"""What is looked at again at the checkpoints of a run: the Hessian and its blocks, the step's segment, the noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grams_theory.landscape.curvature import (
    RelaxedSmoothness,
    SegmentSmoothness,
    Spectrum,
    fit_relaxed_smoothness,
    group_spectra,
    segment_smoothness,
    spectrum,
)
from grams_theory.landscape.descent import Checkpoint, Trajectory
from grams_theory.landscape.groups import Spectra
from grams_theory.landscape.noise import NoiseSkew, noise_skew
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.progress import Progress, Stage

CURVATURE = "Hessians, blocks and segments"
"""What `inspect_curvature` counts."""
BLOCK_TOL = 1e-3
"""Relative accuracy asked of the blocks of groups, which are many; the residual of each is kept."""


@dataclass(frozen=True)
class Inspection:
    """By index of the visited point; everything is empty that was not asked for."""

    curvature: Spectra = ()
    blocks: dict[str, Spectra] | None = None
    segments: tuple[tuple[int, SegmentSmoothness], ...] = ()
    noise: tuple[tuple[int, NoiseSkew], ...] = ()


def inspect_curvature(
    objective: Objective,
    run: Trajectory,
    first: Spectrum,
    tol: float,
    seed: int,
    progress: Progress | None = None,
) -> Inspection:
    """The Hessian at each checkpoint (`first` at the first), its blocks, and the segment of the step taken from there.

    Leaves the weights at the last checkpoint.
    """
    curvature, segments = [], []
    moved = [point.index for point in run.checkpoints if point.step is not None and point.step.any()]
    each = 1 + (len(objective.groups) if len(objective.groups) > 1 else 0)
    looked = Stage(progress, CURVATURE, each * len(run.checkpoints) + len(moved))
    blocks: dict[str, list[tuple[int, Spectrum]]] = {name: [] for name in objective.groups}
    for point in run.checkpoints:
        objective.move_to(point.w)
        whole, parts = spectra(objective, tol, seed, whole=first if point.index == 0 else None, found=looked)
        curvature.append((point.index, whole))
        for name, block in parts.items():
            blocks[name].append((point.index, block))
        if point.step is not None and point.index in moved:
            segments.append((point.index, segment_smoothness(objective, point.w, point.step, seed=seed)))
            looked()
    return Inspection(
        tuple(curvature), {name: tuple(found) for name, found in blocks.items()}, tuple(segments)
    )


def spectra(
    objective: Objective,
    tol: float,
    seed: int,
    whole: Spectrum | None = None,
    found: Callable[[], None] | None = None,
) -> tuple[Spectrum, dict[str, Spectrum]]:
    """Of the Hessian at the present weights (or `whole`, if it is known) and of its block for each group.

    `found` is called after each of them.
    """
    product = objective.hessian_product()
    whole = whole or spectrum(objective, tol, seed, product=product)
    if found is not None:
        found()
    if len(objective.groups) == 1:
        return whole, dict.fromkeys(objective.groups, whole)
    return whole, group_spectra(objective, max(tol, BLOCK_TOL), seed, product=product, found=found)


def inspect_noise(
    objective: Objective,
    checkpoints: tuple[Checkpoint, ...],
    batch_size: int,
    batches: int,
    seed: int,
    progress: Progress | None = None,
) -> tuple[tuple[int, NoiseSkew], ...]:
    """The noise skew at each checkpoint, with Adam's u there. Leaves the weights at the last one."""
    found = []
    drawn = Stage(progress, "minibatches for the noise", len(checkpoints) * batches)
    for point in checkpoints:
        objective.move_to(point.w)
        skew = noise_skew(objective, point.u, batch_size=batch_size, batches=batches, seed=seed, drawn=drawn)
        found.append((point.index, skew))
    return tuple(found)


def relaxed_smoothness(run: Trajectory, seen: Inspection) -> RelaxedSmoothness | None:
    """(L0, L1) over the checkpoints and the ends of their segments, where gradient and Hessian are both known."""
    pairs = [(run.grad_norm[t], found.magnitude.value) for t, found in seen.curvature]
    pairs += [(run.grad_norm[t + 1], abs(s.points[-1].sharpest.value)) for t, s in seen.segments]
    if not pairs:
        return None
    norms, curvatures = zip(*pairs, strict=True)
    return fit_relaxed_smoothness(norms, curvatures)
