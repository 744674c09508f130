"""The rates by the chain rule, against automatic differentiation of H along the vector field."""

import itertools

import pytest
import torch

from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.rounding import Ball
from grams_theory.flows import adam, by_name, hamiltonian, lion

B, D = 64, 4
ROUNDING = 1e-12
"""About 100 operations on float64 numbers, relative to the sum of the magnitudes of the terms."""


def normal(rng, *shape):
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def hamiltonian_case(f, rng, kinetic, phi, psi):
    return hamiltonian.System(f, kinetic, phi, psi), (normal(rng, B, D), normal(rng, B, D))


def adam_case(f, rng, a, b, eps):
    v = normal(rng, B, D).exp()
    return adam.System(f, a, b, eps), (normal(rng, B, D), normal(rng, B, D), v)


def lion_case(f, rng, a, e):
    return lion.System(f, a, e), (normal(rng, B, D), normal(rng, B, D))


CASES = [
    *[("hamiltonian", hamiltonian_case, options) for options in itertools.product(
        hamiltonian.KINETIC, ("zero", "saturating", "turning"), ("sign", "cubic"))],
    *[("adam", adam_case, options) for options in itertools.product((0.3, 2.0), (1.0, 5.0), (0.0, 0.5))],
    *[("lion", lion_case, options) for options in itertools.product((0.3, 2.0), (0.1, 0.5, 1.0))],
]  # fmt: skip


@pytest.mark.parametrize(("system", "case", "options"), CASES, ids=lambda x: getattr(x, "__name__", str(x)))
def test_rates_are_the_derivatives_of_H_and_L_along_the_field(system, case, options, valley, rng):
    ode, variables = case(valley(B, D), rng, *options)
    for flow in by_name(system).FLOWS:
        state = ode.state(*variables)
        velocity = state.velocity(flow)
        rate_H = torch.func.jvp(ode.energy, variables, velocity)[1]
        rate_L = torch.func.jvp(ode.f.value, variables[:1], velocity[:1])[1]
        partials = torch.func.vjp(ode.energy, *variables)[1](torch.ones(B, dtype=torch.float64))
        size = sum((p * x).abs().sum(-1) for p, x in zip(partials, velocity, strict=True))
        assert ((state.rate_H(flow) - rate_H).abs() <= ROUNDING * size).all()
        assert ((state.rate_L(flow) - rate_L).abs() <= ROUNDING * size).all()


def options_of(module):
    """Every value of every option, the others at their simplest, and every pair of dampings."""
    singly = [{name: value} for name, values in module.OPTIONS.items() for value in values]
    dampings = [module.OPTIONS[name] for name in ("phi", "psi") if name in module.OPTIONS]
    pairs = itertools.product(*dampings) if dampings else ()
    return singly + [{"phi": phi, "psi": psi, "zeros": 0.25} for phi, psi in pairs]


SYSTEMS = ("adam", "hamiltonian", "lion")
SAMPLES = [(name, options) for name in SYSTEMS for options in options_of(by_name(name))]


def descent(state, flows):
    """What the paper claims of a state, as margins."""
    base, *others = flows
    loss = {flow: state.rate_L(flow) for flow in flows}
    return {
        **{f"H falls ({flow})": -1 * state.rate_H(flow) for flow in flows},
        "L falls": -1 * loss["grams"],
        **{f"L falls no slower than {flow}": loss[flow] - loss["grams"] for flow in (base, *others)},
    }


@pytest.mark.parametrize(("system", "options"), SAMPLES, ids=str)
def test_no_sampled_state_violates_the_descent_claims(system, options, valley, rng):
    module = by_name(system)
    state = module.sample(rng, valley(256, 3), **options)
    for name, margin in state.premise().items():
        assert not margin.surely_negative().any(), name
    for name, margin in descent(state, module.FLOWS).items():
        assert margin.mid.isfinite().all(), name
        assert not margin.surely_negative().any(), name


def test_undamped_momentum_conserves_H_within_the_radius(valley, rng):
    rate = hamiltonian.sample(rng, valley(256, 3)).rate_H("momentum")
    assert (rate.mid.abs() <= rate.rad).all()


def test_reversed_friction_is_caught(valley, rng):
    state = hamiltonian.sample(rng, valley(256, 3), psi="linear")
    planted = hamiltonian.State(state.g, state.k, state.phi, -state.psi)
    assert (-1 * planted.rate_H("momentum")).surely_negative().all()
    assert planted.premise()["<∇K, Ψ(s)>"].surely_negative().all()


def test_reversed_grams_direction_is_caught(valley, rng):
    state = hamiltonian.sample(rng, valley(256, 3))
    ascent = state.rate_L(lambda g, k: -1 * hamiltonian.FLOWS["grams"](g, k))
    assert (-1 * ascent).surely_negative().all()


@pytest.mark.parametrize("flow", list(adam.FLOWS))
def test_below_a_quarter_of_b_some_state_raises_H(flow, valley, rng):
    """∇L = 0 and ε = 0 give dH/dt = <m, m/√v> (b/4a - 1)."""
    state = adam.sample(rng, valley(256, 1), ratio=0.25 * (1 - 2.0**-20), eps=0.0, zeros=0.5)
    margin = -1 * state.rate_H(flow)
    still = (state.g.mid == 0).all(-1) & (state.m.mid != 0).all(-1)
    assert still.any()
    assert margin.surely_negative()[still].all()
    assert state.premise()["a - b/4"].surely_negative().all()


def test_at_a_quarter_of_b_the_premise_holds_exactly(valley, rng):
    state = adam.sample(rng, valley(256, 1), ratio=0.25)
    assert (state.a.mid == state.b.mid / 4).all()


@pytest.mark.parametrize("system", SYSTEMS)
def test_zeros_are_sampled_and_grams_rests_there(system, valley, rng):
    state = by_name(system).sample(rng, valley(256, 3), zeros=0.25)
    w_dot = state.velocity("grams")[0]
    zero = state.g.mid == 0
    assert 0.1 < zero.double().mean() < 0.4
    assert (w_dot.mid[zero] == 0).all()


def test_tiny_opposed_coordinates_are_masked_though_their_product_underflows():
    tiny = torch.tensor([[1e-200]], dtype=torch.float64)
    zero = torch.zeros_like(tiny)
    state = hamiltonian.State(*(Ball.exact(x) for x in (tiny, -tiny, zero, zero)))
    assert state.velocity("momentum")[0].mid.item() == 1e-200
    assert state.velocity("cautious")[0].mid.item() == 0


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_row_is_the_state_in_plain_numbers(system, valley, rng):
    module = by_name(system)
    state = module.sample(rng, valley(4, 3))
    row = module.State(
        **{k: Ball.exact(torch.tensor([v], dtype=torch.float64)) for k, v in state.row(2).items()}
    )
    assert torch.equal(row.rate_H("grams").mid, state.rate_H("grams").mid[2:3])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda f: by_name("hamiltonien"),
        lambda f: hamiltonian.System(f, kinetic="quadratics"),
        lambda f: hamiltonian.System(f, phi="linaer"),
        lambda f: hamiltonian.sample(torch.Generator(), f).rate_H("gram"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(wrong, valley):
    with pytest.raises(UnknownNameError, match="did you mean"):
        wrong(valley(2, 2))


def test_negative_constants_are_refused(valley):
    with pytest.raises(UsageError, match="must be > 0"):
        adam.System(valley(2, 2), a=-1.0)
