"""Worker processes: what they tell arrives, while they work and before their result."""

import time

import pytest

from grams_theory.engine.workers import PAUSE, workers


def count(name, upto, tell):
    for number in range(upto):
        tell(number)
    return f"{name} done"


def dawdle(name, tell):
    tell("begun")
    time.sleep(5 * PAUSE)
    return time.monotonic()


def fail(name, tell):
    tell("begun")
    raise ValueError(name)


@pytest.fixture(scope="module")
def pool():
    with workers(2) as found:
        yield found


def test_a_single_worker_is_this_process():
    with workers(1) as found:
        assert found is None


def test_everything_that_was_told_arrives_in_order(pool):
    heard = []
    tasks = {name: pool.start(count, name, 200) for name in "ab"}
    hear = lambda *event: heard.append(event)  # noqa: E731
    results = [pool.finish(task, hear) for task in tasks.values()]
    assert results == ["a done", "b done"]
    deadline = time.monotonic() + 10
    while len(heard) < 400 and time.monotonic() < deadline:
        pool.finish(pool.start(count, "", 0), hear)
    for name in "ab":
        assert [number for told, number in heard if told == name] == list(range(200))


def test_it_is_heard_while_the_work_goes_on(pool):
    heard = []
    ended = pool.finish(pool.start(dawdle, "slow"), lambda *event: heard.append((time.monotonic(), event)))
    assert heard[0][1] == ("slow", "begun")
    assert heard[0][0] < ended


def test_an_error_comes_out_where_the_result_is_awaited(pool):
    with pytest.raises(ValueError, match="broken"):
        pool.finish(pool.start(fail, "broken"), lambda *event: None)


def test_nobody_need_listen():
    """More than a pipe holds is told, nobody hears it, and the workers end all the same."""
    with workers(2) as pool:
        task = pool.start(count, "x" * 10_000, 100)
        assert task.result(timeout=60).endswith("done")
