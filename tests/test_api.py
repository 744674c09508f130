"""`import grams_theory as gt`: what the commands do, in three lines, and nothing imported before it is used."""

import subprocess
import sys

import pytest

import grams_theory as gt


@pytest.mark.parametrize("name", gt.__all__)
def test_every_name_is_there(name):
    value = getattr(gt, name)
    assert value.__name__ == name
    assert value.__module__.startswith("grams_theory.")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Gramz'"):
        _ = gt.Gramz


def test_importing_it_imports_nothing_else():
    code = "import sys, grams_theory; print([m for m in sys.modules if m.startswith(('grams_theory.', 'torch'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_three_lines_give_a_verdict():
    r = gt.verify(claims=["lemma-4.2"], budget=200)
    assert r["lemma-4.2"].verdict is gt.Verdict.PROVED
    assert "lemma-4.2" in r._repr_html_()
