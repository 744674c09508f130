"""The finished turns of a campaign: in memory, or on disk, so that a killed campaign goes on where it was.

On disk a campaign is a folder: `header.json`, written whole, says whose turns these are; `turns-R.jsonl`, only ever
appended to by process R, has a line for each turn that was played to its end. A line that a kill tore is no turn, and
that turn is played again; a turn that is there twice counts once.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from grams_theory.core.errors import UsageError
from grams_theory.core.evidence import FuzzEvidence
from grams_theory.core.files import append, readable, write_all
from grams_theory.core.summary import describe
from grams_theory.engine.campaign import Campaign
from grams_theory.engine.corpus import Corpus
from grams_theory.engine.distributed import ALONE, Crew
from grams_theory.engine.tally import Tally

FORMAT = 3
PACKAGES = ("grams-theory", "torch", "hypothesis")
"""What the draws and the results of a turn depend on."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a campaign that is kept: what it has counted. With `resume` it goes on."""

    def __init__(self, evidence: FuzzEvidence) -> None:
        super().__init__(f"interrupted; so far: {describe(evidence)}; --resume continues")
        self.evidence = evidence


@dataclass(frozen=True)
class Finished:
    """A turn that was played to its end."""

    index: int
    tally: Tally
    token: str | None = None
    """Replays the row that falsified the claim."""
    margin: float | None = None
    """The relative margin of that row."""

    def line(self) -> bytes:
        data = {**vars(self), "tally": self.tally.as_dict()}
        return json.dumps(data, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Finished | None:
        """The turn of a line; None if the line is torn."""
        try:
            data = json.loads(line)
            return cls(**{**data, "tally": Tally.from_dict(data["tally"])}) if line.endswith(b"\n") else None
        except (ValueError, TypeError, KeyError):
            return None


class Notes:
    """The finished turns of a campaign that is not kept."""

    def __init__(self) -> None:
        self._turns: list[Finished] = []

    def add(self, turn: Finished) -> None:
        self._turns.append(turn)

    def __iter__(self) -> Iterator[Finished]:
        """Every turn once, in any order."""
        return iter(self._turns)


class Journal(Notes):
    """The finished turns of a campaign in a folder, by all processes that ever played it."""

    def __init__(self, folder: Path, process: int = 0) -> None:
        self.folder, self.file = folder, folder / f"turns-{process}.jsonl"
        self._start = b"\n"
        """Ends what a killed process may have left of a line."""

    def add(self, turn: Finished) -> None:
        """Append the turn; when this returns it is on the disk.

        Raises:
            UsageError: it cannot be written.
        """
        append(self.file, self._start + turn.line(), option="--state")
        self._start = b""

    def __iter__(self) -> Iterator[Finished]:
        seen: set[int] = set()
        for path in sorted(self.folder.glob("turns-*.jsonl")):
            with path.open("rb") as lines:
                for turn in map(Finished.parse, lines):
                    if turn is not None and turn.index not in seen:
                        seen.add(turn.index)
                        yield turn


def total(turns: Iterator[Finished]) -> Tally:
    """What the turns counted, together."""
    tally = Tally()
    for turn in turns:
        tally.merge(turn.tally)
    return tally


@dataclass(frozen=True)
class State:
    """The folder in which campaigns are kept, and what becomes of an unfinished one."""

    folder: Path
    resume: bool = False
    """Continue it; begin it if it is not there."""
    restart: bool = False
    """Drop it."""

    @property
    def corpus(self) -> Corpus:
        return Corpus(self.folder / "corpus")

    def home(self, campaign: Campaign) -> Path:
        """The folder of a campaign, named by what is attacked and how."""
        rig = campaign.rig
        name = (
            campaign.claim.id,
            *campaign.players,
            rig.dtype,
            rig.implementation,
            torch.device(rig.device).type,
        )
        home = self.folder / "campaigns" / readable("_".join(filter(None, (*name, f"seed-{campaign.seed}"))))
        return home / "quadratics" if campaign.quadratic else home

    def journal(self, campaign: Campaign, crew: Crew = ALONE) -> Journal:
        """The journal to go on in: with what was played before if that is resumed, else empty.

        Raises:
            UsageError: an unfinished campaign is there and neither resumed nor dropped; what is to be resumed was
                played by something else; or the folder cannot be written.
        """
        home = self.home(campaign)
        crew.first(lambda: self._prepare(home, header(campaign)))
        return Journal(home, crew.rank)

    def so_far(self, campaign: Campaign) -> FuzzEvidence:
        """What the campaign has counted."""
        return total(iter(Journal(self.home(campaign)))).evidence(campaign.players, campaign.seed)

    def finish(self, campaign: Campaign) -> None:
        """Note that nothing is left to do: the next campaign of this kind may take its place."""
        home = self.home(campaign)
        if _read(home / "header.json") is not None:
            _write(home / "header.json", {**header(campaign), "finished": True})

    def _prepare(self, home: Path, wanted: dict[str, Any]) -> None:
        found, held = _read(home / "header.json"), total(iter(Journal(home)))
        kept = found is not None and held != Tally() and not self.restart
        if found is None or not kept or (found.get("finished") and not self.resume):
            shutil.rmtree(home, ignore_errors=True)
        elif not self.resume:
            raise UsageError(
                f"an unfinished campaign is in {home}, with {_held(held)} so far; continue it with --resume, "
                "or drop it with --restart"
            )
        elif differing := [key for key in wanted if found.get(key) != wanted[key]]:
            parts = (f"{key} was {found.get(key)!r} and is {wanted[key]!r}" for key in differing)
            raise UsageError(
                f"the campaign in {home} was played otherwise: {'; '.join(parts)}; put that back, drop the campaign "
                "with --restart, or begin another with --state"
            )
        _write(home / "header.json", {**wanted, "finished": False})


def _held(tally: Tally) -> str:
    steps = f" and {tally.streams.steps:,} streamed steps" if tally.streams.steps else ""
    return f"{tally.cases:,} cases{steps}"


def header(campaign: Campaign) -> dict[str, Any]:
    """Everything that the turns of a campaign depend on, as plain JSON."""
    rig, roles = campaign.rig, getattr(campaign.claim.setting, "optimizers", ())
    return {
        "format": FORMAT,
        "claim": campaign.claim.id,
        "quadratic": campaign.quadratic,
        "sources": campaign.sources,
        "seed": campaign.seed,
        "optimizers": dict(zip(roles, campaign.players, strict=True)),
        "dtype": rig.dtype,
        "implementation": rig.implementation,
        "device": torch.device(rig.device).type,
        "packages": {package: version(package) for package in PACKAGES},
        "code": {path.name: _digest(path) for path in _files(campaign)},
    }


def _files(campaign: Campaign) -> Iterator[Path]:
    """The files that the user gave us: of optimizers, of the loss, of the claim."""
    claim, rig = campaign.claim, campaign.rig
    given: list[Any] = [rig.optimizer(role) for role in rig.cast]
    given += [importlib.import_module(name.split(":")[0]) for name in claim.families if ":" in name]
    for thing in given:
        try:
            source = inspect.getsourcefile(thing)
        except TypeError:  # typed into an interpreter
            continue
        if source is not None:
            yield Path(source)
    path = Path(claim.id.split(" on ")[0])
    if path.suffix == ".py":
        yield path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""


def _read(path: Path) -> dict[str, Any] | None:
    """A header; None if there is none, {} if it is damaged."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, entries: dict[str, Any]) -> None:
    write_all({path: json.dumps(entries, indent=1).encode() + b"\n"}, option="--state")
