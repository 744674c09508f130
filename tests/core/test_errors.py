"""What an unknown name is answered with."""

import pytest

from grams_theory.core.errors import UnknownNameError
from grams_theory.landscape.losses import names

LOSSES = names(None)


@pytest.mark.parametrize(
    ("name", "known", "near"),
    [
        ("diabetis", LOSSES, "diabetes"),
        ("mnist_mlp", LOSSES, "mnist_mlp_softmax"),
        ("logcosh", ("log_cosh", "rosenbrock"), "log_cosh"),
        ("lemma-42", ("lemma-4.2", "theorem-4.15"), "lemma-4.2"),
        ("Gramss", ("Adam", "Grams", "Lion"), "Grams"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(name, known, near):
    error = UnknownNameError("thing", name, known)
    assert near in error.near
    assert f"no thing named {name!r}; did you mean {error.near[0]}" in str(error)


@pytest.mark.parametrize("name", ["nothere", "resnet", "x"])
def test_a_name_like_no_other_is_answered_with_all(name):
    error = UnknownNameError("loss", name, LOSSES)
    assert error.near == []
    assert str(error) == f"no loss named {name!r}; known: {', '.join(sorted(LOSSES))}"
