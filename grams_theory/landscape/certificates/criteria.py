"""Loss functions that certify their constants: squares, logistic and softmax, with a ridge.

Each is a mean over samples; `ridge` adds (ridge/2) ‖w‖² over all trainable parameters, biases included.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from grams_theory.core.errors import UsageError
from grams_theory.landscape.certificates.certificate import Certificate
from grams_theory.landscape.certificates.links import Link, Logistic, Softmax, Squares
from grams_theory.landscape.certificates.means import certify_mean
from grams_theory.landscape.certificates.readings import Mean
from grams_theory.landscape.objective import Objective


@dataclass(frozen=True)
class _Criterion(Mean):
    ridge: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.ridge < float("inf"):
            raise UsageError(f"ridge={self.ridge} must be finite and >= 0")

    def certify(self, objective: Objective) -> Certificate:
        """See `certify_mean`. Of a subclass that computes another loss, only with `means` of its own."""
        return certify_mean(objective)


def _one_shape(output: Tensor, target: Tensor) -> None:
    if output.shape != target.shape:
        raise UsageError(
            f"outputs {tuple(output.shape)} and targets {tuple(target.shape)} must have one shape"
        )


@dataclass(frozen=True)
class SquareLoss(_Criterion):
    """½ Σ_outputs (output − target)², averaged over samples. Targets have the shape of the outputs."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        _one_shape(output, target)
        return (output - target).square().sum() / (2 * len(output))

    def means(self, outputs: int) -> tuple[type[Link], int]:
        return Squares, 2


@dataclass(frozen=True)
class LogisticLoss(_Criterion):
    """Binary cross-entropy of logits, targets 0 or 1 in the shape of the outputs; curvature at most 1/4."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        _one_shape(output, target)
        return binary_cross_entropy_with_logits(output, target)

    def means(self, outputs: int) -> tuple[type[Link], int]:
        return Logistic, outputs


@dataclass(frozen=True)
class SoftmaxLoss(_Criterion):
    """Cross-entropy of logits (n, classes) with class indices (n,); diag(p) − pp' has eigenvalues at most 1/2."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(output, target)

    def means(self, outputs: int) -> tuple[type[Link], int]:
        return Softmax, 1
