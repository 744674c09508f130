"""Gradients are read, each for its own parameter, whatever they look like."""

from __future__ import annotations

import torch
from torch import Tensor

from grams_theory.engine.production import Hyper
from grams_theory.testing.conformance.marks import skip
from grams_theory.testing.conformance.setup import (
    RATE,
    WARM_UP,
    Layout,
    Setup,
    assert_as_if_alone,
    assert_same,
    feed,
    require,
    take_step,
    trained,
)


def check_gradient_untouched(s: Setup) -> None:
    """`step` leaves `p.grad` as it was, with every set of keywords."""
    start = s.random(4, 3)
    for keywords in s.optimizer.keywords:
        (w,) = s.parameters([start])
        optimizer = s.new([w], **keywords)
        for (g,) in s.gradients([start]):
            w.grad = g.clone()
            take_step(optimizer)
            unchanged = torch.equal(w.grad, g)
            require(unchanged, f"{s.name}.step must not change p.grad (options {dict(keywords)})")


def check_gradient_not_kept(s: Setup) -> None:
    """Nothing of `p.grad` is needed after `step`: the next gradient may be written into the same memory."""
    start = s.random(4, 3)
    gradients = s.gradients([start])
    (w,) = s.parameters([start])
    optimizer, w.grad = s.new([w]), torch.zeros_like(w)
    for (g,) in gradients:
        w.grad.copy_(g)
        take_step(optimizer)
    expected = trained(s, start, gradients)
    assert_same(s, w, expected, start, "with gradients written into one buffer as with fresh ones")


def check_gradient_graph_not_kept(s: Setup) -> None:
    """A gradient with a graph, as `backward(create_graph=True)` leaves it, leaves none in weights or state."""
    s.leaves_needed()
    (w,) = s.parameters([s.random(4, 3)])
    optimizer = s.new([w])
    (w**3).sum().backward(create_graph=True)
    take_step(optimizer)
    held = [w, *(value for value in optimizer.state[w].values() if isinstance(value, Tensor))]
    for value in held:
        require(value.grad_fn is None, f"{s.name} must not keep the graph of a gradient alive")


def check_missing_gradient_skipped(s: Setup) -> None:
    """A parameter whose gradient is None stays where it is, before and after it had one."""
    (w,) = s.parameters([s.random(4, 3)])
    optimizer, ((g,),) = s.new([w]), s.gradients([w], 1)
    for given in (None, g, None):
        before = w.detach().clone()
        feed(optimizer, [w], [[given]])
        right = given is not None or torch.equal(w.detach(), before)
        require(right, f"{s.name}.step must not move a parameter without a gradient")


def check_missing_gradient_among_others(s: Setup) -> None:
    """Where one parameter has no gradient, those before and after it move as if each were alone."""
    starts = [s.random(4, 3, seed=seed) for seed in range(3)]
    drawn = s.gradients(starts)
    gradients = [[first, middle if t == 1 else None, last] for t, (first, middle, last) in enumerate(drawn)]
    assert_as_if_alone(s, starts, gradients, "where the second of three has gradients at times")


def check_late_gradient(s: Setup) -> None:
    """A parameter that gets its first gradient late starts then: its step count is its own."""
    starts = [s.random(4, 3, seed=seed) for seed in range(3)]
    drawn = s.gradients(starts, 5)
    gradients = [[first, late if t > 1 else None, last] for t, (first, late, last) in enumerate(drawn)]
    assert_as_if_alone(s, starts, gradients, "where the second of three has its first gradient at step 3")


def check_zero_gradient_first(s: Setup) -> None:
    """A first gradient of zeros moves nothing, for there is no direction and no history; weight decay is 0."""
    start = s.random(4, 3)
    w = trained(s, start, [[torch.zeros_like(start)]])
    require(torch.equal(w.detach(), start), f"{s.name} must not move where the first gradient is 0")


def check_gradient_layout(s: Setup) -> None:
    """How the gradient of a contiguous parameter lies in memory does not matter; it may be expanded from one row."""
    for name, layout in {**LAYOUTS, "expanded from one row": _expanded}.items():
        _same_in_layout(s, torch.Tensor.contiguous, layout, f"with a gradient {name}")


def check_parameter_layout(s: Setup) -> None:
    """How a parameter lies in memory does not matter; its gradients are contiguous, or lie like it."""
    for name, layout in LAYOUTS.items():
        for of_gradient in (torch.Tensor.contiguous, layout):
            _same_in_layout(s, layout, of_gradient, f"a parameter {name}")


def check_nan_shows(s: Setup) -> None:
    """A NaN in a gradient reaches the weight, or `step` refuses it: it must not pass for a zero."""
    (w,) = s.parameters([s.random(2, 3)])
    optimizer, gradients = s.new([w]), s.gradients([w], WARM_UP)
    gradients[1][0][0, 2] = torch.nan
    for (g,) in gradients:
        w.grad = g
        try:
            optimizer.step()
        except Exception:
            return
    hidden = bool(w[0, 2].isfinite())
    require(not hidden, f"{s.name} must show a NaN gradient, but the weight is {w[0, 2].item()}")


