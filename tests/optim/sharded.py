"""Optimizers on two processes: `python sharded.py FOLDER RANK` does every check here and writes what it found.

The test that starts the processes calls the same functions without a process group, and compares.
"""

# pyright: reportPrivateImportUsage=false

import os
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor, nn
from torch.distributed.checkpoint import state_dict as portable
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.debug import CommDebugMode
from torch.nn.parallel import DistributedDataParallel

from grams_theory import optim
from grams_theory.optim import CautiousAdam, Grams, _columns, _fused

torch.set_num_threads(1)

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in optim.names()},
    "AMS(-0.3)": ("AMS", {"lam": -0.3}),
    "Grams amsgrad": ("Grams", {"amsgrad": True, "weight_decay": 0.1}),
    "Grams of float32 moments": ("Grams", {"state_dtype": torch.float32}),
    "Lion of float32 moments": ("Lion", {"state_dtype": torch.float32}),
    "CautiousAdam rescaled": ("CautiousAdam", {"mask_rescale": True}),
    "CautiousLion rescaled": ("CautiousLion", {"mask_rescale": True}),
}
FUSED = {"fused": {"fused": True}} if _fused.refusal([torch.ones(1)]) is None else {}
IMPLEMENTATIONS = {"loop": {"foreach": False}, "foreach": {"foreach": True}, **FUSED}
CASES = [(variant, implementation) for variant in VARIANTS for implementation in IMPLEMENTATIONS]
RESCALED = [(variant, implementation) for variant, implementation in CASES if "rescaled" in variant]
PAGE = Path(__file__).parents[2] / "docs" / "distributed.md"
PROCESSES = 2
STEPS = 3

MESHES = {"line": (2,), "one by two": (1, 2), "two by one": (2, 1)}
LAYOUTS = {
    "plain": (None, [], None),
    "copies": ("line", [Replicate()], None),
    "rows": ("line", [Shard(0)], 0),
    "columns": ("line", [Shard(1)], 1),
    "copies of rows": ("one by two", [Replicate(), Shard(0)], 0),
    "rows of copies": ("two by one", [Shard(0), Replicate()], 0),
    "blocks": ("one by two", [Shard(0), Shard(1)], 1),
}
"""The mesh, the placements, and the dimension along which the processes hold different parts."""
SHAPES = ((37, 5), (1, 1))
"""Uneven parts; nothing for one process."""
HALVES = (torch.bfloat16, torch.float16)
PARAMETERS = [
    *((shape, layout, torch.float32) for layout in LAYOUTS for shape in SHAPES),
    ((), "copies", torch.float32),
    ((0, 3), "rows", torch.float32),
    ((8, 4), "rows", torch.float32),
    ((37, 5), "rows", torch.float64),
    ((37, 5), "rows", torch.complex64),
    *(((64, 4), "rows", dtype) for dtype in HALVES),
]
"""All in one group: DTensors of several meshes and dtypes among plain tensors.

The 16-bit ones have parts that fill whole vector registers: torch's `add_(x, alpha=...)` on the CPU rounds the rest of
a tensor otherwise, so that the same numbers elsewhere in a tensor give other sums.
"""
ROWS = PARAMETERS.index(((37, 5), "rows", torch.float32))

Make = Callable[..., Any]
"""Makes an optimizer: make(params, **options)."""
Place = Callable[[Tensor, str], Tensor]
"""Places a tensor as a layout says: place(x, layout)."""


def maker(variant: str, implementation: str = "loop") -> Make:
    name, options = VARIANTS[variant]
    return partial(optim.by_name(name), **options, **IMPLEMENTATIONS[implementation])


# Parameters by themselves


def drawn(index: int, count: int) -> Tensor:
    """`count` tensors like parameter `index`, some of whose elements are 0."""
    shape, _, dtype = PARAMETERS[index]
    generator = torch.Generator().manual_seed(index)
    values = torch.randn(count, *shape, generator=generator, dtype=torch.complex128)
    values = values.masked_fill(torch.rand(values.shape, generator=generator) < 0.1, 0)
    return (values if dtype.is_complex else values.real).to(dtype)


