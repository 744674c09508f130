"""The live diagnostic says of each step what the definitions say, changes nothing, and waits for nothing."""

import copy
import math

import pytest
import torch

from grams_theory import optim
from grams_theory.core.rounding import UNIT, Ball
from grams_theory.optim import _alignment, _fused, _snapshot, diagnostics

LR, BETAS, EPS = 2.0**-6, (0.75, 0.9375), 2.0**-10
"""Exact in binary, so that float64 references start from the same numbers."""


def parameters(*shapes, dtype=torch.float64):
    return [torch.nn.Parameter(torch.ones(shape, dtype=dtype)) for shape in shapes]


def step(optimizer, params, gradients):
    for p, g in zip(params, gradients, strict=True):
        p.grad = None if g is None else g.clone()
    optimizer.step()


def lion_direction(gradients):
    """The base step of Lion, Definition 3.6: no rounding, since only signs are kept."""
    m = torch.zeros_like(gradients[0])
    for g in gradients[:-1]:
        m = BETAS[1] * m + (1 - BETAS[1]) * g
    return Ball.exact((BETAS[0] * m + (1 - BETAS[0]) * gradients[-1]).sign())


def assert_as_defined(row, g, u, w, w_next, lr=LR):
    """The row against the definitions, for vectors of float64; u is a `Ball` with the rounding bound of the moments.

    The diagnostic adds at most 8 roundings per coordinate, and n in a sum of n terms in any order.
    """
    n = len(g)
    u = Ball(u.mid, u.rad + 8 * UNIT * u.mid.abs())
    zero = torch.zeros_like(g)
    assert (u.mid.abs() > u.rad)[u.mid != 0].all(), "the reference cannot tell a sign: choose other gradients"
    size, move = Ball.exact(g.abs()), Ball.exact(g) * (w - w_next)
    overlap = (abs(u) * size).sum()
    kappa = overlap / ((size * size).sum().sqrt() * (u * u).sum().sqrt())
    expected = {
        "coordinates": Ball.exact(zero.sum() + n),
        "disagreement": Ball.exact((g * u.mid.sign() < 0).double().mean()),
        "zero_gradient": Ball.exact((g == 0).double().mean()),
        "kappa": kappa,
        "g_norm": (size * size).sum().sqrt(),
        "u_norm": (u * u).sum().sqrt(),
        "predicted": move.sum(),
        "predicted_grams": overlap * lr,
    }
    for name, ball in expected.items():
        slack = ball.rad + (n + 8) * UNIT * (move.mid.abs().sum() if name == "predicted" else ball.mid.abs())
        off = abs(getattr(row, name) - ball.mid)
        assert off <= slack, (
            f"{name} is {getattr(row, name)}, by definition {ball.mid.item()} ± {slack.item()}"
        )


def observe(build, gradients, base):
    """Run one vector through `build` under watch and hold every row against the definitions."""
    (p,) = parameters(gradients.shape[1:])
    optimizer, visited = build([p]), [p.detach().clone()]
    with diagnostics.watch(optimizer, every=1) as log:
        for g in gradients:
            step(optimizer, [p], [g])
            visited.append(p.detach().clone())
    assert len(log.rows) == len(gradients)
    for t, row in enumerate(log.rows):
        assert_as_defined(row, gradients[t], base(gradients[: t + 1]), visited[t], visited[t + 1])


@pytest.fixture
def adam_direction(adam_ball):
    """Adam's u of a history as a `Ball`."""
    return lambda gradients: -adam_ball(gradients, lr=1.0, betas=BETAS, eps=EPS)


@pytest.fixture
def base_of(adam_direction):
    return lambda name: lion_direction if "Lion" in name else adam_direction


@pytest.mark.parametrize("name", optim.names())
@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.5}, {"foreach": True}], ids=str)
def test_every_row_is_what_the_definitions_say(name, options, history, base_of):
    keywords = {} if "Lion" in name else {"eps": EPS}
    if name == "Adam":
        options = {**options, "weight_decay": 0.0}  # an L2 penalty: its u is that of another gradient

    def build(params):
        return optim.by_name(name)(params, lr=LR, betas=BETAS, **keywords, **options)

    observe(build, history(8, 50, dtype=torch.float64), base_of(name))


