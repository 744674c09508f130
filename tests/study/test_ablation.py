"""Momentum for the direction, for the magnitude, for both, for neither: three of the four are known optimizers."""

import pytest
import torch

from grams_theory.optim import Adam, Grams
from grams_theory.study import contenders
from grams_theory.study.ablation import MomentumAblation

LR, BETAS = 0.1, (0.9, 0.99)


def walk(make, steps=25, **options):
    """Weights after steps on fixed random gradients, some of them zero, in two parameters."""
    rng = torch.Generator().manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(shape, generator=rng)) for shape in ((3, 4), (5,))]
    optimizer = make(params, **{"lr": LR, "betas": BETAS, **options})
    for _ in range(steps):
        for p in params:
            p.grad = torch.randn(p.shape, generator=rng) * (torch.rand(p.shape, generator=rng) > 0.1)
        optimizer.step()
    return torch.cat([p.detach().reshape(-1) for p in params])


KNOWN = [
    (True, True, Adam, {}),
    (False, True, Grams, {}),
    (False, False, Adam, {"betas": (0.0, BETAS[1])}),
]


@pytest.mark.parametrize(("direction", "magnitude", "known", "options"), KNOWN)
def test_three_corners_are_known_optimizers_bit_for_bit(direction, magnitude, known, options):
    found = walk(MomentumAblation, direction=direction, magnitude=magnitude)
    assert torch.equal(found, walk(known, **options))


def test_no_two_corners_are_the_same_optimizer():
    corners = [
        walk(MomentumAblation, direction=direction, magnitude=magnitude)
        for direction in (True, False)
        for magnitude in (True, False)
    ]
    assert all(not torch.equal(x, y) for i, x in enumerate(corners) for y in corners[:i])


def test_direction_only_steps_by_the_gradient_along_the_momentum():
    w = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    optimizer = MomentumAblation([w], LR, (0.5, 0.5), 0.0, direction=True, magnitude=False)
    for g in ([8.0, 8.0], [-2.0, 2.0]):
        before = w.detach().clone()
        w.grad = torch.tensor(g, dtype=torch.float64)
        optimizer.step()
    # m = (1, 3) after (8, 8)/2 = (4, 4): signs +, +; v_hat = (½ 32 + ½ 4)/(1 − ¼) = 24
    expected = -LR * 2 / 24**0.5
    torch.testing.assert_close(w.detach() - before, torch.full((2,), expected, dtype=torch.float64))


def test_the_loop_and_foreach_agree():
    def make(params, **options):
        optimizer = MomentumAblation(params, direction=True, magnitude=False, **options)
        optimizer.param_groups[0]["foreach"] = True
        return optimizer

    assert torch.equal(walk(make), walk(MomentumAblation, direction=True, magnitude=False))


def test_the_arms_of_the_study_are_the_four_corners():
    assert set(contenders.ARMS.values()) == {"both", "magnitude only", "direction only", "neither"}
    for name, direction, magnitude in [
        ("Adam", True, True),
        ("Grams", False, True),
        ("DirectionOnly", True, False),
        ("Neither", False, False),
    ]:
        arm = walk(contenders.by_name(name).make)
        assert torch.equal(arm, walk(MomentumAblation, direction=direction, magnitude=magnitude)), name
