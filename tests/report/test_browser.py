"""The page in a real browser: links, the graph, filters, the keyboard, a telephone, dark mode, paper."""

import json

import pytest

from grams_theory.core.verdict import Verdict
from grams_theory.report import render
from tests.ledgers import CLAIMS, LEDGER
from tests.report.browser import EXECUTABLE, chromium

pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason="no Chromium is installed here")

DESKTOP, PHONE = (1200, 900), (360, 740)
BY_VERDICT = {v: [r.id for r in LEDGER.results if r.verdict is v] for v in Verdict}
SHOWN = (
    "[...document.querySelectorAll('section.claim')].filter(s => s.checkVisibility()).map(s => s.id.slice(6))"
)
FOCUSED = "document.activeElement.dataset.claim ?? document.activeElement.dataset.verdict ?? document.activeElement.id"
OPEN_ALL = "document.querySelectorAll('details').forEach(d => d.open = true)"
PALETTE = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def browser(tmp_path_factory, path):
    with chromium(tmp_path_factory.mktemp("profile")) as tab:
        tab.open(path)
        yield tab


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    page = tmp_path_factory.mktemp("report") / "index.html"
    page.write_text(render(LEDGER, CLAIMS))
    return page


@pytest.fixture
def tab(browser, path):
    """The page, just opened by somebody who was never here, on a desktop in daylight."""
    browser.size(*DESKTOP)
    browser.media(prefers_color_scheme="light")
    browser.run("try { localStorage.clear() } catch { }")
    browser.open(path)
    browser.complaints.clear()
    return browser


def in_view(tab, element_id):
    """Whether the page scrolls to the element, or to its own end, within some seconds."""
    return tab.run(
        f"(async () => {{ const e = document.getElementById({json.dumps(element_id)});"
        """
        const there = () => {
            const top = e.getBoundingClientRect().top;
            const end = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
            return e.checkVisibility() && 0 <= top && top < (end ? innerHeight : 100);
        };
        for (let i = 0; i < 100 && !there(); i++) await new Promise(done => setTimeout(done, 50));
        return there(); })()"""
    )


def reach(tab, wanted, limit=60):
    """Press Tab until what is wanted has the focus."""
    for _ in range(limit):
        tab.press("Tab")
        if tab.run(FOCUSED) == wanted:
            return
    raise AssertionError(f"{wanted} is not reached by the keyboard")


def test_nothing_is_complained_of_and_nothing_requested(tab, path):
    tab.requests.clear()
    tab.open(path)
    tab.run(OPEN_ALL)
    tab.click("#theme")
    tab.run("document.querySelector('button[data-verdict]').click()")
    assert tab.complaints == []
    assert {url.partition("#")[0] for url in tab.requests} <= {path.as_uri(), "about:blank"}


def test_complaints_and_requests_are_heard(tab):
    """The check before this one can fail: an error, and a request that the page's policy forbids."""
    tab.run(
        "setTimeout(() => { throw new Error('planted') }); console.error('said');"
        " fetch('https://example.org').catch(() => 0)"
    )
    tab.run("new Promise(done => setTimeout(done, 100))")
    heard = " ".join(tab.complaints)
    assert "planted" in heard
    assert "said" in heard
    assert "Content Security Policy" in heard


def test_every_link_leads_somewhere(tab):
    dangling = (
        "[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))"
        ".filter(h => !h.startsWith('#') || !document.getElementById(h.slice(1)))"
    )
    assert tab.run("document.links.length + document.querySelectorAll('svg a').length") > 20
    assert tab.run(dangling) == []


@pytest.mark.parametrize("claim_id", ["alignment", "comparison-sign-repaired", "theorem-4.15"])
def test_a_click_on_a_node_leads_to_its_claim(tab, claim_id):
    tab.click(f'svg a[data-claim="{claim_id}"]')
    assert tab.run("location.hash") == f"#claim-{claim_id}"
    assert in_view(tab, f"claim-{claim_id}")


