"""Any loss as a family: values and gradients of many weights at once, with constants that are estimated, and say so."""

from fractions import Fraction

import pytest
import torch
from torch import nn

import grams_theory as gt
from grams_theory import families
from grams_theory.core.document import dumps, loads
from grams_theory.core.errors import UsageError
from grams_theory.core.random import generator
from grams_theory.core.rounding import Ball
from grams_theory.core.verdict import Verdict
from grams_theory.families import _user_loss, by_name, from_loss
from grams_theory.landscape import objective as objectives
from tests.quality.broken.loop import Ascends

ROWS = 64


def data(samples=12):
    x = torch.randn(samples, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return x, torch.sin(x.sum(1, keepdim=True))


def perceptron(activation=nn.Tanh):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 4), activation(), nn.Linear(4, 1))


def line():
    """Least squares of two weights, whose every number a fraction can follow."""
    model = nn.Linear(2, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[0.5, -1.25]]))
    x = torch.tensor([[1.5, -0.3], [0.1, 2.0], [-1.0, 0.7]], dtype=torch.float64)
    return model, squares, (x, torch.tensor([[1.0], [0.2], [-0.4]], dtype=torch.float64))


def squares(output, target):
    """nn.MSELoss under a name that certifies nothing."""
    return nn.functional.mse_loss(output, target)


def batch(family, rows=ROWS, seed=0, **options):
    return family(generator(seed), min(rows, family.max_batch), family.dims[0], **options)


@pytest.fixture(scope="module")
def net():
    return from_loss(perceptron(), nn.MSELoss(), data(), name="net")


def test_a_batch_is_the_loss_of_each_row_s_weights(net):
    f = batch(net, 5)
    w = f.start(generator(1))
    twin = objectives.Objective(perceptron(), nn.MSELoss(), data(), dtype=torch.float64)
    for row in range(5):
        twin.move_to(w[row])
        value, gradient = twin.value_and_gradient()
        assert f.value(w)[row].item() == pytest.approx(value, rel=1e-14)
        assert torch.allclose(f.gradient(w)[row], gradient, rtol=1e-12, atol=1e-15)


def test_time_goes_first(net):
    f = batch(net, 3)
    path = torch.stack([f.start(generator(seed)) for seed in range(2)])
    values, gradients = f.value(Ball.exact(path)), f.gradient(Ball.exact(path))
    assert (values.shape, gradients.shape) == ((2, 3), (2, 3, 21))
    assert torch.equal(values.mid[1], f.value(path[1]))


def test_the_radius_holds_the_true_error():
    """Against fractions: f = Σ (⟨x, w⟩ − y)²/3, at many weights."""
    model, loss_fn, (x, y) = line()
    f = batch(from_loss(model, loss_fn, (x, y)), 256)
    w = f.start(generator(1), 3.0)
    values, gradients = f.value(Ball.exact(w)), f.gradient(Ball.exact(w))
    points = [[Fraction(c) for c in row] for row in x.tolist()]
    targets = [Fraction(t) for t in y.flatten().tolist()]
    used = []
    for row in range(256):
        at = [Fraction(c) for c in w[row].tolist()]
        left = [
            sum(a * b for a, b in zip(p, at, strict=True)) - t for p, t in zip(points, targets, strict=True)
        ]
        exact = sum(e * e for e in left) / 3
        slope = [2 * sum(e * p[i] for e, p in zip(left, points, strict=True)) / 3 for i in (0, 1)]
        pairs = [(values.mid[row], values.rad[row], exact)]
        pairs += [(gradients.mid[row, i], gradients.rad[row, i], slope[i]) for i in (0, 1)]
        used += [abs(Fraction(m.item()) - e) / Fraction(r.item()) for m, r, e in pairs]
    assert max(used) <= 1
    assert max(used) > Fraction(1, 1000), "a radius a thousand times too wide would decide nothing"


@pytest.mark.parametrize("size", [1e-7, 1e-3, 1.0])
def test_the_change_is_known_better_than_as_a_difference_of_values(net, size):
    f = batch(net)
    w = f.start(generator(1))
    d = Ball.exact(-size * f.gradient(w))
    change, difference = f.change(w, d), f.value(Ball.exact(w) + d) - f.value(Ball.exact(w))
    assert ((change.mid - difference.mid).abs() <= change.rad + difference.rad).all()
    assert (change.rad <= difference.rad).all()
    if size < 1e-5:
        assert (change.rad < difference.rad / 100).all()


