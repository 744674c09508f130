"""The production step is the paper's, in float64 against the arbitrary-precision twin within its rounding bound."""

from fractions import Fraction

import grams as published_grams
import pytest
import torch

from grams_theory import optim
from grams_theory.symbolic import twin

SETTINGS = {
    "defaults": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8},
    "large eps": {"lr": 0.5, "betas": (0.8, 0.95), "eps": 1e-2},
    "no momentum": {"lr": 1.0, "betas": (0.0, 0.999), "eps": 1e-8},
}
STEPS = (1, 2, 5, 30)


def exact(x: torch.Tensor) -> list[Fraction]:
    return [Fraction(value) for value in x.tolist()]


def twin_move(name, gradients, *, lr, betas, eps=0.0) -> torch.Tensor:
    """The exact displacement, rounded to float64."""
    betas = Fraction(betas[0]), Fraction(betas[1])
    past = [exact(g) for g in gradients]
    lion = name in ("Lion", "CautiousLion")
    u = twin.lion_update(past, betas) if lion else twin.adam_update(past, betas, Fraction(eps))
    moves = twin.displacement(name, past[-1], u, Fraction(lr))
    return torch.tensor([float(twin.arb(move)) for move in moves], dtype=torch.float64)


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", ["Adam", "CautiousAdam", "Grams"])
def test_it_moves_as_defined(name, setting, steps, history, last_move, adam_ball):
    gradients, keywords = history(steps, 64, dtype=torch.float64), SETTINGS[setting]
    error = last_move(optim.by_name(name), gradients, **keywords) - twin_move(name, gradients, **keywords)
    bound = adam_ball(gradients, **keywords).rad
    assert bound.max() < 1e-9 * keywords["lr"]
    assert (error.abs() <= bound).all()


def test_the_bound_is_sharp_enough_to_catch_a_misplaced_eps(history, last_move, adam_ball):
    gradients, keywords = history(3, 64, dtype=torch.float64), SETTINGS["defaults"]
    error = last_move(published_grams.Grams, gradients, **keywords) - twin_move(
        "Grams", gradients, **keywords
    )
    assert (error.abs() > adam_ball(gradients, **keywords).rad).any()


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("name", ["Lion", "CautiousLion"])
def test_lion_moves_as_defined_to_the_last_bit(name, steps, history, last_move):
    gradients, keywords = history(steps, 64, dtype=torch.float64), {"lr": 1e-3, "betas": (0.9, 0.99)}
    moved = last_move(optim.by_name(name), gradients, **keywords)
    assert torch.equal(moved, twin_move(name, gradients, **keywords))


@pytest.mark.parametrize("lam", [-1.0, -0.7, -0.25, 0.0, 0.1, 0.6, 1.0])
def test_ams_is_linear_in_lam_between_the_three_optimizers(lam, history, last_move, adam_ball):
    gradients, keywords = history(7, 64, dtype=torch.float64), SETTINGS["large eps"]
    adam, cautious, grams = (
        twin_move(name, gradients, **keywords) for name in ("Adam", "CautiousAdam", "Grams")
    )
    expected = lam * adam + (1 - lam) * cautious if lam >= 0 else (1 + lam) * cautious - lam * grams
    ball = adam_ball(gradients, **keywords)
    bound = ball.rad + 4 * 2.0**-53 * ball.mid.abs()  # four roundings in `expected`
    assert ((last_move(optim.AMS, gradients, lam=lam, **keywords) - expected).abs() <= bound).all()


@pytest.mark.parametrize(("lam", "name"), [(1.0, "Adam"), (0.0, "CautiousAdam"), (-1.0, "Grams")])
def test_ams_is_each_of_the_three_to_the_last_bit(lam, name, history, last_move):
    gradients = history(9, 1000)
    assert torch.equal(last_move(optim.AMS, gradients, lam=lam), last_move(optim.by_name(name), gradients))


