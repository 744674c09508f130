"""The fused step on the CPU: one call of a C++ kernel (kernels.cpp) for all tensors of one dtype."""

from __future__ import annotations

import ctypes
import itertools
from array import array
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from operator import attrgetter

import torch
from torch import Tensor

from grams_theory.optim import rule
from grams_theory.optim._fused import compiler
from grams_theory.optim._fused.update import Update

TYPES = {
    torch.float64: "double",
    torch.float32: "float",
    torch.bfloat16: "bf16",
    torch.float16: "f16",
}
GRAIN = 32768
"""Elements below which a thread more is not worth its start, as in torch."""


class _Update(ctypes.Structure):
    """`Update` of kernels.cpp."""

    _fields_ = [
        *(
            (name, ctypes.c_double)
            for name in [
                "unscale",
                "weight1",
                "weight2",
                "beta1",
                "beta2",
                "decay",
                "penalty",
                "oppose",
                "tie",
                "smallest_mean",
            ]
        ),
        ("rescaled", ctypes.c_int64),
        ("stochastic", ctypes.c_int64),
        ("seed", ctypes.c_uint64),
    ]


class _Tensors(ctypes.Structure):
    """`Tensors` of kernels.cpp."""

    _fields_ = [("count", ctypes.c_int64)] + [
        (name, ctypes.c_void_p) for name in ("sizes", "arrays", "numbers", "agreeing")
    ]


def refusal() -> str | None:
    """Why this machine cannot step fused on its CPU, or None."""
    try:
        compiler.identity(*compiler.find())
    except RuntimeError as problem:
        return str(problem)
    return None


def advanced(
    steps: Sequence[Tensor], arrays: Sequence[Sequence[Tensor]], found_inf: Tensor | None
) -> list[float]:
    """Adds 1 to the step counts, unless found_inf is not 0. What they are then."""
    if found_inf is not None and found_inf.item():
        return [step.item() for step in steps]
    if {*map(attrgetter("dtype"), steps)} != {torch.float32}:
        return [step.add_(1).item() for step in steps]
    values = array("d", bytes(8 * len(steps)))
    counts = array("Q", map(Tensor.data_ptr, steps))
    _library_for(arrays)["advance"](
        ctypes.c_int64(len(steps)), *map(ctypes.c_void_p, map(_at, (counts, values)))
    )
    return values.tolist()


def step_(
    update: Update,
    arrays: Sequence[Sequence[Tensor]],
    *,
    t: Sequence[float | Tensor],
    lr: float | Tensor,
    grad_scale: Tensor | None = None,
    found_inf: Tensor | None = None,
    means: Callable[[list[Tensor]], list[Tensor]] | None = None,
) -> None:
    """As `_fused.step_`, on tensors whose layouts are dense and agree."""
    if found_inf is not None and found_inf.item():
        return
    constants = _constants(update, float(lr), 1.0 if grad_scale is None else grad_scale.item())
    sizes = array("q", map(Tensor.numel, arrays[0]))
    pointers = array("Q", itertools.chain.from_iterable(map(Tensor.data_ptr, tensors) for tensors in arrays))
    agreeing = array("q", bytes(8 * len(sizes)))
    threads = ctypes.c_int64(max(1, min(torch.get_num_threads(), sum(sizes) // GRAIN)))
    numbers = _numbers(update, [float(x) for x in t], float(lr))
    kernels = _library_for(arrays)

    def call(name: str) -> None:
        tensors = _Tensors(len(sizes), *map(_at, (sizes, pointers, numbers, agreeing)))
        kernels[f"{name}_{update.moments}"](threads, ctypes.byref(constants), ctypes.byref(tensors))

    if update.rescaled and means is not None:
        call("count")
        counts = torch.tensor(agreeing, dtype=torch.float64, device="cpu")
        for i, mean in enumerate(means([*counts])):
            numbers[3 * i + 2] = 1 / max(mean.item(), rule.SMALLEST_MEAN)
        constants.rescaled = 0
    call("step")


def _library_for(arrays: Sequence[Sequence[Tensor]]) -> ctypes.CDLL:
    return library(*(tensors[0].dtype for tensors in arrays[:3]))


def _at(values: array) -> int:
    """The address of an array's first value."""
    return values.buffer_info()[0]


def library(parameter: torch.dtype, gradient: torch.dtype, moment: torch.dtype) -> ctypes.CDLL:
    """The kernel for tensors of these dtypes."""
    named = {"PARAMETER": parameter, "GRADIENT": gradient, "MOMENT": moment}
    return compiler.load(source(), *(f"{name}={TYPES[dtype]}" for name, dtype in named.items()))


@cache
def source() -> str:
    """The kernel's C++."""
    return files("grams_theory.optim._fused").joinpath("kernels.cpp").read_text()


def _constants(update: Update, lr: float, grad_scale: float) -> _Update:
    beta1, beta2 = update.betas
    _, oppose, tie = update.factors
    decay, penalty = update.weight_decay, 0.0
    if update.l2_penalty:
        decay, penalty = penalty, decay
    stochastic = update.stochastic_rounding
    return _Update(
        unscale=(-1 if update.maximize else 1) / grad_scale,
        weight1=1 - beta1,
        weight2=1 - beta2,
        beta1=beta1,
        beta2=beta2,
        decay=1 - lr * decay,
        penalty=penalty,
        oppose=oppose,
        tie=tie,
        smallest_mean=rule.SMALLEST_MEAN,
        rescaled=update.rescaled,
        stochastic=stochastic,
        seed=torch.empty((), dtype=torch.int64, device="cpu").random_().item() if stochastic else 0,
    )


def _numbers(update: Update, t: list[float], lr: float) -> array:
    """For each tensor rate root, eps root and 1, with rate and root from `rule.bias`: Adam's step is
    rate direction(m, g) / (sqrt(v) / root + eps), and one division is enough for it."""
    if update.base == "lion":
        return array("d", (-lr, 0.0, 1.0)) * len(t)
    factors = {count: rule.bias(count, lr, update.betas) for count in {*t}}
    triples = {count: (rate * root, update.eps * root, 1.0) for count, (rate, root) in factors.items()}
    if len(triples) == 1:
        return array("d", triples[t[0]]) * len(t)
    return array("d", itertools.chain.from_iterable(triples[count] for count in t))
