"""The objective: batches, chunks, minibatches, groups, and what it notices about a model."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportCallIssue=false

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

from grams_theory.core.errors import UsageError
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.objective.data import batches

N, D = 23, 5
EPS = torch.finfo(torch.float64).eps


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X, Y = normal(N, D), normal(N, 2, seed=1)


def perceptron(activation=nn.Tanh):
    model = nn.Sequential(nn.Linear(D, 4), activation(), nn.Linear(4, 2)).double()
    with torch.no_grad():
        for index, p in enumerate(model.parameters()):
            p.copy_(normal(*p.shape, seed=index) / 2)
    return model


class Named(nn.Module):
    """Takes its inputs by name, as Hugging Face models do, and has the loss in its output."""

    def __init__(self):
        super().__init__()
        self.net = perceptron()

    def forward(self, x, labels, scale=1.0):
        out = self.net(x) * scale
        return {"loss": F.mse_loss(out, labels), "logits": out}


class Several(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = perceptron()

    def forward(self, left, right):
        return self.net(torch.cat([left, right], 1))


def given_loss(output, target):
    assert target is None
    return output["loss"]


FORMS = {
    "a pair": (perceptron, nn.MSELoss(), (X, Y)),
    "batches": (perceptron, nn.MSELoss(), [(X[:3], Y[:3]), (X[3:], Y[3:])]),
    "inputs in order": (Several, nn.MSELoss(), ((X[:, :2], X[:, 2:]), Y)),
    "inputs in order, batches": (
        Several,
        nn.MSELoss(),
        [((X[:9, :2], X[:9, 2:]), Y[:9]), ([X[9:, :2], X[9:, 2:]], Y[9:])],
    ),
    "inputs by name": (Named, given_loss, {"x": X, "labels": Y, "scale": 1.0}),
    "inputs by name, batches": (
        Named,
        given_loss,
        [{"x": X[:7], "labels": Y[:7]}, {"x": X[7:], "labels": Y[7:]}],
    ),
    "inputs by name, no targets": (Named, given_loss, ({"x": X, "labels": Y}, None)),
    "a loader": (perceptron, nn.MSELoss(), DataLoader(TensorDataset(X, Y), batch_size=4)),
    "a loader that shuffles": (perceptron, nn.MSELoss(), DataLoader(TensorDataset(X, Y), 4, shuffle=True)),
}


def rounding(scale):
    """A mean of N samples by sums of at most N terms, a pass through two layers: under 100 roundings, of `scale`."""
    return 100 * EPS * scale


@pytest.mark.parametrize("chunk", [None, 1, 4, N + 1])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_data_gives_the_loss_of_the_whole_at_every_chunk(form, chunk):
    plain = Objective(perceptron(), nn.MSELoss(), (X, Y))
    f, g = plain.value_and_gradient()
    model, loss_fn, data = FORMS[form]
    found = Objective(model(), loss_fn, data, chunk=chunk)
    value, gradient = found.value_and_gradient()
    size = plain.value() + plain.w.norm().item() * g.norm().item()
    assert found.samples == N
    assert value == pytest.approx(f, abs=rounding(size))
    assert found.value() == pytest.approx(f, abs=rounding(size))
    torch.testing.assert_close(gradient, g, rtol=0, atol=rounding(g.norm().item()))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("chunk", [1, 4])
def test_hessian_products_do_not_depend_on_chunks(form, chunk):
    v = normal(34, seed=7)
    whole = Objective(perceptron(), nn.MSELoss(), (X, Y)).hessian_product()(v)
    model, loss_fn, data = FORMS[form]
    product = Objective(model(), loss_fn, data, chunk=chunk).hessian_product()
    for _ in range(2):
        torch.testing.assert_close(product(v), whole, rtol=0, atol=rounding(whole.norm().item()))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("chunk", [None, 4])
def test_the_gradient_on_all_samples_is_the_gradient_in_any_order(form, chunk):
    model, loss_fn, data = FORMS[form]
    objective = Objective(model(), loss_fn, data, chunk=chunk)
    f, g = objective.value_and_gradient()
    value, gradient = objective.gradient_on(torch.randperm(N, generator=torch.Generator().manual_seed(3)))
    assert value == pytest.approx(f, rel=1e-13)
    torch.testing.assert_close(gradient, g, rtol=0, atol=rounding(g.norm().item()))


def test_the_gradient_on_some_samples_is_that_of_a_loss_on_them():
    index = torch.tensor([20, 2, 3, 11, 2])
    some = Objective(perceptron(), nn.MSELoss(), (X[index], Y[index]))
    uneven = [(X[:3], Y[:3]), (X[3:4], Y[3:4]), (X[4:], Y[4:])]
    found = Objective(perceptron(), nn.MSELoss(), uneven).gradient_on(index)
    f, g = some.value_and_gradient()
    assert found[0] == pytest.approx(f, rel=1e-13)
    torch.testing.assert_close(found[1], g, rtol=1e-12, atol=1e-14)


def test_samples_of_several_lengths_are_gathered_by_length():
    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.ones(1, dtype=torch.float64))

        def forward(self, x):
            return (self.w * x).mean(1)

    short, long = normal(4, 3), normal(3, 6, seed=1)
    data = [(short, torch.zeros(4).double()), (long, torch.zeros(3).double())]
    objective = Objective(Mean(), nn.MSELoss(), data)
    expected = (2 * short[1].mean() ** 2 + 2 * long[2].mean() ** 2) / 2
    assert objective.gradient_on(torch.tensor([6, 1]))[1].item() == pytest.approx(expected.item(), rel=1e-14)


def test_a_ridge_counts_once_however_the_data_is_cut():
    class Ridged:
        ridge = 0.5

        def __call__(self, output, target):
            return F.mse_loss(output, target)

    whole = Objective(perceptron(), Ridged(), (X, Y))
    cut = Objective(perceptron(), Ridged(), (X, Y), chunk=2)
    assert whole.value() - Objective(perceptron(), nn.MSELoss(), (X, Y)).value() == pytest.approx(
        whole.w.square().sum().item() / 4, rel=1e-12
    )
    for a, b in (
        (whole.value_and_gradient(), cut.value_and_gradient()),
        (whole.value_and_gradient(), whole.gradient_on(torch.arange(N))),
    ):
        assert a[0] == pytest.approx(b[0], rel=1e-14)
        torch.testing.assert_close(a[1], b[1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (torch.tensor([0, N]), f"there are {N} samples"),
        (torch.tensor([-1]), "there are"),
        (torch.tensor([], dtype=torch.long), "K >= 1"),
        (torch.ones(N, dtype=torch.bool), "int64"),
        (torch.zeros(1, 1, dtype=torch.long), "shape"),
    ],
)
def test_bad_numbers_of_samples_are_refused(index, message):
    with pytest.raises(UsageError, match=message):
        Objective(perceptron(), nn.MSELoss(), (X, Y)).gradient_on(index)


class Watched(nn.Module):
    """Notes how many samples went through at a time, and how many graphs were alive."""

    def __init__(self):
        super().__init__()
        self.net, self.sizes = perceptron(), []

    def forward(self, x):
        self.sizes.append(len(x))
        return self.net(x)


def test_no_more_than_a_chunk_goes_through_the_model_at_a_time():
    objective = Objective(Watched(), nn.MSELoss(), (X, Y), chunk=4)
    objective.value_and_gradient()
    objective.gradient_on(torch.arange(N))
    objective.hessian_product()(objective.w)
    sizes = objective.model.sizes
    assert max(sizes) == 4
    assert sizes.count(4) == 3 * 5 + 1  # and one that looks if the loss is a mean


def test_chunked_hessian_products_keep_no_graph_between_chunks():
    """What autograd saves in the forward pass of a chunk is free before the next one starts."""
    alive, peak = [0], [0]

    class Noted:
        def __init__(self, tensor):
            self.tensor = tensor
            alive[0] += 1
            peak[0] = max(peak[0], alive[0])

        def __del__(self):
            alive[0] -= 1

    def peak_of(samples, **options):
        peak[0] = 0
        data = [(X[at : at + 4], Y[at : at + 4]) for at in range(0, samples, 4)]
        objective = Objective(perceptron(), nn.MSELoss(), data, **options)
        with torch.autograd.graph.saved_tensors_hooks(Noted, lambda noted: noted.tensor):
            product = objective.hessian_product()
            product(objective.w)
        return peak[0]

    assert peak_of(20, chunk=4) == peak_of(8, chunk=4)
    assert peak_of(20) > peak_of(8)  # the graphs of all batches


def test_an_index_that_repeats_and_a_chunk_of_zero_are_told_apart():
    with pytest.raises(UsageError, match="chunk=0"):
        Objective(perceptron(), nn.MSELoss(), (X, Y), chunk=0)
    repeated = Objective(perceptron(), nn.MSELoss(), (X, Y)).gradient_on(torch.tensor([1, 1]))
    once = Objective(perceptron(), nn.MSELoss(), (X[1:2], Y[1:2])).value_and_gradient()
    assert repeated[0] == pytest.approx(once[0], rel=1e-14)


def test_a_loader_that_shuffles_is_drawn_once():
    loader = DataLoader(TensorDataset(X, Y), 4, shuffle=True)
    objective = Objective(perceptron(), nn.MSELoss(), loader)
    assert objective.value_and_gradient()[1].equal(objective.value_and_gradient()[1])
    assert "RandomSampler" in objective.origin
    assert objective.origin.startswith(f"{N} samples")
    assert Objective(perceptron(), nn.MSELoss(), (X, Y)).origin == f"{N} samples"


def test_a_loader_that_drops_samples_is_warned_about():
    whole = DataLoader(TensorDataset(X[:20], Y[:20]), 4, drop_last=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sum(len(x) for x, _ in batches(whole)) == 20
    with pytest.warns(UserWarning, match=f"3 of {N} samples are missing"):
        assert (
            Objective(perceptron(), nn.MSELoss(), DataLoader(TensorDataset(X, Y), 4, drop_last=True)).samples
            == 20
        )


def test_a_dataset_is_to_be_wrapped():
    with pytest.raises(UsageError, match="wrap TensorDataset in a torch"):
        batches(TensorDataset(X, Y))


def padded(output, target):
    """A mean over tokens, of which samples have different numbers: not a mean over samples."""
    return F.cross_entropy(output.flatten(0, 1), target.flatten(), ignore_index=-100)


def test_a_loss_that_depends_on_how_the_data_is_cut_is_warned_about():
    tokens = torch.where(torch.arange(6) < torch.arange(1, 7)[:, None], 1, -100)
    model, data = nn.Linear(3, 4).double(), (normal(6, 6, 3), tokens)
    with pytest.warns(UserWarning, match="average over tokens"):
        Objective(model, padded, data, chunk=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Objective(model, padded, data)
        Objective(model, padded, (data[0], torch.ones_like(tokens)), chunk=4)
        Objective(perceptron().float(), nn.MSELoss(), (X, Y), chunk=5)
        Objective(Squeezing().double(), nn.MSELoss(), (X[:20], Y[:20, 0]), chunk=4)


class Squeezing(nn.Linear):
    """Cannot take a single sample."""

    def __init__(self):
        super().__init__(D, 1)

    def forward(self, x):
        found = super().forward(x).squeeze()
        assert found.dim() == 1
        return found


def test_tensors_without_a_common_axis_of_samples_cannot_be_cut():
    class Shifted(nn.Linear):
        def forward(self, x, shift):
            return super().forward(x) + shift

    data = ((X, normal(2)), Y)
    for taken in (data, [data, data]):
        whole = Objective(Shifted(D, 2).double(), nn.MSELoss(), taken)
        assert whole.kinks == ()
        whole.hessian_product()(whole.w)
    with pytest.raises(UsageError, match=r"cannot be cut.*\(2,\)"):
        Objective(Shifted(D, 2).double(), nn.MSELoss(), data, chunk=4)


@pytest.mark.parametrize(
    ("loss_fn", "message"),
    [
        (lambda o, t: (o - t).square(), r"one number.*\(23, 2\)"),
        (lambda o, t: 1.0, "got float"),
        (lambda o, t: t.sum(), "carries no gradient"),
    ],
)
def test_a_loss_that_is_none_says_so(loss_fn, message):
    with pytest.raises(UsageError, match=message):
        Objective(perceptron(), loss_fn, (X, Y)).value_and_gradient()


def test_a_loss_with_weights_of_its_own_follows_the_model():
    weights = torch.tensor([1.0, 3.0])
    data = (X, torch.arange(N) % 2)
    found = Objective(perceptron().float(), nn.CrossEntropyLoss(weights), data, dtype=torch.float64)
    assert found.value() == pytest.approx(
        nn.CrossEntropyLoss(weights.double())(perceptron()(X), data[1]).item(), rel=1e-6
    )
    assert weights.dtype == torch.float32


# what belongs together


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


# what is not smooth


class Functional(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.inner, self.function = nn.Linear(D, 2), function

    def forward(self, x):
        return self.function(self.inner(x))


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


# second derivatives


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(D, 8), nn.Linear(8, 2)

    def forward(self, x):
        h = self.inner(x)[:, None, None].expand(-1, 2, 3, -1)
        return self.outer(F.scaled_dot_product_attention(h, h.cos(), h.sin()).mean((1, 2)))


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, slope):
        return 2 * slope * ctx.saved_tensors[0]


def by_differences(objective, v, h=1e-5):
    w, found = objective.w, []
    for sign in (1, -1):
        objective.move_to(w + sign * h * v)
        found.append(objective.value_and_gradient()[1])
    objective.move_to(w)
    return (found[0] - found[1]) / (2 * h)


@pytest.mark.parametrize("chunk", [None, 4])
def test_fused_attention_is_differentiated_twice_and_without_care_it_is_not(chunk, monkeypatch):
    objective = Objective(Attention().double(), nn.MSELoss(), (X, Y), chunk=chunk)
    v = normal(objective.dim, seed=5)
    # h² times a fourth derivative, and eps/h
    torch.testing.assert_close(
        objective.hessian_product()(v), by_differences(objective, v), rtol=1e-6, atol=1e-7
    )

    from contextlib import nullcontext

    from grams_theory.landscape.objective import objective as module

    monkeypatch.setattr(module, "plain_kernels", lambda model: nullcontext())
    with pytest.raises(UsageError, match=r"Attention.*scaled_dot_product\w+ has no second.*curvature=False"):
        objective.hessian_product()(v)


@pytest.mark.parametrize("chunk", [None, 4])
def test_a_function_without_a_second_derivative_is_an_error_not_a_zero(chunk):
    objective = Objective(Functional(Once.apply).double(), nn.MSELoss(), (X, Y), chunk=chunk)
    with pytest.raises(UsageError, match=r"once_differentiable.*attn_implementation.*curvature=False"):
        objective.hessian_product()(objective.w)


class Checkpointed(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        self.first, self.rest, self.reentrant = nn.Linear(D, 5), perceptron(), reentrant

    def forward(self, x):
        return checkpoint(self.rest, self.first(x), use_reentrant=self.reentrant)


@pytest.mark.parametrize("frozen", [True, False])
def test_checkpointed_activations_are_an_error_where_they_hide_the_weights(frozen):
    model = Checkpointed(reentrant=True).double()
    inputs = X.clone().requires_grad_(frozen)  # so that the checkpoint is part of a graph
    model.first.requires_grad_(not frozen)
    with pytest.raises(UsageError, match=r"checkpointed with use_reentrant=True"):
        Objective(model, nn.MSELoss(), (inputs, Y)).hessian_product()


def test_checkpointed_activations_of_the_other_kind_do_no_harm():
    found = Objective(Checkpointed(reentrant=False).double(), nn.MSELoss(), (X, Y))
    v = normal(found.dim)
    torch.testing.assert_close(found.hessian_product()(v), by_differences(found, v), rtol=1e-6, atol=1e-7)


def test_a_compiled_model_is_measured_uncompiled():
    compiled = torch.compile(perceptron(), backend="eager")
    objective = Objective(compiled, nn.MSELoss(), (X, Y))
    assert "0.weight" in objective.named
    v = normal(objective.dim)
    plain = Objective(perceptron(), nn.MSELoss(), (X, Y)).hessian_product()(v)
    assert objective.hessian_product()(v).equal(plain)


@pytest.mark.parametrize("chunk", [None, 4])
def test_a_hessian_product_outlived_by_its_weights_is_refused(chunk):
    objective = Objective(perceptron(), nn.MSELoss(), (X, Y), chunk=chunk)
    product = objective.hessian_product()
    objective.move_to(objective.w + 1)
    with pytest.raises(UsageError, match="weights have moved"):
        product(objective.w)


def test_the_model_and_its_gradients_are_left_alone():
    model = perceptron()
    before = copy.deepcopy(model.state_dict())
    objective = Objective(model, nn.MSELoss(), (X, Y), chunk=3)
    objective.move_to(objective.w + 1)
    objective.value_and_gradient()
    assert all(p.equal(before[name]) for name, p in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.gpu
@pytest.mark.parametrize("chunk", [None, 4])
def test_data_stays_where_it_is_and_comes_to_the_device_chunk_by_chunk(chunk):
    there = Objective(perceptron(), nn.MSELoss(), (X, Y), device="cuda", chunk=chunk)
    here = Objective(perceptron(), nn.MSELoss(), (X, Y))
    assert there.batches[0][0].device.type == ("cuda" if chunk is None else "cpu")
    torch.testing.assert_close(there.value_and_gradient()[1].cpu(), here.value_and_gradient()[1])
    v = normal(here.dim)
    torch.testing.assert_close(there.hessian_product()(v.cuda()).cpu(), here.hessian_product()(v))
    torch.testing.assert_close(
        there.gradient_on(torch.arange(7))[1].cpu(), here.gradient_on(torch.arange(7))[1]
    )