def stepped(make: Make, place: Place) -> list[list[Tensor]]:
    """This process's parts of each parameter and its state after 2 steps of make(params), placed as PARAMETERS say.

    The second parameter has its first gradient late.
    """
    values = [drawn(index, 3) for index in range(len(PARAMETERS))]
    layouts = [layout for _, layout, _ in PARAMETERS]
    params = [nn.Parameter(place(x[0], layout)) for x, layout in zip(values, layouts, strict=True)]
    optimizer = make(params)
    enlarge_eps(optimizer)
    for t in (1, 2):
        for index, (p, x, layout) in enumerate(zip(params, values, layouts, strict=True)):
            p.grad = None if index == 1 and t == 1 else place(x[t], layout)
        optimizer.step()
    return [[part(x.detach()) for x in (p, *optimizer.state[p].values())] for p in params]


def enlarge_eps(optimizer) -> None:
    """1e-8 is 0 in float16."""
    for group in optimizer.param_groups:
        if "eps" in group:
            group["eps"] = 1e-4


def joined(parts: tuple[Tensor, ...], layout: str) -> list[Tensor]:
    """The whole of which each process has a part, once for each process that has all of it."""
    dim = LAYOUTS[layout][2]
    return list(parts) if dim is None or parts[0].dim() == 0 else [torch.cat(parts, dim)]


def as_is(x: Tensor, layout: str) -> Tensor:
    return x.clone()


def spread(x: Tensor, layout: str, meshes: dict[str, DeviceMesh]) -> Tensor:
    mesh, placements, _ = LAYOUTS[layout]
    if mesh is None:
        return x.clone()
    return distribute_tensor(x.clone(), meshes[mesh], placements, src_data_rank=None)


def whole(x: Tensor) -> Tensor:
    return x.full_tensor() if isinstance(x, DTensor) else x


def part(x: Tensor) -> Tensor:
    return x.to_local() if isinstance(x, DTensor) else x


def in_slices(make: Make, place: Place) -> list[list[Tensor]]:
    """As `stepped`, where parameters of more than 64 elements are taken in slices of as many."""
    with patch.object(_columns, "PIECE_ON_CPU", 64):
        return stepped(make, place)


class LocalMean:
    """Planted fault: rescales the mask of each process's part by the part's own mean."""

    def __init__(self, params) -> None:
        self.parts = {p: nn.Parameter(part(p.detach())) for p in params}
        self.inner = CautiousAdam(self.parts.values(), mask_rescale=True)
        self.param_groups, self.state = self.inner.param_groups, {p: {} for p in params}

    def step(self) -> None:
        for p, mine in self.parts.items():
            mine.grad = None if p.grad is None else part(p.grad)
        self.inner.step()


def in_half_precision(make: Make, dtype: torch.dtype, place: Place) -> list[Tensor]:
    """A parameter after a step whose mask has more ones than float16 can count, and than bfloat16 tells apart."""
    g = torch.randn(401, 400, generator=torch.Generator().manual_seed(0)).add_(0.2).to(dtype)
    p = nn.Parameter(place(torch.zeros_like(g), "rows"))
    optimizer = make([p], lr=0.25)
    enlarge_eps(optimizer)
    for t in range(2):
        p.grad = place(g.flip(t), "rows")
        optimizer.step()
    return [whole(p.detach())]


def differentiated(make: Make, place: Place) -> list[Tensor]:
    """The gradient of a loss after two steps with respect to the weights before."""
    w = place(torch.linspace(-1, 2, 185).reshape(37, 5), "rows").requires_grad_()
    p = w * 1.0
    optimizer = make([p], differentiable=True, lr=0.1)
    for _ in range(2):
        p.grad = p.clone().square()
        optimizer.step()
    (p * p).sum().backward()
    return [whole(w.grad)]


