"""The page on published optimizers: what it says can be replayed."""

import re
from pathlib import Path

import pytest

from grams_theory import replay

PAGE = (Path(__file__).parents[2] / "docs" / "published-optimizers.md").read_text()
TOKENS = re.findall(r"grams-theory replay (gt1\.\S+)", PAGE)


def test_there_are_tokens():
    assert TOKENS


@pytest.mark.parametrize("token", TOKENS, ids=range(len(TOKENS)))
def test_every_token_replays(token):
    assert replay(token).reproduced
