"""Train a small net on scikit-learn's digits with Grams, in a plain loop, and watch the run.

    python examples/train.py [--epochs N] [--lr X]

Grams takes the place of torch.optim.AdamW: the same keywords, schedulers, parameter groups and checkpoints. The table
shows every 20th step: the share of coordinates where Adam's update points uphill, their alignment kappa, and what
the step promised against what it brought (docs/step-size.md reads it line by line). `loss=` is evaluated during the
step that is shown, before and after it, and so on the batch of that step.
"""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn

from grams_theory.optim import Grams, diagnostics


def digits(device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """1797 images of 8x8 pixels in [0, 1], and their classes."""
    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images / 16, dtype=torch.float32, device=device), torch.tensor(labels, device=device)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--lr", type=float, default=2e-3)
    options = parser.parse_args()

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images, labels = digits(device)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()

    optimizer = Grams(model.parameters(), lr=options.lr, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs)

    with diagnostics.watch(
        optimizer, every=20, loss=lambda: loss_fn(model(images[batch]), labels[batch])
    ) as log:
        for epoch in range(1, options.epochs + 1):
            total = 0.0
            batches = torch.randperm(len(images), device=device).split(64)
            for batch in batches:
                loss = loss_fn(model(images[batch]), labels[batch])
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                total += loss.item()
            scheduler.step()
            print(f"epoch {epoch}: loss {total / len(batches):.4f}")

    accuracy = (model(images).argmax(1) == labels).float().mean().item()
    print(f"accuracy on the training data {accuracy:.3f}\n")
    print(log)


if __name__ == "__main__":
    main()