OF_TORCH = {
    "Adam": lambda p: torch.optim.Adam(p, LR, BETAS, EPS),
    "AdamW": lambda p: torch.optim.AdamW(p, LR, BETAS, EPS, 0.5),
    "fused": lambda p: torch.optim.AdamW(p, LR, BETAS, EPS, 0.5, fused=True),
    "foreach": lambda p: torch.optim.Adam(p, LR, BETAS, EPS, foreach=True),
    "tensor lr": lambda p: torch.optim.Adam(p, torch.tensor(LR), BETAS, EPS),
    "tensor betas": lambda p: torch.optim.Adam(p, LR, tuple(map(torch.tensor, BETAS)), EPS),
    "NAdam": lambda p: torch.optim.NAdam(p, LR, BETAS, EPS),
    "RAdam": lambda p: torch.optim.RAdam(p, LR, BETAS, EPS),
}


@pytest.mark.parametrize("build", OF_TORCH.values(), ids=OF_TORCH)
def test_optimizers_of_torch_are_read_too(build, history, adam_direction):
    observe(build, history(8, 50, dtype=torch.float64), adam_direction)


def signed(product, sums):
    return (*sums[:5], product, sums[6])


FAULTS = {
    "u points uphill": (_alignment, "adam", lambda g, *rest: -ADAM(g, *rest)),
    "no bias correction": (_snapshot, "adam_constants", lambda t, betas, eps: (1.0, eps)),
    "eps beside the raw root": (_snapshot, "adam_constants", lambda *a: (CONSTANTS(*a)[0], a[2])),
    "the next weights before the last": (_alignment, "_sums", lambda g, u, move: SUMS(g, u, -move)),
    "disagreement and agreement swapped": (_alignment, "_sums", lambda g, u, move: SUMS(g, -u, move)),
    "cautious in place of Grams": (_alignment, "_sums", lambda g, u, move: SUMS(g, u * (u * g > 0), move)),
    "the signed product": (_alignment, "_sums", lambda g, u, move: signed(g @ u, SUMS(g, u, move))),
}
ADAM, CONSTANTS, SUMS = _alignment.adam, _alignment.adam_constants, _alignment._sums


