"""The page: a ledger and the claims' own words, given to the template."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from grams_theory.core.claim import Claim
from grams_theory.core.definitions import all_definitions
from grams_theory.core.evidence import (
    AblationEvidence,
    ArgumentEvidence,
    MeasuredEvidence,
    ProofEvidence,
    ProofStep,
    SharpnessEvidence,
    Witness,
)
from grams_theory.core.ledger import ClaimResult, Ledger
from grams_theory.core.summary import GLYPHS, HOW, MEANINGS, describe, lines, number, streamed
from grams_theory.core.verdict import Verdict
from grams_theory.report import graph, mathml
from grams_theory.report.chart import chart
from grams_theory.report.contour import NAMES, picture
from grams_theory.report.histogram import histogram
from grams_theory.report.run_chart import run_table


@dataclass(frozen=True)
class Section:
    """One claim on the page: what was found, and the claim's file if it is installed."""

    result: ClaimResult
    claim: Claim | None

    @property
    def anchor(self) -> str:
        return anchor(self.result.id)

    @property
    def formal(self) -> bool:
        """Whether the statement stands in formulas that a machine reads, not in words alone."""
        if self.claim is not None and self.claim.formal is not None:
            return True
        return self.result.proof is not None and self.result.proof.stated is not None

    @property
    def commands(self) -> list[str]:
        """What to type to see the evidence come about again."""
        fuzz = self.result.fuzz
        seed = f" --seed {fuzz.seed}" if fuzz and fuzz.seed else ""
        commands = (
            self.result.proof and f"grams-theory prove {self.result.id}",
            fuzz and f"grams-theory fuzz {self.result.id}{seed}",
        )
        return [command for command in commands if command]

    @property
    def players(self) -> tuple[str, ...]:
        """The optimizers that the claim is about; without the claim's file, those that it may be about."""
        return NAMES if self.claim is None else getattr(self.claim.setting, "optimizers", NAMES)

    @property
    def argument(self) -> ArgumentEvidence | None:
        return next((e for e in self.result.evidence if isinstance(e, ArgumentEvidence)), None)

    @property
    def ablations(self) -> tuple[AblationEvidence, ...]:
        return tuple(e for e in self.result.evidence if isinstance(e, AblationEvidence))

    @property
    def sharpness(self) -> SharpnessEvidence | None:
        return next((e for e in self.result.evidence if isinstance(e, SharpnessEvidence)), None)

    @property
    def measured(self) -> tuple[MeasuredEvidence, ...]:
        return tuple(e for e in self.result.evidence if isinstance(e, MeasuredEvidence))


@dataclass(frozen=True)
class Axiom:
    """What no machine checks, as the proofs state it, and the claims whose proofs rest on it."""

    step: ProofStep
    users: tuple[str, ...]

    @property
    def anchor(self) -> str:
        return anchor(self.step.name, "axiom")


def anchor(name: str, kind: str = "claim") -> str:
    """The id of a section: safe in an HTML attribute and in a fragment."""
    return f"{kind}-" + re.sub(r"[^A-Za-z0-9._-]", "-", name)


def render(ledger: Ledger, claims: Iterable[Claim] | None = None) -> str:
    """The whole page as HTML. `claims` defaults to the installed ones; a result without its claim is still shown."""
    if claims is None:
        from grams_theory.claims import all_claims

        claims = all_claims()
    known = {claim.id: claim for claim in claims}
    sections = tuple(Section(result, known.get(result.id)) for result in ledger.results)
    return _template().render(
        axioms=_axioms(sections),
        ledger=ledger,
        sections=sections,
        drawing=graph.draw([s.result.id for s in sections], _edges(sections)),
        counts=[(v, n) for v in Verdict if (n := sum(r.verdict is v for r in ledger.results))],
        script=_script(),
        by_id={section.result.id: section for section in sections},
        node=(graph.NODE_WIDTH, graph.NODE_HEIGHT),
        definitions=all_definitions(),
        users=lambda node: [
            s.result.id for s in sections if s.result.proof and node in _nodes(s.result.proof)
        ],
    )


def _script() -> tuple[Markup, str]:
    """The script, and its hash for the page's content security policy: no other one runs."""
    text = (files("grams_theory.report") / "templates" / "script.js").read_text(encoding="utf-8")
    return Markup(text), f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _axioms(sections: Iterable[Section]) -> list[Axiom]:
    """Every axiom that a proof states, in the order of their first use."""
    steps: dict[str, ProofStep] = {}
    users: dict[str, list[str]] = {}
    for section in sections:
        proof = section.result.proof
        for step in proof.steps if proof else ():
            if step.kind == "axiom":
                steps.setdefault(step.name, step)
        for name in proof.axioms if proof else ():
            users.setdefault(name, []).append(section.result.id)
    return [Axiom(step, tuple(users.get(name, ()))) for name, step in steps.items()]


def _nodes(proof: ProofEvidence) -> tuple[str, ...]:
    return proof.definitions + proof.assumptions


def _sources(proof: ProofEvidence, step: ProofStep) -> list[int]:
    """Numbers of the steps that a step uses."""
    return [number for number, other in enumerate(proof.steps, 1) if other.name in step.rests_on]


def _edges(sections: Iterable[Section]) -> list[graph.Edge]:
    edges = []
    for section in sections:
        if section.claim is None:
            continue
        cited = section.result.proof.uses if section.result.proof else ()
        edges += [graph.Edge(section.claim.id, used, "uses") for used in cited]
        edges += [graph.Edge(section.claim.id, step, "argument") for step in section.claim.argument]
        if section.claim.amends is not None:
            edges.append(graph.Edge(section.claim.id, section.claim.amends, "amends"))
    return edges


def _equations(data: Mapping[str, Any]) -> list[Markup]:
    """What of a witness is a number, vector or matrix, as equations."""
    return [shown for name, value in data.items() if (shown := mathml.equation(name, value)) is not None]


def _rest(data: Mapping[str, Any]) -> dict[str, str]:
    """What of a witness is neither, as text."""
    return {name: _text(value) for name, value in data.items() if mathml.equation(name, value) is None}


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {_text(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return "(" + ", ".join(_text(item) for item in value) + ")"
    return str(value)


def _picture(witness: Witness, section: Section):
    """The drawing of a witness of one step on a quadratic."""
    drawable = witness.kind == "quadratic" and "u" in witness.data
    return picture(witness.data, section.players) if drawable else None


def _run_chart(witness: Witness, section: Section):
    """The chart of a witness that is a whole run."""
    if witness.kind != "run" or "H" not in witness.data:
        return None
    eta = witness.data["eta"]
    table = run_table(witness.data, tuple(eta) if isinstance(eta, Mapping) else section.players)
    return table and chart(table)


@cache
def _template():
    environment = Environment(
        loader=PackageLoader("grams_theory.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        anchor=anchor,
        chart=chart,
        equations=_equations,
        from_latex=mathml.from_latex,
        glyphs=GLYPHS,
        meanings=MEANINGS,
        how=HOW,
        histogram=histogram,
        picture=_picture,
        rest=_rest,
        run_chart=_run_chart,
        sources=_sources,
    )
    environment.filters.update(describe=describe, lines=lines, number=number, spell=_text, streamed=streamed)
    return environment.get_template("index.html.j2")
