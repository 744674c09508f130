"""CUDA graphs, into which a step may be captured: Python then runs just once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def is_capturing() -> bool:
    """Whether the step goes into a CUDA graph."""
    return torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing()


def refuse_bad_capture(params: list[Tensor], group: dict[str, Any]) -> None:
    """A step count on the CPU would be frozen into a CUDA graph."""
    if torch.compiler.is_compiling() or group["capturable"] or not params[0].is_cuda:
        return
    if is_capturing():
        raise RuntimeError(
            "step() is being captured in a CUDA graph but capturable=False; construct with capturable=True"
        )
