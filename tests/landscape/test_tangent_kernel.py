"""PL* through the tangent kernel: against the rationals for products of matrices, in 200 bits for smooth networks."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportCallIssue=false

import math
from itertools import pairwise

import pytest
import torch
from flint import arb, arb_series, fmpq, fmpq_mat
from torch import nn

from grams_theory.core.errors import UsageError
from grams_theory.core.rounding import Ball
from grams_theory.landscape.certificates import certify, networks, pl_star, readings
from grams_theory.landscape.certificates import tangent_kernel as module
from grams_theory.landscape.certificates.criteria import SoftmaxLoss, SquareLoss
from grams_theory.landscape.certificates.links import Squares
from grams_theory.landscape.certificates.networks import (
    ACTIVATIONS,
    GELU,
    SIGMOID,
    TANH,
    Network,
    read_network,
)
from grams_theory.landscape.certificates.tangent_kernel import tangent_kernel
from grams_theory.landscape.losses import by_name
from grams_theory.landscape.objective import Objective
from tests.landscape.exact import (
    ALL,
    QUICK,
    dot,
    each,
    eigenvalues,
    exact,
    least_squares,
    precision,
    rational,
    squares,
)

SEEDS = [
    pytest.param(range(QUICK // 3), id="quick"),
    pytest.param(range(QUICK // 3, ALL), id="all", marks=pytest.mark.slow),
]
LOSSES = {"SquareLoss": (SquareLoss(), lambda n, C: 2 * n), "nn.MSELoss": (nn.MSELoss(), lambda n, C: n * C)}


def product_of_matrices(seed):
    """A linear network near the identity with weights of few bits, and data; its widths."""
    rng = torch.Generator().manual_seed(seed)
    widths = [(1, 1, 1), (2, 2, 1), (2, 3, 2), (1, 2, 2, 1), (3, 2, 2)][seed % 5]
    layers = [nn.Linear(a, b, bias=False, dtype=torch.float64) for a, b in pairwise(widths)]
    with torch.no_grad():
        for layer in layers:
            noise = torch.randint(-8, 9, layer.weight.shape, generator=rng) / 32
            layer.weight.copy_(torch.eye(*layer.weight.shape) + noise)
    n = widths[0] + seed % 4
    X = torch.randint(-8, 9, (n, widths[0]), generator=rng).double() / 4 + torch.eye(n, widths[0])
    M = (
        torch.eye(widths[-1], widths[0]).double()
        + torch.randint(-8, 9, (widths[-1], widths[0]), generator=rng) / 64
    )
    noise = torch.randint(-8, 9, (n, widths[-1]), generator=rng) / 64
    return nn.Sequential(*layers), X, X @ M.mT + noise, widths


def multiplied(parts):
    total = parts[0]
    for part in parts[1:]:
        total = part * total
    return total


def loss_and_slope(weights, X, Y, terms):
    """L and ‖∇L‖² of ‖X M' − Y‖²/terms, M the product of the weights, exactly."""
    M = multiplied(weights)
    R = X * M.transpose() - Y
    G = R.transpose() * X * fmpq(2, terms)
    slope = fmpq(0)
    for i in range(len(weights)):
        left, right = multiplied([*weights[i + 1 :]]) if i + 1 < len(weights) else None, weights[:i]
        part = G if left is None else left.transpose() * G
        slope += squares(part * multiplied(right).transpose() if right else part)
    return squares(R) / terms, slope


def moved(weights, radius, rng):
    """Weights of few bits within the ball, near its boundary."""
    steps = [torch.randn(w.shape, generator=rng, dtype=torch.float64) for w in weights]
    length = math.sqrt(sum(s.square().sum().item() for s in steps))
    return [
        (w + (s * (0.999 * radius / length)).float().double()) for w, s in zip(weights, steps, strict=True)
    ]


