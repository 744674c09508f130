"""Quadratics whose Hessian is L times a reflection: every curvature is L or −L.

They attain the sharp comparison of Grams with the cautious step over L-smooth functions: with y = w − ηa and
z = w − η(a + b), ⟨a, b⟩ = 0, the reflection that takes a + b/2 to the direction of b makes
f(z) − f(y) = −η⟨g, b⟩ + η²L‖b‖√(‖a‖² + ‖b‖²/4), the largest value possible.
"""

from torch import Generator, Tensor

from grams_theory.core.function import Family
from grams_theory.core.rounding import Ball
from grams_theory.families._certify import frobenius, upper
from grams_theory.families._draw import SCALES, normal, reflections, scales
from grams_theory.families._quadratic import DenseQuadratic


def reflection(a: Tensor, b: Tensor, L: Tensor) -> Tensor:
    """L times the reflection that takes the direction of a + b/2 to that of b != 0.

    Args:
        a, b: shape (B, D), float64.
        L: shape (B,).

    Returns:
        H, shape (B, D, D), exactly symmetric; H (a + b/2) = L ‖a + b/2‖ b / ‖b‖ up to rounding.
    """
    middle = a + b / 2
    axis = middle / middle.norm(dim=-1, keepdim=True) - b / b.norm(dim=-1, keepdim=True)
    return L[..., None, None] * reflections(axis)


def certified_norm(hessian: Tensor) -> Tensor:
    """An upper bound on ‖H‖ for symmetric H with H² about a multiple of I, shape (B, D, D) -> (B,)."""
    square = Ball.exact(hessian) @ hessian
    diagonal = square.mid.diagonal(dim1=-2, dim2=-1)
    size = diagonal.amax(-1)
    residual = frobenius(
        square - size[..., None, None] * hessian.new_ones(()).expand(hessian.shape[-1]).diag()
    )
    return upper((Ball.exact(size) + residual).sqrt())


def sample(generator: Generator, batch: int, dim: int, scale: float = 1.0) -> DenseQuadratic:
    a, b = normal(generator, batch, dim), normal(generator, batch, dim)
    hessian = reflection(a, b, scales(generator, batch, scale))
    return DenseQuadratic(hessian, normal(generator, batch, dim), certified_norm(hessian))


FAMILY = Family(
    name="reflection",
    title="scaled reflection",
    traits=frozenset({"smooth", "quadratic"}),
    sample=sample,
    dims=(2, 3, 5, 8, 16),
    options={"scale": SCALES},
)
