"""The production optimizer as the engine feeds and observes it."""

from typing import Any

import pytest
import torch

from grams_theory import claims, optim
from grams_theory.core.errors import UsageError
from grams_theory.engine import fuzz
from grams_theory.engine.campaign import Campaign
from grams_theory.engine.cases import one_step
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.production import (
    LAYOUTS,
    Hyper,
    Rig,
    Subject,
    arguments,
    holding,
    is_coordinatewise,
    load,
    told,
)
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
        ("torch.optim.Adam", "write torch.optim:Adam"),
        ("Mine", "module:Class of yours"),
        ("./steps/mine.py:Mine", "is a file; write its module, mine:Mine, in .*/steps or"),
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
        (Rig(device="meta"), "use --device cpu"),
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


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("explodes", "raise ValueError('boom')", "it raises ValueError: boom"),
        ("garbled", "class Mine(:", "it raises SyntaxError"),
        ("leaves", "import sys; sys.exit(3)", "it raises SystemExit: 3"),
        ("wants_more", "import no_such_module", "No module named 'no_such_module'"),
    ],
)
def test_a_module_that_cannot_be_imported_is_bad_usage(name, text, message, tmp_path, monkeypatch):
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        load(f"{name}:Mine")


def test_a_batch_in_one_parameter_equals_one_parameter_per_case(gradients):
    w = torch.zeros(6, 4, dtype=torch.float64)
    ends = []
    for held in ("together", "apart", "alone"):
        subject = Subject(optim.Grams, w, 0.1, Hyper(), held=held)
        for gradient in gradients:
            subject.step(gradient)
        ends.append(subject.w)
    assert torch.equal(ends[0], ends[1])
    assert torch.equal(ends[0], ends[2])


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
    subject = Subject(torch.optim.Muon, w, 0.1, Hyper(), held="apart")
    subject.step(w)
    assert subject.w.shape == (3, 4)
    assert not torch.equal(subject.w, w)


class Passing(torch.optim.AdamW):
    """Takes most keywords as `**others`."""

    def __init__(self, params, lr=1e-3, **others):
        super().__init__(params, lr, **others)


class Fixed(broken.Plain):
    """Its hyperparameters cannot be told, and its groups do not show them."""

    def __init__(self, params, lr=1e-3):
        super().__init__(params, lr)
        self.defaults = {"lr": lr}
        for group in self.param_groups:
            del group["betas"], group["eps"]

    def betas(self, group):
        return 0.9, 0.999

    def quotient(self, m, v, eps, state, group):
        return super().quotient(m, v, 1e-8, state, group)

    def update(self, w, g, state, group):
        super().update(w, g, state, {"eps": 1e-8, **group})


class Spelled(broken.Plain):
    """Takes its betas one by one."""

    def __init__(self, params, lr=1e-3, beta1=0.8, beta2=0.95, eps=1e-8):
        super().__init__(params, lr, (beta1, beta2), eps)


class FixedAscends(Fixed):
    direction = broken.loop.Ascends.direction


ASKED = Hyper((0.5, 0.5), 1.0)


@pytest.mark.parametrize(
    ("cls", "hyper"),
    [
        (broken.Plain, ASKED),
        (Passing, ASKED),
        (Fixed, Hyper()),
        (Spelled, Hyper((0.8, 0.95), 1.0)),
        (torch.optim.SGD, Hyper((0.5, 0.5), 1e-8)),
        (torch.optim.Adagrad, Hyper((0.9, 0.999), 1.0)),
    ],
)
def test_an_optimizer_has_the_hyperparameters_that_it_is_told_or_else_its_own(cls, hyper):
    assert told(cls, ASKED) == hyper


def test_keywords_reach_the_class_that_takes_them():
    assert arguments(Passing, ASKED, "foreach") == {
        "betas": (0.5, 0.5),
        "eps": 1.0,
        "weight_decay": 0.0,
        "foreach": True,
    }


