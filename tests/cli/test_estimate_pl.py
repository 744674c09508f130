"""grams-theory estimate-pl: what it prints, writes, shows while it works, and says when it cannot."""

import io
import json

import pytest
from click.testing import CliRunner

from grams_theory.cli import main

PNG = b"\x89PNG\r\n\x1a\n"
LOSSES = """
import torch
from torch import nn

from tests.landscape.objective.samples import Once

X = torch.linspace(-1, 1, 12, dtype=torch.float64).unsqueeze(1)


def linear():
    model = nn.Linear(1, 1, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    nn.init.ones_(model.bias)
    return model, nn.MSELoss(), (X, 2 * X)


def kinked():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1)).double()
    model[0].bias.requires_grad_(False)
    return model, nn.MSELoss(), (X, 2 * X)


class Bent(nn.Linear):
    def forward(self, x):
        return super().forward(x).tanh()


def bent():
    torch.manual_seed(0)
    return Bent(1, 1).double(), nn.MSELoss(), (X, 2 * X)


def dropped():
    model, loss_fn, data = linear()
    return nn.Sequential(model, nn.Dropout()), loss_fn, data


def still():
    model, loss_fn, data = dropped()
    return model.eval(), loss_fn, data


def broken():
    model, loss_fn, (x, y) = linear()
    return model, loss_fn, (x, y / 0)


class Square(nn.Linear):
    def forward(self, x):
        return Once.apply(super().forward(x))


def once():
    return Square(1, 1).double(), nn.MSELoss(), (X, X)


class Needy(torch.optim.SGD):
    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
"""


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Call the command in a folder that has a module of losses."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "estimated_losses.py").write_text(LOSSES)

    def call(loss, *options):
        loss = f"estimated_losses:{loss}" if ":" not in loss else loss
        return CliRunner().invoke(main, ["estimate-pl", loss, *options], prog_name="grams-theory")

    return call


def test_every_number_is_printed_with_its_reason(run):
    done = run("linear", "--steps", "20")
    assert done.exit_code == 0, done.output
    for text in (
        "μ, certified lower bound",
        "f*",
        "L, seen",
        "κ",
        "smallest nonzero eigenvalue",
        "20 points of",
    ):
        assert text in done.stdout
    assert "Theorem 4.15" not in done.stdout


def test_the_theorems_are_held_against_the_run_of_an_optimizer(run):
    done = run("linear", "--optimizer", "Grams", "--lr", "0.01", "--steps", "20")
    assert done.exit_code == 0, done.output
    for text in ("Grams with lr 0.01", "Theorem 4.15", "linear rate", "one-step rate"):
        assert text in done.stdout


def test_progress_goes_to_standard_error_and_results_to_standard_output(run):
    done = run("linear", "--steps", "20")
    assert "points visited: 10 of 20" in done.stderr
    assert "points visited" not in done.stdout


STAGES = {
    "certificates": 1,
    "Hessian at the start": 1,
    "points visited": 20,
    "Hessians, blocks and segments": 3 * (1 + 2) + 2,
    "minibatches for the noise": 3 * 64,
    "evaluations towards f*": 100,
}
"""Of a run of 20 steps with two groups, looked at in 3 points, from the first two of which a step was taken."""


@pytest.mark.parametrize(
    ("options", "left_out"),
    [
        ((), {"minibatches for the noise"}),
        (("--batch-size", "4"), set()),
        (
            ("--no-curvature", "--f-star", "0"),
            {
                "Hessian at the start",
                "Hessians, blocks and segments",
                "minibatches for the noise",
                "evaluations towards f*",
            },
        ),
    ],
)
def test_each_stage_says_that_it_began_and_how_much_it_is(run, options, left_out):
    done = run("bent", "--steps", "20", "--groups", "parameter", *options)
    assert done.exit_code == 0, done.output
    begun = [line for line in done.stderr.splitlines() if ": 0 of " in line]
    assert begun == [f"{stage}: 0 of {total}" for stage, total in STAGES.items() if stage not in left_out]
    for stage in STAGES.keys() - left_out - {"evaluations towards f*"}:  # which end where no step descends
        assert f"{stage}: {STAGES[stage]} of {STAGES[stage]}\n" in done.stderr


def test_a_terminal_shows_a_bar_for_each_stage(monkeypatch):
    from rich.console import Console

    from grams_theory.cli import steps as module

    terminal = Console(force_terminal=True, width=100, record=True, file=io.StringIO())
    monkeypatch.setattr(module, "console", lambda stderr: terminal)
    with module.steps() as progress:
        for done in range(3):
            progress("minibatches", done, 2)
        progress("evaluations", 0, 7)
    shown = terminal.export_text()
    assert "2/2" in shown and "minibatches" in shown
    assert "0/7" in shown and "evaluations" in shown


