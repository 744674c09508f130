"""Smoothness where a run goes: the Hessian's extreme eigenvalues, segments of steps, and (L0, L1)."""

from grams_theory.landscape.curvature.hessian import (
    Eigenvalue,
    Spectrum,
    group_spectra,
    sharpness,
    spectrum,
)
from grams_theory.landscape.curvature.smoothness import (
    RelaxedSmoothness,
    SegmentSmoothness,
    fit_relaxed_smoothness,
    segment_smoothness,
)

__all__ = [
    "Eigenvalue",
    "RelaxedSmoothness",
    "SegmentSmoothness",
    "Spectrum",
    "fit_relaxed_smoothness",
    "group_spectra",
    "segment_smoothness",
    "sharpness",
    "spectrum",
]
