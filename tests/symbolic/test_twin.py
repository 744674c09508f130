"""The twin is exact on rationals, encloses what is not rational, and refuses to guess a sign."""

import subprocess
import sys
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from flint import arb, fmpq

from grams_theory import optim
from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.symbolic import twin

ROOT = Path(twin.__file__).parents[2]
BETAS, EPS = ("9/10", "999/1000"), "1/100000000"


def decimal(x: Fraction) -> Decimal:
    return Decimal(x.numerator) / Decimal(x.denominator)


def weighted_mean(values: list[Fraction], beta: Fraction) -> Fraction:
    """The bias-corrected average as a sum with explicit weights, oldest value first."""
    weights = [(1 - beta) * beta ** (len(values) - 1 - i) for i in range(len(values))]
    return sum(w * x for w, x in zip(weights, values, strict=True)) / (1 - beta ** len(values))


def contains(ball: arb, value: Decimal, digits: int) -> bool:
    """Whether the ball meets value +- 10^-digits |value|."""
    with twin.ctx.workprec(512):
        exact = Fraction(value)
        centre = arb(fmpq(exact.numerator, exact.denominator))
        return ball.overlaps(arb(centre.mid(), abs(centre) * arb(10) ** -digits + centre.rad()))


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize(("betas", "eps"), [(BETAS, EPS), (("0", "1/2"), "1/3"), (("1/2", "0"), "0")])
def test_u_is_the_weighted_means_quotient_to_sixty_digits(steps, betas, eps):
    history = ["1/3", "-2", "5/7", "-1/1000", "3", "-4/9", "11/13"][:steps]
    (u,) = twin.adam_update([[g] for g in history], betas, eps)
    with localcontext() as context:
        context.prec = 90
        g, (beta1, beta2) = list(map(Fraction, history)), map(Fraction, betas)
        m_hat, v_hat = weighted_mean(g, beta1), weighted_mean([x * x for x in g], beta2)
        expected = decimal(m_hat) / (decimal(v_hat).sqrt() + decimal(Fraction(eps)))
        false = expected * (1 + Decimal(10) ** -50)
    assert contains(u, expected, digits=60)
    assert not contains(u, false, digits=60)


def test_the_first_step_is_g_over_its_size_plus_eps():
    u = twin.adam_update([["3/4", "-1/5", 0]], BETAS, "1/4")
    for ball, value in zip(u, ("3/4", "-4/9", "0"), strict=True):
        assert ball.overlaps(arb(twin.number(value)))
        assert ball.rad() < arb(2) ** -240


def test_more_precision_encloses_less():
    history = [["1/3"], ["-2/7"], ["1/9"]]
    (coarse,), (fine,) = (twin.adam_update(history, BETAS, EPS, precision=bits) for bits in (64, 512))
    assert coarse.overlaps(fine)
    assert fine.rad() < coarse.rad() * arb(2) ** -400


def test_lion_s_u_is_a_sign_and_its_momentum_decays_by_the_second_beta():
    assert twin.lion_update([["1/3", -2, 0]], ("9/10", "99/100")) == [1, -1, 0]
    # after g = 1, m = 1/100: the next sign turns where g = -9/100
    for g, sign in (("-89/1000", 1), ("-9/100", 0), ("-91/1000", -1)):
        assert twin.lion_update([[1], [g]], ("9/10", "99/100")) == [sign]


def test_momentum_sums_the_gradients_with_powers_of_mu():
    assert twin.momentum_update([["1/3", 0]], "9/10") == [fmpq(1, 3), 0]
    assert twin.momentum_update([[1], [-2], ["1/2"]], "1/2") == [fmpq(1, 4) - 1 + fmpq(1, 2)]


TABLE = {
    "Adam": ["-1/20", "1/30", "-1/30", "1/40", "0"],
    "CautiousAdam": ["-1/20", "0", "-1/30", "1/40", "0"],
    "ReleasedCautiousAdam": ["-1/8", "0", "0", "1/16", "0"],
    "Grams": ["-1/20", "-1/30", "0", "1/40", "0"],
    "Lion": ["-1/20", "1/30", "-1/30", "1/40", "0"],
    "CautiousLion": ["-1/20", "0", "-1/30", "1/40", "0"],
    "SGD": ["-1/20", "1/30", "-1/30", "1/40", "0"],
}
PAST = {
    "adam": lambda past: twin.adam_update(past, BETAS, EPS),
    "lion": lambda past: twin.lion_update(past, BETAS),
    "momentum": lambda past: twin.momentum_update(past, BETAS[0]),
}


def test_every_role_is_in_the_table():
    assert set(TABLE) == set(twin.ROLES)
    assert {role.update for role in twin.ROLES.values()} == set(twin.UPDATES) == set(PAST)


