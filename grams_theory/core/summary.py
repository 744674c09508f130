"""Evidence in a few words: the sentences that the terminal, notebooks and the report share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from grams_theory.core.evidence import (
    AblationEvidence,
    ArgumentEvidence,
    Evidence,
    FuzzEvidence,
    MeasuredEvidence,
    MutationEvidence,
    ProofEvidence,
    SharpnessEvidence,
    StepKind,
    Streamed,
    Witness,
)
from grams_theory.core.verdict import Verdict

if TYPE_CHECKING:
    from grams_theory.core.ledger import ClaimResult

GLYPHS: Mapping[Verdict, str] = {
    Verdict.PROVED: "✓",
    Verdict.SURVIVED: "○",
    Verdict.REFUTED: "✗",
    Verdict.VACUOUS: "∅",
    Verdict.GAP: "◇",
    Verdict.UNDECIDED: "?",
}
"""A mark for each verdict, so that no reader needs to see colours."""

MEANINGS: Mapping[Verdict, str] = {
    Verdict.PROVED: "every step of a proof was checked by machine",
    Verdict.SURVIVED: "fuzzed without a violation, not proved",
    Verdict.REFUTED: "a witness violates it, confirmed in exact or ball arithmetic",
    Verdict.VACUOUS: "it is proved that nothing satisfies the premise",
    Verdict.GAP: "not refuted, but the source's argument rests on a refuted claim",
    Verdict.UNDECIDED: "nothing was found beyond the rounding error",
}

HOW: Mapping[StepKind, str] = {
    "axiom": "assumed",
    "assumption": "assumed",
    "definition": "abbreviated",
    "citation": "cited",
    "identity": "checked",
    "implication": "checked",
    "calculus": "checked",
    "lift": "checked",
    "certificate": "checked",
    "instance": "checked",
    "discharge": "checked",
    "induction": "checked",
}
"""What was done with a proof step of each kind."""


def number(value: float | int | str | None) -> str:
    """A number for a table cell: four significant digits, `≈` before a shortened fraction, `–` for None.

    Fractions are texts, "p/q"; a whole one loses its "/1".
    """
    if value is None:
        return "–"
    if isinstance(value, str):
        return _short_fraction(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}"


def _short_fraction(text: str) -> str:
    text = text.removesuffix("/1")
    if len(text) <= 16:
        return text
    try:
        return f"≈ {float(Fraction(text)):.4g}"
    except (ValueError, ZeroDivisionError, OverflowError):
        return text


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _proof(proof: ProofEvidence) -> str:
    subject = "proof" if proof.target == "claim" else "proof that the premise is empty"
    text = f"{subject}: {plural(proof.checked, 'step')} checked"
    if proof.axioms:
        text += f", given {', '.join(proof.axioms)}"
    if proof.uses:
        text += f", using {', '.join(proof.uses)}"
    if not proof.complete:
        text += f"; incomplete: {proof.failure or 'a step was not checked'}"
    return text


def _closeness(ratio: float) -> str:
    """How near the sampled cases come to equality."""
    return "equality reached" if ratio > 1 - 1e-6 else f"{ratio:.3g} of the bound reached"


def _fuzz(fuzz: FuzzEvidence) -> str:
    text = f"{plural(fuzz.cases, 'case')} fuzzed"
    if fuzz.min_margin is not None:
        text += f", smallest margin {number(fuzz.min_margin)}"
    if fuzz.ratios and not fuzz.violations:
        text += f", {_closeness(max(fuzz.ratios.values()))}"
    if fuzz.violations:
        text += f", {plural(fuzz.violations, 'violation')}"
    if fuzz.undecided:
        text += f", {fuzz.undecided:,} inside rounding"
    if fuzz.resolved:
        text += f", {fuzz.resolved:,} resolved in exact arithmetic"
    if fuzz.known:
        text += "; known from an earlier campaign"
    if fuzz.estimated:
        text += f"; estimated, not certified: {', '.join(fuzz.estimated)}"
    return text


def streamed(streams: Streamed) -> str:
    """What streams counted, or why they did not play."""
    if streams.reason is not None:
        return f"streams did not play: {streams.reason}"
    text = f"{plural(streams.steps, 'production step')} streamed by {plural(streams.kernels, 'kernel')}"
    if streams.parts:
        text += f", smallest margin {number(min(streams.parts.values()))}"
    if streams.suspicious:
        text += f", {streams.suspicious:,} suspicious, handed to production"
    if streams.undecided:
        text += f", {streams.undecided:,} inside rounding"
    if streams.unconfirmed:
        text += f", {streams.unconfirmed:,} of the suspicious inside rounding in production"
    for reason, count in streams.refused.items():
        text += f"; {plural(count, 'kernel')} not made: {reason}"
    for seen in streams.disagreements:
        text += f"; A KERNEL DISAGREES WITH PRODUCTION, and does not count: {seen}"
    return text


def sources(results: Iterable[ClaimResult]) -> str:
    """Against how many of the claims that were fuzzed streams played, and why not against the others; "" if unasked."""
    asked = [r.fuzz.streams for r in results if r.fuzz is not None and r.fuzz.streams is not None]
    if not asked:
        return ""
    reasons = Counter(streams.reason for streams in asked if streams.reason is not None)
    played = len(asked) - reasons.total()
    others = "".join(f"; not against {count}: {reason}" for reason, count in reasons.most_common())
    return f"streams played against {plural(played, 'claim')}{others}"


def _witness(witness: Witness) -> str:
    violated = f"{witness.part} = {number(witness.margin)} < 0"
    if witness.kind == "estimated":
        smoothness = number(witness.data.get("smoothness"))
        return f"violated with estimated constants: {violated}; L may be larger than {smoothness}"
    return f"witness ({witness.kind}): {violated}, {witness.method}"


def _ablation(ablation: AblationEvidence) -> str:
    text = f"without {ablation.dropped!r} ({ablation.text}): "
    if ablation.witness is None:
        return text + f"no counterexample in {plural(ablation.cases, 'case')}"
    return text + describe(ablation.witness)


def _mutation(mutation: MutationEvidence) -> str:
    text = f"{plural(mutation.mutants, 'mutant')}: {mutation.lost} lose the proof"
    if mutation.refuted:
        text += f", {mutation.refuted} are refuted by a case"
    if mutation.weaker:
        text += f", {len(mutation.weaker)} say no more than the claim"
    if mutation.survivors:
        text += f", STILL PROVED: {'; '.join(mutation.survivors)}"
    return text


def lines(evidence: Iterable[Evidence]) -> list[str]:
    """All evidence about a claim, a line each; the ablations share one or two."""
    evidence = list(evidence)
    ablations = [e for e in evidence if isinstance(e, AblationEvidence)]
    needed, idle = ([a.dropped for a in ablations if (a.witness is None) is none] for none in (False, True))
    text = []
    for e in evidence:
        if not isinstance(e, AblationEvidence):
            text.append(describe(e))
        if isinstance(e, FuzzEvidence) and e.streams is not None and e.streams.reason is None:
            text.append(streamed(e.streams))
    if needed:
        text.append(f"needs, each with an exact counterexample without it: {', '.join(needed)}")
    if idle:
        text.append(f"no counterexample was found without: {', '.join(idle)}")
    return text


def describe(evidence: Evidence) -> str:
    """One piece of evidence as one line of plain text."""
    match evidence:
        case ProofEvidence():
            return _proof(evidence)
        case FuzzEvidence():
            return _fuzz(evidence)
        case Witness():
            return _witness(evidence)
        case ArgumentEvidence():
            return f"argument rests on refuted {', '.join(evidence.refuted)}"
        case SharpnessEvidence():
            return f"attained exactly: {'; '.join(example.part for example in evidence.examples)}"
        case MutationEvidence():
            return _mutation(evidence)
        case MeasuredEvidence():
            return f"measured: {evidence.title} ({plural(len(evidence.rows), 'row')})"
        case AblationEvidence():
            return _ablation(evidence)
