"""What torch.optim promises of an optimizer holds for each of ours."""

import copy
import io
import pickle

import pytest
import torch

from grams_theory import optim

FOREACH = pytest.mark.parametrize("foreach", [False, True])


def parameter(*values: float, dtype=torch.float32) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor(values, dtype=dtype))


@FOREACH
@pytest.mark.parametrize("maximize", [False, True])
def test_step_leaves_the_gradient_alone(make, foreach, maximize, history):
    p, g = parameter(1, 2, 3), history(1, 3)[0]
    gradient = p.grad = g.clone()
    version = gradient._version
    optimizer = make([p], foreach=foreach, maximize=maximize, weight_decay=0.1)
    optimizer.step()
    optimizer.step()
    assert p.grad is gradient
    assert gradient._version == version
    assert (gradient == g).all()


def test_step_runs_a_closure_that_calls_backward(make):
    w = parameter(3, -2)
    optimizer = make([w], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (w**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 13
    assert optimizer.step() is None
    assert w.abs().sum() < 5


@FOREACH
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_a_number_shows(make, foreach, bad):
    w = parameter(1, 1, 1)
    optimizer = make([w], foreach=foreach)
    for g in ([1.0, -1.0, 2.0], [-1.0, bad, 1.0], [1.0, 1.0, -1.0]):
        w.grad = torch.tensor(g)
        optimizer.step()
    is_lion_at_infinity = "Lion" in type(optimizer).__name__ and bad == float("inf")  # sign(inf) = 1
    assert w[1].isnan().item() != is_lion_at_infinity
    assert w[[0, 2]].isfinite().all()


@FOREACH
def test_a_sparse_gradient_is_refused_by_name(make, foreach):
    embedding = torch.nn.Embedding(4, 2, sparse=True)
    optimizer = make(embedding.parameters(), foreach=foreach)
    embedding(torch.tensor([1])).sum().backward()
    before = embedding.weight.detach().clone()
    with pytest.raises(RuntimeError, match=f"{type(optimizer).__name__} does not support sparse gradients"):
        optimizer.step()
    assert torch.equal(embedding.weight, before)


REFUSED = [
    ({"lr": -0.1}, "lr=-0.1 must be >= 0"),
    ({"lr": float("nan")}, "lr=nan must be >= 0"),
    ({"lr": torch.tensor(-1.0)}, "lr=-1.0 must be >= 0"),
    ({"lr": torch.ones(2)}, "lr must have 1 element"),
    ({"betas": (1.0, 0.9)}, r"betas\[0\]=1.0 must be in \[0, 1\)"),
    ({"betas": (0.9, -0.1)}, r"betas\[1\]=-0.1 must be in \[0, 1\)"),
    ({"betas": (0.9, float("nan"))}, r"betas\[1\]=nan must be"),
    ({"betas": (0.9,)}, "must be two numbers"),
    ({"betas": (torch.tensor(0.9), 0.9)}, "must be both floats or both tensors"),
    ({"betas": (torch.tensor(0.9), torch.ones(2))}, r"betas\[1\] must have 1 element"),
    ({"betas": (torch.tensor(0.9), torch.tensor(1.0))}, r"betas\[1\]=1.0 must be in"),
    ({"weight_decay": -1e-2}, "weight_decay=-0.01 must be >= 0"),
    ({"state_dtype": torch.float16}, "state_dtype=torch.float16 must be one of None, torch.float32"),
    ({"foreach": True, "differentiable": True}, "foreach=True and differentiable=True exclude"),
    (
        {"stochastic_rounding": True, "differentiable": True},
        "stochastic_rounding=True and differentiable=True",
    ),
]


@pytest.mark.parametrize(("keywords", "message"), REFUSED)
def test_a_hyperparameter_out_of_range_is_refused(make, keywords, message):
    with pytest.raises(ValueError, match=message):
        make([parameter(1)], **keywords)
    with pytest.raises(ValueError, match=message):
        make([{"params": [parameter(1)], **keywords}])


NO_NUMBERS = [
    ({"lr": "0.1"}, "lr='0.1' must be a number or a 1-element tensor"),
    ({"lr": None}, "lr=None must be a number or a 1-element tensor"),
    ({"weight_decay": None}, "weight_decay=None must be a number"),
    ({"betas": 0.9}, r"betas=0.9 must be two numbers, such as \(0.9, 0.999\)"),
    ({"betas": None}, "betas=None must be two numbers"),
    ({"betas": (0.9, "0.99")}, r"betas\[1\]='0.99' must be a number"),
]


@pytest.mark.parametrize(("keywords", "message"), NO_NUMBERS)
def test_a_hyperparameter_that_is_no_number_is_refused_by_torch_s_error_in_our_words(make, keywords, message):
    with pytest.raises(TypeError):
        torch.optim.AdamW([parameter(1)], **keywords)
    with pytest.raises(TypeError, match=message):
        make([parameter(1)], **keywords)


@pytest.mark.parametrize("other", ["foreach", "differentiable"])
def test_fused_excludes_the_other_implementations_as_in_torch(make, other):
    with pytest.raises(RuntimeError, match="exclude each other"):
        make([parameter(1)], fused=True, **{other: True})


@pytest.mark.parametrize("name", ["Adam", "AdamW", "AMS", "CautiousAdam", "Grams"])
def test_a_negative_eps_is_refused(name):
    with pytest.raises(ValueError, match="eps=-1e-08 must be >= 0"):
        optim.by_name(name)([parameter(1)], eps=-1e-8)


@pytest.mark.parametrize("lam", [-1.1, 2, float("nan")])
def test_a_lam_outside_the_family_is_refused(lam):
    with pytest.raises(ValueError, match=r"must be in \[-1, 1\]"):
        optim.AMS([parameter(1)], lam=lam)


def test_an_unknown_keyword_is_refused(make):
    with pytest.raises(TypeError, match="leraning_rate"):
        make([parameter(1)], leraning_rate=0.1)


def test_no_parameters_are_refused(make):
    with pytest.raises(ValueError, match="empty parameter list"):
        make([])


def pickled(optimizer):
    return pickle.loads(pickle.dumps(optimizer))


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
def test_a_copy_goes_on_to_the_last_bit(make, copied, history, advance):
    p = torch.nn.Parameter(torch.ones(20))
    optimizer, gradients = make([p], lr=0.1), [[g] for g in history(6, 20)]
    advance(optimizer, [p], gradients[:3])
    twin = copied(optimizer)
    (q,) = twin.param_groups[0]["params"]
    advance(optimizer, [p], gradients[3:])
    advance(twin, [q], gradients[3:])
    assert torch.equal(p, q)


def test_a_saved_state_goes_on_to_the_last_bit(make, history, advance):
    p = [torch.nn.Parameter(torch.ones(20)), torch.nn.Parameter(torch.ones(3))]
    optimizer, gradients = make(p, lr=0.1), list(zip(history(6, 20), history(6, 3), strict=True))
    advance(optimizer, p, gradients[:3])
    file = io.BytesIO()
    torch.save({"weights": p, "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    q = [torch.nn.Parameter(w.detach().clone()) for w in saved["weights"]]
    resumed = make(q, lr=123.0)
    resumed.load_state_dict(saved["optimizer"])
    advance(optimizer, p, gradients[3:])
    advance(resumed, q, gradients[3:])
    assert all(map(torch.equal, p, q))
    assert resumed.state[q[0]]["step"].dtype == torch.float32


@FOREACH
def test_a_parameter_without_gradient_waits_and_then_counts_its_own_steps(make, foreach, history, advance):
    g = history(5, 4)
    p, late, alone = (torch.nn.Parameter(torch.ones(4)) for _ in range(3))
    optimizer = make([p, late], foreach=foreach)
    advance(optimizer, [p, late], [(g[0], None), (g[1], None)])
    assert torch.equal(late, torch.ones(4))
    assert late not in optimizer.state
    advance(optimizer, [p, late], [(g[2], g[3]), (g[3], g[4])])
    advance(make([alone], foreach=foreach), [alone], [[g[3]], [g[4]]])
    assert torch.equal(late, alone)
    assert (optimizer.state[p]["step"], optimizer.state[late]["step"]) == (4, 2)


@FOREACH
def test_an_empty_parameter_is_stepped_over(make, foreach, advance):
    p, q = torch.nn.Parameter(torch.ones(0, 3)), parameter(1, 2)
    advance(make([p, q], foreach=foreach), [p, q], [(torch.ones(0, 3), torch.ones(2))])
    assert p.shape == (0, 3)
    assert (q < torch.tensor([1.0, 2.0])).all()


LAYOUTS = {
    "transposed": lambda: torch.ones(3, 4).t(),
    "strided": lambda: torch.ones(4, 6)[:, ::2],
    "channels last": lambda: torch.ones(2, 2, 3, 1).to(memory_format=torch.channels_last).reshape(4, 3),
}


@FOREACH
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_does_not_matter(make, layout, foreach, history, advance):
    odd, plain = torch.nn.Parameter(LAYOUTS[layout]()), torch.nn.Parameter(torch.ones(4, 3))
    gradients = [[g] for g in history(5, 4, 3)]
    advance(make([odd], foreach=foreach), [odd], gradients)
    advance(make([plain], foreach=foreach), [plain], gradients)
    assert torch.equal(odd, plain)


@FOREACH
def test_an_expanded_gradient_is_read_only(make, foreach):
    p, q = torch.nn.Parameter(torch.ones(5)), torch.nn.Parameter(torch.ones(5))
    p.grad, q.grad = torch.ones(1).expand(5), torch.ones(5)
    make([p], foreach=foreach).step()
    make([q], foreach=foreach).step()
    assert torch.equal(p, q)


def test_a_group_added_later_has_its_own_options(make, advance):
    p, q, r = parameter(1, 2), parameter(1, 2), parameter(1, 2)
    optimizer = make([p], lr=0.25)
    optimizer.add_param_group({"params": [q], "lr": 0.5})
    advance(optimizer, [p, q], [(torch.ones(2), torch.ones(2))])
    advance(make([r], lr=0.5), [r], [[torch.ones(2)]])
    assert torch.equal(q, r)
    assert not torch.equal(p, q)
    with pytest.raises(ValueError, match="lr=-1 must be >= 0"):
        optimizer.add_param_group({"params": [r], "lr": -1})


@FOREACH
def test_maximize_is_the_negated_gradient(make, foreach, history, advance):
    p, q = (torch.nn.Parameter(torch.ones(8)) for _ in range(2))
    gradients = history(5, 8)
    advance(make([p], foreach=foreach, maximize=True), [p], [[g] for g in gradients])
    advance(make([q], foreach=foreach), [q], [[-g] for g in gradients])
    assert torch.equal(p, q)


@FOREACH
@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_tensor_lr_is_its_number(make, foreach, shape, history, advance):
    p, q = (torch.nn.Parameter(torch.ones(8)) for _ in range(2))
    gradients = [[g] for g in history(5, 8)]
    advance(make([p], foreach=foreach, lr=torch.full(shape, 0.125)), [p], gradients)
    advance(make([q], foreach=foreach, lr=0.125), [q], gradients)
    assert torch.equal(p, q)


def test_a_scheduler_drives_the_step_size(make):
    w = parameter(1.0)
    optimizer = make([w], lr=0.5)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: float(epoch == 0))
    w.grad = torch.ones(1)
    optimizer.step()
    scheduler.step()
    moved = w.item()
    optimizer.step()
    assert moved < 1
    assert w.item() == moved


def test_hooks_run_around_the_step_and_may_change_its_arguments(make):
    w, seen = parameter(1.0), []
    optimizer = make([w], lr=0.5)
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 7.0), kwargs))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(w.item()))
    w.grad = torch.ones(1)
    assert optimizer.step() == 7.0
    assert seen == [w.item()]
    assert seen[0] < 1


