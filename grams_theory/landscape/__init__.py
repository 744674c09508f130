"""Instruments for real losses: the PL constant, smoothness and alignment along a run, and the losses themselves."""

from grams_theory.landscape.comparison import comparison_step_size
from grams_theory.landscape.estimate import PLEstimate, estimate_pl
from grams_theory.landscape.losses import Problem, by_name, load, names
from grams_theory.landscape.noise import NoiseSkew, noise_skew
from grams_theory.landscape.stream import PLStream, pl_callback, watch_pl

__all__ = [
    "NoiseSkew",
    "PLEstimate",
    "PLStream",
    "Problem",
    "by_name",
    "comparison_step_size",
    "estimate_pl",
    "load",
    "names",
    "noise_skew",
    "pl_callback",
    "watch_pl",
]
