"""Everything about a claim, in order: prove it, attack it, certify what was found, decide."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from grams_theory import claims as registry
from grams_theory import families
from grams_theory.core.claim import Claim
from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.evidence import (
    ArgumentEvidence,
    Evidence,
    FuzzEvidence,
    ProofEvidence,
    Streamed,
    Witness,
)
from grams_theory.core.function import Family
from grams_theory.core.ledger import ClaimResult, Ledger
from grams_theory.core.verdict import Verdict
from grams_theory.engine.ablation import ablate
from grams_theory.engine.budget import Budget
from grams_theory.engine.campaign import Campaign, Sources, threads
from grams_theory.engine.cases import DRIVERS
from grams_theory.engine.certify import certify
from grams_theory.engine.distributed import ALONE, Crew
from grams_theory.engine.hunt import Watcher, hunt
from grams_theory.engine.journal import Interrupted, State
from grams_theory.engine.production import OURS, OptimizerClass, Rig
from grams_theory.engine.sharpness import attained
from grams_theory.engine.stream import source
from grams_theory.engine.verdict import decide
from grams_theory.engine.workers import workers as processes
from grams_theory.symbolic import proof

Stage = Literal["prove", "fuzz", "weaken", "measure", "done"]
Streams = Literal["auto", "off", "only"]
"""Whether streams play: wherever they can, never, or alone."""
TOO_SHORT = "the campaign ended before their first turn"
SETTLED = "a proof settles the claim; fuzz streams it"


@dataclass(frozen=True)
class Progress:
    """Where a verification stands."""

    claim_id: str
    stage: Stage
    done: int
    """Claims that are finished."""
    total: int
    share: float = 0.0
    """Share of the stage that is done, in [0, 1]."""
    result: ClaimResult | None = None
    """With stage "done"; None while what was found waits for other claims to be finished."""
    margin: float | None = None
    """The smallest clear margin that the fuzzing has seen, in units of the loss."""


Listener = Callable[[Progress], None]


def prove(claim_id: str) -> ProofEvidence:
    """Run every proof step of the claim.

    Raises:
        UsageError: there is no such claim, or it has no proof.
    """
    claim = registry.by_id(claim_id)
    if claim.prove is None and claim.prove_vacuous is None:
        proved = ", ".join(c.id for c in registry.all_claims() if c.prove or c.prove_vacuous)
        raise UsageError(
            f"claim {claim_id!r} has no proof (recorded: {claim.recorded}); these have: {proved}"
        )
    return proof.prove(claim)


def attack(
    claim: Claim,
    budget: str | int = "default",
    *,
    seed: int = 0,
    rig: Rig = OURS,
    progress: Watcher | None = None,
    state: State | None = None,
    crew: Crew = ALONE,
    streams: Streams = "off",
) -> tuple[FuzzEvidence, Witness | None]:
    """Fuzz the claim and certify a violation; a violation that has no exact form is sought again on quadratics.

    Raises:
        UsageError: streams are to play alone, and cannot.
    """
    limit = Budget.parse(budget, DRIVERS[type(claim.setting)].CASES)
    sources, reason = crew.first(lambda: _sources(claim, rig, streams))
    common: dict[str, Any] = {"run_seed": seed, "rig": rig, "progress": progress, "crew": crew}
    evidence, found = hunt(claim, limit, state=state, sources=sources, **common)
    if evidence.streams is None and streams != "off":
        evidence = replace(evidence, streams=Streamed(reason=reason or TOO_SHORT))
    estimated = (name for family in evidence.families for name in families.by_name(family).estimated)
    evidence = replace(evidence, estimated=tuple(dict.fromkeys(estimated)))
    witness = crew.first(lambda: found and certify(claim, found, rig))
    elsewhere = DRIVERS[type(claim.setting)].EXACT and sources != "streams"  # which are of quadratics anyway
    if witness is None and evidence.violations and elsewhere:
        going_on = state and replace(state, resume=True, restart=False)
        _, again = hunt(claim, limit.fresh(), quadratic=True, state=going_on, **common)
        witness = crew.first(lambda: again and certify(claim, again, rig))
    if state is not None:
        crew.first(lambda: state.finish(Campaign(claim, rig, seed, sources=sources)))
    return evidence, witness


def _sources(claim: Claim, rig: Rig, streams: Streams) -> tuple[Sources, str | None]:
    """Whose turns are played, and why not those of streams."""
    if streams == "off":
        return "drawn", None
    reason = source.refusal(claim, rig, Campaign(claim, rig).families)
    if reason is None:
        return ("streams" if streams == "only" else "both"), None
    if streams == "only":
        raise UsageError(f"claim {claim.id!r} cannot be streamed: {reason}; use streams 'auto'")
    return "drawn", reason


def check_fuzzable(claim: Claim) -> None:
    """Raises UsageError if the claim says nothing of cases that can be drawn."""
    if type(claim.setting) not in DRIVERS:
        fuzzable = ", ".join(c.id for c in registry.all_claims() if type(c.setting) in DRIVERS)
        raise UsageError(f"claim {claim.id!r} has nothing to fuzz; these have: {fuzzable}")


def cast_in(
    claim: Claim, optimizer: str | OptimizerClass | None, role: str | None
) -> dict[str, str | OptimizerClass]:
    """The `cast` of a Rig with that optimizer in that role of the claim, by default the first; None takes ours.

    Raises:
        UsageError: the claim has no such role, or none at all.
    """
    if optimizer is None:
        return {}
    roles = getattr(claim.setting, "optimizers", ())
    if not roles:
        raise UsageError(f"claim {claim.id!r} is not about an optimizer's steps; drop the optimizer")
    if role is not None and role not in roles:
        raise UnknownNameError(f"role in claim {claim.id!r}", role, roles)
    return {role or roles[0]: optimizer}


def fuzz(
    claim_id: str,
    optimizer: str | OptimizerClass | None = None,
    budget: str | int = "default",
    device: str = "cpu",
    seed: int = 0,
    progress: Listener | None = None,
    dtype: str = "float64",
    role: str | None = None,
    implementation: str | None = None,
    loss: str | Family | None = None,
    state: str | PathLike[str] | None = None,
    resume: bool = False,
    restart: bool = False,
    crew: Crew = ALONE,
    streams: Streams = "auto",
) -> ClaimResult:
    """Attack one claim through the production optimizers, with `optimizer` in place of one of them.

    Args:
        claim_id: the claim.
        optimizer: "module:Class" or a torch.optim.Optimizer subclass; None attacks ours.
        budget: "default", a number of cases, or a time such as "30s".
        device: torch device.
        seed: seed of every random stream.
        progress: called with `Progress` as the work goes on.
        dtype: of the weights: float64, float32, bfloat16 or float16.
        role: which of the claim's optimizers it replaces; by default the first, the claim's subject.
        implementation: of the optimizers: loop, foreach or fused; None leaves it to their constructors.
        loss: attack it on this loss alone, by its name or as "module:factory", or on a family such as
            `families.from_loss` makes. Violations refute nothing where its constants are estimated.
        state: folder in which the campaign is kept as it goes on, with what falsified the claim; None keeps nothing.
        resume: continue the campaign that is kept there. The seconds that it has taken count.
        restart: drop it.
        crew: the processes that share the work, all of which call this: `engine.distributed.join`.
        streams: whether compiled streams take turns: "auto", where they can; "off"; or "only", and then a budget of
            cases is one of their steps.

    Raises:
        UsageError: unknown claim, optimizer or device, a budget of nothing, a claim that cannot be fuzzed or, with
            streams alone, streamed, an unfinished campaign that is neither resumed nor dropped, or one that was played
            by other code.
        Interrupted: Ctrl-C, where a state is kept: with what was counted.
    """
    if resume and restart:
        raise UsageError("resume continues a campaign and restart drops it; choose one")
    if state is None and (resume or restart):
        raise UsageError("there is nothing to resume or restart without a state; give its folder")
    claim = registry.by_id(claim_id)
    if loss is not None:
        claim = registry.on(claim, loss if isinstance(loss, str) else families.add(loss).name)
    check_fuzzable(claim)
    rig = Rig(device, dtype, cast_in(claim, optimizer, role), implementation).check()

    def report(share: float, margin: float | None) -> None:
        if progress is not None:
            progress(Progress(claim_id, "fuzz", 0, 1, share, margin=margin))

    began, kept = time.monotonic(), None if state is None else State(Path(state), resume, restart)
    try:
        evidence, witness = attack(
            claim, budget, seed=seed, rig=rig, progress=report, state=kept, crew=crew, streams=streams
        )
    except KeyboardInterrupt:
        if kept is None:
            raise
        raise Interrupted(kept.so_far(Campaign(claim, rig, seed))) from None
    found: tuple[Evidence, ...] = (evidence,) if witness is None else (evidence, witness)
    verdict = decide(claim_id, found)
    return ClaimResult(claim.id, claim.title, claim.source, verdict, None, found, time.monotonic() - began)


Report = Callable[[Stage, float, float | None], None]
"""Is told the stage of a claim, which share of it is done, and the smallest margin seen."""


def _gather(
    claim_id: str, budget: str | int, rig: Rig, seed: int, streams: Streams, report: Report
) -> tuple[list[Evidence], float]:
    """All evidence about a claim on its own, and the seconds that it took."""
    claim, began, evidence = registry.by_id(claim_id), time.monotonic(), []
    if claim.prove is not None or claim.prove_vacuous is not None:
        report("prove", 0.0, None)
        evidence.append(proof.prove(claim))
    if type(claim.setting) in DRIVERS:
        settled = any(isinstance(e, ProofEvidence) and e.complete for e in evidence)
        tally, witness = attack(
            claim,
            budget,
            seed=seed,
            rig=rig,
            progress=partial(report, "fuzz"),
            streams="off" if settled else streams,
        )
        if settled and streams != "off":
            tally = replace(tally, streams=Streamed(reason=SETTLED))
        evidence += [tally] if witness is None else [tally, witness]
    if any(isinstance(e, ProofEvidence) and e.complete and e.target == "claim" for e in evidence):
        report("weaken", 0.0, None)
        evidence += ablate(claim, seed=seed, rig=rig)
        examples = attained(claim)
        evidence += [] if examples is None else [examples]
    if claim.measure is not None:
        report("measure", 0.0, None)
        with threads(1):
            evidence += claim.measure(rig.device)
    return evidence, time.monotonic() - began


def _gather_apart(
    claim_id: str, budget: str | int, rig: Rig, seed: int, streams: Streams, report: Report
) -> tuple[list[Evidence], float]:
    """The same in a worker, which then goes on with another claim."""
    found = _gather(claim_id, budget, rig, seed, streams, report)
    report("done", 1.0, None)
    return found


def _settle(
    claim: Claim, evidence: list[Evidence], seconds: float, settled: Mapping[str, ClaimResult]
) -> ClaimResult:
    """The result, once the claims that the source's argument rests on are settled."""
    refuted = tuple(name for name in claim.argument if settled[name].verdict is Verdict.REFUTED)
    found = (*evidence, ArgumentEvidence(refuted)) if refuted else tuple(evidence)
    return ClaimResult(
        claim.id, claim.title, claim.source, decide(claim.id, found), claim.recorded, found, seconds
    )


