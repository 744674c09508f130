"""Where the data come from: scikit-learn, data files of installed packages, or a path that the user supplies.

A loader returns tensors; `Split` is what is trained on, and what is held out. Splits never depend on the
seed of a problem: that draws weights only.
"""

from torch import Tensor

Data = tuple[Tensor, Tensor]
"""Inputs and targets, samples along the first axis."""
Split = tuple[Data, Data]
