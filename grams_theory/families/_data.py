"""Real data that ships with scikit-learn: loaded once, standardised, with the certified spectrum of X'X/n."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from grams_theory.core.rounding import Ball
from grams_theory.families._certify import certified_spectrum


@dataclass(frozen=True)
class Data:
    """n samples of D standardised features, with a target each. float64 on the CPU."""

    features: Tensor
    """X, shape (n, D): columns of mean 0 and variance 1; constant columns are dropped."""
    target: Tensor
    """Shape (n,)."""
    spectrum: Ball
    """Enclosures of the eigenvalues of X'X/n, shape (D,)."""

    def standardised_target(self) -> Tensor:
        return (self.target - self.target.mean()) / self.target.std()


@cache
def load(name: str, dim: int | None = None) -> Data:
    """The first `dim` features (default: all) of "breast_cancer", "diabetes" or "digits"."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    raw = torch.tensor(bunch.data, dtype=torch.float64)
    raw = raw[:, raw.std(0) > 0][:, :dim]
    features = (raw - raw.mean(0)) / raw.std(0)
    gram = Ball.exact(features.mT) @ features / len(features)
    eigenvalues, basis = torch.linalg.eigh(gram.mid)
    return Data(
        features,
        torch.tensor(bunch.target, dtype=torch.float64),
        certified_spectrum(gram, basis, eigenvalues),
    )
