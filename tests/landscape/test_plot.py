"""The picture of an estimate says what `judge` says, from the estimate alone."""

import io
from functools import partial

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from torch import nn

from grams_theory.core.errors import UsageError
from grams_theory.landscape import estimate_pl
from grams_theory.landscape.certificates.criteria import SquareLoss
from grams_theory.landscape.verdict import judge
from grams_theory.landscape.verdict.plot import STYLES, draw
from grams_theory.optim import Grams


@pytest.fixture(scope="module")
def estimate():
    """Ridge least squares, where all is certified, along Grams with an eps that the theorems allow."""
    stream = torch.Generator().manual_seed(0)
    X = torch.randn(20, 3, generator=stream, dtype=torch.float64)
    model = nn.Linear(3, 1, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    return estimate_pl(
        model,
        SquareLoss(0.1),
        (X, X @ torch.ones(3, 1).double() + 1),
        optimizer=partial(Grams, eps=4.0),
        lr=0.05,
        steps=80,
    )


@pytest.fixture(scope="module")
def figure(estimate):
    return draw(estimate)


def curves(axes):
    return {line.get_label(): line for line in axes.lines}


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_it_is_a_file_of_a_thousand_pixels(figure):
    figure.savefig(buffer := io.BytesIO(), format="png")
    assert figure.canvas.get_width_height() == (1000, 560)
    assert len(buffer.getvalue()) > 20_000


def test_the_legend_has_the_verdicts_in_words(estimate, figure):
    run, *theorems = legend(figure)
    assert run.startswith("the run, with f*")
    assert theorems == [f"{verdict.title}: {verdict.summary}" for verdict in judge(estimate)]


def test_the_lines_are_the_gap_and_the_bounds(estimate, figure):
    axes = figure.axes[0]
    drawn = curves(axes)
    gap = [f - estimate.f_star.high for f in estimate.trajectory.f]
    assert drawn[legend(figure)[0]].get_ydata() == pytest.approx(gap)
    for verdict, label in zip(judge(estimate), legend(figure)[1:], strict=True):
        expected = [*enumerate(verdict.bound, 1), *verdict.ahead]
        assert np.transpose(drawn[label].get_data()) == pytest.approx(np.array(expected, float), nan_ok=True)
        assert to_hex(drawn[label].get_color()) == STYLES[verdict.claim][0]
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_the_vacuous_region_begins_at_the_initial_gap(estimate, figure):
    (shaded,) = figure.axes[0].patches
    assert shaded.get_y() == pytest.approx(judge(estimate).initial_gap)
    assert shaded.get_y() + shaded.get_height() == pytest.approx(figure.axes[0].get_ylim()[1])


def test_the_second_panel_has_the_ratio_and_the_certified_constant(estimate, figure):
    drawn = curves(figure.axes[1])
    assert drawn["f* at its upper end"].get_ydata() == pytest.approx(np.array(estimate.ratios, float))
    assert drawn[f"certified μ = {estimate.mu_lower.value:.4g}"].get_ydata()[0] == estimate.mu_lower.value


def test_every_axis_is_labelled(figure):
    for axes in figure.axes:
        assert axes.get_xlabel() and axes.get_title()
    assert figure.axes[0].get_ylabel()


def test_a_bound_that_does_not_exist_still_has_its_verdict(estimate):
    figure = draw(estimate, eps=1e-8)
    assert any("linear rate: premise fails" in label and "no bound" in label for label in legend(figure))
    assert all(len(label) < 140 for label in legend(figure))  # what fits the width


def test_an_interval_of_the_minimum_is_a_band():
    model = nn.Linear(2, 1, dtype=torch.float64)
    X = torch.tensor([[1.0, 2.0], [0.5, -1.0], [2.0, 0.0]]).double()
    wide = estimate_pl(model, nn.MSELoss(), (X, X[:, :1] + X[:, 1:] ** 2), optimizer=Grams, lr=0.1, steps=30)
    assert wide.f_star.low == 0
    assert wide.f_star.high
    figure = draw(wide)
    for axes in figure.axes:
        (band,) = axes.collections
        assert band.get_datalim(axes.transData).height > 0
    assert "in [0, " in legend(figure)[0]


def test_a_minimum_without_a_lower_end_is_told_as_such():
    def flat(output, target):
        return (output - target).mean() + (output - target).square().mean()

    model = nn.Linear(1, 1, dtype=torch.float64)
    nn.init.ones_(model.weight)
    X = torch.tensor([[1.0], [0.5], [2.0]]).double()
    open_ended = estimate_pl(model, flat, (X, X[:, :1] ** 2), optimizer=Grams, lr=0.1, steps=30)
    assert open_ended.f_star.low is None
    labels = set(curves(draw(open_ended).axes[1]))
    assert "f* at its upper end (no lower end known: at most this)" in labels
    texts = [text.get_text() for text in draw(open_ended).axes[1].get_legend().get_texts()]
    assert not any("interval" in text for text in texts)


def test_lines_can_be_told_apart_without_colours():
    assert len({(line, marker) for _, line, marker in STYLES.values()}) == len(STYLES)


def test_a_run_without_a_gap_is_refused():
    model = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    zeros = torch.zeros(2, 1, dtype=torch.float64)
    still = estimate_pl(
        model, nn.MSELoss(), (zeros + 1, zeros), optimizer=Grams, lr=1e-10, steps=3, f_star=0.0
    )
    with pytest.raises(UsageError, match="start elsewhere"):
        draw(still)


def test_drawing_depends_on_the_estimate_alone(estimate, figure):
    images = []
    for drawn in (figure, draw(estimate)):
        drawn.savefig(buffer := io.BytesIO(), format="raw")
        images.append(buffer.getvalue())
    assert images[0] == images[1]
