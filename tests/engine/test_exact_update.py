"""What exact arithmetic says of base updates: cases that are reached, kept by scaling, and refused."""

from dataclasses import replace
from fractions import Fraction
from itertools import islice, product

import pytest
import torch
from flint import arb, fmpq

from grams_theory import claims
from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import OneStep
from grams_theory.engine import exact_step
from grams_theory.engine.budget import Budget
from grams_theory.engine.certify import certify
from grams_theory.engine.exact import apply, precision
from grams_theory.engine.exact_update import EXACT_UPDATES
from grams_theory.engine.hunt import hunt
from grams_theory.engine.production import Hyper, Rig, build, load
from grams_theory.symbolic import twin

Q = fmpq
PLAYERS = {role.update: name for name, role in twin.ROLES.items() if role.step == "u"}
"""Base update -> the optimizer that steps by it."""
CASE = {
    "H": [[Q(1, 2), Q(1, 3)], [Q(1, 3), Q(-1, 4)]],
    "g": [Q(1, 2), Q(-1, 3)],
    "u": [Q(-1), Q(1)],
    "eta": Q(3, 2),
    "smoothness": Q(2),
}


def floats(exact):
    return [int(x.p) / int(x.q) for x in exact]


def first_step(update, case):
    run = case["run"]
    return twin.UPDATES[update](tuple(run["betas"]), run["eps"]).update(run["gradients"][0])


def met(update, case):
    """Whether the run's own first step leads from its first gradient to its second on the quadratic."""
    h, g, *later = case["run"]["gradients"]
    if later:
        return False
    turned = apply(case["H"], list(first_step(update, case)))
    return all(arb(x - case["eta"] * y - z).contains(0) for x, y, z in zip(h, turned, g, strict=True))


@pytest.mark.parametrize("update", EXACT_UPDATES)
def test_what_is_reached_is_what_production_reaches_from_zero_state(update):
    cases = list(islice(EXACT_UPDATES[update].reached(CASE), 200))
    assert cases
    for case in cases:
        run = case["run"]
        assert run["gradients"][-1] == case["g"]
        w = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
        beta1, beta2 = floats(run["betas"])
        optimizer = build(load(PLAYERS[update]), [w], 1.0, Hyper((beta1, beta2), 0.0))
        for gradient in run["gradients"]:
            before = w.detach().clone()
            w.grad = torch.tensor(floats(gradient), dtype=torch.float64)
            optimizer.step()
        moved, u = before - w.detach(), torch.tensor(floats(case["u"]), dtype=torch.float64)
        assert torch.allclose(moved, u, rtol=1e-13, atol=1e-13)  # a dozen operations on numbers of order 10


@pytest.mark.parametrize("update", EXACT_UPDATES)
def test_runs_that_meet_their_gradients_come_before_those_that_are_fed(update):
    with precision():
        kinds = [met(update, case) for case in EXACT_UPDATES[update].reached(CASE)]
    assert kinds[0]
    assert True not in kinds[kinds.index(False) :]


@pytest.mark.parametrize("update", ["lion", "momentum"])
@pytest.mark.parametrize("u", list(product((-1, 0, 1), repeat=2)), ids=str)
def test_every_update_is_reached_by_two_gradients(update, u):
    *_, fed = EXACT_UPDATES[update].reached({**CASE, "u": [Q(x) for x in u]})
    assert fed["u"] == list(u)


def test_lion_s_update_is_a_sign_and_the_others_any_vector():
    half = [Q(1, 2), Q(1)]
    assert [EXACT_UPDATES[name].admits(half) for name in ("adam", "lion", "momentum")] == [True, False, True]
    assert EXACT_UPDATES["lion"].admits([Q(-1), Q(0)])


