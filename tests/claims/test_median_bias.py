"""The bias toward the median: the proof is complete, its planted variants fail, and simulation agrees."""

from importlib import import_module

import pytest
import torch

from grams_theory import optim
from grams_theory.symbolic.proof import prove

module = import_module("grams_theory.claims.median_bias")
setting = import_module("grams_theory.claims._median_setting")
certificate = import_module("grams_theory.claims._median_certificate")


def test_the_proof_is_complete_and_names_its_axioms():
    evidence = prove(module.CLAIM)
    assert evidence.complete, evidence.failure
    assert evidence.axioms == ("expectation",)
    assert evidence.seconds < 30


def fair_coin():
    import sympy as sp

    return {-1: sp.Rational(1, 2), 1: sp.Rational(1, 2)}


PLANTED = {
    "noise that is symmetric: no bias": (setting, "noise_law", fair_coin, "A³ > 4θ²B"),
    "a memory that is too short": (setting, "SMALLEST_BETA", "1/2", "A³ > 4θ²B"),
    "a normaliser that is taken for constant too early": (setting, "LATE", 40, "from step 40 on c varies"),
    "a floor that is too high": (setting, "FLOOR", "1/10", "drift below the median"),
    "a certificate that is off by a digit": (certificate, "SCALE", "0.63", "drift below the median"),
    "a potential of the wrong sign": (certificate, "P", ("0", "-2.05", "2.23"), "drift below the median"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_false_variant_is_not_proved(monkeypatch, fault):
    where, name, value, step = PLANTED[fault]
    monkeypatch.setattr(where, name, value)
    evidence = prove(module.CLAIM)
    assert not evidence.complete
    failure = str(evidence.failure)
    assert failure.startswith(step)
    assert "the two sides differ" in failure or " = " in failure.rpartition("[")[2]


def stationary(name: str, lr: float, eps: float, steps: int) -> tuple[float, float]:
    """Mean of w and of w²/2 over the second half of 1000 runs from the minimiser."""
    gen = torch.Generator().manual_seed(0)
    w = torch.nn.Parameter(torch.zeros(1000, dtype=torch.float64))
    optimizer = optim.by_name(name)([w], lr=lr, eps=eps, weight_decay=0.0)
    total = loss = 0.0
    for step in range(steps):
        noise = torch.where(torch.rand(1000, generator=gen) < 0.75, -1.0, 3.0).double()
        w.grad = w.detach() + noise
        optimizer.step()
        if 2 * step >= steps:
            total, loss = total + w.mean().item(), loss + (w * w).mean().item() / 2
    return 2 * total / steps, 2 * loss / steps


@pytest.mark.parametrize(("lr", "eps"), [(1e-2, 1e-8), (1.0, 100.0), (20.0, 100.0)])
def test_grams_leaves_the_minimiser_and_adam_does_not(lr, eps):
    """The proved floor, where the proof applies (eps = 100) and where it does not."""
    mean, loss = stationary("Grams", lr, eps, 1600)
    assert mean > 0.5
    assert loss > 1 / 100
    assert abs(stationary("Adam", lr, eps, 1600)[0]) < 0.1


def test_the_drift_inequality_holds_on_a_grid():
    """Floats, independent of the certificate: E[h] bounded by signs, at 200 × 120 states."""
    P = lambda m: sum(float(c) * m**k for k, c in enumerate(certificate.P))  # noqa: E731
    m, w = torch.meshgrid(
        torch.linspace(-5, 5, 200, dtype=torch.float64),
        torch.linspace(-4, 2, 121, dtype=torch.float64),
        indexing="ij",
    )
    x, y = 0.9 * m + 0.1 * (w - 1), 0.9 * m + 0.1 * (w + 3)
    share = torch.where(w < 1, -15 / 16, 1.0)
    expected = 0.75 * share * x.abs() + 0.25 * y.abs()
    drift = float(certificate.SCALE) * expected + 0.75 * P(x) + 0.25 * P(y) - P(m)
    assert float((w**2 - 1 / 50 - drift).min()) > 0


def test_every_margin_part_has_one_entry_per_step_size():
    from types import SimpleNamespace

    from grams_theory.core.rounding import Ball

    mean = {"Grams": [1.0, 0.4], "Adam": [0.0, 0.2], "CautiousAdam": [0.1, -0.1]}
    ball = lambda values: Ball.exact(torch.tensor(values))  # noqa: E731
    record = SimpleNamespace(mean=lambda name: ball(mean[name]), loss=lambda name: ball([0.5, 0.001]))
    for part, margin in module.margin(record).items():
        assert margin.mid[0] > 0 > margin.mid[1], part
