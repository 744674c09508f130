"""PL* of squares through the tangent kernel: certified at the weights and on a ball about them.

Let L(w) = c ‖F(w) − y‖² with all outputs F, (n C,): c = 1/(2n) for `SquareLoss`, 1/(n C) for nn.MSELoss. Then
∇L = 2c J'(F − y) and ½‖∇L‖² >= mu L with mu = 2c σ², σ = σ_min(J), σ² the smallest eigenvalue of the tangent kernel
K = J J'. Since J changes by at most Λ‖w − w_0‖ on a ball (see `networks`), σ(w) >= σ(w_0) − Λ‖w − w_0‖ there. As
f* >= 0, this is PL with the global f* and more: relative to 0.

The argument of Liu, Zhu, Belkin, "Loss landscapes and optimization in over-parameterized non-linear systems and neural
networks" (2022), section 4, then says whether a zero of the loss lies in the ball. Along gradient flow from w_0, s the
length of its path, d√L/ds = −‖∇L‖/(2√L) <= −√(mu(s)/2) where mu(s) = 2c (σ(w_0) − Λs)². So if

    √c (σ(w_0) R − Λ R²/2) >= √L(w_0)   and   Λ R < σ(w_0),

the flow cannot leave the ball of radius R before L is 0: it converges to a zero of L in it, and f* = 0.

Products of matrices, F = M(w) X' with M = W_H ... W_1 and no biases. Outputs are confined to the span of the inputs, so
K is mostly singular, but L(w) = Q(M(w)) with a linear least-squares problem Q, which is PL with ν = 2c times the
smallest nonzero eigenvalue of X'X. Then ½‖∇L‖² = ½‖J_M' ∇Q‖² >= σ_min(J_M)² ν (Q − min Q), and the same follows with
J_M, ν and min Q in the places of J, 2c and 0. J_M is the Jacobian of the network's outputs on the unit vectors. If no
inner width is below the smaller outer one, M takes every value, and f* = min Q.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, jacrev, vmap

from grams_theory.core.errors import UsageError
from grams_theory.core.rounding import Ball
from grams_theory.landscape.certificates.certificate import DOWN, UP
from grams_theory.landscape.certificates.composition import Composition, everywhere, least_squares
from grams_theory.landscape.certificates.links import Squares
from grams_theory.landscape.certificates.networks import Affine, Network, read_network
from grams_theory.landscape.certificates.readings import means_of, name_of
from grams_theory.landscape.certificates.spectrum_bounds import enclosed_spectrum
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.objective.data import pieces, place
from grams_theory.landscape.objective.modules import random_in_training
from grams_theory.landscape.objective.twice import plain_kernels
from grams_theory.landscape.quantity import Quantity

LARGEST = 1024
"""Rows of the largest tangent kernel whose eigenvalues are enclosed; that takes seconds."""
_ROUNDS = 20


def tangent_kernel(objective: Objective, memory: int = 2**28) -> Tensor:
    """K = J J' at the present weights, (n C, n C) float64, samples first: computed, not enclosed.

    J comes from a float64 copy of the model, sample by sample, in blocks of at most `memory` bytes (or one sample); if
    there are several, each pair of blocks is met, and blocks are computed again.

    Raises:
        UsageError: the outputs are no tensor, or the model is in train mode with dropout or batch norm.
    """
    if random := random_in_training(objective.model):
        raise UsageError(
            f"the model is in train mode with {', '.join(random)}, so a sample's outputs are no function of the "
            "weights; call model.eval() first"
        )
    model = copy.deepcopy(objective.model).double()
    weights = {name: p.detach() for name, p in model.named_parameters() if name in objective.named}

    def outputs(weights: dict[str, Tensor], x) -> Tensor:
        x = place(x, lambda t: t.unsqueeze(0))
        args, kwargs = (x if isinstance(x, tuple) else (x,)), {}
        if isinstance(x, dict):
            args, kwargs = (), x
        found = functional_call(model, weights, args, kwargs)
        if not isinstance(found, Tensor):
            raise UsageError(f"the model returns {type(found).__name__}; a tangent kernel needs a tensor")
        return found.reshape(-1)

    def jacobian(x) -> Tensor:
        x = place(x, lambda t: t.to(objective.device, torch.float64 if t.is_floating_point() else t.dtype))
        with plain_kernels(model):
            parts = vmap(jacrev(outputs), in_dims=(None, 0))(weights, x)
        return torch.cat([part.flatten(0, 1).flatten(1) for part in parts.values()], 1)

    first = next(pieces(objective.batches, 1))[0]
    samples = max(1, memory // (8 * jacobian(first).numel()))
    blocks = [x for x, _ in pieces(objective.batches, samples)]
    rows: list[list[Tensor]] = []
    for i, x in enumerate(blocks):
        J = jacobian(x)
        rows.append([rows[j][i].mT for j in range(i)] + [J @ J.mT])
        rows[i] += [J @ jacobian(other).mT for other in blocks[i + 1 :]]
    return torch.cat([torch.cat(row, 1) for row in rows])


@dataclass(frozen=True)
class TangentCertificate:
    """mu on a ball, and an interval for f* if anything is known of it."""

    pl: Quantity
    minimum: Quantity | None


@dataclass(frozen=True)
class _Problem:
    """½‖∇L‖² >= ν σ_min(J)² (L − least) for the Jacobian J of a network's outputs."""

    network: Network
    nu: float
    """A lower bound of ν."""
    start: float
    """An upper bound of L − least at the present weights."""
    least: Quantity
    """What L never falls below, enclosed."""
    reached: bool
    """Whether L is known to reach it, somewhere."""
    why: str


