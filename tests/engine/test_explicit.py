"""Somebody else's optimizer: its violation is shrunk by asking it, to a case that a person can read."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from grams_theory import claims
from grams_theory.engine import explicit, fuzz
from grams_theory.engine.budget import Budget
from grams_theory.engine.exact import exactly, rational
from grams_theory.engine.hunt import hunt
from grams_theory.engine.production import Hyper, Rig, load, told
from grams_theory.engine.shrink import complexity
from grams_theory.optim import Grams
from tests.engine.foreign import FOREIGN, search

ASKED = ("H", "g", "w", "eta", "smoothness", "run")
"""What shrinking is free to choose; what was observed is a float that the optimizer made."""


SIMPLEST = Hyper((0.5, 0.5), 1.0)


def flat(x):
    if isinstance(x, dict):
        return [y for entry in x.values() for y in flat(entry)]
    return [y for entry in x for y in flat(entry)] if isinstance(x, list) else [x]


@pytest.mark.parametrize("key", FOREIGN, ids=str)
def test_a_foreign_witness_is_small(key):
    witness = search(*key).witness
    data = exactly({name: witness.data[name] for name in ASKED})
    if told(load(key[1]), SIMPLEST) != SIMPLEST:  # what it cannot be told is as it has it
        data["run"] = {"gradients": data["run"]["gradients"]}
    assert len(data["g"]) == 1
    assert len(data["run"]["gradients"]) <= 2
    assert max(max(abs(int(x.p)), int(x.q)) for x in flat(data)) <= 16


@pytest.mark.parametrize("key", FOREIGN, ids=str)
def test_a_foreign_witness_is_exact_where_the_claim_has_an_exact_form(key):
    witness = search(*key).witness
    assert (witness.kind == "observed") == (key[0] == "definitions")
    assert Fraction(witness.margin.strip("[").split()[0]) < 0


@pytest.mark.parametrize("key", FOREIGN, ids=str)
def test_every_number_asked_of_the_optimizer_is_a_float(key):
    data = exactly({name: search(*key).witness.data[name] for name in ASKED})
    assert all(rational(int(x.p) / int(x.q)) == x for x in flat(data))


class Drifting(Grams):
    """Grams with a weight decay of 1 % that nobody asked for: only where the weights are not 0."""

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.mul_(1 - 0.01 * group["lr"])
        return super().step(closure)


def test_a_fault_that_needs_weights_keeps_them():
    data = fuzz("definitions", optimizer=Drifting, budget=20_000).witness.data
    assert [Fraction(x) for x in data["w"]] != [0]
    assert len(data["w"]) == 1


class Forgetful(Grams):
    """Grams that takes its third step in the direction of its momentum."""

    @torch.no_grad()
    def step(self, closure=None):
        parameters = [p for group in self.param_groups for p in group["params"]]
        before = [p.clone() for p in parameters]
        super().step(closure)
        for p, start in zip(parameters, before, strict=True):
            if self.state[p]["step"] == 3:
                p.copy_(start - (p - start).abs() * self.state[p]["exp_avg"].sign())


def test_a_fault_in_the_third_step_keeps_three_gradients():
    data = fuzz("definitions", optimizer=Forgetful, budget=20_000).witness.data
    assert len(data["run"]["gradients"]) == 3


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_numbers_fit_the_dtype_of_the_weights(dtype):
    data = exactly(fuzz("definitions", optimizer="torch.optim:SGD", budget=5000, dtype=dtype).witness.data)
    kind = getattr(torch, dtype)
    for x in flat({"w": data["w"], "gradients": data["run"]["gradients"]}):
        value = int(x.p) / int(x.q)
        assert torch.tensor(value, dtype=kind).double().item() == value


def violating_row():
    claim, rig = claims.by_id("lemma-4.2"), Rig(cast={"Grams": "torch.optim:Adam"})
    _, falsified = hunt(claim, Budget.parse(20_000), rig=rig)
    return claim, rig, falsified


def test_shrinking_is_deterministic_and_ends():
    claim, rig, falsified = violating_row()
    row = falsified.outcome.record.row(falsified.row)
    seen = [explicit.certify(claim, row, falsified.part, falsified.structure, rig).case for _ in range(2)]
    assert seen[0] == seen[1]


def test_a_row_that_does_not_violate_is_no_case():
    claim, _, falsified = violating_row()
    row = falsified.outcome.record.row(falsified.row)
    assert explicit.certify(claim, row, falsified.part, falsified.structure, Rig()) is None


def test_a_function_that_the_claim_does_not_allow_is_no_case():
    """L is halved: the quadratic is no longer L-smooth, and nothing that it shows counts."""
    claim, rig, falsified = violating_row()
    row = falsified.outcome.record.row(falsified.row)
    (case,) = explicit._cases(claim, row, falsified.structure)
    assert explicit._measured(claim, case, rig) is not None
    assert explicit._measured(claim, {**case, "smoothness": case["smoothness"] / 1000}, rig) is None


def test_simpler_floats_are_simpler_and_representable():
    for x in map(rational, (0.7312345, -3e-9, 12345.678, 1 / 3)):
        candidates = list(explicit._simpler(x))
        assert [complexity(c) for c in candidates] == sorted(complexity(c) for c in candidates)
        assert all(complexity(c) < complexity(x) for c in candidates)
        assert all(rational(int(c.p) / int(c.q)) == c for c in candidates)


def test_a_campaign_s_hyperparameters_reach_the_case():
    claim, _, falsified = violating_row()
    structure = replace(falsified.structure, hyper=Hyper((0.5, 0.25), 0.125))
    (case,) = explicit._cases(claim, falsified.outcome.record.row(falsified.row), structure)
    assert exactly([0.5, 0.25]) == case["betas"]
    assert case["eps"] == rational(0.125)