def holds_for_products(loss, terms, seed):
    """½‖∇L‖² >= mu (L − min) on the ball, in rationals, at the centre and beside; returns whether mu was certified."""
    model, X, Y, widths = product_of_matrices(seed)
    certificate = certify(loss, Objective(model, loss, (X, Y)))
    count = terms(len(X), widths[-1])
    least = least_squares(exact(X), exact(Y)) / count
    found = certificate.minimum
    if found.low is not None and "least squares" in found.provenance:
        assert rational(found.low) <= least
        assert found.high is None or (
            min(widths) >= min(widths[0], widths[-1]) and least <= rational(found.high)
        )
    if certificate.local_pl.value is None:
        return False
    mu, radius = rational(certificate.local_pl.value), certificate.local_pl.radius
    rng = torch.Generator().manual_seed(seed)
    centre = [layer.weight.detach() for layer in model]
    for weights in (centre, *(moved(centre, radius, rng) for _ in range(4))):
        L, slope = loss_and_slope([exact(w) for w in weights], exact(X), exact(Y), count)
        assert slope / 2 >= mu * (L - least)
    return True


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("name", LOSSES)
def test_mu_of_products_of_matrices_holds_on_its_ball(name, seeds):
    assert sum(each(holds_for_products, seeds, *LOSSES[name])) > 0.6 * len(seeds)


def sharp_product(loss, terms, seed):
    """At the centre mu is the product of two smallest eigenvalues, exact in the rationals, to 1e-6."""
    model, X, Y, widths = product_of_matrices(seed)
    problem = module._problem(Objective(model, loss, (X, Y)))
    if isinstance(problem, str):
        return False
    sigma = module._smallest_singular_value(problem.network, module.LARGEST)
    if isinstance(sigma, str):
        return False
    A = exact(X).transpose() * exact(X) * fmpq(2, terms(len(X), widths[-1]))
    nu, K = eigenvalues(A)[0], eigenvalues(jacobian_gram([exact(layer.weight.detach()) for layer in model]))
    assert len(K) == widths[0] * widths[-1]
    found = arb(problem.nu * sigma * sigma)
    assert nu * K[0] * (1 - arb(10) ** -6) <= found <= nu * K[0]
    return True


def jacobian_gram(weights):
    """J J' of the product's entries, (C d, C d): Σ_i (after_i after_i') ⊗ (before_i' before_i)."""
    C, d = weights[-1].nrows(), weights[0].ncols()
    total = [[fmpq(0)] * (C * d) for _ in range(C * d)]
    for i in range(len(weights)):
        after = multiplied(weights[i + 1 :]) if i + 1 < len(weights) else None
        before = multiplied(weights[:i]) if i else None
        left = after * after.transpose() if after is not None else None
        right = before.transpose() * before if before is not None else None
        for a in range(C):
            for b in range(C):
                for p in range(d):
                    for q in range(d):
                        x = (a == b) if left is None else left[a, b]
                        total[p * C + a][q * C + b] += x * ((p == q) if right is None else right[p, q])
    return fmpq_mat(total)


