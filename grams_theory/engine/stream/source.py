"""Streams as a source of a campaign's turns: a turn draws one structure, compiles its kernel, and sweeps.

Everything that a turn does follows from its number, as with any other turn. A kernel counts only after `agreement`
found that it steps as production does; what it then takes for a violation is handed on as a structure of ordinary
cases. Streams are drawn from quadratics: on these, kernels are bitwise production, and exact arithmetic decides.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.errors import UsageError
from grams_theory.core.evidence import Streamed
from grams_theory.core.function import Family
from grams_theory.core.random import stream_seed
from grams_theory.engine.cases.one_step import PLAIN
from grams_theory.engine.cases.structure import CELLS, HYPERS, Structure
from grams_theory.engine.production import Rig, is_coordinatewise
from grams_theory.engine.stream.agreement import disagreement
from grams_theory.engine.stream.compilers import DTYPES
from grams_theory.engine.stream.sweep import Stream, Swept
from grams_theory.engine.tally import axes

PERIOD = 11
"""Every turn of that number is a stream's. A prime, so that processes that share the turns share the streams too."""
SHARE = 64
"""Steps of a stream for each case that was drawn before: a small share of the time, as they are so much faster."""
ALONE = 1 / 4
"""The same where streams are the only source."""
FEWEST, FEWEST_ALONE, MOST = 1 << 18, 1 << 22, 1 << 26
"""Steps of a turn. Alone, a turn is worth a kernel that takes seconds to compile."""
BATCH = 4096
STARTS = 64
LONGEST = 8
"""Steps of a run. The first kernels take fewer: they are compiled in a second."""


@dataclass(frozen=True)
class StreamTurn:
    """One turn of a stream."""

    index: int
    number: int
    """Of all turns of streams."""
    before: int
    """What the turns before this one count toward a budget of cases."""
    alone: bool = False
    """Whether streams are the only source: only then do steps count toward such a budget."""

    @property
    def steps(self) -> int:
        """Steps that it takes, a power of two."""
        share, fewest = (ALONE, FEWEST_ALONE) if self.alone else (SHARE, FEWEST)
        return 1 << (min(max(int(share * self.before), fewest), MOST).bit_length() - 1)

    @property
    def rows(self) -> int:
        return self.steps if self.alone else 0


@dataclass(frozen=True)
class Suspect:
    """Ordinary cases, one of which a kernel takes for a violation."""

    structure: Structure
    part: str
    row: int
    margin: float
    """By the kernel."""


def families(found: Sequence[Family]) -> tuple[Family, ...]:
    """Those that streams are drawn from."""
    return tuple(family for family in found if "quadratic" in family.traits and not family.estimated)


def refusal(claim: Claim, rig: Rig, found: Sequence[Family]) -> str | None:
    """Why the claim cannot be streamed on this rig and these families; None if it can."""
    if not isinstance(claim.setting, OneStep) or claim.margin is None:
        return "streams are for claims about one step"
    if rig.cast:
        return "streams step our optimizers only"
    coupling = [role for role in claim.setting.optimizers if not is_coordinatewise(rig.optimizer(role))]
    if coupling:
        return f"{coupling[0]} couples the coordinates of a tensor"
    if rig.dtype not in DTYPES:
        return f"streams are for weights in {' and '.join(DTYPES)}"
    if torch.device(rig.device).type != "cpu":
        return "the streams of a campaign run on the CPU"
    if not families(found):
        return "streams are drawn from quadratics"
    if not (os.environ.get("CXX") or shutil.which("g++")):
        return "no C++ compiler: g++ is not on the PATH, and CXX names none"
    return None


def drawn(claim: Claim, rig: Rig, found: Sequence[Family], seed: int, turn: StreamTurn) -> Stream:
    """The stream of a turn. Its chunks together take `turn.steps` steps, or somewhat more."""
    source = random.Random(stream_seed(seed, claim.id, "stream", turn.number))
    pool = families(found)
    family = pool[turn.number % len(pool)]
    dim = source.choice([dim for dim in family.dims if dim > 1])
    batch = min(BATCH, family.max_batch, CELLS // dim**2)
    length = min(LONGEST, 1 << turn.number)
    knobs = {
        **PLAIN,
        "history": source.choice([1, 2, 3]),
        "memory": source.choice([1.0, 3.0, 0.3, 30.0]),
        "near": source.choice([1.0, 1.0, 1e-3, 1e3]),
        "zeros": source.choice([0.0, 0.0, 0.3]),
        "fraction": source.choice([1.0, 0.999, 0.5, 0.9, 0.1, 0.01]),
    }
    options = {name: source.choice(values) for name, values in family.options.items()}
    structure = Structure(
        family.name, dim, source.getrandbits(30), batch, options, source.choice(HYPERS), knobs
    )
    starts = max(1, min(STARTS, turn.steps // (length * batch)))
    return Stream(claim, structure, rig, length, starts)


def play(stream: Stream, steps: int) -> tuple[Streamed, Suspect | None]:
    """What a stream counted in so many steps, and what it hands on. It ends with the first chunk with a suspect."""
    try:
        problem = disagreement(stream)
        if problem is not None:
            return Streamed(disagreements=(f"{where(stream)}, {problem}",)), None
        counted = Swept()
        chunks = -(-steps // (stream.starts * stream.steps * stream.structure.batch))
        for chunk in stream.measured(range(chunks), workers=torch.get_num_threads()):
            counted += chunk
            if counted.first is not None:
                break
    except UsageError as error:
        return Streamed(refused={str(error).split("; ")[0]: 1}), None
    return _streamed(stream, counted), _suspect(stream, counted)


def where(stream: Stream) -> str:
    """Which kernel."""
    return f"{stream.structure.family} in dimension {stream.structure.dim}"


def _streamed(stream: Stream, counted: Swept) -> Streamed:
    explored = {axis: {value: counted.cases} for axis, value in axes(stream.structure)}
    return Streamed(
        kernels=1,
        steps=counted.cases,
        discarded=counted.discarded,
        undecided=counted.undecided,
        suspicious=counted.violations,
        parts={part: extreme.value for part, extreme in counted.parts.items()},
        families={stream.structure.family: counted.cases},
        explored={**explored, "steps of a run": {str(stream.steps): counted.cases}},
    )


def _suspect(stream: Stream, counted: Swept) -> Suspect | None:
    """The ordinary cases among which the first violation is: the same problems, moved on by production."""
    if counted.first is None:
        return None
    part, at = counted.first
    drawn = stream.chunk_structure(at.chunk)
    knobs = {**drawn.knobs, "start": at.start, "taken": at.step, "eta": stream.program.lr}
    return Suspect(replace(drawn, knobs=knobs), part, at.row, counted.closest[part].value)
