"""From ATen operations to C++: what is translated gives torch's numbers, and what has no translation is refused."""

import shutil
from functools import cache

import pytest
import torch
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.core.rounding import UNIT
from grams_theory.engine.stream import native
from grams_theory.engine.stream.compilers import reduced
from grams_theory.engine.stream.lower import lower
from grams_theory.engine.stream.record import record

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
where = torch.where

OF_ROWS = {
    "add": lambda x, y: x.add(y, alpha=3),
    "subtract": lambda x, y: x.sub(y, alpha=0.5),
    "from a number": lambda x, y: 2 - x,
    "divide": lambda x, y: x / y,
    "divide by a number": lambda x, y: x / 3,
    "divide a number": lambda x, y: 1 / y,
    "square": lambda x, y: x**2,
    "absolute": lambda x, y: x.abs(),
    "sign": lambda x, y: x.sign(),
    "root": lambda x, y: x.abs().sqrt(),
    "choose": lambda x, y: where(x < y, x, -y),
    "clamp": lambda x, y: x.clamp(-0.5, 0.7),
    "from below": lambda x, y: x.clamp(min=0),
    "larger": torch.maximum,
    "smaller": torch.minimum,
    "near": lambda x, y: x.lerp(y, 0.1),
    "far": lambda x, y: x.lerp(y, 0.9),
    "add a product": lambda x, y: x.addcmul(x, y, value=-0.3),
    "add a quotient": lambda x, y: x.addcdiv(x, y.abs() + 1, value=2),
    "count": lambda x, y: ((x > 0) & (y <= 1) | ~(x != 0)).double(),
    "single": lambda x, y: (x.float() * 0.1 + y.float() / 3).double(),
    "single root": lambda x, y: x.float().abs().sqrt().double(),
    "exponential": lambda x, y: x.exp() + y.neg().expm1(),
    "logarithm": lambda x, y: x.abs().log1p() + (y.abs() + 1).log(),
    "circle": lambda x, y: x.sin() * y.cos(),
    "hyperbola": lambda x, y: x.tanh() + y.sinh() / y.cosh(),
    "logistic": lambda x, y: torch.nn.functional.logsigmoid(x) - y.sigmoid(),
}
OF_VECTORS = {
    "sum": lambda u, M, S: u.sum(-1),
    "mean": lambda u, M, S: u.mean(-1),
    "norm": lambda u, M, S: u.norm(dim=-1),
    "extremes": lambda u, M, S: u.amax(-1) - 2 * u.amin(-1),
    "all": lambda u, M, S: (u > -1).all(-1).double() + 2 * (u > 1).any(-1).double(),
    "centred": lambda u, M, S: (u - u.mean(-1, keepdim=True)).abs().sum(-1),
    "matrices": lambda u, M, S: ((u.unsqueeze(-2) @ M.abs())[..., 0, :] * u).sum(-1),
    "transposed": lambda u, M, S: ((u.unsqueeze(-2) @ M.mT)[..., 0, :] * u).sum(-1),
    "one matrix": lambda u, M, S: (u @ S).square().sum(-1),
    "there and back": lambda u, M, S: ((u @ S) @ S.mT * u).sum(-1),
    "in place": lambda u, M, S: u.clone().mul_(2).add_(u).div_(3.5).sum(-1),
    "steps": lambda u, M, S: torch.stack([u, -2 * u]).amax(0).sum(-1),
}


@cache
def given() -> dict[str, Tensor]:
    gen = torch.Generator().manual_seed(0)
    x, y, u, M = (
        torch.randn(shape, generator=gen, dtype=torch.float64)
        for shape in ((19,), (19,), (19, 5), (19, 5, 5))
    )
    x[:4] = torch.tensor([0.0, torch.nan, 1.5, -torch.inf])
    y[:4] = torch.tensor([1.0, 2.0, torch.nan, 1.0])
    return {"x": x, "y": y, "u": u, "M": M}


SHARED = torch.linspace(-1, 1, 15, dtype=torch.float64).reshape(5, 3)


def results(held):
    for function in OF_ROWS.values():
        yield [], [function(held["x"], held["y"])]
    for function in OF_VECTORS.values():
        yield [], [function(held["u"], held["M"], SHARED)]


@cache
def kernel():
    return native.load(lower(record(results, given())), lambda held: reduced(results(held)))


@needs_compiler
@pytest.mark.parametrize("name", [*OF_ROWS, *OF_VECTORS])
def test_every_operation_gives_torch_s_number_in_every_row(name):
    """Up to what the order of a sum, a fused multiply-add and 2 units of an elementary function may change."""
    held, place = given(), [*OF_ROWS, *OF_VECTORS].index(name)
    expected = [several[0] for _, several in results(held)][place]
    unit = 2.0**-24 if name.startswith("single") else UNIT
    flat = torch.cat([x.nan_to_num(0, 0, 0).reshape(len(x), -1) for x in held.values()], -1)
    size = (1 + flat.abs().sum(-1)) ** 3  # no term of any function above is larger
    for row, number in enumerate(expected):
        _, minima, _ = kernel()({name: x[row : row + 1] for name, x in held.items()})
        if number.isnan() or number.isinf():
            assert minima[place].isinf() or minima[place].isnan()
        else:
            assert abs(minima[place] - number) <= 16 * unit * size[row], (row, number)


@needs_compiler
def test_counts_and_places_are_those_of_the_rows_and_no_others():
    def program(held):
        yield [held["x"] > 0], [held["x"].abs() + 1]

    x = torch.randn(21, dtype=torch.float64)  # two blocks and five rows
    counts, minima, places = native.load(lower(record(program, {"x": x})), lambda held: None)({"x": x})
    assert counts.tolist() == [int((x > 0).sum())]
    assert places.tolist() == [int(x.abs().argmin())]
    assert minima.tolist() == [x.abs().min().item() + 1]


def test_zeros_and_constants_cost_nothing():
    def program(held):
        radius = torch.zeros_like(held["x"])
        yield [], [held["x"] + radius * held["y"] + (held["x"] - held["x"]).abs()]

    def nothing(held):
        yield [], [held["x"]]

    held = {"x": given()["x"], "y": given()["y"]}
    assert lower(record(program, held)).code == lower(record(nothing, held)).code


def changed_through_a_view(u):
    copied = u.clone()
    copied[:, 1:].zero_()
    return copied.sum(-1)


REFUSED = {
    "no translation": (lambda u: u.erfinv().sum(-1), "no translation"),
    "mixes rows": (lambda u: u - u.mean(0), "couples rows"),
    "keeps an axis": (lambda u: (u.unsqueeze(-1) * u.unsqueeze(-2)).sum(-1).sum(-1), "leaves some axes"),
    "looks at a value": (lambda u: u * u.sum().item(), "asks for the value"),
    "changes a view": (changed_through_a_view, "through a view"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_translated_is_refused(name):
    function, message = REFUSED[name]

    def program(held):
        yield [], [function(held["u"])]

    with pytest.raises(UsageError, match=message):
        lower(record(program, {"u": given()["u"]}))
