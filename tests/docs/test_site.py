"""The site builds with warnings as errors, holds every page, and a broken reference stops it."""

import json
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from docutils.nodes import make_id

from grams_theory import claims
from grams_theory.cli import main

DOCS = Path(__file__).parents[2] / "docs"


def build(source: Path, target: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q", "-b", "html"]
    return subprocess.run([*command, str(source), str(target)], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    target = tmp_path_factory.mktemp("site")
    built = build(DOCS, target)
    assert built.returncode == 0, built.stderr
    return target


def test_every_page_is_reached_from_the_front(site):
    front = (site / "index.html").read_text()
    for page in DOCS.glob("*.md"):
        assert f'href="{page.stem}.html"' in front or page.stem == "index", page.name


def test_every_claim_has_its_section_with_a_formula(site):
    page = (site / "claims.html").read_text()
    for claim in claims.all_claims():
        assert f'id="{make_id(claim.id)}"' in page, claim.id
    assert page.count("<math") >= len(claims.all_claims()) / 2


LINK = re.compile(
    r'href="((?:\.\./)?claims\.html)#([\w-]+)"><code[^>]*><span class="pre">([\w.-]+)</span></code></a>'
)


def test_the_id_of_a_claim_links_to_its_section(site):
    for page in ("findings", "mathematics", "step-size"):
        links = LINK.findall((site / f"{page}.html").read_text())
        assert links
        assert all(anchor == make_id(claim) for _, anchor, claim in links)
    named = {claim for _, _, claim in LINK.findall((site / "findings.html").read_text())}
    assert named == set(claims.names()) & set(re.findall("`([^`]+)`", (DOCS / "findings.md").read_text()))


def test_every_command_is_described(site):
    page = (site / "commands.html").read_text()
    for name in main.commands:
        assert f'id="grams-theory-{name}"' in page, name


def test_what_commands_show_can_be_copied(site):
    page = unescape((site / "commands.html").read_text())
    shown = "".join(re.sub("<[^>]+>", "", block) for block in re.findall("<pre>(.*?)</pre>", page, re.DOTALL))
    for command in main.commands.values():
        for line in re.findall(r"Example: (.*)", command.help or ""):
            assert f"Example: {line}" in shown, line
    assert 'eval "$(grams-theory completion bash)"' in shown


@pytest.mark.parametrize(
    ("page", "name"),
    [("optim", "Grams"), ("landscape", "estimate_pl"), ("top", "verify"), ("claims", "Proof")],
)
def test_the_reference_links_to_the_source(site, page, name):
    text = (site / "api" / f"{page}.html").read_text()
    assert re.search(rf'<a class="reference internal" href="\.\./_modules/[\w/.]+#{re.escape(name)}"', text)


NOTEBOOKS = sorted(path.stem for path in DOCS.parent.glob("notebooks/*.ipynb"))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_walkthrough_is_a_page_with_its_formulas_and_figures(site, name):
    notebook = json.loads((DOCS.parent / "notebooks" / f"{name}.ipynb").read_text())
    drawn = sum(
        "image/png" in out.get("data", {}) for cell in notebook["cells"] for out in cell.get("outputs", [])
    )
    page = (site / "walkthroughs" / f"{name}.html").read_text()
    images = re.findall(r'<img src="data:image/png;base64,[^"]+" alt="([^"]*)">', page)
    assert len(images) == drawn
    assert all(images)
    text = re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)
    assert "<math" in text or name.startswith("02")
    assert not re.findall(r"\$\$|\\(?:frac|lVert|langle|eta)\b", text)


def test_a_figure_without_words_stops_the_build(tmp_path):
    source, folder = tmp_path / "docs", tmp_path / "notebooks"
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("*.md", "*.png", "api"))
    folder.mkdir()
    (source / "walkthroughs").mkdir(exist_ok=True)
    (source / "index.md").write_text("# Title\n\n```{toctree}\nwalkthroughs/one\n```\n")
    (source / "walkthroughs" / "one.md").write_text("")
    picture = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo="}}
    for alt, sound in (("a line", True), ("", False)):
        cells = [
            {"cell_type": "markdown", "source": "# One\n\n$x^2$"},
            {"cell_type": "code", "source": "1", "metadata": {"alt": alt}, "outputs": [picture]},
        ]
        (folder / "one.ipynb").write_text(json.dumps({"cells": cells}))
        built = build(source, tmp_path / f"site-{sound}")
        assert (built.returncode == 0) is sound, built.stderr
    assert "a figure without words" in built.stderr


FAULTS = {
    "a page that does not exist": "[see](nowhere.md)",
    "a directive that does not exist": "```{claim}\n```",
    "a name that cannot be imported": "```{eval-rst}\n.. autofunction:: grams_theory.optim.nothing\n```",
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_broken_page_stops_the_build(fault, tmp_path):
    source = tmp_path / "docs"
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("*.md", "*.png", "api"))
    page = source / "index.md"
    page.write_text("# Title\n\n{doc}`index`\n")
    assert build(source, tmp_path / "sound").returncode == 0
    page.write_text(f"# Title\n\n{fault}\n")
    broken = build(source, tmp_path / "broken")
    assert broken.returncode != 0
    assert "WARNING" in broken.stderr or "ERROR" in broken.stderr