def pl_star(objective: Objective, largest: int = LARGEST) -> Quantity:
    """A certified mu of squares of a smooth feed-forward network on the ball of its `radius`; or None, and why.

    Of losses it takes `SquareLoss` without a ridge and nn.MSELoss, of models nn.Sequential of nn.Linear and the
    activations in `networks.ACTIVATIONS`. The radius is the smallest that is known to hold a minimum, or, where none
    is, one on which σ_min(J) keeps half of its value at the centre.

    Args:
        largest: rows n C of the tangent kernel beyond which its eigenvalues are not enclosed.
    """
    return tangent_certificate(objective, largest).pl


def tangent_certificate(objective: Objective, largest: int = LARGEST) -> TangentCertificate:
    """`pl_star`, with what it says about f*."""
    problem = _problem(objective)
    if isinstance(problem, str):
        return TangentCertificate(Quantity(None, problem), None)
    found, holds = _on_a_ball(problem, largest)
    least = problem.least
    if holds and not problem.reached:
        where = (
            ""
            if found.radius is None
            else f" in the ball of radius {found.radius:.3g} of the PL* certificate"
        )
        why = f"{least.provenance}, and attains this{where}"
        least = replace(least, value=least.high, provenance=why)
    elif not problem.reached:
        least = Quantity(None, least.provenance, low=least.low)
    return TangentCertificate(found, least)


def _on_a_ball(problem: _Problem, largest: int) -> tuple[Quantity, bool]:
    """mu, and whether the ball is known to hold a minimum."""
    sigma = _smallest_singular_value(problem.network, largest)
    if isinstance(sigma, str):
        return Quantity(None, sigma), False
    change = problem.network.jacobian_change
    if not math.isfinite(change(0.0)):
        return Quantity(
            None, "an nn.Softplus is beyond its threshold, where torch returns another function"
        ), False
    there = problem.nu * sigma * sigma * DOWN
    at = f"{problem.why}; at the weights themselves {there:.4g}"
    if change(1.0) == 0:
        return Quantity(there, f"{problem.why}; the Jacobian is constant, so it holds everywhere"), True
    radius = _radius_with_minimum(sigma, math.sqrt(problem.start / problem.nu * 2) * UP, change)
    holds = radius is not None
    if radius is None:
        radius = _half_radius(sigma, change)
        told = "whether it holds a minimum is not known: σ_min(J) falls too fast for gradient flow to be kept in it"
    else:
        told = (
            "it holds a minimum, where gradient flow from its centre ends (Liu, Zhu, Belkin 2022, section 4)"
        )
    kept = max((sigma - change(radius) * radius * UP) * DOWN, 0.0)
    mu = problem.nu * kept * kept * DOWN
    return Quantity(mu, f"{at}; on the ball σ_min(J) >= {kept:.3g}; {told}", radius=radius), holds


def takes(loss_fn: Any) -> bool:
    """Whether the loss is a mean of squares."""
    means = means_of(loss_fn)
    return means is not None and means(1)[0] is Squares


