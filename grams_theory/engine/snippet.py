"""A one-step witness as Python text that anybody can paste: the optimizers' own steps, then nothing but fractions.

The violated inequality is not written here: a claim's `margin` and `step_size` are called with names in place of
numbers, and what they do with them is what the text says.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from grams_theory import optim
from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.evidence import Witness
from grams_theory.engine.exact import exactly, floats, strings
from grams_theory.engine.exact_step import NoExactForm, gap
from grams_theory.engine.production import Hyper, ReleasedCautiousAdam, Rig, arguments, takes_vectors
from grams_theory.symbolic.twin import role

_HEAD = """\
from fractions import Fraction as F

{imports}

def vector(*numbers):
    return np.array([F(x) for x in numbers])


# f(w + d) - f(w) = <g, d> + <d, Hd>/2; the gradients are fed from zero state, the last of them, g, at w
H = np.array([{H}])
w = {w}
gradients = [{gradients}]
g, {names} = gradients[-1], {values}


def step(cls, **options):
    p = torch.nn.Parameter(torch.tensor(w.astype(float), dtype=torch.{dtype}){shape})
    start = p.detach().clone()
    optimizer = cls([p], lr=float(eta), **options)
    for gradient in gradients:
        p.data.copy_(start)
        p.grad = torch.tensor(gradient.astype(float), dtype=p.dtype).reshape(p.shape)
        optimizer.step()
    return vector(*p.flatten().tolist()) - vector(*start.flatten().tolist())


def change(d):
    return (g * d).sum() + d @ H @ d / 2


moved = {{
{steps}
}}
for name, d in moved.items():
    print(f"{{name}} moves by {{list(map(float, d))}} and changes f by {{float(change(d))}}")
"""
_DEFINED = {
    "adam": """\
m = v = 0 * g
for gradient in gradients:
    m, v = betas[0] * m + (1 - betas[0]) * gradient, betas[1] * v + (1 - betas[1]) * gradient**2
m, v = m / (1 - betas[0] ** len(gradients)), v / (1 - betas[1] ** len(gradients))
u = np.array([x / (root(y) + eps) if x else x for x, y in zip(m, v)])
""",
    "lion": """\
m = 0 * g
for gradient in gradients:
    c, m = betas[0] * m + (1 - betas[0]) * gradient, betas[1] * m + (1 - betas[1]) * gradient
u = np.array([F((x > 0) - (x < 0)) for x in c])
""",
    "momentum": """\
u = 0 * g
for gradient in gradients:
    u = betas[0] * u + gradient
""",
}
"""Base update -> u after the gradients, by its definition."""
_ROOT = """\

def root(x):  # to 50 digits
    with localcontext(prec=50):
        return F((Decimal(x.numerator) / x.denominator).sqrt())

"""
_STEPS = {
    "a": "a = np.where(u * g >= 0, u, 0)\n",
    "b": "b = np.where(u * g < 0, -u, 0)\n",
    "r": "r = np.where(g > 0, abs(u), np.where(g < 0, -abs(u), 0))\n",
    "c": "c = np.where(u * g > 0, u, 0) / max(F(sum(map(int, u * g > 0)), len(g)), F(1, 1000))\n",
}
"""Letters of steps, by their definitions."""
_UNTRACED = (AttributeError, TypeError, ValueError, NoExactForm)
"""What a margin may raise that needs more than names."""


@dataclass(frozen=True)
class Player:
    """How an optimizer is written: its import, the name that it has then, its options; whether it needs matrices."""

    line: str
    name: str
    options: Mapping[str, Any]
    matrix: bool

    @classmethod
    def of(cls, role: str, rig: Rig, hyper: Hyper) -> Player:
        """The player of a role. Options that are the constructor's defaults are left out."""
        player = rig.optimizer(role)
        defaults = inspect.signature(player.__init__).parameters
        options = arguments(player, hyper, rig.implementation)
        options = {
            key: value
            for key, value in options.items()
            if key not in defaults or value != defaults[key].default
        }
        module, shown, name = player.__module__, player.__name__, player.__name__
        if player is ReleasedCautiousAdam:
            module, shown, name = "grams_theory", "CautiousAdam", role
            options["mask_rescale"] = True
        elif role in rig.cast:
            name = f"Tested{role}"
        elif role in optim.names():
            module = "grams_theory"
        line = f"from {module} import {shown}" + (f" as {name}" if name != shown else "")
        return cls(line, name, options, not takes_vectors(player, hyper))

    def call(self, function: str | None = None, *before: str) -> str:
        """The call of its constructor, or of a function that calls it, after those arguments."""
        options = [f"{key}={value!r}" for key, value in self.options.items()]
        called, first = (self.name, []) if function is None else (function, [self.name])
        return f"{called}({', '.join([*first, *before, *options])})"


