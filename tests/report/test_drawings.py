"""The claim graph, charts and Figure 1."""

import itertools
from xml.etree import ElementTree

import pytest

from grams_theory.core.evidence import MeasuredEvidence
from grams_theory.report.chart import chart
from grams_theory.report.figure1 import draw as draw_figure
from grams_theory.report.graph import NODE_WIDTH, PER_ROW, Edge, draw
from grams_theory.report.histogram import histogram
from grams_theory.report.run_chart import LONGEST, run_table
from tests.ledgers import CURVES, FUZZ, KAPPA, RUN

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


def test_a_histogram_has_a_column_for_each_decade_in_order():
    drawn = histogram(FUZZ.histogram["descent"])
    assert [column.decade for column in drawn.columns] == [
        *("-1e-3", "-1e-4", "-1e-5", "0", "1e-12", "1e-11", "1e-10", "1e-9"),
    ]
    assert [column.kind for column in drawn.columns] == 3 * ["violated"] + ["equal"] + 4 * ["clear"]
    assert [column.label for column in drawn.columns] == ["2", "", "1", "3", "999k", "", "", "235k"]
    assert [column.x for column in drawn.columns] == sorted({column.x for column in drawn.columns})
    assert drawn.columns[-1].x < drawn.width


def test_the_height_of_a_column_grows_with_its_cases():
    drawn = histogram({"0": 1, "1e-4": 10, "1e-2": 1000, "-1e-1": 100})
    heights = {column.cases: column.height for column in drawn.columns}
    assert heights[0] == 0
    assert 0 < heights[1] < heights[10] < heights[100] < heights[1000] <= drawn.base


@pytest.mark.parametrize("counts", [{}, {"0": 0}])
def test_no_case_is_no_histogram(counts):
    assert histogram(counts) is None


def test_a_run_is_drawn_as_torch_runs_it():
    import torch

    from grams_theory.optim import Adam, Grams

    table = run_table(RUN.data, ("Grams", "Adam"))
    H = torch.tensor([[1.0, 0.25], [0.25, 0.5]], dtype=torch.float64)
    for place, kind in enumerate((Grams, Adam), 1):
        w = torch.nn.Parameter(torch.tensor([0.5, 0.25], dtype=torch.float64))
        optimizer = kind([w], lr=2 / 9, betas=(0.5, 0.5), eps=1.0)
        for t in range(25):
            value = 0.5 * w.detach() @ H @ w.detach()
            assert table.rows[t][place] == pytest.approx(value.item(), rel=1e-9)
            w.grad = H @ w.detach()
            optimizer.step()
    assert len(table.rows) == 25


def test_a_run_too_long_for_a_page_is_not_drawn():
    assert run_table({**RUN.data, "steps": LONGEST + 1}, ("Grams",)) is None


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