def _problem(objective: Objective) -> _Problem | str:
    name = name_of(objective.loss_fn)
    means = means_of(objective.loss_fn)
    if means is None or not takes(objective.loss_fn):
        return f"PL* through the tangent kernel is known for squares, not for {name}"
    if objective.ridge:
        return "PL* through the tangent kernel is known for squares without a ridge"
    network = read_network(objective)
    if isinstance(network, str):
        return f"the Jacobian is bounded only for smooth feed-forward networks: {network}"
    n, C = network.outputs.shape
    Y = torch.cat([y.double().reshape(-1, *y.shape[1:]) for _, y in objective.pieces() if y is not None])
    if Y.shape != (n, C):
        return f"targets {tuple(Y.shape)} and outputs {(n, C)} differ in shape"
    terms = means(C)[1] * n
    L = Squares(Y).value(network.outputs).sum(-1) / terms
    if network.linear:
        return _product(network, Y, terms, L)
    least = Quantity(None, f"{name} is never negative", 0.0, 0.0)
    why = f"{2 / terms:.3g} λ_min of the tangent kernel"
    return _Problem(network, 2 / terms * DOWN, (L.mid + L.rad).item() * UP, least, False, why)


def _product(network: Network, Y: Tensor, terms: int, L: Ball) -> _Problem | str:
    """L(w) = Q(M(w)) for a product of matrices M."""
    X, C = network.inputs, Y.shape[1]
    units = replace(network, inputs=torch.eye(X.shape[1], dtype=X.dtype, device=X.device))
    Q = Composition(X, torch.zeros(C, X.shape[1], dtype=X.dtype, device=X.device), Squares(Y), terms, 0.0)
    nu = everywhere(Q, "squares")
    if nu.value is None:
        return nu.provenance
    least = Q.enclose(least_squares(Q), nu.value, "least squares over all matrices, enclosed")
    maps = [step for step in network.steps if isinstance(step, Affine)]
    widest = min((step.weight.shape[0] for step in maps[:-1]), default=C) >= min(C, X.shape[1])
    gap = L - (least.low or 0.0)
    return _Problem(
        units,
        nu.value,
        max((gap.mid + gap.rad).item() * UP, 0.0),
        least,
        widest and all(step.learns_weight for step in maps),
        f"{nu.provenance}, times λ_min of J_M J_M'",
    )


def _smallest_singular_value(network: Network, largest: int) -> float | str:
    """A lower bound > 0 of σ_min(J), or why there is none."""
    rows = network.outputs.mid.numel()
    columns = sum(
        step.weight.numel() * step.learns_weight
        + (0 if step.bias is None else step.bias.numel() * step.learns_bias)
        for step in network.steps
        if isinstance(step, Affine)
    )
    if rows > columns:
        return f"the tangent kernel is singular: {rows} outputs of all samples, {columns} weights"
    if rows > largest:
        return f"the tangent kernel has {rows} rows; eigenvalues are enclosed for up to {largest}"
    low, high = (ends[0].item() for ends in enclosed_spectrum(network.kernel()))
    if low <= 0:
        return f"the smallest eigenvalue of the tangent kernel, at most {high:.3g}, cannot be told from 0 in float64"
    return math.sqrt(low) * DOWN


def _radius_with_minimum(sigma: float, needed: float, change) -> float | None:
    """The smallest radius found with σR − Λ(R)R²/2 >= needed and Λ(R)R < σ, or None if there is none.

    No radius below the root for a smaller Λ will do, so the roots for Λ(0), Λ(R_1), ... rise towards the smallest.
    """
    radius = 0.0
    for _ in range(_ROUNDS):
        bend = change(radius)
        rest = sigma * sigma - 2 * bend * needed
        if not rest > 0:
            return None
        radius = 2 * needed / (sigma + math.sqrt(rest))
        trial = radius * (1 + 2.0**-7)
        bend = change(trial)
        if bend * trial < sigma * DOWN and (sigma - bend * trial * UP / 2) * trial * DOWN >= needed:
            return trial
    return None


def _half_radius(sigma: float, change) -> float:
    """A radius with Λ(R)R at most about σ/2."""
    low, high = 0.0, sigma / (2 * change(0.0))
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        low, high = (middle, high) if change(middle) * middle <= sigma / 2 else (low, middle)
    return low
