"""A live diagnostic of any optimizer of Adam's or Lion's family, ours or not, while it trains.

    from grams_theory.optim import diagnostics

    with diagnostics.watch(optimizer, every=10) as log:
        for x, y in batches:
            loss = loss_fn(model(x), y)
            log.record_loss(loss)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    print(log)

Nothing in training changes, to the last bit, and nothing waits for an accelerator until the log is read.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from grams_theory.optim._alignment import NOTHING, Sums
from grams_theory.optim._capture import is_capturing
from grams_theory.optim._snapshot import LossNow, Number, Observation, Snapshot, refuse_other_moments


@dataclass(frozen=True)
class Row:
    """One observed step, over all coordinates whose gradient was not None, or over those of one parameter group.

    g is the gradient, u Adam's (or Lion's) update before any direction, w and w⁺ the weights before and after the
    step. Descents are of the loss: how much it falls (with `maximize`, less than 0).
    """

    step: int
    """How many steps the optimizer had taken since it is watched, this one included."""
    lr: float | None
    """eta; None over groups that differ in it."""
    coordinates: int
    disagreement: float
    """The share of coordinates with u_i g_i < 0: Grams turns them around, Cautious leaves them out."""
    zero_gradient: float
    """The share of coordinates with g_i = 0: Grams does not move them, Adam does."""
    kappa: float
    """⟨|g|, |u|⟩/(‖g‖‖u‖), in [0, 1]; NaN where g or u is 0."""
    g_norm: float
    u_norm: float
    predicted: float
    """⟨g, w − w⁺⟩: the descent of the step taken, to first order."""
    predicted_grams: float
    """eta ⟨|g|, |u|⟩: what a step of Grams would promise. It does, up to rounding of w and weight decay."""
    loss: float | None = None
    loss_after: float | None = None

    @property
    def actual(self) -> float | None:
        """loss − loss_after, where both are known."""
        return None if self.loss is None or self.loss_after is None else self.loss - self.loss_after

    def descent_bound(self, smoothness: float) -> float:
        """2⟨|g|, |u|⟩/(L‖u‖²): up to this lr a step of Grams from here raises no L-smooth loss (Lemma 4.2)."""
        return 2 * self.kappa * self.g_norm / (smoothness * self.u_norm) if self.u_norm else math.nan


TABLE = (
    "step",
    "lr",
    "disagreement",
    "zero_gradient",
    "kappa",
    "predicted",
    "predicted_grams",
    "loss",
    "actual",
)
"""What is printed of a `Row`."""


def watch(optimizer: Optimizer, every: int = 10, *, loss: LossNow | None = None, keep: int = 10_000) -> Log:
    """Observe every `every`-th step of `optimizer` from now on; the log stops at `detach` or at the end of `with`.

    Read are p.grad and the moments after the step, and the weights before (copied, at observed steps) and after it.
    For an optimizer that is no Adam but keeps exp_avg and exp_avg_sq, u is Adam's update from these. Under an L2
    penalty (`weight_decay` of Adam) u contains the penalty, and g does not. Parameters may be of any dtype, layout
    and device, in any groups, under a scheduler, a GradScaler or a closure. The optimizer must leave the gradient in
    p.grad. Steps replayed from a CUDA graph cannot be seen; one that a fused optimizer skips for GradScaler is NaN.

    Args:
        optimizer: keeps exp_avg and exp_avg_sq per parameter (max_exp_avg_sq too, with amsgrad), or exp_avg alone
            as Lion does. The optimizer itself, not a wrapper: accelerate's is around `wrapper.optimizer`,
            ZeroRedundancyOptimizer around `wrapper.optim`.
        every: observe the steps every, 2 every, 3 every, ...
        loss: evaluates the loss of the present batch at the present weights, as
            `lambda: loss_fn(model(x), y)` in the scope of the loop. Called without gradients before and after each
            observed step, with the same state of the random generators, which are then put back. It must not change
            the model (batch norm in train mode does). Two forward passes: take every=20 or more.
        keep: how many observed steps the log holds; older ones are dropped.

    Raises:
        ValueError: every or keep is below 1.
        TypeError: for a wrapper that takes no hooks; at the first step that moves a parameter, for an optimizer that
            does not keep these moments.
    """
    return Log(optimizer, every, loss, keep)


class Log:
    """What `watch` saw. Reading it waits for the device, recording does not."""

    def __init__(self, optimizer: Optimizer, every: int, loss: LossNow | None, keep: int) -> None:
        for name, value in {"every": every, "keep": keep}.items():
            if value < 1:
                raise ValueError(f"{name}={value} must be at least 1")
        if not hasattr(optimizer, "_optimizer_step_pre_hooks"):
            raise TypeError(
                f"{type(optimizer).__name__} takes no hooks: give watch the optimizer itself, which a wrapper "
                "usually has as its attribute optimizer"
            )
        self.every = every
        self._loss_now = loss
        self._given: Number | None = None
        self._steps = 0
        self._legible = False
        self._snapshot: Snapshot | None = None
        self._seen: deque[Observation] = deque(maxlen=keep)
        before, after = map(torch.compiler.disable, (self._before_step, self._after_step))
        self._handles = [
            optimizer.register_step_pre_hook(before),  # pyright: ignore[reportArgumentType]
            optimizer.register_step_post_hook(after),  # pyright: ignore[reportArgumentType]
        ]

    def detach(self) -> None:
        """Stop observing. What was seen can still be read."""
        for handle in self._handles:
            handle.remove()
        self._snapshot = None

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *exception: object) -> None:
        self.detach()

    def record_loss(self, loss: Number) -> None:
        """Give the loss of the coming step, once per step: `actual` is then its difference to the next one given.

        That is the descent where all steps see the same data; else the difference between batches is in it too,
        and the `loss` argument of `watch`, which this then yields to, tells more.
        """
        if self._loss_now is not None or not (self._observes_next or self._observed_last):
            return
        self._given = loss.detach().clone() if isinstance(loss, Tensor) else loss
        if self._observed_last and self._seen[-1].loss_after is None:
            self._seen[-1].loss_after = self._given

    @property
    def rows(self) -> tuple[Row, ...]:
        """The observed steps, over all coordinates."""
        return tuple(_row(seen, range(len(seen.sums))) for seen in self._seen)

    def group_rows(self, index: int) -> tuple[Row, ...]:
        """The observed steps, over the coordinates of one parameter group; the loss is that of the whole."""
        return tuple(_row(seen, [index]) for seen in self._seen if index < len(seen.sums))

    def to_dict(self, group: int | None = None) -> dict[str, list[Any]]:
        """A list per field of `Row`, and "actual": what a data frame is made of."""
        rows = self.rows if group is None else self.group_rows(group)
        names = [*(field.name for field in fields(Row)), "actual"]
        return {name: [getattr(row, name) for row in rows] for name in names}

    def __str__(self) -> str:
        columns = self.to_dict()
        texts = [[name, *map(_text, columns[name])] for name in TABLE]
        widths = [max(map(len, column)) for column in texts]
        lines = zip(*texts, strict=True)
        return "\n".join("  ".join(map(str.rjust, line, widths)) for line in lines)

    @property
    def _observes_next(self) -> bool:
        return (self._steps + 1) % self.every == 0

    @property
    def _observed_last(self) -> bool:
        return bool(self._seen) and self._seen[-1].step == self._steps

    def _before_step(self, optimizer: Optimizer, *_: object) -> None:
        if self._observes_next and not is_capturing():
            self._snapshot = Snapshot(optimizer, self._loss_now)

    def _after_step(self, optimizer: Optimizer, *_: object) -> None:
        self._steps += 1
        self._legible = self._legible or refuse_other_moments(optimizer)
        if self._snapshot is not None:
            seen, self._snapshot = self._snapshot.compare(self._steps), None
            if self._loss_now is None:
                seen.loss, self._given = self._given, None
            self._seen.append(seen)


def _row(seen: Observation, groups: Sequence[int]) -> Row:
    """Over the coordinates of some parameter groups."""
    scale, lrs = float(seen.loss_scale), [float(seen.lr[k]) for k in groups]
    parts = [_total(seen.sums[k]) for k in groups]
    total = Sums(*map(sum, zip(*parts, strict=True)))
    descents = (seen.uphill[k] * part.descent / scale for k, part in zip(groups, parts, strict=True))
    of_grams = (
        seen.uphill[k] * lr * part.overlap / scale for k, lr, part in zip(groups, lrs, parts, strict=True)
    )
    g_norm, u_norm = math.sqrt(total.g_squared), math.sqrt(total.u_squared)
    return Row(
        step=seen.step,
        lr=lrs[0] if len(set(lrs)) == 1 else None,
        coordinates=int(total.coordinates),
        disagreement=_ratio(total.opposed, total.coordinates),
        zero_gradient=_ratio(total.zero_gradient, total.coordinates),
        kappa=_ratio(total.overlap, g_norm * u_norm),
        g_norm=g_norm / scale,
        u_norm=u_norm,
        predicted=sum(descents),
        predicted_grams=sum(of_grams),
        loss=None if seen.loss is None else float(seen.loss),
        loss_after=None if seen.loss_after is None else float(seen.loss_after),
    )


def _total(parts: Sequence[Tensor]) -> Sums:
    """Over devices."""
    return Sums(*map(sum, zip(*(part.tolist() for part in parts), strict=True))) if parts else NOTHING


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _text(value: float | int | None) -> str:
    return "" if value is None else f"{value:.4g}"