def check_small_gradients_move(s: Setup) -> None:
    """In half precision a gradient whose square underflows moves a weight from 0, against itself.

    eps is 1/1024, which every dtype represents.
    """
    if not s.optimizer.takes_vectors:
        skip("its coordinates are coupled by place")
    exponents = {torch.float16: -13, torch.bfloat16: -70}
    dtypes = [dtype for dtype in exponents if dtype in s.optimizer.dtypes]
    if not dtypes:
        skip("it takes no half precision")
    for dtype in dtypes:
        g = torch.tensor([[1.0, -1.0], [1.5, -1.25]], dtype=dtype, device=s.device) * 2.0 ** exponents[dtype]
        w = trained(s, torch.zeros_like(g), [[g]] * WARM_UP, RATE, Hyper((0.9, 0.99), 2.0**-10))
        require(
            bool((w.isfinite() & (w.sign() == -g.sign())).all()),
            f"{s.name} in {dtype}: {WARM_UP} gradients {g.tolist()} must move weights from 0 against them, "
            f"but the weights are {w.tolist()}",
        )


def check_sparse_gradient(s: Setup) -> None:
    """A sparse gradient is refused with a message that says so, and nothing moves; or it counts as the dense one."""
    start, (index, values) = s.random(4, 3), (torch.tensor([[0, 2]]), s.random(2, 3, seed=1))
    g = torch.sparse_coo_tensor(index.to(s.device), values, (4, 3), check_invariants=False)
    (w,) = s.parameters([start])
    optimizer, w.grad = s.new([w]), g
    try:
        optimizer.step()
    except Exception as error:
        named = "sparse" in str(error).lower()
        require(named, f"{s.name} must say that it takes no sparse gradients, but raised {error!r}")
        require(torch.equal(w, start), f"{s.name} must not move by a sparse gradient that it refuses")
        return
    assert_same(s, w, trained(s, start, [[g.to_dense()]]), start, "by a sparse gradient as by the dense one")


def check_maximize(s: Setup) -> None:
    """`maximize=True` is a negated gradient."""
    if not s.offers("maximize"):
        skip("it has no maximize")
    start = s.random(4, 3)
    for keywords in s.optimizer.keywords:
        options = {
            name: value for name, value in keywords.items() if name not in ("maximize", "weight_decay")
        }
        gradients, (up, down) = s.gradients([start]), s.parameters([start, start])
        feed(s.new([up], maximize=True, **options), [up], gradients)
        feed(s.new([down], maximize=False, **options), [down], gradients, torch.neg)
        assert_same(s, up, down, start, f"with maximize=True as on negated gradients (options {options})")


def check_complex(s: Setup) -> None:
    """A complex parameter moves as the pairs of its real and imaginary parts, or is refused with a word of complex."""
    if s.optimizer.couples_parameters or not s.optimizer.takes_vectors:
        skip("its coordinates are coupled by place")
    pairs = s.random(4, 3, 2)
    gradients = s.gradients([pairs])
    w = s.parameter(torch.view_as_complex(pairs.clone()))
    expected = trained(s, pairs, gradients)
    try:
        optimizer = s.new([w])
        for (g,) in gradients:
            w.grad = torch.view_as_complex(g)
            optimizer.step()
    except Exception as error:
        named = "complex" in str(error).lower()
        require(named, f"{s.name} must say that it takes no complex parameters, but raised {error!r}")
        still = torch.equal(torch.view_as_real(w.detach()), pairs)
        require(still, f"{s.name} must not move by a complex gradient that it refuses")
        return
    assert_same(s, torch.view_as_real(w.detach()), expected, pairs, "a complex parameter as pairs of reals")


def _transposed(x: Tensor) -> Tensor:
    return x.T.contiguous().T


def _with_holes(x: Tensor) -> Tensor:
    return torch.stack([x, torch.full_like(x, 7.0)], -1)[..., 0]


def _at_an_offset(x: Tensor) -> Tensor:
    return torch.cat([torch.full_like(x[:1], 7.0), x])[1:]


def _expanded(x: Tensor) -> Tensor:
    return x[:1].expand_as(x)


LAYOUTS: dict[str, Layout] = {
    "transposed": _transposed,
    "with holes between its elements": _with_holes,
    "at an offset in its storage": _at_an_offset,
}


def _same_in_layout(s: Setup, of_parameter: Layout, of_gradient: Layout, what: str) -> None:
    """A matrix and its gradients in those layouts move as contiguous ones of the same values."""
    start = s.random(12, 5)
    gradients = s.gradients([start])
    w = s.parameter(of_parameter(start.clone()))
    feed(s.new([w]), [w], gradients, of_gradient)
    (expected,) = s.parameters([start])
    feed(s.new([expected]), [expected], gradients, lambda g: of_gradient(g).contiguous())
    assert_same(s, w, expected, start, f"{what} as in contiguous memory")
