"""What an optimizer offers: given by its author, or seen from its constructor and from one step."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import torch

from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.engine import production
from grams_theory.engine.production import Hyper, OptimizerClass, arguments, load
from grams_theory.testing.conformance.deviations import known_deviations

IMPLEMENTATIONS: Mapping[str, Mapping[str, Any]] = {
    **production.IMPLEMENTATIONS,
    "capturable": {"capturable": True},
    "differentiable": {"differentiable": True, "foreach": False},
}
"""Ways to step, and the keywords by which torch.optim's constructors are told."""
FLAGS = {name for chosen in IMPLEMENTATIONS.values() for name in chosen}
RANDOM = {"stochastic_rounding", "bf16_stochastic_round"}
"""Keywords that make a step random, so that two runs are not the same."""
FEW = 4
"""Up to so many keywords are tried in every combination, more only alone and in pairs."""
REFUSALS = (RuntimeError, ValueError, AssertionError, ImportError)
"""What an implementation that is not for this device may raise."""


@dataclass(frozen=True)
class Description:
    """What is to be expected of an optimizer. `describe` finds what is not given.

    Attributes:
        cls: the class, a subclass of torch.optim.Optimizer.
        keywords: sets of the constructor's keywords to try; the empty one is among them.
        implementations: names in IMPLEMENTATIONS.
        dtypes: of the real parameters that it takes.
        takes_vectors: whether a parameter may have one axis, or none.
        couples_parameters: whether one parameter's gradient moves another on purpose, as a norm over all does.
        refused: implementation, or keyword set as text -> why it is not tried.
        deviations: (check, implementation) -> evidence for a fault that is known and not mended.
    """

    cls: OptimizerClass
    keywords: tuple[Mapping[str, Any], ...] = ({},)
    implementations: tuple[str, ...] = ("loop",)
    dtypes: tuple[torch.dtype, ...] = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
    takes_vectors: bool = True
    couples_parameters: bool = False
    refused: Mapping[str, str] = field(default_factory=dict)
    deviations: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.cls.__name__

    @property
    def known(self) -> Mapping[str, inspect.Parameter]:
        """The constructor's parameters by name."""
        return production.keywords(self.cls)

    @property
    def of_moments(self) -> tuple[dict[str, Any], ...]:
        """No keywords; and moments in single precision, if the constructor takes a dtype for them."""
        return ({}, {"state_dtype": torch.float32}) if self.offers("state_dtype") else ({},)

    def offers(self, *names: str) -> bool:
        """Whether the constructor has arguments of these names."""
        return set(names) <= self.known.keys()

    def numbers(self, hyper: Hyper) -> dict[str, Any]:
        """Keywords with these hyperparameters and no weight decay, as far as the constructor has them as such."""
        known = {name: parameter.default for name, parameter in self.known.items()}
        wanted = arguments(self.cls, hyper)
        return {
            name: value
            for name, value in wanted.items()
            if isinstance(value, tuple) == isinstance(known[name], tuple)
        }

    def flags(self, implementation: str) -> dict[str, Any]:
        """The keywords that choose an implementation, as far as the constructor knows them.

        Raises:
            UnknownNameError: no implementation has that name.
            UsageError: this optimizer has no such implementation.
        """
        if implementation not in IMPLEMENTATIONS:
            raise UnknownNameError("implementation", implementation, IMPLEMENTATIONS)
        chosen = IMPLEMENTATIONS[implementation]
        if not self.offers(*(name for name, value in chosen.items() if value)):
            have = ", ".join(map(repr, self.implementations))
            raise UsageError(f"{self.name} has no implementation {implementation!r}; it has {have}")
        return {name: value for name, value in chosen.items() if self.offers(name)}


def describe(
    optimizer: str | OptimizerClass | Description, device: str | torch.device = "cpu", **given: Any
) -> Description:
    """The description of a class, or of "module:Class"; `given` are its attributes, and what is missing is looked for.

    An implementation counts if the constructor has its keywords and one step on the device is not refused.
    Keyword sets are all combinations of the constructor's switches and of a weight decay of 0.1.

    Raises:
        UsageError: the class cannot be loaded, or no instance be made of a parameter and a step size.
    """
    if isinstance(optimizer, Description):
        return replace(optimizer, **given)
    cls = load(optimizer)
    plain = Description(cls, takes_vectors=production.takes_vectors(cls, Hyper()))
    _check_constructor(plain, device)
    found, refused = {}, {}
    if "implementations" not in given:
        offered = {
            name: flags for name in IMPLEMENTATIONS if (flags := _flags_or_none(plain, name)) is not None
        }
        tried = {name: _refusal(plain, device, flags) for name, flags in offered.items()}
        refused |= {name: reason for name, reason in tried.items() if reason}
        found["implementations"] = tuple(name for name, reason in tried.items() if not reason) or ("loop",)
    if "keywords" not in given:
        sets = {_text(keywords): keywords for keywords in _keyword_sets(plain)}
        tried = {text: _refusal(plain, device, keywords) for text, keywords in sets.items()}
        refused |= {text: reason for text, reason in tried.items() if reason}
        found["keywords"] = ({}, *(sets[text] for text, reason in tried.items() if not reason))
    deviations = known_deviations(cls, torch.device(device).type)
    return replace(plain, **{**found, "refused": refused, "deviations": deviations, **given})


def _flags_or_none(described: Description, implementation: str) -> dict[str, Any] | None:
    try:
        return described.flags(implementation)
    except UsageError:
        return None


def _check_constructor(described: Description, device: str | torch.device) -> None:
    """Raises UsageError if the constructor takes no matrix, with a step size if it has one."""
    wanted: dict[str, Any] = {
        **described.numbers(Hyper()),
        **({"lr": 1e-3} if described.offers("lr") else {}),
    }
    try:
        described.cls([torch.nn.Parameter(torch.ones(2, 2, device=device))], **wanted)
    except (TypeError, ValueError, RuntimeError) as error:
        raise production.refused(described.cls, wanted, error) from error


def _refusal(described: Description, device: str | torch.device, keywords: Mapping[str, Any]) -> str:
    """The first line of what a construction and a step with these keywords raised, or "".

    Only what may be a refusal counts: any other failure is for the checks to find.
    """
    w = torch.nn.Parameter(torch.ones(2, 2, device=device), requires_grad=not keywords.get("differentiable"))
    w.grad = torch.ones_like(w)
    try:
        described.cls([w], **{**described.numbers(Hyper()), **keywords}).step()
    except REFUSALS as error:
        return (str(error) or repr(error)).splitlines()[0]
    except Exception:
        return ""
    return ""


def _keyword_sets(described: Description) -> list[dict[str, Any]]:
    """Combinations of the switches that are neither flags nor random, each turned from its default."""
    switches: dict[str, Any] = {
        name: not parameter.default
        for name, parameter in described.known.items()
        if isinstance(parameter.default, bool) and name not in FLAGS | RANDOM
    }
    if described.offers("weight_decay"):
        switches["weight_decay"] = 0.1
    most = len(switches) if len(switches) <= FEW else 2
    chosen = [names for size in range(1, most + 1) for names in combinations(switches, size)]
    return [{name: switches[name] for name in names} for names in chosen]


def _text(keywords: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in keywords.items())