@pytest.mark.parametrize("key", ["Enter", " "])
def test_the_graph_is_used_with_the_keyboard(tab, key):
    first = tab.run("document.querySelector('svg a[data-claim]').dataset.claim")
    reach(tab, first)
    seen = [first]
    for _ in range(len(LEDGER) - 1):
        tab.press("Tab")
        seen.append(tab.run(FOCUSED))
    assert sorted(seen) == sorted(LEDGER)
    tab.press(key)
    assert tab.run("location.hash") == f"#claim-{seen[-1]}"
    assert in_view(tab, f"claim-{seen[-1]}")


@pytest.mark.parametrize("verdict", [v for v in Verdict if BY_VERDICT[v]])
def test_a_filter_shows_the_claims_of_its_verdict(tab, verdict):
    tab.click(f'button[data-verdict="{verdict}"]')
    wanted = BY_VERDICT[verdict]
    assert tab.run(SHOWN) == wanted
    assert tab.run("document.getElementById('shown').value") == f"{len(wanted)} of {len(LEDGER)} claims shown"
    rows = "[...document.querySelectorAll('.overview tbody tr')].filter(r => r.checkVisibility()).length"
    assert tab.run(rows) == len(wanted)
    assert tab.run("document.querySelectorAll('.node.away').length") == len(LEDGER) - len(wanted)
    count = tab.run(f"document.querySelector('button[data-verdict=\"{verdict}\"]').innerText").split()[-1]
    assert int(count) == len(wanted)
    tab.click("#clear")
    assert tab.run(SHOWN) == list(LEDGER)


def test_two_filters_add_up(tab):
    tab.click('button[data-verdict="refuted"]')
    tab.click('button[data-verdict="gap"]')
    assert set(tab.run(SHOWN)) == {*BY_VERDICT[Verdict.REFUTED], *BY_VERDICT[Verdict.GAP]}
    tab.click('button[data-verdict="refuted"]')
    assert tab.run(SHOWN) == BY_VERDICT[Verdict.GAP]


@pytest.mark.parametrize("key", ["Enter", " "])
def test_filters_are_used_with_the_keyboard(tab, key):
    reach(tab, "gap")
    tab.press(key)
    assert tab.run(SHOWN) == BY_VERDICT[Verdict.GAP]
    reach(tab, "clear")
    tab.press(key)
    assert tab.run(SHOWN) == list(LEDGER)
    assert tab.run(FOCUSED) == "search"


def test_words_are_sought_in_everything_that_a_claim_says(tab):
    reach(tab, "search")
    tab.write("BREAST_cancer")
    assert tab.run(SHOWN) == ["theorem-4.15"]
    tab.press("Enter")  # sends nothing anywhere
    tab.write(" nothing-like-it")
    assert tab.run(SHOWN) == []
    assert tab.run("document.getElementById('shown').value").startswith("0 of")


def test_words_and_verdicts_are_both_asked_for(tab):
    tab.click('button[data-verdict="proved"]')
    tab.click("#search")
    tab.write("fuzzed")
    assert tab.run(SHOWN) == ["alignment"]


def test_a_link_to_a_claim_that_is_filtered_away_shows_it(tab):
    tab.click('button[data-verdict="gap"]')
    tab.click('svg a[data-claim="alignment"]')
    assert in_view(tab, "claim-alignment")
    assert "alignment" in tab.run(SHOWN)


def test_the_first_key_offers_to_skip_to_the_claims(tab):
    tab.press("Tab")
    assert tab.run("document.activeElement.className") == "skip"
    assert tab.run("document.activeElement.getBoundingClientRect().left") >= 0
    tab.press("Enter")
    reach(tab, tab.run("document.querySelector('button[data-verdict]').dataset.verdict"), limit=1)


