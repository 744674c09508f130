"""The step size of a comparison: that of the claims, attained by a quadratic under production steps, and no larger."""

import pytest
import torch

import grams_theory as gt
from grams_theory import optim
from grams_theory.claims import by_id
from grams_theory.core.errors import UnknownNameError, UsageError

HALF = {"betas": (0.5, 0.5), "eps": 0.0}
L = 2.0
KINDS = {
    "comparison-sharp": {},
    "comparison-sharp-convex": {"convex": True},
    "grams-vs-adam-sharp": {"rival": "adam"},
}
ROLES = {"cautious": "CautiousAdam", "adam": "Adam"}


class Case:
    """What a claim's `step_size` reads."""

    def __init__(self, g, u):
        self.g, self.u, self.smoothness = g, u, torch.tensor(L, dtype=g.dtype)
        self.a, self.r = u * (u * g >= 0), g.sign() * u.abs()


def normal(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("claim_id", KINDS)
def test_it_is_the_step_size_of_the_claim(claim_id):
    g, u = normal((200, 5), 0), normal((200, 5), 1)
    g[::7, 2] = 0.0
    setting = by_id(claim_id).setting
    found = gt.comparison_step_size(g, u, L, **KINDS[claim_id])
    assert found.shape == (200,)
    stated = setting.step_size(Case(g, u))  # 0/0 where the steps agree
    stated = torch.where(stated.isnan(), torch.inf, stated)
    torch.testing.assert_close(found, stated, rtol=1e-13, atol=0)


def step(name, history, lr):
    """The last production step after these gradients, from w = 0."""
    w = torch.nn.Parameter(torch.zeros_like(history[-1]))
    optimizer = optim.by_name(name)([w], lr=lr, **HALF)
    for gradient in history:
        w.data.zero_()
        w.grad = gradient.clone()
        optimizer.step()
    return w.detach().clone()


def attaining(r, c, convex):
    """x ↦ (L/2)⟨x, Tx⟩ with the reflection T that takes r + c to r − c; the mean of it and (L/2)‖x‖² if convex."""
    minus, plus = r - c, r + c
    n = minus / minus.norm() + plus / plus.norm()
    n = n / n.norm()

    def bend(x):
        along = L * (n @ x) ** 2
        return along / 2 if convex else along - L / 2 * (x @ x)

    return bend


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("claim_id", KINDS)
def test_production_steps_attain_it_and_one_percent_more_is_too_much(claim_id, seed):
    options = KINDS[claim_id]
    rival = ROLES[options.get("rival", "cautious")]
    g = normal(3, seed)
    history = [g * torch.tensor([1.0, 0.5, -3.0], dtype=torch.float64), g]
    u, r, c = (-step(name, history, 1.0) for name in ("Adam", "Grams", rival))
    eta = gt.comparison_step_size(g, u, L, **options).item()
    bend = attaining(r, c, options.get("convex", False))

    def excess(lr):
        change = {name: step(name, history, lr) for name in ("Grams", rival)}
        rise = {name: (g @ x + bend(x)).item() for name, x in change.items()}
        return rise["Grams"] - rise[rival]

    size = eta * (g @ r).item()  # of each term; some thirty roundings
    assert abs(excess(eta)) <= 64 * 2.0**-53 * size
    assert excess(0.99 * eta) < 0 < excess(1.01 * eta)


def test_any_step_size_will_do_where_the_steps_agree():
    g = torch.tensor([1.0, -2.0])
    for options in KINDS.values():
        assert gt.comparison_step_size(g, g, L, **options) == torch.inf


def test_at_a_stationary_point_grams_stands_still():
    """Where Cautious moves on: downhill on some smooth loss, on no convex one."""
    g, u = torch.zeros(3), torch.ones(3)
    assert gt.comparison_step_size(g, u, L) == 0
    assert gt.comparison_step_size(g, u, L, convex=True) == torch.inf


def test_smoothness_may_differ_by_row():
    g, u = normal((4, 3), 2), normal((4, 3), 3)
    constants = torch.tensor([1.0, 2.0, 4.0, 8.0], dtype=torch.float64)
    scaled = gt.comparison_step_size(g, u, constants) * constants
    torch.testing.assert_close(scaled, gt.comparison_step_size(g, u, 1.0))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((torch.ones(3), torch.ones(2), 1.0), {}, "give two alike"),
        ((torch.ones(3), torch.ones(3).double(), 1.0), {}, "give two alike"),
        ((torch.ones(3, dtype=torch.long),) * 2 + (1.0,), {}, "floating-point"),
        ((torch.ones(0), torch.ones(0), 1.0), {}, "D >= 1"),
        ((torch.ones(3), torch.full((3,), torch.nan), 1.0), {}, "finite"),
        ((torch.ones(3), torch.ones(3), 0.0), {}, "> 0"),
        ((torch.ones(3), torch.ones(3), float("nan")), {}, "> 0"),
        ((torch.ones(3), torch.ones(3), 1.0), {"convex": True, "rival": "adam"}, "cautious rival only"),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments, options, message):
    with pytest.raises(UsageError, match=message):
        gt.comparison_step_size(*arguments, **options)


def test_an_unknown_rival_is_refused():
    with pytest.raises(UnknownNameError, match="rival"):
        gt.comparison_step_size(torch.ones(3), torch.ones(3), 1.0, rival="sgd")
