"""The page: complete, well-formed, self-contained, readable by everybody."""

import hashlib
import re
from base64 import b64encode
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from markupsafe import escape

from grams_theory.claims import all_claims
from grams_theory.core.claim import Claim
from grams_theory.core.ledger import ClaimResult, Ledger
from grams_theory.core.summary import GLYPHS, MEANINGS
from grams_theory.core.verdict import Verdict
from grams_theory.report import render
from grams_theory.report.contour import change, displacements, picture
from grams_theory.report.mathml import equation, from_latex
from tests.ledgers import CHANGED, CLAIMS, LEDGER, LINE, QUADRATIC, WITNESS

VOID = {"meta", "br", "link", "img", "input"}
TEMPLATES = files("grams_theory.report") / "templates"
CSS, SCRIPT = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("style.css", "script.js"))
MEGABYTE = 2**20


class Page(HTMLParser):
    """Tags with attributes, ids, links and text of a page; fails when a tag is not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        assert not self.stack, f"not closed: {self.stack}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        opened = self.stack.pop()
        assert opened == tag, f"<{opened}> is closed by </{tag}>"

    def handle_data(self, data):
        self.text += data

    def values(self, attribute: str) -> list[str]:
        return [value for _, attrs in self.tags if (value := attrs.get(attribute)) is not None]


@pytest.fixture(scope="module")
def html() -> str:
    return render(LEDGER, CLAIMS)


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_every_claim_has_a_section_and_every_link_leads_to_one(page):
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {f"claim-{claim_id}" for claim_id in LEDGER} <= set(ids)
    assert {link.removeprefix("#") for link in page.values("href")} <= set(ids)


def test_the_overview_says_what_each_claim_is_called_and_where_it_stands(html):
    for claim_id, found in LEDGER.items():
        row = re.search(rf'<tr id="row-claim-{re.escape(claim_id)}">(.*?)</tr>', html, re.DOTALL)
        assert row is not None
        assert escape(found.title) in row[1]
        assert escape(found.source) in row[1]


def test_nothing_is_requested_from_outside(page):
    assert not {"img", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert page.values("src") == []
    assert all(link.startswith("#") for link in page.values("href"))
    policy = next(
        attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert re.fullmatch(r"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[^']+'", policy)
    assert "url(" not in CSS.replace("url(#", "")
    assert "@import" not in CSS


def test_only_our_script_may_run(html, page):
    scripts = re.findall("<script>(.*?)</script>", html, re.DOTALL)
    assert scripts == [SCRIPT]
    digest = b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert not re.search(r"\bfetch\(|XMLHttpRequest|import\(|https?:", SCRIPT)


def test_without_a_script_everything_is_there(page):
    """What needs the script is hidden until it runs; nothing else is hidden."""
    hidden = [attrs for _, attrs in page.tags if "hidden" in attrs]
    assert hidden
    assert all("data-script" in attrs for attrs in hidden)


def test_the_page_is_small(html):
    assert len(html.encode()) < 3 * MEGABYTE


def test_statements_are_mathml(page):
    assert sum(tag == "math" for tag, _ in page.tags) >= len(CLAIMS)


def test_the_same_ledger_gives_the_same_page(html):
    assert render(LEDGER, CLAIMS) == html


def test_the_graph_colours_each_claim_by_its_verdict_with_a_glyph(html):
    for claim_id, found in LEDGER.items():
        node = re.search(
            rf'<a href="#claim-{re.escape(claim_id)}" data-claim="[^"]*"><g id="[^"]*" class="node (\w+).*?</a>',
            html,
            re.DOTALL,
        )
        assert node is not None
        assert node[1] == found.verdict
        assert f"{GLYPHS[found.verdict]} {claim_id}" in node[0]


def test_the_colour_follows_the_computed_verdict_not_the_recorded_one():
    html = render(CHANGED, CLAIMS)
    assert re.search('id="node-claim-lemma-4.14" class="node undecided', html)
    assert "The recorded verdict is" in html


def test_the_border_says_whether_the_statement_is_formalised(html):
    """It follows the formulas that a proof concluded, or those of the claim's file."""

    def formal(html):
        nodes = re.findall(r'id="node-claim-([^"]*)" class="node \w+( formal)?"', html)
        return {claim_id for claim_id, border in nodes if border}

    assert formal(html) == {"alignment", "comparison-sharp"}
    spelled = tuple(replace(c, formal=lambda: None) if c.id == "lemma-4.14" else c for c in CLAIMS)
    assert formal(render(LEDGER, spelled)) == {"alignment", "comparison-sharp", "lemma-4.14"}


