"""A model, its loss function and its data as one function f of a flat weight vector."""

from grams_theory.landscape.objective.objective import LossFunction, Objective

__all__ = ["LossFunction", "Objective"]
