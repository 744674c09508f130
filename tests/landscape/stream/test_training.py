"""Training is the same to the last bit with and without a watch."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportOptionalMemberAccess=false, reportIndexIssue=false

from contextlib import contextmanager, nullcontext

import pytest
import torch
from torch import nn

from grams_theory import optim
from grams_theory.core.errors import UsageError
from grams_theory.landscape.stream import shadow, watch_pl
from grams_theory.landscape.stream.shadow import Shadow
from tests.landscape.stream.loops import (
    LOSS,
    MEASURE,
    OPTIMIZERS,
    STEPS,
    data,
    full_batch,
    made,
    ordinary,
    plain,
    still,
    watched,
)


def accumulating(model, optimizer, record):
    for k in range(2 * STEPS):
        x, y = (part[k % 8 : k % 8 + 4] for part in data())
        loss = LOSS(model(x), y) / 2
        loss.backward()
        record(loss.item())
        if k % 2:
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)


def with_closure(model, optimizer, record):
    for k in range(STEPS):
        x, y = (part[k : k + 8] for part in data())

        def closure(x=x, y=y):
            optimizer.zero_grad()
            loss = LOSS(model(x), y)
            loss.backward()
            record(loss.item())
            return loss

        optimizer.step(closure) if k % 2 else optimizer.step(closure=closure)


LOOPS = {"plain": plain, "accumulating": accumulating, "closure": with_closure}


def trace(optimizer_name, loop, watch):
    """Everything that training leaves behind, and draws."""
    model = made()
    optimizer = OPTIMIZERS[optimizer_name](model)
    losses = []
    torch.manual_seed(2)
    with watch(optimizer, model):
        loop(model, optimizer, losses.append)
    left = {name: x.clone() for name, x in model.state_dict().items()}
    left |= {f"{name}.grad": p.grad for name, p in model.named_parameters() if p.grad is not None}
    states = [optimizer.state.get(p, {}) for p in model.parameters()]
    left |= {f"{i}.{key}": x for i, state in enumerate(states) for key, x in state.items()}
    modes = [module.training for module in model.modules()]
    return losses, left, modes, torch.get_rng_state()


def same(one, other):
    losses, left, modes, rng = one
    kept = all(
        torch.equal(x, other[1][name]) if isinstance(x, torch.Tensor) else repr(x) == repr(other[1][name])
        for name, x in left.items()
    )
    alike = (losses, modes, left.keys()) == (other[0], other[2], other[1].keys())
    return kept and alike and torch.equal(rng, other[3])


@contextmanager
def watched_twice(optimizer, model):
    with watched(optimizer, model, every=1), watched(optimizer, model, every=2):
        yield


WATCHES = {
    "every=1": lambda o, m: watched(o, m, every=1),
    "budget": lambda o, m: watched(o, m, budget=10.0),
    "two at once": watched_twice,
}


@pytest.mark.parametrize(
    ("name", "loop"), [(n, k) for n in OPTIMIZERS for k in LOOPS if n != "LBFGS" or k == "closure"]
)
def test_training_is_the_same_to_the_last_bit(name, loop):
    before = trace(name, LOOPS[loop], lambda o, m: nullcontext())
    for watch in WATCHES.values():
        assert same(before, trace(name, LOOPS[loop], watch))


def on_the_live_model(self):
    x, y = data()
    LOSS(self.live(x), y).backward()
    return 1.0, torch.ones(self.objective.dim)


def drawing(self):
    torch.rand(1)
    return MEASURE(self)


def in_eval_mode(self):
    self.live.eval()
    return MEASURE(self)


FAULTS = {"gradients": on_the_live_model, "random numbers": drawing, "modes": in_eval_mode}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_probe_that_changes_training_is_seen(fault, monkeypatch):
    before = trace("Adam", plain, lambda o, m: nullcontext())
    monkeypatch.setattr(Shadow, "measure", fault)
    assert not same(before, trace("Adam", plain, WATCHES["every=1"]))


class Drawing(nn.Linear):
    """Draws random numbers in eval mode too."""

    def forward(self, x):
        return super().forward(x) + 0.1 * torch.rand(())


@pytest.mark.parametrize("isolated", [True, False])
def test_models_that_draw_in_eval_mode_get_generators_of_their_own(isolated, monkeypatch):
    if not isolated:
        monkeypatch.setattr(shadow, "isolated", lambda device: nullcontext())
    model = Drawing(3, 1).double()
    torch.manual_seed(0)
    state = torch.get_rng_state()
    found = Shadow(model, LOSS, data(), None, None, "none")
    assert (found.measure()[0] == found.measure()[0]) is isolated
    assert torch.equal(state, torch.get_rng_state()) is isolated


def test_a_probe_that_fails_leaves_training_as_it_was():
    def loss_fn(output, target):
        torch.rand(1)
        if fails:
            raise RuntimeError("out of memory")
        return LOSS(output, target)

    model, fails = made(), False
    torch.manual_seed(0)
    state, modes = torch.get_rng_state(), [m.training for m in model.modules()]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    with watch_pl(optimizer, model, loss_fn, data(), every=1):
        optimizer.step()
        fails = True
        with pytest.raises(RuntimeError, match="memory"):
            optimizer.step()
        fails = False
    assert torch.equal(state, torch.get_rng_state())
    assert modes == [m.training for m in model.modules()]
    assert all(p.grad is None for p in model.parameters())


def test_a_loss_that_holds_on_to_the_live_model_is_refused_before_it_touches_it():
    optimizer, model = ordinary()
    full_batch(model, optimizer, 1)

    def penalised(output, target):
        return LOSS(output, target) + sum(p.square().sum() for p in model.parameters())

    with pytest.raises(UsageError, match=r"'0.weight' of the model itself.*ridge"):
        watch_pl(optimizer, model, penalised, data())
    replaced = still()
    forward = replaced.forward
    replaced.forward = lambda x: 2 * forward(x)
    with pytest.raises(UsageError, match="forward that was replaced"):
        watched(torch.optim.SGD(replaced.parameters(), lr=0.1), replaced)
    assert all(p.grad is None for m in (model, replaced) for p in m.parameters())


@pytest.mark.gpu
@pytest.mark.parametrize("options", [{"every": 2}, {"budget": 10.0}], ids=str)
def test_training_on_a_gpu_is_the_same_to_the_last_bit(options):
    def run(watch):
        torch.manual_seed(0)
        model = made().cuda()
        optimizer = optim.by_name("Grams")(model.parameters(), lr=1e-2)
        x, y = (part.cuda() for part in data())
        with watch(optimizer, model) as seen:
            for _ in range(STEPS):
                LOSS(model(x), y).backward()
                optimizer.step()
                optimizer.zero_grad()
        left = [x.clone() for x in model.state_dict().values()]
        return seen, [*left, torch.cuda.get_rng_state(), torch.get_rng_state()]

    _, before = run(lambda o, m: nullcontext())
    seen, after = run(lambda o, m: watched(o, m, **options))
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    e = seen.estimate(curvature=True)
    assert e.noise is not None and e.noise.batches >= 1
    assert seen.objective.device.type == "cuda"
