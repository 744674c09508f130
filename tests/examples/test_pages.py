"""The code of a page runs, in order, and prints what the page shows, numbers to one unit of their last digit."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from grams_theory import claims

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["step-size.md"]

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def blocks(text: str) -> list[tuple[str, str, int]]:
    """(language, content, line number) of the fenced blocks."""
    return [(found[1], found[2], text[: found.start()].count("\n") + 2) for found in BLOCK.finditer(text)]


def unit(number: str) -> float:
    """Of the last digit: 0.01 for 3.14, 1e-05 for 2.3e-04."""
    digits, _, exponent = number.partition("e")
    return 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))


def assert_prints(actual: str, shown: str) -> None:
    same_words = NUMBER.sub("#", actual).split() == NUMBER.sub("#", shown).split()
    assert same_words, f"the page shows\n{shown}\nbut this is printed\n{actual}"
    for printed, expected in zip(NUMBER.findall(actual), NUMBER.findall(shown), strict=True):
        near = abs(float(printed) - float(expected)) <= 1.01 * max(unit(printed), unit(expected))
        assert near, f"the page shows {expected} in\n{shown}\nbut this is printed\n{actual}"


def run(text: str, name: str) -> int:
    """Run all blocks in one namespace; how many there were."""
    namespace, printed, count = {}, "", 0
    for language, content, line in blocks(text):
        if language == "python":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile("\n" * (line - 1) + content, name, "exec"), namespace)
            printed, count = output.getvalue(), count + 1
        elif language == "text":
            assert_prints(printed, content)
    return count


@pytest.mark.parametrize("page", PAGES)
def test_the_page_runs_and_prints_what_it_shows(page):
    text = (DOCS / page).read_text()
    assert run(text, page) == text.count("```python")
    assert text.count("```python") == text.count("```text") > 3


@pytest.mark.parametrize("page", PAGES)
def test_the_claims_that_the_page_names_exist(page):
    named = set(re.findall(r"grams-theory show ([\w.-]+)", (DOCS / page).read_text()))
    assert named and named <= set(claims.names())


GOOD = "```python\nx = 1\n```\n\n```python\nprint(f'{x / 3:.2f} metres')\n```\n\n```text\n0.33 metres\n```\n"


def test_a_page_that_is_right_passes():
    assert run(GOOD, "page") == 2


FAULTS = {
    "a wrong number": GOOD.replace("0.33", "0.35"),
    "a wrong sign": GOOD.replace("0.33", "-0.33"),
    "another word": GOOD.replace("0.33 metres", "0.33 feet"),
    "a line too many": GOOD.replace("0.33 metres", "0.33 metres\n0.67 metres"),
    "code that fails": GOOD.replace("x = 1", "y = 1"),
}


@pytest.mark.parametrize("page", FAULTS.values(), ids=FAULTS)
def test_a_fault_in_a_page_is_found(page):
    with pytest.raises((AssertionError, NameError)):
        run(page, "page")
