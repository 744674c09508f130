"""Claims about one step: their proofs are complete and tight, their thresholds are attained and no larger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import sympy as sp
import torch
from torch import Tensor

from grams_theory.claims import all_claims, by_id
from grams_theory.core.claim import Claim, OneStep
from grams_theory.symbolic.proof import prove

MINE = (
    "alignment",
    "descent-lemma",
    "lemma-3.9",
    "lemma-4.2",
    "comparison-printed",
    "interpolation",
    "two-point-curvature",
    "two-point-comparison",
    "two-point-comparison-convex",
    "comparison-sharp",
    "comparison-sharp-convex",
    "comparison-separable",
    "grams-vs-adam-sharp",
    "comparison-rescaled-fails",
)
PROVED = [c for c in all_claims() if isinstance(c.setting, OneStep) and (c.prove or c.prove_vacuous)]


@pytest.mark.parametrize("claim", PROVED, ids=lambda claim: claim.id)
def test_the_proof_is_complete(claim):
    evidence = prove(claim)
    assert evidence.failure is None
    assert evidence.complete


@pytest.mark.parametrize("claim_id", MINE)
def test_the_proof_needs_each_of_its_hypotheses(claim_id, unneeded_hypotheses):
    assert unneeded_hypotheses(claim_id) == []


def of(relation, factor):
    """The relation with its right-hand side times the factor."""
    return type(relation)(relation.lhs, relation.rhs * factor, evaluate=False)


PERCENT = sp.Rational(101, 100)


def longer_step(part):
    """The condition of the part 1 % weaker."""
    condition, conclusion = part.args
    return sp.Implies(of(condition, PERCENT), conclusion)


def further_rise(part):
    """The witness of the part rises, even where the condition is met by 1 %."""
    conditions, conclusion = part.args
    fails = next(c for c in conditions.args if isinstance(c, sp.Gt) and c.atoms(sp.Pow) and c.rhs != 0)
    return sp.Implies(conditions.xreplace({fails: of(fails, 1 / PERCENT)}), conclusion)


FAULTS = {
    "alignment turned around": ("alignment", "order", lambda part: sp.Le(*part.args)),
    "descent lemma with less than L/2": ("descent-lemma", "remainder", lambda part: of(part, 1 / PERCENT)),
    "a larger step in lemma 3.9": ("lemma-3.9", "descent", longer_step),
    "a larger step in lemma 4.2": ("lemma-4.2", "descent", longer_step),
    "a smaller bound in lemma 4.2": ("lemma-4.2", "upper", lambda part: of(part, 1 / PERCENT)),
    "a third bound of the other sign": (
        "comparison-printed",
        "no step size",
        lambda part: sp.Implies(part.args[0], of(part.args[1], -1)),
    ),
    "a smaller bound by curvature": ("two-point-curvature", "bound", lambda part: of(part, 1 / PERCENT)),
    "a smaller two-point bound": ("two-point-comparison", "bound", lambda part: of(part, 1 / PERCENT)),
    "a larger attained bound": (
        "two-point-attained",
        "attained",
        lambda part: sp.Implies(part.args[0], of(part.args[1], PERCENT)),
    ),
    "a weaker condition": ("comparison-sharp", "if", longer_step),
    "a stronger witness": ("comparison-sharp", "only if", further_rise),
    "a weaker convex condition": ("comparison-sharp-convex", "if", longer_step),
    "a stronger convex witness": ("comparison-sharp-convex", "only if", further_rise),
    "a weaker separable condition": ("comparison-separable", "if", longer_step),
    "a weaker condition against Adam": ("grams-vs-adam-sharp", "if", longer_step),
    "a stronger witness against Adam": ("grams-vs-adam-sharp", "only if, ⟨u,r⟩ < 0", further_rise),
    "rescaling without what it drops": (
        "comparison-rescaled-fails",
        "linear f",
        lambda part: part.xreplace({sp.Symbol("β", real=True): sp.Integer(0)}),
    ),
}


REASONS = ("the implication is false", "neither premise nor established", "was not established")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_breaks_the_proof(fault):
    claim_id, part, edit = FAULTS[fault]
    claim = by_id(claim_id)

    def formal():
        stated = claim.formal()
        changed = edit(stated.conclusions[part])
        assert changed != stated.conclusions[part]
        return replace(stated, conclusions={**stated.conclusions, part: changed})

    failure = prove(replace(claim, formal=formal)).failure
    assert failure is not None
    assert failure.startswith(part)
    assert any(reason in failure for reason in REASONS)


@dataclass
class Case:
    """What a margin sees of one step on f(w + x) = <g, x> + φ(x), for one row."""

    g: Tensor
    u: Tensor
    phi: Any
    smoothness: Tensor
    eta: float = 0.0

    @property
    def a(self):
        return self.u * (self.u * self.g >= 0)

    @property
    def b(self):
        return -self.u * (self.u * self.g < 0)

    @property
    def r(self):
        return self.g.sign() * self.u.abs()

    def change(self, name):
        x = -self.eta * {"Grams": self.r, "CautiousAdam": self.a, "Adam": self.u}[name]
        return (self.g * x).sum(-1) + self.phi(x)


def case(g, u):
    g, u = (torch.tensor([z], dtype=torch.float64) for z in (g, u))
    return Case(g, u, None, torch.tensor([2.0], dtype=torch.float64))


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


def reflection(first, second):
    """φ(x) = (L/2)<x, Tx> with the reflection T that takes first + second to second − first."""

    def attach(s):
        n = unit(unit(second(s) - first(s)) + unit(second(s) + first(s)))
        return lambda x: s.smoothness / 2 * (2 * (n * x).sum(-1) ** 2 - (x * x).sum(-1))

    return attach


def projection(first, second):
    """φ(x) = (L/2)<n, x>², convex."""

    def attach(s):
        n = unit(unit(second(s) - first(s)) + unit(second(s) + first(s)))
        return lambda x: s.smoothness / 2 * (n * x).sum(-1) ** 2

    return attach


def folded(s):
    """φ(x) = (L/2)(2 max(0, <x, e>)² − ‖x‖²) with e along −r."""
    e = -unit(s.r)
    return lambda x: s.smoothness / 2 * (2 * (e * x).sum(-1).clamp(min=0) ** 2 - (x * x).sum(-1))


def separable(s):
    """Curvature L where Grams' step differs from the cautious one by a move, −L where by standing still."""
    return lambda x: s.smoothness / 2 * ((s.g != 0) * x * x - (s.g == 0) * x * x).sum(-1)