# A model


class Model(nn.Module):
    """Its parameters have 7, 3 and 1 rows: two processes share none of them evenly."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.inner = nn.Embedding(7, 5), nn.Linear(5, 3)
        self.norm, self.outer = nn.LayerNorm(3), nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.norm(self.inner(self.table(x)).tanh())).square().mean()


def new_model(dtype: torch.dtype = torch.float32) -> Model:
    torch.manual_seed(0)
    return Model().to(dtype)


def fully_sharded(dtype: torch.dtype = torch.float32) -> nn.Module:
    model = new_model(dtype)
    fully_shard(model.inner)
    fully_shard(model)
    return model


def train(model: nn.Module, optimizer, mine: slice = slice(None), first: int = 0) -> None:
    """STEPS steps on the mean loss of the batches `mine`; wrappers average their gradients over the processes.

    There is one batch per process and step. Row 6 of the table is in none.
    """
    generator = torch.Generator().manual_seed(1)
    indices = torch.randint(6, (first + STEPS, PROCESSES, 4), generator=generator)
    for batches in indices[first:]:
        optimizer.zero_grad()
        torch.stack([model(batch) for batch in batches[mine]]).mean().backward()
        optimizer.step()


def weights(model: nn.Module) -> list[Tensor]:
    return [whole(p.detach()) for p in model.parameters()]


def trained(model: nn.Module, make: Make, mine: slice = slice(None)) -> list[Tensor]:
    train(model, make(model.parameters()), mine)
    return weights(model)


# Checkpoints


class Forgetful(Grams):
    """Planted fault: saves its moments without the number of steps in them."""

    def state_dict(self):
        saved = super().state_dict()
        states = {
            key: {**state, "step": torch.zeros_like(state["step"])} for key, state in saved["state"].items()
        }
        return {**saved, "state": states}


CHECKPOINTED: dict[str, tuple[Make, torch.dtype]] = {
    **{variant: (maker(variant), torch.float32) for variant in VARIANTS},
    "bfloat16 of float32 moments": (maker("Grams of float32 moments"), torch.bfloat16),
    "Forgetful": (Forgetful, torch.float32),
}
"""What makes the optimizer, and the dtype of the model."""
Runs = dict[str, tuple[nn.Module, Any]]
"""A model and its optimizer for each of CHECKPOINTED."""
WHOLE = portable.StateDictOptions(full_state_dict=True, cpu_offload=True)


def new_runs(model: Callable[[torch.dtype], nn.Module], **options) -> Runs:
    models = {name: model(dtype) for name, (_, dtype) in CHECKPOINTED.items()}
    return {
        name: (model, CHECKPOINTED[name][0](model.parameters(), **options)) for name, model in models.items()
    }


def go_on(runs: Runs, mine: slice, first: int = 0) -> dict[str, list[Tensor]]:
    """The weights after STEPS steps of each."""
    for model, optimizer in runs.values():
        train(model, optimizer, mine, first)
    return {name: weights(model) for name, (model, _) in runs.items()}


def states(runs: Runs, options: portable.StateDictOptions | None = None) -> dict[str, Any]:
    return {
        name: portable.get_state_dict(model, optimizer, options=options)
        for name, (model, optimizer) in runs.items()
    }


def save(runs: Runs, folder: Path) -> None:
    dcp.save(_by_kind(states(runs)), checkpoint_id=folder)


def load(runs: Runs, folder: Path) -> None:
    loaded = states(runs)
    dcp.load(_by_kind(loaded), checkpoint_id=folder)
    for name, (model, optimizer) in runs.items():
        of_model, of_optimizer = loaded[name]
        portable.set_model_state_dict(model, of_model)
        portable.set_optimizer_state_dict(model, optimizer, of_optimizer)


def take_over(runs: Runs, saved: dict[str, Any]) -> None:
    """Load whole states, which only the first process needs to have."""
    options = portable.StateDictOptions(full_state_dict=True, broadcast_from_rank0=dist.is_initialized())
    for name, (model, optimizer) in runs.items():
        of_model, of_optimizer = saved.get(name, ({}, {}))
        portable.set_model_state_dict(model, of_model, options=options)
        portable.set_optimizer_state_dict(model, optimizer, of_optimizer, options=options)


def _by_kind(states: dict[str, Any]) -> dict[str, Any]:
    return {name: {"model": model, "optimizer": optimizer} for name, (model, optimizer) in states.items()}


# What two processes do


def zero_redundancy(variant: str, mine: slice) -> list[Tensor]:
    name, options = VARIANTS[variant]
    model = DistributedDataParallel(new_model())
    optimizer = ZeroRedundancyOptimizer(model.parameters(), optim.by_name(name), **options)
    train(model, optimizer, mine)
    return weights(model)


def gradient_placed_otherwise(place: Place, rank: int) -> list[list[Tensor]]:
    """Steps of rows whose gradient is still to be summed, or copied; the gradients themselves after the step."""
    x, g = drawn(ROWS, 2)
    found = []
    for placement, mine in ((Partial(), g * (rank + 1)), (Replicate(), 3 * g)):
        p = nn.Parameter(place(x, "rows"))
        p.grad = DTensor.from_local(mine, p.device_mesh, [placement])
        Grams([p]).step()
        found.append([whole(p.detach()), p.grad.to_local()])
    return found


def scaled(place: Place, options: dict[str, Any], rank: int, infinite_on: int | None) -> list[Tensor]:
    """The weights and the scale after a step of a GradScaler, one process's gradient being infinite."""
    p = nn.Parameter(place(torch.ones(6, 2), "rows"))
    optimizer, scaler = Grams([p], **options), torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale(torch.ones(()))
    p.grad = place(torch.full((6, 2), 8.0), "rows")
    if infinite_on == rank:
        p.grad.to_local()[0, 0] = torch.inf
    scaler.step(optimizer)
    scaler.update()
    return [whole(p.detach()), torch.tensor(scaler.get_scale())]


