"""An objective that follows a model in training, on a copy, and leaves no trace in training."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from grams_theory.core.errors import UsageError
from grams_theory.landscape.objective import LossFunction, Objective
from grams_theory.landscape.objective.data import few
from grams_theory.landscape.objective.modules import Groups


class Shadow:
    """f and its gradient at the present weights of `model`, in eval mode: without dropout, with the running statistics.

    Followed are parameters and buffers. Random numbers that the copy draws come from generators that are put back.
    """

    def __init__(
        self,
        model: nn.Module,
        loss_fn: LossFunction,
        data: Any,
        dtype: torch.dtype | None,
        chunk: int | None,
        groups: Groups,
    ) -> None:
        self.live = unwrapped(model)
        first = next(self.live.parameters(), None)
        if first is None:
            raise UsageError("the model has no parameters")
        with isolated(first.device):
            still = copy.deepcopy(self.live).eval()
            self.objective = Objective(still, loss_fn, data, first.device, dtype, chunk=chunk, groups=groups)
            self._refuse_ties()

    def _refuse_ties(self) -> None:
        """A penalty over `model.parameters()` in loss_fn, or a forward that was replaced, may reach past the copy."""
        inputs, targets = few(next(self.objective.pieces()), 1)
        loss = self.objective.loss_fn(self.objective.outputs(inputs), targets)
        leaves = set(_leaves(loss))
        reached = next((name for name, p in self.live.named_parameters() if p in leaves), None)
        if reached is not None:
            raise UsageError(
                f"the loss of a copy of the model depends on {reached!r} of the model itself: loss_fn or a forward "
                "that was replaced holds on to the model; compute the loss from the outputs alone (an L2 penalty may "
                "be given as loss_fn.ridge)"
            )

    def measure(self) -> tuple[float, Tensor]:
        """f and its gradient, (D,)."""
        self.follow()
        with isolated(self.objective.device):
            return self.objective.value_and_gradient()

    def broken_parameter(self) -> str | None:
        """The first parameter that is not finite; if all are, the first whose gradient is not."""
        broken = (name for name, p in self.objective.named.items() if not bool(p.isfinite().all()))
        return next(broken, None) or self.objective.broken_parameter()

    @torch.no_grad()
    def follow(self) -> None:
        """Take over parameters and buffers. Raises `UsageError` if the model has got other ones."""
        live = _tensors(self.live)
        for name, mine in _tensors(self.objective.model).items():
            if name not in live or live[name].shape != mine.shape:
                raise UsageError(
                    f"{name!r} is no longer what it was when watch_pl began; watch the model anew"
                )
            mine.copy_(live[name])

    def vector(self, of: dict[str, Tensor]) -> Tensor:
        """One real tensor per name, as (D,) in the objective's order, float32 at least; 0 where there is none."""
        device, dtype = self.objective.device, torch.promote_types(self.objective.dtype, torch.float32)
        empty = torch.zeros((), device=device, dtype=dtype)
        return torch.cat(
            [
                of[name].reshape(-1).to(device, dtype) if name in of else empty.expand(p.numel())
                for name, p in self.objective.named.items()
            ]
        )

    @torch.no_grad()
    def gradient_signs(self) -> Tensor | None:
        """Of the gradients that training has now, (D,), 0 where there is none; None if one is not finite."""
        found = {name: p.grad for name, p in self.trained().items() if p.grad is not None}
        dense = {name: g.to_dense() if g.is_sparse else g for name, g in found.items()}
        if not all(bool(g.isfinite().all()) for g in dense.values()):
            return None
        return self.vector({name: g.sign() for name, g in dense.items()})

    def trained(self) -> dict[str, Tensor]:
        """The live parameters that the objective measures."""
        return {name: p for name, p in self.live.named_parameters() if name in self.objective.named}


def _leaves(loss: Tensor) -> Iterator[Tensor]:
    """What a gradient of the loss would be accumulated into."""
    waiting, seen = [loss.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting.extend(before for before, _ in node.next_functions)
            if hasattr(node, "variable"):
                yield node.variable  # pyright: ignore[reportAttributeAccessIssue]


def unwrapped(model: nn.Module) -> nn.Module:
    """Without torch.compile and DistributedDataParallel, which share its parameters."""
    while True:
        if isinstance(model, DistributedDataParallel):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


@contextmanager
def isolated(device: torch.device) -> Iterator[None]:
    """With gradients, without autocast, the same random numbers each time; the generators are put back."""
    elsewhere = device.type != "cpu"
    module = torch.get_device_module(device.type)
    kind = device.type if elsewhere else "cuda"
    with (
        torch.random.fork_rng([device] if elsewhere else [], device_type=kind),
        torch.autocast(device.type, enabled=False),
        torch.enable_grad(),
    ):
        torch.default_generator.manual_seed(0)
        if elsewhere:
            with module.device(device):
                module.manual_seed(0)
        yield


def synchronize(device: torch.device) -> None:
    """Wait for what was queued on an accelerator, so that a clock tells its time."""
    if device.type != "cpu":
        torch.get_device_module(device.type).synchronize(device)
