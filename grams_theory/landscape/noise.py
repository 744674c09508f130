"""What minibatch noise does to the sign of the gradient, which Grams takes its direction from.

sign(g_B) follows the median of a minibatch gradient g_B, the gradient ∇f its mean. Where noise is skewed the two may
have different signs, and an update with the sign of g_B then climbs on the average, however small the steps are.

The size |u| is held fixed here. Adam's own |u| depends on g_B too, by the weight 1 − β₁ that it has in the momentum:
E sign(g_B)|m| differs from β₁ E|m'| E sign(g_B) by at most (1 − β₁) E|g_B|, m' the momentum before (`sign-median`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.core.random import generator
from grams_theory.landscape.confidence import (
    Floats,
    discovered,
    drift_test,
    mean_of_dependent,
    mean_of_independent,
    sign_test,
    surely_discovered,
)
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.objective.modules import Places
from grams_theory.landscape.quantity import Quantity


@dataclass(frozen=True)
class Skew:
    """Signs of minibatch gradients g_B against those of the gradient g = ∇f, over some coordinates.

    Each quantity has a confidence interval. Signs are those computed: where g_i is lost in rounding its sign is noise
    too, and float64 helps.
    """

    sign_disagreement: Quantity
    """Mean share of coordinates with sign(g_B) ≠ sign(g), sign(0) = 0."""
    silent: Quantity
    """The part of it with sign(g_B) = 0 ≠ sign(g), such as the rows of an embedding that a batch does not use."""
    expected_descent: Quantity
    """⟨g, E[sign g_B] |u|⟩/⟨|g|, |u|⟩, in [−1, 1]: 1 without noise; below 0 the expected Grams step goes uphill."""
    biased_share: Quantity
    """The share of coordinates in which sign(g_B) is opposed to sign(g) more often than equal to it."""


@dataclass(frozen=True)
class NoiseSkew(Skew):
    """`Skew` over all coordinates, and over the groups of the objective."""

    batch_size: int | None
    """None where minibatches came from the user's own loop."""
    batches: int
    level: float
    """Of each confidence interval by itself."""
    groups: Mapping[str, Skew]


FIELDS = ("sign_disagreement", "silent", "expected_descent")
"""What is a mean over minibatches, in the order in which `SignCount` keeps them."""


class SignCount:
    """Counts signs of minibatch gradients: nine bytes per coordinate, three numbers per minibatch and group."""

    def __init__(self, dim: int, groups: Places, device: str | torch.device = "cpu") -> None:
        self.places: dict[str | None, tuple[slice, ...]] = {None: (slice(0, dim),), **groups}
        self.agreed = torch.zeros(dim, dtype=torch.int32, device=device)
        self.opposed = torch.zeros_like(self.agreed)
        self.flat = torch.ones(dim, dtype=torch.bool, device=device)
        """Where the gradient was always 0."""
        self.seen: dict[str | None, list[tuple[float, float, float | None]]] = {
            name: [] for name in self.places
        }

    @property
    def batches(self) -> int:
        return len(self.seen[None])

    def add(self, g: Tensor, batch_sign: Tensor, u: Tensor | None) -> None:
        """The gradient, the signs of one minibatch gradient at the same weights, and the update there, all (D,)."""
        sign = g.sign()
        product = sign * batch_sign
        self.agreed += product > 0
        self.opposed += product < 0
        self.flat &= sign == 0
        differs, silent = sign != batch_sign, (batch_sign == 0) & (sign != 0)
        weight = _unit(g) if u is None else _unit(g) * _unit(u)
        product *= weight
        for name, places in self.places.items():
            size = sum(s.stop - s.start for s in places)
            total = _sum(weight, places)
            descent = _sum(product, places) / total if total else None
            self.seen[name].append((_sum(differs, places) / size, _sum(silent, places) / size, descent))

    def skew(self, how: str, batch_size: int | None, level: float, independent: bool) -> NoiseSkew:
        """What was counted; `independent`: all minibatches were drawn alike, at the same weights."""
        counts = [x.cpu().numpy() for x in (self.agreed, self.opposed, self.flat)]

        def over(name: str | None) -> Skew:
            agreed, opposed, flat = (np.concatenate([x[s] for s in self.places[name]]) for x in counts)
            tests = "sign tests" if independent else "Azuma's test"
            against, along = (
                sign_test(more, agreed + opposed) if independent else drift_test(excess, self.batches)
                for more, excess in ((opposed, opposed - agreed), (agreed, agreed - opposed))
            )
            return Skew(
                **self._means(name, how, level, independent),
                biased_share=_biased(against, along, flat, f"{how}; {tests}", level),
            )

        whole = over(None)
        groups = {name: over(name) for name in self.places if name is not None}
        return NoiseSkew(
            **vars(whole), batch_size=batch_size, batches=self.batches, level=level, groups=groups
        )

    def _means(self, name: str | None, how: str, level: float, independent: bool) -> dict[str, Quantity]:
        interval = mean_of_independent if independent else mean_of_dependent
        why = f"{how}; {level:.0%} interval by {'betting' if independent else 'Azuma–Hoeffding'}"
        found = {}
        for field, low, column in zip(
            FIELDS, (0.0, 0.0, -1.0), zip(*self.seen[name], strict=True), strict=True
        ):
            x = np.array([value for value in column if value is not None])
            found[field] = (
                Quantity(float(x.mean()), why, *interval(x, low, 1.0, level))
                if x.size
                else Quantity(None, "⟨|∇f|, |u|⟩ = 0")
            )
        return found


