"""What a probe sees is what the definitions say: loss, gradient, alignment and noise at the weights of its step."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportOptionalMemberAccess=false, reportIndexIssue=false

import copy

import pytest
import torch
from torch import nn

from grams_theory import optim
from grams_theory.landscape import alignment
from grams_theory.landscape.alignment import align
from grams_theory.landscape.stream import watch_pl
from grams_theory.optim import diagnostics
from tests.landscape.stream.loops import (
    LOSS,
    OPTIMIZERS,
    STEPS,
    data,
    full_batch,
    made,
    plain,
    still,
    watched,
)


@pytest.mark.parametrize("dtype", [None, torch.float64], ids=["own", "float64"])
def test_points_are_the_losses_and_gradients_in_eval_mode(dtype):
    model = made(torch.float32 if dtype else torch.float64)
    optimizer, visited = torch.optim.SGD(model.parameters(), lr=0.1), []
    with watched(optimizer, model, every=2, dtype=dtype) as seen:
        x, y = data(dtype=next(model.parameters()).dtype)
        for _ in range(5):
            LOSS(model(x), y).backward()
            visited.append(copy.deepcopy(model))
            optimizer.step()
            optimizer.zero_grad()
    visited.append(copy.deepcopy(model))
    assert [point.step for point in seen.points] == [1, 3, 5, 6]
    for point in seen.points:
        then = visited[point.step - 1].double().eval()
        f = LOSS(then(data()[0]), data()[1])
        gradients = torch.autograd.grad(f, [p for p in then.parameters() if p.requires_grad])
        norm = torch.cat([g.reshape(-1) for g in gradients]).norm().item()
        assert (point.f, point.grad_norm) == pytest.approx((f.item(), norm), rel=1e-12)


OURS = {name: optim.by_name(name) for name in ("Adam", "Grams", "CautiousAdam")}


@pytest.mark.parametrize("make", [torch.optim.Adam, torch.optim.NAdam, *OURS.values()])
def test_alignment_is_that_of_the_live_diagnostic_where_the_batch_is_the_probe(make):
    model = still()
    optimizer = make(model.parameters(), lr=1e-2)
    with diagnostics.watch(optimizer, every=1) as log, watched(optimizer, model, every=1) as seen:
        full_batch(model, optimizer)
    assert "moments of" in seen.provenance
    for row, point in zip(log.rows, seen.points[:-1], strict=True):
        found = point.alignment
        assert (found.kappa, found.g_norm, found.u_norm) == pytest.approx((row.kappa, row.g_norm, row.u_norm))
        assert found.disagreement == row.disagreement
    assert seen.points[-1].alignment is None


@pytest.mark.parametrize("fault", ["moments before the step", "without bias correction"])
def test_another_u_is_seen(fault, monkeypatch):
    if fault == "without bias correction":
        monkeypatch.setattr(alignment, "adam", lambda g, m, v, *rest: m / (v.sqrt() + 1e-8))
    else:
        monkeypatch.setattr(alignment, "adam", lambda g, m, v, *rest: m - g + 1e-3)
    with pytest.raises(AssertionError):
        test_alignment_is_that_of_the_live_diagnostic_where_the_batch_is_the_probe(torch.optim.Adam)


@pytest.mark.parametrize("name", ["SGD", "momentum", "RMSprop", "Lion"])
def test_without_moments_u_comes_from_the_probes(name):
    model = made()
    optimizer = OPTIMIZERS[name](model)
    with watched(optimizer, model, every=1) as seen:
        plain(model, optimizer, lambda loss: None)
    assert "gradients of the probes" in seen.provenance
    assert seen.points[0].alignment.disagreement == 0  # Adam's first u has the sign of g
    assert seen.points[0].alignment.u_norm == pytest.approx(seen.objective.dim**0.5, rel=1e-4)


def test_alignment_by_parameter_group():
    model = made()
    optimizer = OPTIMIZERS["Adam"](model)
    with watched(optimizer, model, every=1) as seen:
        plain(model, optimizer, lambda loss: None)
    assert set(seen.objective.groups) == {"body", "group 1"}
    for point in seen.points[:-1]:
        overlaps = sum(part.overlap for part in point.groups.values())
        assert overlaps == pytest.approx(point.alignment.overlap, rel=1e-12)
    assert [point.lr for point in seen.points[:3]] == [(1e-2, 3e-3), (1e-2, 3e-3), (5e-3, 1.5e-3)]


def test_part_of_the_model_may_be_trained_elsewhere():
    model = still()
    optimizer = torch.optim.Adam(model[0].parameters(), lr=0.01)
    with watched(optimizer, model, every=1) as seen:
        full_batch(model, optimizer)
    assert set(seen.objective.groups) == {"group 0", "others"}
    assert all(point.groups["others"] is None for point in seen.points)
    assert align(torch.ones(2), torch.ones(2)) is not None


def closure_loss(model, optimizer):
    optimizer.zero_grad()
    loss = LOSS(model(data()[0]), data()[1])
    loss.backward()
    return loss


def scaled(model, optimizer):
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    for _ in range(STEPS):
        scaler.scale(LOSS(model(data()[0]), data()[1])).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()


LOOPS_OF_ONE_BATCH = {
    "plain": full_batch,
    "closure": lambda m, o: [o.step(lambda: closure_loss(m, o)) for _ in range(STEPS)],
    "scaled": lambda m, o: scaled(m, o),
}
ONE_BATCH = {
    "Adam": torch.optim.Adam,
    "fused": lambda p: torch.optim.Adam(p, fused=True),
    "SGD": lambda p: torch.optim.SGD(p, lr=0.01),
    "LBFGS": lambda p: torch.optim.LBFGS(p, max_iter=4),
}


@pytest.mark.parametrize(
    ("name", "loop"),
    [(n, k) for n in ONE_BATCH for k in LOOPS_OF_ONE_BATCH if n != "LBFGS" or k == "closure"],
)
def test_a_full_batch_has_no_noise(name, loop):
    model = still()
    optimizer = ONE_BATCH[name](model.parameters())
    with watched(optimizer, model, every=1) as seen:
        LOOPS_OF_ONE_BATCH[loop](model, optimizer)
    noise = seen.noise()
    assert (noise.batches, noise.batch_size) == (STEPS, None)
    assert noise.sign_disagreement.value == noise.biased_share.value == 0
    assert noise.expected_descent.value == pytest.approx(1, abs=1e-15)
    assert noise.expected_descent.low <= 1 <= noise.expected_descent.high


def test_noise_counts_the_signs_of_the_minibatches():
    """Of samples with gradients w − 1, w − 1, w − 1, w + 3, each in turn, at w = ½."""

    class Weight(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor([0.5], dtype=torch.float64))

        def forward(self, x):
            return self.w * self.w / 2 + self.w * x

    model, xi = Weight(), torch.tensor([-1.0, -1.0, -1.0, 3.0], dtype=torch.float64)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.0)
    with watch_pl(optimizer, model, lambda out, _: out.mean(), (xi, None), every=1) as seen:
        for k in range(40):
            model(xi[k % 4]).backward()
            optimizer.step()
            optimizer.zero_grad()
    noise = seen.noise()
    assert noise.sign_disagreement.value == 0.75
    assert noise.expected_descent.value == -0.5
    assert noise.expected_descent.low <= -0.5 <= noise.expected_descent.high
    assert "40 minibatches of the run" in noise.sign_disagreement.provenance
    assert noise.biased_share.value == 1


def test_gradients_that_are_not_finite_or_not_there_are_not_signs():
    model = still()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    seen = watched(optimizer, model, every=1)
    full_batch(model, optimizer, 2)
    optimizer.step()
    for p in model.parameters():
        p.grad = torch.full_like(p, torch.inf)
    optimizer.step()
    with pytest.warns(UserWarning, match="step 5"):
        seen.detach()
    assert seen.noise().batches == 3
    assert seen.noise().silent.value == pytest.approx(1 / 3)
    assert len(seen.points) == 4


class Tokens(nn.Module):
    """Flattens texts into tokens, so that outputs and targets have no axis of samples."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(5, 5, dtype=torch.float64)

    def forward(self, texts):
        return self.table(texts).flatten(0, 1)


def test_rows_of_an_embedding_that_a_batch_leaves_out_are_silent():
    texts = torch.arange(5).repeat(3, 1)
    model = Tokens()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.0)
    loss_fn = nn.functional.cross_entropy
    with watch_pl(optimizer, model, loss_fn, (texts, texts.roll(-1, 1).flatten()), every=1) as seen:
        loss_fn(model(texts[:, :2]), texts[:, 1:3].flatten()).backward()
        optimizer.step()
    noise = seen.noise()
    assert noise.silent.value == pytest.approx(3 / 5)
    assert noise.sign_disagreement.value == noise.silent.value
    assert seen.estimate().samples == 3
