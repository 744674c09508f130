"""The reflection attains the sharp bound on f(z) − f(y), and no other curvature in [−L, L] exceeds it."""

import torch

from grams_theory.core.random import generator
from grams_theory.families._draw import normal, rotations, uniform
from grams_theory.families.reflection import reflection

B, D = 64, 5


def orthogonal_pairs(gen):
    """Vectors a, b with disjoint supports, as the cautious step and the rest of the Grams step have."""
    aligned = torch.arange(D) < 2
    return normal(gen, B, D) * aligned, normal(gen, B, D) * ~aligned


def second_order_gap(hessian, a, b):
    """⟨b, H (a + b/2)⟩: what curvature adds to f(w − η(a + b)) − f(w − ηa), over η²."""
    return torch.einsum("bi,bij,bj->b", b, hessian, a + b / 2)


def largest(a, b, L):
    return L * b.norm(dim=-1) * ((a * a).sum(-1) + (b * b).sum(-1) / 4).sqrt()


def test_the_reflection_attains_the_bound():
    gen = generator(0)
    a, b = orthogonal_pairs(gen)
    L = uniform(gen, B) + 0.5
    torch.testing.assert_close(
        second_order_gap(reflection(a, b, L), a, b), largest(a, b, L), rtol=1e-12, atol=0
    )


def test_no_hessian_within_the_smoothness_constant_exceeds_it():
    gen = generator(1)
    a, b = orthogonal_pairs(gen)
    L = torch.ones(B, dtype=torch.float64)
    basis = rotations(gen, B, D)
    other = (basis * (2 * uniform(gen, B, 1, D) - 1)) @ basis.mT
    assert bool((second_order_gap(other, a, b) < largest(a, b, L)).all())


def test_without_a_cautious_step_the_reflection_is_the_identity():
    _, b = orthogonal_pairs(generator(2))
    hessian = reflection(torch.zeros_like(b), b, torch.full((B,), 3.0, dtype=torch.float64))
    assert torch.equal(hessian, 3 * torch.eye(D, dtype=torch.float64).expand_as(hessian))


def test_the_hessian_is_symmetric_to_the_last_bit():
    a, b = orthogonal_pairs(generator(3))
    hessian = reflection(a, b, torch.ones(B, dtype=torch.float64))
    assert torch.equal(hessian, hessian.mT)
