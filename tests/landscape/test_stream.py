"""watch_pl beside a loop of one's own: training is not changed, and what is seen is what the definitions say."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportOptionalMemberAccess=false, reportIndexIssue=false

import copy
import math
from contextlib import contextmanager, nullcontext, suppress

import pytest
import torch
from torch import nn

from grams_theory import optim
from grams_theory.core.errors import UsageError
from grams_theory.landscape import alignment, estimate_pl
from grams_theory.landscape.alignment import align
from grams_theory.landscape.certificates.criteria import SquareLoss
from grams_theory.landscape.stream import pace, shadow, watch_pl
from grams_theory.landscape.stream import watch as stream
from grams_theory.landscape.stream.shadow import Shadow
from grams_theory.optim import diagnostics

STEPS = 6
LOSS = nn.MSELoss()


class Net(nn.Module):
    """With all that a probe could disturb: dropout, batch norm, and a parameter that is frozen."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.3))
        self.head = nn.Linear(8, 1)
        self.head.bias.requires_grad_(False)

    def forward(self, x):
        return self.head(self.body(x))


def made(dtype=torch.float64):
    torch.manual_seed(1)
    return Net().to(dtype)


def data(n=16, dtype=torch.float64):
    rng = torch.Generator().manual_seed(0)
    return torch.randn(n, 3, generator=rng, dtype=dtype), torch.randn(n, 1, generator=rng, dtype=dtype)


def groups(model):
    return [{"params": model.body.parameters(), "name": "body"}, {"params": [model.head.weight], "lr": 3e-3}]


OPTIMIZERS = {
    "SGD": lambda m: torch.optim.SGD(groups(m), lr=1e-2),
    "momentum": lambda m: torch.optim.SGD(groups(m), lr=1e-2, momentum=0.9, weight_decay=0.1),
    "Adam": lambda m: torch.optim.Adam(groups(m), lr=1e-2),
    "AdamW, foreach": lambda m: torch.optim.AdamW(groups(m), lr=1e-2, foreach=True),
    "AdamW, fused": lambda m: torch.optim.AdamW(groups(m), lr=1e-2, fused=True),
    "RMSprop": lambda m: torch.optim.RMSprop(groups(m), lr=1e-2),
    "Grams": lambda m: optim.by_name("Grams")(groups(m), lr=1e-2),
    "Lion": lambda m: optim.by_name("Lion")(groups(m), lr=1e-2),
    "LBFGS": lambda m: torch.optim.LBFGS([p for p in m.parameters() if p.requires_grad], max_iter=3),
}


def plain(model, optimizer, record):
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
    for k in range(STEPS):
        x, y = (part[k : k + 8] for part in data())
        loss = LOSS(model(x), y)
        loss.backward()
        record(loss.item())
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()


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


def watched(optimizer, model, **options):
    return watch_pl(optimizer, model, LOSS, data(), **options)


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


MEASURE = Shadow.measure
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


def full_batch(model, optimizer, steps=STEPS, visited=None):
    for _ in range(steps):
        if visited is not None:
            visited.append(copy.deepcopy(model))
        LOSS(model(data()[0]), data()[1]).backward()
        optimizer.step()
        optimizer.zero_grad()


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


