"""The built-in losses and module:factory."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportIndexIssue=false

import math
import re
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.landscape import Problem, by_name, load, names
from grams_theory.landscape.losses import recipes
from grams_theory.landscape.models.bottleneck_resnet import BottleneckResNet
from grams_theory.landscape.models.llama import Llama, llama_60m
from grams_theory.landscape.models.wide_resnet import WideResNet
from grams_theory.landscape.objective import Objective

CHEAP = {"minilm_finetune": {"trainable": "last", "samples": 8, "test_samples": 8}}
"""Options under which a test can afford a loss."""
MEDIUM = names("medium")


@cache
def problem(name, seed=0):
    if name == "minilm_finetune":
        pytest.importorskip("transformers")
    return by_name(name, seed=seed, **CHEAP.get(name, {}))


def few(data, count=4):
    """Samples from all over the data."""
    x, y = data
    chosen = torch.linspace(0, len(x) - 1, count).long()
    return x[chosen], y[chosen]


def weights(problem):
    return list(problem.model.parameters())


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", names())
def test_every_loss_is_measured_consistently_with_its_certificate(name):
    e = by_name(name).estimate(steps=3, curvature_tol=1e-2)
    assert e.trajectory.f[-1] < e.trajectory.f[0]
    assert e.f_star.low is not None
    assert e.f_star.low <= e.f_star.high < e.trajectory.f[-1]
    if e.smoothness.value is not None:
        assert e.smoothness_seen.value <= e.smoothness.value
    if e.mu_lower.value is not None:
        assert 0 < e.mu_lower.value <= e.mu_upper.high
    assert 0 < e.kappa.low <= e.kappa.value <= 1


@pytest.mark.parametrize("name", [*names(), *MEDIUM])
def test_the_seed_draws_the_weights_and_nothing_else(name):
    first, again, other = problem(name), by_name(name, **CHEAP.get(name, {})), problem(name, seed=1)
    assert same(weights(first), weights(again)) and same(first.data, again.data)
    assert same(first.data, other.data) and same(first.test or (), other.test or ())
    linear = isinstance(first.model, nn.Linear)
    assert same(weights(first), weights(other)) == linear
    assert not linear or not any(p.any() for p in weights(other))


@pytest.mark.parametrize("name", ["digits_mlp_squares", "patches_wrn", "shakespeare_llama"])
def test_the_global_random_stream_is_neither_read_nor_moved(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(12345)
        before = torch.get_rng_state()
        made = by_name(name)
        for _ in made.loader(1024):
            pass
        assert torch.equal(torch.get_rng_state(), before)
        assert same(weights(made), weights(problem(name)))


# ── medium losses: what there is, and whether it can be measured


@pytest.mark.parametrize("name", MEDIUM)
def test_nothing_that_is_held_out_is_trained_on(name):
    made = problem(name)
    (x, y), (x_test, y_test) = made.data, made.test
    assert (x.shape[1:], y.shape[1:]) == (x_test.shape[1:], y_test.shape[1:])
    trained = {sample.numpy().tobytes() for sample in x}
    shared = sum(sample.numpy().tobytes() in trained for sample in x_test)
    assert shared == 0


@pytest.mark.parametrize("name", MEDIUM)
def test_loss_gradient_and_metric_are_finite(name):
    made = problem(name)
    objective = Objective(made.model, made.loss_fn, few(made.data))
    value, gradient = objective.value_and_gradient()
    assert math.isfinite(value) and bool(gradient.isfinite().all()) and bool(gradient.any())
    assert math.isfinite(made.measure(data=few(made.test)))


@pytest.mark.parametrize("name", MEDIUM)
def test_hessian_products_are_those_of_a_symmetric_matrix(name):
    """⟨u, Hv⟩ = ⟨v, Hu⟩ up to rounding, and Hv is not zero."""
    made = problem(name)
    objective = Objective(made.model, made.loss_fn, few(made.data, 2))
    product = objective.hessian_product()
    generator = torch.Generator().manual_seed(0)
    u, v = torch.randn((2, objective.dim), generator=generator, dtype=objective.dtype)
    Hu, Hv = product(u), product(v)
    assert bool(Hv.any())
    # each of D products is off by some hundred roundings of it, which add up at random
    tolerance = 100 * torch.finfo(objective.dtype).eps * u.norm() * max(Hv.norm(), Hu.norm())
    assert abs(u @ Hv - v @ Hu) <= tolerance


HEAD_STD = {
    "minilm_finetune": 0.02,
    "mnist_mlp_relu": 64**-0.5,
    "mnist_mlp_softmax": 64**-0.5,
    "patches_wrn": 64**-0.5,
    "shakespeare_llama": 0.02,
}


def initial_loss_is_near_log_classes(made, std):
    """Logits W h with W ~ N(0, std²) for fixed features h.

    E of the cross-entropy over W lies between log C and log C + std² E‖h‖²/2 (Jensen, both ways). It moves by at most
    √2 E‖h‖ ‖dW‖, so by Gaussian concentration it is further than t √2 std E‖h‖ from there with probability
    2 exp(−t²/2): 0.07 % at t = 4.
    """
    head = [module for module in made.model.modules() if isinstance(module, nn.Linear)][-1]
    seen = []
    hook = head.register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0].flatten(0, -2).norm(dim=-1))
    )
    x, y = few(made.data, min(64, len(made.data[0])))
    with torch.no_grad():
        loss = float(made.loss_fn(made.model(x), y))
    hook.remove()
    size, base = seen[0].double() * std, math.log(head.out_features)
    room = 4 * 2**0.5 * float(size.mean())
    return base - room <= loss <= base + float(size.square().mean()) / 2 + room


@pytest.mark.parametrize("name", HEAD_STD)
def test_the_initial_cross_entropy_is_that_of_a_guess(name):
    assert initial_loss_is_near_log_classes(problem(name), HEAD_STD[name])


def test_an_initial_loss_that_is_no_guess_would_be_seen():
    made = by_name("mnist_mlp_softmax")
    with torch.no_grad():
        made.model[-1].weight.mul_(100)
    assert not initial_loss_is_near_log_classes(made, HEAD_STD["mnist_mlp_softmax"])


def test_the_relu_variant_is_flagged_as_not_smooth():
    def kinks(name):
        made = problem(name)
        return Objective(made.model, made.loss_fn, few(made.data)).kinks

    assert kinks("mnist_mlp_relu") == ("1", "3")
    assert kinks("mnist_mlp_softmax") == kinks("patches_wrn") == kinks("shakespeare_llama") == ()


def test_the_decoder_s_loss_is_a_mean_over_tokens():
    made = problem("shakespeare_llama")
    x, y = few(made.data, 3)
    logits = made.model(x).detach()
    by_hand = -logits.log_softmax(-1).gather(-1, y.unsqueeze(-1)).mean()
    assert float(made.loss_fn(logits, y)) == pytest.approx(float(by_hand), rel=1e-6)


# ── large losses


def test_llama_60m_is_made_from_a_text_of_yours(tmp_path):
    (tmp_path / "mine.txt").write_text("Now is the winter of our discontent " * 200, encoding="utf-8")
    made = by_name("llama_60m", path=tmp_path, tokens="bytes", context=16, samples=3)
    assert sum(p.numel() for p in made.model.parameters()) == 58_073_600
    assert made.data[0].shape == (3, 16)
    with torch.no_grad():
        assert math.isfinite(float(made.loss_fn(made.model(made.data[0]), made.data[1])))


@pytest.fixture
def cifar(tmp_path):
    """One random image a file."""
    generator = torch.Generator().manual_seed(0)
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        record = torch.randint(10, (3073,), generator=generator, dtype=torch.uint8)
        (tmp_path / f"{name}.bin").write_bytes(bytes(record.tolist()))
    return tmp_path


@pytest.mark.parametrize("name", ["cifar10_wrn", "wrn_50_2"])
def test_cifar_losses_are_made_from_files_of_yours(name, cifar):
    made = by_name(name, path=cifar, samples=2)
    assert made.data[0].shape == (2, 3, 32, 32) and made.test[0].shape == (1, 3, 32, 32)
    assert made.size == "large" and str(cifar) in made.source
    assert 0 <= made.measure() <= 1


# ── what belongs to a problem


def test_minibatches_are_an_order_of_the_samples_that_the_seed_says():
    made = problem("digits_mlp_softmax")

    def epochs(seed, count=2):
        loader = made.loader(64, seed)
        return [list(loader) for _ in range(count)]

    def rows(data):
        """Every different sample, and how often it occurs."""
        return torch.cat([data[0], data[1].unsqueeze(1)], 1).unique(dim=0, return_counts=True)

    first, second = epochs(3)
    assert [len(y) for _, y in first] == [64] * 7 + [52]
    for epoch in (first, second):
        drawn = rows([torch.cat(part) for part in zip(*epoch, strict=True)])
        for found, expected in zip(drawn, rows(made.data), strict=True):
            assert torch.equal(found, expected)

    def order(epoch):
        return torch.cat([x for x, _ in epoch])

    again = epochs(3)
    assert all(torch.equal(order(a), order(b)) for a, b in zip((first, second), again, strict=True))
    assert not torch.equal(order(first), order(second))
    assert not torch.equal(order(first), order(epochs(4)[0]))


def test_minibatches_of_a_problem_of_yours_may_come_from_several_batches():
    x = torch.arange(10.0).unsqueeze(1)
    batches = [(x[:4], x[:4]), (x[4:], x[4:])]
    made = Problem("mine", "mine", nn.Linear(1, 1), nn.MSELoss(), batches)
    drawn = [y for _, y in made.loader(3)]
    assert [len(y) for y in drawn] == [3, 3, 3, 1]
    assert torch.equal(torch.cat(drawn).flatten().sort().values, torch.arange(10.0))
    with pytest.raises(UsageError, match="batch_size=0"):
        made.loader(0)


class Constant(nn.Module):
    """The same outputs for every sample; in train mode other ones."""

    def __init__(self, *outputs):
        super().__init__()
        self.outputs = nn.Parameter(torch.tensor(outputs))

    def forward(self, x):
        return self.outputs.expand(len(x), -1) * (-1 if self.training else 1)


@pytest.mark.parametrize(
    ("metric", "outputs", "targets", "expected"),
    [
        ("accuracy", (0.0, 1.0, 0.5), torch.tensor([1, 1, 2, 0]), 0.5),
        ("accuracy", (0.0, 1.0, 0.5), nn.functional.one_hot(torch.tensor([1, 0, 2])).float(), 1 / 3),
        ("accuracy", (0.1,), torch.tensor([[1.0], [0.0], [1.0], [1.0]]), 0.75),
        ("accuracy", (-0.1,), torch.tensor([[1.0], [0.0], [1.0], [1.0]]), 0.25),
        ("loss", (0.0, 0.0), torch.tensor([1, 0, 1]), math.log(2)),
        ("perplexity", (0.0, 0.0, 0.0, 0.0), torch.tensor([1, 3, 1]), 4.0),
        ("perplexity", (0.0, 1000.0), torch.tensor([0, 0]), math.inf),
    ],
)
@pytest.mark.parametrize("chunk", [2, 256])
def test_a_metric_is_what_it_says(metric, outputs, targets, expected, chunk):
    model = Constant(*outputs)
    data = (torch.zeros(len(targets), 1), targets)
    made = Problem("mine", "mine", model, nn.CrossEntropyLoss(), data, metric=metric)
    assert made.measure(chunk=chunk) == pytest.approx(expected, rel=1e-6)
    assert model.training


def test_held_out_data_are_measured_where_there_are_any():
    data, test = ((torch.zeros(1, 1), torch.tensor([label])) for label in (0, 1))
    made = Problem("mine", "mine", Constant(1.0, 0.0), nn.CrossEntropyLoss(), data, test, "accuracy")
    assert made.measure() == 0
    assert made.measure(data=data) == 1
    assert made.measure(Constant(0.0, 1.0)) == 1
    with pytest.raises(UsageError, match="data have none"):
        made.measure(data={"x": torch.zeros(1, 1)})


def test_a_problem_moves_with_its_data_to_another_dtype():
    made = problem("digits_mlp_softmax").to(dtype=torch.float32)
    assert {p.dtype for p in weights(made)} == {made.data[0].dtype} == {made.test[0].dtype} == {torch.float32}
    assert made.data[1].dtype == torch.int64
    assert problem("digits_mlp_softmax").data[0].dtype == torch.float64


# ── names and options


def test_losses_are_found_by_size():
    everything = names(None)
    assert len(set(everything)) == len(everything)
    assert sorted(everything) == sorted(name for size in ("small", "medium", "large") for name in names(size))
    assert names() == names("small")
    assert {"wrn_50_2", "llama_60m", "cifar10_wrn"} == set(names("large"))


def test_every_loss_says_what_it_is_without_loading_it():
    for name, recipe in recipes().items():
        assert recipe.name == name and recipe.title and recipe.source
        assert bool(recipe.supply) == ("path" in recipe.keywords)
    assert {name for name, recipe in recipes().items() if recipe.needs_path} == {"cifar10_wrn", "wrn_50_2"}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("diabetes", {"width": 3}, "diabetes has no option width; it has none"),
        ("patches_wrn", {"widht": 3}, "no option widht; it has stride, depth, widen, norm, activation"),
        ("diabetes", {"path": "/data"}, "diabetes takes no path: its data are 442 patients"),
        ("mnist_mlp_softmax", {"activation": "swish"}, "choose gelu, relu"),
    ],
)
def test_an_option_that_a_loss_does_not_have_is_explained(name, given, message):
    with pytest.raises(UsageError, match=message):
        by_name(name, **given)


LARGE = {
    "cifar10_wrn": lambda: WideResNet(16, 4, 10),
    "wrn_50_2": lambda: BottleneckResNet(10),
    "llama_60m": lambda: Llama(llama_60m()),
}


@pytest.mark.parametrize("name", names(None))
def test_the_page_about_the_losses_tells_their_sizes(name):
    page = (Path(__file__).parents[2] / "docs" / "losses.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{name}` \|.*\| (.*) \| (.*) \| .* \|$", page, re.M)
    told, samples = ([int(number) for number in re.findall(r"\d+", cell.replace(",", ""))] for cell in row)
    with torch.device("meta" if name in LARGE else "cpu"):
        model = LARGE[name]() if name in LARGE else problem(name).model
    assert told == [sum(p.numel() for p in model.parameters())]
    if name not in LARGE and name not in CHEAP:
        made = problem(name)
        assert samples == [len(part[0]) for part in (made.data, made.test) if part is not None]


def test_an_unknown_loss_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"did you mean.*diabetes"):
        by_name("diabetis")
    with pytest.raises(UsageError, match=r"did you mean.*diabetes.*module:factory"):
        load("diabetis")


MODULE = """
import torch
from torch import nn

