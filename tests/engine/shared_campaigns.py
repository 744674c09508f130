"""Campaigns for several processes, each of which writes what it found into a folder."""

import dataclasses
import json

import torch

from grams_theory import claims
from grams_theory.engine import fuzz
from grams_theory.engine.budget import Budget
from grams_theory.engine.distributed import join
from grams_theory.engine.hunt import hunt
from grams_theory.engine.journal import State
from grams_theory.engine.production import Rig
from grams_theory.optim import Grams

FLOW = claims.by_id("theorem-4.6")
STEP = claims.by_id("lemma-4.2")


class RarelyWrong(Grams):
    """Steps in the wrong direction in dimension 16 if eps is 1, which only a late turn meets."""

    def step(self, closure=None):
        parameters = [p for group in self.param_groups for p in group["params"]]
        before = [p.detach().clone() for p in parameters]
        loss = super().step(closure)
        with torch.no_grad():
            for p, start in zip(parameters, before, strict=True):
                if p.shape[-1] == 16 and self.defaults["eps"] == 1.0:
                    p.copy_(2 * start - p)
        return loss


def plain(evidence, found):
    structure = None if found is None else (found.structure.as_dict(), found.part, found.row)
    return {**dataclasses.asdict(evidence), "seconds": None, "optimizers": None, "found": structure}


def survives(crew, folder):
    return plain(*hunt(FLOW, Budget(8000), quadratic=True, crew=crew))


def is_falsified(crew, folder):
    return plain(*hunt(STEP, Budget(50_000), quadratic=True, rig=Rig(cast={"Grams": RarelyWrong}), crew=crew))


def is_resumed(crew, folder):
    """What one process began, all go on with, and one finishes."""
    begun, resumed = State(folder / "state"), State(folder / "state", resume=True)
    crew.first(lambda: hunt(FLOW, Budget(3000), quadratic=True, state=begun) and None)
    hunt(FLOW, Budget(6000), quadratic=True, state=resumed, crew=crew)
    found = crew.first(lambda: plain(*hunt(FLOW, Budget(8000), quadratic=True, state=resumed)))
    assert found == survives(crew, folder)
    return found


def is_witnessed(crew, folder):
    result = fuzz("comparison-sign-repaired", state=folder / "corpus", crew=crew)
    again = fuzz("comparison-sign-repaired", state=folder / "corpus", seed=3, crew=crew)
    assert again.fuzz is not None and again.fuzz.known
    return [str(result.verdict), result.witness and dataclasses.asdict(result.witness), str(again.verdict)]


def takes_its_time(crew, folder):
    evidence, _ = hunt(FLOW, Budget(None, 0.5), crew=crew)
    return evidence.cases > 0


CAMPAIGNS = (survives, is_falsified, is_resumed, is_witnessed, takes_its_time)


def main(folder):
    with join() as crew:
        found = {work.__name__: work(crew, folder) for work in CAMPAIGNS}
        (folder / f"rank-{crew.rank}.json").write_text(json.dumps(found))
