"""What `step` does beside the update: closures, hooks, gradient mode, and loss scaling."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import profiler_legacy
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from grams_theory.testing.conformance.marks import once
from grams_theory.testing.conformance.setup import (
    STEPS,
    Setup,
    assert_same,
    copied_state,
    feed,
    require,
    take_step,
    trained,
)


def check_closure(s: Setup) -> None:
    """`step(closure)` runs a closure that calls backward, moves by its gradients, and returns its loss."""
    _closure_followed(s, grad=True)


def check_closure_without_grad(s: Setup) -> None:
    """`step(closure)` under `no_grad` turns gradients on for the closure."""
    _closure_followed(s, grad=False)


def check_grad_mode_restored(s: Setup) -> None:
    """After `step`, with a closure or without, gradients are recorded or not as before."""
    for grad in (True, False):
        for closure in ((), (lambda: 0.0,)):
            (w,) = s.parameters([s.random(4, 3)])
            optimizer, w.grad = s.new([w]), torch.ones_like(w)
            with torch.set_grad_enabled(grad):
                take_step(optimizer, *closure)
                require(
                    torch.is_grad_enabled() == grad, f"{s.name}.step must leave the gradient mode at {grad}"
                )


@once
def check_step_hooks(s: Setup) -> None:
    """Hooks before and after `step`, of the optimizer and of all optimizers, run once each, in that order."""
    (w,) = s.parameters([s.random(4, 3)])
    optimizer, called = s.new([w]), []
    handles = [
        register_optimizer_step_pre_hook(lambda *_: called.append("before any")),
        optimizer.register_step_pre_hook(lambda *_: called.append("before")),
        optimizer.register_step_post_hook(lambda *_: called.append("after")),
        register_optimizer_step_post_hook(lambda *_: called.append("after any")),
    ]
    try:
        feed(optimizer, [w], s.gradients([w], 1))
    finally:
        for handle in handles:
            handle.remove()
    feed(optimizer, [w], s.gradients([w], 1))
    expected = ["before any", "before", "after", "after any"]
    require(called == expected, f"{s.name}.step must call its hooks as {expected}, but called {called}")


@once
def check_step_hooks_see_the_step(s: Setup) -> None:
    """Before hooks see the weights as they were, after hooks as they are, and a before hook may change gradients."""
    start = s.random(4, 3)
    gradients = s.gradients([start])
    (w,) = s.parameters([start])
    optimizer, seen = s.new([w]), []

    def negate(*_: Any) -> None:
        seen.append(w.detach().clone())
        w.grad = w.grad.neg()  # pyright: ignore[reportOptionalMemberAccess]

    optimizer.register_step_pre_hook(negate)
    optimizer.register_step_post_hook(lambda *_: seen.append(w.detach().clone()))
    feed(optimizer, [w], gradients)
    expected = trained(s, start, [[g.neg()] for (g,) in gradients])
    assert_same(s, w, expected, start, "by the gradient that a hook before the step put there")
    right = len(seen) == 2 * STEPS and torch.equal(seen[0], start) and torch.equal(seen[-1], w.detach())
    require(right, f"{s.name}.step must run hooks before and after it moves the weights")


@once
def check_step_in_profiles(s: Setup) -> None:
    """`step` and `zero_grad` are seen by name in a profile: "Optimizer.step#Class.step"."""
    (w,) = s.parameters([s.random(4, 3)])
    optimizer, w.grad = s.new([w]), torch.ones_like(w)
    with profiler_legacy.profile() as profile:
        take_step(optimizer)
        optimizer.zero_grad()
    names = {event.name for event in profile.function_events or ()}  # pyright: ignore[reportOptionalMemberAccess]
    for method in ("step", "zero_grad"):
        name = f"Optimizer.{method}#{s.name}.{method}"
        require(name in names, f"{s.name}.{method} must be in a profile as {name!r}")


def check_loss_scaling(s: Setup) -> None:
    """Under `GradScaler` it moves as on unscaled gradients, and a step with an infinite one changes nothing."""
    s.leaves_needed()
    start = s.random(4, 3)
    gradients = [step[0] for step in s.gradients([start], STEPS + 1)]
    (w,) = s.parameters([start])
    optimizer, scaler = s.new([w]), torch.amp.GradScaler(s.device.type, init_scale=2.0**6, growth_interval=2)
    for t, g in enumerate(gradients):
        w.grad = None
        scaler.scale((w * g).sum()).backward()
        if t == 1:
            w.grad[0, 0] = torch.inf  # pyright: ignore[reportOptionalSubscript]
        before, remembered = w.detach().clone(), copied_state(optimizer, w)
        scaler.step(optimizer)
        scaler.update()
        if t == 1:
            require(
                torch.equal(w.detach(), before), f"{s.name} must not move where GradScaler found infinity"
            )
            for name, value in remembered.items():
                now = optimizer.state[w][name]
                kept = torch.equal(now, value) if isinstance(value, Tensor) else now == value
                require(
                    kept, f"{s.name} must keep {name!r} where GradScaler found infinity: {value} -> {now}"
                )
    finite = [[g] for t, g in enumerate(gradients) if t != 1]
    assert_same(s, w, trained(s, start, finite), start, "under GradScaler as on unscaled gradients")


def _closure_followed(s: Setup, grad: bool) -> None:
    s.leaves_needed()
    start, losses = s.random(4, 3), []
    inside, before = s.parameters([start, start])
    given, plain = s.new([inside]), s.new([before])

    def evaluate(w: Tensor) -> Tensor:
        w.grad = None
        loss = (w**2).sum()
        loss.backward()
        return loss

    def closure() -> Tensor:
        losses.append(evaluate(inside))
        return losses[-1]

    for _ in range(STEPS):
        losses.clear()
        with torch.set_grad_enabled(grad):
            returned = take_step(given, closure)
        require(bool(losses), f"{s.name}.step(closure) must run the closure")
        require(
            returned is not None and torch.as_tensor(returned).item() == losses[0].item(),
            f"{s.name}.step(closure) must return the loss {losses[0].item()}, but returned {returned}",
        )
        evaluate(before)
        take_step(plain)
    assert_same(s, inside, before, start, "by step(closure) as by the closure and step()")