def _with_arguments(wanted: Iterable[str]) -> list[Claim]:
    """The claims and those that their sources' arguments rest on, each after what it rests on."""
    order: dict[str, Claim] = {}

    def visit(claim_id: str) -> None:
        if claim_id not in order:
            claim = registry.by_id(claim_id)
            for step in claim.argument:
                visit(step)
            order[claim_id] = claim

    for claim_id in wanted:
        visit(claim_id)
    return list(order.values())


def verify(
    claims: Iterable[str] | None = None,
    budget: str | int = "default",
    device: str = "cpu",
    seed: int = 0,
    progress: Listener | None = None,
    dtype: str = "float64",
    workers: int = 1,
    streams: Literal["auto", "off"] = "auto",
) -> Ledger:
    """Prove, fuzz and decide every claim (or those named, with the claims that their arguments rest on).

    Args:
        claims: ids of claims; None for all.
        budget: what each claim's fuzzing gets: "default", a number of cases, or a time such as "30s".
        device: torch device of the fuzzing.
        seed: seed of every random stream.
        progress: called with `Progress` as the work goes on.
        dtype: of the weights: float64, float32, bfloat16 or float16.
        workers: processes that share the claims; more than one needs an importable main module, as the command has.
        streams: whether compiled streams take turns against claims that no proof settles: "auto", where they can, or
            "off".

    Raises:
        UsageError: unknown claim, device or dtype, or a budget of nothing.
    """
    Budget.parse(budget)
    rig = Rig(device, dtype).check()
    everything = [claim.id for claim in registry.all_claims()]
    wanted = everything if claims is None else list(claims)
    todo = _with_arguments(wanted)
    settled: dict[str, ClaimResult] = {}

    def tell(claim_id: str, stage: Stage, share: float, margin: float | None = None) -> None:
        if progress is not None:
            result = settled.get(claim_id)
            progress(Progress(claim_id, stage, len(settled), len(todo), share, result, margin))

    def overhear(claim_id: str, *event: Any) -> None:
        if claim_id not in settled:
            tell(claim_id, *event)

    with processes(workers) as pool:
        tasks = (
            [pool.start(_gather_apart, claim.id, budget, rig, seed, streams) for claim in todo]
            if pool
            else []
        )
        for place, claim in enumerate(todo):
            if pool:
                evidence, seconds = pool.finish(tasks[place], overhear)
            else:
                evidence, seconds = _gather(claim.id, budget, rig, seed, streams, partial(tell, claim.id))
            settled[claim.id] = _settle(claim, evidence, seconds, settled)
            tell(claim.id, "done", 1.0)
    ordered = tuple(
        settled[claim_id] for claim_id in dict.fromkeys((*everything, *settled)) if claim_id in settled
    )
    return Ledger(ordered, environment(rig, seed, budget))


def environment(rig: Rig, seed: int, budget: str | int) -> dict[str, Any]:
    """What the results were obtained with."""
    import torch

    cuda = rig.device.startswith("cuda")
    name = torch.cuda.get_device_name(rig.device) if cuda else platform.processor() or platform.machine()
    packages = ("grams-theory", "torch", "hypothesis", "sympy", "z3-solver", "cvc5", "python-flint", "numpy")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": rig.device,
        "dtype": rig.dtype,
        "device_name": name,
        "seed": seed,
        "budget": str(budget),
        "packages": {package: version(package) for package in packages},
    }