@pytest.mark.parametrize("name", LOSSES)
def test_mu_of_products_is_sharp_to_six_digits_at_the_centre(name):
    assert sum(each(sharp_product, range(QUICK // 3), *LOSSES[name])) > 0.6 * QUICK // 3


def test_a_wrong_scaling_is_caught(monkeypatch):
    monkeypatch.setitem(readings._FUNCTIONS, nn.functional.mse_loss, lambda outputs: (Squares, 1))
    with pytest.raises(AssertionError):
        each(sharp_product, range(QUICK // 3), *LOSSES["nn.MSELoss"])


KINDS = {
    "Tanh": (nn.Tanh(), lambda z: z.tanh()),
    "Sigmoid": (nn.Sigmoid(), lambda z: 1 / (1 + (-z).exp())),
    "GELU": (nn.GELU(), lambda z: z * (1 + (z / arb(2).sqrt()).erf()) / 2),
    "Softplus": (nn.Softplus(2.0), lambda z: (1 + (2 * z).exp()).log() / 2),
}


def test_every_activation_is_tried():
    assert {type(module) for module, _ in KINDS.values()} == set(ACTIVATIONS)


class Exact:
    """A network Linear, φ, Linear of one output in `BITS` bits: derivatives by w through complex steps are not needed.

    F_i = v'φ(U x_i + b) + c, with φ' as a symmetric difference of step 2^-60, whose error is far below 1e-30.
    """

    def __init__(self, phi, shapes, X):
        self.phi, (self.width, self.features), self.X = (
            phi,
            shapes,
            [[arb(t) for t in row] for row in X.tolist()],
        )

    def slope(self, z):
        h = arb(2) ** -60
        return (self.phi(z + h) - self.phi(z - h)) / (2 * h)

    def rows(self, w):
        """(F_i, the row of J) for every sample; w = (U, b, v, c)."""
        H, d = self.width, self.features
        U, b, v, c = w[: H * d], w[H * d : H * d + H], w[H * d + H : -1], w[-1]
        for x in self.X:
            z = [dot(U[k * d : (k + 1) * d], x) + b[k] for k in range(H)]
            back = [v[k] * self.slope(z[k]) for k in range(H)]
            yield (
                dot(v, [self.phi(t) for t in z]) + c,
                [back[k] * t for k in range(H) for t in x] + back + [self.phi(t) for t in z] + [arb(1)],
            )


def small_network(kind, seed):
    rng = torch.Generator().manual_seed(seed)
    n, d, H = 2 + seed % 2, 2, 4 + 4 * (seed % 3)
    model = nn.Sequential(nn.Linear(d, H), KINDS[kind][0], nn.Linear(H, 1)).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=rng, dtype=torch.float64))
    X = torch.randn((n, d), generator=rng, dtype=torch.float64)
    Y = model(X).detach() + 0.05 * torch.randn((n, 1), generator=rng, dtype=torch.float64)
    return model, X, Y, Exact(KINDS[kind][1], (H, d), X)


def holds_for_a_network(kind, loss, terms, seed):
    """½‖∇L‖² >= mu L in 200 bits, at the centre and at the boundary of the ball."""
    model, X, Y, truth = small_network(kind, seed)
    objective = Objective(model, loss, (X, Y))
    found = pl_star(objective)
    if found.value is None:
        return False
    rng = torch.Generator().manual_seed(seed)
    v = torch.randn((3, objective.dim), generator=rng, dtype=torch.float64)
    at = [objective.w, *(objective.w + found.radius * (1 - 2.0**-40) * x / x.norm() for x in v)]
    with precision():
        for w in at:
            rows = list(truth.rows([arb(t) for t in w.tolist()]))
            r = [f - arb(y) for (f, _), y in zip(rows, Y[:, 0].tolist(), strict=True)]
            c = arb(1) / terms(len(X), 1)
            g = [2 * c * dot(r, [row[k] for _, row in rows]) for k in range(objective.dim)]
            assert dot(g, g) / 2 >= arb(found.value) * c * dot(r, r) * (1 - arb(10) ** -25)
    return True


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LOSSES)
def test_mu_of_a_smooth_network_holds_on_its_ball(name, kind):
    assert sum(each(holds_for_a_network, range(8), kind, *LOSSES[name])) > 4


@pytest.mark.parametrize("kind", KINDS)
def test_the_kernel_is_enclosed(kind):
    model, X, Y, truth = small_network(kind, 1)
    objective = Objective(model, SquareLoss(), (X, Y))
    network = read_network(objective)
    assert isinstance(network, Network)
    K = network.kernel()
    with precision():
        rows = [row for _, row in truth.rows([arb(t) for t in objective.w.tolist()])]
        for i, a in enumerate(rows):
            for j, b in enumerate(rows):
                away = abs(dot(a, b) - arb(K.mid[i, j].item()))
                assert away <= arb(K.rad[i, j].item())
    assert K.rad.max() < 1e-12 * K.mid.max()
    assert torch.allclose(tangent_kernel(objective), K.mid, rtol=1e-12, atol=1e-12)


SERIES = {
    "Tanh": (TANH, lambda z: 1 - 2 / (1 + (2 * z).exp())),
    "Sigmoid": (SIGMOID, lambda z: 1 / (1 + (-z).exp())),
    "GELU": (GELU, lambda z: z * (1 + (z / arb(2).sqrt()).erf()) / 2),
}


@pytest.mark.parametrize("name", SERIES)
def test_bounds_of_the_activations_hold_and_are_sharp(name):
    """At 8,001 points of [−4, 4], by power series; beyond, all four fall off."""
    activation, phi = SERIES[name]
    first, second = 0.0, 0.0
    for k in range(-4000, 4001):
        terms = phi(arb_series([arb(k) / 1000, 1], prec=3))
        first, second = max(first, float(abs(terms[1]))), max(second, float(abs(2 * terms[2])))
    assert 0.999 * activation.steepest <= first <= activation.steepest
    assert 0.999 * activation.curvature <= second <= activation.curvature


def network_of(steps, inputs):
    model = nn.Sequential(*steps).double()
    found = read_network(Objective(model, SquareLoss(), (inputs, torch.zeros(len(inputs), 1))))
    assert isinstance(found, Network)
    return found


def test_the_change_of_the_jacobian_is_attained_by_a_product_of_two_numbers():
    """F = w_2 w_1 x: the Hessian is (0, x; x, 0) everywhere, with norm |x|."""
    layers = [nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)]
    found = network_of(layers, torch.tensor([[3.0]]).double())
    for radius in (0.0, 1.0, 100.0):
        assert found.jacobian_change(radius) == pytest.approx(3.0, rel=1e-9)


def test_the_change_of_the_jacobian_is_attained_by_one_neuron():
    """F = tanh(w x) bends most, by 4/(3√3) x², where tanh² = 1/3."""
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, math.atanh(3**-0.5) / 2)
    found = network_of([layer, nn.Tanh()], torch.tensor([[2.0]]).double())
    assert found.jacobian_change(0.0) == pytest.approx(4 * 4 / (3 * 3**0.5), rel=1e-3)