def meetings(make: Make, place: Place) -> int:
    """How often the processes exchange something in a step on 8 parameters of one kind of layout."""
    params = [nn.Parameter(place(torch.ones(5, 2), "rows")) for _ in range(8)]
    for p in params:
        p.grad = place(torch.ones(5, 2), "rows")
    optimizer = make(params)
    with CommDebugMode() as communication:
        optimizer.step()
    return communication.get_total_counts()


def version_of(make: Make, place: Place) -> list[int]:
    """How often autograd knows a parameter to have changed, before and after a step."""
    p = nn.Parameter(place(torch.ones(5, 2), "rows"))
    p.grad = place(torch.ones(5, 2), "rows")
    before, optimizer = p._version, make([p])
    optimizer.step()
    return [before, p._version]


class Layers(nn.Module):
    """The model of the page."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def told(page: str, folder: Path) -> list[list[Tensor]]:
    """The weights before and after each block of the page's code, all of which runs. The last gets a new model."""
    known: dict[str, Any] = {"torch": torch, "Model": Layers, "folder": folder, "model": Layers()}
    known["batches"] = [torch.linspace(-1, 1, 10).reshape(2, 5)]
    found = [weights(known["model"])]
    *blocks, load = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    for block in (*blocks, load):
        if block is load:
            known["model"] = Layers()
            fully_shard(known["model"])
            known["optimizer"] = CautiousAdam(known["model"].parameters(), lr=123.0)
        exec(compile(block, PAGE.name, "exec"), known)
        found.append(weights(known["model"]))
    return found


def refusal(action: Callable[[], Any]) -> str:
    try:
        action()
    except RuntimeError as problem:
        return str(problem)
    return ""


