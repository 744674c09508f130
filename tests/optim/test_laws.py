"""Laws that the paper's optimizers obey in floating point, to the last bit."""

import pytest
import torch

from grams_theory import optim


@pytest.fixture
def gradients(history):
    return history(8, 500)


def test_permuting_the_coordinates_permutes_the_step(make, gradients, last_move):
    order = torch.randperm(500, generator=torch.Generator().manual_seed(3))
    assert torch.equal(last_move(make, gradients[:, order]), last_move(make, gradients)[order])


def test_flipping_signs_of_coordinates_flips_the_step(make, gradients, last_move):
    flip = torch.where(torch.arange(500) % 3 == 0, -1.0, 1.0)
    assert torch.equal(last_move(make, gradients * flip), last_move(make, gradients) * flip)


def test_without_eps_the_loss_s_scale_does_not_matter(make, gradients, last_move):
    gradients = gradients.masked_fill(gradients == 0, 1e-3)
    eps = {} if "Lion" in type(make([torch.ones(1)])).__name__ else {"eps": 0.0}
    scaled = last_move(make, gradients * 2.0**-10, **eps)
    assert torch.equal(scaled, last_move(make, gradients, **eps))


def test_grams_moves_as_far_as_adam_where_there_is_a_gradient(gradients, last_move):
    grams, adam = last_move(optim.Grams, gradients), last_move(optim.Adam, gradients)
    assert torch.equal(grams.abs(), adam.abs() * (gradients[-1] != 0))


def test_grams_goes_down_every_gradient(gradients, last_move):
    assert (last_move(optim.Grams, gradients) * gradients[-1].sign() <= 0).all()
    assert not (last_move(optim.Adam, gradients) * gradients[-1].sign() <= 0).all()


def test_the_cautious_step_is_adam_s_where_they_agree_and_zero_elsewhere(gradients, last_move):
    adam = last_move(optim.Adam, gradients)
    agrees = adam * gradients[-1].sign() <= 0
    assert 0 < agrees.sum() < 500
    assert torch.equal(last_move(optim.CautiousAdam, gradients), adam * agrees)


def test_all_are_adam_where_all_coordinates_agree(history, last_move):
    gradients = history(8, 500).abs().add(1e-3)
    adam = last_move(optim.Adam, gradients)
    for optimizer in (optim.Grams, optim.CautiousAdam):
        assert torch.equal(last_move(optimizer, gradients), adam)
    assert torch.equal(last_move(optim.CautiousAdam, gradients, mask_rescale=True), adam)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("steps", [1, 3])
def test_a_grams_step_never_goes_up_in_any_16_bit_number(dtype, steps, advance):
    """Rounding is monotone: w - x rounds to at most w for x >= 0. All finite w, with several step lengths."""
    every = torch.arange(-(2**15), 2**15, dtype=torch.int16).view(dtype)
    every = every[every.isfinite()]
    for g in (1.0, -3.0, 2.0**-6):
        w = torch.nn.Parameter(every.clone())
        optimizer = optim.Grams([w], lr=0.37, eps=1e-3)
        for factor in (-2.0, 5.0, 1.0)[-steps:]:
            before = w.detach().clone()
            advance(optimizer, [w], [[torch.full_like(w, factor * g)]])
            move = torch.where(before.isfinite(), w.detach().double() - before.double(), 0)
            assert (move * (factor * g) <= 0).all()
        assert (w != before).any()
