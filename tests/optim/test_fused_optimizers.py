"""With fused=True every optimizer goes where its loop goes, within the rounding of both."""

import copy

import pytest
import torch

from tests.optim.fused_bound import expected

SHAPES = ((), (0, 3), (7,), (33, 3))
STATES = (
    (torch.float64, {}),
    (torch.float32, {}),
    (torch.bfloat16, {"state_dtype": torch.float32}),
    (torch.float16, {"state_dtype": torch.bfloat16}),
)
OPTIONS = {
    "plain": {},
    "options": {"weight_decay": 0.3, "maximize": True, "betas": (0.4, 0.6)},
    "tensor lr": {"lr": torch.tensor(0.01)},
    "amsgrad": {"amsgrad": True},
}


@pytest.mark.parametrize(("dtype", "state"), STATES, ids=lambda x: str(x))
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_fused_goes_where_the_loop_goes(make, options, dtype, state, history, advance):
    """Six steps of the loop bring both to the same state. The seventh is within the bounds of both."""
    params = [torch.nn.Parameter(torch.ones(shape, dtype=dtype)) for shape in SHAPES]
    loop = make(params, foreach=False, **state)
    loop.param_groups[0].update({name: value for name, value in options.items() if name in loop.defaults})
    steps = list(
        zip(*(history(7, *shape, dtype=dtype, seed=i) for i, shape in enumerate(SHAPES)), strict=True)
    )
    advance(loop, params, steps[:6])
    fused, before = copy.deepcopy(loop), copy.deepcopy(loop)
    for group in fused.param_groups:
        group["fused"] = True
    for optimizer in (loop, fused):
        advance(optimizer, optimizer.param_groups[0]["params"], steps[6:])
    (group,), lr = before.param_groups, float(before.param_groups[0]["lr"])
    update, names = before._update(group), before._moments(group)
    rows = zip(*(x.param_groups[0]["params"] for x in (before, loop, fused)), steps[6], strict=True)
    for old, by_loop, by_kernel, g in rows:
        arguments = (update, old.detach(), g, [before.state[old][name] for name in names])
        bounds = [expected(*arguments, t=7, lr=lr, as_loop=as_loop) for as_loop in (True, False)]
        results = [
            [p.detach(), *(x.state[p][name] for name in names)]
            for x, p in ((loop, by_loop), (fused, by_kernel))
        ]
        for one, other, near, near_too in zip(*results, *bounds, strict=True):
            assert (
                (one.double() - other.double()).abs()
                <= near.rad + near_too.rad + (near.mid - near_too.mid).abs()
            ).all()
        assert fused.state[by_kernel]["step"] == loop.state[by_loop]["step"] == 7
