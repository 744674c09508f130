"""What an optimizer remembers is in its `state_dict`, survives saving and copying, and can be loaded elsewhere."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from grams_theory.testing.conformance.description import FLAGS
from grams_theory.testing.conformance.marks import once, skip
from grams_theory.testing.conformance.setup import (
    STEPS,
    Setup,
    assert_same,
    feed,
    require,
    trained,
)

PRECISIONS = (torch.float64, torch.float32, torch.bfloat16)
SHAPES = ((4, 3), (513, 512))
"""Their transposes are of other shapes. The second has more elements than an optimizer may take in one piece."""


def check_resumes_bitwise(s: Setup) -> None:
    """Weights and `state_dict`, saved to a file and loaded into a new instance, continue to the same bits."""
    for keywords in s.optimizer.of_moments:
        for dtype in PRECISIONS:
            params = s.parameters([s.random(4, 3).to(dtype), s.random(5, 2).to(dtype)])
            optimizer, gradients = s.new(params, **keywords), s.gradients(params, 2 * STEPS)
            feed(optimizer, params, gradients[:STEPS])
            others = s.parameters(params)
            resumed = s.new(others, **keywords)
            resumed.load_state_dict(_through_a_file(s, optimizer))
            feed(optimizer, params, gradients[STEPS:])
            feed(resumed, others, gradients[STEPS:])
            for w, expected in zip(others, params, strict=True):
                same = torch.equal(w, expected)
                require(same, f"{s.name} must resume from its state_dict in {dtype} (options {keywords})")


def check_state_kept_as_loaded(s: Setup) -> None:
    """`load_state_dict` keeps the dtype, the device and the value of each state, whatever the parameter's dtype."""
    for keywords in s.optimizer.of_moments:
        for dtype in PRECISIONS:
            optimizer, w = _primed(s, s.random(4, 3).to(dtype), **keywords)
            (other,) = s.parameters([w])
            loaded = s.new([other], **keywords)
            loaded.load_state_dict(copy.deepcopy(optimizer.state_dict()))
            for name, value in optimizer.state[w].items():
                now = loaded.state[other].get(name)
                if isinstance(value, Tensor):
                    kept = isinstance(now, Tensor) and (now.dtype, now.device) == (value.dtype, value.device)
                    kept = kept and torch.equal(now, value)
                else:
                    kept = now == value
                require(
                    kept,
                    f"{s.name}.load_state_dict must keep {name!r} of a parameter in {dtype} as it was "
                    f"(options {keywords}): {_kind(value)} -> {_kind(now)}",
                )


def check_state_across_implementations(s: Setup) -> None:
    """A run by the loop goes on by this implementation, and the other way round, as if it had been the loop's."""
    if s.implementation == "loop":
        skip("it is the loop itself")
    start = s.random(4, 3)
    gradients = s.gradients([start], 2 * STEPS)
    expected = trained(s.by("loop"), start, gradients)
    for first, then in ((s.by("loop"), s), (s, s.by("loop"))):
        (w,) = first.parameters([start])
        optimizer = first.new([w])
        feed(optimizer, [w], gradients[:STEPS])
        (other,) = then.parameters([w])
        resumed = then.new([other])
        saved = copy.deepcopy(optimizer.state_dict())
        flags = {name: value for name, value in resumed.param_groups[0].items() if name in FLAGS}
        for group in saved["param_groups"]:
            group.update(flags)
        resumed.load_state_dict(saved)
        feed(resumed, [other], gradients[STEPS:])
        where = f"from the {first.implementation} to the {then.implementation} as by the loop alone"
        assert_same(s, other, expected, start, where, s.roundings)


def check_copies(s: Setup) -> None:
    """A deep copy and an unpickled optimizer continue to the same bits, on their own copies of the parameters."""
    for how, copied in {"deepcopy": copy.deepcopy, "pickle": _pickled}.items():
        (w,) = s.parameters([s.random(4, 3)])
        optimizer, gradients = s.new([w]), s.gradients([w], 2 * STEPS)
        feed(optimizer, [w], gradients[:STEPS])
        try:
            twin = copied(optimizer)
        except Exception as error:
            raise AssertionError(f"{s.name} must be copied by {how}, but raised {error!r}") from error
        (other,) = twin.param_groups[0]["params"]
        feed(optimizer, [w], gradients[STEPS:])
        feed(twin, [other], gradients[STEPS:])
        require(torch.equal(w, other), f"{s.name}, copied by {how}, must go on as the original")


