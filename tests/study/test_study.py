"""Whole studies, of a quadratic where the truth is known, and of the tiny preset."""

import json
import re

import pytest
import torch

from grams_theory.core.errors import GramsTheoryError, UsageError
from grams_theory.core.summary import number
from grams_theory.optim import Grams
from grams_theory.study import PRESETS, choose, conduct, dumps, figures, loads, render, report, results
from grams_theory.study.document import pairs
from grams_theory.study.settings import FULL, MINIBATCH

from .conftest import Frozen, descent


@pytest.fixture
def known(settings, plant, tmp_path):
    """A study of Grams against one that stands still, one that is at the minimum at once, and Grams itself."""
    plant("Frozen", lambda params, lr, betas: Frozen(params, lr=lr))
    plant("Descent", descent, rates=(-2, 2))
    plant("Twin", Grams, rates=(-6, 0))
    chosen = settings("Frozen", "Descent", "Twin")
    return chosen, lambda name="a", **options: conduct(chosen, tmp_path / name, **options)


def verdicts(document):
    (loss,) = document["losses"]
    (mode,) = loss["modes"]
    return {c["rival"]: c["verdict"] for c in mode["comparisons"]}


TRUTH = {"Frozen": "holds", "Descent": "contradicted", "Twin": "undecided"}


def test_a_known_ordering_comes_out(known):
    document = known[1]()
    assert verdicts(document) == TRUTH
    assert document["losses"][0]["modes"][0]["ordering"] == "contradicted"


def test_the_twin_is_equal_to_the_last_bit(known):
    (mode,) = known[1]()["losses"][0]["modes"]
    twin = next(c for c in mode["comparisons"] if c["rival"] == "Twin")
    assert twin["difference"] == {"mean": 0.0, "low": 0.0, "high": 0.0, "n": 4, "p": 1.0}


def test_a_difference_with_the_wrong_sign_would_be_noticed(known, monkeypatch):
    """The planted fault: theirs − ours."""
    right = results.difference
    monkeypatch.setattr(results, "difference", lambda ours, theirs, slack: right(theirs, ours, slack))
    assert verdicts(known[1]()) == {"Frozen": "contradicted", "Descent": "holds", "Twin": "undecided"}


def test_seeds_that_are_not_paired_would_be_noticed(known, monkeypatch):
    """The planted fault: the twin's runs, shifted by one seed. They are no longer equal."""
    right = results._Loss._ends

    def shifted(self, runs, measure):
        found = right(self, runs, measure)
        if runs[0].optimizer != "Twin":
            return found
        return {seed: found[(seed + 1) % len(found)] for seed in found}

    monkeypatch.setattr(results._Loss, "_ends", shifted)
    (mode,) = known[1]()["losses"][0]["modes"]
    twin = next(c for c in mode["comparisons"] if c["rival"] == "Twin")
    assert twin["difference"]["low"] < 0 < twin["difference"]["high"]


def test_verdicts_are_corrected_for_the_number_of_comparisons(known):
    (mode,) = known[1]()["losses"][0]["modes"]
    made = sorted(mode["comparisons"], key=lambda c: c["difference"]["p"])
    assert made[0]["p_holm"] == pytest.approx(3 * made[0]["difference"]["p"])
    assert all(c["p_holm"] >= c["difference"]["p"] for c in made)


def test_the_pl_ratio_of_the_quadratic_is_its_curvature(known):
    """½‖w‖²: ½‖∇f‖²/(f − f*) = 1 everywhere. f* = 0 is not certified, so the interval says [0, ...]; it contains 1."""
    (loss,) = known[1]()["losses"]
    assert loss["f_star"]["low"] is None
    assert loss["mu_upper"] == pytest.approx(1.0)
    for contender in loss["modes"][0]["contenders"]:
        curve = contender["curves"]
        assert all(low == 0.0 for low in curve["pl_low"])
        assert all(high is None or high >= 1 - 1e-12 for high in curve["pl_high"])


def test_the_document_does_not_depend_on_interruptions(known):
    whole = dumps(known[1]("whole"))

    def stop_at(count):
        def stop(event):
            if event.done >= count:
                raise KeyboardInterrupt

        return stop

    for count in (3, 9):
        with pytest.raises(KeyboardInterrupt, match=r"cells? are kept"):
            known[1]("parts", progress=stop_at(count))
    assert dumps(known[1]("parts")) == whole


