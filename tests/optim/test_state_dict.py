"""A state_dict goes from any implementation to any other, resumes to the last bit, and keeps its dtypes."""

import copy
import io
import pickle

import lion_pytorch
import pytest
import pytorch_optimizer
import torch

from grams_theory import optim
from grams_theory.optim import _columns

WAYS = {
    "loop": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
    "capturable": {"capturable": True},
}
PRECISIONS = {
    "float32": (torch.float32, {}),
    "bfloat16": (torch.bfloat16, {}),
    "bfloat16 with float32 moments": (torch.bfloat16, {"state_dtype": torch.float32}),
    "float16 with bfloat16 moments": (torch.float16, {"state_dtype": torch.bfloat16}),
}


def saved(optimizer) -> dict:
    """The state_dict after a way through a file."""
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def twin_of(p) -> torch.nn.Parameter:
    return torch.nn.Parameter(p.detach().clone())


@pytest.mark.parametrize("precision", PRECISIONS)
def test_it_resumes_to_the_last_bit(make, implementation, precision, history, advance):
    dtype, options = PRECISIONS[precision]
    p = torch.nn.Parameter(torch.ones(40, dtype=dtype))
    options = {"lr": 0.1, "weight_decay": 0.1, **options, **implementation}
    optimizer, gradients = make([p], **options), [[g] for g in history(6, 40, dtype=dtype)]
    advance(optimizer, [p], gradients[:3])
    q = twin_of(p)
    resumed = make([q], **options)
    resumed.load_state_dict(saved(optimizer))
    advance(optimizer, [p], gradients[3:])
    advance(resumed, [q], gradients[3:])
    assert torch.equal(p, q)
    for name, value in optimizer.state[p].items():
        assert resumed.state[q][name].dtype == value.dtype
        assert torch.equal(resumed.state[q][name], value)


@pytest.mark.parametrize("source", WAYS)
@pytest.mark.parametrize("target", WAYS)
def test_it_goes_from_one_implementation_to_another(make, source, target, history, advance):
    """Within rounding: 3 steps of at most 16 roundings on numbers below 1 + 3 lr / (1 - beta1)."""
    gradients, lr = [[g] for g in history(6, 40)], 2.0**-10
    p = torch.nn.Parameter(torch.ones(40))
    optimizer = make([p], lr=lr, **WAYS[source])
    advance(optimizer, [p], gradients[:3])
    q = twin_of(p)
    other = make([q], lr=lr, **WAYS[target])
    state = saved(optimizer)
    for name in ("foreach", "fused", "capturable"):
        state["param_groups"][0][name] = WAYS[target].get(name, other.defaults[name])
    other.load_state_dict(state)
    advance(optimizer, [p], gradients[3:])
    advance(other, [q], gradients[3:])
    assert other.state[q]["step"] == 6
    assert ((p - q).abs() <= 3 * 16 * 2.0**-24 * (1 + 30 * lr)).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_float32_moments_of_16_bit_parameters_survive_where_torch_rounds_them(make, dtype, history, advance):
    p = torch.nn.Parameter(torch.ones(40, dtype=dtype))
    optimizer = make([p], state_dtype=torch.float32)
    advance(optimizer, [p], [[g] for g in history(3, 40, dtype=dtype)])
    moments = {name: optimizer.state[p][name] for name in optimizer.moments}
    state = saved(optimizer)
    resumed = make([twin_of(p)], state_dtype=torch.float32)
    resumed.load_state_dict(copy.deepcopy(state))
    by_torch = torch.optim.Adam([twin_of(p)])
    by_torch.load_state_dict(copy.deepcopy(state))
    (loaded,), (rounded,) = resumed.state.values(), by_torch.state.values()
    assert all(torch.equal(loaded[name], moment) for name, moment in moments.items())
    assert not any(torch.equal(rounded[name].float(), moment) for name, moment in moments.items())


@pytest.mark.parametrize("name", ["Adam", "AdamW", "Grams"])
def test_a_checkpoint_of_torch_in_bfloat16_gets_float32_moments(name, history, advance):
    p = torch.nn.Parameter(torch.ones(40, dtype=torch.bfloat16))
    theirs = torch.optim.AdamW([p])
    advance(theirs, [p], [[g] for g in history(3, 40, dtype=torch.bfloat16)])
    q = twin_of(p)
    ours = optim.by_name(name)([q], state_dtype=torch.float32)
    ours.load_state_dict(saved(theirs))
    for moment in ours.moments:
        assert ours.state[q][moment].dtype == torch.float32
        assert torch.equal(ours.state[q][moment], theirs.state[p][moment].float())


