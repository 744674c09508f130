"""Generated C++, compiled by the machine's own compiler and called on tensors.

Underflow is left to the processor: where no result was too small to be exact, no allowance for that is needed, and
where one was, it has raised a flag, and the whole call is done again by torch.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.engine.stream.lower import Lowered

Compiled = Callable[[Mapping[str, Tensor]], tuple[Tensor, Tensor, Tensor]]
"""Tensors of a state, by name -> counts of the masks, minima of the values, and the rows where these are."""
FLAGS = (
    *("-O2", "-march=native", "-mprefer-vector-width=512", "-fschedule-insns", "-funroll-loops"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fno-strict-aliasing"),
    *("-std=c++17", "-shared", "-fPIC", "-w"),
)
"""Numbers keep IEEE rounding: nothing lets the compiler reassociate or contract."""

FUNCTION = """
#define ROW(l) (row + (l) < rows ? row + (l) : rows - 1)

INLINE void smallest(D value, M inside, L lane, D& least, L& at) {{
  const M better = inside & lt(value, least);
  least = where(better, value, least);
  at = where(better, lane, at);
}}

static __attribute__((noinline)) void steps(long rows, const void* const* in, const void* const* constants, D* arena,
                                            long* counts, double* minima, long* places) {{
  L lanes, at[{minimised} + 1] = {{}};
  D least[{minimised} + 1];
  for (int l = 0; l < LANES; l++) lanes[l] = l;
  for (int j = 0; j < {minimised}; j++) least[j] = d(__builtin_inf());
  for (long row = 0; row < rows; row += LANES) {{
    const L lane = lanes + row;
    const M inside = m(lane < rows);
{code}
  }}
  for (int j = 0; j < {minimised}; j++)
    for (int l = 0; l < LANES; l++)
      if (least[j][l] < minima[j] || (least[j][l] == minima[j] && at[j][l] < places[j]))
        minima[j] = least[j][l], places[j] = at[j][l];
}}

extern "C" bool run(long rows, const void* const* in, const void* const* constants, D* arena, long* counts,
                    double* minima, long* places) {{
  std::feclearexcept(FE_UNDERFLOW);
  steps(rows, in, constants, arena, counts, minima, places);
  return !std::fetestexcept(FE_UNDERFLOW);
}}
"""
"""The function around the code: counts and minima of the lanes, and at the end of all."""
BLOCK = 64
"""Bytes of a block of float64."""


@dataclass(frozen=True)
class Kernel:
    """One compiled program. It holds no state, so that threads may share it."""

    lowered: Lowered
    library: ctypes.CDLL
    otherwise: Compiled
    """What does the same and allows for underflow."""

    def __call__(self, tensors: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Counts, minima, and the rows where these are."""
        given = [tensors[name].contiguous() for name in self.lowered.inputs]
        counts = torch.zeros(self.lowered.counted, dtype=torch.int64)
        minima = torch.full((self.lowered.minimised,), torch.inf, dtype=torch.float64)
        places = torch.zeros(self.lowered.minimised, dtype=torch.int64)
        arena = torch.empty(BLOCK * (self.lowered.arena + 1), dtype=torch.uint8)
        sound = self.library.run(
            ctypes.c_long(len(given[0])),
            _pointers(given),
            _pointers(self.lowered.constants),
            ctypes.c_void_p(-(-arena.data_ptr() // BLOCK) * BLOCK),
            *(ctypes.c_void_p(x.data_ptr()) for x in (counts, minima, places)),
        )
        return (counts, minima, places) if sound else self.otherwise(tensors)


def _pointers(tensors: Sequence[Tensor]) -> ctypes.Array:
    return (ctypes.c_void_p * max(1, len(tensors)))(*(x.data_ptr() for x in tensors))


def load(lowered: Lowered, otherwise: Compiled) -> Kernel:
    """The kernel, compiled and loaded.

    Raises:
        UsageError: there is no C++ compiler, or it refuses.
    """
    prelude = files("grams_theory.engine.stream").joinpath("prelude.h").read_text()
    function = FUNCTION.format(counted=lowered.counted, minimised=lowered.minimised, code=lowered.code)
    return Kernel(lowered, _library(prelude + function), otherwise)


@cache
def _library(source: str) -> ctypes.CDLL:
    compiler = os.environ.get("CXX") or shutil.which("g++")
    if compiler is None:
        raise UsageError(
            "compiled streams need a C++ compiler and g++ is not on the PATH; install it, name yours in the "
            "environment variable CXX, or use compiled=False"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.cpp")
        path.write_text(source)
        done = subprocess.run(
            [compiler, *FLAGS, str(path), "-o", f"{folder}/kernel.so"], capture_output=True, text=True
        )
        if done.returncode:
            problem = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:300])
            raise UsageError(
                f"{compiler} refuses the compiled stream ({problem}); set CXX to GCC 11 or newer"
            )
        return ctypes.CDLL(f"{folder}/kernel.so")
