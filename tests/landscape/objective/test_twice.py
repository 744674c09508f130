"""Second derivatives are those of the loss, or an error says which operation has none."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportCallIssue=false

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from grams_theory.core.errors import UsageError
from grams_theory.landscape.objective import Objective
from tests.landscape.objective.samples import D, Functional, Once, X, Y, normal, perceptron


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(D, 8), nn.Linear(8, 2)

    def forward(self, x):
        h = self.inner(x)[:, None, None].expand(-1, 2, 3, -1)
        return self.outer(F.scaled_dot_product_attention(h, h.cos(), h.sin()).mean((1, 2)))


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
