"""Gradient accumulation: eight small batches make one step of Grams, the same as one batch of their sum.

    python examples/gradient_accumulation.py

The gradients add up in p.grad, which Grams only reads, and the step is taken once per eight batches. Without dropout
or batch norm the weights are those of training on the large batch, up to rounding: the last line says how far apart.
"""

import copy

import torch
from sklearn.datasets import load_digits
from torch import nn

from grams_theory.optim import Grams

PARTS = 8
STEPS = 30


def main() -> None:
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images, labels = load_digits(return_X_y=True)
    images = torch.tensor(images / 16, dtype=torch.float32, device=device)
    labels = torch.tensor(labels, device=device)
    model = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()

    whole = copy.deepcopy(model)
    optimizer, optimizer_of_whole = (Grams(m.parameters(), lr=3e-3) for m in (model, whole))
    for step in range(1, STEPS + 1):
        batch = torch.randperm(len(images), device=device)[: 32 * PARTS]

        total = 0.0
        for part in batch.split(32):
            loss = loss_fn(model(images[part]), labels[part]) / PARTS
            loss.backward()
            total += loss.item()
        optimizer.step()
        optimizer.zero_grad()

        loss_fn(whole(images[batch]), labels[batch]).backward()
        optimizer_of_whole.step()
        optimizer_of_whole.zero_grad()

        if step % 10 == 0 or step == 1:
            print(f"step {step}: loss {total:.4f}")

    gap = max((p - q).abs().max().item() for p, q in zip(model.parameters(), whole.parameters(), strict=True))
    print(f"largest difference to whole batches {gap:.1e}")


if __name__ == "__main__":
    main()
