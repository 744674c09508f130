"""A certificate holds for the loss that is computed: what computes, or averages, otherwise than it looks gets none."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false

import types

import pytest
import torch
from torch import nn

from grams_theory.core.errors import UsageError
from grams_theory.landscape import estimate_pl
from grams_theory.landscape.certificates import certify, pl_star
from grams_theory.landscape.certificates.criteria import LogisticLoss, SquareLoss
from grams_theory.landscape.certificates.quadratics import Quadratic, QuadraticLoss
from grams_theory.landscape.objective import Objective

N = 12


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X, Y = normal(N, 3), normal(N, 1, seed=1)


def linear():
    return nn.Linear(3, 1, dtype=torch.float64)


def tenfold(module):
    """Returns ten times what its class does, by a forward of its own."""
    module.forward = types.MethodType(lambda self, *args: 10 * type(self).forward(self, *args), module)
    return module


def hooked(module):
    module.register_forward_hook(lambda module, args, found: 10 * found)
    return module


def counting(loss):
    loss.terms = unlike_samples
    return loss


def unlike_samples(inputs, targets):
    return 1.0 if inputs is None or bool(inputs[0, 0] == X[0, 0]) else 10.0


class Tenfold(SquareLoss):
    def __call__(self, output, target):
        return 10 * super().__call__(output, target)


class Counting(SquareLoss):
    def terms(self, inputs, targets):
        return unlike_samples(inputs, targets)


CASES = {
    "a forward of its own": (tenfold(linear()), SquareLoss()),
    "a hook": (hooked(linear()), SquareLoss()),
    "a loss with a hook": (linear(), hooked(nn.MSELoss())),
    "a loss with a forward of its own": (linear(), tenfold(nn.MSELoss())),
    "a subclass that computes another loss": (linear(), Tenfold()),
    "a loss that counts terms": (linear(), counting(nn.MSELoss())),
    "a subclass that counts terms": (linear(), Counting()),
}


@pytest.mark.parametrize(("model", "loss"), CASES.values(), ids=CASES)
@pytest.mark.filterwarnings("ignore:the loss of a batch is not the mean")
def test_what_computes_another_loss_gets_no_certificate(model, loss):
    objective = Objective(model, loss, [(X[:5], Y[:5]), (X[5:], Y[5:])])
    certificate = certify(loss, objective)
    for found in (certificate.smoothness, certificate.pl, certificate.local_pl, certificate.minimum):
        assert found.value is None


def test_a_subclass_may_say_how_it_averages():
    class Doubled(SquareLoss):
        def __call__(self, output, target):
            return 2 * super().__call__(output, target)

        def means(self, outputs):
            return super().means(outputs)[0], 1

    single, double = (certify(loss, Objective(linear(), loss, (X, Y))) for loss in (SquareLoss(), Doubled()))
    assert double.smoothness.value == pytest.approx(2 * single.smoothness.value, rel=1e-12)


def test_a_layer_with_a_forward_of_its_own_has_no_pl_star():
    model = nn.Sequential(nn.Linear(3, 20), nn.Tanh(), nn.Linear(20, 1)).double()
    assert pl_star(Objective(model, SquareLoss(), (X[:4], Y[:4]))).value
    tenfold(model[0])
    found = pl_star(Objective(model, SquareLoss(), (X[:4], Y[:4])))
    assert found.value is None
    assert "forward of its own" in found.provenance


def test_a_quadratic_with_a_forward_of_its_own_has_no_certificate():
    model = tenfold(Quadratic(torch.eye(2), torch.zeros(2), torch.ones(2)))
    certificate = certify(
        QuadraticLoss(), Objective(model, QuadraticLoss(), (torch.zeros(1), torch.zeros(1)))
    )
    assert certificate.smoothness.value is None
    assert "forward of its own" in certificate.pl.provenance


@pytest.mark.parametrize("name", ["means", "certify"])
def test_a_buffer_of_that_name_is_no_certificate(name):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer(name, torch.ones(1, dtype=torch.float64))

        def forward(self, output, target):
            return ((output - target) * getattr(self, name)).square().mean()

    assert certify(Scaled(), Objective(linear(), Scaled(), (X, Y))).minimum.value is None


@pytest.mark.parametrize("ridge", [-0.3, float("nan"), float("inf"), None, "0.1x"])
def test_a_ridge_that_is_no_penalty_is_refused(ridge):
    loss = nn.BCEWithLogitsLoss()
    loss.ridge = ridge
    with pytest.raises(UsageError, match=r"loss_fn.ridge is .*finite number >= 0"):
        Objective(linear(), loss, (X, (Y > 0).double()))


@pytest.mark.parametrize("scale", [1e150, 1e160])
@pytest.mark.parametrize("loss", [SquareLoss(), SquareLoss(0.1), LogisticLoss(), LogisticLoss(0.1)], ids=str)
def test_bounds_that_float64_cannot_hold_are_not_given(loss, scale):
    model = nn.Linear(3, 1, bias=False, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    certificate = certify(loss, Objective(model, loss, (X * scale, (Y > 0).double())))
    assert certificate.smoothness.value is None or certificate.smoothness.value < float("inf")
    # less the few roundings that a bound pays for
    assert certificate.pl.value is None or certificate.pl.value >= loss.ridge * (1 - 2.0**-48)
    assert certificate.minimum.high is None or certificate.minimum.high < float("inf")
    if scale > 1e155:
        assert "overflows" in certificate.smoothness.provenance


def test_integer_targets_of_squares_are_numbers():
    targets = (Y > 0).long()
    found, same = (
        certify(nn.MSELoss(), Objective(linear(), nn.MSELoss(), (X, y))) for y in (targets, targets.double())
    )
    assert found == same


def test_one_target_for_all_samples_is_no_least_squares():
    certificate = certify(
        nn.MSELoss(), Objective(linear(), nn.MSELoss(), (X, torch.tensor(0.5, dtype=torch.float64)))
    )
    assert certificate.pl.value is None
    assert "not as many targets" in certificate.pl.provenance


def test_complex_weights_are_refused():
    model = nn.Linear(3, 1, dtype=torch.complex128)
    with pytest.raises(UsageError, match="view_as_complex"):
        Objective(model, lambda o, t: (o - t).abs().square().mean(), (X, Y))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_complex_table_stays_complex_in_another_dtype(dtype):
    class Rotated(nn.Module):
        table: torch.Tensor

        def __init__(self):
            super().__init__()
            self.register_buffer("table", torch.polar(torch.ones(3), torch.arange(3.0)))
            self.w = nn.Parameter(torch.ones(3))

        def forward(self, x):
            return torch.view_as_real((x * self.w) * self.table).flatten(1).sum(1)

    def loss(output, target):
        return output.square().mean()

    plain, other = (
        Objective(Rotated(), loss, (X.float(), Y.float()), dtype=d).value() for d in (None, dtype)
    )
    # 10 eps: products and sums of three numbers of float32
    assert other == pytest.approx(plain, rel=10 * 2.0**-23)


def test_a_format_of_whole_numbers_is_refused():
    with pytest.raises(UsageError, match="floating-point"):
        Objective(linear(), SquareLoss(), (X, Y), dtype=torch.int64)


# Losses that nobody certifies, with constants that are known: the ends of what was seen leave room for rounding


class Squares(nn.Module):
    """½‖A(w − c)‖² − ½‖A c‖², written out, so that f is a difference of larger numbers; one for every sample."""

    A: torch.Tensor
    b: torch.Tensor

    def __init__(self, A, c, w):
        super().__init__()
        self.register_buffer("A", A)
        self.register_buffer("b", A.mT @ (A @ c))
        self.w = nn.Parameter(w)

    def forward(self, x):
        return ((self.A @ self.w).square().sum() / 2 - self.b @ self.w).expand(len(x))


def known(seed):
    """A random one, exact f*, the smallest and the largest eigenvalue of A'A."""
    from tests.landscape.exact import eigenvalues, exact

    rng = torch.Generator().manual_seed(seed)
    dtype, D = (torch.float32, torch.float64)[seed % 2], 2 + seed % 5
    A = (torch.randn(D, D, generator=rng, dtype=torch.float64) + 2 * torch.eye(D)).to(dtype)
    model = Squares(A, torch.randn(D, generator=rng).to(dtype), torch.randn(D, generator=rng).to(dtype))
    H = exact(A).transpose() * exact(A)
    b = exact(model.b.unsqueeze(1))
    values = eigenvalues(H)
    return model, -(b.transpose() * H.solve(b))[0, 0] / 2, values[0], values[-1]


@pytest.mark.parametrize("optimizer", [None, torch.optim.Adam])
def test_what_was_seen_leaves_room_for_rounding(optimizer):
    from flint import arb

    from tests.landscape.exact import rational

    for seed in range(12):
        model, star, mu, L = known(seed)
        data = torch.zeros(2, 1, dtype=model.w.dtype), torch.zeros(2)
        e = estimate_pl(
            model, lambda o, t: o.mean(), data, steps=20, optimizer=optimizer, lr=optimizer and 0.03
        )
        assert star <= rational(e.f_star.high)
        assert mu <= arb(e.mu_upper.high)
        for low in (e.smoothness_seen.low, e.secant.low, *(s.seen for _, s in e.segment)):
            assert arb(low) <= L
        # and no more room than a few digits
        eps = torch.finfo(model.w.dtype).eps
        assert e.f_star.high - e.f_star.value <= 20 * eps * abs(e.f_star.value)
        assert e.mu_upper.high <= e.mu_upper.value * 1.05
        assert e.smoothness_seen.low >= e.smoothness_seen.value * (1 - 1e-4)
