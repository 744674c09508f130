"""The arbitrary-precision twin of a production optimizer: what its next step is by the definitions, without rounding.

    twin = Twin(definition(optimizer))       the hyperparameters are read from the optimizer
    twin.load(optimizer.state[p])            its state too, if it is not at its first step
    exact = twin.step(numbers(p), numbers(p.grad))

Thin over `grams_theory.symbolic.twin`, which knows Adam's and Lion's u; what torch.optim adds (weight decay,
amsgrad, maximize) and the family AMS(lam) are added here. Numbers are balls of python-flint, exact where they can be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flint import arb, ctx
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.optim import RuleOptimizer
from grams_theory.symbolic.twin import STEPS, Adam, Lion, Real

PRECISION = 256
"""Bits of a ball's midpoint."""


@dataclass(frozen=True)
class Definition:
    """What one parameter group of an optimizer is to compute. Floats are meant to the last bit."""

    adam: bool
    """Whether u is Adam's; otherwise it is Lion's."""
    lam: float
    """The step is AMS(lam) of u and g: 1 is u itself, 0 Cautious, -1 Grams."""
    rescaled: bool
    """The step is u 1[u g > 0] over the mean of this mask, and `lam` is ignored."""
    lr: float
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    penalty: bool
    """Whether `weight_decay` is an L2 penalty; otherwise it is decoupled."""
    amsgrad: bool
    maximize: bool


def definition(optimizer: RuleOptimizer, group: int = 0) -> Definition:
    """What one of its parameter groups is to compute.

    Raises:
        UsageError: it is no optimizer of this package.
    """
    if not isinstance(optimizer, RuleOptimizer):
        raise UsageError(
            f"{type(optimizer).__name__} is none of ours; give an optimizer of grams_theory.optim"
        )
    options = optimizer.param_groups[group]
    update = optimizer._update(options)
    beta1, beta2 = map(float, update.betas)
    return Definition(
        adam=update.base == "adam",
        lam=update.lam,
        rescaled=update.rescaled,
        lr=float(options["lr"]),
        betas=(beta1, beta2),
        eps=update.eps,
        weight_decay=float(update.weight_decay),
        penalty=update.l2_penalty,
        amsgrad=update.amsgrad,
        maximize=update.maximize,
    )


def numbers(x: Tensor) -> list[arb]:
    """The numbers of a tensor, exactly, in one row."""
    return [arb(value) for value in x.detach().double().flatten().tolist()]


class Twin:
    """One parameter of an optimizer in exact arithmetic, from zero state."""

    def __init__(self, definition: Definition, precision: int = PRECISION) -> None:
        self.definition, self.precision = definition, precision
        beta1, beta2 = map(arb, definition.betas)
        self.base = (
            Adam((beta1, beta2), arb(definition.eps), amsgrad=definition.amsgrad)
            if definition.adam
            else Lion((beta1, beta2))
        )

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up the state that a production optimizer keeps for a parameter."""
        self.base.m = list(numbers(state["exp_avg"]))
        if isinstance(self.base, Adam):
            self.base.t = int(state["step"])
            self.base.v = list(numbers(state["exp_avg_sq"]))
            if self.base.amsgrad:
                self.base.largest = list(numbers(state["max_exp_avg_sq"]))

    def step(self, w: Sequence[Real], gradient: Sequence[Real]) -> list[arb]:
        """The weights after a step from w on that gradient, both of length D.

        Raises:
            UndecidedSignError: raise the precision.
            ZeroDivisionError: a coordinate has v_hat = 0 and eps = 0.
        """
        with ctx.workprec(self.precision):
            wanted = self.definition
            lr, decay = arb(wanted.lr), arb(wanted.weight_decay)
            g: list[Real] = [-x for x in gradient] if wanted.maximize else list(gradient)
            if wanted.penalty:
                g = [x + decay * y for x, y in zip(g, w, strict=True)]
            else:
                w = [(1 - lr * decay) * y for y in w]
            step = self._directed(g, self.base.update(g))
            return [arb(y - lr * x) for y, x in zip(w, step, strict=True)]

    def _directed(self, g: Sequence[Real], u: Sequence[Real]) -> list[Real]:
        """AMS(lam) is linear in lam from Grams to Cautious, and from Cautious to Adam: see `rule.ams`."""
        if self.definition.rescaled:
            return STEPS["c"](g, u)
        lam = arb(self.definition.lam)
        end, share = ("u", lam) if lam >= 0 else ("r", -lam)
        if share == 1:
            return STEPS[end](g, u)
        ends = zip(STEPS[end](g, u), STEPS["a"](g, u), strict=True)
        return [share * x + (1 - share) * y for x, y in ends]
