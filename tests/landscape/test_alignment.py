"""kappa, disagreement, and Adam's direction against torch's Adam."""

import pytest
import torch

from grams_theory.landscape.alignment import AdamDirection, align


def test_the_direction_is_what_torchs_adam_subtracts(rng):
    w = torch.nn.Parameter(torch.zeros(5, dtype=torch.float64))
    adam, direction = torch.optim.Adam([w], lr=1.0), AdamDirection()
    for _ in range(30):
        before = w.detach().clone()
        w.grad = torch.randn(5, generator=rng, dtype=torch.float64)
        u = direction(w.grad)
        adam.step()
        # 30 steps, |w| up to 30, about ten roundings each
        torch.testing.assert_close(before - w.detach(), u, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("g", "u", "kappa", "disagreement"),
    [
        ([3.0, 4.0], [3.0, 4.0], 1.0, 0.0),
        ([3.0, 4.0], [-3.0, 4.0], 1.0, 0.5),
        ([1.0, 0.0], [0.0, 1.0], 0.0, 0.0),
        ([1.0, 1.0], [1.0, 0.0], 2**-0.5, 0.0),
        ([1e-200, 1.0], [-1e-200, 1.0], 1.0, 0.5),
    ],
)
def test_alignment_of_known_vectors(g, u, kappa, disagreement):
    found = align(torch.tensor(g, dtype=torch.float64), torch.tensor(u, dtype=torch.float64))
    assert found is not None
    assert found.kappa == pytest.approx(kappa, rel=1e-15)
    assert found.disagreement == disagreement


def test_a_zero_vector_has_no_alignment():
    assert align(torch.zeros(3), torch.ones(3)) is None