def test_the_smoothness_is_estimated_with_caution():
    """Least squares has one Hessian, 2 X'X/n."""
    model, loss_fn, (x, y) = line()
    f = batch(from_loss(model, loss_fn, (x, y)))
    norm = torch.linalg.matrix_norm(2 * x.T @ x / 3, 2).item()
    assert f.smoothness[0].item() == pytest.approx(_user_loss.CAUTION * norm, rel=1e-9)


def test_values_and_gradients_contradict_an_l_that_is_too_small():
    model, loss_fn, (x, y) = line()
    norm = torch.linalg.matrix_norm(2 * x.T @ x / 3, 2).item()
    enough, too_small = (
        batch(from_loss(model, loss_fn, (x, y), smoothness=share * norm)) for share in (1 + 1e-9, 1 - 1e-6)
    )
    w = enough.start(generator(1))
    steepest = torch.linalg.eigh(x.T @ x).eigenvectors[:, -1]
    for f, contradicted in ((enough, False), (too_small, True)):
        assert (f.contradicted(w, w + steepest) == contradicted).all()
        assert not f.contradicted(w, w).any()


def test_a_spike_of_curvature_between_two_points_contradicts_l():
    """Far away, tanh is flat; between two such points it rises."""
    f = batch(from_loss(perceptron(), nn.MSELoss(), data(), smoothness=8.0), 32)
    w, other = (f.start(generator(seed), 1e3) for seed in (1, 2))
    secant = (f.gradient(w) - f.gradient(other)).norm(dim=-1) / (w - other).norm(dim=-1)
    assert (f.contradicted(w, other) & (secant < f.smoothness)).any()


def test_a_minimum_that_is_too_high_is_contradicted():
    model, loss_fn, pairs = line()
    right, wrong = (batch(from_loss(model, loss_fn, pairs, minimum=f_star)) for f_star in (0.0, 10.0))
    w = right.start(generator(1), 0.1)
    assert not right.contradicted(w, w).any()
    assert wrong.contradicted(w, w).all()


@pytest.mark.parametrize(
    ("constants", "traits", "estimated"),
    [
        ({}, {"smooth"}, ("L", "rounding")),
        ({"smoothness": 9.0}, {"smooth"}, ("L", "rounding")),
        ({"minimum": 0.0}, {"smooth", "bounded"}, ("L", "f*", "rounding")),
        ({"pl": 1e-3}, {"smooth", "bounded", "pl"}, ("L", "μ", "f*", "rounding")),
    ],
)
def test_what_is_not_certified_is_named(constants, traits, estimated):
    family = from_loss(*line(), **constants)
    assert (family.traits, family.estimated) == (traits, estimated)


def test_what_a_loss_certifies_itself_is_no_estimate():
    family = by_name("breast_cancer_ridge")
    assert family.traits == {"smooth", "bounded", "pl"}
    assert family.estimated == ("rounding",)


def test_the_minimum_is_bracketed_with_the_help_of_mu():
    model, loss_fn, (x, y) = line()
    pl = 2 * torch.linalg.eigvalsh(x.T @ x / 3)[0].item()
    f_star = ((x @ torch.linalg.lstsq(x, y).solution - y) ** 2).mean().item()
    minimum = batch(from_loss(model, loss_fn, (x, y), pl=pl)).minimum
    assert (abs(minimum.mid - f_star) <= minimum.rad).all()
    assert (minimum.rad < 1e-12).all()


class Branching(nn.Module):
    """A loss that vmap cannot transform: it looks at its numbers."""

    def forward(self, outputs, targets):
        error = ((outputs - targets) ** 2).mean()
        return error if error.item() > 0 else error * 1


def test_a_loss_that_vmap_refuses_runs_row_by_row(net):
    f, g = batch(from_loss(perceptron(), Branching(), data()), 4), batch(net, 4)
    w = f.start(generator(1))
    assert torch.allclose(f.value(w), g.value(w), rtol=1e-14)
    assert torch.allclose(f.gradient(w), g.gradient(w), rtol=1e-12)


