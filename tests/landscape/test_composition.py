"""f(w) = g(Aw) with a g that is curved, but not uniformly: mu on a ball about the weights, in 200 bits."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false

import math

import pytest
import torch
from flint import arb
from torch import nn

from grams_theory.core.rounding import Ball
from grams_theory.landscape.certificates import certify
from grams_theory.landscape.certificates.composition import LARGEST
from grams_theory.landscape.certificates.criteria import LogisticLoss, SoftmaxLoss
from grams_theory.landscape.certificates.links import Link, Logistic, Softmax
from grams_theory.landscape.losses import by_name
from grams_theory.landscape.objective import Objective
from tests.landscape.exact import ALL, QUICK, Classification, dot, each, precision, vector

SEEDS = [
    pytest.param(range(QUICK // 6), id="quick"),
    pytest.param(range(QUICK // 6, ALL // 4), id="all", marks=pytest.mark.slow),
]
LOSSES = {
    "LogisticLoss": LogisticLoss(),
    "nn.BCEWithLogitsLoss": nn.BCEWithLogitsLoss(),
    "LogisticLoss, ridge": LogisticLoss(2.0**-6),
    "SoftmaxLoss": SoftmaxLoss(),
    "nn.CrossEntropyLoss": nn.CrossEntropyLoss(),
}


def many_classes(loss):
    return isinstance(loss, SoftmaxLoss | nn.CrossEntropyLoss)


def random_case(loss, seed):
    """A linear model at random weights, data with labels at random, and the same loss in 200 bits."""
    rng = torch.Generator().manual_seed(seed)
    D, bias = 1 + seed % 2, seed % 3 == 0
    n = 10 + seed % 5
    X = torch.randn((n, D), generator=rng, dtype=torch.float64)
    outputs = 3 if many_classes(loss) else 1
    y = torch.randint(0, max(outputs, 2), (n,), generator=rng)
    model = nn.Linear(D, outputs, bias=bias, dtype=torch.float64)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.3 * torch.randn(p.shape, generator=rng, dtype=torch.float64))
    A = torch.cat([X, torch.ones_like(X[:, :1])], 1) if bias else X
    exact = Classification(A, y, outputs, getattr(loss, "ridge", 0.0))
    objective = Objective(model, loss, (X, y if outputs > 1 else y.double().unsqueeze(1)))
    W = [model.weight] + ([model.bias.unsqueeze(1)] if bias else [])
    return objective, exact, torch.cat(W, 1).detach().reshape(-1)


def points(w, minimiser, radius, seed):
    """In the ball about w: its centre, away from the minimum, and at random, at several distances."""
    rng = torch.Generator().manual_seed(seed)
    away = w - torch.tensor([float(t) for t in minimiser], dtype=torch.float64)
    directions = [away, *torch.randn((2, len(w)), generator=rng, dtype=torch.float64)]
    yield w
    for v in directions:
        for distance in (0.3, 1 - 2.0**-40):
            yield w + v * (distance * radius / v.norm())


def holds_on_the_ball(loss, seed):
    """½‖∇f‖² >= mu (f − f*) at points of the ball, and f* in its interval; returns whether mu was certified."""
    objective, exact, w = random_case(loss, seed)
    certificate = certify(loss, objective)
    mu, radius = certificate.local_pl.value, certificate.local_pl.radius
    if radius is None:
        return False
    with precision():
        minimiser = exact.minimiser(w)
        f_star = exact.value(minimiser)
        assert arb(certificate.minimum.low) <= f_star <= arb(certificate.minimum.high)
        for point in points(w, minimiser, radius, seed):
            at = vector(point)
            g = exact.gradient(at)
            assert dot(g, g) / 2 >= arb(mu) * (exact.value(at) - f_star)
    return True


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("name", LOSSES)
def test_mu_holds_on_the_ball_with_the_global_minimum(name, seeds):
    assert sum(each(holds_on_the_ball, seeds, LOSSES[name])) > 0.8 * len(seeds)


def test_the_curvature_of_one_feature_is_attained():
    """x = ±1, outputs z and −z, equal labels: f'' = s(z)(1 − s(z)), and the ball is [−2, 2] w_0 about w_0 > 0."""
    X, y = torch.tensor([[1.0], [1.0]]).double(), torch.tensor([[0.0], [1.0]]).double()
    model = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    nn.init.constant_(model.weight, 0.75)
    found = certify(LogisticLoss(), Objective(model, LogisticLoss(), (X, y)))
    assert found.local_pl.radius == pytest.approx(1.5, rel=1e-9)
    s = 1 / (1 + math.exp(-2.25))
    assert found.local_pl.value == pytest.approx(s * (1 - s), rel=1e-9)
    assert found.minimum.value == pytest.approx(math.log(2), rel=1e-12)


def worst_curvature(link, z, moved, rng):
    """The smallest curvature on the span among outputs within `moved` of z, at many points of that sphere."""
    v = torch.randn((2000, len(z)), generator=rng, dtype=torch.float64)
    v = torch.cat([v, torch.eye(len(z)).double(), -torch.eye(len(z)).double()])
    v = v - (v.mean(1, keepdim=True) if link is Softmax else 0.0)
    v = v / v.norm(dim=1, keepdim=True)
    y = torch.zeros(len(v), dtype=torch.long) if link is Softmax else torch.zeros(len(v), 1)
    H = link(y).hessian(z + moved * v)
    return torch.linalg.eigvalsh(H)[:, link.missing].min().item()


def curvature_is_a_lower_bound(link, seed):
    rng = torch.Generator().manual_seed(seed)
    C = 1 if link is Logistic else 2 + seed % 3
    z = torch.randn((1, C), generator=rng, dtype=torch.float64)
    moved = 0.1 + seed % 4
    y = torch.zeros(1, dtype=torch.long) if link is Softmax else torch.zeros(1, 1)
    bound = link(y).curvature(Ball.exact(z), torch.tensor([moved], dtype=torch.float64)).item()
    assert 0 < bound <= worst_curvature(link, z[0], moved, rng) * (1 + 1e-9)


@pytest.mark.parametrize("link", [Logistic, Softmax])
def test_curvature_is_a_lower_bound_of_what_is_met(link):
    each(curvature_is_a_lower_bound, range(40), link)


def halved(curvature):
    return lambda self, z, moved: curvature(self, z, moved / 2)


def wholly(curvature):
    return lambda self, z, moved: curvature(self, z, moved * 0)


@pytest.mark.parametrize("link", [Logistic, Softmax])
def test_a_movement_of_the_logits_that_is_too_small_is_caught(link, monkeypatch):
    monkeypatch.setattr(link, "curvature", halved(link.curvature))
    with pytest.raises(AssertionError):
        each(curvature_is_a_lower_bound, range(40), link)


def test_curvature_at_the_centre_taken_for_the_ball_is_caught(monkeypatch):
    monkeypatch.setattr(Logistic, "curvature", wholly(Logistic.curvature))
    with pytest.raises(AssertionError):
        each(holds_on_the_ball, range(QUICK), LogisticLoss())


def separable(loss):
    X = torch.tensor([[1.0, 0.5], [2.0, -1.0], [-1.0, 0.25], [-3.0, 1.0]]).double()
    if many_classes(loss):
        return nn.Linear(2, 3, dtype=torch.float64), (X, torch.tensor([0, 0, 2, 2]))
    return nn.Linear(2, 1, dtype=torch.float64), (X, torch.tensor([[1.0], [1.0], [0.0], [0.0]]).double())


@pytest.mark.parametrize("loss", [LogisticLoss(), SoftmaxLoss(), nn.CrossEntropyLoss()])
def test_separable_data_has_an_infimum_of_zero_and_no_minimum(loss):
    model, data = separable(loss)
    found = certify(loss, Objective(model, loss, data))
    assert found.local_pl.value is None
    assert "separable" in found.local_pl.provenance
    assert "no minimum" in found.local_pl.provenance
    assert (found.minimum.low, found.minimum.high) == (0.0, 0.0)


@pytest.mark.parametrize("name", ["breast_cancer", "digits_softmax"])
def test_real_data_that_is_separable_is_recognised(name):
    problem = by_name(name)
    found = certify(problem.loss_fn, Objective(problem.model, problem.loss_fn, problem.data))
    assert found.minimum.high == 0.0
    assert "separable" in found.local_pl.provenance


def test_data_that_touches_the_boundary_has_neither():
    """Two equal inputs with both labels and one beside: f has an infimum > 0 that it does not reach."""
    X = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).double()
    y = torch.tensor([[0.0], [1.0], [1.0]]).double()
    model = nn.Linear(2, 1, bias=False, dtype=torch.float64)
    found = certify(LogisticLoss(), Objective(model, LogisticLoss(), (X, y)))
    assert found.local_pl.value is None
    assert found.minimum.high is None
    assert found.minimum.low == 0.0
    assert "no point about which a minimum can be certified" in found.local_pl.provenance


def test_shifting_all_logits_of_a_softmax_changes_nothing():
    """W has a null direction, so f is PL and not strongly convex: mu is positive all the same."""
    objective, exact, w = random_case(SoftmaxLoss(), 1)
    found = certify(SoftmaxLoss(), objective)
    assert found.local_pl.value > 0
    with precision():
        H = exact.hessian(vector(w))
        assert abs(sum((H[i, 0] for i in range(0, len(w), len(w) // 3)), arb(0))) < 1e-50


REFUSED = {
    "a hidden layer": (nn.Sequential(nn.Linear(2, 1)), LogisticLoss(), torch.ones(4, 1), "single nn.Linear"),
    "class weights": (
        nn.Linear(2, 3),
        nn.CrossEntropyLoss(torch.ones(3)),
        torch.zeros(4).long(),
        "certificate",
    ),
    "smoothed labels": (nn.Linear(2, 3), nn.CrossEntropyLoss(label_smoothing=0.1), torch.zeros(4).long(), ""),
    "class probabilities": (nn.Linear(2, 3), nn.CrossEntropyLoss(), torch.ones(4, 3) / 3, "class numbers"),
    "another class ignored": (
        nn.Linear(2, 3),
        nn.CrossEntropyLoss(ignore_index=2),
        torch.tensor([0, 1, 1, 2]),
        "no certificate",
    ),
    "one target for all": (nn.Linear(2, 1), nn.MSELoss(), torch.ones(1, 1), "differ"),
    "an ignored sample": (
        nn.Linear(2, 3),
        nn.CrossEntropyLoss(),
        torch.tensor([0, 1, -100, 2]),
        "not classes",
    ),
    "more weights than Newton takes": (
        nn.Linear(2, LARGEST),
        SoftmaxLoss(),
        torch.zeros(4).long(),
        "more than",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_local_certificate_says_why(name):
    model, loss, y, why = REFUSED[name]
    found = certify(loss, Objective(model, loss, (torch.randn(4, 2), y), dtype=torch.float64))
    assert found.local_pl.value is None
    assert why in found.local_pl.provenance
    assert found.minimum.low == 0.0


def test_targets_outside_of_the_unit_interval_have_no_floor():
    """log(1 + e^z) − 2z falls without bound."""
    data = (torch.ones(3, 1), torch.full((3, 1), 2.0))
    for model in (nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1), nn.ReLU())):
        found = certify(nn.BCEWithLogitsLoss(), Objective(model, nn.BCEWithLogitsLoss(), data))
        assert found.minimum.low is None


def test_every_link_is_tried():
    assert {link.__name__ for link in Link.__subclasses__()} == {"Squares", "Logistic", "Softmax"}
