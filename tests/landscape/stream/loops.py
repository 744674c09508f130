"""Models, optimizers and training loops to be watched."""

import copy

import torch
from torch import nn

from grams_theory import optim
from grams_theory.landscape.stream import watch_pl
from grams_theory.landscape.stream.shadow import Shadow

STEPS = 6
LOSS = nn.MSELoss()


class Net(nn.Module):
    """With all that a probe could disturb: dropout, batch norm, and a parameter that is frozen."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.3))
        self.head = nn.Linear(8, 1)
        self.head.bias.requires_grad_(False)

    def forward(self, x):
        return self.head(self.body(x))


def made(dtype=torch.float64):
    torch.manual_seed(1)
    return Net().to(dtype)


def still(dtype=torch.float64):
    """Without dropout and batch norm: a full batch has the gradient of the probe."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).to(dtype)


def data(n=16, dtype=torch.float64):
    rng = torch.Generator().manual_seed(0)
    return torch.randn(n, 3, generator=rng, dtype=dtype), torch.randn(n, 1, generator=rng, dtype=dtype)


def groups(model):
    return [{"params": model.body.parameters(), "name": "body"}, {"params": [model.head.weight], "lr": 3e-3}]


OPTIMIZERS = {
    "SGD": lambda m: torch.optim.SGD(groups(m), lr=1e-2),
    "momentum": lambda m: torch.optim.SGD(groups(m), lr=1e-2, momentum=0.9, weight_decay=0.1),
    "Adam": lambda m: torch.optim.Adam(groups(m), lr=1e-2),
    "AdamW, foreach": lambda m: torch.optim.AdamW(groups(m), lr=1e-2, foreach=True),
    "AdamW, fused": lambda m: torch.optim.AdamW(groups(m), lr=1e-2, fused=True),
    "RMSprop": lambda m: torch.optim.RMSprop(groups(m), lr=1e-2),
    "Grams": lambda m: optim.by_name("Grams")(groups(m), lr=1e-2),
    "Lion": lambda m: optim.by_name("Lion")(groups(m), lr=1e-2),
    "LBFGS": lambda m: torch.optim.LBFGS([p for p in m.parameters() if p.requires_grad], max_iter=3),
}


def plain(model, optimizer, record):
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
    for k in range(STEPS):
        x, y = (part[k : k + 8] for part in data())
        loss = LOSS(model(x), y)
        loss.backward()
        record(loss.item())
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()


def full_batch(model, optimizer, steps=STEPS, visited=None):
    for _ in range(steps):
        if visited is not None:
            visited.append(copy.deepcopy(model))
        LOSS(model(data()[0]), data()[1]).backward()
        optimizer.step()
        optimizer.zero_grad()


def watched(optimizer, model, **options):
    return watch_pl(optimizer, model, LOSS, data(), **options)


MEASURE = Shadow.measure


def ordinary():
    model = still()
    return torch.optim.SGD(model.parameters(), lr=0.1), model
