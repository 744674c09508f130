"""Attack the certificates of a function family: its constants, its gradient, its traits.

Points and directions are found with autograd Hessians of `value`; what is then tested are inequalities that the
certificates imply, in ball arithmetic. So a failure is a proof, and no tolerance is involved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.function import Family, FunctionBatch
from grams_theory.core.random import generator
from grams_theory.core.rounding import Ball

STEPS = (1e-1, 1e-3, 1e-5)
"""Distances between the points of a pair, relative to 1 + their size."""
NEWTON_STEPS = 12
ZOOMS = (1e3, 1.3, 1.01)
"""Successive factors around the best point of a ray, each scanned at RAY points."""
RAY = 48


class CertificateError(AssertionError):
    """A certificate of a family is wrong; the message names the batch index."""


@dataclass(frozen=True)
class Certified:
    """What an attack that found nothing has seen."""

    rows: int
    """Functions attacked."""
    inequalities: int
    """Inequalities that were tested."""
    curvature: float
    """Largest ‖∇f(y) − ∇f(x)‖ / (L ‖y − x‖) seen: 1 if L is attained."""
    pl: float
    """Smallest ‖∇f‖² / (2 mu (f − f*)) seen: 1 if mu is attained, +inf without a PL constant."""


def hessian(f: FunctionBatch, w: Tensor) -> Tensor:
    """Hessians of f at w, shape (B, D) -> (B, D, D), by differentiating `value` twice."""
    w = w.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(f.value(w).sum(), w, create_graph=True)
    rows = [torch.autograd.grad(gradient[:, j].sum(), w, retain_graph=True)[0] for j in range(w.shape[-1])]
    return torch.stack(rows, -2)


def _ratio(f: FunctionBatch, w: Tensor) -> Tensor:
    """‖∇f‖² / (2 (f − f*)) as plain floats, +inf where f − f* is lost in rounding."""
    assert f.minimum is not None
    gap = f.value(Ball.exact(w)) - f.minimum
    return torch.where(gap.mid > 4 * gap.rad, norm2(f.gradient(w)) / (2 * gap.mid), torch.inf)


def _reference(f: FunctionBatch, start: Tensor) -> Tensor:
    """The minimiser if it is known; with a PL constant a point near one; else `start`."""
    if f.minimizer is not None or f.pl is None:
        return start if f.minimizer is None else f.minimizer
    w = start
    for _ in range(NEWTON_STEPS):
        step = torch.linalg.lstsq(hessian(f, w), f.gradient(w).unsqueeze(-1)).solution.squeeze(-1)
        lower = f.value(w - step) < f.value(w)
        if not bool(lower.any()):
            break
        w = torch.where(lower.unsqueeze(-1), w - step, w - f.gradient(w) / f.smoothness.unsqueeze(-1))
    return w


def _valley(f: FunctionBatch, reference: Tensor, direction: Tensor) -> Tensor:
    """The point on the ray from the reference along `direction` with the smallest PL ratio, shape (B, D)."""
    distance = torch.ones_like(f.smoothness)
    for width in ZOOMS:
        exponents = torch.linspace(-1, 1, RAY, dtype=torch.float64, device=distance.device)
        distances = distance * width ** exponents.unsqueeze(-1)
        best = _ratio(f, reference + distances.unsqueeze(-1) * direction).argmin(0, keepdim=True)
        distance = distances.gather(0, best).squeeze(0)
    return reference + distance.unsqueeze(-1) * direction


def _places(f: FunctionBatch, family: Family, seed: int) -> tuple[Tensor, Tensor]:
    """Points (P, B, D), and unit directions (V, B, D) of extreme and of random curvature."""
    gen = generator(seed, "certificates", family.name, device=f.smoothness.device)
    starts = [f.start(gen, radius) for radius in (0.1, 1.0, 10.0)]
    reference = _reference(f, starts[0])
    values, vectors = torch.linalg.eigh(hessian(f, reference))
    least = torch.where(values > 1e-9 * f.smoothness.unsqueeze(-1), values, torch.inf).argmin(-1)
    columns = [values.abs().argmax(-1), values.argmin(-1), least]
    extreme = [
        vectors.gather(-1, c[:, None, None].expand(-1, values.shape[-1], 1)).squeeze(-1) for c in columns
    ]
    noise = torch.randn(f.shape, generator=gen, dtype=torch.float64, device=gen.device)
    points = [reference, torch.zeros_like(reference), *starts, *(reference + v for v in extreme)]
    if f.pl is not None:
        points.append(_valley(f, reference, extreme[-1]))
    return torch.stack(points), torch.stack([*extreme, noise / noise.norm(dim=-1, keepdim=True)])


def _pairs(points: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs x, y, each of shape (K, B, D): from every point along every direction at every distance of STEPS."""
    steps = torch.tensor(STEPS, dtype=points.dtype, device=points.device)[:, None, None]
    x = points[:, None, None]
    y = x + steps * (1 + x.norm(dim=-1, keepdim=True)) * directions[:, None]
    return x.expand_as(y).flatten(0, 2), y.flatten(0, 2)


