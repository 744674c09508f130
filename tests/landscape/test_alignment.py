"""kappa, disagreement, overlap and norms, and Adam's direction against every Adam there is."""

import pytest
import torch

from grams_theory import optim
from grams_theory.landscape.alignment import AdamDirection, align, align_groups

STEPS = 30


def disagreement_with(make, direction, rng, dtype=torch.float64):
    """The largest |(w − w⁺)/lr − u| over a run, in units of the rounding that its |w| and |u| allow."""
    w = torch.nn.Parameter(torch.zeros(5, dtype=dtype))
    adam, worst, eps = make([w]), 0.0, torch.finfo(dtype).eps
    for _ in range(STEPS):
        before = w.detach().clone()
        w.grad = torch.randn(5, generator=rng, dtype=dtype)
        u = direction(w.grad)
        adam.step()
        # u: ten roundings on either side; the difference: one of w and one of w⁺
        allowed = eps * (20 * u.abs() + 2 * before.abs() + 2 * w.detach().abs())
        worst = max(worst, ((before - w.detach() - u).abs() / allowed).max().item())
    return worst


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.75), (0.0, 0.9)], ids=str)
@pytest.mark.parametrize("eps", [1e-8, 1e-2])
@pytest.mark.parametrize("make", [torch.optim.Adam, optim.Adam], ids=["torch", "ours"])
def test_the_direction_is_what_adam_subtracts(make, betas, eps, dtype, rng):
    assert disagreement_with(lambda p: make(p, 1.0, betas, eps), AdamDirection(betas, eps), rng, dtype) <= 1


@pytest.mark.parametrize("wrong", [AdamDirection((0.9, 0.99)), AdamDirection(eps=1e-6)], ids=["beta2", "eps"])
def test_another_direction_is_seen(wrong, rng):
    assert disagreement_with(lambda p: torch.optim.Adam(p, 1.0), wrong, rng) > 1


@pytest.mark.parametrize(
    ("g", "u", "kappa", "disagreement", "overlap", "norms"),
    [
        ([3.0, 4.0], [3.0, 4.0], 1.0, 0.0, 25.0, (5.0, 5.0)),
        ([3.0, 4.0], [-3.0, 4.0], 1.0, 0.5, 25.0, (5.0, 5.0)),
        ([1.0, 0.0], [0.0, 1.0], 0.0, 0.0, 0.0, (1.0, 1.0)),
        ([1.0, 1.0], [1.0, 0.0], 2**-0.5, 0.0, 1.0, (2**0.5, 1.0)),
        ([1e-200, 1.0], [-1e-200, 1.0], 1.0, 0.5, 1.0, (1.0, 1.0)),
        ([3e-200, 4e-200], [3e-200, -4e-200], 1.0, 0.5, 0.0, (5e-200, 5e-200)),
    ],
)
def test_alignment_of_known_vectors(g, u, kappa, disagreement, overlap, norms):
    found = align(torch.tensor(g, dtype=torch.float64), torch.tensor(u, dtype=torch.float64))
    assert found is not None
    assert found.kappa == pytest.approx(kappa, rel=1e-15)
    assert found.disagreement == disagreement
    assert found.overlap == pytest.approx(overlap, rel=1e-15)
    assert (found.g_norm, found.u_norm) == pytest.approx(norms, rel=1e-15)


@pytest.mark.parametrize("size", [0, 3])
def test_a_zero_vector_has_no_alignment(size):
    assert align(torch.zeros(size), torch.ones(size)) is None


def test_groups_add_up_to_the_whole(rng):
    g, u = torch.randn(2, 12, generator=rng, dtype=torch.float64)
    u[:3] = 0
    groups = {
        "still": (slice(0, 3),),
        "first and last": (slice(3, 5), slice(10, 12)),
        "middle": (slice(5, 10),),
    }
    found, whole = align_groups(g, u, groups), align(g, u)
    assert whole is not None and found["still"] is None
    parts = [part for part in found.values() if part is not None]
    assert sum(part.overlap for part in parts) == pytest.approx(whole.overlap, rel=1e-14)
    assert sum(part.u_norm**2 for part in parts) == pytest.approx(whole.u_norm**2, rel=1e-14)
    opposed = 4 * found["first and last"].disagreement + 5 * found["middle"].disagreement
    assert opposed == pytest.approx(12 * whole.disagreement, rel=1e-15)
