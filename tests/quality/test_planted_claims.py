"""Planted false claims, true ones with a fault: the fuzzer must refute each, exactly where there is an exact form."""

from dataclasses import replace

import pytest

from grams_theory import claims
from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import OneStep
from grams_theory.core.definitions import CONVEX, SEPARABLE
from grams_theory.engine.budget import Budget
from grams_theory.engine.cases import DRIVERS
from grams_theory.engine.certify import certify
from grams_theory.engine.hunt import hunt

KIND = "false claims"


def flipped(claim_id):
    """The claim with its inequalities turned around."""
    claim = claims.by_id(claim_id)
    return replace(claim, margin=lambda r: {part: -m for part, m in claim.margin(r).items()})


def longer_steps(claim_id, factor):
    """The claim with step sizes beyond its bound."""
    claim = claims.by_id(claim_id)
    bound = claim.setting.step_size
    return replace(claim, setting=replace(claim.setting, step_size=lambda s: bound(s) * factor))


def without(assumption, claim_id):
    """The claim with an assumption dropped."""
    claim = claims.by_id(claim_id)
    assert assumption in claim.assumptions
    return replace(claim, assumptions=tuple(a for a in claim.assumptions if a != assumption))


def one_step_bound(claim_id, name, step, first=1.0, second=1.0):
    """Change of `name` <= -first * eta <g, step> + second * (L eta^2 / 2) ||step||^2."""

    def margin(s):
        curvature = s.smoothness * (s.eta * s.eta / 2) * norm2(step(s))
        return {"upper": curvature * second - s.eta * dot(s.g, step(s)) * first - s.change(name)}

    return replace(claims.by_id(claim_id), margin=margin, setting=OneStep((name,)))


PLANTED = {
    "alignment, flipped": flipped("alignment"),
    "alignment, one percent more": replace(
        claims.by_id("alignment"), margin=lambda s: {"order": dot(abs(s.g), abs(s.u)) - dot(s.g, s.a) * 1.01}
    ),
    "descent lemma, flipped": flipped("descent-lemma"),
    "lemma 3.9, flipped": flipped("lemma-3.9"),
    "lemma 3.9, L one percent smaller": one_step_bound(
        "lemma-3.9", "CautiousAdam", lambda s: s.a, second=0.99
    ),
    "lemma 3.9, Adam in place of C-Adam": one_step_bound("lemma-3.9", "Adam", lambda s: s.a),
    "lemma 4.2, flipped": flipped("lemma-4.2"),
    "lemma 4.2, L one percent smaller": one_step_bound("lemma-4.2", "Grams", lambda s: s.r, second=0.99),
    "lemma 4.2, one percent more descent": one_step_bound("lemma-4.2", "Grams", lambda s: s.r, first=1.01),
    "lemma 4.2, curvature forgotten": one_step_bound("lemma-4.2", "Grams", lambda s: s.r, second=0.0),
    "lemma 4.2, C-Adam in place of Grams": one_step_bound("lemma-4.2", "CautiousAdam", lambda s: s.r),
    "comparison, sharp step sizes doubled": longer_steps("comparison-sharp", 2.0),
    "comparison, flipped": flipped("comparison-sharp"),
    "comparison, convexity dropped": without(CONVEX, "comparison-sharp-convex"),
    "comparison, separability dropped": without(SEPARABLE, "comparison-separable"),
    "Grams against Adam, step sizes tripled": longer_steps("grams-vs-adam-sharp", 3.0),
    "theorem 4.6, flipped": flipped("theorem-4.6"),
    "Adam's Hamiltonian, flipped": flipped("adam-hamiltonian"),
    "theorem 4.15, flipped": flipped("theorem-4.15"),
    "linear rate, flipped": flipped("linear-rate"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_false_claim_is_refuted(name, killed):
    claim = PLANTED[name]
    evidence, found = hunt(claim, Budget.parse(40_000))
    assert found is not None
    assert evidence.violations > 0
    if DRIVERS[type(claim.setting)].EXACT:
        witness = certify(claim, found)
        assert witness is not None
        assert "arithmetic" in witness.method


@pytest.mark.parametrize("claim_id", sorted({claim.id for claim in PLANTED.values()}))
def test_the_claim_without_the_fault_survives(claim_id):
    claim = claims.by_id(claim_id)
    evidence, found = hunt(claim, Budget.parse(2000, DRIVERS[type(claim.setting)].CASES))
    assert found is None
    assert evidence.cases > 0
