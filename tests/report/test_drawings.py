"""The claim graph, charts and Figure 1."""

import itertools
from xml.etree import ElementTree

import pytest

from grams_theory.core.evidence import MeasuredEvidence
from grams_theory.report.chart import chart
from grams_theory.report.figure1 import draw as draw_figure
from grams_theory.report.graph import NODE_WIDTH, PER_ROW, Edge, draw
from tests.ledgers import CURVES, KAPPA

CHAIN = [Edge("c", "b", "uses"), Edge("b", "a", "argument"), Edge("c", "a", "amends")]


def test_a_claim_stands_below_what_it_rests_on():
    place = {node.id: node for node in draw("cba", CHAIN).nodes}
    assert place["a"].y < place["b"].y < place["c"].y


def test_every_edge_is_drawn_once_with_its_kind():
    assert [curve.edge for curve in draw("abc", CHAIN).curves] == CHAIN


def test_an_edge_to_an_absent_claim_is_left_out():
    assert draw("ab", CHAIN).curves == draw("ab", CHAIN[1:2]).curves


def test_a_cycle_is_cut_and_still_drawn():
    drawn = draw("ab", [Edge("a", "b", "uses"), Edge("b", "a", "uses")])
    assert len(drawn.curves) == 2
    assert len({node.y for node in drawn.nodes}) == 2


@pytest.mark.parametrize("count", [1, 4, 5, 9, 30])
def test_nodes_do_not_overlap_and_rows_are_short(count):
    drawn = draw([str(i) for i in range(count)], [])
    rows: dict[float, list[float]] = {}
    for node in drawn.nodes:
        rows.setdefault(node.y, []).append(node.x)
    assert len(drawn.nodes) == count
    for xs in rows.values():
        xs.sort()
        assert len(xs) <= PER_ROW
        assert all(right - left > NODE_WIDTH for left, right in itertools.pairwise(xs))
        assert xs[0] >= 0
        assert xs[-1] + NODE_WIDTH <= drawn.width


def test_claims_that_stand_alone_come_last():
    drawn = draw("xabcy", CHAIN)
    assert {node.id for node in drawn.nodes if node.y == max(n.y for n in drawn.nodes)} == {"x", "y"}


def test_nothing_to_draw_is_an_empty_drawing():
    assert draw([], []).nodes == ()


def test_a_table_over_steps_is_a_chart_on_a_log_scale():
    drawn = chart(CURVES)
    assert drawn is not None
    assert [line.name for line in drawn.lines] == ["Grams", "Adam"]
    ys = [float(point.split(",")[1]) for point in drawn.lines[0].path.removeprefix("M").split()]
    falls = [b - a for a, b in itertools.pairwise(ys)]
    assert falls == pytest.approx([falls[0]] * len(falls), abs=0.11)  # geometric decay is a straight line


@pytest.mark.parametrize(
    "measured",
    [
        KAPPA,
        MeasuredEvidence("one row", ("step", "f"), ((0, 1.0),)),
        MeasuredEvidence("no positive value", ("step", "f"), ((0, 0.0), (1, -1.0))),
        MeasuredEvidence("steps repeat", ("step", "f"), ((0, 1.0), (0, 1.0))),
        MeasuredEvidence("no numbers", ("step", "f"), (("a", 1.0), ("b", 1.0))),
    ],
    ids=lambda measured: measured.title,
)
def test_any_other_table_is_not(measured):
    assert chart(measured) is None


def test_a_value_that_a_log_scale_cannot_show_leaves_a_gap():
    drawn = chart(MeasuredEvidence("", ("step", "f"), ((0, 1.0), (1, 0.0), (2, float("nan")), (3, 0.1))))
    assert drawn is not None
    assert len(drawn.lines[0].path.split()) == 2


@pytest.fixture(scope="module")
def runs():
    from grams_theory.claims.figure_1 import figure1_runs

    return figure1_runs((1.0, 1.0), 60)


def test_figure_1_is_a_png(runs):
    assert draw_figure(runs, "png").startswith(b"\x89PNG")


def test_figure_1_is_the_same_svg_each_time(runs):
    svg = draw_figure(runs, "svg")
    assert draw_figure(runs, "svg") == svg
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert len(svg) < 1_000_000