COUNTS = {
    "a number": lambda count: 2,
    "an integer tensor": lambda count: torch.tensor(2),
    "a tensor of one axis": lambda count: count.reshape(1),
    "a tensor of float64": lambda count: count.double(),
}


@pytest.mark.parametrize("kind", COUNTS)
def test_a_step_count_that_was_saved_as_something_else_goes_on(make, implementation, kind, history, advance):
    p = torch.nn.Parameter(torch.ones(4))
    optimizer, gradients = make([p], **implementation), [[g] for g in history(4, 4)]
    advance(optimizer, [p], gradients[:2])
    state = copy.deepcopy(optimizer.state_dict())
    state["state"][0]["step"] = COUNTS[kind](state["state"][0]["step"])
    q = twin_of(p)
    other = make([q], **implementation)
    other.load_state_dict(state)
    advance(optimizer, [p], gradients[2:])
    advance(other, [q], gradients[2:])
    assert torch.equal(p, q)
    step = other.state[q]["step"]
    kept = torch.float64 if "float64" in kind and not other.defaults["fused"] else torch.float32
    assert (step.dtype, step.shape) == (kept, ())


def test_a_number_as_step_count_is_not_rounded_to_the_default_dtype(make):
    """bfloat16 has no 301."""
    p = torch.nn.Parameter(torch.ones(4))
    optimizer = make([p])
    p.grad = torch.ones(4)
    optimizer.step()
    state = optimizer.state_dict()
    state["state"][0]["step"] = 301
    torch.set_default_dtype(torch.bfloat16)
    try:
        optimizer.load_state_dict(state)
    finally:
        torch.set_default_dtype(torch.float32)
    assert optimizer.state[p]["step"] == 301


def test_state_that_is_no_parameter_s_passes_through_as_in_torch(make, history, advance):
    p, q = torch.nn.Parameter(torch.ones(4)), torch.nn.Parameter(torch.ones(4))
    optimizer, other = make([p]), make([q])
    advance(optimizer, [p], [[g] for g in history(2, 4)])
    state, note = optimizer.state_dict(), torch.arange(3.0)
    state["state"]["ours"] = {"note": note}
    other.load_state_dict(state)
    assert torch.equal(other.state["ours"]["note"], note)
    assert torch.equal(saved(other)["state"]["ours"]["note"], note)


def test_amsgrad_may_be_switched_on_later(history, advance):
    p = torch.nn.Parameter(torch.ones(4))
    optimizer = optim.Grams([p])
    advance(optimizer, [p], [[g] for g in history(2, 4)])
    optimizer.param_groups[0]["amsgrad"] = True
    advance(optimizer, [p], [[g] for g in history(1, 4)])
    assert torch.equal(optimizer.state[p]["max_exp_avg_sq"], optimizer.state[p]["exp_avg_sq"])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))])
def test_a_copy_of_every_implementation_goes_on(make, implementation, copied, history, advance):
    p = torch.nn.Parameter(torch.ones(20, dtype=torch.bfloat16))
    gradients = [[g] for g in history(6, 20, dtype=torch.bfloat16)]
    optimizer = make([p], lr=0.1, state_dtype=torch.float32, **implementation)
    advance(optimizer, [p], gradients[:3])
    twin = copied(optimizer)
    (q,) = twin.param_groups[0]["params"]
    advance(optimizer, [p], gradients[3:])
    advance(twin, [q], gradients[3:])
    assert torch.equal(p, q)
    assert twin._step_supports_amp_scaling == optimizer._step_supports_amp_scaling


def test_hooks_see_the_state_dict_as_torch_s_do(make, history, advance):
    """A hook before loading may replace it, and one after sees moments, not wrappers."""
    p, q, seen = torch.nn.Parameter(torch.ones(4)), torch.nn.Parameter(torch.ones(4)), []
    optimizer, other = make([p]), make([q])
    advance(optimizer, [p], [[g] for g in history(2, 4)])
    optimizer.register_state_dict_pre_hook(lambda _: seen.append("before saving"))
    optimizer.register_state_dict_post_hook(lambda _, state: {**state, "note": 1})

    def tenfold(_, state_dict):
        assert isinstance(state_dict["state"][0]["exp_avg"], torch.Tensor)
        state_dict = copy.deepcopy(state_dict)
        state_dict["state"][0]["exp_avg"] *= 10
        return state_dict

    other.register_load_state_dict_pre_hook(tenfold)
    other.register_load_state_dict_post_hook(lambda o: seen.append(o.state[q]["exp_avg"].clone()))
    state = optimizer.state_dict()
    other.load_state_dict(state)
    assert state["note"] == 1
    assert seen[0] == "before saving"
    assert torch.equal(seen[1], 10 * optimizer.state[p]["exp_avg"])
    other.load_state_dict(state)
    assert len(seen) == 3, "the hook that wraps moments is gone again, and the others are not"


