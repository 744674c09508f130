"""Text as windows of tokens: from Shakespeare, or from plain text files; characters, bytes, or pairs learnt from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.core.random import generator
from grams_theory.landscape.losses.sources import Data, Split, shakespeare

SUPPLY = "text files (UTF-8) of your own; the last tenth of each is held out"
Texts = Mapping[str, str]
"""Name -> text."""
Encoder = Callable[[str], Tensor]
"""text -> tokens (length,), int64."""


@dataclass(frozen=True)
class Corpus:
    """Texts to train on, and texts that are held out."""

    train: Texts
    test: Texts


def corpus(path: str | os.PathLike[str] | None = None) -> Corpus:
    """Shakespeare's works, some held out; or a text file, or the files *.txt of a folder, a tenth of each held out.

    Raises:
        UsageError: there is no such file, no text in it, or it is not UTF-8.
    """
    if path is None:
        all_works = shakespeare.works()
        test = {name: all_works[name] for name in shakespeare.HELD_OUT}
        return Corpus({name: text for name, text in all_works.items() if name not in test}, test)
    texts = {file.name: _read(file) for file in _files(Path(path).expanduser())}
    border = {name: len(text) * 9 // 10 for name, text in texts.items()}
    return Corpus(
        {name: text[: border[name]] for name, text in texts.items()},
        {name: text[border[name] :] for name, text in texts.items()},
    )


def _files(path: Path) -> list[Path]:
    found = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    if not found or not all(file.is_file() for file in found):
        raise UsageError(f"{path} is no text file, nor a folder of files *.txt; supply {SUPPLY}")
    return found


def _read(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8: {error}; convert it first") from error
    if not text:
        raise UsageError(f"{file} is empty")
    return text


def characters(source: Corpus) -> tuple[Encoder, int]:
    """Every character that occurs is a token, in the order of their code points."""
    points = [_code_points(text) for text in (*source.train.values(), *source.test.values())]
    known = torch.cat([text.unique() for text in points]).unique()
    return lambda text: torch.searchsorted(known, _code_points(text)), len(known)


def _code_points(text: str) -> Tensor:
    return torch.from_numpy(np.frombuffer(text.encode("utf-32-le"), dtype="<u4").astype(np.int64))


def utf8_bytes(source: Corpus) -> tuple[Encoder, int]:
    """Every byte of UTF-8 is a token."""
    return lambda text: torch.tensor(list(text.encode())), 256


def pairs(source: Corpus, vocabulary: int = 32_000) -> tuple[Encoder, int]:
    """Byte-pair encoding learnt from the texts to train on, at most `vocabulary` tokens.

    Raises:
        UsageError: the package tokenizers is missing.
    """
    try:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    except ImportError as error:
        raise UsageError(
            'tokens="pairs" needs the package tokenizers: pip install tokenizers; or take tokens="bytes"'
        ) from error
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(source.train.values(), trainer)
    return lambda text: torch.tensor(tokenizer.encode(text).ids), vocabulary


TOKENS: Mapping[str, Callable[[Corpus], tuple[Encoder, int]]] = {
    "characters": characters,
    "bytes": utf8_bytes,
    "pairs": pairs,
}


def tokens(kind: str, source: Corpus) -> tuple[Encoder, int]:
    """The encoder of that kind, and the size of its vocabulary. Raises `UsageError` for a kind that is not known."""
    if kind not in TOKENS:
        raise UsageError(f"tokens={kind!r} is not known; choose {', '.join(TOKENS)}")
    return TOKENS[kind](source)


def windows(texts: Texts, encode: Encoder, length: int, samples: int | None) -> Data:
    """Windows (n, length) that do not overlap, and the same one token on; at most `samples`, drawn once.

    Raises:
        UsageError: no text is longer than `length` tokens.
    """
    found = [_windows(encode(text), length) for text in texts.values()]
    X, Y = (torch.cat(part) for part in zip(*found, strict=True))
    if not len(X):
        raise UsageError(f"no text has more than {length} tokens; supply longer ones, or a smaller context")
    if samples is None or samples >= len(X):
        return X, Y
    chosen = torch.randperm(len(X), generator=generator(0, "windows"))[:samples]
    return X[chosen], Y[chosen]


def _windows(ids: Tensor, length: int) -> Data:
    count = max(0, (len(ids) - 1) // length)
    inputs, targets = ids[: count * length], ids[1 : count * length + 1]
    return inputs.view(count, length), targets.view(count, length)


def next_tokens(
    kind: str,
    path: str | os.PathLike[str] | None,
    context: int,
    samples: int | None,
    test_samples: int | None,
) -> tuple[Split, int]:
    """Windows of `context` tokens to train on and held out, and the size of the vocabulary."""
    source = corpus(path)
    encode, vocabulary = tokens(kind, source)
    data = windows(source.train, encode, context, samples)
    return (data, windows(source.test, encode, context, test_samples)), vocabulary
