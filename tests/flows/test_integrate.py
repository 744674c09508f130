"""Flows followed in time: finite differences, the price of smoothing, and sliding."""

import pytest
import torch

from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.flows import adam, hamiltonian
from grams_theory.flows.integrate import RISE, integrate

B, D = 4, 2
TOLERANCE = 1e-6
"""Global error allowed for LSODA at rtol = 1e-8 over times of order 1 on values of order 1 to 10."""


def start(rng, count):
    *rest, last = (torch.randn((B, D), generator=rng, dtype=torch.float64) for _ in range(count))
    return (*rest, last.exp() if count == 3 else last)


SYSTEMS = [
    (hamiltonian.System, {"kinetic": "pseudo-huber", "phi": "linear", "psi": "linear"}, 2),
    (adam.System, {"a": 1.0, "b": 2.0, "eps": 0.1}, 3),
]
FLOWS = [
    (s, flow) for s, flows in zip(SYSTEMS, (hamiltonian.FLOWS, adam.FLOWS), strict=True) for flow in flows
]


@pytest.mark.parametrize(("case", "flow"), FLOWS, ids=str)
def test_H_and_L_change_at_the_rates_of_the_record(case, flow, valley, rng):
    system, options, count = case
    ode = system(valley(B, D), **options)
    h = 1e-3
    path = integrate(ode, flow, start(rng, count), 2 * h, points=3, smoothing=0.0, rtol=1e-12, atol=1e-13)
    smooth = path.switches == 0
    state = ode.state(*(x[1] for x in path.variables))
    assert smooth.any()
    for series, rate in ((path.H, state.rate_H(flow)), (path.L, state.rate_L(flow))):
        central = (series[2] - series[0]) / (2 * h)
        # h^2/6 times a third derivative of order 10^3, and the integrator's error over h
        assert (central - rate)[smooth].abs().max() < 1e-3
        assert rate.abs().max() > 1e-1


@pytest.mark.parametrize(("case", "flow"), FLOWS, ids=str)
def test_H_falls_up_to_the_stated_slack_and_grams_lowers_L(case, flow, valley, rng):
    system, options, count = case
    path = integrate(system(valley(B, D), **options), flow, start(rng, count), 5.0, smoothing=1e-2)
    rise = path.H.diff(dim=0) - path.slack.diff(dim=0)
    assert rise.max() < TOLERANCE
    assert path.H[-1].max() < path.H[0].min() or (path.H[-1] < path.H[0]).all()
    if flow == "grams":
        assert path.L.diff(dim=0).max() < TOLERANCE


def test_reversed_friction_raises_H(valley, rng):
    path = integrate(hamiltonian.System(valley(B, D), psi="driving"), "momentum", start(rng, 2), 1.0)
    assert (path.H[-1] > path.H[0] + path.slack[-1] + TOLERANCE).all()


def test_the_constant_of_the_slack_is_the_maximum():
    x = torch.linspace(0, 10, 1_000_001, dtype=torch.float64)
    assert (x * (1 - x / (x * x + 1).sqrt())).max() == pytest.approx(RISE, rel=1e-9)


def test_the_grams_flow_slides_along_a_zero_gradient(valley, rng):
    """With a steady pull k, |∇L| falls to order δ and stays there."""

    class Bowl(valley):
        def value(self, w):
            return (w * w).sum(-1) / 2

        def gradient(self, w):
            return w

    system = hamiltonian.System(Bowl(B, D), kinetic="pseudo-huber")
    w, s = start(rng, 2)
    path = integrate(system, "grams", (w, 20 + s.abs()), 10.0, smoothing=1e-3)
    assert path.variables[0][-1].abs().max() < 1e-3


def test_halving_the_smoothing_changes_the_path_little(valley, rng):
    system, begin = hamiltonian.System(valley(B, D), psi="linear"), start(rng, 2)
    ends = [integrate(system, "grams", begin, 3.0, smoothing=d).variables[0][-1] for d in (1e-3, 5e-4)]
    assert (ends[0] - ends[1]).abs().max() < 1e-2


def test_bad_requests_are_refused(valley, rng):
    system, begin = hamiltonian.System(valley(B, D)), start(rng, 2)
    with pytest.raises(UsageError, match="must be > 0"):
        integrate(system, "grams", begin, -1.0)
    with pytest.raises(UnknownNameError, match="grams"):
        integrate(system, "gramms", begin, 1.0)
