"""What a folder keeps, and what it refuses."""

import json

import pytest

from grams_theory.core.errors import UsageError
from grams_theory.study import journal as module
from grams_theory.study.cell import Floor
from grams_theory.study.journal import FORMAT, Journal
from grams_theory.study.settings import Settings, Task

SETTINGS = Settings((Task("diabetes"),))
CELL, OTHER = (Floor("diabetes", 0, None, None, None, n) for n in (10, 20))


@pytest.fixture
def kept(tmp_path):
    """A folder with one finished cell, and the cell's file."""
    Journal(tmp_path, SETTINGS).add(CELL, {"low": 0.1 + 0.2, "high": None}, 1.5)
    return tmp_path, tmp_path / "cells" / f"{CELL.name}.json"


def test_what_is_added_is_there_for_the_next(kept):
    found = Journal(kept[0], SETTINGS)
    assert CELL in found
    assert OTHER not in found
    assert found[CELL] == {"low": 0.1 + 0.2, "high": None}
    assert found.seconds[CELL.cost_class] == [1.5]


def test_what_a_kill_leaves_of_a_file_is_no_cell(kept):
    folder, path = kept
    (path.parent / f".{path.name}.x1y2").write_bytes(path.read_bytes()[:20])
    assert len(Journal(folder, SETTINGS)) == 1


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda path: path.write_text("{"), "damaged"),
        (lambda path: path.write_text("[]"), "damaged"),
        (
            lambda path: path.write_text(path.read_text().replace('"evaluations": 10', '"evaluations": 11')),
            "foreign",
        ),
        (lambda path: path.rename(path.with_name("other.json")), "foreign"),
        (
            lambda path: path.write_text(path.read_text().replace(f'"format": {FORMAT}', '"format": 0')),
            "another format",
        ),
        (lambda path: path.write_text(path.read_text().replace('"result": {', '"found": {')), "damaged"),
    ],
)
def test_a_record_that_cannot_be_used_is_named(kept, damage, what):
    folder, path = kept
    damage(path)
    name = next(path.parent.glob("*.json")).name
    with pytest.raises(UsageError, match=what) as caught:
        Journal(folder, SETTINGS)
    assert name in str(caught.value)


def test_another_study_is_refused_by_what_differs(kept):
    with pytest.raises(UsageError, match=r"settings\.seeds was 5 and is 7"):
        Journal(kept[0], Settings(SETTINGS.tasks, seeds=7))


def test_a_changed_task_is_refused_by_the_part_that_changed(kept):
    with pytest.raises(UsageError, match=r"settings\.tasks\[0\]\.steps was 200 and is 9;"):
        Journal(kept[0], Settings((Task("diabetes", steps=9),)))


def test_another_version_is_refused(kept, monkeypatch):
    monkeypatch.setattr(module, "version", lambda package: "9.9")
    with pytest.raises(UsageError, match=r'packages\.torch was .* and is "9.9"'):
        Journal(kept[0], SETTINGS)


def test_a_damaged_header_and_a_missing_one_are_refused(kept):
    header = kept[0] / "header.json"
    header.write_text("{")
    with pytest.raises(UsageError, match="damaged"):
        Journal(kept[0], SETTINGS)
    header.unlink()
    with pytest.raises(UsageError, match=r"no header\.json"):
        Journal(kept[0], SETTINGS)


def test_restart_drops_what_is_there(kept):
    assert len(Journal(kept[0], Settings(SETTINGS.tasks, seeds=7), restart=True)) == 0
    assert json.loads((kept[0] / "header.json").read_text())["settings"]["seeds"] == 7


def test_no_number_that_json_lacks_is_written(kept):
    with pytest.raises(ValueError, match="JSON"):
        Journal(kept[0], SETTINGS).add(OTHER, {"low": float("nan")}, 1.0)
