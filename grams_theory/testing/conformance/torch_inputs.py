"""The inputs and the error inputs that PyTorch tests its own optimizers with, where they fit another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.testing.conformance.description import Description


@dataclass(frozen=True)
class BadInput:
    """Arguments that must be refused, and by which error. `params` None stands for good ones."""

    what: str
    params: Any
    keywords: dict[str, Any]
    error: type[BaseException]


def inputs(
    described: Description, device: torch.device, dtype: torch.dtype
) -> Iterator[tuple[dict[str, Any], tuple[Callable[[Any], Any], ...]]]:
    """Keywords with schedulers to run: each set without any, and the default set with each choice of schedulers.

    Raises:
        UsageError: PyTorch's tests cannot be imported.
    """
    info = _info(described)
    for found in info.optim_inputs_func(device=str(device), dtype=dtype):
        if described.offers(*found.kwargs):
            yield dict(found.kwargs), ()
    for schedulers in info.scheduler_inputs:
        yield {}, tuple(schedulers)


def errors(described: Description, device: torch.device, dtype: torch.dtype) -> Iterator[BadInput]:
    """What must be refused by the constructor. Tensors of one element are left out: torch's implementations may
    refuse them where another one takes them.

    Raises:
        UsageError: PyTorch's tests cannot be imported.
    """
    when_made = _tests().OptimizerErrorEnum.CONSTRUCTION_ERROR
    for found in _info(described).optim_error_inputs_func(device=str(device), dtype=dtype):
        bad = found.optimizer_error_input
        fits = found.error_on is when_made and described.offers(*bad.kwargs)
        if fits and not any(map(_has_small_tensor, bad.kwargs.values())):
            yield BadInput(bad.desc, bad.params, dict(bad.kwargs), found.error_type)


def _has_small_tensor(value: Any) -> bool:
    values = value if isinstance(value, tuple) else (value,)
    return any(isinstance(x, Tensor) and x.numel() == 1 for x in values)


def _info(described: Description) -> Any:
    """torch's description of the class, or of AdamW for a class that torch does not know."""
    known = {info.optim_cls: info for info in _tests().optim_db}
    return known.get(described.cls, known[torch.optim.AdamW])


def _tests() -> ModuleType:
    """The module in which PyTorch's tests describe optimizers.

    Its first import would freeze the flags of torch.backends for the rest of the process.
    """
    try:
        with patch.object(torch.backends, "disable_global_flags"):
            return import_module("torch.testing._internal.common_optimizers")
    except ImportError as error:
        raise UsageError(
            f"PyTorch's own optimizer tests cannot be imported ({error}); they need a package: pip install expecttest"
        ) from error
