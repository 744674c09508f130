"""A failing claim says what is wrong, how to replay it, and shows it in code that runs as it stands."""

import ast
import contextlib
import io

import pytest
import torch
from hypothesis import find

from grams_theory import replay
from grams_theory.core.errors import UsageError
from grams_theory.testing.assertions import ClaimViolated, assert_claim
from grams_theory.testing.snippet import snippet
from grams_theory.testing.strategies import cases
from tests.quality.broken.loop import Ascends, EpsilonUnderTheRoot, Plain


def violated(claim_id, cls, **options):
    with pytest.raises(ClaimViolated) as failure:
        assert_claim(claim_id, cls, "Grams", budget=2000, **options)
    return failure.value


def output(code):
    """What the code prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})
    return out.getvalue()


def printed(code):
    """What the code prints: label, and number or numbers, for each line."""
    lines = [line.partition("  ") for line in output(code).splitlines()]
    return [(label.strip(), ast.literal_eval(value.strip())) for label, _, value in lines]


def test_what_holds_gives_its_result():
    assert assert_claim("definitions", Plain, budget=500).verdict == "survived"


def test_the_message_says_what_where_and_how_to_see_it_again():
    failure = violated("definitions", EpsilonUnderTheRoot)
    text = str(failure)
    assert "claim 'definitions' is violated by tests.quality.broken.loop:EpsilonUnderTheRoot as Grams" in text
    token = text.split("grams-theory replay ")[1].split()[0]
    assert replay(token).reproduced
    assert "from tests.quality.broken.loop import EpsilonUnderTheRoot" in text


@pytest.mark.parametrize("claim_id", ["definitions", "lemma-4.2"])
def test_the_pasted_code_runs_and_shows_the_violation(claim_id):
    message = str(violated(claim_id, Ascends))
    code = message.split("or paste this:\n\n")[1]
    assert ">= 0 is False" in output("\n".join(line[4:] for line in code.splitlines()))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_code_of_a_step_shows_it_to_the_last_bit_and_what_it_should_be(dtype):
    token = violated("definitions", EpsilonUnderTheRoot, dtype=dtype).result.witness.token
    shown = dict(printed(snippet(token)))
    assert shown["moved"] == replay(token).case["moved"]["Grams"]
    assert shown["moved"] != shown["defined"]


def test_the_pasted_run_shows_the_loss_along_it():
    failure = violated("linear-rate", Ascends)
    losses = [value for label, value in printed(snippet(failure.result.witness.token)) if label == "f - f*"]
    assert losses[-1] > losses[0]


def test_an_optimizer_of_no_role_is_bad_usage():
    with pytest.raises(UsageError, match="--gt-role"):
        assert_claim("definitions", torch.optim.RMSprop)


def test_a_state_of_a_flow_is_no_code():
    state = find(cases("theorem-4.6"), lambda case: True)
    assert snippet(state.token) is None
