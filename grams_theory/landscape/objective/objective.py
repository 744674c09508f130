"""A model, a loss and its data as one function f of a flat weight vector, with exact (full-batch) gradients."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from grams_theory.core.errors import UsageError
from grams_theory.landscape.objective import cutting, modules
from grams_theory.landscape.objective.data import (
    Batch,
    batches,
    few,
    gather,
    origin,
    outputs,
    pieces,
    place,
    size,
)
from grams_theory.landscape.objective.terms import counter, nonnegative
from grams_theory.landscape.objective.twice import check_graph, plain_kernels, second_derivatives

LossFunction = Callable[[Any, Any], Tensor]


class Objective:
    """f(w) = Σ_batches (n_b/n) loss_fn(model(x_b), y_b) + (ridge/2) ‖w‖², on a private copy of the model.

    `loss_fn` averages over samples, or over terms that it counts, such as tokens: n_b is how many a batch has (see
    `terms.counter`). Its attribute `ridge`, if there is one, is the weight of the penalty, over all trainable
    parameters. Parameters that need no gradient are constants.

    The data is drawn once and kept (see `batches`). With `chunk`, no more than that many samples go through the model
    at a time, the data stays where it is, and only the present chunk is brought to `device`: the memory needed there is
    that of one chunk. The mean over chunks is the mean over all data only if a loss averages over what is counted: for
    the tokens of padded texts, `loss_fn.terms` must. A loss that is cut is tried, and warned about.

    Targets of flattened tokens, several rows to a sample, are cut with the samples, if the loss bears that out.

    Args:
        data: (inputs, targets), or an iterable of such pairs. Inputs are a tensor, a tuple (then model(*inputs)) or a
            mapping (then model(**inputs)); targets a tensor or None; a mapping alone is inputs without targets.
        chunk: the most samples in one forward pass.
        groups: how parameters are grouped, see `modules.group`.

    Raises:
        UsageError: bad arguments.
    """

    def __init__(
        self,
        model: nn.Module,
        loss_fn: LossFunction,
        data: Any,
        device: str | torch.device = "cpu",
        dtype: torch.dtype | None = None,
        *,
        chunk: int | None = None,
        groups: modules.Groups = "module",
    ) -> None:
        if not isinstance(model, nn.Module):
            raise UsageError(f"model must be a torch.nn.Module, got {type(model).__name__}")
        if chunk is not None and chunk < 1:
            raise UsageError(f"{chunk=} must be at least 1")
        if dtype is not None and not dtype.is_floating_point:
            raise UsageError(f"{dtype=} must be a floating-point format, as torch.float64")
        model = getattr(model, "_orig_mod", model)  # compiled functions have no second derivative
        self.model = modules.cast(copy.deepcopy(model), device, dtype)
        if isinstance(loss_fn, nn.Module):  # it may have weights of its own
            loss_fn = modules.cast(copy.deepcopy(loss_fn), device, dtype)
        self.loss_fn, self.chunk, self.device = loss_fn, chunk, torch.device(device)
        self.named = {name: p for name, p in self.model.named_parameters() if p.requires_grad and p.numel()}
        if not self.named:
            raise UsageError(
                "the model has no trainable parameters; set requires_grad on those to be measured"
            )
        self.ignored = tuple(name for name, p in self.model.named_parameters() if not p.requires_grad)
        self.parameters = list(self.named.values())
        kinds = sorted({str(p.dtype) for p in self.parameters})
        if len(kinds) > 1:
            raise UsageError(f"parameters of several dtypes ({', '.join(kinds)}); pass dtype=torch.float64")
        self.dtype = self.parameters[0].dtype
        if self.dtype.is_complex:
            raise UsageError(
                f"parameters are {self.dtype}, and signs, norms and Hessians are those of real weights; keep them as "
                "real tensors and use torch.view_as_complex in forward"
            )
        self.dim = sum(p.numel() for p in self.parameters)
        self.groups = modules.group(model, self.named, groups)
        self.batches: tuple[Batch, ...] = tuple(
            (place(x, self._kept), place(y, self._kept)) for x, y in batches(data)
        )
        self.samples = sum(size(x) for x, _ in self.batches)
        self.origin = origin(data, self.samples)
        self.cut = len(self.batches) > 1 or (chunk is not None and chunk < self.samples)
        if self.cut and getattr(loss_fn, "reduction", "mean") == "sum":
            raise UsageError("loss_fn sums over samples, and batches are averaged; use reduction='mean'")
        self.ridge = _ridge(loss_fn)
        self._count, self._cut_checked = counter(self.loss_fn), False
        self._total = self._counted(self.batches)
        if chunk is not None and any(size(x) > chunk for x, _ in self.batches):
            self.check_cut()
        self._warn_if_no_mean()

    def _kept(self, x: Tensor) -> Tensor:
        dtype = self.dtype if x.is_floating_point() else x.dtype
        return x.to(dtype) if self.chunk else x.to(self.device, dtype)

    def _warn_if_no_mean(self) -> None:
        if random := modules.random_in_training(self.model):
            warnings.warn(
                f"the model is in train mode with {', '.join(random)}: its loss is not a function of the weights "
                "alone; call model.eval() first, or return model.eval() from the factory",
                stacklevel=4,
            )
        elif self.cut and not self._is_mean():
            warnings.warn(
                "the loss of a batch is not the mean of the losses of its parts, so that it depends on how the data "
                "is cut: does loss_fn average over tokens, or weigh classes? Then let loss_fn.terms(inputs, targets) "
                "return what it divides by; without it samples weigh alike",
                stacklevel=4,
            )

    def _is_mean(self) -> bool:
        """Whether the first piece's loss is the mean of those of its halves; where that cannot be told, it is."""
        whole = next(self.pieces())
        if size(whole[0]) < 4:  # not every model takes a single sample
            return True
        try:
            return cutting.adds_up(whole, self._level, self._count, self.eps)
        except UsageError:  # such batches are taken as they come
            return True

    @torch.no_grad()
    def _level(self, batch: Batch) -> tuple[Tensor]:
        return (self._loss(batch),)

    def _slope(self, batch: Batch) -> tuple[Tensor, Tensor]:
        value, g = self._accumulate([self._loss(batch)])
        return torch.tensor(value, dtype=torch.float64), g

    def check_cut(self) -> None:
        """Whether samples can be taken out of the batches, as minibatches do; asked by `gradient_on` itself.

        Raises:
            UsageError: tensors of a batch have no axis of samples in common, nor are its targets so many rows to a
                sample, in order, by the loss and its gradient.
        """
        if self._cut_checked:
            return

        def agree(batch: Batch) -> bool:
            return cutting.adds_up(self._here(batch), self._slope, self._count, self.eps, flat=True)

        with modules.evaluating(self.model):
            cutting.check(self.batches, max(2, self.chunk or self.samples), agree)
        self._cut_checked = True

    def _counted(self, found: Iterable[Batch]) -> float:
        """Over how many terms the loss averages in these batches together."""
        total = sum(self._count(*batch) for batch in found)
        if not total > 0:
            raise UsageError(
                "there is no loss to average: no samples, or none of which loss_fn.terms counts any"
            )
        return total

    @property
    def w(self) -> Tensor:
        """The present weights, a copy of shape (D,)."""
        return torch.cat([p.detach().reshape(-1) for p in self.parameters])

    def move_to(self, w: Tensor) -> None:
        with torch.no_grad():
            for p, part in zip(self.parameters, w.split([p.numel() for p in self.parameters]), strict=True):
                p.copy_(part.view_as(p))

    def part(self, v: Tensor, name: str) -> Tensor:
        """The coordinates of v, (..., D), that belong to a group of `groups`."""
        return torch.cat([v[..., places] for places in self.groups[name]], -1)

    def pieces(self, found: Iterable[Batch] | None = None) -> Iterator[Batch]:
        """What goes through the model at a time, on its device: all batches, or those given, cut by `chunk`."""
        yield from map(self._here, pieces(self.batches if found is None else found, self.chunk, flat=True))

    def _here(self, batch: Batch) -> Batch:
        x, y = batch
        return place(x, lambda t: t.to(self.device)), place(y, lambda t: t.to(self.device))

    def outputs(self, inputs: Any) -> Any:
        """The model at the present weights, on the inputs of one piece."""
        return outputs(self.model, inputs)

    def _loss(self, batch: Batch) -> Tensor:
        loss = self.loss_fn(self.outputs(batch[0]), batch[1])
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            what = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
            raise UsageError(f"loss_fn must return one number as a tensor, a mean over samples; got {what}")
        return loss.reshape(())

    def _terms(self, found: Iterable[Batch] | None = None) -> Iterator[Tensor]:
        total = self._total if found is None else self._counted(found)
        for batch in self.pieces(found):
            if count := self._count(*batch):  # a mean over nothing is no number
                yield self._loss(batch) * (count / total)
        if self.ridge:
            yield sum(((p * p).sum() for p in self.parameters), start=torch.zeros(())) * (self.ridge / 2)

    def value(self) -> float:
        """f at the present weights."""
        with torch.no_grad():
            return sum(term.item() for term in self._terms())

    def value_and_gradient(self) -> tuple[float, Tensor]:
        """f and its gradient of shape (D,); leaves the gradient in `.grad` for an optimizer to step."""
        return self._accumulate(self._terms())

    def gradient_on(self, index: Tensor) -> tuple[float, Tensor]:
        """Loss and gradient, (D,), on some samples alone, ridge included; leaves the gradient in `.grad`.

        Args:
            index: numbers of samples, (K,) int64 in [0, samples), counted through the batches in order.

        Raises:
            UsageError: another shape or dtype, or a number out of range; data that cannot be cut (see `check_cut`).
        """
        if index.dim() != 1 or not len(index) or index.dtype != torch.long:
            raise UsageError(
                f"index is {index.dtype} of shape {tuple(index.shape)}; give (K,) of int64, K >= 1"
            )
        if index.min() < 0 or index.max() >= self.samples:
            raise UsageError(
                f"index reaches from {index.min()} to {index.max()}; there are {self.samples} samples"
            )
        self.check_cut()
        return self._accumulate(self._terms(gather(self.batches, index, flat=True)))

    def _accumulate(self, terms: Iterable[Tensor]) -> tuple[float, Tensor]:
        value = 0.0
        for p in self.parameters:
            p.grad = torch.zeros_like(p)
        for term in terms:
            if not term.requires_grad:
                raise UsageError(
                    "the loss carries no gradient: it does not depend on the trainable parameters"
                )
            term.backward()
            value += term.item()
        return value, torch.cat([p.grad.reshape(-1) for p in self.parameters if p.grad is not None])

    def hessian_product(self) -> Callable[[Tensor], Tensor]:
        """v -> (Hessian at the present weights) v, both (D,).

        If all data goes through the model at once or there is no `chunk`, the graph is built once and kept by the
        function; else each product builds it anew, piece by piece.

        Raises:
            UsageError: the loss cannot be differentiated twice, or the function is called after the weights moved.
        """
        versions = [p._version for p in self.parameters]
        kept = (
            None
            if self.cut and self.chunk
            else sum(self._slopes(), start=torch.zeros((), device=self.device))
        )

        def product(v: Tensor) -> Tensor:
            if [p._version for p in self.parameters] != versions:
                raise UsageError("the weights have moved since hessian_product(); call it again")
            v = v.to(self.dtype)
            if kept is not None:
                return self._derivative(kept @ v, retain_graph=True)
            return sum((self._derivative(slope @ v) for slope in self._slopes()), start=torch.zeros_like(v))

        return product

    def _slopes(self) -> Iterator[Tensor]:
        """The gradient of each term, (D,), as a function of the weights."""
        with second_derivatives(self.model), plain_kernels(self.model):
            for term in self._terms():
                parts = torch.autograd.grad(term, self.parameters, create_graph=True, materialize_grads=True)
                slope = torch.cat([part.reshape(-1) for part in parts])
                check_graph(self.model, term, slope)
                yield slope

    def _derivative(self, value: Tensor, retain_graph: bool = False) -> Tensor:
        """Of a number by the weights, (D,)."""
        if not value.requires_grad:  # the loss is linear
            return torch.zeros(self.dim, dtype=self.dtype, device=self.device)
        with second_derivatives(self.model):
            found = torch.autograd.grad(
                value, self.parameters, retain_graph=retain_graph, materialize_grads=True
            )
        return torch.cat([part.reshape(-1) for part in found])

    @cached_property
    def _trace(self) -> modules.Trace:
        inputs, targets = few(next(self.pieces()), 2)
        found = modules.trace(
            self.model, lambda: self.outputs(inputs), lambda out: self.loss_fn(out, targets)
        )
        if torch.finfo(found.coarsest).eps > torch.finfo(self.dtype).eps:
            warnings.warn(
                f"the weights are {self.dtype}, but the model or its loss computes in {found.coarsest}: rounding "
                "errors are those of the latter",
                stacklevel=4,
            )
        return found

    @property
    def kinks(self) -> tuple[str, ...]:
        """Names of modules whose derivative jumps (ReLU, max pooling, ...), as two samples go through the model.

        There the Hessian tells nothing of the jumps: L is then only what was seen.
        """
        return self._trace.kinks

    @property
    def eps(self) -> float:
        """Machine epsilon of the coarsest dtype in which the model or the loss computes what depends on the weights."""
        return torch.finfo(self._trace.coarsest).eps

    def broken_parameter(self) -> str | None:
        """The first parameter whose value or gradient is not finite."""
        for name, p in self.named.items():
            if not torch.isfinite(p).all() or (p.grad is not None and not torch.isfinite(p.grad).all()):
                return name
        return None


def _ridge(loss_fn: LossFunction) -> float:
    found = getattr(loss_fn, "ridge", 0.0)
    return nonnegative(
        found, f"loss_fn.ridge is {found!r}; it must be a finite number >= 0, the weight of (ridge/2) ‖w‖²"
    )