def test_every_edge_of_the_claims_is_drawn(html):
    for words in (
        "comparison-printed uses alignment",
        "theorem-4.15 is argued from comparison-sign-repaired",
        "comparison-sharp amends comparison-sign-repaired",
    ):
        assert f"<title>{words}</title>" in html


def test_markup_in_a_ledger_is_text_on_the_page(html):
    wicked = "<script>alert(1)</script>"
    found = replace(LEDGER.results[0], id="a b", title=wicked, source=wicked)
    shown = render(Ledger((found,), {"seed": wicked}), ())
    Page(shown)
    assert wicked not in shown
    assert "ΔL_G ≤ ΔL_C &lt; 0 &amp; more" in html


def test_a_result_without_its_claim_is_shown(html):
    assert "comparison-sharp" in Page(render(LEDGER, ())).text


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.id)
def test_the_latex_of_every_claim_becomes_mathml(claim: Claim):
    for latex, statement in [(claim.latex, claim.statement), *((a.latex, a.text) for a in claim.assumptions)]:
        shown = from_latex(latex, statement)
        assert shown.startswith("<math")
        Page(shown)


@pytest.mark.parametrize("latex", [r"\text{only words}", r"\frac{", r"\nosuchcommand{x}", "x^"])
def test_latex_that_is_no_mathematics_falls_back_to_the_statement(latex):
    assert from_latex(latex, "a < b") == "a &lt; b"


def test_the_installed_claims_are_drawn_together():
    results = tuple(
        ClaimResult(c.id, c.title, c.source, c.recorded, c.recorded, (), 0.0) for c in all_claims()
    )
    Page(render(Ledger(results)))


def test_a_witness_is_spelled_out_and_can_be_replayed(html, page):
    assert equation("H", QUADRATIC["H"]) in html
    assert equation("eta", "1/4") in html
    assert f"grams-theory replay {WITNESS.token}" in page.text


def test_numbers_become_fractions_vectors_columns_and_other_things_text():
    assert "<mo>−</mo><mfrac><mn>1</mn><mn>2</mn></mfrac>" in str(equation("eta", "-1/2"))
    assert str(equation("g", ("1", "2"))).count("<mtr>") == 2
    assert equation("run", {"eps": "0"}) is None
    assert equation("part", "descent") is None


def test_a_witness_comes_with_its_snippet(page):
    assert WITNESS.snippet in page.text


def test_the_changes_of_the_picture_differ_by_the_violated_margin():
    changes = {name: change(QUADRATIC, d) for name, d in displacements(QUADRATIC).items()}
    assert changes["CautiousAdam"] - changes["Grams"] == Fraction(WITNESS.margin)


def test_the_picture_puts_each_step_where_it_ends():
    drawn = picture(QUADRATIC)
    assert drawn is not None
    ends = {step.name: (step.x - drawn.origin[0], drawn.origin[1] - step.y) for step in drawn.steps}
    scale = ends["Grams"][1] / float(displacements(QUADRATIC)["Grams"][1])
    for name, d in displacements(QUADRATIC).items():
        assert ends[name] == pytest.approx([scale * float(x) for x in d], abs=0.11)  # drawn to 0.1


def test_a_witness_of_more_dimensions_has_no_picture():
    three = ("1", "1", "1")
    assert picture({**QUADRATIC, "H": (three, three, three), "g": three, "u": three}) is None