cautious, grams, adam = (lambda s: s.a), (lambda s: s.r), (lambda s: s.u)
PLAIN, OBTUSE, ZEROS = (
    ([2.0, -1.0], [3.0, 2.0]),
    ([2.0, -1.0], [1.0, 4.0]),
    ([2.0, -1.0, 0.0], [3.0, 2.0, 1.0]),
)
ATTAINED = [
    ("comparison-sharp", *PLAIN, reflection(cautious, grams)),
    ("comparison-sharp", *ZEROS, reflection(cautious, grams)),
    ("comparison-sharp-convex", *PLAIN, projection(cautious, grams)),
    ("comparison-sharp-convex", *ZEROS, projection(cautious, grams)),
    ("comparison-separable", *PLAIN, separable),
    ("comparison-separable", *ZEROS, separable),
    ("grams-vs-adam-sharp", *PLAIN, reflection(adam, grams)),
    ("grams-vs-adam-sharp", *ZEROS, reflection(adam, grams)),
    ("grams-vs-adam-sharp", *OBTUSE, folded),
]


def step_size(claim_id: str, s: Case) -> Tensor:
    setting = by_id(claim_id).setting
    assert isinstance(setting, OneStep)
    assert setting.step_size is not None
    return setting.step_size(s)


def margins(claim: Claim, s: Case, eta: float) -> dict[str, float]:
    s.eta = eta
    assert claim.margin is not None
    return {part: value.item() for part, value in claim.margin(s).items()}


@pytest.mark.parametrize(("claim_id", "g", "u", "attach"), ATTAINED)
def test_the_step_size_of_a_comparison_is_the_largest(claim_id, g, u, attach):
    """At the threshold the two losses agree to rounding; 1 % above Grams is worse, 1 % below it is better."""
    claim, s = by_id(claim_id), case(g, u)
    s.phi = attach(s)
    eta = step_size(claim.id, s).item()
    at, above, below = (next(iter(margins(claim, s, eta * k).values())) for k in (1, 1.01, 0.99))
    size = (s.g * s.u).abs().sum().item() * eta
    assert abs(at) <= 64 * 2.0**-53 * size
    assert above < 0 < below