def test_random_modules_are_told_with_what_to_do_in_the_factory(run):
    done = run("dropped", "--steps", "2", "--no-curvature")
    assert "train mode with Dropout" in done.stderr
    assert "return model.eval() from the factory" in done.stderr
    assert "train mode" not in run("still", "--steps", "2", "--no-curvature").stderr


def test_everything_measured_is_written_as_json(run, tmp_path):
    options = (
        "--optimizer",
        "torch.optim:Adam",
        "--lr",
        "0.1",
        "--steps",
        "7",
        "--batch-size",
        "4",
        "--chunk",
        "5",
    )
    done = run("linear", *options, "--groups", "parameter", "--json", "run.json", "--out", "made/here")
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "made/here/run.json").read_bytes())
    assert set(found["groups"]) == {"weight", "bias"}
    assert len(found["trajectory"]["f"]) == len(found["ratios"]) == 7
    assert found["eta"] == 0.1
    assert found["noise"]["batch_size"] == 4
    assert found["mu_upper"]["provenance"]
    assert "tensor" not in json.dumps(found)
    assert f"{found['mu_upper']['value']:.4g}" in done.stdout


def test_the_plot_is_written_beside_it(run, tmp_path):
    done = run(
        "linear",
        "--optimizer",
        "Grams",
        "--lr",
        "0.01",
        "--steps",
        "9",
        "--plot",
        "run.png",
        "--json",
        "a.json",
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run.png").read_bytes().startswith(PNG)
    assert "wrote a.json and run.png" in done.stdout


def test_gradient_descent_is_drawn_with_its_own_step(run, tmp_path):
    assert run("linear", "--steps", "5", "--plot", "run.svg").exit_code == 0
    assert b"<svg" in (tmp_path / "run.svg").read_bytes()


def test_groups_are_printed_where_there_are_several(run):
    done = run("linear", "--steps", "3", "--groups", "parameter")
    assert "Per group" in done.stdout
    assert "bias" in done.stdout
    assert "Per group" not in run("linear", "--steps", "3").stdout


def test_noise_is_measured_on_request(run):
    assert "minibatch" in run("linear", "--steps", "3", "--batch-size", "2").stdout
    assert "minibatch" not in run("linear", "--steps", "3").stdout


def test_kinks_and_frozen_parameters_are_told(run):
    done = run("kinked", "--steps", "3", "--lr", "0.01")
    assert done.exit_code == 0, done.output
    assert "warning: the loss is not smooth at 1" in done.stderr
    assert "not smooth at 1" in done.stdout
    assert "need no gradient: 0.bias" in done.stdout


def test_single_precision_may_be_asked_for(run, tmp_path):
    done = run("linear", "--steps", "5", "--dtype", "float32", "--json", "run.json")
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "run.json").read_bytes())["trajectory"]["unit"] == 2.0**-23


def test_hessians_may_be_left_out(run):
    done = run("once", "--no-curvature", "--steps", "3")
    assert done.exit_code == 0, done.output
    assert "no Hessian was" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["linear", "--f-star", "5"], "falls below f_star=5"),
        (["linear", "--lower-bound", "5"], "falls below lower_bound=5"),
        (["linear", "--f-star", "0", "--lower-bound", "0"], "not both"),
        (["linear", "--lr", "-1"], "lr=-1.0 must be positive"),
        (["linear", "--lr", "1e200"], "the loss is inf at step 2"),
        (["broken"], "inf at step 1, the starting weights"),
        (["once"], "curvature=False"),
        (["linear", "--batch-size", "13"], "from 1 to 12"),
        (["linear", "--batch-size", "0"], "--batch-size"),
        (["linear", "--chunk", "0"], "--chunk"),
        (["linear", "--groups", "layers"], "--groups"),
        (["linear", "--groups", "0"], "--groups"),
        (["linear", "--dtype", "int8"], "--dtype"),
        (["linear", "--optimizer", "Gramss"], "did you mean Grams"),
        (["linear", "--optimizer", "torch.optim:LBFGS"], "LBFGS needs a closure"),
        (["linear", "--optimizer", "estimated_losses:Needy"], "give lr if it needs one"),
        (["linear", "--plot", "run.jpeg"], ".png"),
        (["linear", "--json", "a.json", "--out", "/dev/null/x"], "/dev/null/x"),
        (["linear", "--path", "nowhere"], "nowhere"),
        (["lineer"], "did you mean linear"),
        (["missing:linear"], "missing"),
        (["builtins:int"], "returned int"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_usage_exits_with_2_and_writes_nothing(run, tmp_path, arguments, message):
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "__pycache__") == ["estimated_losses.py"]
