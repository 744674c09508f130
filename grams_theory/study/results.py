"""From finished cells to the document of a study: everything that a reader is told is computed here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from grams_theory.study import contenders
from grams_theory.study.cell import Result, Run
from grams_theory.study.contenders import ARMS, HERO
from grams_theory.study.document import SCHEMA, pairs
from grams_theory.study.journal import PACKAGES, Journal, header
from grams_theory.study.plan import (
    Tuning,
    evaluation,
    final,
    floor,
    sweep,
    swept,
    tune,
    tuning_runs,
    tuning_seeds,
)
from grams_theory.study.series import by_group, by_stage, curves
from grams_theory.study.settings import Settings, Task
from grams_theory.study.star import bracket
from grams_theory.study.statistics import LEVEL, difference, holm, interval, ordering, sign_test, verdict

BASELINE = "Adam"
"""What the arms of the ablation are held against: momentum for both."""
SCHEDULE = "half a cosine from the learning rate to 0"
FAMILIES = ("comparisons", "gap_comparisons", "test_comparisons", "ablation")
"""Comparisons of one kind, over all losses and modes, are corrected together."""
Measure = Literal["f", "gap", "test"]
Json = dict[str, Any]


def summarise(settings: Settings, journal: Journal) -> Json:
    """The document of a study whose cells are all there."""
    losses = [_Loss(settings, task, journal).document() for task in settings.tasks]
    for family in FAMILIES:
        _correct([c for _, mode in pairs(losses) for c in mode[family]])
    for _, mode in pairs(losses):
        mode["ordering"] = _ordering(mode["comparisons"])
        mode["gap_ordering"] = _ordering(mode["gap_comparisons"])
    names = settings.contenders_of_all()
    return {
        "schema": SCHEMA,
        "packages": {package: header(settings)["packages"][package] for package in PACKAGES},
        "settings": settings.as_dict(),
        "seeds": {"evaluation": list(range(settings.seeds)), "tuning": list(tuning_seeds(settings))},
        "schedule": SCHEDULE,
        "level": LEVEL,
        "contenders": [
            {
                "name": name,
                "label": contenders.by_name(name).label,
                "betas": list(contenders.by_name(name).betas),
                "rival": contenders.by_name(name).rival,
                "momentum": ARMS.get(name),
            }
            for name in names
        ],
        "cells": len(journal),
        "losses": losses,
        "sign_tests": _sign_tests(losses),
    }


def _ordering(comparisons: Sequence[Json]) -> str:
    return ordering([c["verdict"] for c in comparisons if c["rival_in_paper"]])


def _correct(comparisons: Sequence[Json]) -> None:
    """Holm's correction over a family, and the verdicts that follow. What could not be compared is undecided."""
    made = [c for c in comparisons if c["difference"] is not None]
    for comparison, p in zip(made, holm([c["difference"]["p"] for c in made]), strict=True):
        comparison["p_holm"] = p
        comparison["verdict"] = verdict(comparison["difference"]["mean"], p)


def _sign_tests(losses: Sequence[Json]) -> list[Json]:
    """Per mode and rival, over losses."""
    means: dict[tuple[str, str], list[float]] = {}
    for _, mode in pairs(losses):
        for c in mode["comparisons"]:
            if c["difference"] is not None:
                means.setdefault((mode["mode"], c["rival"]), []).append(c["difference"]["mean"])
    return [
        {"mode": mode, "rival": rival, **asdict(sign_test(found))} for (mode, rival), found in means.items()
    ]


def _why_not(name: str, ended: int, played: int) -> str:
    """Why a contender cannot be compared."""
    if not played:
        return f"no learning rate of {name} was left: all diverged"
    return f"{played - ended} of {played} runs of {name} diverged"