def lipschitz_holds(radius, seed):
    """‖J(w) − J(w')‖ <= Λ ‖w − w'‖ for random and for neighbouring points of the ball, along the worst directions."""
    rng = torch.Generator().manual_seed(seed)
    kind = list(KINDS.values())[seed % 4][0]
    H, n = (1, 1) if seed % 3 == 0 else (1 + seed % 4, 1 + seed % 3)
    first = nn.Linear(1 + seed % 2, H, bias=seed % 5 == 0)
    steps = [[first], [first, kind], [first, kind, nn.Linear(H, 2)], [first, nn.Linear(H, 1, bias=False)]][
        seed // 4 % 4
    ]
    model = nn.Sequential(*steps).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=rng, dtype=torch.float64) / 2)
    X = torch.randn((n, first.in_features), generator=rng, dtype=torch.float64)
    objective = Objective(model, SquareLoss(), (X, model(X).detach()))
    network = read_network(objective)
    shapes = {name: p.shape for name, p in objective.named.items()}

    def outputs(w):
        parts = w.split([s.numel() for s in shapes.values()])
        named = {name: part.view(s) for (name, s), part in zip(shapes.items(), parts, strict=True)}
        return torch.func.functional_call(objective.model, named, (X,)).reshape(-1)

    J = torch.func.jacrev(outputs)
    bound = network.jacobian_change(radius)
    for _ in range(1):
        v = torch.randn((2, objective.dim), generator=rng, dtype=torch.float64)
        w = objective.w + v[0] * (radius / v[0].norm())
        u = v[1] / v[1].norm()
        for _ in range(6):  # towards the direction in which J changes most
            top = torch.linalg.svd(torch.func.jvp(J, (w,), (u,))[1], full_matrices=False)
            left, right = top.U[:, 0], top.Vh[0]
            u = torch.func.grad(lambda t: left @ torch.func.jvp(J, (w,), (t,))[1] @ right)(u)  # noqa: B023
            if not u.norm() > 0:
                break
            u = u / u.norm()
        else:
            change = torch.linalg.matrix_norm(torch.func.jvp(J, (w,), (u,))[1], 2)
            assert change <= bound * (1 + 1e-9)
        far = objective.w - v[0] * (radius / v[0].norm())
        assert torch.linalg.matrix_norm(J(w) - J(far), 2) <= bound * (w - far).norm() * (1 + 1e-9)


@pytest.mark.parametrize("radius", [0.01, 0.5])
def test_the_jacobian_changes_no_faster_than_certified(radius):
    each(lipschitz_holds, range(16), radius)


FAULTS = {
    "a curvature too small": lambda patch: [patch.setattr(networks, "TANH", _with(TANH, curvature=0.6))],
    "the radius left out": lambda patch: [
        patch.setattr(Network, "jacobian_change", _at_the_centre(Network.jacobian_change))
    ],
    "half of the bound": lambda patch: [
        patch.setattr(Network, "jacobian_change", _half(Network.jacobian_change))
    ],
}


def _with(activation, **changes):
    from dataclasses import replace

    return replace(activation, **changes)


def _half(change):
    return lambda self, radius: change(self, radius) / 2


def _at_the_centre(change):
    return lambda self, radius: change(self, 0.0)


