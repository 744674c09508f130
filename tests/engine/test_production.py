"""The production optimizer as the engine feeds and observes it."""

import pytest
import torch

from grams_theory import optim
from grams_theory.core.errors import UsageError
from grams_theory.engine.production import Hyper, Rig, Subject, define_update, is_coordinatewise, load
from grams_theory.symbolic import twin
from tests.quality import broken


@pytest.fixture
def gradients():
    return list(torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64))


def test_ours_are_found_by_name_and_others_by_module_and_class():
    assert load("Grams") is optim.Grams
    assert load("torch.optim:Adam") is torch.optim.Adam
    assert load(broken.Plain) is broken.Plain


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("Gramz", "did you mean Grams"),
        ("no_such_module:Grams", "cannot import 'no_such_module'"),
        ("torch.optim:Adan", "does not exist; torch.optim has Adam"),
        ("torch:Tensor", "is no torch.optim.Optimizer"),
        (int, "is no torch.optim.Optimizer"),
    ],
)
def test_what_is_no_optimizer_is_refused_with_a_hint(spec, message):
    with pytest.raises(UsageError, match=message):
        load(spec)


@pytest.mark.parametrize(
    ("rig", "message"),
    [
        (Rig(device="cuda:99"), "use --device cpu"),
        (Rig(device="abacus"), "use --device cpu"),
        (Rig(dtype="float8"), "no dtype named 'float8'"),
        (Rig(cast={"Grams": "torch.optim:Adan"}), "does not exist"),
    ],
)
def test_a_rig_that_cannot_be_used_says_so(rig, message):
    with pytest.raises(UsageError, match=message):
        rig.check()


def test_coordinatewise_optimizers_are_told_from_others():
    assert is_coordinatewise(optim.Grams)
    assert is_coordinatewise(torch.optim.AdamW)
    assert not is_coordinatewise(broken.MaskRescaled)


def test_a_batch_in_one_parameter_equals_one_parameter_per_case(gradients):
    w = torch.zeros(6, 4, dtype=torch.float64)
    ends = []
    for batched in (True, False):
        subject = Subject(optim.Grams, w, 0.1, Hyper(), batched=batched)
        for gradient in gradients:
            subject.step(gradient)
        ends.append(subject.w)
    assert torch.equal(*ends)


def test_the_weights_seen_are_a_copy(gradients):
    subject = Subject(optim.Grams, torch.zeros(6, 4, dtype=torch.float64), 0.1, Hyper())
    before = subject.w
    subject.step(gradients[0])
    assert not torch.equal(before, subject.w)


def test_the_displacement_starts_at_w_whatever_was_fed_before(gradients):
    w = torch.full((6, 4), 3.0, dtype=torch.float64)
    moved = Rig().displacement("Adam", w, gradients, 0.1, Hyper())
    u = define_update(gradients, Hyper()).u.mid
    assert torch.allclose(moved, -0.1 * u, rtol=0, atol=1e-14)


def test_a_step_to_nan_names_the_batch_index(gradients):
    class Explodes(broken.Plain):
        def rate(self, group, w):
            return float("nan")

    with pytest.raises(UsageError, match="batch index 0"):
        Subject(Explodes, gradients[0], 0.1, Hyper()).step(gradients[1])


@pytest.mark.parametrize("hyper", [Hyper(), Hyper((0.5, 0.5), 1e-3), Hyper((0.0, 0.999), 1.0)])
def test_the_defined_update_encloses_the_arbitrary_precision_twin(gradients, hyper):
    defined = define_update(gradients, hyper).u
    for row in range(6):
        history = [[float(x).hex() for x in g[row]] for g in gradients]
        exact = twin.adam_update(
            [[_fraction(x) for x in g] for g in history],
            tuple(map(_fraction, hyper.betas)),
            _fraction(hyper.eps),
        )
        for i, u in enumerate(exact):
            distance = abs(float(u.mid()) - defined.mid[row, i].item())
            assert distance <= defined.rad[row, i].item()


def test_a_radius_that_is_too_small_would_be_noticed(gradients):
    defined = define_update(gradients, Hyper()).u
    history = [[_fraction(float(x)) for x in g[0]] for g in gradients]
    exact = twin.adam_update(history, tuple(map(_fraction, Hyper().betas)), _fraction(Hyper().eps))
    distances = [abs(float(u.mid()) - defined.mid[0, i].item()) for i, u in enumerate(exact)]
    assert any(distance > 1e-3 * defined.rad[0, i].item() for i, distance in enumerate(distances))


def _fraction(x):
    from fractions import Fraction

    return Fraction(float.fromhex(x) if isinstance(x, str) else x)