@pytest.mark.parametrize(
    ("constants", "message"),
    [
        ({"smoothness": 0.0}, "smoothness=0.0"),
        ({"pl": -1.0}, "pl=-1.0"),
        ({"minimum": float("nan")}, "minimum=nan"),
    ],
)
def test_a_constant_that_cannot_be_is_bad_usage(constants, message):
    with pytest.raises(UsageError, match=message):
        from_loss(*line(), **constants)


def test_a_hessian_that_is_not_finite_is_bad_usage():
    model, _, pairs = line()
    kinked = from_loss(model, lambda outputs, y: (outputs - outputs.detach()).abs().sqrt().sum(), pairs)
    with pytest.raises(UsageError, match="smoothness=L"):
        batch(kinked)


def test_names_do_not_collide(net):
    from grams_theory import landscape

    assert not set(landscape.names()) & set(families.names())
    for taken in ("log_cosh", "diabetes", "module:factory"):
        with pytest.raises(UsageError, match="taken"):
            families.add(from_loss(*line(), name=taken))
    assert families.by_name(families.add(net).name) is net


@pytest.mark.parametrize("claim_id", ["comparison-sharp", "definitions"])
def test_a_true_claim_survives_on_a_loss(net, claim_id):
    result = gt.fuzz(claim_id, loss=net, budget=300)
    assert result.verdict is Verdict.SURVIVED
    assert result.fuzz.cases > result.fuzz.undecided
    assert result.fuzz.estimated == ("L", "rounding")


def test_a_violation_on_a_loss_refutes_nothing(net):
    result = gt.fuzz("lemma-4.2", loss=net, optimizer=Ascends, budget=300)
    assert result.verdict is Verdict.UNDECIDED
    assert result.witness.kind == "estimated"
    assert gt.replay(result.witness.token).reproduced
    certified = gt.fuzz("lemma-4.2", optimizer=Ascends, budget=300)
    assert certified.verdict is Verdict.REFUTED


def test_a_violation_on_a_loss_is_reported_with_its_constants(net):
    from grams_theory.core.ledger import Ledger
    from grams_theory.core.summary import lines

    result = gt.fuzz("lemma-4.2", loss=net, optimizer=Ascends, budget=300)
    text = "\n".join(lines(result.evidence))
    assert "estimated, not certified: L, rounding" in text
    assert "violated with estimated constants: upper" in text
    assert "L may be larger than" in text
    assert loads(dumps(Ledger((result,))))[result.id].fuzz.estimated == ("L", "rounding")


def test_an_l_that_is_far_too_small_is_contradicted_not_a_violation():
    """Wherever Lemma 4.2 would fail for this L, the gradients themselves show that L is wrong."""
    small = from_loss(perceptron(), nn.MSELoss(), data(), name="small", smoothness=1e-2)
    result = gt.fuzz("lemma-4.2", loss=small, budget=300)
    assert result.fuzz.violations == 0
    assert result.fuzz.discarded > result.fuzz.cases


FACTORY = """
import torch
from torch import nn

def mine():
    x = torch.randn(8, 2)
    return nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1)), nn.MSELoss(), (x, x[:, :1])
"""


def test_a_factory_by_name_gives_the_same_weights_each_time(tmp_path, monkeypatch):
    (tmp_path / "my_losses.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    _user_loss.load.cache_clear()
    first = batch(by_name("my_losses:mine"), 2).start(generator(0))
    _user_loss.load.cache_clear()
    assert torch.equal(first, batch(by_name("my_losses:mine"), 2).start(generator(0)))


def test_the_command_takes_a_loss(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from grams_theory.cli import main

    (tmp_path / "my_other_losses.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    arguments = ("fuzz", "lemma-4.2", "--loss", "my_other_losses:mine", "--budget", "300")
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "estimated, not certified" in " ".join(done.stdout.split())
    assert CliRunner().invoke(main, (*arguments[:3], "my_other_losses:yours")).exit_code == 2


@pytest.mark.gpu
def test_a_loss_on_a_device(net):
    f = net(generator(0, device="cuda"), 4, net.dims[0])
    w = f.start(generator(1, device="cuda"))
    assert f.value(Ball.exact(w)).mid.device.type == "cuda"
    assert f.gradient(Ball.exact(w)).rad.device.type == "cuda"