@pytest.mark.parametrize("update", EXACT_UPDATES)
def test_scaling_divides_the_change_of_the_loss(update):
    """f/L has the changes of f over L = 2, and f(w + eta x)/(L eta^2) those over 2 (3/2)^2."""
    scaled = EXACT_UPDATES[update].normalise(CASE)
    assert (scaled["smoothness"], scaled["eta"]) == (1, 1)
    before, after = (exact_step.ExactStep.of([c]).change(PLAYERS[update])[0].item() for c in (CASE, scaled))
    assert before != 0
    assert after == before / (Q(9, 2) if update == "lion" else 2)


def test_a_case_that_lion_cannot_take_is_no_witness():
    claim = claims.by_id("lion-descent")
    assert exact_step.margin_of(claim, {**CASE, "u": [Q(1, 2), Q(1)]}, "Lion, upper") is None


def bound(name, step, first=1.0, second=1.0):
    """Change of `name` <= -first * eta <g, step> + second * (L eta^2 / 2) ||step||^2."""

    def margin(s):
        curvature = s.smoothness * (s.eta * s.eta / 2) * norm2(step(s))
        return {"upper": curvature * second - s.eta * dot(s.g, step(s)) * first - s.change(name)}

    setting = OneStep((name,), update=twin.ROLES[name].update)
    return replace(claims.by_id("lion-descent"), margin=margin, setting=setting)


PLANTED = {
    "Lion, L one percent smaller": bound("Lion", lambda s: s.u, second=0.99),
    "C-Lion, L one percent smaller": bound("CautiousLion", lambda s: s.a, second=0.99),
    "C-Lion, one percent more descent": bound("CautiousLion", lambda s: s.a, first=1.01),
    "Lion in place of C-Lion": bound("Lion", lambda s: s.a),
    "Lion never points downhill": replace(
        claims.by_id("lion-descent"), margin=lambda s: {"⟨g, u⟩ ≥ 0": dot(s.g, s.u)}
    ),
    "momentum, L one percent smaller": bound("SGD", lambda s: s.u, second=0.99),
    "momentum, the gradient for the buffer": bound("SGD", lambda s: s.g),
    "momentum-monotone": claims.by_id("momentum-monotone"),
    "adam-monotone": claims.by_id("adam-monotone"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_false_claim_is_refuted_by_an_exact_run_on_its_own_function(name):
    claim = PLANTED[name]
    _, found = hunt(claim, Budget.parse(20_000), quadratic=True)
    assert found is not None
    witness = certify(claim, found)
    assert witness is not None
    assert witness.method == "rational arithmetic"
    assert Fraction(witness.margin) < 0
    case = number_of(witness.data)
    with precision():
        assert met(claim.setting.update, case)


def number_of(data):
    """The numbers "p/q" in nested data, exact."""
    if isinstance(data, str):
        return twin.number(data)
    if isinstance(data, dict):
        return {name: number_of(entry) for name, entry in data.items()}
    return [number_of(entry) for entry in data]


@pytest.mark.parametrize("claim_id", ["lion-descent", "momentum-descent"])
def test_the_claim_without_the_fault_survives(claim_id):
    evidence, found = hunt(claims.by_id(claim_id), Budget.parse(4000))
    assert found is None
    assert evidence.cases > evidence.undecided


def swapped(cls):
    """The optimizer with its two betas exchanged."""

    class Swapped(cls):
        def __init__(self, params, lr=1e-3, betas=(0.9, 0.99)):
            super().__init__(params, lr=lr, betas=betas[::-1])

    return Swapped


def test_lion_with_its_betas_exchanged_is_refuted():
    _, found = hunt(
        claims.by_id("lion-descent"), Budget.parse(20_000), rig=Rig(cast={"Lion": swapped(load("Lion"))})
    )
    assert found is not None


def test_momentum_with_dampening_is_refuted():
    class Damped(torch.optim.SGD):
        def __init__(self, params, lr=1e-3, momentum=0.0):
            super().__init__(params, lr=lr, momentum=momentum, dampening=momentum)

    claim = claims.by_id("momentum-descent")
    _, found = hunt(claim, Budget.parse(20_000), rig=Rig(cast={"SGD": Damped}))
    assert found is not None
