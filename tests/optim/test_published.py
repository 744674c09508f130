"""Held against the published packages, with their known differences stated and tested."""

import grams as grams_pytorch
import lion_pytorch
import pytest
import pytorch_optimizer
import torch
from lion_pytorch import cautious_lion

from grams_theory import optim

KEYWORDS = {"lr": 1e-3, "betas": (0.9, 0.999)}
STEPS = (1, 4, 25)


@pytest.mark.parametrize("steps", STEPS)
def test_pytorch_optimizer_s_grams_is_ours_within_rounding(steps, history, last_move, adam_ball):
    gradients, keywords = history(steps, 200, dtype=torch.float64), {**KEYWORDS, "eps": 1e-8}
    theirs = last_move(pytorch_optimizer.Grams, gradients, **keywords)
    error = (last_move(optim.Grams, gradients, **keywords) - theirs).abs()
    ball = adam_ball(gradients, **keywords)
    one_more = 2.0**-53 * ball.mid.abs()  # they divide by 1 - beta1^t and multiply by lr apart
    assert (error <= 2 * ball.rad + one_more).all()  # each is within `rad` of the exact step


@pytest.mark.parametrize("steps", STEPS)
def test_grams_pytorch_is_ours_within_rounding_if_there_is_no_eps(steps, history, last_move, adam_ball):
    gradients = history(steps, 200, dtype=torch.float64).abs().add(1e-4)
    theirs = last_move(grams_pytorch.Grams, gradients, **KEYWORDS, eps=0.0)
    error = (last_move(optim.Grams, gradients, **KEYWORDS, eps=0.0) - theirs).abs()
    assert (error <= 2 * adam_ball(gradients, **KEYWORDS, eps=0.0).rad).all()


@pytest.mark.parametrize("steps", STEPS)
def test_grams_pytorch_puts_eps_beside_the_uncorrected_root(steps, history, last_move, adam_ball):
    """So its eps at step t acts as eps / sqrt(1 - beta2^t): 32 times as much at t = 1."""
    gradients, eps = history(steps, 200, dtype=torch.float64), 1e-6
    effective = {**KEYWORDS, "eps": eps / (1 - 0.999**steps) ** 0.5}
    theirs = last_move(grams_pytorch.Grams, gradients, **KEYWORDS, eps=eps)
    as_theirs = (last_move(optim.Grams, gradients, **effective) - theirs).abs()
    as_defined = (last_move(optim.Grams, gradients, **KEYWORDS, eps=eps) - theirs).abs()
    bound = 3 * adam_ball(gradients, **effective).rad  # each within `rad`, and the effective eps is rounded
    assert (as_theirs <= bound).all()
    assert (as_defined > bound).any()


def test_grams_pytorch_destroys_the_gradient_and_ours_does_not(advance):
    left = {}
    for package in (grams_pytorch, optim):
        w = torch.nn.Parameter(torch.ones(2))
        advance(package.Grams([w]), [w], [[torch.tensor([0.5, -3.0])]])
        left[package] = w.grad
    assert not torch.equal(left[grams_pytorch], torch.tensor([0.5, -3.0]))
    assert torch.equal(left[optim], torch.tensor([0.5, -3.0]))


def test_pytorch_optimizer_counts_steps_per_group_and_ours_per_parameter(advance):
    moves = {}
    for package in (pytorch_optimizer, optim):
        early, late = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
        g = torch.ones(1)
        optimizer = package.Grams([early, late], lr=1.0, eps=0.0)
        advance(optimizer, [early, late], [(g, None)] * 9 + [(g, g)])
        moves[package] = late.item()
    assert moves[optim] == pytest.approx(-1.0, rel=8 * 2.0**-24)  # u = g / |g| at a parameter's first step
    corrected_for_ten = -(0.1 / (1 - 0.9**10)) / (0.001 / (1 - 0.999**10)) ** 0.5
    assert moves[pytorch_optimizer] == pytest.approx(corrected_for_ten, rel=1e-5)


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_lion_pytorch_is_ours_to_the_last_bit(dtype, weight_decay, history, advance):
    p, q = (torch.nn.Parameter(torch.ones(300, dtype=dtype)) for _ in range(2))
    gradients = [[g] for g in history(20, 300, dtype=dtype)]
    advance(optim.Lion([p], weight_decay=weight_decay), [p], gradients)
    advance(lion_pytorch.Lion([q], weight_decay=weight_decay), [q], gradients)
    assert torch.equal(p, q)


def test_lion_pytorch_freezes_at_a_nan_and_ours_shows_it(last_move):
    gradients = torch.tensor([[1.0, float("nan")]])
    assert last_move(lion_pytorch.Lion, gradients)[1] == 0
    assert last_move(optim.Lion, gradients)[1].isnan()


def test_cautious_lion_pytorch_is_our_rescaled_one_to_the_last_bit(history, last_move):
    gradients = history(12, 300)
    assert torch.equal(
        last_move(optim.CautiousLion, gradients, mask_rescale=True),
        last_move(cautious_lion.Lion, gradients, cautious_factor=0.0),
    )


def test_cautious_lion_pytorch_cuts_the_mean_at_another_place(last_move):
    """It divides by max(mean, 1e-5) where released C-AdamW, timm and we divide by max(mean, 1e-3)."""
    gradients = torch.ones(2, 5000)
    gradients[1, 1:] = -0.05  # the momentum still points down, but only one coordinate's gradient does
    gradients[0, 1:] = 10
    ours = last_move(optim.CautiousLion, gradients, lr=1.0, mask_rescale=True)
    theirs = last_move(cautious_lion.Lion, gradients, lr=1.0, cautious_factor=0.0)
    assert ours[0] == pytest.approx(-1e3, rel=4 * 2.0**-24)
    assert theirs[0] == pytest.approx(-5e3, rel=4 * 2.0**-24)
    assert not ours[1:].any()


def test_pytorch_optimizer_s_rescaling_adds_one_to_the_count(history, last_move):
    """It multiplies by n / (k + 1) where k of n coordinates agree; we by n / k."""
    gradients = history(6, 300, dtype=torch.float64)
    ours = last_move(optim.CautiousLion, gradients, mask_rescale=True)
    theirs = last_move(pytorch_optimizer.Lion, gradients, cautious=True)
    k = (ours != 0).sum().item()
    assert 0 < k < 300
    assert torch.allclose(theirs, ours * (k / (k + 1)), rtol=8 * 2.0**-53, atol=0)