def still(dtype=torch.float64):
    """Without dropout and batch norm: a full batch has the gradient of the probe."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).to(dtype)


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


LOOPS_OF_ONE_BATCH = {
    "plain": full_batch,
    "closure": lambda m, o: [o.step(lambda: closure_loss(m, o)) for _ in range(STEPS)],
    "scaled": lambda m, o: scaled(m, o),
}


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


class Clock:
    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """A step takes one second, a probe 0.3: both on a clock of our own."""
    made = Clock()
    monkeypatch.setattr(stream, "time", made)
    monkeypatch.setattr(pace, "time", made)

    def measure(self):
        made.now += 0.3
        return MEASURE(self)

    monkeypatch.setattr(Shadow, "measure", measure)
    return made


def timed_run(clock, steps, **options):
    model = still()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watched(optimizer, model, **options) as seen:
        for _ in range(steps):
            clock.now += 1
            full_batch(model, optimizer, 1)
    return seen


@pytest.mark.parametrize("budget", [0.02, 0.05, 0.2])
def test_probes_use_the_budget_and_keep_within_it(clock, budget):
    seen = timed_run(clock, 300, budget=budget)
    assert 0 < seen.overhead <= budget
    # all that fits, but for what is in reserve, less than one step of waiting for each, and less than one probe
    wait = math.ceil(0.3 / (budget * (1 - pace.RESERVE)))
    assert len(seen.points) >= 300 / wait - 1
    steps = [point.step for point in seen.points]
    assert steps[0] == 1


def test_a_run_too_short_for_its_first_probe_says_so(clock):
    seen = timed_run(clock, 2, budget=0.05)
    assert len(seen.points) == 1
    assert seen.overhead == pytest.approx(0.15)


def test_a_costly_probe_makes_the_next_one_wait(clock, monkeypatch):
    def measure(self):
        clock.now += 5.0 if clock.now < 10 else 0.1
        return MEASURE(self)

    monkeypatch.setattr(Shadow, "measure", measure)
    steps = [point.step for point in timed_run(clock, 400, budget=0.05).points]
    wait = 5.0 / (0.05 * (1 - pace.RESERVE))
    assert steps[1] >= wait
    assert steps[2] - steps[1] <= wait


def broken_after(k):
    model = still()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watched(optimizer, model, every=1) as seen:
        for step in range(STEPS):
            if step == k:
                with torch.no_grad():
                    model[2].weight[0, 0] = torch.nan
            full_batch(model, optimizer, 1)
    return seen


def test_a_loss_that_is_nan_names_step_and_parameter_and_does_not_stop_training():
    with pytest.warns(UserWarning, match=r"loss is nan at step 4.*'2.weight'"):
        seen = broken_after(3)
    assert seen.steps == STEPS
    assert [point.step for point in seen.points] == [1, 2, 3]
    assert list(seen.broken) == [4, 5, 6, 7]
    assert "4 probes were not finite" in seen.estimate().trajectory.method


def test_nothing_finite_is_an_error_that_says_why():
    with pytest.warns(UserWarning, match="step 1"):
        seen = broken_after(0)
    with pytest.raises(UsageError, match=r"loss is nan at step 1.*'2.weight'"):
        seen.estimate()


def test_nothing_seen_is_an_error_that_says_so():
    model = still()
    with pytest.raises(UsageError, match="no step was taken"):
        watched(torch.optim.SGD(model.parameters(), lr=0.1), model).estimate()


def test_an_interrupted_loop_gives_what_was_seen():
    model = still()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    seen = watched(optimizer, model, every=1)
    with suppress(KeyboardInterrupt), seen:
        full_batch(model, optimizer, 3)
        raise KeyboardInterrupt
    assert [point.step for point in seen.points] == [1, 2, 3]
    assert len(seen.estimate().trajectory.f) == 3
    full_batch(model, optimizer, 2)
    assert seen.steps == 3


def test_a_step_that_fails_keeps_its_probe():
    model = still()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def closure():
        raise ValueError("the user's own")

    with pytest.raises(ValueError, match="own"), watched(optimizer, model, every=1) as seen:
        optimizer.step(closure)
    assert [(point.step, point.alignment) for point in seen.points] == [(1, None)]


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


def test_detach_takes_the_hooks_away_and_may_be_called_twice():
    model = still()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    seen = watched(optimizer, model, every=1)
    full_batch(model, optimizer, 2)
    seen.detach()
    seen.detach()
    assert [point.step for point in seen.points] == [1, 2, 3]
    assert not optimizer._optimizer_step_pre_hooks and not optimizer._optimizer_step_post_hooks


def frozen():
    model = still()
    return torch.optim.SGD(still().parameters(), lr=0.1), model


def ascending():
    model = still()
    return torch.optim.SGD(model.parameters(), lr=0.1, maximize=True), model


def ordinary():
    model = still()
    return torch.optim.SGD(model.parameters(), lr=0.1), model


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (frozen, {}, "no trainable parameter of the model"),
        (ascending, {}, "maximize"),
        (ordinary, {"every": 0}, "every=0"),
        (ordinary, {"budget": 0.0}, "budget=0.0"),
        (ordinary, {"level": 2.0}, "level=2.0"),
        (ordinary, {"f_star": 0.0, "lower_bound": 0.0}, "not both"),
        (ordinary, {"chunk": 0}, "chunk=0"),
    ],
)
def test_bad_arguments_say_what_is_allowed(make, options, message):
    optimizer, model = make()
    with pytest.raises(UsageError, match=message):
        watched(optimizer, model, **options)
    assert not optimizer._optimizer_step_pre_hooks


def test_a_model_that_got_other_parameters_is_refused():
    optimizer, model = ordinary()
    with watched(optimizer, model, every=1):
        model[2] = nn.Linear(4, 2).double()
        with pytest.raises(UsageError, match=r"'2.weight' is no longer"):
            optimizer.step()


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


def test_part_of_the_model_may_be_trained_elsewhere():
    model = still()
    optimizer = torch.optim.Adam(model[0].parameters(), lr=0.01)
    with watched(optimizer, model, every=1) as seen:
        full_batch(model, optimizer)
    assert set(seen.objective.groups) == {"group 0", "others"}
    assert all(point.groups["others"] is None for point in seen.points)
    assert align(torch.ones(2), torch.ones(2)) is not None


def of_gradient_descent(regression, every, **options):
    """estimate_pl by gradient descent with lr 0.1, and a loop of one's own that makes the same steps, watched."""
    model, X, Y = regression([0.5, 1.0, 3.0], noise=1.0)
    whole = estimate_pl(model, SquareLoss(), (X, Y), lr=0.1, steps=30, groups="none")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch_pl(optimizer, model, SquareLoss(), (X, Y), every=every, **options) as seen:
        for _ in range(29):
            SquareLoss()(model(X), Y).backward()
            optimizer.step()
            optimizer.zero_grad()
    return whole, seen


