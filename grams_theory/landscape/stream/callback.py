"""`watch_pl` for the Trainer of transformers, which is imported when a callback is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from grams_theory.core.errors import UsageError
from grams_theory.landscape.objective import LossFunction
from grams_theory.landscape.objective.data import size
from grams_theory.landscape.stream.watch import PLStream, watch_pl


class OwnLoss:
    """The loss that a model of transformers computes itself when its inputs hold labels.

    Labels of shape (n, T) are taken for those of a causal language model, whose loss is the mean over the tokens after
    the first of each text, without those labelled IGNORED. The data is tried when it is cut, and it is warned about a
    model that averages otherwise over texts of several lengths.
    """

    IGNORED = -100

    def __call__(self, outputs: Any, targets: None) -> Tensor:
        loss = getattr(outputs, "loss", None)
        if loss is None:
            raise UsageError(
                "the model returned no loss; put labels into the probe's mappings, or pass loss_fn"
            )
        return loss

    def terms(self, inputs: Any, targets: None) -> int:
        """Over how many tokens the loss of a batch is the mean."""
        labels = inputs.get("labels") if isinstance(inputs, Mapping) else None
        if labels is None or labels.dim() < 2:
            return size(inputs)
        return int((labels[:, 1:] != self.IGNORED).sum())


own_loss = OwnLoss()


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
            self.stream = watch_pl(optimizer, model, loss_fn, probe, **options)

        def on_train_end(self, args, state, control, **kwargs) -> None:
            if self.stream is not None:
                self.stream.detach()

    return PLCallback()