def _on_pair(f: FunctionBatch, traits: frozenset[str], x: Tensor, y: Tensor) -> Iterator[tuple[str, Ball]]:
    """Inequalities margin >= 0 for pairs (K, B, D), each of shape (K, B)."""
    d = Ball.exact(y) - x
    g = f.gradient(Ball.exact(x))
    turned = f.gradient(Ball.exact(y)) - g
    change = f.change(x, d)
    yield "smoothness: ‖∇f(y) − ∇f(x)‖ <= L ‖y − x‖", norm2(d) * f.smoothness**2 - norm2(turned)
    yield (
        "gradient: |f(y) − f(x) − ⟨∇f(x), y − x⟩| <= L ‖y − x‖²/2",
        norm2(d) * f.smoothness / 2 - abs(change - dot(g, d)),
    )
    yield "change(x, d) = f(x + d) − f(x)", -abs(f.value(Ball.exact(y)) - f.value(Ball.exact(x)) - change)
    if "convex" in traits:
        yield "convex: ⟨∇f(y) − ∇f(x), y − x⟩ >= 0", dot(turned, d)
    if "separable" in traits and x.shape[-1] > 1:
        first = torch.arange(x.shape[-1], device=x.device) % 2 == 0
        mixed = [Ball.exact(torch.where(first, *pair)) for pair in ((x, y), (y, x))]
        crossed = f.value(mixed[0]) + f.value(mixed[1]) - f.value(Ball.exact(x)) - f.value(Ball.exact(y))
        yield "separable: f(x₁, y₂) + f(y₁, x₂) = f(x) + f(y)", -abs(crossed)


def _at_point(f: FunctionBatch, traits: frozenset[str], w: Tensor) -> Iterator[tuple[str, Ball]]:
    """Inequalities margin >= 0 for points (P, B, D), each of shape (P, B)."""
    value, g = f.value(Ball.exact(w)), f.gradient(Ball.exact(w))
    if f.minimum is not None:
        yield "minimum: f(w) >= f*", value - f.minimum
    if f.minimum is not None and f.minimizer is not None:
        yield "minimizer: f(x*) = f*", -abs(f.value(Ball.exact(f.minimizer.expand_as(w))) - f.minimum)
    if f.pl is not None and f.minimum is not None:
        yield "pl: ‖∇f(w)‖²/2 >= mu (f(w) − f*)", norm2(g) / 2 - (value - f.minimum) * f.pl
    if "quadratic" in traits:
        forms = [f.quadratic(row) for row in range(w.shape[-2])]
        matrix = torch.stack([form[0] for form in forms if form is not None])
        x = Ball.exact(w) - torch.stack([form[1] for form in forms if form is not None])
        yield (
            "quadratic: f(w) = (w − c)'H(w − c)/2",
            -abs(dot((x.unsqueeze(-2) @ matrix)[..., 0, :], x) / 2 - value),
        )


def _check_records(f: FunctionBatch, traits: frozenset[str], batch: int, dim: int) -> str | None:
    """What is wrong with the attributes as such, or None."""
    constants = {"smoothness": f.smoothness, "pl": f.pl}
    for name, constant in constants.items():
        if constant is not None and (constant.shape != (batch,) or constant.dtype != torch.float64):
            return (
                f"{name} must be float64 of shape ({batch},), is {constant.dtype} of {tuple(constant.shape)}"
            )
        if constant is not None and not bool((torch.isfinite(constant) & (constant > 0)).all()):
            return f"{name} must be finite and > 0, is {constant.tolist()}"
    if f.shape != (batch, dim):
        return f"shape must be {(batch, dim)}, is {f.shape}"
    for trait, needed in {"bounded": ("minimum",), "pl": ("pl", "minimum")}.items():
        if trait in traits and any(getattr(f, name) is None for name in needed):
            return f"the trait {trait!r} needs {' and '.join(f'`{name}`' for name in needed)}"
    if "quadratic" in traits and any(f.quadratic(row) is None for row in range(batch)):
        return "the trait 'quadratic' needs `quadratic(row)` for every row"
    return None


def check_certificates(
    family: Family,
    seed: int = 0,
    *,
    dim: int | None = None,
    batch: int = 16,
    options: Mapping[str, Any] | None = None,
    device: str | torch.device = "cpu",
) -> Certified:
    """Sample a batch and attack what it certifies: L, mu, f*, x*, gradient, `change` and the family's traits.

    Args:
        family: the family, your own included.
        seed: of the batch and of the attack.
        dim: dimension; default the first one that the family allows.
        batch: how many functions.
        options: options of the family.
        device: where the batch is drawn and attacked.

    Returns:
        How much was tested, and how closely the certified constants were attained.

    Raises:
        CertificateError: an inequality that the certificates imply is violated beyond its rounding bound, or
            cannot be evaluated (an infinite radius); the message names the batch index.
    """
    dim, options, traits = family.dims[0] if dim is None else dim, dict(options or {}), family.traits
    f = family(generator(seed, "family", family.name, device=device), batch, dim, **options)
    case = f"family {family.name!r} (dim={dim}, batch={batch}, options={options}, seed={seed})"
    wrong = _check_records(f, traits, batch, dim)
    if wrong is not None:
        raise CertificateError(f"{case}: {wrong}")
    points, directions = _places(f, family, seed)
    x, y = _pairs(points, directions)
    inequalities = 0
    for what, margin in (*_at_point(f, traits, points), *_on_pair(f, traits, x, y)):
        bad = margin.surely_negative() | ~torch.isfinite(margin.mid) | ~torch.isfinite(margin.rad)
        if bool(bad.any()):
            row = int(bad.any(0).int().argmax())
            worst = margin[int(bad[:, row].int().argmax()), row]
            raise CertificateError(
                f"{case}: at batch index {row}, {what} fails by {worst.mid:.3g} +/- {worst.rad:.1g}"
            )
        inequalities += margin.mid.numel()
    secant = (f.gradient(y) - f.gradient(x)).norm(dim=-1) / (f.smoothness * (y - x).norm(dim=-1))
    pl = torch.inf if f.pl is None else (_ratio(f, points) / f.pl).min().item()
    return Certified(batch, inequalities, secant.max().item(), pl)
