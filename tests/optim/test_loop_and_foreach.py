"""The loop, foreach and the on-device step count give the same numbers."""

import pytest
import torch

SHAPES = ((), (1,), (0, 3), (7,), (4, 5), (33, 3))
DTYPES = (torch.float64, torch.float32, torch.complex64)
HALVES = (torch.bfloat16, torch.float16)
OPTIONS = ({}, {"weight_decay": 0.3, "maximize": True}, {"lr": torch.tensor(0.01), "betas": (0.4, 0.6)})


def run(make, history, advance, dtype=torch.float32, **keywords) -> list[torch.Tensor]:
    params = [torch.nn.Parameter(torch.ones(shape, dtype=dtype)) for shape in SHAPES]
    gradients = zip(
        *(history(12, *shape, dtype=dtype, seed=i) for i, shape in enumerate(SHAPES)), strict=True
    )
    optimizer = make(params, **keywords)
    if "eps" in optimizer.defaults:
        for group in optimizer.param_groups:
            group["eps"] = 1e-4  # 1e-8 is 0 in float16
    advance(optimizer, params, gradients)
    assert all(p.isfinite().all() for p in params)
    return [p.detach() for p in params]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_foreach_equals_the_loop_to_the_last_bit(make, options, dtype, history, advance):
    loop = run(make, history, advance, dtype, foreach=False, **options)
    foreach = run(make, history, advance, dtype, foreach=True, **options)
    assert all(map(torch.equal, loop, foreach))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_in_half_precision_foreach_equals_the_loop_where_the_format_holds_the_factors(
    make, dtype, history, advance
):
    """On the CPU torch's foreach rounds a scalar factor to the dtype and its loop does not (0.999 is 1 in bfloat16)."""
    options = {"lr": 0.125, "weight_decay": 0.25, "betas": (0.5, 0.75)}
    loop = run(make, history, advance, dtype, foreach=False, **options)
    foreach = run(make, history, advance, dtype, foreach=True, **options)
    assert all(map(torch.equal, loop, foreach))


def test_foreach_keeps_devices_and_dtypes_apart(make, advance):
    def params():
        return [
            torch.nn.Parameter(torch.ones(3, dtype=dtype)) for dtype in (torch.float32, torch.float64) * 2
        ]

    gradients = [[torch.full_like(p, 0.5 * sign) for p in params()] for sign in (1, -1, 2)]
    p, q = params(), params()
    advance(make(p, foreach=False), p, gradients)
    advance(make(q, foreach=True), q, gradients)
    assert all(map(torch.equal, p, q))


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.0, 0.0)])
def test_a_step_count_on_the_device_changes_only_rounding(make, foreach, betas, history, advance):
    """Both paths compute each step to a relative error of a few units of float32, lr included: 12 steps of at most
    16 roundings each, on numbers below 1 + 12 lr / (1 - beta1)."""
    eager = run(make, history, advance, foreach=foreach, lr=2.0**-10, betas=betas)
    device = run(make, history, advance, foreach=foreach, lr=2.0**-10, betas=betas, capturable=True)
    bound = 12 * 16 * 2.0**-24 * (1 + 12 * 2.0**-10 * 10)
    assert all(((a - b).abs() <= bound).all() for a, b in zip(eager, device, strict=True))


@pytest.mark.parametrize("foreach", [False, True])
def test_a_step_count_on_the_device_loses_no_float16_step(make, foreach):
    """sqrt(v) / lr would overflow there, though the step lr |u| = lr is a number of float16."""
    w = torch.nn.Parameter(torch.zeros(5, dtype=torch.float16))
    w.grad = torch.full_like(w, 8.0)
    make([w], foreach=foreach, capturable=True, lr=2.0**-14, betas=(0.5, 0.5)).step()
    assert torch.allclose(w, torch.full_like(w, -(2.0**-14)), rtol=2.0**-8, atol=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("options", [{"foreach": False}, {"foreach": True}, {"fused": True}])
def test_a_step_can_be_captured_in_a_cuda_graph(make, options):
    w = torch.nn.Parameter(torch.ones(1000, device="cuda"))
    expected = torch.nn.Parameter(torch.ones(1000, device="cuda"))
    w.grad, expected.grad = torch.ones_like(w), torch.ones_like(w)
    options = {"capturable": True, "lr": torch.tensor(2.0**-10, device="cuda"), **options}
    captured, eager = make([w], **options), make([expected], **options)
    captured.step()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured.step()
    for _ in range(4):
        graph.replay()
    for _ in range(5):
        eager.step()
    assert torch.equal(w, expected)


@pytest.mark.parametrize(
    "options",
    [{}, {"maximize": True, "weight_decay": 0.1}, {"state_dtype": torch.bfloat16}],
    ids=["plain", "uphill with decay", "bfloat16 moments"],
)
@pytest.mark.parametrize("foreach", [False, True])
def test_it_does_not_matter_where_parameters_and_their_list_are_cut(
    make, foreach, options, monkeypatch, history, advance
):
    from grams_theory.optim import _columns

    ends = []
    for limit in (1, 8, 2**20):
        monkeypatch.setattr(_columns, "PIECE_ON_CPU", limit)
        ends.append(run(make, history, advance, foreach=foreach, **options))
    assert all(all(map(torch.equal, ends[0], end)) for end in ends[1:])


def test_a_piece_holds_one_parameter_or_no_more_elements_than_are_taken_at_a_time(monkeypatch):
    from grams_theory.optim import _columns

    monkeypatch.setattr(_columns, "PIECE_ON_CPU", 8)
    column = [torch.empty(n) for n in (3, 5, 1, 9, 0, 4, 4, 4)]
    pieces = _columns.cut([column, column])
    assert [[w.numel() for w in w_column] for _, w_column in pieces] == [[3, 5], [1], [9], [0, 4, 4], [4]]


def test_a_large_parameter_is_taken_in_slices_of_one_step_count(monkeypatch):
    from grams_theory.optim import _columns

    monkeypatch.setattr(_columns, "PIECE_ON_CPU", 8)
    w, step = torch.zeros(4, 5), torch.zeros(())
    row = [w, w, torch.zeros(4, 5), step, torch.zeros(4, 5)]
    slices = _columns.slices(row)
    assert [part.numel() for _, part, *_ in slices] == [8, 8, 4]
    assert all(count is step for _, _, _, count, _ in slices)
    slices[-1][1].fill_(1)
    assert w.flatten().tolist() == [0.0] * 16 + [1.0] * 4
    transposed = [row[0].T, row[1].T, *row[2:]]
    assert _columns.slices(transposed) == [transposed]
