"""torch's optimizers and ours keep every promise; what is wrong with torch's and with published ones is known."""

import subprocess
import sys

import grams
import lion_pytorch
import pytest
import pytorch_optimizer
import torch
from click.testing import CliRunner
from lion_pytorch import cautious_lion

from grams_theory import optim
from grams_theory.core.errors import UsageError
from grams_theory.testing import conformance
from grams_theory.testing.conformance import Description, Report, cases, describe, run
from grams_theory.testing.conformance.__main__ import main
from grams_theory.testing.conformance.deviations import FUSED_ON_CPU
from tests.quality.broken.loop import Plain
from tests.quality.broken.promises import ClosureWithoutGradients

pytest_plugins = ["pytester"]

OURS = {
    **{name: {} for name in optim.names()},
    "CautiousAdam rescaled": {"mask_rescale": True},
    "CautiousLion rescaled": {"mask_rescale": True},
}
SLOW = [check for check in conformance.checks() if check.slow]


def ours(variant: str) -> Description:
    """The description of one of our optimizers, with its variant in each set of keywords."""
    cls, fixed = optim.by_name(variant.split()[0]), OURS[variant]
    found = describe(cls)
    return describe(found, keywords=tuple({**keywords, **fixed} for keywords in found.keywords))


@pytest.mark.parametrize("variant", OURS)
def test_ours_keep_every_promise_by_every_implementation(variant):
    described = ours(variant)
    assert set(described.implementations) == {"loop", "foreach", "fused", "capturable", "differentiable"}
    report = run(described)
    assert (report.failures, report.deviations) == ({}, {})


@pytest.mark.parametrize("case", cases(torch.optim.AdamW))
def test_adamw(case):
    case()


@pytest.mark.parametrize("name", ["Adam", "SGD", "RMSprop"])
def test_torch_s_own_keep_every_promise_but_for_known_deviations(name):
    assert run(f"torch.optim:{name}").failures == {}


def test_the_deviations_of_torch_s_adamw_are_those_of_its_fused_kernel():
    report = run(torch.optim.AdamW, checks=FUSED_ON_CPU)
    on_cpu = {(check, "fused"): evidence for check, evidence in FUSED_ON_CPU.items()}
    assert report.deviations == on_cpu
    assert "!" in str(report)
    assert all(evidence in str(report) for evidence in FUSED_ON_CPU.values())


def test_in_single_precision_they_are_kept_too():
    assert run(optim.Grams, dtype=torch.float32).failures == {}


@pytest.mark.gpu
@pytest.mark.parametrize("cls", [torch.optim.Adam, torch.optim.AdamW, *map(optim.by_name, optim.names())])
def test_every_promise_is_kept_on_a_gpu(cls):
    assert run(cls, device="cuda").failures == {}


@pytest.mark.slow
@pytest.mark.parametrize("cls", [torch.optim.Adam, torch.optim.AdamW, *map(optim.by_name, optim.names())])
def test_the_slow_promises_are_kept(cls):
    assert run(cls, checks=SLOW).failures == {}


TENSOR_OF_TWO = "but raised RuntimeError('Boolean value of Tensor"
PUBLISHED = {
    grams.Grams: {
        ("out_of_range_refused", "loop"): "weight_decay=-0.1",
        ("nan_refused", "loop"): "lr=nan",
        ("errors_of_torch", "loop"): TENSOR_OF_TWO,
        ("gradient_untouched", "loop"): "must not change p.grad",
        ("gradient_layout", "loop"): "more than one element of the written-to tensor",
        ("tensor_lr", "loop"): "must be Number, not Tensor",
        ("closure", "loop"): "does not require grad",
        ("closure_without_grad", "loop"): "does not require grad",
    },
    pytorch_optimizer.Grams: {
        ("nan_refused", "loop"): "lr=nan",
        ("unknown_keyword_refused", "loop"): "leraning_rate",
        ("errors_of_torch", "loop"): TENSOR_OF_TWO,
        ("gradient_untouched", "loop"): "'maximize': True",
        ("gradient_untouched", "foreach"): "'maximize': True",
        ("missing_gradient_among_others", "loop"): "the second of three has gradients at times",
        ("missing_gradient_among_others", "foreach"): "the second of three has gradients at times",
        ("late_gradient", "loop"): "first gradient at step 3",
        ("late_gradient", "foreach"): "first gradient at step 3",
        ("tensor_lr", "loop"): "must be Number, not Tensor",
        ("tensor_lr", "foreach"): "scalar tensor expected to be 0 dim",
        ("copies", "loop"): "has no attribute",
        ("copies", "foreach"): "has no attribute",
    },
    pytorch_optimizer.Lion: {
        ("nan_refused", "loop"): "lr=nan",
        ("unknown_keyword_refused", "loop"): "leraning_rate",
        ("errors_of_torch", "loop"): TENSOR_OF_TWO,
        ("gradient_untouched", "loop"): "'maximize': True",
        ("gradient_untouched", "foreach"): "'maximize': True",
        ("nan_shows", "loop"): "must show a NaN gradient",
        ("nan_shows", "foreach"): "must show a NaN gradient",
        ("tensor_lr", "foreach"): "scalar tensor expected to be 0 dim",
        ("copies", "loop"): "has no attribute",
        ("copies", "foreach"): "has no attribute",
    },
    lion_pytorch.Lion: {
        ("out_of_range_refused", "loop"): "not by assert",
        ("nan_refused", "loop"): "not by assert",
        ("errors_of_torch", "loop"): TENSOR_OF_TWO,
        ("nan_shows", "loop"): "must show a NaN gradient",
        ("complex", "loop"): "a complex parameter as pairs of reals",
        ("lr_followed", "loop"): "'decoupled_weight_decay': True",
        ("tensor_lr", "loop"): "must be Number, not Tensor",
        ("copies", "loop"): "has no attribute",
    },
    cautious_lion.Lion: {
        ("out_of_range_refused", "loop"): "not by assert",
        ("nan_refused", "loop"): "not by assert",
        ("errors_of_torch", "loop"): TENSOR_OF_TWO,
        ("nan_shows", "loop"): "must show a NaN gradient",
        ("lr_followed", "loop"): "'decoupled_weight_decay': True",
        ("tensor_lr", "loop"): "must be Number, not Tensor",
        ("copies", "loop"): "has no attribute",
    },
}
"""Class of another package -> (check, implementation) that it fails -> a piece of what the check says."""