def check_state_after_a_step(s: Setup) -> None:
    """If a step depends on earlier gradients, there is state of the parameter: nothing is remembered elsewhere."""
    start = s.random(4, 3)
    *firsts, last = s.gradients([start], 3)
    moves, remembered = [], True
    for first in firsts:
        (w,) = s.parameters([start])
        optimizer = s.new([w])
        feed(optimizer, [w], [first])
        before = w.detach().clone()
        feed(optimizer, [w], [last])
        moves.append(w.detach() - before)
        remembered = remembered and bool(optimizer.state.get(w))
    if torch.equal(*moves):
        skip("its steps do not depend on earlier gradients")
    require(remembered, f"{s.name} must have state of a parameter after a step")


@once
def check_old_state_loads(s: Setup) -> None:
    """A state dict from without the flags foreach, fused, capturable or differentiable loads and goes on."""
    start = s.random(4, 3)
    gradients = s.gradients([start], 2 * STEPS)
    optimizer, w = _primed(s, start)
    switches = sorted(FLAGS & optimizer.param_groups[0].keys())
    if not switches:
        skip("its groups have none of them")
    for missing in [*([name] for name in switches), switches]:
        (other,) = s.parameters([w])
        resumed, saved = s.new([other]), copy.deepcopy(optimizer.state_dict())
        for group in saved["param_groups"]:
            for name in missing:
                del group[name]
        resumed.load_state_dict(saved)
        feed(resumed, [other], gradients[STEPS:])
        assert_same(s, other, trained(s, start, gradients), start, f"from a state dict without {missing}")


@once
def check_number_of_steps_loads(s: Setup) -> None:
    """A state dict whose step count is a number, as older torch had it, loads and goes on in a drop-in for torch's."""
    if not s.offers("foreach", "capturable"):
        skip("it has not the keywords of torch's optimizers, so that it needs not load their old state")
    start = s.random(4, 3)
    gradients = s.gradients([start], 2 * STEPS)
    optimizer, w = _primed(s, start)
    if not isinstance(optimizer.state[w].get("step"), Tensor):
        skip("its state has no tensor 'step'")
    (other,) = s.parameters([w])
    resumed, saved = s.new([other]), copy.deepcopy(optimizer.state_dict())
    for state in saved["state"].values():
        state["step"] = state["step"].item()
    resumed.load_state_dict(saved)
    feed(resumed, [other], gradients[STEPS:])
    assert_same(
        s, other, trained(s, start, gradients), start, "from a state dict with a number as step count"
    )


@once
def check_count_made_by_hand(s: Setup) -> None:
    """A step count that was put into the state by hand, of one axis or an integer, goes on in a drop-in for torch's.

    As programs do that share the state among processes before the first step.
    """
    if not s.offers("foreach", "capturable"):
        skip("it has not the keywords of torch's optimizers, so that its state needs not be theirs")
    start = s.random(4, 3)
    gradients = s.gradients([start], 2 * STEPS)
    expected = trained(s, start, gradients)
    for kind, remade in COUNTS.items():
        optimizer, w = _primed(s, start)
        if not isinstance(optimizer.state[w].get("step"), Tensor):
            skip("its state has no tensor 'step'")
        optimizer.state[w]["step"] = remade(optimizer.state[w]["step"])
        feed(optimizer, [w], gradients[STEPS:])
        assert_same(s, w, expected, start, f"from a step count that became {kind}")


COUNTS: dict[str, Callable[[Tensor], Tensor]] = {
    "a tensor of one axis": lambda count: count.reshape(1),
    "a tensor of integers": lambda count: count.to(torch.int64),
}


@once
def check_state_dict_is_plain(s: Setup) -> None:
    """`state_dict` numbers parameters from 0, holds groups and state, and is not changed by being loaded."""
    optimizer, w = _primed(s, s.random(4, 3))
    saved = optimizer.state_dict()
    numbered = [group["params"] for group in saved["param_groups"]] == [[0]]
    right = saved.keys() == {"state", "param_groups"} and numbered and saved["state"].keys() <= {0}
    require(right, f"{s.name}.state_dict must hold 'state' and 'param_groups' by number, but is {saved}")
    before = copy.deepcopy(saved)
    (other,) = s.parameters([w])
    s.new([other]).load_state_dict(saved)
    same = repr(before) == repr(saved)
    require(same, f"{s.name}.load_state_dict must not change what it loads")