@pytest.mark.parametrize("cls", [Fixed, Spelled])
def test_a_right_optimizer_is_not_refuted_for_hyperparameters_that_it_cannot_be_told(cls):
    result = fuzz("definitions", cls, role="Grams", budget=3000)
    assert result.verdict == "survived"


def test_a_wrong_one_is_refuted_at_its_own():
    run = fuzz("definitions", FixedAscends, role="Grams", budget=1000).witness.data["run"]
    assert [eval(beta) for beta in run["betas"]] == [0.9, 0.999]
    assert eval(run["eps"]) == 1e-8


class SingleOnly(broken.Plain):
    def update(self, w, g, state, group):
        if w.dtype is not torch.float32:
            raise TypeError("expected float32")
        super().update(w, g, state, group)


def test_an_optimizer_of_one_dtype_is_tested_in_it():
    assert fuzz("definitions", SingleOnly, role="Grams", budget=500, dtype="float32").verdict == "survived"
    with pytest.raises(UsageError, match="choose another dtype"):
        fuzz("definitions", SingleOnly, role="Grams", budget=500)


class NoStepSize(torch.optim.Optimizer):
    def __init__(self, params, rate=1e-3):
        super().__init__(params, {"rate": rate})


class Breaks(broken.Plain):
    def update(self, w, g, state, group):
        raise KeyError("exp_avg")


class Refuses(broken.Plain):
    def __init__(self, params, lr=1e-3):
        raise RuntimeError("no GPU")


class WantsAClosure(torch.optim.LBFGS):
    pass


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (NoStepSize, "NoStepSize has no lr among its defaults"),
        (Breaks, r"a step of Breaks fails: KeyError: 'exp_avg' \(.*test_production.py, line \d+\)"),
        (Refuses, "Refuses refused .*RuntimeError: no GPU"),
        (WantsAClosure, "a step of WantsAClosure fails.* called without a closure"),
    ],
)
def test_an_optimizer_that_cannot_be_stepped_is_bad_usage(cls, message):
    with pytest.raises(UsageError, match=message):
        fuzz("definitions", cls, role="Grams", budget=500)


class ClipsAll(broken.Plain):
    """Scales gradients down whose norm over all parameters is above `most`."""

    most = 1e4

    @torch.no_grad()
    def step(self, closure=None):
        held = [p for group in self.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(held, self.most, foreach=False)
        return super().step(closure)


class ClipsTheUpdate(broken.Plain):
    """Scales updates of a tensor down whose norm is above 20."""

    def direction(self, u, g, m):
        return super().direction(u, g, m) / max(1.0, u.norm().item() / 20)


@pytest.mark.parametrize(
    ("cls", "held"),
    [
        (optim.Grams, "together"),
        (broken.loop.MaskRescaled, "apart"),
        (ClipsTheUpdate, "apart"),
        (ClipsAll, "alone"),
    ],
)
def test_cases_are_held_so_that_each_is_stepped_as_alone(cls, held):
    assert holding(cls) == held


def test_what_couples_only_many_coordinates_says_nothing_of_a_case_with_few():
    assert fuzz("definitions", ClipsTheUpdate, role="Grams", budget=400).verdict == "survived"


class ClipsRarely(ClipsAll):
    """Above any norm that `holding` looks at."""

    most = 1e9


def test_a_violation_that_a_case_shows_only_beside_others_is_none():
    structure = Structure("dense_quadratic", 2, 1, 64, knobs={**one_step.PLAIN, "near": 1e9 / 8})
    campaign = Campaign(claims.by_id("definitions"), Rig(cast={"Grams": ClipsRarely}))
    assert holding(ClipsRarely) == "together"
    with pytest.raises(UsageError, match=r"ClipsRarely violates 'Grams' .* it couples parameters"):
        campaign.evaluate(structure)


def test_a_violation_in_every_case_stands_beside_others():
    structure = Structure("dense_quadratic", 2, 1, 64, knobs=one_step.PLAIN)
    campaign = Campaign(claims.by_id("definitions"), Rig(cast={"Grams": broken.loop.Ascends}))
    assert campaign.evaluate(structure).worst() is not None
