"""What the objective notices about a model: which parameters belong together, and where it has kinks."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportCallIssue=false

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from grams_theory.core.errors import UsageError
from grams_theory.landscape.objective import Objective
from tests.landscape.objective.samples import EPS, D, Functional, X, Y, perceptron


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
        self.head = nn.Linear(2, 1)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.head(self.body["b"](self.body["a"](x))) * self.scale


PAIR = (torch.ones(3, 2), torch.ones(3, 1))
BY = {
    "module": ["Nested", "body.a", "body.b", "head"],
    "parameter": ["scale", *(f"{m}.{p}" for m in ("body.a", "body.b", "head") for p in ("weight", "bias"))],
    1: ["Nested", "body", "head"],
    2: ["Nested", "body.a", "body.b", "head"],
    "none": [],
}


@pytest.mark.parametrize("by", BY)
def test_groups_cover_every_weight_once_in_the_places_of_its_parameters(by):
    model = Nested()
    objective = Objective(model, nn.MSELoss(), PAIR, groups=by)
    assert list(objective.groups) == BY[by]
    covered = [i for places in objective.groups.values() for s in places for i in range(s.start, s.stop)]
    assert sorted(covered) == list(range(objective.dim if BY[by] else 0))
    if "head" in objective.groups:
        expected = torch.cat([model.head.weight.flatten(), model.head.bias])
        assert objective.part(objective.w, "head").equal(expected)


def split(model):
    weights = [p for p in model.parameters() if p.dim() > 1]
    return [
        {"params": weights, "name": "decayed", "weight_decay": 0.1},
        {"params": [model.scale, model.head.bias], "weight_decay": 0.0},
    ]


@pytest.mark.parametrize(
    "groups",
    [
        split,
        lambda model: torch.optim.AdamW(split(model)),
        lambda model: {
            "decayed": ["body.a.weight", "body.b.weight", "head.weight"],
            "group 1": ["scale", "head.bias"],
        },
    ],
)
def test_groups_of_an_optimizer_keep_their_names(groups):
    model = Nested()
    objective = Objective(model, nn.MSELoss(), PAIR, groups=groups(model))
    assert set(objective.groups) == {"decayed", "group 1", "others"}
    assert objective.part(objective.w, "group 1").equal(torch.cat([model.scale, model.head.bias]))
    assert len(objective.part(objective.w, "decayed")) == 10
    assert len(objective.part(objective.w, "others")) == 4


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("layers", "is not known"),
        (0, "is not known"),
        ({"a": ["head.wieght"]}, "'head.wieght', which is no parameter"),
        ({"a": [nn.Parameter(torch.ones(2))]}, r"shape \(2,\)"),
        ({"a": ["scale"], "b": ["scale"]}, "'scale' is in two groups, 'a' and 'b'"),
    ],
)
def test_bad_groups_are_refused(groups, message):
    with pytest.raises(UsageError, match=message):
        Objective(Nested(), nn.MSELoss(), PAIR, groups=groups)


def test_frozen_parameters_are_named_and_belong_to_no_group():
    model = Nested()
    model.body["a"].requires_grad_(False)
    objective = Objective(model, nn.MSELoss(), PAIR)
    assert objective.ignored == ("body.a.weight", "body.a.bias")
    assert list(objective.groups) == ["Nested", "body.b", "head"]
    assert Objective(Nested(), nn.MSELoss(), PAIR).ignored == ()


SMOOTH = (nn.Tanh, nn.GELU, nn.SiLU, nn.Softplus, nn.Sigmoid, nn.ELU, nn.CELU, nn.Mish, nn.Identity)
KINKED = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.PReLU,
    nn.RReLU,
    nn.Hardtanh,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.SELU,
)
KINKED += (nn.Hardshrink, nn.Softshrink, lambda: nn.Threshold(0.1, 0.0), lambda: nn.ELU(alpha=2.0))


@pytest.mark.parametrize("activation", SMOOTH)
def test_smooth_modules_are_not_flagged(activation):
    assert Objective(perceptron(activation), nn.MSELoss(), (X, Y)).kinks == ()


@pytest.mark.parametrize("activation", KINKED)
def test_modules_with_kinks_are_named(activation):
    assert Objective(perceptron(activation), nn.MSELoss(), (X, Y)).kinks == ("1",)


@pytest.mark.parametrize("pool", [nn.MaxPool1d(2), nn.AdaptiveMaxPool1d(1)])
def test_maximum_pooling_is_named(pool):
    model = nn.Sequential(nn.Conv1d(1, 2, 2), pool, nn.Flatten(), nn.LazyLinear(1))
    model(torch.ones(1, 1, 8))
    assert Objective(model, nn.MSELoss(), (torch.ones(3, 1, 8), torch.ones(3, 1))).kinks == ("1",)


@pytest.mark.parametrize(
    "function",
    [F.relu, torch.relu, torch.relu_, lambda x: x.clamp(min=0), torch.abs, lambda x: torch.maximum(x, -x)],
)
def test_kinks_in_plain_functions_belong_to_the_module_that_calls_them(function):
    model = nn.Sequential(Functional(function), nn.Tanh()).double()
    assert Objective(model, nn.MSELoss(), (X, Y)).kinks == ("0",)
    assert Objective(Functional(function).double(), nn.MSELoss(), (X, Y)).kinks == ("Functional",)


def test_kinks_of_the_inputs_alone_and_of_smooth_losses_are_none():
    class OnInputs(nn.Linear):
        def forward(self, x):
            return super().forward(x.relu())

    assert Objective(OnInputs(D, 2).double(), nn.MSELoss(), (X, Y)).kinks == ()
    assert Objective(perceptron(), nn.L1Loss(), (X, Y)).kinks == ("loss_fn",)
    assert Objective(perceptron(), nn.HuberLoss(), (X, Y)).kinks == ()


def test_a_model_that_computes_more_coarsely_than_its_weights_is_found_out():
    class Halfway(nn.Linear):
        def forward(self, x):
            return super().forward(x).float()

    objective = Objective(Halfway(D, 2).double(), nn.MSELoss(), (X, Y.float()))
    with pytest.warns(UserWarning, match=r"float64.*computes in torch.float32"):
        assert objective.eps == 2.0**-23
    assert Objective(perceptron(), nn.MSELoss(), (X, Y)).eps == EPS