@once
def check_other_state_loads(s: Setup) -> None:
    """State under a key that is no parameter's is in the loaded optimizer and in its state dict as it was saved."""
    optimizer, w = _primed(s, s.random(4, 3))
    (other,) = s.parameters([w])
    loaded, saved, note = s.new([other]), copy.deepcopy(optimizer.state_dict()), torch.arange(3.0)
    saved["state"]["note"] = {"kept": note}
    loaded.load_state_dict(saved)
    found: dict[str, Any] = {"state": dict(loaded.state), "state_dict": _through_a_file(s, loaded)["state"]}
    for where, state in found.items():
        kept = state.get("note", {}).get("kept")
        right = type(kept) is Tensor and torch.equal(kept, note)
        require(right, f"{s.name}.{where} must hold what was loaded under the key 'note', but has {kept!r}")


@once
def check_state_dict_hooks(s: Setup) -> None:
    """Hooks before and after `state_dict` and `load_state_dict` run, and what they return is used."""
    optimizer, w = _primed(s, s.random(4, 3))
    (other,) = s.parameters([w])
    loaded, called = s.new([other]), []

    def halve(_: Optimizer, state: dict[str, Any]) -> dict[str, Any]:
        called.append("before load")
        groups = [{**group, "lr": group["lr"] / 2} for group in state["param_groups"]]
        return {**state, "param_groups": groups}

    def wrap(_: Optimizer, state: dict[str, Any]) -> dict[str, Any]:
        called.append("after save")
        return {"optimizer": state}

    optimizer.register_state_dict_pre_hook(lambda _: called.append("before save"))
    optimizer.register_state_dict_post_hook(wrap)
    loaded.register_load_state_dict_pre_hook(halve)
    loaded.register_load_state_dict_post_hook(lambda _: called.append("after load"))
    try:
        saved = optimizer.state_dict()
    except Exception as error:
        raise AssertionError(
            f"{s.name}.state_dict must return what its hook does, but raised {error!r}"
        ) from error
    right = saved.keys() == {"optimizer"}
    require(right, f"{s.name}.state_dict must return what its hook does, but returned {saved}")
    loaded.load_state_dict(saved["optimizer"])
    expected = ["before save", "after save", "before load", "after load"]
    require(
        called == expected,
        f"{s.name} must call the hooks of its state dict as {expected}, but called {called}",
    )
    rates = [x.param_groups[0]["lr"] for x in (optimizer, loaded)]
    right = rates[1] == rates[0] / 2
    require(right, f"{s.name}.load_state_dict must load what its hook returns")


@once
def check_wrong_state_refused(s: Setup) -> None:
    """A state dict of other groups, or of another number of parameters, raises ValueError."""
    optimizer, _ = _primed(s, s.random(4, 3))
    first, second = s.parameters([s.random(4, 3), s.random(4, 3)])
    wrong = {"two parameters": [first, second], "two groups": [{"params": [first]}, {"params": [second]}]}
    for what, params in wrong.items():
        try:
            s.new(params).load_state_dict(copy.deepcopy(optimizer.state_dict()))
        except ValueError:
            continue
        raise AssertionError(
            f"{s.name} with {what} must refuse the state dict of one parameter by ValueError"
        )


def check_state_of_another_shape_refused(s: Setup) -> None:
    """State of a parameter of another shape is refused by loading or by `step`, though it has as many elements."""
    for shape in SHAPES:
        optimizer, w = _primed(s, s.random(*shape))
        if not any(isinstance(x, Tensor) and x.shape == w.shape for x in optimizer.state[w].values()):
            skip("it remembers nothing of a parameter's shape")
        (other,) = s.parameters([w.T])
        resumed, ((g,),) = s.new([other]), s.gradients([other], 1)
        other.grad = g
        try:
            resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
            resumed.step()
        except Exception:
            continue
        raise AssertionError(
            f"{s.name} must refuse the state of a parameter of {shape} for one of {tuple(other.shape)}, but stepped"
        )


def _primed(s: Setup, start: Tensor, **keywords: Any) -> tuple[Optimizer, Parameter]:
    """An optimizer after STEPS steps from there, and its parameter."""
    (w,) = s.parameters([start])
    optimizer = s.new([w], **keywords)
    feed(optimizer, [w], s.gradients([start], 2 * STEPS)[:STEPS])
    return optimizer, w


def _through_a_file(s: Setup, optimizer: Optimizer) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    try:
        return torch.load(file, weights_only=True)
    except pickle.UnpicklingError as error:
        raise AssertionError(f"{s.name}.state_dict must load with weights_only=True: {error}") from error


def _kind(value: Any) -> str:
    return f"{value.dtype} on {value.device}" if isinstance(value, Tensor) else repr(value)


def _pickled(optimizer: Optimizer) -> Optimizer:
    return pickle.loads(pickle.dumps(optimizer))