def test_a_full_batch_loop_watched_at_every_step_gives_the_estimate_of_the_run(regression):
    whole, seen = of_gradient_descent(regression, 1)
    e = seen.estimate()
    assert e.trajectory.f == pytest.approx(whole.trajectory.f, rel=1e-12)
    assert e.trajectory.distance == pytest.approx(whole.trajectory.distance, rel=1e-12)
    assert e.secant.value == pytest.approx(whole.secant.value, rel=1e-9)
    for name in ("mu_lower", "mu_upper", "f_star", "smoothness"):
        found, expected = getattr(e, name), getattr(whole, name)
        assert found.value == pytest.approx(expected.value, rel=1e-9), name
    assert e.kappa.value == pytest.approx(seen.points[0].alignment.kappa, rel=0.5)
    assert (e.eta, e.dim, e.samples) == (0.1, 3, 20)
    assert e.noise.sign_disagreement.value == 0
    assert e.groups["group 0"].noise.expected_descent.value == pytest.approx(1)
    assert e.groups["group 0"].gradient_share.low == pytest.approx(1)


def test_points_go_by_the_number_of_their_step(regression):
    _, seen = of_gradient_descent(regression, 10)
    e = seen.estimate()
    assert e.trajectory.steps == (1, 11, 21, 30)
    assert "over 4 visited points, at step 30" in e.mu_upper.provenance  # the slow direction is left
    assert "gradients of the probes, since SGD" in e.kappa.provenance
    assert "run of 29 steps of SGD" in e.trajectory.method


@pytest.mark.parametrize("refine", [0, 50])
def test_the_minimum_is_an_interval_and_never_the_last_value(refine):
    model = still()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with watched(optimizer, model, every=1) as seen:
        full_batch(model, optimizer, 20)
    weights = [p.clone() for p in model.parameters()]
    star = seen.estimate(refine=refine).f_star
    assert star.low == 0.0  # squares are never negative
    assert (star.high < seen.points[-1].f) is bool(refine)
    assert star.high <= seen.points[-1].f
    assert ("L-BFGS" in star.provenance) is bool(refine)
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"f_star": 100.0}, r"f_star=100.*step 1"), ({"lower_bound": 100.0}, "lower_bound")],
)
def test_a_loss_below_its_given_minimum_is_an_error(options, message):
    model = still()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with watched(optimizer, model, every=1, **options) as seen:
        full_batch(model, optimizer)
    with pytest.raises(UsageError, match=message):
        seen.estimate()


def test_curvature_is_measured_at_the_last_point_if_asked(regression):
    _, seen = of_gradient_descent(regression, 10)
    without, with_it = seen.estimate(), seen.estimate(curvature=True)
    assert without.curvature == ()
    assert "secant" in without.smoothness_seen.provenance or "‖Δ∇f‖" in without.smoothness_seen.provenance
    assert with_it.smoothness_seen.value == pytest.approx(3.0, rel=1e-6)
    assert "at steps 30" in with_it.smoothness_seen.provenance
    assert with_it.groups["group 0"].smoothness_seen.value == pytest.approx(3.0, rel=1e-3)


def test_an_estimate_in_mid_run_changes_nothing_and_its_time_is_of_neither_kind(clock):
    model = still()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with watched(optimizer, model, budget=0.05) as seen:
        clock.now += 1
        full_batch(model, optimizer, 1)
        before, state = seen.overhead, torch.get_rng_state()
        assert len(seen.estimate(refine=5, curvature=True).trajectory.f) == 1
        assert seen.overhead == before
        assert torch.equal(state, torch.get_rng_state())


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
