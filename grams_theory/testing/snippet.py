"""A case as a few lines of Python that need torch and the optimizer, and nothing of ours.

`engine.snippet` writes a witness of one step on a quadratic in fractions. Here is what shows any other: the step on
gradients as they were recorded, or a whole run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from grams_theory.core.claim import Claim, OneStep, Run
from grams_theory.engine import weaken
from grams_theory.engine.cases.run import RunRecord
from grams_theory.engine.cases.step import Step
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.evaluate import evaluate
from grams_theory.engine.production import Hyper, Rig
from grams_theory.engine.snippet import Player
from grams_theory.engine.tokens import Token
from grams_theory.symbolic.twin import ROLES, role

_START = """\
import torch
{line}

start = torch.tensor({start}, dtype=torch.{dtype})
w = torch.nn.Parameter(start.clone())
optimizer = {call}
"""
_ONE_STEP = """\
for gradient in {history}:
    w.grad = torch.tensor(gradient, dtype=w.dtype)
    optimizer.step()
with torch.no_grad():
    w.copy_(start)
w.grad = torch.tensor({gradient}, dtype=w.dtype)
optimizer.step()
print("moved   ", (w.detach().double() - start.double()).tolist())
"""
_RUN = """\
H = torch.tensor({H}, dtype=torch.float64)
centre = torch.tensor({centre}, dtype=torch.float64)
for _ in range({steps}):
    x = w.detach().double() - centre
    print("f - f*  ", (x @ H @ x / 2).item())
    w.grad = (H @ x).to(w.dtype)
    optimizer.step()
x = w.detach().double() - centre
print("f - f*  ", (x @ H @ x / 2).item())
"""


def snippet(token: str) -> str | None:
    """The case of a token as Python code: see `as_code`.

    Raises:
        UsageError: the text is no token, or names a claim or optimizer that does not exist.
    """
    case = Token.decode(token)
    claim, rig = weaken.by_id(case.claim), case.rig.check()
    outcome = evaluate(claim, case.structure, rig=rig)
    return None if outcome is None else as_code(claim, case.structure, outcome.record, case.row, rig)


def as_code(claim: Claim, structure: Structure, record: Any, row: int, rig: Rig) -> str | None:
    """One case of a record as Python code, through the optimizer that is cast, else through the claim's first.

    It prints the step, beside the step by definition; for a run on a quadratic, the loss along it. None where neither
    says it: other runs, noise, flows. The case stands alone there, not in a batch: a token repeats it to the last bit.
    """
    if not isinstance(claim.setting, OneStep | Run):
        return None
    player = next(iter(rig.cast), claim.setting.optimizers[0])
    match record:
        case Step(eta=Tensor() as eta):
            text, as_written = _head(rig, player, record.w[row], eta[row].item(), structure.hyper)
            *history, last = (as_written(gradient[row]) for gradient in record.gradients)
            text += _ONE_STEP.format(history=history, gradient=last)
            if player in ROLES:
                expected = getattr(record, role(player).step).mid[row] * -eta[row]
                text += f'print("defined ", {as_written(expected)})\n'
            return text
        case RunRecord(eta=Tensor() as eta):
            form = record.f.quadratic(row)
            if form is None:
                return None
            text, _ = _head(rig, player, record.start[row], eta[row].item(), record.hyper)
            H, centre = form
            return text + _RUN.format(H=H.tolist(), centre=centre.tolist(), steps=record.steps)
    return None


def _head(
    rig: Rig, player: str, start: Tensor, eta: float, hyper: Hyper
) -> tuple[str, Callable[[Tensor], list]]:
    """Up to the optimizer's construction; and how a vector is written, of the shape that the optimizer is given."""
    written = Player.of(player, rig, hyper)
    shape = (1, *start.shape) if written.matrix else start.shape
    text = _START.format(
        line=written.line,
        start=start.reshape(shape).tolist(),
        dtype=rig.dtype,
        call=written.call(None, "[w]", f"lr={eta!r}"),
    )
    return text, lambda x: x.reshape(shape).tolist()
