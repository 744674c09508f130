"""The production optimizer as the engine feeds and observes it."""

from typing import Any

import pytest
import torch

from grams_theory import optim
from grams_theory.core.errors import UsageError
from grams_theory.engine import fuzz
from grams_theory.engine.production import LAYOUTS, Hyper, Rig, Subject, is_coordinatewise, load
from grams_theory.engine.updates import define_adam
from tests.quality import broken


@pytest.fixture
def gradients():
    return list(torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64))


def test_ours_are_found_by_name_and_others_by_module_and_class():
    assert load("Grams") is optim.Grams
    assert load("torch.optim:Adam") is torch.optim.Adam
    assert load("SGD") is torch.optim.SGD
    assert load(broken.Plain) is broken.Plain


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("Gramz", "did you mean Grams"),
        ("no_such_module:Grams", "cannot import 'no_such_module'"),
        ("torch.optim:Adan", "does not exist; torch.optim has Adam"),
        ("torch:Tensor", "is no torch.optim.Optimizer"),
        (int, "is no torch.optim.Optimizer"),
        (3, "3 is no torch.optim.Optimizer"),
        (f"{__name__}:factory", "'factory' in '.*' is a function, no class"),
    ],
)
def test_what_is_no_optimizer_is_refused_with_a_hint(spec, message):
    with pytest.raises(UsageError, match=message):
        load(spec)


def factory(params, lr=1e-3):
    return torch.optim.Adam(params, lr)


@pytest.mark.parametrize("spec", [factory, f"{__name__}:factory"], ids=["function", "module:function"])
def test_the_subclass_that_a_factory_is_told_to_be_steps_as_it_does(spec):
    with pytest.raises(UsageError, match="give a subclass") as told:
        load(spec)
    written: dict[str, Any] = {"Base": torch.optim.Adam}
    exec(str(told.value).partition(", such as: ")[2], written)
    ends, mine = [], written["Mine"]
    assert load(mine) is mine
    for make in (mine, factory):
        w = torch.nn.Parameter(torch.ones(3))
        w.grad = torch.tensor([1.0, -2.0, 3.0])
        make([w], lr=0.1).step()
        ends.append(w.detach())
    assert torch.equal(*ends)
    assert not torch.equal(ends[0], torch.ones(3))


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
    assert not is_coordinatewise(broken.loop.MaskRescaled)
    assert not is_coordinatewise(load("lion_pytorch.cautious_lion:Lion"))


def test_an_optimizer_of_the_working_directory_is_found(tmp_path, monkeypatch):
    (tmp_path / "my_steps.py").write_text("import torch\nclass Mine(torch.optim.SGD): pass\n")
    monkeypatch.chdir(tmp_path)
    assert load("my_steps:Mine").__name__ == "Mine"


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
    u = define_adam(gradients, Hyper()).u.mid
    assert torch.allclose(moved, -0.1 * u, rtol=0, atol=1e-14)


def test_a_step_to_nan_names_the_batch_index():
    class Explodes(broken.Plain):
        def rate(self, group, w):
            return float("nan")

    with pytest.raises(UsageError, match="Explodes made weights NaN or infinite at batch index 0"):
        fuzz("lemma-4.2", optimizer=Explodes, budget=1000)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("implementation", [None, "loop", "foreach"])
def test_every_layout_and_implementation_steps_alike(gradients, layout, implementation):
    w, lr = torch.zeros(6, 4, dtype=torch.float64), torch.tensor([0.1, 0.1, 0.1, 0.1, 0.2, 0.1]).double()
    whole, other = (
        Subject(optim.Grams, w, lr, Hyper(), implementation=i, layout=x)
        for i, x in [("loop", "whole"), (implementation, layout)]
    )
    for gradient in gradients:
        whole.step(gradient)
        other.step(gradient)
    assert torch.allclose(other.w, whole.w, rtol=1e-14, atol=0)
    assert bool((other.w != 0).any())


def test_a_fault_that_only_strided_parameters_show_is_seen(gradients):
    class IgnoresStrides(broken.Plain):
        def direction(self, u, g, m):
            dense = u.as_strided(u.shape, (u.shape[1], 1)) if u.dim() == 2 else u
            return g.sign() * dense.abs()

    w = torch.zeros(6, 4, dtype=torch.float64)
    ends = {layout: Subject(IgnoresStrides, w, 0.1, Hyper(), layout=layout) for layout in LAYOUTS}
    for subject in ends.values():
        subject.step(gradients[0])
        subject.step(gradients[1])
    assert torch.equal(ends["whole"].w, ends["pieces"].w)
    assert not torch.equal(ends["whole"].w, ends["strided"].w)


class Scheduled(torch.optim.SGD):
    def __init__(self, params, lr, total_steps, *, warmup):
        super().__init__(params, lr * warmup / total_steps)


def test_a_constructor_that_needs_more_says_what():
    with pytest.raises(UsageError, match=r"Scheduled .* needs total_steps and warmup too; give a subclass"):
        fuzz("lemma-4.2", Scheduled, budget=1000)
    with pytest.raises(UsageError, match=r"refused .* Invalid learning rate"):
        Subject(torch.optim.SGD, torch.ones(1, 1), -1.0, Hyper())


def test_an_implementation_that_a_class_lacks_is_refused():
    with pytest.raises(UsageError, match="Grams has no implementation 'fused'"):
        fuzz("lemma-4.2", "grams:Grams", budget=1000, implementation="fused")
    with pytest.raises(UsageError, match="did you mean fused"):
        fuzz("lemma-4.2", budget=1000, implementation="fussed")


@pytest.mark.since_torch("2.9")  # Muon
def test_an_optimizer_of_matrices_gets_one_row_matrices():
    w = torch.ones(3, 4, dtype=torch.float64)
    subject = Subject(torch.optim.Muon, w, 0.1, Hyper(), batched=False)
    subject.step(w)
    assert subject.w.shape == (3, 4)
    assert not torch.equal(subject.w, w)
