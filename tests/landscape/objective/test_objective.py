"""The objective: f, gradients and Hessian products do not depend on the form of the data, batches or chunks."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportCallIssue=false

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from grams_theory.core.errors import UsageError
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.objective.data import batches
from tests.landscape.objective.samples import N, X, Y, normal, perceptron, rounding


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
