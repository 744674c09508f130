"""Those who play cells."""

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import pytest
import torch

from grams_theory.core.errors import GramsTheoryError, UsageError
from grams_theory.study.cell import Floor
from grams_theory.study.crew import Crew, crew, play

CELL = Floor("diabetes", 0, None, None, None, 5)


def test_a_cell_is_played_on_one_thread_and_the_number_is_put_back(monkeypatch):
    seen, before = [], torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        monkeypatch.setattr(Floor, "play", lambda self, device: seen.append(torch.get_num_threads()))
        play(CELL, "cpu")
        assert (seen, torch.get_num_threads()) == ([1], 3)
    finally:
        torch.set_num_threads(before)


def test_what_a_cell_cannot_do_is_said_with_its_name():
    with pytest.raises(UsageError, match=r"no_such_loss_floor_0_\w+: no loss named"):
        play(Floor("no_such_loss", 0, None, None, None, 5), "cpu")


def test_alone_cells_are_played_in_order():
    with crew(1, "cpu") as players:
        assert [cell for cell, _, _ in players.play([CELL])] == [CELL]


class Dead:
    """A pool whose worker was killed."""

    def submit(self, *_):
        future = Future()
        future.set_exception(BrokenProcessPool())
        return future


def test_a_worker_that_dies_is_told_with_what_to_do():
    with pytest.raises(GramsTheoryError, match="fewer --workers"):
        list(Crew(Dead(), "cpu").play([CELL]))