@pytest.mark.parametrize("cls", PUBLISHED, ids=lambda c: f"{c.__module__}.{c.__name__}")
def test_published_optimizers_fail_where_they_are_wrong_and_nowhere_else(cls):
    found = run(cls).failures
    assert found.keys() == PUBLISHED[cls].keys()
    for place, piece in PUBLISHED[cls].items():
        assert piece in found[place]


class Still(torch.optim.SGD):
    """Never moves, and so makes no difference between most runs."""

    def step(self, closure=None):
        return None if closure is None else closure()


def test_a_failure_names_the_class_and_what_was_expected():
    found = run(Still, checks=["parameters_apart", "nan_shows"], implementations=["loop"])
    assert (
        found.failures[("parameters_apart", "loop")]
        == "Still must move a parameter of shape (4, 3), but it stayed"
    )
    assert found.failures[("nan_shows", "loop")].startswith(
        "Still must show a NaN gradient, but the weight is "
    )
    assert not found.passed


@pytest.mark.since_torch("2.9")  # Muon
def test_whatever_does_not_pass_says_why():
    for outcome in run(torch.optim.Muon).outcomes:
        assert (outcome.verdict == "passed") == (outcome.message == "")


@pytest.mark.parametrize("check", conformance.checks(), ids=lambda check: check.name)
def test_every_check_says_in_a_sentence_what_is_promised(check):
    assert check.promise.endswith(".")
    assert "Raises" not in check.promise


def test_a_check_that_is_about_the_class_is_tried_once():
    found = run(torch.optim.AdamW, checks=["nan_refused", "closure"])
    tried = [(outcome.check, outcome.implementation) for outcome in found.outcomes]
    assert tried == [
        ("nan_refused", "loop"),
        *(("closure", name) for name in ("loop", "foreach", "fused", "differentiable")),
    ]


# what is described


def test_an_implementation_that_refuses_the_device_is_reported_and_not_tried():
    described = describe(torch.optim.AdamW)
    assert "capturable" not in described.implementations
    assert "must be on supported devices" in described.refused["capturable"]
    assert described.refused["capturable"] in str(Report(described, torch.device("cpu"), torch.float64, ()))
    forced = run(torch.optim.AdamW, implementations=["capturable"], checks=["gradient_not_kept"])
    assert "must be on supported devices" in forced.failures[("gradient_not_kept", "capturable")]


def test_switches_are_tried_in_every_combination():
    chosen = describe(torch.optim.AdamW).keywords
    assert len(chosen) == 8
    assert {"amsgrad": True, "maximize": True, "weight_decay": 0.1} in chosen
    assert all("use_triton" not in keywords for keywords in describe(lion_pytorch.Lion).keywords)
    assert "use_triton=True" in describe(lion_pytorch.Lion).refused


class NormOverAll(Plain):
    """Divides every update by the norm of all gradients: its parameters are coupled on purpose."""

    def step_group(self, group):
        norm = sum((p.grad**2).sum() for p in group["params"] if p.grad is not None) ** 0.5
        for p in group["params"]:
            p.grad = None if p.grad is None else p.grad / norm
        super().step_group(group)


def test_what_couples_parameters_on_purpose_may_say_so():
    apart = ["many_parameters", "missing_gradient_among_others", "groups_apart"]
    assert run(NormOverAll, checks=["missing_gradient_among_others"]).failures
    found = run(describe(NormOverAll, couples_parameters=True), checks=apart)
    assert {outcome.message for outcome in found.outcomes} == {"it couples its parameters"}


