"""A small net on a few samples, and functions that a net may be made of."""

import torch
from torch import nn

N, D = 23, 5
EPS = torch.finfo(torch.float64).eps


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X, Y = normal(N, D), normal(N, 2, seed=1)


def perceptron(activation=nn.Tanh):
    model = nn.Sequential(nn.Linear(D, 4), activation(), nn.Linear(4, 2)).double()
    with torch.no_grad():
        for index, p in enumerate(model.parameters()):
            p.copy_(normal(*p.shape, seed=index) / 2)
    return model


class Functional(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.inner, self.function = nn.Linear(D, 2), function

    def forward(self, x):
        return self.function(self.inner(x))


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, slope):
        return 2 * slope * ctx.saved_tensors[0]


def rounding(scale):
    """A mean of N samples by sums of at most N terms, a pass through two layers: under 100 roundings, of `scale`."""
    return 100 * EPS * scale