class _Loss:
    """One loss of a finished study."""

    def __init__(self, settings: Settings, task: Task, journal: Journal) -> None:
        self.settings, self.task, self.journal = settings, task, journal
        self.floor: Result = journal[floor(settings, task)]
        self.star = bracket(self.floor, ((run, journal[run]) for run in self._runs()))

    def _tuning(self, mode: str, name: str) -> Tuning:
        return tune(self.settings, self.task, mode, name, self.journal)

    def _runs(self) -> Iterator[Run]:
        """All of them: f* is bracketed by every one."""
        for mode in self.task.modes:
            for name in self.settings.contenders(self.task):
                tuning = self._tuning(mode, name)
                for k in tuning.scores:
                    yield from tuning_runs(self.settings, self.task, mode, name, k)
                yield from evaluation(self.settings, self.task, mode, name, tuning)
                if name in swept(self.settings, self.task):
                    for point in sweep(self.settings, self.task, mode, name, tuning):
                        yield from point.runs

    def document(self) -> Json:
        kept = ("title", "dim", "samples", "metric", "eps", "kinks", "mu", "mu_provenance")
        return {
            "name": self.task.loss,
            **{name: self.floor[name] for name in kept},
            "steps": self.task.steps,
            "batch": self.task.batch,
            "f_star": {name: getattr(self.star, name) for name in ("low", "high", "provenance")},
            "mu_upper": self._mu_upper(),
            "modes": [self._mode(mode) for mode in self.task.modes],
        }

    def _mu_upper(self) -> float | None:
        """No mu > this holds: ½‖∇f‖²/(f − f*) is at most this at some visited point, whatever f* is."""
        points = (point for run in self._runs() for point in self.journal[run]["points"])
        highs = (self.star.ratio(point["f"], point["grad2"])[1] for point in points)
        return min((high for high in highs if high is not None), default=None)

    def _mode(self, mode: str) -> Json:
        names = self.settings.contenders(self.task)
        tunings = {name: self._tuning(mode, name) for name in names}
        runs = {name: evaluation(self.settings, self.task, mode, name, tunings[name]) for name in names}
        rivals = [name for name in self.settings.optimizers if name != HERO]
        ablated = self.task.loss in self.settings.ablation
        tested, bounded = self.floor["metric"] is not None, self.star.low is not None
        return {
            "mode": mode,
            "contenders": [self._contender(name, tunings[name], runs[name]) for name in names],
            "comparisons": [self._comparison(HERO, name, runs) for name in rivals],
            "gap_comparisons": [self._comparison(HERO, name, runs, "gap") for name in rivals if bounded],
            "test_comparisons": [self._comparison(HERO, name, runs, "test") for name in rivals if tested],
            "ablation": [
                self._comparison(arm, BASELINE, runs) for arm in ARMS if ablated and arm != BASELINE
            ],
            "sweep": [
                self._swept(mode, name, tunings[name])
                for name in names
                if name in swept(self.settings, self.task)
            ],
        }

    def _contender(self, name: str, tuning: Tuning, runs: Sequence[Run]) -> Json:
        results = [self.journal[run] for run in runs]
        whole = [result for result in results if result["diverged"] is None]
        ends = [result["points"][-1] for result in whole]
        complete = bool(ends) and len(ends) == len(results)
        tests = [point["test"] for point in ends if point["test"] is not None]
        return {
            "name": name,
            "tuning": {
                "grid": [
                    {"lr": contenders.rate(k), "score": score} for k, score in sorted(tuning.scores.items())
                ],
                "lr": None if tuning.best is None else contenders.rate(tuning.best),
                "at_edge": tuning.at_edge,
            },
            "diverged": [run.seed for run, result in zip(runs, results, strict=True) if result not in whole],
            "final": asdict(interval([point["f"] for point in ends])) if complete else None,
            "test": asdict(interval(tests)) if complete and len(tests) == len(ends) else None,
            "curves": curves(whole, self.star) if whole else None,
            "stages": by_stage(whole, self.task.steps, self.star) if whole else [],
            "groups": by_group(whole) if whole else [],
            "runs": [{"seed": run.seed, **result} for run, result in zip(runs, results, strict=True)],
        }

    def _comparison(
        self, ours: str, theirs: str, runs: Mapping[str, Sequence[Run]], measure: Measure = "f"
    ) -> Json:
        """ours − theirs at the end of training, smaller being better: of f, of log10(f − f*), or of the test metric."""
        sides = [self._ends(runs[name], measure) for name in (ours, theirs)]
        comparison: Json = {
            "ours": ours,
            "rival": theirs,
            "rival_in_paper": contenders.by_name(theirs).rival,
            "difference": None,
            "p_holm": None,
            "verdict": "undecided",
            "why_not": None,
        }
        for name, ends in zip((ours, theirs), sides, strict=True):
            if len(ends) < self.settings.seeds:
                comparison["why_not"] = _why_not(name, len(ends), len(runs[name]))
                return comparison
        largest = max(abs(value) for ends in sides for value in ends.values())
        slack = 0.0 if measure == "gap" else self.star.slack(largest)
        comparison["difference"] = found = asdict(difference(*sides, slack=slack))
        if measure == "gap":
            comparison["ratio"] = {name: 10 ** found[name] for name in ("mean", "low", "high")}
        return comparison

    def _ends(self, runs: Sequence[Run], measure: Measure) -> dict[int, float]:
        """Seed -> what the run ended at, over the runs that did not diverge. Accuracies change their sign."""
        whole = {run.seed: self.journal[run] for run in runs if self.journal[run]["diverged"] is None}
        last = {seed: result["points"][-1] for seed, result in whole.items()}
        if measure == "test":
            sign = -1.0 if self.floor["metric"] == "accuracy" else 1.0
            return {seed: sign * point["test"] for seed, point in last.items()}
        values = {seed: point["f"] for seed, point in last.items()}
        return {seed: self.star.log_gap(f) for seed, f in values.items()} if measure == "gap" else values

    def _swept(self, mode: str, name: str, tuning: Tuning) -> Json:
        points = []
        for point in sweep(self.settings, self.task, mode, name, tuning):
            ends = [final(self.journal, run) for run in point.runs]
            known = [end for end in ends if end is not None]
            points.append(
                {
                    "beta1": point.beta1,
                    "beta2": point.beta2,
                    "lr": point.lr,
                    "ends": ends,
                    "mean": interval(known).mean if len(known) == len(ends) else None,
                }
            )
        return {"name": name, "points": points}
