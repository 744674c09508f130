"""f* of ridge logistic and softmax regression in ball arithmetic, against the minimum in 200 bits."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false

import pytest
import torch
from flint import arb
from torch import nn

from grams_theory.core import rounding
from grams_theory.core.rounding import Ball
from grams_theory.landscape.certificates import certify
from grams_theory.landscape.certificates.composition import Composition
from grams_theory.landscape.certificates.criteria import LogisticLoss, SoftmaxLoss, SquareLoss
from grams_theory.landscape.certificates.links import Logistic, Softmax, Squares, sigmoid, softplus
from grams_theory.landscape.certificates.means import certified_minimum, composition
from grams_theory.landscape.descent import descend
from grams_theory.landscape.losses import by_name
from grams_theory.landscape.minimum import bracket, refine
from grams_theory.landscape.objective import Objective
from tests.landscape.exact import ALL, QUICK, Classification, each, precision, vector

SEEDS = [
    pytest.param(range(QUICK // 2), id="quick"),
    pytest.param(range(QUICK // 2, ALL), id="all", marks=pytest.mark.slow),
]


def random_case(seed):
    """(objective, the same in 200 bits, its number of weights): every fourth with three classes, some ill-scaled."""
    rng = torch.Generator().manual_seed(seed)
    D, n, classes = 1 + seed % 3, 3 + seed % 7, 3 if seed % 4 == 0 else 1
    X = torch.randn((n, D), generator=rng, dtype=torch.float64) * 10.0 ** (seed % 3 - 1)
    y = torch.randint(0, max(classes, 2), (n,), generator=rng)
    ridge = 2.0 ** -(1 + seed % 12)
    loss = SoftmaxLoss(ridge) if classes > 1 else LogisticLoss(ridge)
    model = nn.Linear(D, classes, bias=False, dtype=torch.float64)
    with torch.no_grad():
        model.weight.copy_(torch.randn((classes, D), generator=rng, dtype=torch.float64))
    targets = y if classes > 1 else y.double().unsqueeze(1)
    return Objective(model, loss, (X, targets)), Classification(X, y, classes, ridge)


def holds(seed):
    """f* lies in the interval found by Newton's method, and in that from any other weights; mu and L hold at w*."""
    objective, exact = random_case(seed)
    certificate = certify(objective.loss_fn, objective)
    anywhere = certified_minimum(objective, certificate)
    f = composition(objective)
    assert isinstance(f, Composition)
    with precision():
        w = exact.minimiser(objective.w)
        f_star = exact.value(w)
        for found in (certificate.minimum, anywhere):
            assert arb(found.low) <= f_star <= arb(found.high)
        assert certificate.minimum.high - certificate.minimum.low < 1e-9 * certificate.minimum.high
        H = exact.hessian(w)
        trace = sum((H[i, i] for i in range(len(w))), arb(0))
        for i in range(len(w)):  # e_i'He_i lies between the smallest and the largest eigenvalue
            assert arb(certificate.pl.value) <= H[i, i] <= arb(certificate.smoothness.value)
        assert trace >= arb(certificate.pl.value) * len(w)
    return True


@pytest.mark.parametrize("seeds", SEEDS)
def test_the_minimum_lies_in_its_interval(seeds):
    assert all(each(holds, seeds))


def test_rounding_that_is_forgotten_is_caught(monkeypatch):
    monkeypatch.setattr(rounding, "UNIT", 0.0)
    with pytest.raises(AssertionError):
        each(holds, range(QUICK))


def test_a_mu_that_is_too_large_is_caught(monkeypatch):
    enclose = Composition.enclose
    monkeypatch.setattr(Composition, "enclose", lambda self, W, mu, why: enclose(self, W, 100 * mu, why))
    with pytest.raises(AssertionError):
        each(holds, range(QUICK))


@pytest.mark.parametrize("name", ["breast_cancer_ridge", "digits_softmax_ridge"])
def test_real_minima_are_enclosed_to_eleven_digits(name):
    problem = by_name(name)
    objective = Objective(problem.model, problem.loss_fn, problem.data)
    minimum = certify(problem.loss_fn, objective).minimum
    assert minimum.high - minimum.low < 1e-11
    assert minimum.low - 1e-12 <= refine(objective, 60).f  # the loss's own rounding


def test_the_bracket_is_the_certified_one_where_newton_is_too_dear(monkeypatch):
    """Then f* comes from L-BFGS and ball arithmetic at its end, in place of a slack for rounding."""
    from grams_theory.landscape.certificates import composition as module

    objective, exact = random_case(5)
    monkeypatch.setattr(module, "LARGEST", 0)
    certificate = certify(objective.loss_fn, objective)
    assert certificate.minimum.value is None
    run = descend(objective, 3, smoothness=certificate.smoothness.value)
    found = bracket(objective, run, certificate, None, evaluations=50)
    assert "ball arithmetic" in found.provenance
    with precision():
        f_star = exact.value(exact.minimiser(objective.w))
        assert arb(found.low) <= f_star <= arb(found.high)
    assert found.high - found.low < 1e-10