def lipschitz_is_sharp(seed):
    """Where the bound is attained, next to nothing may be missing: see the two tests of attainment."""
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, math.atanh(3**-0.5) / 2 - 0.3)
    network = network_of([layer, nn.Tanh()], torch.tensor([[2.0]]).double())
    assert network.jacobian_change(0.3) >= 4 * 4 / (3 * 3**0.5)
    deep = network_of([nn.Linear(1, 1, bias=False) for _ in range(3)], torch.tensor([[1.0]]).double())
    w = [step.weight.item() for step in deep.steps]
    far = [abs(t) + 0.5 / 3**0.5 for t in w]  # F = w_1 w_2 w_3 at a point of the ball of radius 1/2
    H = torch.tensor([[0, far[2], far[1]], [far[2], 0, far[0]], [far[1], far[0], 0]])
    assert deep.jacobian_change(0.5) >= torch.linalg.matrix_norm(H, 2) * (1 - 1e-6)


def test_a_lipschitz_constant_is_not_below_what_is_attained():
    lipschitz_is_sharp(0)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lipschitz_constant_that_is_too_small_is_caught(fault, monkeypatch):
    FAULTS[fault](monkeypatch)
    with pytest.raises(AssertionError):
        each(lipschitz_is_sharp, range(1))


def wide(loss, width=4096):
    """Ten points on a sphere, a tanh layer as wide, targets near the outputs."""
    rng = torch.Generator().manual_seed(0)
    X = torch.randn((10, 8), generator=rng, dtype=torch.float64)
    X = X / X.norm(dim=1, keepdim=True)
    model = nn.Sequential(nn.Linear(8, width), nn.Tanh(), nn.Linear(width, 1)).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=rng, dtype=torch.float64))
        model[2].weight /= width**0.5
    Y = model(X).detach() + 0.3 * torch.randn((10, 1), generator=rng, dtype=torch.float64)
    return Objective(model, loss, (X, Y))


def test_a_wide_network_is_certified_to_have_a_zero_in_its_ball_and_it_is_there():
    objective = wide(SquareLoss())
    found = certify(SquareLoss(), objective)
    assert (found.minimum.low, found.minimum.high) == (0.0, 0.0)
    assert "holds a minimum" in found.local_pl.provenance
    start = objective.w
    (X, Y) = objective.batches[0]
    for _ in range(8):  # the steps of Gauss and Newton, by the shortest way
        residuals = (objective.model(X) - Y)[:, 0]
        rows = [torch.autograd.grad(r, objective.parameters, retain_graph=True) for r in residuals]
        J = torch.stack([torch.cat([part.reshape(-1) for part in row]) for row in rows])
        L, slope = residuals.detach().square().sum() / 20, J.mT @ residuals.detach() / 10
        assert slope.square().sum() / 2 >= found.local_pl.value * L * (1 - 1e-9)
        objective.move_to(objective.w - torch.linalg.pinv(J) @ residuals.detach())
        assert (objective.w - start).norm() < found.local_pl.radius
    assert objective.value() < 1e-25


def test_the_mean_over_outputs_rescales_mu_and_keeps_the_ball():
    half, mean = pl_star(wide(SquareLoss())), pl_star(wide(nn.MSELoss()))
    assert mean.value == pytest.approx(2 * half.value, rel=1e-9)
    assert mean.radius == pytest.approx(half.radius, rel=1e-9)


