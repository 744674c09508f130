"""What the fused kernels are tried on, on the CPU and (interpreted) as on CUDA: updates, dtypes, and tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from grams_theory.optim._fused import Update
from tests.optim.fused_bound import expected

PLAIN = Update(
    base="adam",
    lam=-1.0,
    rescaled=False,
    betas=(0.9, 0.99),
    eps=1e-8,
    weight_decay=0.0,
    l2_penalty=False,
    maximize=False,
    amsgrad=False,
    stochastic_rounding=False,
)
LION = replace(PLAIN, base="lion", eps=0.0)
UPDATES = {
    "grams": PLAIN,
    "cautious": replace(PLAIN, lam=0.0, weight_decay=0.1),
    "half": replace(PLAIN, lam=0.5, maximize=True),
    "adam": replace(PLAIN, lam=1.0, weight_decay=0.1, l2_penalty=True),
    "amsgrad": replace(PLAIN, lam=1.0, amsgrad=True, weight_decay=0.1),
    "amsgrad rescaled": replace(PLAIN, rescaled=True, amsgrad=True, maximize=True),
    "rescaled": replace(PLAIN, rescaled=True, weight_decay=0.1),
    "rescaled penalty": replace(PLAIN, rescaled=True, weight_decay=0.1, l2_penalty=True),
    "no memory": replace(PLAIN, betas=(0.0, 0.0)),
    "short memory": replace(PLAIN, betas=(0.3, 0.5), eps=0.5),
    "lion": replace(LION, lam=1.0, weight_decay=0.1),
    "lion grams": replace(LION, lam=-1.0, maximize=True),
    "lion cautious": replace(LION, lam=0.0),
    "lion rescaled": replace(LION, rescaled=True, weight_decay=0.1),
}
F64, F32, BF16, F16 = torch.float64, torch.float32, torch.bfloat16, torch.float16
DTYPES = (
    *((F64, F64, F64), (F64, F64, F32), (F64, F64, BF16), (F64, F32, F64)),
    *((F32, F32, F32), (F32, F32, BF16)),
    *((BF16, BF16, BF16), (BF16, BF16, F32), (BF16, F32, F32)),
    *((F16, F16, F16), (F16, F16, F32), (F16, F16, BF16), (F16, F32, F32)),
)
"""Of w, g and the moments."""


@dataclass
class Problem:
    """w, g and the moments of some tensors, with their step counts."""

    w: list[Tensor]
    g: list[Tensor]
    moments: list[list[Tensor]]
    t: list[int]

    def rows(self) -> Iterator[tuple[Tensor, ...]]:
        return zip(self.w, self.g, *self.moments, strict=True)

    def map(self, change: Callable[[Tensor], Tensor]) -> Problem:
        w, g, *moments = ([change(x) for x in kind] for kind in (self.w, self.g, *self.moments))
        return Problem(w, g, moments, self.t)

    @property
    def written(self) -> list[Tensor]:
        """What a step changes: w and the moments."""
        return [x for kind in (self.w, *self.moments) for x in kind]

    def stepped(self, step_: Callable, update: Update, **options) -> Problem:
        """A copy after one step."""
        after = self.map(Tensor.clone)
        step_(update, after.w, after.g, after.moments, t=after.t, **options)
        return after


def problem(
    update: Update,
    sizes: Sequence[int],
    dtypes: tuple[torch.dtype, ...] = (F32, F32, F32),
    device: str = "cpu",
    seed: int = 0,
) -> Problem:
    """Numbers of six decades that float16 holds, a tenth of the gradients 0 or -0, moments of either sign."""
    generator = torch.Generator().manual_seed(seed)

    def normal(n: int) -> Tensor:
        return torch.randn(n, generator=generator, dtype=F64)

    w, g, m, v, largest = [], [], [], [], []
    for n in sizes:
        scale = 10 ** (6 * torch.rand(n, generator=generator, dtype=F64) - 5)
        zero = torch.rand(n, generator=generator) < 0.1
        w.append(normal(n).to(dtypes[0]))
        g.append((normal(n) * scale * ~zero).to(dtypes[1]))
        m.append((normal(n) * scale).to(dtypes[2]))
        v.append((normal(n) * scale).square().clamp(min=2.0**-24).to(dtypes[2]))
        largest.append(v[-1] * (1 + normal(n).abs().to(dtypes[2])))
    counts = [1 + 7 * i for i in range(len(sizes))]
    return Problem(w, g, [m, v, largest][: update.moments], counts).map(lambda x: x.to(device))


def tiny(update: Update, sizes: Sequence[int], device: str = "cpu") -> Problem:
    """As `problem`, in float32, with gradients and first moments whose product is 0, and w = 0 to see them move."""
    x = problem(update, sizes, device=device)
    m, *squares = x.moments
    return Problem(
        [0 * w for w in x.w], [g * 2.0**-90 for g in x.g], [[y * 2.0**-90 for y in m], *squares], x.t
    )


def same(x: Problem, y: Problem) -> bool:
    """Whether w and the moments are equal."""
    return all(map(torch.equal, x.written, y.written))


def worst(update: Update, before: Problem, after: Problem, **options) -> float:
    """The largest error of a step in units of its bound: more than 1 is a fault. NaN counts as infinite."""
    worst = 0.0
    rows = (problem.map(Tensor.cpu).rows() for problem in (before, after))
    for i, (old, new) in enumerate(zip(*rows, strict=True)):
        w, g, *moments = old
        should = expected(update, w, g, list(moments), t=before.t[i], **options)
        for near, found in zip(should, (new[0], *new[2:]), strict=True):
            error = (found.double() - near.mid).abs().div(near.rad)
            error = error.masked_fill(found.double() == near.mid, 0).nan_to_num(torch.inf, torch.inf)
            worst = max(worst, error.max().item() if error.numel() else 0.0)
    return worst
