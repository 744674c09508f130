"""Data that is cut: means over tokens, flattened tokens, and what cannot be cut."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportCallIssue=false

import math
import warnings
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from grams_theory.core.errors import UsageError
from grams_theory.landscape import estimate_pl
from grams_theory.landscape.models.llama import Llama, Shape, initialise
from grams_theory.landscape.noise import noise_skew
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.objective.terms import counter
from grams_theory.landscape.stream.callback import own_loss
from tests.landscape.objective.samples import D, X, Y, normal, perceptron, rounding


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


# tokens


VOCABULARY, TEXTS, LENGTH = 7, 9, 4
TOKENS = torch.randint(VOCABULARY, (TEXTS, LENGTH + 1), generator=torch.Generator().manual_seed(2))
SHORT = TOKENS.masked_fill(torch.arange(LENGTH + 1) > torch.arange(TEXTS)[:, None] % 5, -100)
"""The same, the first of length 1, so that it predicts nothing."""


def decoder():
    model = Llama(Shape(VOCABULARY, hidden=4, layers=1, heads=1, intermediate=6))
    initialise(model, torch.Generator().manual_seed(3))
    return model.double()


class Flat(nn.Module):
    """(n, T) tokens -> (n T, vocabulary); `order` says which axis comes first."""

    def __init__(self, order=(0, 1)):
        super().__init__()
        self.net, self.order = decoder(), order

    def forward(self, tokens):
        return self.net(tokens).permute(*self.order, 2).flatten(0, 1)


class Labelled(nn.Module):
    """As a causal language model of transformers: by name, with its loss in its output."""

    def __init__(self):
        super().__init__()
        self.net = decoder()

    def forward(self, input_ids, labels):
        logits = self.net(input_ids)[:, :-1]
        return SimpleNamespace(
            loss=F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten()), logits=logits
        )


def labelled(tokens):
    return {"input_ids": tokens.clamp(min=0), "labels": tokens}


def cut(data, sizes):
    """(inputs, targets) or a mapping as batches of these sizes."""
    named = isinstance(data, dict)
    columns = [x.split([n * (len(x) // TEXTS) for n in sizes]) for x in (data.values() if named else data)]
    batches = list(zip(*columns, strict=True))
    return [dict(zip(data, batch, strict=True)) for batch in batches] if named else batches


class Padded:
    """`padded`, and over how many tokens."""

    def __call__(self, output, target):
        return padded(output, target)

    def terms(self, inputs, target):
        return (target != -100).sum()


class Flattening:
    """Cross-entropy of flattened tokens, some of which are ignored."""

    def __call__(self, output, target):
        return F.cross_entropy(output, target, ignore_index=0)

    def terms(self, inputs, target):
        return (target != 0).sum()


WEIGHTS = torch.linspace(0.5, 2, VOCABULARY, dtype=torch.float64)
X_TOKENS, Y_TOKENS, Y_SHORT = TOKENS[:, :-1], TOKENS[:, 1:], SHORT[:, 1:]
LANGUAGE = {
    "flattened in the loss": (decoder, Padded(), (X_TOKENS, Y_TOKENS)),
    "flattened targets": (Flat, F.cross_entropy, (X_TOKENS, Y_TOKENS.flatten())),
    "flattened targets, some ignored": (Flat, Flattening(), (X_TOKENS, Y_TOKENS.flatten())),
    "flattened targets, weighted classes": (
        Flat,
        nn.CrossEntropyLoss(WEIGHTS),
        (X_TOKENS, Y_TOKENS.flatten()),
    ),
    "texts of several lengths": (decoder, Padded(), (X_TOKENS, Y_SHORT)),
    "torch's own loss": (
        lambda: nn.Sequential(decoder(), Transposed()),
        nn.CrossEntropyLoss(),
        (X_TOKENS, Y_SHORT),
    ),
    "labels by name": (Labelled, own_loss, labelled(TOKENS)),
    "labels of several lengths": (Labelled, own_loss, labelled(SHORT)),
}
"""Losses that are a mean over tokens, however they are told."""


class Transposed(nn.Module):
    def forward(self, logits):
        return logits.transpose(1, 2)


@pytest.mark.parametrize("name", LANGUAGE)
@pytest.mark.parametrize(
    "how", [{"chunk": 1}, {"chunk": 4}, {"sizes": [2, 3, 4]}, {"sizes": [5, 4], "chunk": 2}]
)
@pytest.mark.filterwarnings("error")
def test_a_mean_over_tokens_does_not_depend_on_how_the_texts_are_cut(name, how):
    make, loss_fn, data = LANGUAGE[name]
    whole = Objective(make(), loss_fn, data)
    parts = Objective(
        make(), loss_fn, cut(data, how["sizes"]) if "sizes" in how else data, chunk=how.get("chunk")
    )
    (f, g), (value, gradient) = whole.value_and_gradient(), parts.value_and_gradient()
    scale = whole.w.norm().item() * g.norm().item()
    # a mean of fewer than 100 terms, each of a pass through fewer than 100 operations
    assert value == pytest.approx(f, abs=100 * rounding(f + scale))
    torch.testing.assert_close(gradient, g, rtol=0, atol=100 * rounding(g.norm().item()))
    chosen = torch.tensor([7, 2, 4])
    alone = Objective(make(), loss_fn, chosen_of(data, chosen)).value_and_gradient()
    found = parts.gradient_on(chosen)
    assert found[0] == pytest.approx(alone[0], abs=100 * rounding(f + scale))
    torch.testing.assert_close(found[1], alone[1], rtol=0, atol=100 * rounding(alone[1].norm().item()))


def chosen_of(data, index):
    """The texts with these numbers, as one batch."""
    if isinstance(data, dict):
        return {name: x[index] for name, x in data.items()}
    return tuple(x.unflatten(0, (TEXTS, -1))[index].flatten(0, 1) for x in data)


@pytest.mark.parametrize("name", ["texts of several lengths", "labels of several lengths"])
def test_without_its_number_of_terms_a_mean_over_tokens_depends_on_the_cut_and_is_warned_about(name):
    make, loss_fn, data = LANGUAGE[name]

    def uncounted(output, target):
        return loss_fn(output, target)

    with pytest.warns(UserWarning, match=r"loss_fn\.terms"):
        parts = Objective(make(), uncounted, data, chunk=4)
    assert abs(parts.value() - Objective(make(), loss_fn, data).value()) > 1e-6


class Nothing(nn.Module):
    """Logits that are 0 whatever the weights of the body are, as those of a head that starts at 0."""

    def __init__(self, order=(0, 1)):
        super().__init__()
        self.flat = Flat(order)
        nn.init.zeros_(self.flat.net.head.weight)

    def forward(self, tokens):
        return self.flat(tokens)


PACKED = torch.arange(LENGTH) < torch.tensor([1, 3, 2, 1, 2, 4, 1, 3, 1])[:, None]
"""18 tokens of 9 texts."""


class Packed(nn.Module):
    """Logits of the tokens that are not padding, twice."""

    def __init__(self):
        super().__init__()
        self.net = decoder()

    def forward(self, tokens, mask):
        return self.net(tokens)[mask].repeat(2, 1)


REFUSED = {
    "the other axis first": (lambda: Flat((1, 0)), F.cross_entropy, (X_TOKENS, Y_TOKENS.T.flatten())),
    "the other axis first, equal logits": (
        lambda: Nothing((1, 0)),
        F.cross_entropy,
        (X_TOKENS, Y_TOKENS.T.flatten()),
    ),
    "tokens ignored and not counted": (Flat, F.cross_entropy, (X_TOKENS, Y_SHORT.flatten())),
    "texts of several lengths, by chance as many tokens as if they had one": (
        Packed,
        F.cross_entropy,
        ((X_TOKENS, PACKED), Y_TOKENS[PACKED].repeat(2)),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_flattened_tokens_that_cannot_be_told_apart_are_refused_before_anything_is_measured(name):
    make, loss_fn, data = REFUSED[name]
    whole = Objective(make(), loss_fn, data)
    whole.hessian_product()(whole.w)
    advice = r"cannot be cut.*4 rows.*give targets of shape \(9, 4\) and flatten them in loss_fn"
    with pytest.raises(UsageError, match=advice):
        Objective(make(), loss_fn, data, chunk=4)
    with pytest.raises(UsageError, match=advice):
        whole.gradient_on(torch.tensor([1, 2]))
    visited = []
    with pytest.raises(UsageError, match=advice):
        estimate_pl(
            make(), loss_fn, data, steps=2, lr=0.1, batch_size=3, progress=lambda *at: visited.append(at)
        )
    assert visited == []


def test_a_gradient_that_is_not_compared_would_let_equal_logits_pass(monkeypatch):
    """The planted fault: only the losses are held against each other."""
    monkeypatch.setattr(Objective, "_slope", Objective._level)
    make, loss_fn, data = REFUSED["the other axis first, equal logits"]
    Objective(make(), loss_fn, data, chunk=4)


def test_dropout_does_not_hide_that_flattened_tokens_belong_to_their_texts():
    model = nn.Sequential(Flat(), nn.Dropout(0.5))
    with pytest.warns(UserWarning, match="train mode with Dropout"):
        found = Objective(model, F.cross_entropy, (X_TOKENS, Y_TOKENS.flatten()), chunk=4)
    assert all(module.training for module in found.model.modules())


def test_the_noise_of_a_language_model_does_not_depend_on_how_its_tokens_are_given():
    found = [
        noise_skew(Objective(make(), loss_fn, data, groups="none"), batch_size=3, batches=4)
        for make, loss_fn, data in (LANGUAGE["flattened in the loss"], LANGUAGE["flattened targets"])
    ]
    assert found[0].sign_disagreement.value == found[1].sign_disagreement.value > 0


@pytest.mark.parametrize("count", [-1, math.nan, math.inf, None, torch.ones(2)], ids=str)
def test_a_number_of_terms_that_is_none_says_what_it_must_be(count):
    class Miscounted(nn.MSELoss):
        def terms(self, inputs, target):
            return count

    with pytest.raises(UsageError, match="number of terms that the loss"):
        Objective(perceptron(), Miscounted(), (X, Y))


def test_data_without_any_terms_is_refused_and_a_minibatch_of_none():
    with pytest.raises(UsageError, match="no loss to average"):
        Objective(decoder(), Padded(), (X_TOKENS, torch.full_like(Y_TOKENS, -100)))
    with pytest.raises(UsageError, match="no loss to average"):
        Objective(decoder(), Padded(), (X_TOKENS, Y_SHORT)).gradient_on(torch.tensor([0, 5]))


@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 2.0, 4.0])])
@pytest.mark.parametrize("make", [nn.CrossEntropyLoss, nn.NLLLoss])
def test_the_terms_of_torchs_losses_are_what_they_divide_by(make, weight):
    target = torch.tensor([0, 2, -100, 1, 2])
    scores = normal(5, 3).float()
    total = make(weight, reduction="sum")(scores, target)
    assert make(weight)(scores, target).item() == pytest.approx(
        total.item() / counter(make(weight))(scores, target), rel=1e-5
    )
