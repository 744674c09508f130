"""Passages of Shakespeare's comedies and tragedies, as tokens of a pre-trained model; no play is in both parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import zip_longest

import torch

from grams_theory.core.errors import UsageError
from grams_theory.core.random import generator
from grams_theory.landscape.losses.sources import Data, Split
from grams_theory.landscape.losses.sources.shakespeare import COMEDIES, HELD_OUT, TRAGEDIES, works

CHARACTERS = 640
"""Of a passage, before it is cut to a number of tokens: more than enough for 62."""


def comedy_or_tragedy(tokenise: Callable[[list[str]], list[list[int]]], train: int, test: int) -> Split:
    """Passages, as many comic as tragic: tokens (n, T), and class 0 (comedy) or 1 (tragedy).

    Args:
        tokenise: texts -> T tokens of each.
        train, test: how many passages, from plays that are trained on and from plays that are held out.

    Raises:
        UsageError: the package with the plays is not installed.
    """
    plays = works()

    def part(held_out: bool, samples: int) -> Data:
        texts, labels = [], []
        for label, genre in enumerate((COMEDIES, TRAGEDIES)):
            names = [name for name in genre if (name in HELD_OUT) == held_out]
            texts += _drawn({name: plays[name] for name in names}, samples // 2)
            labels += [label] * (samples // 2)
        return torch.tensor(tokenise(texts)), torch.tensor(labels)

    return part(False, train), part(True, test)


def _drawn(plays: Mapping[str, str], count: int) -> list[str]:
    """Passages by turns from each play, which do not overlap: none is drawn twice."""
    shuffled = [_shuffled(_cut(text), name) for name, text in plays.items()]
    turns = [passage for turn in zip_longest(*shuffled) for passage in turn if passage is not None]
    if not 0 < count <= len(turns):
        raise UsageError(
            f"these plays have {len(turns)} passages of a genre, but {count} are wanted; ask for 2 to {2 * len(turns)}"
        )
    return turns[:count]


def _shuffled(passages: list[str], name: str) -> list[str]:
    order = torch.randperm(len(passages), generator=generator(0, "passages", name))
    return [passages[i] for i in order.tolist()]


def _cut(text: str) -> list[str]:
    """Pieces of CHARACTERS characters, less the word that is cut at the start of each."""
    flat = " ".join(text.split())
    pieces = [flat[at : at + CHARACTERS] for at in range(0, len(flat) - CHARACTERS, CHARACTERS)]
    return [piece.partition(" ")[2] for piece in pieces]