@pytest.mark.parametrize("name", TABLE)
def test_a_displacement_of_rationals_is_exact(name):
    g, u = ["2", "1/7", "0", "-5", "3"], ["1/2", "-1/3", "1/3", "-1/4", "0"]
    moves = twin.displacement(name, g, u, "1/10")
    assert all(isinstance(move, fmpq) for move in moves)
    assert moves == [twin.number(value) for value in TABLE[name]]


def test_it_takes_every_exact_number_and_no_float():
    for half in (fmpq(1, 2), Fraction(1, 2), "1/2", "0.5"):
        assert twin.displacement("Grams", [half], [half], 2) == [-1]
    inexact: Any
    for inexact in (0.5, None):
        with pytest.raises(UsageError, match="give an int, a Fraction, an fmpq, an arb or a string"):
            twin.displacement("Grams", [inexact], ["1"], 1)


def test_an_undecided_sign_is_not_guessed():
    blurred = arb(0, 1e-3)
    assert (twin.sign(arb(1, 0.5)), twin.sign(arb(-1, 0.5)), twin.sign(arb(0))) == (1, -1, 0)
    for name, g, u in (("Grams", blurred, 1), ("CautiousAdam", blurred, 1), ("CautiousLion", 1, blurred)):
        with pytest.raises(twin.UndecidedSignError, match="raise the precision"):
            twin.displacement(name, [g], [u], 1)


def test_what_does_not_hang_on_the_sign_is_decided():
    blurred = arb(0, 1e-3)
    assert twin.displacement("Adam", [blurred], ["1/2"], 1) == [fmpq(-1, 2)]
    assert blurred.overlaps(arb(twin.displacement("CautiousAdam", [0], [blurred], 1)[0]))
    assert twin.displacement("Grams", [0], [blurred], 1) == [0]


def test_a_sign_that_low_precision_cannot_decide_is_decided_by_more():
    """The gradient w - 2^(1/2) at the eighth convergent of the root's continued fraction is 6e-7."""

    def gradient(w):
        return [w[0] - arb(2).sqrt()]

    with pytest.raises(twin.UndecidedSignError):
        twin.run("Grams", gradient, ["1393/985"], 1, "1/10", BETAS, EPS, precision=16)
    assert len(twin.run("Grams", gradient, ["1393/985"], 1, "1/10", BETAS, EPS, precision=64)) == 2


H, CENTRE = ("2", "1/5"), ("0", "1/3")


def gradient(w):
    return [twin.number(h) * (x - twin.number(c)) for h, x, c in zip(H, w, CENTRE, strict=True)]


@pytest.mark.parametrize("name", TABLE)
def test_a_run_is_its_updates_one_after_the_other(name):
    eta, steps = "1/10", 6
    iterates = twin.run(name, gradient, ["1", "-1/2"], steps, eta, BETAS, EPS)
    assert len(iterates) == steps + 1
    assert iterates[0] == [1, fmpq(-1, 2)]
    for t in range(steps):
        past = [gradient(w) for w in iterates[: t + 1]]
        u = PAST[twin.ROLES[name].update](past)
        moves = twin.displacement(name, past[-1], u, eta)
        for after, before, move in zip(iterates[t + 1], iterates[t], moves, strict=True):
            with twin.ctx.workprec(256):
                assert (arb(after) - before).overlaps(arb(move))


@pytest.mark.parametrize("name", ["Lion", "CautiousLion"])
def test_a_dyadic_lion_run_is_the_production_run_to_the_last_bit(name):
    """Every number fits in float64, so neither of the two rounds."""
    betas, eta, steps = (0.5, 0.75), 2.0**-4, 12
    exact = twin.run(name, lambda w: [2 * w[0], w[1] / 4], [1, -1], steps, Fraction(eta), ("1/2", "3/4"), 0)
    w = torch.nn.Parameter(torch.tensor([1.0, -1.0], dtype=torch.float64))
    optimizer = optim.by_name(name)([w], lr=eta, betas=betas)
    for t in range(steps):
        w.grad = w.detach() * torch.tensor([2.0, 0.25], dtype=torch.float64)
        optimizer.step()
        assert [twin.number(Fraction(x)) for x in w.tolist()] == exact[t + 1]


def test_a_minimum_is_a_fixed_point():
    assert twin.run("Grams", gradient, CENTRE, 3, "1/10", BETAS, EPS)[-1] == [twin.number(c) for c in CENTRE]


def test_zero_over_zero_is_refused():
    with pytest.raises(ZeroDivisionError, match="give eps > 0"):
        twin.adam_update([[0]], BETAS, 0)


def test_an_unknown_name_and_an_empty_history_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean Grams"):
        twin.displacement("Gramms", [1], [1], 1)
    with pytest.raises(UsageError, match="history of gradients is empty"):
        twin.adam_update([], BETAS, EPS)
    with pytest.raises(ValueError, match="zip"):
        twin.adam_update([[1, 2], [1]], BETAS, EPS)


def test_the_twin_shares_no_code_with_the_production_rule():
    code = "import sys, grams_theory.symbolic.twin; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"torch", "grams_theory.optim", "numpy"} & set(run.stdout.split())
