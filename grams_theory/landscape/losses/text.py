"""Llama-style decoders that predict the next token, in float32."""

from __future__ import annotations

import os

from torch import Tensor

from grams_theory.core.random import generator
from grams_theory.landscape.certificates.criteria import SoftmaxLoss
from grams_theory.landscape.losses.recipe import Parts, Recipe
from grams_theory.landscape.losses.sources import shakespeare, text
from grams_theory.landscape.models import llama

Path = str | os.PathLike[str] | None


class NextToken(SoftmaxLoss):
    """Cross-entropy of logits (n, T, vocabulary) with tokens (n, T), averaged over both."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return super().__call__(output.flatten(0, 1), target.flatten())


def _small(
    *,
    seed: int,
    path: Path = None,
    tokens: str = "characters",
    samples: int | None = 2048,
    test_samples: int | None = 512,
    context: int = 64,
    hidden: int = 64,
    layers: int = 2,
    heads: int = 4,
    attention: str = "math",
    tied: bool = False,
) -> Parts:
    split, vocabulary = text.next_tokens(tokens, path, context, samples, test_samples)
    shape = llama.Shape(vocabulary, hidden, layers, heads, 8 * hidden // 3, tied, attention)
    return _parts(shape, split, "shakespeare_llama", seed)


def _llama_60m(
    *,
    seed: int,
    path: Path = None,
    tokens: str = "pairs",
    samples: int | None = None,
    test_samples: int | None = None,
    context: int = 256,
    attention: str = "math",
) -> Parts:
    split, _ = text.next_tokens(tokens, path, context, samples, test_samples)
    return _parts(llama.llama_60m(attention), split, "llama_60m", seed)


def _parts(shape: llama.Shape, split: text.Split, name: str, seed: int) -> Parts:
    model = llama.Llama(shape)
    llama.initialise(model, generator(seed, name))
    return Parts(model, NextToken(), *split)


PROBLEMS = (
    Recipe(
        "shakespeare_llama",
        "Llama-style decoder of two layers on characters",
        _small,
        shakespeare.SOURCE,
        "perplexity",
        "medium",
        text.SUPPLY,
    ),
    Recipe(
        "llama_60m",
        "Llama-60M on byte pairs",
        _llama_60m,
        shakespeare.SOURCE,
        "perplexity",
        "large",
        text.SUPPLY,
    ),
)