SUM, PRODUCT, ATOM = range(3)


@dataclass(frozen=True)
class Text:
    """A number or vector by the Python expression that computes it."""

    code: str
    level: int = ATOM
    """How strongly it binds: SUM, PRODUCT or ATOM."""
    minus: str = ""
    """The expression that it is the negative of, if it is written so."""

    shape = (1,)

    def _at(self, level: int) -> str:
        """The expression where one is expected that binds so strongly."""
        return self.code if self.level >= level else f"({self.code})"

    def __add__(self, other: Any) -> Text:
        other = _text(other)
        return Text(f"{self.code} - {other.minus}" if other.minus else f"{self.code} + {other.code}", SUM)

    def __radd__(self, other: Any) -> Text:
        return _text(other) + self

    def __sub__(self, other: Any) -> Text:
        other = _text(other)
        subtracted = f"+ {other.minus}" if other.minus else f"- {other._at(PRODUCT)}"
        return Text(f"{self.code} {subtracted}", SUM)

    def __rsub__(self, other: Any) -> Text:
        return _text(other) - self

    def __mul__(self, other: Any) -> Text:
        if isinstance(other, int) and abs(other) == 1:
            return self if other == 1 else -self
        return Text(f"{self._at(PRODUCT)} * {_text(other)._at(ATOM)}", PRODUCT)

    def __rmul__(self, other: Any) -> Text:
        one = isinstance(other, int) and abs(other) == 1
        return self * other if one else _text(other) * self

    def __truediv__(self, other: Any) -> Text:
        if isinstance(other, int) and other == 1:
            return self
        return Text(f"{self._at(PRODUCT)} / {_text(other)._at(ATOM)}", PRODUCT)

    def __rtruediv__(self, other: Any) -> Text:
        return _text(other) / self

    def __pow__(self, power: int) -> Text:
        return Text(f"{self._at(ATOM)} ** {power}", PRODUCT)

    def __neg__(self) -> Text:
        positive = self._at(PRODUCT)
        return Text(f"-{positive}", PRODUCT, positive)

    def __abs__(self) -> Text:
        return Text(f"abs({self.code})")

    abs = __abs__

    def sum(self, dim: int = -1) -> Text:
        return Text(f"({self.code}).sum()")

    def sqrt(self) -> Text:
        return Text(f"root({self.code})")

    def minimum(self, other: Any) -> Text:
        return Text(f"min({self.code}, {_text(other).code})")

    def worst(self, dim: int = 0) -> Text:
        return Text(f"({self.code}).min()")


def _text(x: Any) -> Text:
    if isinstance(x, Text):
        return x
    if isinstance(x, int | float):
        return Text(repr(x) if isinstance(x, int) else f"F({x!r})", PRODUCT if x < 0 else ATOM)
    raise TypeError(f"{x!r} is no number")


@dataclass(frozen=True)
class Names:
    """The one-step record as names: what a margin reads when it is written down."""

    used: set[str] = field(default_factory=set)

    def _letter(self, name: str) -> Text:
        self.used.add(name)
        return Text(name)

    g, eta, smoothness, pl, gap = (Text(name) for name in ("g", "eta", "L", "mu", "gap"))

    u = property(lambda self: self._letter("u"))
    a = property(lambda self: self._letter("a"))
    b = property(lambda self: self._letter("b"))
    r = property(lambda self: self._letter("r"))
    c = property(lambda self: self._letter("c"))

    def displacement(self, name: str) -> Text:
        return Text(f'moved["{name}"]')

    def unforced(self, name: str) -> Text:
        return Text(f'np.where(g == 0, moved["{name}"], 0)')

    def change(self, name: str) -> Text:
        return Text(f'change(moved["{name}"])')

    def agreement(self, name: str) -> Text:
        defined, moved = self._letter(role(name).step), self.displacement(name)
        return Text(f'(allowed["{name}"] - abs({moved.code} + eta * {defined.code})).min()')