def noise_skew(
    objective: Objective,
    u: Tensor | None = None,
    *,
    batch_size: int,
    batches: int = 64,
    seed: int = 0,
    level: float = 0.95,
    drawn: Callable[[], None] | None = None,
) -> NoiseSkew:
    """What the sign of a minibatch gradient says of the gradient, at the objective's present weights.

    Each minibatch is drawn without replacement and independently of the others: the law of any one minibatch of a
    shuffled epoch (those of one epoch depend on each other, and no interval below would hold for them). So signs in
    one coordinate are independent, and so are the shares and descents of different minibatches.

    - `sign_disagreement`, `silent`, `expected_descent`: means over minibatches; intervals by betting
      (`confidence.mean_of_independent`), which hold at every number of minibatches.
    - `biased_share`: a sign test per coordinate over the minibatches that do not leave it at 0. The value counts those
      that Benjamini–Hochberg finds at a false discovery rate of 1 − level (if coordinates are independent or positively
      dependent). The interval holds whatever the dependence: low is what Holm's method is sure of, high leaves out what
      it is sure is not biased.

    Needs memory for a few vectors (D,), however many minibatches there are, and the time of `batches` gradients.

    Args:
        u: the present update of Adam, (D,); None for a step of one size in every coordinate, as signSGD takes, and
            Adam at its first step.
        batch_size: samples in a minibatch, at most all.
        seed: of the draws.
        level: of the intervals, in (0, 1).
        drawn: called after each minibatch.

    Raises:
        UsageError: bad arguments, or a gradient that is not finite (the message names minibatch and parameter).
    """
    n = objective.samples
    if not 1 <= batch_size <= n:
        raise UsageError(f"{batch_size=} must be from 1 to {n}, the number of samples")
    if batches < 1:
        raise UsageError(f"{batches=} must be at least 1")
    if not 0 < level < 1:
        raise UsageError(f"{level=} must lie between 0 and 1, as 0.95")
    g = _finite(objective, objective.value_and_gradient()[1], "the gradient")
    if u is not None and (u.shape != g.shape or not bool(u.isfinite().all())):
        raise UsageError(f"u must be finite and of shape {tuple(g.shape)}; its shape is {tuple(u.shape)}")
    count = SignCount(objective.dim, objective.groups, g.device)
    u = None if u is None else u.to(g.device)
    draws = generator(seed, "noise", batch_size)
    for k in range(batches):
        index = torch.randperm(n, generator=draws)[:batch_size]
        g_batch = _finite(objective, objective.gradient_on(index)[1], f"the gradient of minibatch {k + 1}")
        count.add(g, g_batch.sign(), u)
        if drawn is not None:
            drawn()
    how = f"{batches} independent minibatches of {batch_size} of {n} samples, each without replacement"
    return count.skew(how, batch_size, level, independent=True)


def _biased(against: Floats, along: Floats, flat: NDArray[np.bool_], how: str, level: float) -> Quantity:
    """From p values per coordinate: of not being biased, and of being biased. Where ∇f_i = 0 none is."""
    D, moving = flat.size, ~flat
    found = int(discovered(against[moving], 1 - level).sum())
    surely, surely_not = (surely_discovered(p[moving], (1 - level) / 2) for p in (against, along))
    why = (
        f"{how} per coordinate, Benjamini–Hochberg at a false discovery rate of {1 - level:.2g}; "
        f"{level:.0%} interval by Holm"
    )
    return Quantity(found / D, why, surely / D, (int(moving.sum()) - surely_not) / D)


def _finite(objective: Objective, g: Tensor, what: str) -> Tensor:
    if not bool(g.isfinite().all()):
        raise UsageError(
            f"{what} is not finite, first in parameter {objective.broken_parameter()!r}; check the data"
        )
    return g


def _unit(x: Tensor) -> Tensor:
    """|x|, scaled to a largest entry of 1 so that products do not underflow."""
    size = x.abs()
    largest = size.max()
    return size / torch.where(largest > 0, largest, 1)


def _sum(x: Tensor, places: tuple[slice, ...]) -> float:
    kind = torch.float64 if x.is_floating_point() else torch.int64
    return sum(x[s].sum(dtype=kind).item() for s in places)
