"""Smooth feed-forward networks in ball arithmetic: outputs, tangent kernel, and how fast the Jacobian can change.

A network is a sequence of steps, affine maps z = W a + b and elementwise functions φ. For inputs (n, features) let F(w)
be all outputs, (n C,), and J(w) its Jacobian by the trainable weights w.

Lipschitz constant of J on the ball ‖w − w_0‖ <= R, by induction over the steps. With A(w), (n, width), what a step
returns, and u, v unit directions in weight space, let for all w in the ball

    ‖D a_i[u]‖ <= d_i for the row a_i of each sample,   ‖DA[u]‖_F <= d,   ‖D²A[u, v]‖_F <= h;

of the inputs all are 0. Then ‖J(w) − J(w')‖ <= h ‖w − w'‖ with the h of the last step.

Affine, Z = A W' + 1 b'. On the ball ‖W‖ <= s = ‖W_0‖ + R, ‖[a_i, 1]‖ <= α_i = ‖[a_i, 1](w_0)‖ + d_i R and, in the
operator norm, ‖[A, 1]‖ <= α = ‖[A, 1](w_0)‖ + d R. Split u = (u_W, u_b, rest of u), U the matrix of u_W:
    DZ[u] = [A, 1] [U, u_b]' + DA[rest] W', so that ‖DZ[u]‖_F <= √(α² + s² d²) (Cauchy-Schwarz), and each row likewise;
    D²Z[u, v] = DA[u] V' + DA[v] U' + D²A[u, v] W', where DA takes only what lies before: with x = ‖(u_W, u_b)‖ and
    y = ‖rest of u‖ this is a bilinear form with matrix (0, d; d, s h), so h' = (s h + √(s² h² + 4 d²))/2.
What is frozen drops out. Without a trained W, s = ‖W_0‖ and h' = s h; columns of [A, 1] that train nothing are 0.

Elementwise, φ(Z) with |φ'| <= p, |φ''| <= q:
    D²φ(Z)[u, v] = φ''(Z) * DZ[u] * DZ[v] + φ'(Z) * D²Z[u, v], so d_i' = p d_i, d' = p d, h' = q (max_i d_i) d + p h.

All is evaluated as balls. Weights, biases and inputs are taken for the exact numbers that they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from grams_theory.core.rounding import Ball
from grams_theory.landscape.certificates.links import sigmoid, softplus
from grams_theory.landscape.certificates.spectrum_bounds import operator_norm
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.objective.modules import unaltered


@dataclass(frozen=True)
class Activation:
    """φ and φ' on balls, with bounds of |φ'| and |φ''| for arguments whose magnitude is at most `limit`."""

    value: Callable[[Ball], Ball]
    slope: Callable[[Ball], Ball]
    steepest: float
    curvature: float
    limit: float = math.inf


def _tanh(z: Ball) -> Ball:
    return z.map(torch.tanh)


def _bell(z: Ball) -> Ball:
    """The normal density; 1/√(2π) is this float within 2^-54 of it, relatively."""
    return (z * z * -0.5).exp() * Ball.exact(z.mid.new_tensor(0.3989422804014327)).widen(2.0**-54)


def _below(z: Ball) -> Ball:
    """The normal distribution function; erf has the slope 2/√π < 1.13."""
    root = Ball.exact(z.mid.new_tensor(0.5)).sqrt()
    return ((z * root).map(torch.erf, lipschitz=1.13) + 1) * 0.5


TANH = Activation(_tanh, lambda z: 1 - _tanh(z) * _tanh(z), 1.0, 0.7699)
SIGMOID = Activation(sigmoid, lambda z: sigmoid(z) * sigmoid(-z), 0.25, 0.0963)
GELU = Activation(lambda z: z * _below(z), lambda z: _below(z) + z * _bell(z), 1.1290, 0.7979)


def _softplus(module: nn.Softplus) -> Activation:
    """log(1 + e^βz)/β; torch returns z itself beyond the threshold, another function."""
    beta = float(module.beta)
    return Activation(
        lambda z: (z * beta).map(softplus, ulps=12) / beta,
        lambda z: sigmoid(z * beta),
        1.0,
        beta / 4 * (1 + 2.0**-50),
        module.threshold / beta * (1 - 2.0**-50),
    )


ACTIVATIONS: dict[type[nn.Module], Callable[..., Activation | None]] = {
    nn.Tanh: lambda module: TANH,
    nn.Sigmoid: lambda module: SIGMOID,
    nn.GELU: lambda module: GELU if module.approximate == "none" else None,
    nn.Softplus: lambda module: _softplus(module) if module.beta > 0 else None,
}
"""Activation functions for which bounds are known."""


@dataclass(frozen=True)
class Affine:
    """a -> W a + b. A frozen part belongs to no weight of the objective."""

    weight: Tensor
    bias: Tensor | None
    learns_weight: bool
    learns_bias: bool

    @cached_property
    def norm(self) -> float:
        return operator_norm(Ball.exact(self.weight))

    def __call__(self, a: Ball) -> Ball:
        z = a @ self.weight.mT
        return z if self.bias is None else z + self.bias

    def learned(self, a: Ball) -> Ball:
        """The columns of [A, 1] that trained weights meet: (n, width) -> (n, width + 1)."""
        one = torch.full_like(a.mid[:, :1], float(self.learns_bias))
        seen = a if self.learns_weight else a * 0.0
        return Ball(torch.cat([seen.mid, one], 1), torch.cat([seen.rad, torch.zeros_like(one)], 1))


@dataclass(frozen=True)
class Network:
    """Steps, evaluated on inputs (n, features) float64."""

    steps: tuple[Affine | Activation, ...]
    inputs: Tensor

    @cached_property
    def trace(self) -> tuple[Ball, ...]:
        """The inputs, and what each step returns, (n, width) each."""
        found = [Ball.exact(self.inputs)]
        for step in self.steps:
            found.append(step(found[-1]) if isinstance(step, Affine) else step.value(found[-1]))
        return tuple(found)

    @property
    def outputs(self) -> Ball:
        """(n, C)."""
        return self.trace[-1]

    @property
    def linear(self) -> bool:
        """Whether the outputs are a product of matrices times the inputs."""
        return all(isinstance(step, Affine) and step.bias is None for step in self.steps)

    def kernel(self) -> Ball:
        """J J' at the present weights, (n C, n C), samples first.

        A trained affine map adds (ΔΔ') * (A A' + 1): Δ, (n C, width), are the derivatives of the outputs by what it
        returns, A its inputs.
        """
        n, C = self.outputs.shape
        eye = torch.eye(C, dtype=torch.float64, device=self.inputs.device)
        back = Ball.exact(eye.expand(n, C, C))
        zero = torch.zeros(n * C, n * C, dtype=torch.float64, device=self.inputs.device)
        total = Ball(zero, zero)
        for step, a in zip(reversed(self.steps), reversed(self.trace[:-1]), strict=True):
            if isinstance(step, Activation):
                back = back * step.slope(a).unsqueeze(1)
                continue
            rows, seen = back.flatten(0, 1), step.learned(a)
            total = total + (rows @ rows.mT) * _repeated(seen @ seen.mT, C)
            back = back @ step.weight
        return total

    @cached_property
    def _sizes(self) -> tuple[tuple[Tensor, float], ...]:
        """Of each affine step at the present weights: ‖[a_i, 1]‖ for each sample, and ‖[A, 1]‖."""
        return tuple(self._size(step.learned(a)) for step, a in self._affine())

    def _affine(self) -> Iterator[tuple[Affine, Ball]]:
        for step, a in zip(self.steps, self.trace[:-1], strict=True):
            if isinstance(step, Affine):
                yield step, a

    @staticmethod
    def _size(seen: Ball) -> tuple[Tensor, float]:
        lengths = (seen * seen).sum(-1).sqrt()
        return lengths.mid + lengths.rad, operator_norm(seen)

    @cached_property
    def _largest(self) -> tuple[float, ...]:
        """The largest magnitude of what goes into each step."""
        return tuple(a.reach.max().item() for a in self.trace[:-1])

    def jacobian_change(self, radius: float) -> float:
        """A Lipschitz constant of J on the ball of this radius; infinite where an activation leaves its limit."""
        zero = torch.zeros((), dtype=torch.float64)
        each, all_, second = (
            Ball.exact(torch.zeros(len(self.inputs), dtype=torch.float64)),
            Ball.exact(zero),
            Ball.exact(zero),
        )
        sizes = iter(self._sizes)
        for step, largest in zip(self.steps, self._largest, strict=True):
            if isinstance(step, Affine):
                lengths, size = next(sizes)
                learns = float(step.learns_weight)
                s = learns * radius + Ball.exact(zero + step.norm)
                alpha_each = each * (learns * radius) + lengths.cpu()
                alpha = all_ * (learns * radius) + size
                bent = s * second
                second = ((bent * bent + all_ * all_ * (4 * learns)).sqrt() + bent) / 2
                each = (alpha_each * alpha_each + each * each * (s * s)).sqrt()
                all_ = (alpha * alpha + all_ * all_ * (s * s)).sqrt()
                continue
            top = each.reach.max()
            if largest + (top * radius).item() * (1 + 2.0**-50) > step.limit:
                return math.inf
            second = all_ * top * step.curvature + second * step.steepest
            each, all_ = each * step.steepest, all_ * step.steepest
        return (second.mid + second.rad).item() * (1 + 2.0**-50)


def _repeated(x: Ball, times: int) -> Ball:
    """Each row and column as often, one after the other: (n, n) -> (n times, n times)."""
    return Ball(*(part.repeat_interleave(times, 0).repeat_interleave(times, 1) for part in (x.mid, x.rad)))


def read_network(objective: Objective) -> Network | str:
    """The objective's model at the present weights on its inputs, or why it is not of a form that can be bounded."""
    steps: list[Affine | Activation] = []
    trained = {id(p) for p in objective.parameters}
    met: set[int] = set()
    flat = False
    for module in _flattened(objective.model):
        if not unaltered(module):
            return f"{type(module).__name__} has hooks or a forward of its own"
        if type(module) is nn.Flatten and not steps and (module.start_dim, module.end_dim) == (1, -1):
            flat = True
        elif type(module) is nn.Linear:
            own = {id(p) for p in module.parameters()}
            if own & met:
                return "two layers share parameters"
            met |= own
            bias = None if module.bias is None else module.bias.detach().double()
            steps.append(
                Affine(
                    module.weight.detach().double(),
                    bias,
                    id(module.weight) in trained,
                    id(module.bias) in trained,
                )
            )
        elif type(module) in ACTIVATIONS and (known := ACTIVATIONS[type(module)](module)):
            steps.append(known)
        elif type(module) is not nn.Identity:
            allowed = ", ".join(kind.__name__ for kind in (nn.Linear, *ACTIVATIONS, nn.Identity))
            return f"{type(module).__name__} is none of {allowed}"
    if not trained <= met:
        return "some trained parameters belong to no nn.Linear"
    inputs = [x for x, _ in objective.pieces()]
    if not all(isinstance(x, Tensor) and (flat or x.dim() == 2) for x in inputs):
        return "inputs must be tensors of shape (n, features)"
    X = torch.cat([x.double().flatten(1) for x in inputs])
    weights = [part for step in steps if isinstance(step, Affine) for part in (step.weight, step.bias)]
    if not all(bool(torch.isfinite(part).all()) for part in (X, *weights) if part is not None):
        return "the data or the weights are not finite"
    return Network(tuple(steps), X)


def _flattened(module: nn.Module) -> Iterator[nn.Module]:
    """The modules that a tree of nn.Sequential runs, in order."""
    if type(module) is nn.Sequential and unaltered(module):
        for part in module:
            yield from _flattened(part)
    else:
        yield module