def test_progress_counts_to_the_end(known):
    events = []
    known[1](progress=events.append)
    assert events[-1].done == events[-1].expected
    assert events[-1].seconds_left == 0
    assert [event.done for event in events[1:]] == list(range(1, events[-1].done + 1))


def test_a_rival_whose_every_rate_diverges_is_undecided_and_says_so(settings, plant, tmp_path):
    def explode(params, lr, betas):
        return torch.optim.SGD(params, lr=1e200)

    plant("Explosive", explode)
    (mode,) = conduct(settings("Explosive"), tmp_path)["losses"][0]["modes"]
    (comparison,) = mode["comparisons"]
    assert (comparison["verdict"], comparison["difference"]) == ("undecided", None)
    assert comparison["why_not"] == "no learning rate of Explosive was left: all diverged"


def test_a_run_below_a_certified_minimum_stops_the_study(known, monkeypatch):
    """The planted fault: a certificate that says f >= 1 of a loss that goes down to 0."""
    from grams_theory.study.cell import Floor

    right = Floor.play
    monkeypatch.setattr(Floor, "play", lambda self, device: {**right(self, device), "low": 1.0})
    with pytest.raises(GramsTheoryError, match="certified to be at least 1"):
        known[1]()


def test_a_loss_that_cannot_be_loaded_is_named_before_any_work(tmp_path):
    chosen = choose("tiny", losses=["wrn_50_2"], paths={"wrn_50_2": str(tmp_path / "nowhere")})
    with pytest.raises(UsageError, match="nowhere"):
        conduct(chosen, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizers": ("Adam", "Lion")}, "compares Grams with others"),
        ({"optimizers": ("Grams",)}, "at least one more"),
        ({"optimizers": ("Grams", "Adan")}, "did you mean Adam"),
        ({"losses": ["digits_softmx"]}, "did you mean digits_softmax"),
        ({"losses": ["diabetes", "diabetes"]}, "each once"),
        ({"seeds": 1}, "seeds=1"),
        ({"seeds": 1001}, "from 2 to 1000"),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        choose("tiny", **changes)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_name_losses_and_contenders_that_exist(name):
    from grams_theory.landscape import losses

    preset = PRESETS[name]
    assert {task.loss for task in preset.tasks} <= set(losses.names(None))
    assert {*preset.ablation, *preset.sweep} <= {task.loss for task in preset.tasks}
    assert name == "tiny" or (preset.seeds >= 5 and preset.optimizers[:2] == ("Grams", "Adam"))
    assert all(set(task.modes) <= {FULL, MINIBATCH} for task in preset.tasks)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return conduct(PRESETS["tiny"], tmp_path_factory.mktemp("tiny"))


def test_the_tiny_preset_ends_in_a_document_and_a_page(tiny):
    assert loads(dumps(tiny)) == json.loads(dumps(tiny))
    pages = render(tiny)
    text = pages["report.md"].decode()
    for name, data in pages.items():
        if name.endswith(".png"):
            assert data.startswith(b"\x89PNG")
            assert f"]({name})" in text
    for part in ("Grams − Adam", "contradicted on", "Where it does not hold", "direction only − both", "β₁"):
        assert part in text
    assert "None" not in text
    assert "nan" not in text


def test_every_measure_is_there_for_every_stage(tiny):
    for loss in tiny["losses"]:
        for mode in loss["modes"]:
            for contender in mode["contenders"]:
                assert len(contender["stages"]) == 3
                for stage in contender["stages"]:
                    for name in ("kappa", "disagreement", "sign_disagreement", "expected_descent", "pl_low"):
                        found = stage[name]
                        assert found["low"] <= found["mean"] <= found["high"], name


def test_the_alignment_of_each_parameter_group_is_there_and_on_the_page(tiny):
    page = report.text(tiny)
    labels = {c["name"]: c["label"] for c in tiny["contenders"]}
    for _, mode in pairs(tiny["losses"]):
        for contender in mode["contenders"]:
            assert contender["groups"]
            for group in contender["groups"]:
                for name in ("kappa", "disagreement"):
                    assert 0 <= group[name]["low"] <= group[name]["mean"] <= group[name]["high"] <= 1
                kappa = number(group["kappa"]["mean"])
                assert f"| {labels[contender['name']]} | `{group['group']}` | {kappa} [" in page


def test_numbers_and_verdicts_do_not_break_across_lines(tiny):
    """A browser breaks lines after a hyphen and at a space: neither stands in a number or after a glyph."""
    document = loads(dumps(tiny))
    mode = document["losses"][0]["modes"][0]
    mode["comparisons"][0]["difference"].update(mean=-1.5e-7, low=-2e-7, high=3e-300)
    text = report.text(document)
    assert "\N{NO-BREAK SPACE}−1.5e−07 [−2e−07, +3e−300]" in text
    cells = [cell for line in text.splitlines() if line.startswith("| ") for cell in line.split("|")]
    assert not [cell for cell in cells if re.search(r"\de-|(?<!\w)-\d|[✓✗?] ", cell)]


def scale_of_losses(document):
    figure = figures._grid(document, figures._loss, "step", "loss f")
    return figure.axes[0]


def test_a_curve_at_exactly_zero_does_not_take_the_logarithm_from_the_others(tiny):
    document = loads(dumps(tiny))
    curve = document["losses"][0]["modes"][0]["contenders"][0]["curves"]
    for part in ("f", "f_low", "f_high"):
        curve[part] = [0.0] * len(curve[part])
    axes = scale_of_losses(document)
    others = [c["curves"] for c in document["losses"][0]["modes"][0]["contenders"][1:] if c["curves"]]
    smallest = min(value for other in others for value in other["f_low"])
    assert axes.get_yscale() == "log"
    assert set(axes.lines[0].get_ydata()) == {smallest}
    assert [text.get_text() for text in axes.texts] == [f"0 is drawn at {smallest:.2g}"]


def test_nothing_is_moved_where_a_loss_is_never_zero_or_falls_below(tiny):
    document = loads(dumps(tiny))
    curve = document["losses"][0]["modes"][0]["contenders"][0]["curves"]
    positive = scale_of_losses(document)
    assert (positive.get_yscale(), list(positive.texts)) == ("log", [])
    curve["f_low"][0] = -1.0
    negative = scale_of_losses(document)
    assert (negative.get_yscale(), list(negative.texts)) == ("linear", [])
    assert list(negative.lines[0].get_ydata()) == curve["f"]


def test_the_legend_names_each_contender_that_a_panel_shows(tiny):
    """Variants of Grams run on some losses only, and not on the first."""
    labels = {c["name"]: c["label"] for c in tiny["contenders"]}
    shown = {
        mode["mode"]: {
            labels[c["name"]]
            for _, other in pairs(tiny["losses"])
            if other["mode"] == mode["mode"]
            for c in other["contenders"]
            if c["stages"]
        }
        for _, mode in pairs(tiny["losses"])
    }
    first = {labels[c["name"]] for c in tiny["losses"][0]["modes"][0]["contenders"]}
    assert any(names - first for names in shown.values())
    for mode, names in shown.items():
        (legend,) = figures._stages(tiny, mode).legends
        assert {text.get_text() for text in legend.get_texts()} == names


def test_a_document_from_before_the_groups_is_still_drawn(tiny):
    document = loads(dumps(tiny))
    for _, mode in pairs(document["losses"]):
        for contender in mode["contenders"]:
            del contender["groups"]
    assert "parameter group" not in report.text(document)


def test_the_page_says_what_the_document_says_and_computes_nothing(tiny):
    """A document with another verdict gives a page with another verdict."""
    document = loads(dumps(tiny))
    comparison = document["losses"][0]["modes"][0]["comparisons"][0]
    comparison["verdict"], comparison["p_holm"] = "contradicted", 0.012
    comparison["difference"].update(mean=0.123456, low=0.1, high=0.2)
    text = report.text(document)
    assert "Adam ends lower than Grams, by 0.1235 [0.1, 0.2], corrected p 0.012." in text
    assert "No rival is shown to end lower" not in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a study.json"),
        ("[]", "schema None"),
        ('{"schema": "grams-theory/study/0"}', "this version reads"),
        ('{"schema": "grams-theory/study/1"}', "damaged .*losses"),
    ],
)
def test_what_is_no_document_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        loads(text)
