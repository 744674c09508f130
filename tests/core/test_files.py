"""Output is complete or untouched."""

import os
from functools import partial

import pytest

from grams_theory.core import files
from grams_theory.core.errors import UsageError

check_writable = partial(files.check_writable, option="--out")
write_all = partial(files.write_all, option="--out")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_every_file_is_written_and_nothing_else_is_left(tmp_path):
    write_all({tmp_path / "a": b"1", tmp_path / "b": b"2"})
    assert names(tmp_path) == ["a", "b"]
    assert (tmp_path / "a").read_bytes() == b"1"


def test_a_file_has_the_permissions_that_open_would_give(tmp_path):
    (tmp_path / "plain").touch()
    write_all({tmp_path / "a": b"1"})
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_second_file_that_cannot_be_written_leaves_the_first_as_it_was(tmp_path):
    (tmp_path / "a").write_bytes(b"earlier")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write .*; choose another folder with --out"):
        write_all({tmp_path / "a": b"new", tmp_path / "file" / "b": b"new"})
    assert names(tmp_path) == ["a", "file"]
    assert (tmp_path / "a").read_bytes() == b"earlier"


def test_a_full_disk_leaves_earlier_output_as_it_was(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"earlier")

    def full(source, target):
        raise OSError(28, "No space left on device", target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UsageError, match="No space left"):
        write_all({tmp_path / "a": b"new"})
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"earlier"


def test_checking_creates_the_folder_and_no_file(tmp_path):
    check_writable(tmp_path / "report" / "index.html")
    assert names(tmp_path) == ["report"]
    assert names(tmp_path / "report") == []


def test_a_file_where_a_folder_should_be_is_reported(tmp_path):
    (tmp_path / "report").touch()
    with pytest.raises(UsageError, match="report"):
        check_writable(tmp_path / "report" / "index.html")


def test_a_folder_where_a_file_should_be_is_reported(tmp_path):
    (tmp_path / "verdicts.json").mkdir()
    with pytest.raises(UsageError, match="is a directory"):
        check_writable(tmp_path / "verdicts.json")
