"""`watch_pl` for the Trainer of transformers, which is imported when a callback is made."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from grams_theory.core.errors import UsageError
from grams_theory.landscape.objective import LossFunction
from grams_theory.landscape.stream.watch import PLStream, watch_pl


def own_loss(outputs: Any, targets: None) -> Tensor:
    """The loss that a model of transformers computes itself when its inputs hold labels.

    It may be a mean over tokens: give `probe` texts of one length, or a single batch.
    """
    loss = getattr(outputs, "loss", None)
    if loss is None:
        raise UsageError("the model returned no loss; put labels into the probe's mappings, or pass loss_fn")
    return loss


def pl_callback(probe: Any, loss_fn: LossFunction = own_loss, **options: Any) -> Any:
    """A `TrainerCallback` that watches the training as `watch_pl` does, from its begin to its end.

        callback = pl_callback(probe, budget=0.05)
        Trainer(..., callbacks=[callback]).train()
        print(callback.stream.estimate().table())

    `callback.stream` is the `PLStream` of the last training, None before there is one. Its steps are those of the
    optimizer, as the Trainer counts them. After a training that was interrupted it holds what was seen.

    Args:
        probe: mappings that go into the model, with labels, or (inputs, targets) for a `loss_fn` of your own.
        options: every, budget, f_star, lower_bound, chunk, dtype, level of `watch_pl`.

    Raises:
        ImportError: transformers is not installed.
    """
    from transformers import TrainerCallback

    class PLCallback(TrainerCallback):
        stream: PLStream | None = None

        def on_train_begin(self, args, state, control, model=None, optimizer=None, **kwargs) -> None:
            if not isinstance(model, nn.Module) or not isinstance(optimizer, Optimizer):
                raise UsageError(
                    "the Trainer passes no model and optimizer here; use watch_pl beside your own loop"
                )
            if self.stream is not None:
                self.stream.detach()
            self.stream = watch_pl(_bare(optimizer), model, loss_fn, probe, **options)

        def on_train_end(self, args, state, control, **kwargs) -> None:
            if self.stream is not None:
                self.stream.detach()

    return PLCallback()


def _bare(optimizer: Any) -> Optimizer:
    """Without the wrapper that accelerate puts around it, which has no hooks."""
    while isinstance(inner := getattr(optimizer, "optimizer", None), Optimizer):
        optimizer = inner
    return optimizer
