"""Second derivatives: kernels that have them, and an error that says which one does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from grams_theory.core.errors import UsageError

_CHECKPOINTED = "its activations are checkpointed with use_reentrant=True"
_REFUSALS = {
    r"derivative for '?([\w:.]+?)'? is not implemented": "{} has no second derivative",
    r"double backward|_cudnn_rnn_backward": "one of its kernels (compiled, or of cuDNN) has no second derivative",
    r"[Cc]heckpoint\S* is (?:not compatible|incompatible)": _CHECKPOINTED,
}
"""What torch says -> what it means."""
_HIDING = {
    "torch::autograd::Error": "one of its functions is marked once_differentiable",
    "CheckpointFunctionBackward": _CHECKPOINTED,
}
"""Node of a graph -> what it means."""


@contextmanager
def plain_kernels(model: nn.Module) -> Iterator[None]:
    """Attention by matrix products and, on CUDA, recurrences without cuDNN: fused kernels are differentiable once."""
    recurrent = any(isinstance(m, nn.RNNBase) for m in model.modules())
    plain = torch.backends.cudnn.flags(enabled=False) if recurrent else nullcontext()
    with sdpa_kernel(SDPBackend.MATH), plain:
        yield


@contextmanager
def second_derivatives(model: nn.Module) -> Iterator[None]:
    """Turns torch's complaints into a `UsageError` that says which operation has none and what to do."""
    try:
        yield
    except (RuntimeError, NotImplementedError) as error:
        for pattern, meaning in _REFUSALS.items():
            if found := re.search(pattern, str(error)):
                raise _impossible(model, meaning.format(*found.groups())) from error
        raise


def check_graph(model: nn.Module, *found: Tensor) -> None:
    """Raise `UsageError` if the graph behind a loss or its gradient hides a part of the second derivative.

    torch would leave that part out, silently: what stands for it is on no path to the weights.
    """
    seen, ahead = set(), [x.grad_fn for x in found]
    while ahead:
        node = ahead.pop()
        if node is not None and node not in seen:
            if node.name() in _HIDING:
                raise _impossible(model, _HIDING[node.name()])
            seen.add(node)
            ahead += [following for following, _ in node.next_functions]


def _impossible(model: nn.Module, why: str) -> UsageError:
    return UsageError(
        f"the loss of {type(model).__name__} cannot be differentiated twice: {why}; use an implementation in plain "
        'torch operations (Hugging Face: attn_implementation="eager", and no gradient checkpointing), or leave '
        "curvature out with curvature=False"
    )