def test_a_constant_jacobian_holds_everywhere():
    """Random features: only the last layer is trained."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1)).double()
    model[0].requires_grad_(False)
    data = (torch.randn(4, 2).double(), torch.randn(4, 1).double())
    found = certify(nn.MSELoss(), Objective(model, nn.MSELoss(), data))
    features = torch.cat([model[:2](data[0]), torch.ones(4, 1)], 1)
    assert found.pl.value == pytest.approx(
        2 / 4 * torch.linalg.eigvalsh(features @ features.mT)[0].item(), rel=1e-6
    )
    assert found.pl.radius is None
    assert found.minimum.high == 0.0


def mlp(*steps):
    return nn.Sequential(nn.Linear(2, 8), *steps, nn.Linear(8, 1)).double()


def tied():
    layer = nn.Linear(2, 2)
    return nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(2, 1)).double()


def hooked():
    model = mlp(nn.Tanh())
    model[0].register_forward_hook(lambda module, args, out: 2 * out)
    return model


def shifted():
    model = mlp(nn.Softplus())
    nn.init.constant_(model[0].bias, 30.0)
    return model


class Own(nn.Linear):
    def forward(self, x):
        return super().forward(x) ** 2


REFUSED = {
    "a kink": (mlp(nn.ReLU()), SquareLoss(), 3, "ReLU is none of Linear, Tanh"),
    "an approximate GELU": (mlp(nn.GELU(approximate="tanh")), SquareLoss(), 3, "GELU is none"),
    "a ridge": (mlp(nn.Tanh()), SquareLoss(0.1), 3, "without a ridge"),
    "cross-entropy": (mlp(nn.Tanh()), SoftmaxLoss(), 3, "not for SoftmaxLoss"),
    "more outputs than weights": (
        mlp(nn.Tanh()),
        SquareLoss(),
        40,
        "singular: 40 outputs of all samples, 33 weights",
    ),
    "a kernel that is too large": (mlp(nn.Tanh()), SquareLoss(), 30, "has 30 rows"),
    "layers that share weights": (tied(), SquareLoss(), 3, "share parameters"),
    "hooks": (hooked(), SquareLoss(), 3, "hooks"),
    "another forward": (nn.Sequential(Own(2, 1)).double(), SquareLoss(), 2, "Own is none"),
    "a softplus beyond its threshold": (shifted(), SquareLoss(), 3, "threshold"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_certified_says_why(name):
    model, loss, n, why = REFUSED[name]
    X = torch.randn((n, 2), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = pl_star(Objective(model, loss, (X, torch.zeros(n, 1))), largest=20)
    assert found.value is None
    assert why in found.provenance


def test_equal_samples_have_a_singular_kernel():
    X = torch.ones((3, 2), dtype=torch.float64)
    found = pl_star(Objective(mlp(nn.Tanh()), SquareLoss(), (X, torch.zeros(3, 1))))
    assert found.value is None
    assert "cannot be told from 0" in found.provenance


def test_real_digits_have_more_outputs_than_weights():
    problem = by_name("digits_mlp_squares")
    found = certify(problem.loss_fn, Objective(problem.model, problem.loss_fn, problem.data)).local_pl
    assert found.value is None
    assert "singular: 5000 outputs" in found.provenance


@pytest.mark.parametrize("memory", [1, 10_000, 2**28])
def test_the_kernel_does_not_depend_on_how_it_is_cut(memory):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    x, y = torch.randn(5, 1, 4, 4), torch.zeros(5, 3)
    objective = Objective(model, nn.MSELoss(), [(x[:2], y[:2]), (x[2:], y[2:])])
    wide_model = model.double()
    parameters = list(wide_model.parameters())
    rows = [
        torch.cat([g.reshape(-1) for g in torch.autograd.grad(out, parameters, retain_graph=True)])
        for out in wide_model(x.double()).reshape(-1)
    ]
    J = torch.stack(rows)
    found = tangent_kernel(objective, memory)
    assert found.dtype == torch.float64
    assert torch.allclose(found, J @ J.mT, rtol=1e-12, atol=1e-12)


def test_inputs_by_name_and_by_position_have_a_kernel():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 1, bias=False)

        def forward(self, a, b):
            return self.layer(a * b)

    a, b = torch.ones(3, 2), torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    for inputs in ((a, b), {"a": a, "b": b}):
        objective = Objective(Two(), nn.MSELoss(), [(inputs, torch.zeros(3, 1))])
        assert torch.equal(tangent_kernel(objective), (b @ b.mT).double())


def test_a_random_model_has_no_kernel():
    with pytest.warns(UserWarning, match="train mode"):
        objective = Objective(mlp(nn.Dropout()), SquareLoss(), (torch.ones(2, 2), torch.zeros(2, 1)))
    with pytest.raises(UsageError, match=r"model\.eval"):
        tangent_kernel(objective)


def test_products_of_balls_hold_every_product():
    rng = torch.Generator().manual_seed(0)
    A, B = (torch.randn(s, generator=rng, dtype=torch.float64) for s in ((3, 50), (50, 2)))
    product = Ball(A, A.abs() * 1e-3) @ Ball(B, B.abs() * 1e-2)
    corner = (exact(A * (1 + 2.0**-10)) * exact(B * (1 - 2.0**-7))).table()
    for i, row in enumerate(corner):
        for j, x in enumerate(row):
            assert abs(x - rational(product.mid[i, j].item())) <= rational(product.rad[i, j].item())