@pytest.mark.parametrize(("module", "name", "fault"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_is_found(module, name, fault, monkeypatch, history, adam_direction):
    monkeypatch.setattr(module, name, fault)
    if name == "adam":
        monkeypatch.setattr(_snapshot, name, fault)
    with pytest.raises(AssertionError, match="by definition"):
        observe(lambda p: optim.Grams(p, LR, BETAS, EPS), history(8, 50, dtype=torch.float64), adam_direction)


def test_a_step_of_grams_promises_what_it_takes(history):
    """Up to rounding of w: predicted is predicted_grams for Grams, and smaller for every other of the family."""
    found = {}
    for name in ("Grams", "CautiousAdam", "Adam"):
        (p,) = parameters(200)
        optimizer = optim.by_name(name)([p], lr=LR)
        with diagnostics.watch(optimizer, every=1) as log:
            for g in history(6, 200, dtype=torch.float64):
                step(optimizer, [p], [g])
        found[name] = [(row.predicted, row.predicted_grams, row.g_norm) for row in log.rows]
    for predicted, promised, g_norm in found["Grams"]:
        assert (
            abs(predicted - promised) <= 200 * UNIT * promised + 2 * UNIT * 200**0.5 * g_norm
        )  # w is in [0, 2]
    for name in ("CautiousAdam", "Adam"):
        assert all(predicted < promised for predicted, promised, _ in found[name][1:])


def groups_of(make, params, **keywords):
    return make([{"params": params[:2], "lr": LR}, {"params": params[2:], "lr": 2 * LR}], **keywords)


SHAPES = [(3, 4), (), (0, 2), (7,)]


def rows_of_groups(history, shapes=SHAPES, dtype=torch.float64, steps=5, **keywords):
    params = parameters(*shapes, dtype=dtype)
    optimizer = groups_of(optim.Grams, params, betas=BETAS, eps=EPS, **keywords)
    gradients = [history(steps, *shape, dtype=dtype, seed=k) for k, shape in enumerate(shapes)]
    with diagnostics.watch(optimizer, every=1) as log:
        for t in range(steps):
            step(optimizer, params, [g[t] for g in gradients])
    return log


def test_groups_add_up(history):
    log = rows_of_groups(history)
    for row, first, second in zip(log.rows, log.group_rows(0), log.group_rows(1), strict=True):
        assert (row.lr, first.lr, second.lr) == (None, LR, 2 * LR)
        assert (row.coordinates, first.coordinates, second.coordinates) == (20, 13, 7)
        shares = first.disagreement * 13 + second.disagreement * 7
        assert row.disagreement * 20 == pytest.approx(shares, rel=8 * UNIT)
        assert row.predicted == pytest.approx(first.predicted + second.predicted, rel=8 * UNIT)
        assert row.g_norm == pytest.approx(math.hypot(first.g_norm, second.g_norm), rel=8 * UNIT)


@pytest.mark.parametrize("block", [1, 2, 5])
def test_the_size_of_the_blocks_does_not_matter(block, history, monkeypatch):
    whole = rows_of_groups(history)
    monkeypatch.setitem(_alignment.BLOCK, "cpu", block)
    for one, other in zip(whole.rows, rows_of_groups(history).rows, strict=True):
        assert (one.coordinates, one.disagreement) == (other.coordinates, other.disagreement)
        assert one.predicted_grams == pytest.approx(other.predicted_grams, rel=2 * 20 * UNIT)
        assert one.predicted == pytest.approx(other.predicted, rel=2 * 20 * UNIT)


def test_maximize_reads_as_the_negated_loss(history):
    """The loss rises where it is maximized: descents are negative, all else is that of the negated gradient."""
    up, down = rows_of_groups(history, maximize=True), rows_of_groups(lambda *a, **k: -history(*a, **k))
    for one, other in zip(up.rows, down.rows, strict=True):
        assert (one.disagreement, one.kappa, one.u_norm) == (other.disagreement, other.kappa, other.u_norm)
        assert (one.predicted, one.predicted_grams) == (-other.predicted, -other.predicted_grams)
        assert one.predicted < 0


LAYOUTS = {
    "transposed": lambda x: x.t().contiguous().t(),
    "strided": lambda x: torch.stack([x, x], -1)[..., 0],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_does_not_matter(layout, history):
    found = []
    for lay in (LAYOUTS[layout], lambda x: x):
        p = torch.nn.Parameter(lay(torch.ones(4, 3, dtype=torch.float64)))
        optimizer = optim.Grams([p], lr=LR)
        with diagnostics.watch(optimizer, every=1) as log:
            for g in history(4, 4, 3, dtype=torch.float64):
                step(optimizer, [p], [g])
        found.append(log.rows)
    assert found[0] == found[1]


def test_a_complex_parameter_is_two_real_ones(history):
    (p,), q = parameters((5,), dtype=torch.complex128), parameters((5,), (5,))
    found = []
    for params in ([p], q):
        optimizer = optim.Grams(params, lr=LR)
        for x in params:
            x.data = torch.zeros_like(x)
        with diagnostics.watch(optimizer, every=1) as log:
            for g in history(4, 5, dtype=torch.complex128):
                step(optimizer, params, [g] if len(params) == 1 else [g.real, g.imag])
        found.append([(row.coordinates, row.disagreement) for row in log.rows])
        assert log.rows[-1].kappa > 0
    assert found[0] == found[1]


def test_parameters_without_gradient_are_left_out(history):
    p, late, frozen = parameters((4,), (6,), (9,))
    frozen.requires_grad_(False)
    optimizer = optim.Grams([p, late, frozen], lr=LR)
    g = history(3, 6, dtype=torch.float64)
    with diagnostics.watch(optimizer, every=1) as log:
        step(optimizer, [p, late, frozen], [g[0][:4], None, None])
        step(optimizer, [p, late, frozen], [g[1][:4], g[1], None])
        step(optimizer, [p, late, frozen], [None, None, None])
    assert [row.coordinates for row in log.rows] == [4, 10, 0]
    assert late in optimizer.state and frozen not in optimizer.state
    assert math.isnan(log.rows[-1].kappa)


def test_amsgrad_divides_by_the_largest_second_moment(history):
    (p,) = parameters(30)
    optimizer = torch.optim.Adam([p], LR, BETAS, EPS, amsgrad=True)
    g = history(6, 30, dtype=torch.float64)
    with diagnostics.watch(optimizer, every=1) as log:
        for one in g:
            step(optimizer, [p], [one])
    m = v = largest = torch.zeros(30, dtype=torch.float64)
    for t, (one, row) in enumerate(zip(g, log.rows, strict=True), 1):
        m, v = BETAS[0] * m + (1 - BETAS[0]) * one, BETAS[1] * v + (1 - BETAS[1]) * one * one
        largest = torch.maximum(largest, v)
        u = m / (1 - BETAS[0] ** t) / ((largest / (1 - BETAS[1] ** t)).sqrt() + EPS)
        assert row.u_norm == pytest.approx(
            u.norm().item(), rel=8 * 8 * UNIT
        )  # t steps of at most 8 roundings
    plain = m / (1 - BETAS[0] ** 6) / ((v / (1 - BETAS[1] ** 6)).sqrt() + EPS)
    assert log.rows[-1].u_norm < plain.norm() * (1 - 1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_low_precision_is_read_in_float32(dtype, history):
    """Against the moments that the optimizer keeps, in float64: n + 16 roundings of float32."""
    (p,) = parameters(300, dtype=dtype)
    optimizer = optim.Grams([p], LR, BETAS, EPS)
    gradients = history(5, 300).to(dtype)
    with diagnostics.watch(optimizer, every=1) as log:
        for t, g in enumerate(gradients, 1):
            before = p.detach().double()
            step(optimizer, [p], [g])
            row, state = log.rows[-1], optimizer.state[p]
            m, v, g, moved = (
                x.double() for x in (state["exp_avg"], state["exp_avg_sq"], g, before - p.detach())
            )
            u = m / (1 - BETAS[0] ** t) / ((v / (1 - BETAS[1] ** t)).sqrt() + EPS)
            rounding = (300 + 16) * 2.0**-24
            assert row.disagreement * 300 == pytest.approx((g.sign() * m.sign() < 0).sum().item(), rel=1e-12)
            assert row.predicted_grams == pytest.approx(LR * (g * u).abs().sum().item(), rel=rounding)
            assert abs(row.predicted - g @ moved) <= rounding * (g * moved).abs().sum()


def test_signs_are_compared_where_the_product_underflows():
    """g u is 1e-60 here, below the smallest float32."""
    (p,) = parameters(4, dtype=torch.float32)
    optimizer = optim.Grams([p], lr=LR, eps=1.0)
    with diagnostics.watch(optimizer, every=1) as log:
        step(optimizer, [p], [torch.full((4,), 1e-30)])
        step(optimizer, [p], [torch.tensor([1e-30, -1e-31, -1e-31, 0.0])])
    assert (log.rows[1].disagreement, log.rows[1].zero_gradient) == (0.5, 0.25)


def noisy_training(optimizer_class, watched, **keywords):
    """Weights and optimizer state after some steps of a net with dropout, from one seed."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(5, 16), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(16, 2)
    )
    optimizer = optimizer_class(model.parameters(), lr=LR, **keywords)
    x, y = torch.randn(8, 5), torch.randn(8, 2)

    def loss():
        return torch.nn.functional.mse_loss(model(x), y)

    logs = [diagnostics.watch(optimizer, every=1, loss=loss), diagnostics.watch(optimizer, every=3)]
    if not watched:
        for log in logs:
            log.detach()
    for _ in range(7):
        value = loss()
        logs[1].record_loss(value)
        value.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model, optimizer, logs


def test_training_does_not_change_to_the_last_bit(make):
    (model, optimizer, logs), (plain, alone, _) = noisy_training(make, True), noisy_training(make, False)
    assert all(map(torch.equal, model.parameters(), plain.parameters()))
    for p, q in zip(model.parameters(), plain.parameters(), strict=True):
        state, expected = optimizer.state[p], alone.state[q]
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[name], expected[name]) for name in state)
    assert [len(log.rows) for log in logs] == [7, 2]


def test_both_evaluations_of_the_loss_see_the_same_dropout():
    """A step of length 0 then descends by exactly 0, though the loss is random."""
    _, _, logs = noisy_training(optim.Grams, True)
    assert len({row.loss for row in logs[0].rows}) == 7
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(5, 1))
    still = optim.Grams(model.parameters(), lr=0.0)
    with diagnostics.watch(still, every=1, loss=lambda: model(torch.ones(3, 5)).sum()) as log:
        for _ in range(3):
            model(torch.ones(3, 5)).sum().backward()
            still.step()
    assert [row.actual for row in log.rows] == [0, 0, 0]


def quadratic(curvature):
    w = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    return w, lambda: (torch.tensor(curvature) * w * w).sum() / 2


def test_actual_descent_is_the_difference_of_the_losses():
    (w, loss), visited = quadratic([1.0, 3.0]), []
    optimizer = optim.Grams([w], lr=LR)
    with (
        diagnostics.watch(optimizer, every=1, loss=loss) as asked,
        diagnostics.watch(optimizer, every=2) as told,
    ):
        for _ in range(7):
            value = loss()
            visited.append(value.item())
            told.record_loss(value)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        visited.append(loss().item())
    assert [row.actual for row in asked.rows] == [visited[t] - visited[t + 1] for t in range(7)]
    assert [row.step for row in told.rows] == [2, 4, 6]
    assert [row.actual for row in told.rows] == [visited[t] - visited[t + 1] for t in (1, 3, 5)]


def test_a_loss_that_nobody_gave_is_unknown():
    w, loss = quadratic([1.0, 3.0])
    optimizer = optim.Grams([w], lr=LR)
    with diagnostics.watch(optimizer, every=1) as log:
        log.record_loss(loss())
        for _ in range(2):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
        log.record_loss(loss())
    first, second = log.rows
    assert (first.actual, second.loss, second.actual) == (None, None, None)
    assert first.loss == 6.5


def test_the_bound_of_lemma_4_2_is_where_a_quadratic_stops_falling():
    """With curvature L in every direction the bound is sharp: at it the loss stays, below it falls."""
    for factor, falls in ((0.5, True), (1.0, False), (1.01, False)):
        w, loss = quadratic([4.0, 4.0])
        loss().backward()
        with diagnostics.watch(probe := optim.Grams([w], lr=0.0), every=1) as log:
            probe.step()
        before, bound = loss().item(), log.rows[0].descent_bound(4.0)
        optim.Grams([w], lr=factor * bound).step()
        rounding = 64 * UNIT * before
        assert (loss().item() < before - rounding) == falls
        assert abs(loss().item() - before) <= rounding or factor != 1


def test_a_scheduler_shows_in_the_rows():
    w, loss = quadratic([1.0, 1.0])
    optimizer = optim.Grams([w], lr=0.5)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    with diagnostics.watch(optimizer, every=1) as log:
        for _ in range(3):
            loss().backward()
            optimizer.step()
            scheduler.step()
    for lr, row in zip((0.5, 0.25, 0.125), log.rows, strict=True):
        assert row.lr == lr
        assert row.predicted_grams == pytest.approx(lr * row.kappa * row.g_norm * row.u_norm, rel=16 * UNIT)


def test_a_tensor_lr_is_read_as_it_was():
    w, loss = quadratic([1.0, 1.0])
    optimizer = optim.Grams([w], lr=torch.tensor(0.5))
    with diagnostics.watch(optimizer, every=1) as log:
        for _ in range(2):
            loss().backward()
            optimizer.step()
            optimizer.param_groups[0]["lr"].mul_(0.5)
    assert [row.lr for row in log.rows] == [0.5, 0.25]


def test_a_closure_is_watched_too():
    w, loss = quadratic([1.0, 3.0])
    v, same = quadratic([1.0, 3.0])
    found = []
    for p, f, by_closure in ((w, loss, True), (v, same, False)):
        optimizer = optim.Grams([p], lr=LR)

        def closure(f=f, optimizer=optimizer):
            optimizer.zero_grad()
            value = f()
            value.backward()
            return value

        with diagnostics.watch(optimizer, every=1) as log:
            for _ in range(4):
                if by_closure:
                    optimizer.step(closure)
                else:
                    closure()
                    optimizer.step()
        found.append(log.rows)
    assert found[0] == found[1]


def scaled_row(build, scale):
    """A row where the optimizer unscales the gradient itself, as GradScaler asks fused ones to."""
    (p,) = parameters(20, dtype=torch.float32)
    if (why := _fused.refusal([p])) is not None:
        pytest.skip(why)
    optimizer = build([p])
    scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    with diagnostics.watch(optimizer, every=1) as log:
        for k in range(3):
            optimizer.zero_grad()
            scaler.scale((p * torch.linspace(-1, 1 + k, 20)).sum()).backward()
            scaler.step(optimizer)
            scaler.update()
    return log.rows[-1]


@pytest.mark.parametrize("optimizer_class", [torch.optim.AdamW, optim.Grams])
def test_the_scale_of_a_grad_scaler_is_taken_out(optimizer_class):
    plain, scaled = (
        scaled_row(lambda p: optimizer_class(p, LR, fused=True), scale) for scale in (1.0, 2.0**10)
    )
    assert scaled == plain
    assert plain.g_norm < 10


def test_a_step_that_a_grad_scaler_skips_is_nan():
    (p,) = parameters(4, dtype=torch.float32)
    optimizer, scaler = torch.optim.AdamW([p], lr=LR, fused=True), torch.amp.GradScaler("cpu", init_scale=4.0)
    with diagnostics.watch(optimizer, every=1) as log:
        for largest in (math.inf, 1.0):
            optimizer.zero_grad()
            scaler.scale((p * torch.tensor([1.0, 2.0, 3.0, largest])).sum()).backward()
            scaler.step(optimizer)
            scaler.update()
    assert [math.isnan(row.predicted) for row in log.rows] == [True, False]


def test_steps_between_are_not_observed(history):
    (p,) = parameters(10)
    optimizer = optim.Grams([p], lr=LR)
    with diagnostics.watch(optimizer, every=3) as log, diagnostics.watch(optimizer, every=1, keep=4) as short:
        for g in history(10, 10, dtype=torch.float64):
            step(optimizer, [p], [g])
    assert [row.step for row in log.rows] == [3, 6, 9]
    assert [row.step for row in short.rows] == [7, 8, 9, 10]


def test_a_detached_log_stays_readable_and_leaves_nothing_behind():
    w, loss = quadratic([1.0, 3.0])
    optimizer = optim.Grams([w], lr=LR)
    log = diagnostics.watch(optimizer, every=1)
    loss().backward()
    optimizer.step()
    log.detach()
    log.detach()
    optimizer.step()
    assert not optimizer._optimizer_step_pre_hooks and not optimizer._optimizer_step_post_hooks
    assert len(log.rows) == 1


def test_a_watched_optimizer_is_copied_without_its_watcher():
    w, loss = quadratic([1.0, 3.0])
    optimizer = optim.Grams([w], lr=LR)
    with diagnostics.watch(optimizer, every=1) as log:
        twin = copy.deepcopy(optimizer)
        loss().backward()
        optimizer.step()
        (v,) = twin.param_groups[0]["params"]
        v.grad = w.grad.clone()
        twin.step()
    assert torch.equal(v, w)
    assert len(log.rows) == 1


OTHERS = {
    "SGD keeps nothing": lambda params: torch.optim.SGD(params, lr=LR),
    "SGD keeps momentum_buffer": lambda params: torch.optim.SGD(params, lr=LR, momentum=0.9),
    "Adamax keeps exp_avg, exp_inf": torch.optim.Adamax,
    "RMSprop keeps square_avg": torch.optim.RMSprop,
}


@pytest.mark.parametrize("message", OTHERS)
def test_an_optimizer_without_these_moments_is_refused_when_it_first_moves_a_parameter(message):
    w, loss = quadratic([1.0, 3.0])
    optimizer = OTHERS[message]([w])
    with diagnostics.watch(optimizer):
        optimizer.step()
        loss().backward()
        with pytest.raises(TypeError, match=f"{message}.* exp_avg"):
            optimizer.step()


def test_state_that_is_of_no_moved_parameter_does_not_matter():
    """Reading the state of a parameter leaves an empty entry, and a checkpoint may bring notes of its own."""
    (w, loss), still = quadratic([1.0, 3.0]), torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([w, still])
    assert not optimizer.state[still]
    optimizer.state["note"] = {"epoch": 3}
    with diagnostics.watch(optimizer, every=1) as log:
        loss().backward()
        optimizer.step()
    assert log.rows[0].coordinates == 2


def test_a_wrapper_without_hooks_is_refused():
    class Wrapper(torch.optim.Optimizer):
        def __init__(self, optimizer):
            self.optimizer = optimizer

    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.ones(2))])
    with pytest.raises(TypeError, match="Wrapper takes no hooks: give watch the optimizer itself"):
        diagnostics.watch(Wrapper(optimizer))
    diagnostics.watch(optimizer).detach()


def test_a_sparse_gradient_is_refused():
    embedding = torch.nn.Embedding(4, 2, sparse=True)
    optimizer = torch.optim.SparseAdam(embedding.parameters())
    embedding(torch.tensor([1])).sum().backward()
    with diagnostics.watch(optimizer), pytest.raises(TypeError, match="needs dense gradients"):
        optimizer.step()


@pytest.mark.parametrize("keywords", [{"every": 0}, {"keep": 0}])
def test_bad_arguments_are_refused(keywords):
    (p,) = parameters(1)
    with pytest.raises(ValueError, match="=0 must be at least 1"):
        diagnostics.watch(optim.Grams([p]), **keywords)


def test_the_log_prints_as_a_table_and_reads_as_columns(history):
    log = rows_of_groups(history, steps=3)
    lines = str(log).splitlines()
    assert lines[0].split() == list(diagnostics.TABLE)
    assert len(lines) == 4 and len(set(map(len, lines))) == 1
    columns = log.to_dict()
    assert columns["kappa"] == [row.kappa for row in log.rows]
    assert columns["actual"] == [None, None, None]
    assert log.to_dict(group=1)["lr"] == [2 * LR] * 3


def test_a_compiled_step_is_watched():
    """The hooks run outside of the graph, and see what they see in eager mode."""
    torch._dynamo.reset()
    found = []
    for compiled in (True, False):
        w, loss = quadratic([1.0, 3.0])
        optimizer = optim.Grams([w], lr=LR)
        run = torch.compile(optimizer.step, backend="eager") if compiled else optimizer.step
        with diagnostics.watch(optimizer, every=1) as log:
            for _ in range(4):
                optimizer.zero_grad()
                loss().backward()
                run()
        found.append([(row.step, row.disagreement, row.coordinates) for row in log.rows])
    assert found[0] == found[1]
    assert len(found[0]) == 4


class OnDevice(torch.optim.Optimizer):
    """Keeps all that Adam keeps, the step count too, on the device of the parameter."""

    def __init__(self, params):
        super().__init__(params, {"lr": LR, "betas": BETAS, "eps": EPS})
        for p in self.param_groups[0]["params"]:
            count = torch.ones((), device=p.device)
            self.state[p] = {"step": count, "exp_avg": torch.ones_like(p), "exp_avg_sq": torch.ones_like(p)}

    def step(self, closure=None):
        for p, state in self.state.items():
            p.data.sub_(state["exp_avg"])


def test_recording_reads_nothing_from_an_accelerator():
    """A tensor on the device "meta" has no values: whoever asks for one fails, and only the log asks."""
    p = torch.nn.Parameter(torch.zeros(8, device="meta"))
    optimizer = OnDevice([p])
    with diagnostics.watch(optimizer, every=1) as log:
        for _ in range(2):
            p.grad = torch.ones_like(p)
            log.record_loss(p.sum())
            optimizer.step()
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        _ = log.rows


def test_a_step_count_on_the_device_is_the_same_count():
    found = []
    for number in (lambda t: t, lambda t: t.item()):
        (p,) = parameters(8)
        optimizer = OnDevice([p])
        optimizer.state[p]["step"] = number(torch.tensor(3.0))
        with (
            pytest.MonkeyPatch.context() as patch,
            diagnostics.watch(optimizer, every=1) as log,
        ):
            patch.setattr(_snapshot, "_number", lambda x: x)
            step(optimizer, [p], [torch.ones(8, dtype=torch.float64)])
        found.append(log.rows[0].u_norm)
    scale, floor = (1 - BETAS[1] ** 3) ** 0.5 / (1 - BETAS[0] ** 3), EPS * (1 - BETAS[1] ** 3) ** 0.5
    assert found == pytest.approx([8**0.5 * scale / (1 + floor)] * 2, rel=16 * UNIT)


@pytest.mark.gpu
@pytest.mark.parametrize("keywords", [{}, {"capturable": True}, {"foreach": False}])
def test_recording_does_not_wait_for_the_gpu(keywords):
    p = torch.nn.Parameter(torch.zeros(1000, device="cuda"))
    optimizer = torch.optim.AdamW([p], lr=LR, **keywords)
    with diagnostics.watch(optimizer, every=1, loss=lambda: p.square().sum()) as log:
        for k in range(4):
            p.grad = torch.full_like(p, 1.0 + k)
            torch.cuda.set_sync_debug_mode("error" if k > 1 else "default")
            optimizer.step()
            torch.cuda.set_sync_debug_mode("default")
    assert [row.kappa for row in log.rows] == pytest.approx([1.0] * 4, rel=1e-5)
