"""What pages show runs: Python in order, printing what is shown; commands as they stand."""

import contextlib
import io
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from grams_theory import claims
from grams_theory.cli import main

ROOT = Path(__file__).parents[2]
PAGES = {str(path.relative_to(ROOT)): path for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]}
RUN_ELSEWHERE = {
    "docs/distributed.md": "tests/optim/sharded.py",
    "README.md": "tests/docs/test_readme.py",
}

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py)\n")
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
    """Run all blocks in one namespace; how many there were. One that begins with `# name.py` becomes that file too."""
    namespace, printed, count = {}, "", 0
    for language, content, line in blocks(text):
        if language == "python":
            if named := FILE.match(content):
                Path(named[1]).write_text(content)
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile("\n" * (line - 1) + content, name, "exec"), namespace)
            printed, count = output.getvalue(), count + 1
        elif language == "text":
            assert_prints(printed, content)
    return count


def console(text: str) -> list[str]:
    """The commands after a prompt."""
    return [
        line.removeprefix("$ ")
        for language, content, _ in blocks(text)
        if language == "console"
        for line in content.splitlines()
        if line.startswith("$ ")
    ]


def parse(line: str) -> None:
    """Let click read a line that begins with grams-theory, and run nothing."""
    words = shlex.split(line, comments=True)[1:]
    with main.make_context("grams-theory", words, resilient_parsing=False) as ctx:
        name, command, rest = main.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
        command.make_context(name, rest, parent=ctx)


with_python = [name for name, path in PAGES.items() if "```python" in path.read_text()]
each_page = pytest.mark.parametrize("page", PAGES)


@pytest.mark.parametrize("page", sorted(set(with_python) - set(RUN_ELSEWHERE)))
def test_the_page_runs_and_prints_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = PAGES[page].read_text()
    assert run(text, page) == text.count("```python") > 0


@pytest.mark.parametrize("page", RUN_ELSEWHERE)
def test_the_code_that_runs_elsewhere_does(page):
    assert Path(page).name in (ROOT / RUN_ELSEWHERE[page]).read_text()


@each_page
def test_the_claims_that_the_page_names_exist(page):
    named = set(re.findall(r"grams-theory (?:show|prove) ([a-z][\w.-]+)", PAGES[page].read_text()))
    assert named <= set(claims.names())


@each_page
def test_click_understands_every_line_that_the_page_shows(page):
    for line in re.findall(r"^(?: {4}|\$ )(grams-theory .*)$", PAGES[page].read_text(), re.MULTILINE):
        parse(line)


SHELL = [(name, line) for name, path in PAGES.items() for line in console(path.read_text())]


@pytest.mark.parametrize(("page", "line"), SHELL, ids=[f"{Path(name).stem}: {line}" for name, line in SHELL])
def test_the_command_runs(page, line, tmp_path, monkeypatch):
    program, *words = shlex.split(line)
    if program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif program == "pip":
        extras = re.findall(r"\[(.*)\]", words[-1])
        known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert set(extras) <= set(known)
    else:
        assert program == "grams-theory"
        (tmp_path / "grams_theory" / "claims").mkdir(parents=True)
        (tmp_path / "proofs").mkdir()
        monkeypatch.chdir(tmp_path)
        result = CliRunner().invoke(main, words)
        assert result.exit_code in (0, 1), result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_line_with_an_option_that_does_not_exist_is_found():
    with pytest.raises(click.UsageError):
        parse("grams-theory fuzz lemma-4.2 --colour")


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
