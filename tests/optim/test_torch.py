"""Adam and AdamW are torch.optim's to the last bit."""

import copy
import inspect

import pytest
import torch

from grams_theory import optim

OPTIONS = {
    "defaults": {},
    "weight decay": {"weight_decay": 0.3},
    "maximize": {"maximize": True, "weight_decay": 0.3},
    "other betas": {"lr": 0.1, "betas": (0.3, 0.5), "eps": 1e-2},
    "no betas": {"betas": (0.0, 0.0)},
    "amsgrad": {"amsgrad": True, "betas": (0.9, 0.5), "weight_decay": 0.3},
}
PAIRS = [(optim.Adam, torch.optim.Adam), (optim.AdamW, torch.optim.AdamW)]
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.complex64]


def weights(dtype) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(1)
    return [torch.nn.Parameter(torch.randn(n, 3, generator=generator, dtype=dtype)) for n in (1, 5, 40)]


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_it_equals_torch(ours, theirs, dtype, option, foreach, history, advance):
    keywords = OPTIONS[option]
    gradients = list(zip(*(history(20, n, 3, dtype=dtype) for n in (1, 5, 40)), strict=True))
    p, q = weights(dtype), weights(dtype)
    real_views = foreach or dtype.is_complex  # torch's loop adds the L2 penalty with complex products
    mine, reference = ours(p, foreach=foreach, **keywords), theirs(q, foreach=real_views, **keywords)
    advance(mine, p, gradients)
    advance(reference, q, gradients)
    for a, b in zip(p, q, strict=True):
        assert torch.equal(a, b)
        for key, value in reference.state[b].items():
            assert torch.equal(mine.state[a][key], value)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_a_tensor_lr_is_as_in_torch(ours, theirs, history, advance):
    p, q = (torch.nn.Parameter(torch.ones(50)) for _ in range(2))
    lr, gradients = torch.tensor(2.0**-6, dtype=torch.float64), [[g] for g in history(20, 50)]
    advance(ours([p], lr=lr), [p], gradients)
    advance(theirs([q], lr=lr), [q], gradients)
    assert torch.equal(p, q)


def test_adam_decouples_its_weight_decay_as_torch_s(history, advance):
    p, q = (torch.nn.Parameter(torch.ones(50)) for _ in range(2))
    gradients, options = [[g] for g in history(20, 50)], {"decoupled_weight_decay": True, "weight_decay": 0.3}
    advance(optim.Adam([p], **options), [p], gradients)
    advance(torch.optim.Adam([q], **options), [q], gradients)
    assert torch.equal(p, q)


@pytest.mark.parametrize("ours", [getattr(optim, name) for name in optim.names()])
def test_the_keywords_are_torch_s_in_its_order(ours):
    """And then our own. Lion has neither eps nor amsgrad."""
    own = {"lam", "mask_rescale", "state_dtype", "stochastic_rounding"}
    kept = {name: p for name, p in inspect.signature(ours).parameters.items() if name not in own}
    theirs = dict(inspect.signature(torch.optim.Adam).parameters)
    if "Lion" in ours.__name__:
        del theirs["eps"], theirs["amsgrad"]
    if ours is not optim.Adam:
        del theirs["decoupled_weight_decay"]
    assert list(kept) == list(theirs)
    assert [p.kind for p in kept.values()] == [p.kind for p in theirs.values()]


@pytest.mark.parametrize("name", ["Adam", "AdamW", "Grams", "AMS", "CautiousAdam"])
def test_it_continues_from_a_checkpoint_of_torch(name, history, advance):
    gradients = [[g] for g in history(6, 30)]
    p, q = torch.nn.Parameter(torch.ones(30)), torch.nn.Parameter(torch.ones(30))
    reference, mine = torch.optim.AdamW([p], lr=0.1, weight_decay=0), optim.by_name(name)([q], lr=0.1)
    advance(reference, [p], gradients[:3])
    q.data.copy_(p.data)
    mine.load_state_dict(copy.deepcopy(reference.state_dict()))
    advance(reference, [p], gradients[3:])
    advance(mine, [q], gradients[3:])
    assert mine.state[q]["step"] == 6
    assert torch.equal(mine.state[q]["exp_avg"], reference.state[p]["exp_avg"])
    assert torch.equal(p, q) == (name in ("Adam", "AdamW"))


def test_foreach_is_off_on_the_cpu_and_under_autograd_unless_asked_for():
    from grams_theory.optim._implementations import use_foreach

    p = [torch.nn.Parameter(torch.ones(2))]
    assert not use_foreach(p, optim.Grams(p).param_groups[0])
    assert use_foreach(p, optim.Grams(p, foreach=True).param_groups[0])
