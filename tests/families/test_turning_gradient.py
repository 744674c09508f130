"""The family that parts Grams from Adam: its gradient really turns twice."""

import torch

from grams_theory.core.random import generator
from grams_theory.families.turning_gradient import sample


def test_the_first_gradient_coordinate_changes_sign_twice_along_gradient_flow():
    f = sample(generator(0), 64, 3, scale=1.0)
    curvature, basis = torch.linalg.eigh(f.hessian)
    modes = (basis.mT @ (f.start(generator(1)) - f.centre).unsqueeze(-1)).squeeze(-1) * curvature
    times = torch.linspace(0, 2, 4001, dtype=torch.float64)
    path = (basis[:, 0] * modes).unsqueeze(1) * torch.exp(-curvature.unsqueeze(1) * times[:, None])
    turns = (path.sum(-1).sign().diff(dim=-1) != 0).sum(-1)
    assert bool((turns == 2).all())


def test_the_start_lies_at_the_radius_about_the_minimiser():
    f = sample(generator(0), 16, 3)
    distance = (f.start(generator(1), radius=0.5) - f.centre).norm(dim=-1)
    assert torch.allclose(distance, torch.tensor(0.5, dtype=torch.float64))
