"""The page: a ledger and the claims' own words, given to the template."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
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
from grams_theory.core.summary import GLYPHS, HOW, MEANINGS, describe, lines, number
from grams_theory.core.verdict import Verdict
from grams_theory.report import graph, mathml
from grams_theory.report.chart import chart
from grams_theory.report.contour import picture


@dataclass(frozen=True)
class Section:
    """One claim on the page: what was found, and the claim's file if it is installed."""

    result: ClaimResult
    claim: Claim | None

    @property
    def anchor(self) -> str:
        return anchor(self.result.id)

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


def anchor(claim_id: str) -> str:
    """The id of a claim's section: safe in an HTML attribute and in a fragment."""
    return "claim-" + re.sub(r"[^A-Za-z0-9._-]", "-", claim_id)


def render(ledger: Ledger, claims: Iterable[Claim] | None = None) -> str:
    """The whole page as HTML. `claims` defaults to the installed ones; a result without its claim is still shown."""
    if claims is None:
        from grams_theory.claims import all_claims

        claims = all_claims()
    known = {claim.id: claim for claim in claims}
    sections = tuple(Section(result, known.get(result.id)) for result in ledger.results)
    return _template().render(
        ledger=ledger,
        sections=sections,
        drawing=graph.draw([s.result.id for s in sections], _edges(sections)),
        counts=[(v, n) for v in Verdict if (n := sum(r.verdict is v for r in ledger.results))],
        node=(graph.NODE_WIDTH, graph.NODE_HEIGHT),
        definitions=all_definitions(),
        users=lambda node: [
            s.result.id for s in sections if s.result.proof and node in _nodes(s.result.proof)
        ],
    )


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


def _step_picture(witness: Witness):
    return picture(witness.data) if "u" in witness.data and witness.kind == "quadratic" else None


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
        picture=_step_picture,
        rest=_rest,
        sources=_sources,
    )
    environment.filters.update(describe=describe, lines=lines, number=number, spell=_text)
    return environment.get_template("index.html.j2")