def test_the_threshold_without_zero_gradients_is_the_formula_in_a_and_b():
    s = case(*PLAIN)
    a, b, L = s.a.norm(), s.b.norm(), s.smoothness
    beta = (s.g * s.b).sum(-1)
    sharp = beta / (L * b * (a**2 + b**2 / 4).sqrt())
    convex = 2 * beta / (L * (b**2 / 2 + b * (a**2 + b**2 / 4).sqrt()))
    adam_acute = beta / (L * a * b)
    assert torch.allclose(step_size("comparison-sharp", s), sharp, rtol=1e-14)
    assert torch.allclose(step_size("comparison-sharp-convex", s), convex, rtol=1e-14)
    assert torch.allclose(step_size("grams-vs-adam-sharp", s), adam_acute, rtol=1e-14)
    s = case(*OBTUSE)
    obtuse = 2 * (s.g * s.b).sum(-1) / (s.smoothness * (s.u * s.u).sum(-1))
    assert torch.allclose(step_size("grams-vs-adam-sharp", s), obtuse, rtol=1e-14)


def test_a_coordinate_without_gradient_lowers_the_threshold():
    """The cautious mask u g >= 0 moves it and Grams does not: dropping it from the condition would be wrong."""
    claim = by_id("comparison-sharp")
    with_zero, without = case(*ZEROS), case(*PLAIN)
    with_zero.phi = reflection(cautious, grams)(with_zero)
    careless = step_size(claim.id, without).item()
    assert step_size(claim.id, with_zero).item() < careless
    assert margins(claim, with_zero, careless)["ΔL_G ≤ ΔL_C"] < 0


@pytest.mark.parametrize(
    ("claim_id", "attach"),
    [("comparison-sign-repaired", reflection(cautious, grams)), ("grams-vs-adam", reflection(adam, grams))],
)
def test_a_refuted_condition_admits_larger_steps_than_the_exact_one(claim_id, attach):
    claim, s = by_id(claim_id), case([2.0, -0.5], [3.0, 2.0])
    s.phi = attach(s)
    assert min(margins(claim, s, step_size(claim.id, s).item()).values()) < 0


@pytest.mark.parametrize("data", [PLAIN, OBTUSE, ZEROS])
def test_the_printed_condition_admits_no_step(data):
    assert step_size("comparison-printed", case(*data)).item() < 0


@pytest.mark.parametrize("data", [PLAIN, OBTUSE])
@pytest.mark.parametrize("claim_id", ["descent-lemma", "lemma-3.9", "lemma-4.2"])
def test_one_percent_more_curvature_than_certified_breaks_the_bounds(claim_id, data):
    """φ = (L/2)‖x‖² attains the upper bounds; the rounding of margins of order 1 is far below 1e-12."""
    claim, s = by_id(claim_id), case(*data)
    s.phi = lambda x: s.smoothness / 2 * (x * x).sum(-1)
    assert min(margins(claim, s, 0.3).values()) >= -1e-12
    s.phi = lambda x: 1.01 * s.smoothness / 2 * (x * x).sum(-1)
    assert min(margins(claim, s, 0.3).values()) < -1e-6


@pytest.mark.parametrize(
    ("part", "data", "attach"),
    [
        ("bound, Cautious to Grams", PLAIN, reflection(cautious, grams)),
        ("bound, Cautious to Grams", ZEROS, reflection(cautious, grams)),
        ("bound, Grams to Cautious", PLAIN, reflection(grams, cautious)),
        ("bound, Adam to Grams", PLAIN, reflection(adam, grams)),
        ("bound, Adam to Grams", OBTUSE, folded),
    ],
)
def test_the_two_point_bound_is_attained(part, data, attach):
    claim, s = by_id("two-point-comparison"), case(*data)
    s.phi = attach(s)
    assert abs(margins(claim, s, 0.3)[part]) <= 1e-12
    attained = s.phi
    s.phi = lambda x: 1.01 * attained(x)
    assert margins(claim, s, 0.3)[part] < -1e-3
