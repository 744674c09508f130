"""Instruments for real losses: the PL constant, smoothness and alignment along a run, and the losses themselves."""

from grams_theory.landscape.comparison import comparison_step_size
from grams_theory.landscape.estimate import PLEstimate, estimate_pl
from grams_theory.landscape.losses import Problem, by_name, load, names

__all__ = ["PLEstimate", "Problem", "by_name", "comparison_step_size", "estimate_pl", "load", "names"]
