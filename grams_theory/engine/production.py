"""The production optimizer as the engine sees it: fed gradients, stepped by its own `step`, and observed.

Nothing here computes an update: what the definitions say is computed by `updates`, independently.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from numbers import Real
from pathlib import Path
from traceback import extract_tb
from typing import Any, Literal, TypeGuard

import torch
from torch import Tensor

from grams_theory import optim
from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.registry import users_module

OptimizerClass = type[torch.optim.Optimizer]

DTYPES = {name: getattr(torch, name) for name in ("float64", "float32", "bfloat16", "float16")}


class ReleasedCautiousAdam(optim.CautiousAdam):
    """Ours with the mask of the released code, u g > 0, divided by its mean."""

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, mask_rescale=True)


VARIANTS: Mapping[str, OptimizerClass] = {
    "SGD": torch.optim.SGD,
    "ReleasedCautiousAdam": ReleasedCautiousAdam,
}
"""Optimizers that we study and that are no files of ours: torch's, and ours with another setting."""


@dataclass(frozen=True)
class Hyper:
    """Hyperparameters shared by the optimizers of a case. The first beta is also what SGD calls momentum."""

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8


def load(spec: str | OptimizerClass) -> OptimizerClass:
    """The optimizer class named by "Grams" (ours), by "SGD" (torch's) or by "module:Class" (anybody's).

    A class is taken as it is.

    Raises:
        UsageError: the module or class does not exist, or is no subclass of torch.optim.Optimizer.
    """
    if not isinstance(spec, str):
        if not _is_optimizer(spec):
            name = getattr(spec, "__name__", repr(spec))
            raise UsageError(f"{name} {_no_class(spec)}; give a subclass{_written(spec)}")
        return spec
    if ":" not in spec:
        if spec in VARIANTS:
            return VARIANTS[spec]
        if "." in spec:
            raise UsageError(f"{spec!r} names no class; write {':'.join(spec.rsplit('.', 1))}, module:Class")
        if spec not in optim.names():
            raise UnknownNameError("optimizer", spec, (*optim.names(), *VARIANTS, "module:Class of yours"))
        return optim.by_name(spec)
    module_name, _, class_name = spec.partition(":")
    module = users_module(module_name, spec)
    found = getattr(module, class_name, None)
    if not _is_optimizer(found):
        here = [name for name, value in vars(module).items() if _is_optimizer(value)]
        near = get_close_matches(class_name, here, n=3) or sorted(here)
        problem = "does not exist" if found is None else _no_class(found)
        offer = f"; {module_name} has {', '.join(near)}" if near else ""
        raise UsageError(
            f"{class_name!r} in {module_name!r} {problem}{offer}; give a subclass as module:Class{_written(found)}"
        )
    return found


def _is_optimizer(found: Any) -> TypeGuard[OptimizerClass]:
    return inspect.isclass(found) and issubclass(found, torch.optim.Optimizer)


def _is_factory(found: Any) -> bool:
    return callable(found) and not inspect.isclass(found)


def _no_class(found: Any) -> str:
    return "is a function, no class" if _is_factory(found) else "is no torch.optim.Optimizer"


def _written(found: Any) -> str:
    """How a subclass does what a factory does."""
    example = "class Mine(Base): __init__ = lambda self, params, lr=1e-3: Base.__init__(self, params, lr)"
    return f", such as: {example}" if _is_factory(found) else ""


def name_of(optimizer: str | OptimizerClass) -> str:
    """What `load` finds it by: the name that was given, or "module:Class"."""
    return optimizer if isinstance(optimizer, str) else f"{optimizer.__module__}:{optimizer.__qualname__}"