@pytest.mark.parametrize(
    ("model", "loss", "why"),
    [
        (nn.Linear(2, 1), LogisticLoss(), "add a ridge"),
        (nn.Sequential(nn.Linear(2, 1)), LogisticLoss(0.1), "nn.Linear"),
    ],
)
def test_without_a_mu_or_a_linear_model_there_is_no_interval(model, loss, why):
    objective = Objective(model, loss, (torch.ones(3, 2), torch.ones(3, 1)))
    found = certified_minimum(objective, certify(loss, objective))
    assert found.value is found.low is found.high is None
    assert why in found.provenance


def encloses(ball, exact):
    return all(
        abs(x - arb(mid)) <= arb(rad)
        for x, mid, rad in zip(
            exact, ball.mid.reshape(-1).tolist(), ball.rad.reshape(-1).tolist(), strict=True
        )
    )


ELEMENTARY = {
    "exp": (Ball.exp, lambda x: x.exp()),
    "softplus": (lambda z: z.map(softplus, ulps=12), lambda x: x.exp().log1p()),
    "sigmoid": (sigmoid, lambda x: 1 / (1 + (-x).exp())),
    "log of exp": (lambda z: z.exp().log(), lambda x: x),
}


@pytest.mark.parametrize("name", ELEMENTARY)
def test_elementary_functions_are_enclosed_over_the_whole_range(name):
    fn, exact = ELEMENTARY[name]
    rng = torch.Generator().manual_seed(0)
    x = torch.cat([torch.randn(500, generator=rng, dtype=torch.float64) * 10.0**k for k in range(-8, 3)])
    x = x[x.abs() < 690]
    with precision():
        assert encloses(fn(Ball.exact(x)), [exact(t) for t in vector(x)])
        wide = Ball(x, x.abs() * 1e-3)
        for side in (-1, 1):
            assert encloses(
                fn(wide), [exact(t * (1 + side * arb(1e-3) * (1 - arb(2) ** -40))) for t in vector(x)]
            )


LINKS = {
    "squares": (Squares, 2, lambda z, y: sum(((t - arb(v)) ** 2 for t, v in zip(z, y, strict=True)), arb(0))),
    "logistic": (Logistic, 1, lambda z, y: (1 + z[0].exp()).log() - arb(y[0]) * z[0]),
    "softmax": (Softmax, 4, lambda z, y: sum((t.exp() for t in z), arb(0)).log() - z[y]),
}


@pytest.mark.parametrize("name", LINKS)
def test_losses_of_logits_are_enclosed(name):
    link, outputs, exact = LINKS[name]
    rng = torch.Generator().manual_seed(0)
    z = (
        torch.randn((200, outputs), generator=rng, dtype=torch.float64)
        * 10.0 ** (torch.arange(200) % 4 - 1)[:, None]
    )
    y = torch.randint(0, outputs, (200,), generator=rng)
    targets = y if link is Softmax else torch.rand((200, outputs), generator=rng, dtype=torch.float64)
    with precision():
        truth = [exact(vector(t), v) for t, v in zip(z, targets.tolist(), strict=True)]
        assert encloses(link(targets).value(Ball.exact(z)), truth)


@pytest.mark.parametrize("name", LINKS)
def test_gradient_and_hessian_are_the_derivatives_of_the_value(name):
    """In floating point, by automatic differentiation; both carry a few roundings of numbers of order 1."""
    link, outputs, _ = LINKS[name]
    rng = torch.Generator().manual_seed(1)
    z = torch.randn((1, outputs), generator=rng, dtype=torch.float64)
    y = torch.zeros(1, dtype=torch.long) if link is Softmax else torch.rand((1, outputs), dtype=torch.float64)

    def value(z):
        functions = {
            Squares: lambda: (z - y).square().sum(),
            Logistic: lambda: nn.functional.binary_cross_entropy_with_logits(z, y, reduction="sum"),
            Softmax: lambda: nn.functional.cross_entropy(z, y),
        }
        return functions[link]()

    assert torch.allclose(link(y).gradient(Ball.exact(z)).mid, torch.func.grad(value)(z), atol=1e-14)
    H = torch.func.hessian(value)(z).reshape(outputs, outputs)
    assert torch.allclose(link(y).hessian(z)[0], H, atol=1e-14)


def test_f_star_of_ridge_squares_needs_no_newton():
    X = torch.eye(3, dtype=torch.float64)
    model = nn.Linear(3, 1, bias=False, dtype=torch.float64)
    found = certify(SquareLoss(1.0), Objective(model, SquareLoss(1.0), (X, torch.ones(3, 1))))
    assert (
        found.minimum.low <= 3 / 8 <= found.minimum.high
    )  # each of three: ½(w − 1)²/3 + ½w², least at w = ¼
