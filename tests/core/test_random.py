"""A stream is found again from its address alone."""

import pytest
import torch

from grams_theory.core.random import generator, stream_seed


def draw(*address):
    return torch.rand(4, generator=generator(*address))


def test_an_address_gives_the_same_stream_again():
    assert torch.equal(draw(7, "lemma-4.2", 3), draw(7, "lemma-4.2", 3))


@pytest.mark.parametrize(
    "other", [(8, "lemma-4.2", 3), (7, "lemma-4.3", 3), (7, "lemma-4.2", 4), (7, "lemma-4.2")]
)
def test_every_part_of_an_address_matters(other):
    assert not torch.equal(draw(7, "lemma-4.2", 3), draw(*other))


def test_a_stream_does_not_depend_on_the_ones_drawn_before():
    draw(7, "lemma-4.2", 2)
    alone = draw(7, "lemma-4.2", 3)
    torch.manual_seed(1)
    assert torch.equal(alone, draw(7, "lemma-4.2", 3))


def test_seeds_are_63_bit_and_do_not_collide():
    seeds = {stream_seed(seed, "case", case) for seed in range(100) for case in range(100)}
    assert len(seeds) == 10_000
    assert all(0 <= seed < 2**63 for seed in seeds)
