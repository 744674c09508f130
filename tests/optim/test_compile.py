"""torch.compile takes the whole step into one graph, once."""

import pytest
import torch

LR = 2.0**-10
OPTIONS = {
    "float lr": {"lr": LR},
    "tensor betas": {"lr": torch.tensor(LR), "betas": (torch.tensor(0.9), torch.tensor(0.99))},
    "weight decay": {"lr": LR, "weight_decay": 0.1, "maximize": True},
    "fused": {"lr": LR, "fused": True},
    "bfloat16 moments": {"lr": LR, "state_dtype": torch.bfloat16},
}


def compiled(optimizer, graphs: list):
    """Its step in one graph; each time it is traced, the graph is appended."""

    def backend(module, inputs):
        graphs.append(module)
        return module.forward

    torch._dynamo.reset()
    return torch.compile(optimizer.step, backend=backend, fullgraph=True)


def run(step, p, gradients) -> None:
    for g in gradients:
        p.grad = g.clone() if p.grad is None else p.grad.copy_(g)
        step()


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("option", OPTIONS)
def test_it_is_traced_once_and_changes_only_rounding(make_kind, option, foreach, history, advance):
    """6 steps of at most 16 roundings, on numbers below 1 + 6 lr / (1 - beta1); bfloat16 moments round either way."""
    options = OPTIONS[option]
    if foreach and "fused" in options:
        pytest.skip("they exclude each other")
    graphs: list = []
    p, q = (torch.nn.Parameter(torch.ones(8)) for _ in range(2))
    gradients = history(6, 8)
    choice = {} if "fused" in options else {"foreach": foreach}
    run(compiled(make_kind([p], **options, **choice), graphs), p, gradients)
    advance(make_kind([q], **{**options, "fused": None}, foreach=foreach), [q], [[g] for g in gradients])
    assert len(graphs) == 1
    unit = 2.0**-8 * LR * 60 if option == "bfloat16 moments" else 16 * 2.0**-24
    assert ((p - q).abs() <= 6 * unit * (1 + 60 * LR)).all()


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("tensor", [False, True])
def test_a_schedule_does_not_trace_it_again_and_again(make_kind, tensor, foreach, history):
    """Not at all for a tensor lr; once for a float, which the compiler takes for a constant until it changes."""
    graphs: list = []
    p = torch.nn.Parameter(torch.ones(8))
    optimizer = make_kind([p], lr=torch.tensor(LR) if tensor else LR, foreach=foreach)
    step, (group,) = compiled(optimizer, graphs), optimizer.param_groups
    for g in history(6, 8):
        run(step, p, [g])
        if tensor:
            group["lr"].mul_(0.9)
        else:
            group["lr"] *= 0.9
    assert len(graphs) == (1 if tensor else 2)


def test_stochastic_rounding_can_be_compiled(make_kind, history):
    torch.manual_seed(0)
    graphs: list = []
    p = torch.nn.Parameter(torch.ones(2**12, dtype=torch.bfloat16))
    step = compiled(make_kind([p], lr=2.0**-10, betas=(0.5, 0.5), stochastic_rounding=True), graphs)
    run(step, p, [torch.ones_like(p)])
    assert len(graphs) == 1
    assert set(p.tolist()) == {1.0, 1 - 2.0**-8}


@pytest.mark.slow
def test_the_compiler_s_code_is_right_too(make_kind, history, advance):
    """6 steps of at most 16 roundings, as above."""
    torch._dynamo.reset()
    p, q = (torch.nn.Parameter(torch.ones(1000)) for _ in range(2))
    gradients = history(6, 1000)
    run(torch.compile(make_kind([p], lr=LR).step, fullgraph=True), p, gradients)
    advance(make_kind([q], lr=LR), [q], [[g] for g in gradients])
    assert ((p - q).abs() <= 6 * 16 * 2.0**-24 * (1 + 60 * LR)).all()
