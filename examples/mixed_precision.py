"""Mixed precision: autocast in bfloat16, and in float16 with a GradScaler, on a GPU or on the CPU.

    python examples/mixed_precision.py

bfloat16 has float32's range and needs no scaler. float16 gradients may vanish, so the loss is scaled before backward;
`scaler.step` divides p.grad by the scale, or skips the step where it overflowed. Weights and moments stay float32.
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from grams_theory.optim import Grams

STEPS = 60


def train(dtype: torch.dtype, device: str) -> None:
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    images = torch.tensor(images / 16, dtype=torch.float32, device=device)
    labels = torch.tensor(labels, device=device)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()

    optimizer = Grams(model.parameters(), lr=2e-3)
    scaler = torch.amp.GradScaler(device, enabled=dtype == torch.float16)
    name = str(dtype).removeprefix("torch.")
    for step in range(1, STEPS + 1):
        batch = torch.randperm(len(images), device=device)[:128]
        with torch.autocast(device, dtype):
            loss = loss_fn(model(images[batch]), labels[batch])
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        if step % 20 == 0 or step == 1:
            print(f"{name} step {step}: loss {loss.item():.4f}, scale {scaler.get_scale():g}")


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for dtype in (torch.bfloat16, torch.float16):
        train(dtype, device)


if __name__ == "__main__":
    main()
