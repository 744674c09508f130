"""Instruments for real losses: the PL constant, smoothness and alignment along a run, and the losses themselves."""

from grams_theory.landscape.estimate import PLEstimate, estimate_pl
from grams_theory.landscape.losses import Problem, by_name, load, names

__all__ = ["PLEstimate", "Problem", "by_name", "estimate_pl", "load", "names"]
