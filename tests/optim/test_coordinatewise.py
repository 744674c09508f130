"""An optimizer says whether its coordinates are independent, and says the truth."""

import torch


def test_the_declaration_is_true(make, history, advance):
    """A (B, D) parameter is B separate runs, to the last bit, if and only if the optimizer is coordinatewise."""
    batch, dim = 6, 5
    gradients = history(20, batch, dim)
    together = torch.nn.Parameter(torch.ones(batch, dim))
    optimizer = make([together], lr=0.1)
    advance(optimizer, [together], [[g] for g in gradients])
    apart = [torch.nn.Parameter(torch.ones(dim)) for _ in range(batch)]
    for row, w in enumerate(apart):
        advance(make([w], lr=0.1), [w], [[g] for g in gradients[:, row]])
    assert torch.equal(together, torch.cat([w[None] for w in apart])) == optimizer.coordinatewise


def test_one_group_that_rescales_couples_the_optimizer():
    from grams_theory.optim import CautiousAdam

    groups = [{"params": [torch.ones(1)]}, {"params": [torch.ones(1)], "mask_rescale": True}]
    assert not CautiousAdam(groups).coordinatewise
    assert CautiousAdam(groups[:1]).coordinatewise
