"""torch.compile: the model's forward and backward pass, and the step of Grams as one more graph.

    python examples/compiled.py [--backend inductor]

The step becomes one graph, for which the step count is a tensor. So should lr be where a scheduler changes it: a
number would be a constant of the graph, and each new value would compile again. torch warns that it ignores a "profiler
record function": that is the name of the step in profiles, and nothing is lost.
"""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn

from grams_theory.optim import Grams

STEPS = 60


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", default="inductor", help="of torch.compile")
    options = parser.parse_args()

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images, labels = load_digits(return_X_y=True)
    images = torch.tensor(images / 16, dtype=torch.float32, device=device)
    labels = torch.tensor(labels, device=device)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()

    optimizer = Grams(model.parameters(), lr=torch.tensor(2e-3, device=device))
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=10)
    compiled_model = torch.compile(model, backend=options.backend)
    compiled_step = torch.compile(optimizer.step, backend=options.backend)

    for step in range(1, STEPS + 1):
        batch = torch.randperm(len(images), device=device)[:128]
        loss = loss_fn(compiled_model(images[batch]), labels[batch])
        loss.backward()
        compiled_step()
        optimizer.zero_grad()
        scheduler.step()
        if step % 20 == 0 or step == 1:
            print(f"step {step}: loss {loss.item():.4f}")


if __name__ == "__main__":
    main()
