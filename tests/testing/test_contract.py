"""torch's optimizers and ours keep every promise of the contract; of published ones it is known what they break."""

import grams
import lion_pytorch
import pytest
import pytorch_optimizer
import torch
from lion_pytorch import cautious_lion

from grams_theory import optim
from grams_theory.testing import contract
from grams_theory.testing.contract import CHECKS, broken_promises

SOUND = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, *map(optim.by_name, optim.names()))


class Foreach(optim.Grams):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, maximize=False):
        super().__init__(params, lr, betas, eps, weight_decay, maximize=maximize, foreach=True)


class Rescaled(optim.CautiousAdam):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, maximize=False):
        super().__init__(params, lr, betas, eps, weight_decay, maximize=maximize, mask_rescale=True)


@pytest.mark.parametrize("cls", [*SOUND, Foreach, Rescaled], ids=lambda c: f"{c.__module__}.{c.__name__}")
def test_every_promise_is_kept(cls):
    assert broken_promises(cls) == {}


@pytest.mark.gpu
@pytest.mark.parametrize("cls", [*SOUND, Foreach, Rescaled], ids=lambda c: f"{c.__module__}.{c.__name__}")
def test_every_promise_is_kept_on_a_gpu(cls):
    assert broken_promises(cls, "cuda") == {}


PUBLISHED = {
    grams.Grams: {
        "check_gradient_untouched": "must not change p.grad",
        "check_gradient_layout": "more than one element of the written-to tensor",
        "check_closure": "does not require grad",
    },
    pytorch_optimizer.Grams: {
        "check_gradient_untouched": "'maximize': True",
        "check_missing_gradient_among_others": "the second of three has gradients at times",
        "check_late_gradient": "first gradient at step 3",
        "check_copies": "has no attribute",
    },
    pytorch_optimizer.Lion: {
        "check_gradient_untouched": "'maximize': True",
        "check_nan_shows": "must show a NaN gradient",
        "check_copies": "has no attribute",
    },
    lion_pytorch.Lion: {
        "check_nan_shows": "must show a NaN gradient",
        "check_copies": "has no attribute",
    },
    cautious_lion.Lion: {
        "check_nan_shows": "must show a NaN gradient",
        "check_copies": "has no attribute",
    },
}
"""Class of another package -> check that it fails -> a piece of what the check says."""


@pytest.mark.parametrize("cls", PUBLISHED, ids=lambda c: f"{c.__module__}.{c.__name__}")
def test_what_published_optimizers_break_is_known(cls):
    found = broken_promises(cls)
    assert found.keys() == PUBLISHED[cls].keys()
    for check, piece in PUBLISHED[cls].items():
        assert piece in found[check]


def test_no_check_is_left_out():
    assert {name for name in vars(contract) if name.startswith("check_")} == {c.__name__ for c in CHECKS}


class Still(torch.optim.SGD):
    """Never moves, and so makes no difference between any two runs."""

    def step(self, closure=None):
        return None if closure is None else closure()


def test_a_failure_names_the_class_and_what_was_expected():
    found = broken_promises(Still)
    assert found.keys() == {"check_parameters_apart", "check_nan_shows", "check_small_gradients_move"}
    assert found["check_parameters_apart"] == "Still must move a parameter of shape (4, 3), but it stayed"
    assert found["check_nan_shows"].startswith("Still must show a NaN gradient, but the weight is ")
