"""A model, a loss and its data as one function f of a flat weight vector, with exact (full-batch) gradients."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from grams_theory.core.errors import UsageError

Batch = tuple[Tensor, Tensor]
LossFunction = Callable[[Any, Any], Tensor]
_RANDOM_IN_TRAINING = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)


def batches(data: Any) -> tuple[Batch, ...]:
    """(inputs, targets), or an iterable of such pairs, as a tuple of pairs. Each is drawn once and kept.

    Raises:
        UsageError: anything else.
    """
    if isinstance(data, tuple | list) and len(data) == 2 and all(isinstance(part, Tensor) for part in data):
        return ((data[0], data[1]),)
    wanted = "data must be a pair of tensors (inputs, targets) or an iterable of such pairs"
    if isinstance(data, Tensor) or not isinstance(data, Iterable):
        raise UsageError(f"{wanted}, got {type(data).__name__}")
    found = tuple(data)
    if not found:
        raise UsageError("data is empty: there is no loss to measure")
    for index, pair in enumerate(found):
        if not (
            isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(p, Tensor) for p in pair)
        ):
            raise UsageError(f"{wanted}; item {index} is {type(pair).__name__}")
    return tuple((x, y) for x, y in found)


class Objective:
    """f(w) = Σ_batches (n_b/n) loss_fn(model(x_b), y_b) + (ridge/2) ‖w‖², on a private copy of the model.

    `loss_fn` averages over samples; its attribute `ridge`, if there is one, is the weight of the penalty, over all
    trainable parameters. Parameters that need no gradient are constants.
    """

    def __init__(
        self,
        model: nn.Module,
        loss_fn: LossFunction,
        data: Any,
        device: str | torch.device = "cpu",
        dtype: torch.dtype | None = None,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise UsageError(f"model must be a torch.nn.Module, got {type(model).__name__}")
        self.model = copy.deepcopy(model).to(device=device, dtype=dtype)
        self.loss_fn = loss_fn
        self.named = {name: p for name, p in self.model.named_parameters() if p.requires_grad and p.numel()}
        if not self.named:
            raise UsageError(
                "the model has no trainable parameters; set requires_grad on those to be measured"
            )
        self.parameters = list(self.named.values())
        kinds = sorted({str(p.dtype) for p in self.parameters})
        if len(kinds) > 1:
            raise UsageError(f"parameters of several dtypes ({', '.join(kinds)}); pass dtype=torch.float64")
        self.dtype = self.parameters[0].dtype
        self.eps = torch.finfo(self.dtype).eps
        self.dim = sum(p.numel() for p in self.parameters)
        self.batches = tuple((self._place(x, device), self._place(y, device)) for x, y in batches(data))
        self.samples = sum(len(x) for x, _ in self.batches)
        if len(self.batches) > 1 and getattr(loss_fn, "reduction", "mean") == "sum":
            raise UsageError("loss_fn sums over samples, and batches are averaged; use reduction='mean'")
        self.ridge = float(getattr(loss_fn, "ridge", 0.0))
        self._warn_if_random()

    def _place(self, x: Tensor, device: str | torch.device) -> Tensor:
        return x.to(device, self.dtype) if x.is_floating_point() else x.to(device)

    def _warn_if_random(self) -> None:
        if not self.model.training:
            return
        found = sorted({type(m).__name__ for m in self.model.modules() if isinstance(m, _RANDOM_IN_TRAINING)})
        if found:
            warnings.warn(
                f"the model is in train mode with {', '.join(found)}: its loss is not a function of the weights "
                "alone; call model.eval() first",
                stacklevel=4,
            )

    @property
    def w(self) -> Tensor:
        """The present weights, a copy of shape (D,)."""
        return torch.cat([p.detach().reshape(-1) for p in self.parameters])

    def move_to(self, w: Tensor) -> None:
        with torch.no_grad():
            for p, part in zip(self.parameters, w.split([p.numel() for p in self.parameters]), strict=True):
                p.copy_(part.view_as(p))

    def _terms(self) -> Iterable[Tensor]:
        for x, y in self.batches:
            yield self.loss_fn(self.model(x), y) * (len(x) / self.samples)
        if self.ridge:
            yield sum(((p * p).sum() for p in self.parameters), start=torch.zeros(())) * (self.ridge / 2)

    def value(self) -> float:
        """f at the present weights."""
        with torch.no_grad():
            return sum(term.item() for term in self._terms())

    def value_and_gradient(self) -> tuple[float, Tensor]:
        """f and its gradient of shape (D,); leaves the gradient in `.grad` for an optimizer to step."""
        value = 0.0
        for p in self.parameters:
            p.grad = torch.zeros_like(p)
        for term in self._terms():
            term.backward()
            value += term.item()
        return value, torch.cat([p.grad.reshape(-1) for p in self.parameters if p.grad is not None])

    def hessian_product(self) -> Callable[[Tensor], Tensor]:
        """v -> (Hessian at the present weights) v, both (D,). The graph is built once and kept by the function."""
        gradients = [
            torch.autograd.grad(term, self.parameters, create_graph=True, materialize_grads=True)
            for term in self._terms()
        ]
        total = torch.cat([torch.stack(parts).sum(0).reshape(-1) for parts in zip(*gradients, strict=True)])

        def product(v: Tensor) -> Tensor:
            if not total.requires_grad:  # f is linear
                return torch.zeros_like(v)
            Hv = torch.autograd.grad(
                total @ v.to(self.dtype), self.parameters, retain_graph=True, materialize_grads=True
            )
            return torch.cat([part.reshape(-1) for part in Hv])

        return product

    def broken_parameter(self) -> str | None:
        """The first parameter whose value or gradient is not finite."""
        for name, p in self.named.items():
            if not torch.isfinite(p).all() or (p.grad is not None and not torch.isfinite(p.grad).all()):
                return name
        return None