def test_a_one_dimensional_witness_is_drawn_on_the_graph_of_f():
    drawn = picture(LINE.data, ("Grams",))
    assert drawn.kind == "graph"
    (step,) = drawn.steps
    assert step.change == "3/2"
    assert step.y < drawn.origin[1] == drawn.size / 2  # it ends higher
    points = [tuple(map(float, point.split(","))) for point in drawn.lines[0][1:].split()]
    nearest = min(points, key=lambda point: abs(point[0] - step.x))
    assert nearest == pytest.approx((step.x, step.y), abs=drawn.size / 20)


def test_the_picture_shows_the_optimizers_of_the_claim():
    names = ("Grams", "ReleasedCautiousAdam")
    assert tuple(step.name for step in picture(QUADRATIC, names).steps) == names


def test_the_axioms_are_listed_with_the_proofs_that_rest_on_them(html):
    (row,) = re.findall(r'<tr id="axiom-descent-lemma">.*?</tr>', html, re.DOTALL)
    assert "Nesterov 2018" in row
    assert 'href="#claim-alignment"' in row


def test_every_claim_says_how_to_see_it_again(page):
    for command in ("grams-theory prove alignment", "grams-theory fuzz alignment"):
        assert command in page.text
    assert "grams-theory prove lemma-4.14" not in page.text


def test_the_histogram_says_its_counts_in_words(html):
    assert "relative margin of descent: -1e-3: 2; -1e-5: 1; 0: 3; 1e-12: 999,999; 1e-9: 234,562" in html


def palette(css: str, scheme: int) -> dict[str, str]:
    """Custom property -> its colour in the light scheme, 0, or the dark one, 1."""
    pairs = re.findall(r"--([\w-]+):\s*light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", css)
    return {name: colours[scheme] for name, *colours in pairs}


LIGHT, DARK = palette(CSS, 0), palette(CSS, 1)


def test_no_colour_is_written_outside_the_palette():
    rules = CSS.partition("}")[2]
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgb|\bhsl", rules)
    assert set(re.findall(r"var\(--([\w-]+)\)", rules)) <= {*LIGHT, "mono"}
    assert set(re.findall(r"(?<![\w-])(?:color|background|fill|stroke): (\w+)", rules)) <= {
        "var",
        "none",
        "currentColor",
    }


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


TEXT = [
    *(("ink", ground) for ground in ("page", "panel")),
    *(("soft", ground) for ground in ("page", "panel")),
    ("link", "page"),
    ("link", "panel"),
    ("on-link", "link"),
    *((str(verdict), f"{verdict}-fill") for verdict in Verdict),
    *((str(verdict), "page") for verdict in Verdict),
]
"""Text on its ground."""
DRAWN = [
    *((f"line-{line}", "page") for line in range(1, 6)),
    ("edge", "page"),
    ("edge", "panel"),
    ("soft", "page"),
    ("refuted", "page"),
    ("link", "page"),
    *((str(verdict), "page") for verdict in Verdict),
]
"""Lines, columns and borders of controls: what one must see to understand."""


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_has_the_contrast_of_wcag_aa(colours, ink, ground):
    assert contrast(colours[ink], colours[ground]) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), DRAWN)
def test_what_is_drawn_has_the_contrast_of_wcag_aa(colours, ink, ground):
    assert contrast(colours[ink], colours[ground]) >= 3.0


def test_contrast_is_measured_as_wcag_does():
    assert contrast("#ffffff", "#000000") == 21.0
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_every_verdict_has_a_glyph_and_a_meaning():
    assert set(GLYPHS) == set(MEANINGS) == set(Verdict)
    assert len(set(GLYPHS.values())) == len(Verdict)


@pytest.mark.slow
def test_the_page_of_every_claim_is_small():
    from grams_theory import verify

    assert len(render(verify(budget=2000)).encode()) < 3_000_000
