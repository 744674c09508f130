"""Histories of gradients with everything that the rules distinguish, and the rounding bound of Adam's step."""

import pytest
import torch
from torch import Tensor

from grams_theory import optim
from grams_theory.core.rounding import UNIT, Ball
from grams_theory.engine.production import IMPLEMENTATIONS

torch.set_num_threads(1)

VARIANTS = {
    **{name: (name, {}) for name in optim.names()},
    "AMS(1/2)": ("AMS", {"lam": 0.5}),
    "AMS(-1/3)": ("AMS", {"lam": -1 / 3}),
    "CautiousAdam rescaled": ("CautiousAdam", {"mask_rescale": True}),
    "CautiousLion rescaled": ("CautiousLion", {"mask_rescale": True}),
}


KINDS = ("Grams", "CautiousAdam rescaled", "Lion")


def builder(variant: str):
    name, fixed = VARIANTS[variant]

    def build(params, **keywords):
        return optim.by_name(name)(params, **{**fixed, **keywords})

    return build


@pytest.fixture(params=VARIANTS)
def make(request):
    """Builds the optimizer of every variant: make(params, **keywords)."""
    return builder(request.param)


@pytest.fixture(params=KINDS)
def make_kind(request):
    """As `make`, for one optimizer of each kind, where a test takes long and they share what it is about."""
    return builder(request.param)


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request):
    """The keywords that choose an implementation, for each that this machine has."""
    from grams_theory.optim import _fused

    reason = _fused.refusal([torch.ones(1)]) if request.param == "fused" else None
    if reason is not None:
        pytest.skip(reason)
    return IMPLEMENTATIONS[request.param]


@pytest.fixture
def history():
    """history(steps, *shape): gradients that change sign, vanish for a while, and span six decades."""

    def sample(steps: int, *shape: int, dtype=torch.float32, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        scale = 10 ** (6 * torch.rand(shape, generator=generator, dtype=torch.float64) - 4)
        gradients = scale * torch.randn(steps, *shape, generator=generator, dtype=torch.float64)
        zero = torch.rand(steps, *shape, generator=generator) < 0.1
        gradients = gradients.masked_fill(zero, 0)
        return (torch.complex(gradients, gradients.flip(0)) if dtype.is_complex else gradients).to(dtype)

    return sample


@pytest.fixture
def advance():
    """advance(optimizer, params, gradients): one step per entry of `gradients`, a list of tensors each."""

    def run(optimizer, params, gradients) -> None:
        for step in gradients:
            for p, g in zip(params, step, strict=True):
                p.grad = None if g is None else g.clone()
            optimizer.step()

    return run


@pytest.fixture
def last_move(advance):
    """The displacement of the last step of a float64 history, w being 0 before it, so that it is not rounded."""

    def measure(optimizer_class, gradients: Tensor, **keywords) -> Tensor:
        w = torch.nn.Parameter(torch.zeros_like(gradients[0]))
        optimizer = optimizer_class([w], **keywords)
        advance(optimizer, [w], [[g] for g in gradients[:-1]])
        w.data.zero_()
        advance(optimizer, [w], [[gradients[-1]]])
        return w.detach()

    return measure


@pytest.fixture
def adam_ball():
    """Adam's last displacement over a float64 history with a bound on its rounding error, operation by operation.

    Every direction with |lam| <= 1 is 1-Lipschitz in u, so the bound is theirs too.
    """

    def evaluate(gradients: Tensor, *, lr: float, betas: tuple[float, float], eps: float) -> Ball:
        one = Ball.exact(torch.ones_like(gradients[0]))
        m = v = Ball.exact(torch.zeros_like(gradients[0]))
        power1 = power2 = one
        for g in map(Ball.exact, gradients):
            lerp = (
                4 * UNIT * (g.mid.abs() + m.mid.abs())
            )  # m + w (g - m) with w = fl(1 - beta1): 4 more roundings
            m = (m * betas[0] + (one - betas[0]) * g).widen(lerp)
            v = v * betas[1] + (one - betas[1]) * g * g
            power1, power2 = power1 * betas[0], power2 * betas[1]
        rate = -lr / (one - power1)
        denominator = v.sqrt() / (one - power2).sqrt() + eps
        return rate * m / denominator

    return evaluate
