"""The strategies in `@given` tests of one's own: planted faults are found, shrunk, and pasted back."""

import doctest
import re

import pytest
import torch
from hypothesis import Phase, example, find, given, settings
from hypothesis import strategies as st

from grams_theory import optim, replay
from grams_theory.core.algebra import dot, norm2
from grams_theory.core.errors import UsageError
from grams_theory.core.function import FunctionBatch
from grams_theory.core.rounding import Ball
from grams_theory.engine.production import VARIANTS
from grams_theory.families import by_name, from_loss
from grams_theory.testing import strategies as gts
from tests.quality.broken.loop import EpsilonUnderTheRoot, Plain

few = settings(max_examples=15, database=None, deadline=None)


def falsified(test):
    """The message of the AssertionError that Hypothesis ends in, with the example that it prints."""
    with pytest.raises(AssertionError) as failure:
        test()
    return "\n".join([str(failure.value), *getattr(failure.value, "__notes__", [])])


def test_the_example_of_the_docstring_runs():
    found = doctest.testmod(gts, globs={})
    assert found.attempted > 3
    assert found.failed == 0


@few
@given(gts.functions({"smooth", "convex"}), gts.seeds())
def test_functions_have_the_traits_asked_for(f, seed):
    assert isinstance(f, FunctionBatch)
    x, y = (Ball.exact(gts.starting_point(f, s)) for s in (seed, seed + 1))
    below = f.value(y) - f.value(x) - dot(f.gradient(x), y - x)
    assert not below.surely_negative().any()


@few
@given(gts.functions(family="log_cosh", batch=3))
def test_one_family_alone_may_be_asked_for(f):
    assert f.shape[0] == 3
    assert type(f) is type(by_name("log_cosh")(torch.Generator(), 1, 2))


@few
@given(st.data())
def test_a_family_of_one_s_own_may_be_asked_for(data):
    x = torch.tensor([[1.0], [2.0]])
    family = from_loss(torch.nn.Linear(1, 1), torch.nn.MSELoss(), (x, x), name="points", smoothness=20.0)
    assert data.draw(gts.functions(family=family)).shape[1] == 2


@few
@given(st.data())
def test_starting_points_have_the_batch_s_shape(data):
    f = data.draw(gts.functions(batch=4))
    w = data.draw(gts.starting_points(f))
    assert w.shape == f.shape
    assert w.isfinite().all()


@few
@given(gts.gradient_histories((2, 3), steps=5))
def test_gradient_histories_have_time_first(g):
    assert g.shape[1:] == (2, 3)
    assert 1 <= len(g) <= 5
    assert g.isfinite().all()


def test_gradient_histories_reach_zeros_and_many_sizes():
    assert find(gts.gradient_histories((4,)), lambda g: bool((g == 0).any())) is not None
    assert (
        find(gts.gradient_histories((64,)), lambda g: (g.abs().max() / g.abs().min()).item() > 1e9)
        is not None
    )


@settings(max_examples=100, database=None)
@given(gts.optimizers(), gts.hyperparameters())
def test_optimizers_are_ours_or_torch_s(cls, hyper):
    assert cls in {*map(optim.by_name, optim.names()), *VARIANTS.values()}
    assert 0 <= hyper.betas[0] < 1


def test_optimizers_may_be_named():
    assert find(gts.optimizers("torch.optim:Adam", Plain), lambda cls: True) is torch.optim.Adam


@few
@given(gts.cases("definitions", Plain, "Grams", batch=16))
def test_a_case_of_a_sound_optimizer_holds(case):
    assert case.holds
    case.assert_holds()


def test_a_planted_fault_is_found_and_shrunk_to_a_case_that_can_be_pasted():
    @settings(max_examples=50, database=None, phases=(Phase.generate, Phase.shrink))
    @given(gts.cases("definitions", EpsilonUnderTheRoot, "Grams", batch=16))
    def holds(case):
        case.assert_holds()

    text = falsified(holds)
    (token,) = set(re.findall(r"case\('(gt1\.[^']+)'\)", text))
    assert f"grams-theory replay {token}" in text
    assert "import EpsilonUnderTheRoot as TestedGrams" in text
    assert "optimizer = TestedGrams([w], lr=" in text
    assert replay(token).reproduced
    case = gts.case(token)
    assert not case.holds
    assert (case.violation or ("", 0))[0] == "Grams"
    assert case.structure.knobs["fraction"] == 1.0, "the simplest of the fractions"

    @settings(max_examples=1, database=None, phases=(Phase.explicit,))
    @example(gts.case(token))
    @given(gts.cases("definitions", EpsilonUnderTheRoot, "Grams"))
    def again(case):
        case.assert_holds()

    assert token in falsified(again)


def test_a_planted_wrong_bound_is_shrunk_to_a_simple_function_printed_as_code():
    """f(w) − f* <= ‖∇f(w)‖²/(2 · 1.5 μ) is wrong for every quadratic bowl of one curvature."""

    @settings(max_examples=50, database=None, phases=(Phase.generate, Phase.shrink))
    @given(gts.functions({"pl"}, batch=4), gts.seeds())
    def holds(f, seed):
        w = Ball.exact(gts.starting_point(f, seed))
        slack = norm2(f.gradient(w)) - (f.value(w) - f.minimum) * (3 * f.pl)
        assert not slack.surely_negative().any()

    text = falsified(holds)
    assert "sample(" in text
    assert "seed=0" in text


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: gts.functions({"smooth", "no such trait"}), "no such trait"),
        (lambda: gts.functions(family="no_such_family"), "no_such_family"),
        (lambda: gts.cases("figure-1"), "nothing to fuzz"),
        (lambda: gts.cases("lemma-4.2", Plain, "Adam"), r"no role .* named 'Adam'; known: Grams"),
        (lambda: gts.cases("theorem-4.6", Plain), "not about an optimizer"),
        (lambda: gts.case("gt1.nonsense"), "token"),
        (lambda: gts.optimizers("builtins:dict"), "dict"),
    ],
)
def test_what_cannot_be_drawn_is_bad_usage(ask, message):
    with pytest.raises(UsageError, match=message):
        ask()
