"""The pre-trained MiniLM-L6 (Wang et al., 2020, arXiv 2002.10957) with a head for classification."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from grams_theory.core.errors import UsageError

TRAINABLE = ("all", "last")
STD = 0.02


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise UsageError("MiniLM needs the package transformers: pip install transformers") from error
    return transformers


def tokenise(texts: list[str], folder: Path, length: int) -> list[list[int]]:
    """[CLS], the first `length` − 2 word pieces, [SEP] of each text, without padding. `folder` as for `Classifier`.

    Raises:
        UsageError: a package is missing, or a text is too short.
    """
    tokenizer = _transformers().AutoTokenizer.from_pretrained(folder, local_files_only=True)
    found = tokenizer(texts, truncation=True, max_length=length)["input_ids"]
    short = [text for text, ids in zip(texts, found, strict=True) if len(ids) < length]
    if short:
        raise UsageError(f"{len(short)} texts have fewer than {length} tokens, such as {short[0][:60]!r}")
    return found


def _encoder(folder: Path) -> Any:
    """The model without the pooler that it was not fine-tuned with; transformers reports that on the console."""
    transformers = _transformers()
    with _quiet(transformers.utils.logging):
        return transformers.AutoModel.from_pretrained(
            folder,
            attn_implementation="eager",  # the fused one has no second derivative on a CPU
            add_pooling_layer=False,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            local_files_only=True,
        )


@contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


class Classifier(nn.Module):
    """Tokens (n, T), none of them padding -> logits (n, classes): the mean of the last hidden states, and a head.

    Dropout is off, in train mode too, so that the loss is a function of the weights. The head is N(0, 0.02²), its
    bias 0.

    Args:
        folder: where weights, configuration and tokeniser lie; nothing is fetched.
        trainable: "all", or "last" for the last transformer layer and the head; the others then need no gradient.

    Raises:
        UsageError: the package transformers is missing, or `trainable` is neither.
    """

    def __init__(
        self, folder: Path, classes: int, generator: torch.Generator, trainable: str = "all"
    ) -> None:
        super().__init__()
        if trainable not in TRAINABLE:
            raise UsageError(f"trainable={trainable!r} is not known; choose {', '.join(TRAINABLE)}")
        self.encoder = _encoder(folder)
        self.head = nn.Linear(self.encoder.config.hidden_size, classes)
        nn.init.normal_(self.head.weight, std=STD, generator=generator)
        nn.init.zeros_(self.head.bias)
        if trainable == "last":
            self.encoder.requires_grad_(False)
            self.encoder.encoder.layer[-1].requires_grad_(True)
        self.eval()

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.encoder(input_ids=tokens).last_hidden_state.mean(1))
