"""Losses whose Hessians are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from grams_theory.landscape.objective import Objective

SAMPLES = 500
STEPS = 20
"""Of Adam, before anything is measured."""


def perceptron(*widths: int) -> nn.Module:
    layers = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.Tanh())]
    return nn.Sequential(*layers[:-1])


def convolutions() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        *(nn.Conv2d(1, 8, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(64, 10)),
    )


@dataclass(frozen=True)
class Problem:
    name: str
    model: nn.Module
    batches: list[tuple[Tensor, Tensor]]
    chunk: int | None
    """So many samples go through the model at a time; None: all, and the graph may be kept."""

    @property
    def params(self) -> list[nn.Parameter]:
        return list(self.model.parameters())

    @property
    def dim(self) -> int:
        return sum(p.numel() for p in self.params)

    @property
    def loss(self) -> nn.Module:
        return nn.CrossEntropyLoss()

    def objective(self, dtype: torch.dtype | None = None) -> Objective:
        device = self.batches[0][0].device
        return Objective(self.model, self.loss, self.batches, device, dtype, chunk=self.chunk)


def problems(device: str) -> list[Problem]:
    pixels, digit = load_digits(return_X_y=True)
    x = (torch.tensor(pixels[:SAMPLES], dtype=torch.float32) / 16).to(device)
    y = torch.tensor(digit[:SAMPLES]).to(device)
    torch.manual_seed(0)
    models = {
        "perceptron": perceptron(64, 24, 10),
        "wider perceptron": perceptron(64, 128, 64, 10),
        "widest perceptron": perceptron(64, 512, 300, 10),
        "convolutions": convolutions(),
    }
    for model in models.values():
        model.to(device)
        adam = torch.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(STEPS):
            adam.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            adam.step()
        adam.zero_grad()
    found = [Problem(name, model, [(x, y)], None) for name, model in models.items()]
    cut = SAMPLES // 4
    pieces = list(zip(x.split(cut), y.split(cut), strict=True))
    return [
        *found,
        Problem(f"wider perceptron, {cut} samples at a time", models["wider perceptron"], pieces, cut),
    ]