def test_a_known_deviation_needs_to_be_there():
    place, evidence = ("closure", "loop"), "its closure runs under no_grad"
    faulty = run(describe(ClosureWithoutGradients, deviations={place: evidence}), checks=["closure"])
    assert (faulty.passed, faulty.deviations) == (True, {place: evidence})
    mended = run(describe(Plain, deviations={place: evidence}), checks=["closure"])
    assert mended.failures == {place: f"it passes, so it is no longer true: {evidence}; take it off the list"}


class NeedsTotal(Plain):
    """Cannot be made of its parameters and a step size."""

    def __init__(self, params, lr, rho, *, total):
        super().__init__(params, lr)


@pytest.mark.parametrize("ask", [run, cases, describe])
def test_what_cannot_be_built_is_refused_once_in_a_sentence(ask):
    with pytest.raises(
        UsageError, match=r"^NeedsTotal cannot be built .*needs rho and total too; give a subclass"
    ):
        ask(NeedsTotal)


class NeedsAWarmUp(Plain):
    """Cannot be made with one keyword alone, and can without it."""

    def __init__(self, params, lr=1e-3, weight_decay=0.0, warm=None):
        if weight_decay and warm is None:
            raise ValueError("weight decay needs a warm-up")
        super().__init__(params, lr)


def test_one_keyword_that_is_refused_stops_nothing():
    report = run(NeedsAWarmUp, checks=["closure"])
    assert report.passed
    assert report.optimizer.refused == {"weight_decay=0.1": "weight decay needs a warm-up"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "torch.optim:Adem"}, "torch.optim has Adam"),
        ({"implementations": ["ferused"]}, "did you mean 'fused'|fused"),
        (
            {"optimizer": Plain, "implementations": ["foreach"]},
            "Plain has no implementation 'foreach'; it has 'loop'",
        ),
        ({"checks": ["closures"]}, "did you mean closure"),
        ({"dtype": torch.bfloat16}, "must be one of"),
    ],
)
def test_bad_usage_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        run(**{"optimizer": torch.optim.AdamW, **options})


# PyTorch's own inputs


def test_without_pytorch_s_own_tests_the_package_that_they_need_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.testing._internal.common_optimizers", None)
    found = run(torch.optim.AdamW, checks=["errors_of_torch"])
    (outcome,) = found.outcomes
    assert outcome.verdict == "not applicable"
    assert "pip install expecttest" in outcome.message


@pytest.mark.slow
def test_pytorch_s_own_tests_leave_the_flags_of_backends_free():
    """In a process of its own, as other packages import PyTorch's tests, too."""
    code = """
import torch
from grams_theory.testing.conformance import run
assert run(torch.optim.AdamW, checks=["errors_of_torch"]).passed
torch.backends.cudnn.benchmark = True
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# as tests, and from the shell


def test_a_few_lines_give_one_test_for_each_check_and_implementation(pytester):
    pytester.makepyfile(
        """
        import pytest
        import torch
        from grams_theory.testing.conformance import cases
        from tests.quality.broken.promises import ClosureWithoutGradients

        CHECKS = ["closure", "complex", "equals_loop", "stale_graph_refused"]

        @pytest.mark.parametrize("case", cases(torch.optim.AdamW, checks=CHECKS))
        def test_adamw(case):
            case()

        @pytest.mark.parametrize("case", cases(ClosureWithoutGradients, checks=CHECKS))
        def test_faulty(case):
            case()
        """
    )
    done = pytester.runpytest_inprocess("-v", "-rsx", "-p", "no:cacheprovider", "--import-mode=importlib")
    done.assert_outcomes(passed=14, failed=1, skipped=4, xfailed=1)
    done.stdout.fnmatch_lines(
        [
            "*::test_adamw[[]AdamW-fused-stale_graph_refused[]] XFAIL*",
            "*::test_faulty[[]ClosureWithoutGradients-loop-closure[]] FAILED*",
            "*the promise: `step(closure)` runs a closure that calls backward*",
            "SKIPPED*it is the loop itself*",
            "XFAIL*stale_graph_refused* - torch's fused CPU kernels do not count up the versions*",
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (
            ["torch.optim:AdamW", "--check", "closure", "--implementation", "loop"],
            0,
            "AdamW on cpu, float64: 1 passed",
        ),
        (
            ["grams:Grams", "--check", "closure", "--dtype", "float32"],
            1,
            "✗ failed\n  closure (loop): Grams.step raised",
        ),
        (["torch.optim:Adem"], 2, "torch.optim has Adam"),
        (["torch.optim:AdamW", "--check", "closures"], 2, "did you mean closure"),
        ([f"{__name__}:NeedsTotal"], 2, "NeedsTotal cannot be built from its parameters alone"),
        ([], 2, "Missing argument"),
    ],
)
def test_from_the_shell_it_exits_as_fuzz_does(arguments, code, text):
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, text in done.output) == (code, True)