def test_the_names_of_parameters_are_kept(make):
    model = torch.nn.Linear(2, 3)
    optimizer = make(model.named_parameters())
    names = ["weight", "bias"]
    assert optimizer.param_groups[0]["param_names"] == names
    state = optimizer.state_dict()
    assert state["param_groups"][0]["param_names"] == names
    unnamed = make(model.parameters())
    unnamed.load_state_dict(state)
    assert unnamed.param_groups[0]["param_names"] == names


def test_another_number_of_parameters_is_refused(make):
    one, two = (make([torch.ones(1) for _ in range(n)]) for n in (1, 2))
    with pytest.raises(ValueError, match="doesn't match the size"):
        one.load_state_dict(two.state_dict())
    assert not one._optimizer_load_state_dict_pre_hooks


def test_lion_goes_on_from_a_state_of_lion_pytorch(implementation):
    """Which keeps no step count."""
    ends = []
    for cls, options in ((lion_pytorch.Lion, {}), (optim.Lion, implementation)):
        w = torch.nn.Parameter(torch.ones(5, dtype=torch.float64))
        first = lion_pytorch.Lion([w], lr=0.1)
        w.grad = torch.linspace(-1, 1, 5, dtype=torch.float64)
        first.step()
        second = cls([w], lr=0.1, **options)
        second.load_state_dict({**second.state_dict(), "state": first.state_dict()["state"]})
        w.grad = torch.linspace(1, -0.5, 5, dtype=torch.float64)
        second.step()
        ends.append(w.detach())
    assert torch.equal(*ends)


def test_moments_of_another_shape_are_refused_however_large_the_parameter(make, implementation, monkeypatch):
    """A weight that was transposed after it was saved has as many elements: its moments would be scrambled."""
    monkeypatch.setattr(_columns, "PIECE_ON_CPU", 4)
    p, q = (torch.nn.Parameter(torch.ones(shape)) for shape in [(2, 3), (3, 2)])
    optimizer, other = make([p], **implementation), make([q], **implementation)
    p.grad, q.grad = torch.ones(2, 3), torch.ones(3, 2)
    optimizer.step()
    other.load_state_dict(optimizer.state_dict())
    with pytest.raises((RuntimeError, ValueError), match=r"size|shape"):
        other.step()


BY_HAND = {"with an axis": torch.zeros(1), "an integer": torch.tensor(0)}


@pytest.mark.parametrize("count", BY_HAND.values(), ids=BY_HAND)
def test_a_state_made_by_hand_is_taken_up(make, implementation, count, history, advance):
    """As programs do whose processes share it from the start."""
    gradients = [[g] for g in history(3, 5)]
    p, q = (torch.nn.Parameter(torch.ones(5)) for _ in range(2))
    optimizer, other = make([p], **implementation), make([q], **implementation)
    moments = {name: torch.zeros(5) for name in other.moments}
    other.state[q].update(step=count.clone(), **moments)
    advance(optimizer, [p], gradients)
    advance(other, [q], gradients)
    assert torch.equal(p, q)
    assert other.state[q]["step"] == 3
    assert all(other.state[q][name] is moment for name, moment in moments.items())


def test_hooks_of_state_dict_see_what_is_saved_and_may_return_another_dict(make):
    optimizer = make([torch.nn.Parameter(torch.ones(4))], state_dtype=torch.float32)
    optimizer.register_state_dict_post_hook(lambda _, state: {"optimizer": state})
    (group,) = optimizer.state_dict()["optimizer"]["param_groups"]
    assert group["state_dtype"] == "float32"


@pytest.mark.parametrize("name", ["AdamW", "Grams"])
def test_a_checkpoint_whose_groups_count_the_steps_is_refused_until_parameters_do(name, history, advance):
    p, q = (torch.nn.Parameter(torch.ones(4)) for _ in range(2))
    theirs, ours = pytorch_optimizer.Grams([p]), optim.by_name(name)([q])
    advance(theirs, [p], [[g] for g in history(2, 4)])
    state = theirs.state_dict()
    assert state["param_groups"][0]["step"] == 2
    ours.load_state_dict(state)
    q.grad = torch.ones(4)
    with pytest.raises(
        KeyError, match="needs the step count of a parameter whose state has exp_avg, exp_avg_sq"
    ):
        ours.step()
    ours.state[q]["step"] = torch.tensor(2.0)
    ours.step()
    assert ours.state[q]["step"] == 3