def snippet(witness: Witness, claim: Claim, rig: Rig) -> str | None:
    """Python text that takes the witness's step by the optimizers, and finds the inequality violated in fractions.

    None for any other witness than one of a step after gradients that are known.
    """
    setting, data = claim.setting, witness.data
    if not isinstance(setting, OneStep) or claim.margin is None or "run" not in data:
        return None
    names, margin = Names(), claim.margin
    inequality = _traced(lambda: margin(names)[witness.part])
    step_size = setting.step_size
    bound = None if step_size is None else _traced(lambda: step_size(names))
    text = _head(data, setting, rig)
    if names.used:
        text += _definitions(data, setting.update, names.used)
    if bound is not None:
        text += f"bound = {bound}\n"
        text += 'print("premise: eta =", float(eta), "<=", float(bound), "is", eta <= bound)\n'
    if inequality is not None:
        if "allowed[" in inequality:
            entries = ", ".join(f'"{name}": {_vector(numbers)}' for name, numbers in data["allowed"].items())
            text += f"allowed = {{{entries}}}  # what rounding may do\n"
        text += f"margin = {inequality}\n"
        text += f'print("{witness.part}:", float(margin), ">= 0 is", margin >= 0)\n'
    if "root(" in text:
        head, body = text.split("\n\ndef vector", 1)
        head = f"from decimal import Decimal, localcontext\n{head}"
        text = f"{head}\n{_ROOT}\ndef vector{body}"
    return text + (f"# grams-theory replay {witness.token}\n" if witness.token else "")


def _traced(expression: Callable[[], Any]) -> str | None:
    """What the expression says of names; None if it needs more."""
    try:
        found = expression()
    except _UNTRACED:
        return None
    return found.code if isinstance(found, Text) else None


def _number(x: str) -> str:
    return f'F("{x.removesuffix("/1")}")'


def _vector(numbers: list[str]) -> str:
    return f"vector({', '.join(repr(x.removesuffix('/1')) for x in numbers)})".replace("'", '"')


def _head(data: Mapping[str, Any], setting: OneStep, rig: Rig) -> str:
    """Up to the steps of the optimizers."""
    run = data["run"]
    numbers = {"eta": _number(data["eta"]), "L": _number(data["smoothness"])}
    if "pl" in data:
        numbers["mu"] = _number(data["pl"])
        numbers["gap"] = _number(strings(gap(exactly(data["H"]), exactly(data["g"]))))
    numbers |= {"eps": _number(run["eps"]), "betas": f"({', '.join(map(_number, run['betas']))})"}
    (beta1, beta2), eps = floats(exactly(run["betas"])), floats(exactly(run["eps"]))
    hyper = Hyper((beta1, beta2), eps)
    players = {name: Player.of(name, rig, hyper) for name in setting.optimizers}
    imports = ["import numpy as np", "import torch", *sorted({player.line for player in players.values()})]
    matrix = any(player.matrix for player in players.values())
    return _HEAD.format(
        imports="\n".join(imports) + "\n",
        H=", ".join(map(_vector, data["H"])),
        w=_vector(data.get("w", ["0"] * len(data["g"]))),
        gradients=", ".join(map(_vector, run["gradients"])),
        names=", ".join(numbers),
        values=", ".join(numbers.values()),
        dtype=rig.dtype,
        shape=".unsqueeze(0)" if matrix else "",
        steps="\n".join(f'    "{name}": {player.call("step")},' for name, player in players.items()),
    )


def _definitions(data: Mapping[str, Any], update: str, used: set[str]) -> str:
    """The letters that the inequality uses."""
    text = f"u = {_vector(data['u'])}\n" if "u" in data else _DEFINED[update]
    return text + "".join(line for letter, line in _STEPS.items() if letter in used)