MOVES_AT_ZERO = {
    "Adam": (optim.Adam, {}, 1.0),
    "CautiousAdam": (optim.CautiousAdam, {}, 1.0),
    "CautiousAdam rescaled": (optim.CautiousAdam, {"mask_rescale": True}, 0.0),
    "Grams": (optim.Grams, {}, 0.0),
    "AMS(1/2)": (optim.AMS, {"lam": 0.5}, 1.0),
    "AMS(-1/2)": (optim.AMS, {"lam": -0.5}, 0.5),
}


@pytest.mark.parametrize("case", MOVES_AT_ZERO)
def test_at_a_zero_gradient_it_moves_by_its_convention(case, last_move):
    optimizer, keywords, factor = MOVES_AT_ZERO[case]
    gradients = torch.tensor([[1.0, -3.0], [0.0, -0.0]], dtype=torch.float64)
    u = last_move(optim.Adam, gradients)
    assert (u != 0).all()
    assert torch.equal(last_move(optimizer, gradients, **keywords), factor * u)


@pytest.mark.parametrize(("rescale", "factor"), [(False, 1.0), (True, 0.0)])
def test_at_a_zero_gradient_cautious_lion_follows_its_mask(rescale, factor, last_move):
    gradients = torch.tensor([[1.0, -3.0], [0.0, -0.0]])
    moved = last_move(optim.CautiousLion, gradients, mask_rescale=rescale, lr=0.5)
    assert torch.equal(moved, factor * last_move(optim.Lion, gradients, lr=0.5))


@pytest.mark.parametrize("aligned", [0, 1, 5, 2000, 3000])
@pytest.mark.parametrize("base", ["Adam", "Lion"])
def test_the_rescaled_mask_is_divided_by_its_mean_but_by_no_less_than_a_thousandth(base, aligned, last_move):
    first = torch.ones(3000, dtype=torch.float64)
    second = torch.where(torch.arange(3000) < aligned, 0.05, -0.05).double()
    gradients = torch.stack([first, second])
    u = last_move(optim.by_name(base), gradients, lr=1.0)
    mask = (u * second < 0).double()
    assert mask.sum() == aligned
    moved = last_move(optim.by_name("Cautious" + base), gradients, lr=1.0, mask_rescale=True)
    expected = u * mask / max(aligned / 3000, 1e-3)
    assert ((moved - expected).abs() <= 8 * 2.0**-53 * expected.abs()).all()  # at most 8 roundings in the two


@pytest.mark.parametrize("keywords", [{}, {"mask_rescale": True}])
def test_signs_are_compared_so_that_tiny_gradients_still_move(keywords, last_move):
    gradients = torch.full((1, 4), 1e-4, dtype=torch.float16)
    m = 0.1 * gradients[0]
    assert (m * gradients[0] == 0).all()  # the product underflows
    assert (last_move(optim.CautiousAdam, gradients, lr=0.5, eps=1e-4, **keywords) < 0).all()


def test_a_large_half_precision_mask_does_not_overflow(last_move):
    gradients = torch.ones(1, 70_000, dtype=torch.float16)
    moved = last_move(optim.CautiousAdam, gradients, lr=0.5, eps=1e-4, mask_rescale=True)
    assert (moved < -0.4).all()


@pytest.mark.parametrize("weight_decay", [0.1, 2.0])
def test_decay_is_decoupled_except_for_adam_s_penalty(make, weight_decay):
    w = torch.nn.Parameter(torch.tensor([4.0, -2.0], dtype=torch.float64))
    optimizer = make([w], lr=0.25, weight_decay=weight_decay)
    w.grad = torch.zeros(2, dtype=torch.float64)
    optimizer.step()
    if type(optimizer) is optim.Adam:  # the first step of Adam on the gradient weight_decay w
        expected = torch.tensor([4.0, -2.0]) - 0.25 * torch.tensor([1.0, -1.0])
        assert torch.allclose(w.data, expected.double(), rtol=0, atol=0.25 * 1e-8 / weight_decay)
    else:
        assert torch.equal(w.data, (1 - 0.25 * weight_decay) * torch.tensor([4.0, -2.0], dtype=torch.float64))