IMPLEMENTATIONS = {
    "loop": {"foreach": False, "fused": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
}
"""Ways to step many tensors, and the keywords by which torch.optim's constructors are told."""
LAYOUTS = ("whole", "pieces", "strided")
"""How a batch lies in memory: one tensor; several of different shapes; one whose rows are not contiguous."""


def arguments(cls: OptimizerClass, hyper: Hyper, implementation: str | None = None) -> dict[str, Any]:
    """Keywords for the constructor: no weight decay and those hyperparameters, as far as it knows them.

    Raises:
        UsageError: it has no such implementation.
    """
    wanted = {"betas": hyper.betas, "momentum": hyper.betas[0], "eps": hyper.eps, "weight_decay": 0.0}
    known = keywords(cls)
    chosen = IMPLEMENTATIONS[implementation] if implementation else {}
    if not {name for name, value in chosen.items() if value} <= known.keys():
        raise UsageError(
            f"{cls.__name__} has no implementation {implementation!r}; use 'loop', or its default"
        )
    return {name: value for name, value in {**wanted, **chosen}.items() if name in known}


@cache
def keywords(cls: OptimizerClass) -> Mapping[str, inspect.Parameter]:
    """What its constructor takes by name; if it passes others on, as **kwargs, those of the next class in line too."""
    known: dict[str, inspect.Parameter] = {}
    for owner in cls.__mro__:
        if "__init__" in vars(owner):
            taken = inspect.signature(owner.__init__).parameters
            known = {**taken, **known}
            if not any(x.kind is x.VAR_KEYWORD for x in taken.values()):
                break
    return known


def build(
    cls: OptimizerClass,
    parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
    lr: float,
    hyper: Hyper,
    implementation: str | None = None,
) -> torch.optim.Optimizer:
    """An instance with no weight decay and those hyperparameters, as far as its constructor knows them.

    Raises:
        UsageError: it refused them, has no such implementation, or no step size that can be set.
    """
    wanted = arguments(cls, hyper, implementation)
    if "lr" in keywords(cls):
        wanted["lr"] = lr
    try:
        made = cls(parameters, **wanted)
    except Exception as error:  # whatever its constructor raises
        raise refused(cls, wanted, error) from error
    if "lr" not in made.defaults:
        raise UsageError(
            f"{cls.__name__} has no lr among its defaults, so that its step size cannot be set; "
            "give a subclass whose groups have one"
        )
    return made


@cache
def told(cls: OptimizerClass, hyper: Hyper) -> Hyper:
    """The hyperparameters that it steps by when it is to step by these: its own where it cannot be told.

    Its parameter groups say what it has. Where they do not, it has what its constructor takes by name, and what it does
    not take, it is held to have as torch's Adam has it.
    """
    group = build(cls, [torch.nn.Parameter(torch.zeros(1, 1))], 1e-3, hyper).param_groups[0]
    known, plain = keywords(cls), Hyper()
    betas = hyper.betas if known.keys() & {"betas", "momentum"} else plain.betas
    eps = hyper.eps if "eps" in known else plain.eps
    match group:
        case {"betas": [Real() as beta1, Real() as beta2, *_]}:
            betas = (float(beta1), float(beta2))
        case {"beta1": Real() as beta1, "beta2": Real() as beta2}:
            betas = (float(beta1), float(beta2))
        case {"momentum": Real() as beta1}:
            betas = (float(beta1), betas[1])
    match group:
        case {"eps": Real() as own}:
            eps = float(own)
    return Hyper(betas, eps)


def refused(cls: OptimizerClass, given: Iterable[str], error: Exception) -> UsageError:
    """What to say of a constructor that took the parameters and these keywords amiss."""
    others = list(inspect.signature(cls.__init__).parameters.values())[2:]
    missing = [
        x.name for x in others if x.default is x.empty and x.kind not in (x.VAR_POSITIONAL, x.VAR_KEYWORD)
    ]
    if wanting := [name for name in missing if name not in given]:
        return UsageError(
            f"{cls.__name__} cannot be built from its parameters alone, it needs {' and '.join(wanting)} too; give a "
            f"subclass whose __init__(self, params, lr) passes {'them' if len(wanting) > 1 else 'it'} on"
        )
    return UsageError(f"{cls.__name__} refused {given}: {_said(error)}")


def _said(error: Exception) -> str:
    """What an optimizer raised, and where: the last line outside torch that its traceback names."""
    ours = {Path(torch.__file__).parent, Path(optim.__file__).parents[1]}
    frames = [
        frame for frame in extract_tb(error.__traceback__) if not ours & {*Path(frame.filename).parents}
    ]
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


Held = Literal["together", "apart", "alone"]
"""How an optimizer holds the cases of a batch: in one parameter, in one for each case, or each case has an optimizer of
its own."""
PROBE = (16, 32)
"""Cases and coordinates of the batch on which `holding` looks."""
SIZES = (1.0, 1e6)
"""How large its gradients are: thresholds of clipping lie between."""


@cache
def holding(cls: OptimizerClass) -> Held:
    """The first way to hold a batch in which each case is stepped bitwise as alone, seen on a small batch.

    The gradients shrink from step to step, so that updates and gradients differ in sign somewhere: masks show only
    there. In float32, which every optimizer takes.
    """
    gen = torch.Generator().manual_seed(0)
    w, *gradients = torch.randn((5, *PROBE), generator=gen, dtype=torch.float32)

    def ends(held: Held) -> Tensor:
        runs = []
        for size in SIZES:
            runs.append(Subject(cls, w, 0.01, Hyper(), held=held))
            for t, gradient in enumerate(gradients):
                runs[-1].step(gradient * size * 0.01**t)
        return torch.stack([run.w for run in runs]).nan_to_num()

    alone = ends("alone")
    if torch.equal(ends("together"), alone):
        return "together"
    return "apart" if torch.equal(ends("apart"), alone) else "alone"


def is_coordinatewise(cls: OptimizerClass) -> bool:
    """Whether a parameter of shape (B, D) is stepped bitwise as B separate ones: see `holding`."""
    return holding(cls) == "together"


@cache
def state_dtype(cls: OptimizerClass, dtype: torch.dtype) -> torch.dtype:
    """What it computes updates and keeps moments in, for weights of that dtype: theirs, or what its groups declare.

    An optimizer that declares a `state_dtype` promises to compute in it, or in float32 if that is wider, and to round
    a weight once, when it is stored; our own do.
    """
    made = build(cls, [torch.nn.Parameter(torch.zeros(1, 1, dtype=dtype))], 1e-3, Hyper())
    return made.param_groups[0].get("state_dtype") or dtype


@cache
def takes_vectors(cls: OptimizerClass, hyper: Hyper) -> bool:
    """Whether its parameters may have one axis; `Subject` gives it rows of a matrix otherwise."""
    try:
        build(cls, [torch.nn.Parameter(torch.zeros(1))], 1e-3, hyper)
    except UsageError:
        return False
    return True


class Subject:
    """A batch of B independent trajectories of one production optimizer, weights of shape (B, D).

    Step sizes may differ by row, `lr` of shape (B,): rows of the same one share a parameter group. A row that must have
    a parameter of its own (see `holding`) is a (1, D) matrix if the optimizer takes no vectors. With `only`, the
    gradients of all other rows are 0.
    """

    def __init__(
        self,
        cls: OptimizerClass,
        w: Tensor,
        lr: float | Tensor,
        hyper: Hyper,
        *,
        held: Held | None = None,
        implementation: str | None = None,
        layout: str = "whole",
        only: int | None = None,
    ) -> None:
        self.name = cls.__name__
        self.shape = w.shape
        self.only = only
        held = holding(cls) if held is None else held
        rows = _rows_by_step_size(lr, len(w), w.device)
        if held == "together":
            tensor = _columns_first if layout == "strided" else _rows_first
            rows = [(value, _split(index, layout)) for value, index in rows]
        else:
            tensor = _vector if takes_vectors(cls, hyper) else _rows_first
            rows = [(value, [row.unsqueeze(0) for row in index]) for value, index in rows]
        groups = [
            (value, [(torch.nn.Parameter(tensor(w, part)), part) for part in parts]) for value, parts in rows
        ]
        self._parts = [pair for _, pairs in groups for pair in pairs]
        """The parameters, and the rows that they hold."""
        alone = [[(value, [pair])] for value, pairs in groups for pair in pairs]
        shares = alone if held == "alone" else [groups]
        self.optimizers = [_construct(cls, share, hyper, implementation) for share in shares]
        """One, or with "alone" one for each row."""

    @property
    def w(self) -> Tensor:
        """A copy of the present weights, shape (B, D), in float64."""
        first = self._parts[0][0]
        weights = torch.empty(self.shape, dtype=torch.float64, device=first.device)
        for parameter, rows in self._parts:
            weights[rows] = parameter.detach().double().reshape(len(rows), -1)
        return weights

    def move_to(self, w: Tensor) -> None:
        """Overwrite the weights and keep the optimizer's state."""
        with torch.no_grad():
            for parameter, rows in self._parts:
                parameter.copy_(w[rows].reshape(parameter.shape))

    def step(self, gradient: Tensor) -> None:
        """One production step on that gradient, shape (B, D).

        Raises:
            UsageError: the optimizer raised an exception.
        """
        if self.only is not None:
            silent = torch.arange(len(gradient), device=gradient.device) != self.only
            gradient = gradient.masked_fill(silent.unsqueeze(-1), 0.0)
        for parameter, rows in self._parts:
            parameter.grad = gradient[rows].to(parameter.dtype, copy=True).reshape(parameter.shape)
        try:
            for optimizer in self.optimizers:
                optimizer.step()
        except Exception as error:
            raise UsageError(
                f"a step of {self.name} fails: {_said(error)}; it is called without a closure, on parameters of shape "
                f"{tuple(self._parts[0][0].shape)} and {self._parts[0][0].dtype}: mend it, choose another dtype, or "
                "give a subclass that steps so"
            ) from error


def _construct(
    cls: OptimizerClass,
    groups: Iterable[tuple[float, list[tuple[torch.nn.Parameter, Tensor]]]],
    hyper: Hyper,
    implementation: str | None,
) -> torch.optim.Optimizer:
    """The optimizer of these parameters, grouped by step size."""
    given: list[dict[str, Any]] = [
        {"params": [parameter for parameter, _ in pairs], "lr": value} for value, pairs in groups
    ]
    return build(cls, given, given[0]["lr"], hyper, implementation)


def _rows_first(w: Tensor, rows: Tensor) -> Tensor:
    return w[rows].clone()


def _vector(w: Tensor, row: Tensor) -> Tensor:
    return w[row[0]].clone()


def _columns_first(w: Tensor, rows: Tensor) -> Tensor:
    return w[rows].T.contiguous().T


def _split(rows: Tensor, layout: str) -> list[Tensor]:
    """The rows of each parameter: all, or for "pieces" a half, a third, and the rest."""
    if layout != "pieces":
        return [rows]
    half, third = len(rows) // 2, len(rows) // 3
    return [part for part in rows.split([half, third, len(rows) - half - third]) if len(part)]


def _rows_by_step_size(lr: float | Tensor, batch: int, device: torch.device) -> list[tuple[float, Tensor]]:
    """Each step size and the rows that take it."""
    if not isinstance(lr, Tensor):
        return [(lr, torch.arange(batch, device=device))]
    return [(value.item(), (lr == value).nonzero().squeeze(-1)) for value in lr.unique()]


def _tiny(dtype: torch.dtype) -> float:
    """The smallest normal number, as hardware may flush what is smaller to 0.

    Only float16 keeps it: arithmetic on float16 is done in float32, where its subnormal numbers are normal, and
    conversions round to them.
    """
    limits = torch.finfo(dtype)
    return limits.smallest_normal * (limits.eps if dtype is torch.float16 else 1.0)


@dataclass(frozen=True)
class Rig:
    """What cases run on: a device, the dtype of the weights, and who plays which role.

    `cast` maps a role in a claim ("Grams") to the optimizer that plays it instead of ours: "module:Class", or a class.
    `implementation` is one of IMPLEMENTATIONS; None is what the optimizer's constructor chooses. With `only`, the
    optimizers see gradients of that row of a batch alone, and zeros in all others.
    Functions are always evaluated in float64, so that only the optimizer's own rounding depends on `dtype`.
    """

    device: str = "cpu"
    dtype: str = "float64"
    cast: Mapping[str, str | OptimizerClass] = field(default_factory=dict)
    implementation: str | None = None
    only: int | None = None

    def check(self) -> Rig:
        """This rig, if it can be used.

        Raises:
            UsageError: the device is unknown or absent, the dtype is none of DTYPES, the implementation none of
                IMPLEMENTATIONS, or an optimizer cannot be loaded.
        """
        if self.implementation not in (None, *IMPLEMENTATIONS):
            raise UnknownNameError("implementation", self.implementation, IMPLEMENTATIONS)
        if self.dtype not in DTYPES:
            raise UnknownNameError("dtype", self.dtype, DTYPES)
        try:
            torch.zeros((), device=torch.Generator(self.device).device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"device {self.device!r} cannot be used ({reason}); use --device cpu") from error
        for optimizer in self.cast.values():
            load(optimizer)
        return self

    @property
    def unit(self) -> float:
        """Unit roundoff of the weights."""
        return torch.finfo(DTYPES[self.dtype]).eps / 2

    @property
    def tiny(self) -> float:
        """What a product may lose when it underflows in the dtype of the weights."""
        return _tiny(DTYPES[self.dtype])

    def precision(self, roles: Iterable[str]) -> tuple[float, float]:
        """The coarsest unit roundoff in which the players of these roles compute their updates, and what a product may
        lose there when it underflows."""
        dtypes = [state_dtype(self.optimizer(role), DTYPES[self.dtype]) for role in roles]
        return max(torch.finfo(x).eps for x in dtypes) / 2, max(map(_tiny, dtypes))

    def longest_step(self, hyper: Hyper) -> float:
        """The largest step size that the dtype of the weights holds, divided by 1 - beta1 too."""
        return torch.finfo(DTYPES[self.dtype]).max * (1 - hyper.betas[0]) / 2

    def optimizer(self, role: str) -> OptimizerClass:
        return load(self.cast.get(role, role))

    def names(self, roles: Iterable[str]) -> tuple[str, ...]:
        """What `load` finds the players of these roles by."""
        return tuple(name_of(self.cast.get(role, role)) for role in roles)

    def told(self, hyper: Hyper) -> Hyper:
        """What the players that are not ours step by when they are to step by these: see `told`."""
        for optimizer in self.cast.values():
            hyper = told(load(optimizer), hyper)
        return hyper

    def narrow(self, x: Tensor) -> Tensor:
        """`x` rounded to the dtype of the weights, in float64 again."""
        return x.to(DTYPES[self.dtype]).double()

    def check_finite(self, role: str, w: Tensor, rows: Tensor) -> None:
        """Refuse weights of shape (B, D) of a role's player that are NaN or infinite in one of those rows, shape (B,).

        Raises:
            UsageError: they are, though nothing that the optimizer was fed should have made them so.
        """
        broken = rows & ~w.isfinite().all(-1)
        if bool(broken.any()):
            raise UsageError(
                f"{self.optimizer(role).__name__} made weights NaN or infinite at batch index "
                f"{int(broken.nonzero()[0])} from finite gradients; use a smaller lr, or mend the optimizer"
            )

    def holds(self, w: Tensor) -> Tensor:
        """Rows of numbers, shape (B, D), that are finite in the dtype of the weights and stay so when doubled, (B,)."""
        return (w.abs() <= torch.finfo(DTYPES[self.dtype]).max / 2).all(-1)

    def in_range(self, gradients: Iterable[Tensor]) -> Tensor:
        """Rows of gradients g of which no square overflows in the dtype of the weights, shape (B,)."""
        sizes = torch.stack([gradient.abs() for gradient in gradients]).amax(0)
        return (sizes <= torch.finfo(DTYPES[self.dtype]).max ** 0.5 / 8).all(-1)

    def subject(
        self,
        role: str,
        w: Tensor,
        lr: float | Tensor,
        hyper: Hyper,
        layout: str = "whole",
        only: int | None = None,
    ) -> Subject:
        """The player of a role, at weights w of shape (B, D); with `only`, that row's gradients alone reach it."""
        return Subject(
            self.optimizer(role),
            w.to(DTYPES[self.dtype]),
            lr,
            hyper,
            implementation=self.implementation,
            layout=layout,
            only=only,
        )

    def displacement(
        self,
        role: str,
        w: Tensor,
        gradients: Iterable[Tensor],
        lr: float | Tensor,
        hyper: Hyper,
        layout: str = "whole",
    ) -> Tensor:
        """w_next - w after feeding all gradients from zero state, the last one at w; shape (B, D).

        Only the last step counts: before it the weights are put back to `w`, so any gradient history can be fed.
        """
        *history, last = gradients
        subject = self.subject(role, w, lr, hyper, layout, self.only)
        for gradient in history:
            subject.step(gradient)
        subject.move_to(w)
        subject.step(last)
        return subject.w - w


OURS = Rig()
"""Our own optimizers in float64 on the CPU."""
