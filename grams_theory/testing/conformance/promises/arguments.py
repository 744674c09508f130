"""Bad arguments are refused when the optimizer is made, before anything is trained with them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn import Parameter

from grams_theory.testing.conformance import torch_inputs
from grams_theory.testing.conformance.marks import once, skip
from grams_theory.testing.conformance.setup import Setup, feed, require

OUT_OF_RANGE: dict[str, tuple[Any, ...]] = {
    "lr": (-0.1,),
    "betas": ((-0.1, 0.99), (1.0, 0.99), (0.9, -0.1), (0.9, 1.0)),
    "eps": (-1e-8,),
    "weight_decay": (-0.1,),
    "momentum": (-0.1,),
}
NAN = float("nan")
NOT_NUMBERS: dict[str, tuple[Any, ...]] = {
    "lr": (NAN,),
    "betas": ((NAN, 0.99), (0.9, NAN)),
    "eps": (NAN,),
    "weight_decay": (NAN,),
    "momentum": (NAN,),
}


@once
def check_out_of_range_refused(s: Setup) -> None:
    """A negative lr, eps, weight decay or momentum, and a beta outside [0, 1), are refused, and by no `assert`."""
    _must_refuse_each(s, OUT_OF_RANGE)


@once
def check_nan_refused(s: Setup) -> None:
    """NaN as lr, beta, eps, weight decay or momentum is refused, and by no `assert`, which `python -O` leaves out."""
    _must_refuse_each(s, NOT_NUMBERS)


@once
def check_unknown_keyword_refused(s: Setup) -> None:
    """A keyword that the constructor does not know, a misspelt one say, raises TypeError."""
    _must_refuse(s, "the keyword leraning_rate", s.parameters([s.random(2, 2)]), TypeError, leraning_rate=0.1)


@once
def check_bad_parameters_refused(s: Setup) -> None:
    """No parameters, a bare tensor, what is no tensor, what is no leaf, and repeated parameters are refused."""
    w, other = (Parameter(s.random(2, 2, seed=seed)) for seed in range(2))
    refused: dict[str, Any] = {
        "no parameters": [],
        "a tensor in the place of a list": w,
        "numbers": [1.0],
        "a tensor that is no leaf": [w * 2],
        "a parameter in two groups": [{"params": [w]}, {"params": [w]}],
        "names for some parameters only": [("w", w), other],
    }
    for what, params in refused.items():
        _must_refuse(s, what, params, (TypeError, ValueError))


@once
def check_exclusive_refused(s: Setup) -> None:
    """fused with foreach, or with differentiable, is refused, by the constructor or by the first step."""
    pairs = [("fused", "foreach"), ("fused", "differentiable")]
    offered = [names for names in pairs if s.offers(*names)]
    if not offered:
        skip("it has no fused beside foreach or differentiable")
    for names in offered:
        w = Parameter(s.random(2, 2), requires_grad=False)
        w.grad = torch.ones_like(w)
        try:
            keywords: dict[str, Any] = dict.fromkeys(names, True)
            s.optimizer.cls([w], **keywords).step()
        except (RuntimeError, ValueError, AssertionError):
            continue
        raise AssertionError(f"{s.name} must refuse {' and '.join(f'{name}=True' for name in names)}")


@once
def check_errors_of_torch(s: Setup) -> None:
    """What PyTorch's own tests expect to be refused is refused, with an error of the same type."""
    for bad in torch_inputs.errors(s.optimizer, s.device, s.dtype):
        params = bad.params if bad.params is not None else s.parameters([s.random(2, 2)])
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            _must_refuse(s, bad.what, params, bad.error, **bad.keywords)


def check_inputs_of_torch(s: Setup) -> None:
    """It goes downhill on the keywords and schedulers that PyTorch's own tests use."""
    s.leaves_needed()
    for keywords, schedulers in torch_inputs.inputs(s.optimizer, s.device, s.dtype):
        uphill = bool(keywords.get("maximize"))
        (w,) = s.parameters([s.random(4, 3)])
        wanted = {**s.optimizer.flags(s.implementation), **keywords}
        try:
            optimizer = s.optimizer.cls([w], **wanted)
        except (TypeError, ValueError, RuntimeError) as error:
            raise AssertionError(f"{s.name} must take {wanted}, but raised {error!r}") from error
        running = [schedule(optimizer) for schedule in schedulers]
        before = float((w**2).sum())
        for _ in range(STEPS_DOWN):
            feed(optimizer, [w], [[2 * w.detach()]])
            for scheduler in running:
                scheduler.step(*([1.0] if hasattr(scheduler, "patience") else []))
        after = float((w**2).sum())
        right = after > before if uphill else after < before
        require(
            right, f"{s.name} must go {'up' if uphill else 'down'}hill with {keywords}: {before} -> {after}"
        )


STEPS_DOWN = 10


def _must_refuse_each(s: Setup, values: dict[str, tuple[Any, ...]]) -> None:
    for name, value in _known(s, values):
        try:
            s.optimizer.cls(s.parameters([s.random(2, 2)]), **{name: value})
        except AssertionError as error:
            raise AssertionError(f"{s.name} must refuse {name}={value} by an error, not by assert") from error
        except Exception:
            continue
        raise AssertionError(f"{s.name} must refuse {name}={value}, but took it")


def _known(s: Setup, values: dict[str, tuple[Any, ...]]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, several in values.items() if s.offers(name) for value in several)


def _must_refuse(
    s: Setup,
    what: str,
    params: Any,
    errors: type[BaseException] | tuple[type[BaseException], ...],
    **keywords: Any,
) -> None:
    """Raise AssertionError unless the constructor raises one of the errors."""
    expected = " or ".join(e.__name__ for e in (errors if isinstance(errors, tuple) else (errors,)))
    try:
        s.optimizer.cls(params, **keywords)
    except errors:
        return
    except Exception as error:
        raise AssertionError(f"{s.name} must refuse {what} by {expected}, but raised {error!r}") from error
    raise AssertionError(f"{s.name} must refuse {what} by {expected}, but took it")
