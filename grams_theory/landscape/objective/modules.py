"""What a model's modules say about its loss: where it is not smooth or random, which parameters belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from grams_theory.core.errors import UsageError

Groups = str | int | torch.optim.Optimizer | Mapping[str, Iterable[Any]] | Sequence[Mapping[str, Any]]
"""How parameters are grouped, see `group`."""
Places = Mapping[str, tuple[slice, ...]]
_KINKED = {
    *("relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "prelu", "_prelu_kernel", "rrelu_with_noise"),
    *("threshold", "threshold_", "hardtanh", "hardtanh_", "hardshrink", "softshrink"),
    *("hardsigmoid", "hardsigmoid_", "hardswish", "hardswish_", "abs", "abs_", "maximum", "minimum"),
    *("clamp", "clamp_", "clamp_min", "clamp_min_", "clamp_max", "clamp_max_", "fmax", "fmin"),
    *("max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices", "mkldnn_max_pool2d"),
    *("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"),
    *("fractional_max_pool2d", "fractional_max_pool3d"),
}
"""Operations of torch with a derivative that jumps. Those of shape `where(x > 0, ...)` are not seen."""


def random_in_training(model: nn.Module) -> tuple[str, ...]:
    """Kinds of modules in train mode that make the loss depend on more than the weights and the sample."""

    def random(m: nn.Module) -> bool:
        dropped = isinstance(m, nn.modules.dropout._DropoutNd) and m.p > 0
        return m.training and (dropped or isinstance(m, nn.modules.batchnorm._BatchNorm))

    return tuple(sorted({type(m).__name__ for m in model.modules() if random(m)}))


def cast(module: nn.Module, device: str | torch.device, dtype: torch.dtype | None) -> nn.Module:
    """The module itself, moved; complex tensors, such as tables of rotations, stay complex."""
    module = module.to(device)
    if dtype is None:
        return module

    def change(x: Tensor) -> Tensor:
        if x.is_complex():
            return x.to(dtype.to_complex())
        return x.to(dtype) if x.is_floating_point() else x

    return module._apply(change)


def unaltered(module: nn.Module) -> bool:
    """Whether a call does what its class says, and its gradient too: no hooks, and no forward of its own."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return "forward" not in vars(module) and not any(getattr(module, name) for name in hooks)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """In eval mode; each module is put back into its own."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@dataclass(frozen=True)
class Trace:
    """What one pass through a model and its loss showed of the operations that depend on the weights."""

    kinks: tuple[str, ...]
    """Names of the modules with an operation whose derivative jumps."""
    coarsest: torch.dtype
    """The floating dtype of least precision."""


class _Watch(TorchDispatchMode):
    def __init__(self, inside: list[str]) -> None:
        super().__init__()
        self.inside, self.kinks, self.dtypes = inside, dict[str, None](), set[torch.dtype]()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        dependent = [x for x in args if isinstance(x, Tensor) and x.requires_grad]
        if dependent:
            name = func.overloadpacket.__name__
            self.dtypes |= {x.dtype for x in dependent}
            if name in _KINKED or (name in ("elu", "elu_") and _elu_kinked(*args[1:], **(kwargs or {}))):
                self.kinks[self.inside[-1]] = None
        return func(*args, **(kwargs or {}))


def _elu_kinked(alpha: float = 1, scale: float = 1, input_scale: float = 1) -> bool:
    """Left of 0 the slope tends to alpha scale input_scale, right of it it is scale."""
    return alpha * input_scale != 1


def trace(model: nn.Module, outputs: Callable[[], Any], loss: Callable[[Any], Any]) -> Trace:
    """Run `outputs()`, which calls the model, and `loss` on the result, and watch every operation of torch.

    An operation belongs to the innermost module that is running. The model itself goes by the name of its class, the
    loss by "loss_fn".
    """
    inside = [type(model).__name__]
    hooks = []
    for name, module in model.named_modules():
        if name:
            hooks.append(module.register_forward_pre_hook(lambda *_, name=name: inside.append(name)))
            hooks.append(module.register_forward_hook(lambda *_: inside.pop() and None, always_call=True))
    try:
        with torch.enable_grad(), _Watch(inside) as watch:
            output = outputs()
            inside[:] = ["loss_fn"]
            loss(output)
    finally:
        for hook in hooks:
            hook.remove()
    dtypes = watch.dtypes or {p.dtype for p in model.parameters()}
    return Trace(tuple(watch.kinks), max(dtypes, key=lambda dtype: torch.finfo(dtype).eps))


def group(model: nn.Module, named: Mapping[str, Tensor], by: Groups) -> Places:
    """Group name -> its places in the vector of all parameters `named`, which are those of `model` or a copy's.

    `by` is "module" (by the path of the module that owns the parameter), "parameter", "none", a number of parts of
    that path, a mapping of names to parameters (or their names), or an optimizer or its list of param_groups, which go
    by their key "name", else "group 0", "group 1", ... Parameters that are left over form the group "others".

    Raises:
        UsageError: `by` is none of these, names what is no trainable parameter, or one parameter twice.
    """
    owner = _owners(model, named, by)
    places: dict[str, list[slice]] = {}
    at = 0
    for name, p in named.items():
        found = places.setdefault(owner[name], []) if owner else []
        if found and found[-1].stop == at:
            found[-1] = slice(found[-1].start, at + p.numel())
        else:
            found.append(slice(at, at + p.numel()))
        at += p.numel()
    return MappingProxyType({name: tuple(found) for name, found in places.items()})


def _owners(model: nn.Module, named: Mapping[str, Tensor], by: Groups) -> dict[str, str]:
    if by == "none":
        return {}
    if by == "parameter":
        return {name: name for name in named}
    if by == "module" or (isinstance(by, int) and by > 0):
        depth = None if isinstance(by, str) else by
        paths = {name: ".".join(name.split(".")[:-1][:depth]) for name in named}  # type: ignore[misc]
        return {name: path or type(model).__name__ for name, path in paths.items()}
    if isinstance(by, torch.optim.Optimizer):
        by = by.param_groups
    if isinstance(by, Sequence) and not isinstance(by, str) and all(isinstance(g, Mapping) for g in by):
        by = {g.get("name", f"group {i}"): g["params"] for i, g in enumerate(by)}
    if not isinstance(by, Mapping):
        raise UsageError(
            f"groups={by!r} is not known; give 'module', 'parameter', 'none', a number of parts of a module's path, "
            "a mapping of names to parameters, or an optimizer"
        )
    return _listed(model, named, by)


def _listed(
    model: nn.Module, named: Mapping[str, Tensor], groups: Mapping[str, Iterable[Any]]
) -> dict[str, str]:
    names = {id(p): name for name, p in model.named_parameters()}
    owner: dict[str, str] = {}
    for title, members in groups.items():
        for member in members:
            name = names.get(id(member)) if isinstance(member, Tensor) else member
            if name is None or (name not in named and name not in names.values()):
                what = (
                    f"a tensor of shape {tuple(member.shape)}" if isinstance(member, Tensor) else repr(member)
                )
                raise UsageError(f"group {title!r} holds {what}, which is no parameter of the model")
            if name in owner:
                raise UsageError(f"parameter {name!r} is in two groups, {owner[name]!r} and {title!r}")
            owner[name] = str(title)
    return {name: owner.get(name, "others") for name in named}