def test_what_has_the_focus_is_outlined(tab):
    outlined = "getComputedStyle(document.activeElement).outlineStyle"
    for wanted in ("theme", "gap", "search"):
        reach(tab, wanted)
        assert tab.run(outlined) == "solid"
    reach(tab, tab.run("document.querySelector('svg a[data-claim]').dataset.claim"))
    ring = "getComputedStyle(document.activeElement.querySelector('rect'))"
    assert tab.run(f"{ring}.strokeWidth") == "4px"


def test_the_focused_node_shows_its_edges(tab):
    reach(tab, "comparison-sharp")
    near = "[...document.querySelectorAll('.edge.near')].map(e => e.querySelector('title').textContent)"
    assert tab.run(near) == ["comparison-sharp amends comparison-sign-repaired"]
    tab.press("Tab")
    assert "comparison-sharp amends comparison-sign-repaired" not in tab.run(near)


@pytest.mark.parametrize("width", [320, 360, 768, 1200])
def test_the_page_never_scrolls_sideways(tab, width):
    tab.size(width, 740, phone=width < 700)
    for state in ("0", OPEN_ALL):
        tab.run(state)
        assert tab.run("document.documentElement.scrollWidth") <= width


def test_wide_things_scroll_in_their_boxes(tab):
    """The last check is no empty one: there are formulas and tables wider than a telephone."""
    tab.size(*PHONE, phone=True)
    tab.run(OPEN_ALL)
    wide = "[...document.querySelectorAll('.scroll')].filter(box => box.scrollWidth > box.clientWidth).length"
    assert tab.run(wide) > 3


def test_what_is_touched_is_large_enough(tab):
    tab.size(*PHONE, phone=True)
    sizes = tab.run("[...document.querySelectorAll('button')].map(b => b.getBoundingClientRect().height)")
    assert min(sizes) >= 40


def test_the_system_s_dark_mode_is_followed(tab):
    light = tab.run(PALETTE)
    tab.media(prefers_color_scheme="dark")
    assert tab.run(PALETTE) != light
    tab.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert tab.run("document.getElementById('theme').getAttribute('aria-pressed')") == "true"


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_choice_of_dark_mode_is_remembered(tab, path, system):
    tab.media(prefers_color_scheme=system)
    before = tab.run(PALETTE)
    tab.click("#theme")
    chosen = tab.run(PALETTE)
    assert chosen != before
    tab.open(path)
    assert tab.run(PALETTE) == chosen
    tab.click("#theme")
    assert tab.run(PALETTE) == before


def test_the_page_works_where_storage_is_forbidden(browser, path):
    script = browser.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } })",
    )
    try:
        browser.media(prefers_color_scheme="light")
        browser.open(path)
        before = browser.run(PALETTE)
        browser.complaints.clear()
        browser.click("#theme")
        assert browser.run(PALETTE) != before
        assert browser.complaints == []
    finally:
        browser.call("Page.removeScriptToEvaluateOnNewDocument", **script)


def test_drawings_follow_the_mode(tab):
    ink = "getComputedStyle(document.querySelector('.histogram text')).fill"
    light = tab.run(ink)
    tab.click("#theme")
    assert tab.run(ink) != light


def test_without_a_script_every_claim_is_shown(browser, path):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(path)
        assert browser.run(SHOWN) == list(LEDGER)
        assert browser.run("document.getElementById('filters').checkVisibility()") is False
        assert browser.run("document.querySelector('noscript') .checkVisibility()") is True
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_on_paper_it_is_light_and_without_controls(tab):
    light = tab.run(PALETTE)
    tab.click("#theme")
    tab.media("print")
    assert tab.run(PALETTE) == light
    for control in ("theme", "filters"):
        assert tab.run(f"document.getElementById('{control}').checkVisibility()") is False
    assert tab.run(SHOWN) == list(LEDGER)


def test_a_picture_of_it_is_not_blank(tab):
    from io import BytesIO

    from PIL import Image

    for _ in range(2):
        colours = Image.open(BytesIO(tab.picture())).convert("RGB").getcolors(maxcolors=2**20)
        assert len(colours) > 100
        tab.click("#theme")
