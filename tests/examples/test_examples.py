"""The examples run, and what they print shows that they train."""

import re
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
LOSS = re.compile(r"loss (\d+\.\d+)")
FALLS = 0.8
"""The last loss printed is below this part of the first; a net that does not train stays near ln(classes)."""

ARGUMENTS = {"compiled": ["--backend", "aot_eager"]}


@pytest.fixture
def printed(capsys, monkeypatch):
    """What `python examples/NAME.py` prints, run in this process: importing torch again takes longer."""

    def run(name: str) -> str:
        path = EXAMPLES / f"{name}.py"
        monkeypatch.setattr(sys, "argv", [str(path), *ARGUMENTS.get(name, [])])
        runpy.run_path(str(path), run_name="__main__")
        return capsys.readouterr().out

    return run


def losses(text: str, line_start: str = "") -> list[float]:
    return [
        float(found[1])
        for line in text.splitlines()
        if line.startswith(line_start) and (found := LOSS.search(line))
    ]


def number_after(words: str, text: str) -> float:
    return float(text.partition(words)[2].split()[0])


def assert_falls(values: list[float]) -> None:
    assert len(values) > 2 and values[-1] < FALLS * values[0], f"the loss must fall, but it went {values}"


def test_the_plain_loop_trains_and_shows_its_diagnostic(printed):
    text = printed("train")
    assert_falls(losses(text))
    assert number_after("accuracy on the training data", text) > 0.5
    header, *rows = text[text.index("step") :].splitlines()
    table = [dict(zip(header.split(), map(float, row.split()), strict=True)) for row in rows]
    assert [row["step"] for row in table] == [20, 40, 60, 80, 100]
    assert all(0 < row["kappa"] <= 1 and 0 < row["disagreement"] < 0.5 for row in table)
    assert all(row["actual"] > 0 for row in table)


def test_accumulated_gradients_are_those_of_the_whole_batch(printed):
    text = printed("gradient_accumulation")
    assert_falls(losses(text))
    assert number_after("difference to whole batches", text) < 3e-3  # one step's length


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_mixed_precision_trains_in_both_formats(printed, dtype):
    text = printed("mixed_precision")
    assert_falls(losses(text, dtype))
    scales = {float(scale) for scale in re.findall(rf"{dtype} .* scale (\S+)", text)}
    assert (max(scales) > 1) == (dtype == "float16")


def test_the_compiled_model_and_step_train(printed):
    assert_falls(losses(printed("compiled")))


def test_the_trainer_of_transformers_trains(printed):
    text = printed("trainer")
    assert_falls(losses(text, "step"))
    assert "kappa" in text and text.strip().splitlines()[-1].split()[0] == "40"


def test_every_example_is_run_here_and_says_how_to_run_it():
    tested = Path(__file__).read_text()
    for path in EXAMPLES.glob("*.py"):
        assert f'printed("{path.stem}")' in tested
        assert f"python examples/{path.name}" in path.read_text()
        assert path.name in (EXAMPLES / "README.md").read_text()


@pytest.mark.parametrize("values", [[2.3, 2.3, 2.2], [2.3, 1.0, 2.5], [2.3, 0.1], []])
def test_a_loss_that_does_not_fall_is_seen(values):
    with pytest.raises(AssertionError):
        assert_falls(values)