def make_loss(scale=1.0):
    X = scale * torch.eye(2)
    return nn.Linear(2, 1), nn.MSELoss(), (X, X[:, :1])

def broken():
    raise RuntimeError("no disk")

def wrong():
    return 3

number = 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    name = f"losses_of_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return name


def test_a_factory_in_the_current_directory_is_loaded(module):
    problem = load(f"{module}:make_loss")
    assert isinstance(problem, Problem)
    assert problem.estimate(steps=2).dim == 3
    assert torch.equal(load(f"{module}:make_loss", scale=3.0).data[0], 3 * torch.eye(2))
    with pytest.raises(UsageError, match=r"unexpected keyword.*it is called with the keywords seed"):
        load(f"{module}:make_loss", seed=3)


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("make_los", "did you mean make_loss"),
        ("somewhere", "no attribute .somewhere.; it has broken, make_loss, wrong"),
        ("broken", "RuntimeError: no disk"),
        ("wrong", "returned int; return"),
        ("number", "is int, not a function"),
    ],
)
def test_a_bad_factory_is_explained(attribute, message, module):
    with pytest.raises(UsageError, match=message):
        load(f"{module}:{attribute}")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("no_such_module_here:f", "cannot import"),
        (":f", "not a module name"),
        ("a/b.py:f", "is a file; write its module, b:f"),
    ],
)
def test_a_bad_module_is_explained(spec, message):
    with pytest.raises(UsageError, match=message):
        load(spec)