def test_the_profiler_names_the_step(make):
    w = parameter(1.0)
    optimizer, w.grad = make([w]), torch.ones(1)
    with torch.profiler.profile() as profile:
        optimizer.step()
        optimizer.zero_grad()
    name = type(optimizer).__name__
    names = {event.key for event in profile.key_averages()}
    assert {f"Optimizer.step#{name}.step", f"Optimizer.zero_grad#{name}.zero_grad"} <= names


def test_it_is_deterministic_where_torch_must_be(make, implementation, history, advance):
    ends = []
    torch.use_deterministic_algorithms(True)
    try:
        for _ in range(2):
            p = torch.nn.Parameter(torch.ones(3000))
            advance(make([p], lr=0.1, **implementation), [p], [[g] for g in history(4, 3000)])
            ends.append(p.detach())
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(*ends)


def test_a_step_tells_autograd_that_it_changed_the_weights(make, implementation):
    """A backward pass through the weights of before must fail, not use those of after."""
    w = parameter(1.0, 2.0)
    loss = (w**2).sum()
    optimizer, w.grad = make([w], **implementation), torch.ones(2)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("tensor", [False, True])
def test_tensor_betas_are_their_numbers(make, implementation, tensor, history, advance):
    """0.5 and 0.75 are numbers of float32. On the device, where they stay tensors, within rounding: 5 steps of at most
    16 roundings, on numbers below 1 + 5 lr / (1 - beta1)."""
    p, q, on_device = (torch.nn.Parameter(torch.ones(8)) for _ in range(3))
    gradients, betas = [[g] for g in history(5, 8)], (0.5, 0.75)
    tensors = tuple(torch.full((1,) if tensor else (), beta) for beta in betas)
    options = {"lr": 2.0**-6, **implementation}
    advance(make([p], betas=tensors, **options), [p], gradients)
    advance(make([q], betas=betas, **options), [q], gradients)
    assert torch.equal(p, q)
    advance(make([on_device], betas=tensors, capturable=True, **options), [on_device], gradients)
    assert ((on_device - q).abs() <= 5 * 16 * 2.0**-24 * (1 + 10 * 2.0**-6)).all()