def refusals(place: Place) -> dict[str, str]:
    def placed(x: Tensor, layout: str, g: Tensor) -> nn.Parameter:
        p = nn.Parameter(place(x, layout))
        p.grad = g
        return p

    ones = torch.ones(5, 2)
    rows = place(ones, "rows")
    pending = nn.Parameter(DTensor.from_local(ones, rows.device_mesh, [Partial()]))
    pending.grad = rows
    plain = Grams([placed(ones, "plain", ones)])
    plain.step()
    columns = Grams([placed(ones, "columns", place(ones, "columns"))])
    columns.step()

    def loaded(from_: Grams) -> None:
        optimizer = Grams([placed(ones, "rows", rows)])
        optimizer.load_state_dict(from_.state_dict())
        optimizer.step()

    return {
        "plain gradient": refusal(Grams([placed(ones, "rows", ones)]).step),
        "pending parameter": refusal(Grams([pending]).step),
        "plain moments": refusal(lambda: loaded(plain)),
        "moments of columns": refusal(lambda: loaded(columns)),
    }


def main(folder: Path, rank: int) -> None:
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/rendezvous",
        rank=rank,
        world_size=PROCESSES,
        timeout=timedelta(minutes=4),
    )
    meshes = {
        name: init_device_mesh("cpu", shape, mesh_dim_names=("first", "second")[: len(shape)])
        for name, shape in MESHES.items()
    }
    place, mine = partial(spread, meshes=meshes), slice(rank, rank + 1)
    found: dict[tuple[Any, ...], Any] = {
        ("LocalMean",): stepped(LocalMean, place),
        ("gradient placed otherwise",): gradient_placed_otherwise(place, rank),
        ("refusals",): refusals(place),
        ("page",): told(PAGE.read_text(), folder / "page"),
    }
    for variant, implementation in CASES:
        make = maker(variant, implementation)
        found["parameters", variant, implementation] = stepped(make, place)
        found["fully_shard", variant, implementation] = trained(fully_sharded(), make, mine)
        found["meetings", variant, implementation] = meetings(make, place)
        found["versions", variant, implementation] = version_of(make, place)
    for variant, implementation in RESCALED:
        found["in slices", variant, implementation] = in_slices(maker(variant, implementation), place)
    for variant, (_, options) in VARIANTS.items():
        found["DDP", variant] = trained(DistributedDataParallel(new_model()), maker(variant), mine)
        found["ZeRO", variant] = zero_redundancy(variant, mine)
        found["differentiable", variant] = differentiated(maker(variant), place)
        if "mask_rescale" in options:
            for dtype in HALVES:
                found["half precision", variant, dtype] = in_half_precision(maker(variant), dtype, place)
    for implementation, options in IMPLEMENTATIONS.items():
        for infinite_on in (None, 0, 1):
            found["scaled", implementation, infinite_on] = scaled(place, options, rank, infinite_on)
    runs = new_runs(fully_sharded)
    go_on(runs, mine)
    save(runs, folder / "two")
    found["whole states",] = states(runs, WHOLE)
    for processes in ("one", "two"):
        runs = new_runs(fully_sharded, lr=123.0)
        load(runs, folder / processes)
        found["from", processes] = go_on(runs, mine, first=STEPS)
    runs = new_runs(fully_sharded, lr=123.0)
    take_over(runs, torch.load(folder / "one.pt") if rank == 0 else {})
    found["took over",] = go_on(runs, mine, first=STEPS)
    write(found, folder / f"rank-{rank}.pt")
    dist.barrier()


def write(found: dict[tuple[Any, ...], Any], file: Path) -> None:
    """All of it or nothing."""
    torch.save(found, file.with_suffix(".part"))
    file.with_suffix(".part").rename(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
    os._exit(0)  # gloo's threads may abort an interpreter that is closing down; what counts has been written
