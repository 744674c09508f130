"""Time and memory of one optimizer step, side by side, on this machine.

    python benchmarks/optim_step.py [--device cuda] [--threads N] [--rounds N] [--scale X] [--output FILE]

Contenders take turns, so that a slow moment of the machine hits them all: in each round every one of them takes a few
steps. The table shows the median and the best time, how many times as long as torch.optim.AdamW in the same kind of
implementation (loop, foreach or fused) it took in the same round (the median of the rounds), the share of the bandwidth
ceiling that the best time reaches, and the memory that a step takes beside parameters, gradients and moments. An ideal
step reads w, g, m, v and writes w, m, v: 7 passes (Lion, without v: 5). A mask that is rescaled must be counted before
w moves, so that g and m are read twice: 9 passes, 9/7 = 1.29 of AdamW's, unless they stay in a cache. The operations
of foreach make 18 passes for AdamW, 25 for Grams (|m|, sign g and their product), unless what one leaves is in a cache
for the next. The ceiling is the bandwidth of an in-place `mul_` (`copy_` also pays for fetching the lines that it
overwrites, and understates it). Whole steps under `torch.compile` are measured on one tensor, from the third call on.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler announces every start otherwise

import grams
import lion_pytorch
import pytorch_optimizer
import torch
from _shared import device_parser, explanation, processor, table, wait
from torch import Tensor
from torch.optim import Optimizer

from grams_theory import optim

STEPS = 3
"""Steps of a contender in each round."""
FLOAT_BYTES = 4
Shapes = list[tuple[int, ...]]


class ReleasedCautiousAdamW(Optimizer):
    """C-AdamW of github.com/kyleliang919/C-Optim (arXiv 2411.16085) with foreach=False and no decay, operation by
    operation: no package carries it. Its default, a generator under `torch.compile`, does not run on torch 2.13."""

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, eps: float = 1e-6) -> None:
        super().__init__(params, {"lr": lr, "betas": (0.9, 0.999), "eps": eps})

    @torch.no_grad()
    def step(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                g, state = p.grad, self.state[p]
                if not state:
                    state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
                state["step"] += 1
                m = state["m"].mul_(beta1).add_(g, alpha=1 - beta1)
                v = state["v"].mul_(beta2).addcmul_(g, g, value=1 - beta2)
                denominator = v.sqrt().add_(group["eps"])
                corrections = 1 - beta1 ** state["step"], 1 - beta2 ** state["step"]
                mask = (m * g > 0).to(g.dtype)
                mask.div_(mask.mean().clamp_(min=1e-3))
                p.add_((m * mask) / denominator, alpha=-group["lr"] * corrections[1] ** 0.5 / corrections[0])


@dataclass(frozen=True)
class Contender:
    name: str
    build: Callable[[list[torch.nn.Parameter]], Optimizer]
    kind: str
    """The implementation of torch.optim.AdamW that it is compared with."""
    passes: int = 7
    """Tensors read or written by an ideal step."""
    spoils: bool = False
    """Whether it writes into the gradients."""
    compiled: bool = False


LIMITS = {"fused": 1.0, "foreach": 1.05}
"""Times that are aimed at, in times of torch's AdamW of the same kind."""
KINDS = {"loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
OURS = {
    "AdamW": ("AdamW", {}, 7),
    "Grams": ("Grams", {}, 7),
    "CautiousAdam, rescaled": ("CautiousAdam", {"mask_rescale": True}, 9),
    "Lion": ("Lion", {}, 5),
}


def in_every_kind(
    name: str, build: Callable[..., Optimizer], options: dict, passes: int = 7
) -> list[Contender]:
    return [
        Contender(f"{name}, {kind}", lambda p, chosen=chosen: build(p, **options, **chosen), kind, passes)
        for kind, chosen in KINDS.items()
    ]


CONTENDERS = (
    *in_every_kind("torch AdamW", torch.optim.AdamW, {}),
    *(
        contender
        for label, (name, options, passes) in OURS.items()
        for contender in in_every_kind(f"our {label}", optim.by_name(name), options, passes)
    ),
    Contender("grams-pytorch Grams", lambda p: grams.Grams(p), "loop", spoils=True),
    Contender("pytorch-optimizer Grams, loop", lambda p: pytorch_optimizer.Grams(p, foreach=False), "loop"),
    Contender(
        "pytorch-optimizer Grams, foreach", lambda p: pytorch_optimizer.Grams(p, foreach=True), "foreach"
    ),
    Contender("released C-AdamW, loop", ReleasedCautiousAdamW, "loop", 9),
    Contender("lion-pytorch Lion", lambda p: lion_pytorch.Lion(p), "loop", 5),
)
COMPILED = (
    Contender("torch AdamW, compiled", lambda p: torch.optim.AdamW(p), "fused", compiled=True),
    Contender("our Grams, compiled", lambda p: optim.Grams(p), "fused", compiled=True),
)


def llama_60m() -> Shapes:
    """LLaMA with 60M parameters: width 512, 8 blocks, 1376 hidden units, 32,000 tokens, untied head."""
    block: Shapes = [(512, 512)] * 4 + [(1376, 512)] * 2 + [(512, 1376)] + [(512,)] * 2
    return [(32_000, 512), *(block * 8), (512,), (32_000, 512)]


def workloads(device: str, scale: float) -> dict[str, Shapes]:
    """The lists of shapes, the leading size of each multiplied by `scale`."""
    named: dict[str, Shapes] = {
        "1 tensor of 10⁷": [(10_000_000,)],
        "200 tensors of 5·10⁴": [(50_000,)] * 200,
        "Llama-60M, 75 tensors": llama_60m(),
    }
    if device == "cuda":
        named["1 tensor of 10⁹"] = [(1_000_000_000,)]
    return {name: [(max(1, int(n * scale)), *rest) for n, *rest in shapes] for name, shapes in named.items()}


@dataclass(frozen=True)
class Bench:
    device: str
    rounds: int

    def milliseconds(self, function: Callable[[], object]) -> float:
        wait(self.device)
        start = time.perf_counter()
        function()
        wait(self.device)
        return 1e3 * (time.perf_counter() - start)

    def scratch(self, function: Callable[[], object]) -> int:
        """Bytes that a call holds at its peak beyond what was there before."""
        if self.device == "cuda":
            wait(self.device)
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            function()
            wait(self.device)
            return torch.cuda.max_memory_allocated() - before
        with torch.profiler.profile(
            activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
        ) as profile:
            function()
        held = peak = 0
        for event in profile.profiler.kineto_results.events():  # pyright: ignore[reportOptionalMemberAccess]
            if event.name() == "[memory]":
                held += event.nbytes()
                peak = max(peak, held)
        return peak

    def measure(self, shapes: Shapes, contenders: Iterable[Contender]) -> Found:
        params = [torch.nn.Parameter(torch.randn(shape, device=self.device)) for shape in shapes]
        gradients = [torch.randn(shape, device=self.device) for shape in shapes]
        flat = torch.randn(sum(p.numel() for p in params), device=self.device)
        times: dict[str, list[float]] = defaultdict(list)
        scratch: dict[str, int] = {}
        compiled: dict[str, Callable[[], object]] = {}
        for _ in range(self.rounds):
            flat.mul_(1.0000001)
            times["mul_"] += [self.milliseconds(lambda: flat.mul_(1.0000001)) for _ in range(STEPS)]
            for contender in contenders:
                for p, g in zip(params, gradients, strict=True):
                    p.grad = g.clone() if contender.spoils else g
                step = compiled.get(contender.name) or contender.build(params).step
                if contender.compiled and contender.name not in compiled:
                    step = compiled[contender.name] = torch.compile(step)
                step()
                step()
                times[contender.name] += [self.milliseconds(step) for _ in range(STEPS)]
                scratch.setdefault(contender.name, 0 if contender.compiled else self.scratch(step))
                del step
                gc.collect()
        return Found(times, scratch)


@dataclass(frozen=True)
class Found:
    """What one workload gave."""

    times: dict[str, list[float]]
    """Milliseconds of the steps of each contender, and of "mul_"."""
    scratch: dict[str, int]
    """Bytes."""

    def ratio(self, contender: Contender) -> float:
        return by_round(self.times[contender.name], self.times[f"torch AdamW, {contender.kind}"])

    def lines(self, shapes: Shapes, contenders: Iterable[Contender]) -> list[str]:
        """As Markdown."""
        best = {name: min(values) for name, values in self.times.items()}
        numbers = sum(torch.Size(shape).numel() for shape in shapes)
        bandwidth = 2 * FLOAT_BYTES * numbers / best["mul_"] / 1e6
        head = (
            "contender",
            "median ms",
            "best ms",
            "÷ torch AdamW of its kind",
            "of `mul_` bandwidth",
            "scratch MB",
        )
        return [
            f"In-place `mul_` of all numbers: median {statistics.median(self.times['mul_']):.2f} ms, "
            f"best {best['mul_']:.2f} ms, {bandwidth:.1f} GB/s.",
            "",
            *table(head, "lrrrrr", (self._row(contender, best) for contender in contenders)),
        ]

    def _row(self, contender: Contender, best: dict[str, float]) -> list[str]:
        name, low = contender.name, best[contender.name]
        return [
            name,
            f"{statistics.median(self.times[name]):.2f}",
            f"{low:.2f}",
            f"{self.ratio(contender):.2f}",
            f"{contender.passes / 2 * best['mul_'] / low:.0%}",
            "" if contender.compiled else f"{self.scratch[name] / 1e6:.1f}",
        ]


def by_round(times: list[float], base: list[float]) -> float:
    """The median over the rounds of the ratio of their median steps."""
    rounds = range(0, len(times), STEPS)
    return statistics.median(
        statistics.median(times[i : i + STEPS]) / statistics.median(base[i : i + STEPS]) for i in rounds
    )


def targets(results: dict[str, Found]) -> list[str]:
    """What was aimed at, in Markdown; what misses it is bold."""
    ours = [contender for contender in CONTENDERS if contender.name.startswith("our ")]
    rows = [
        [
            f"{c.name}: time ≤ {LIMITS[c.kind]:.2f}",
            *(marked(f.ratio(c), LIMITS[c.kind]) for f in results.values()),
        ]
        for c in ours
        if c.kind in LIMITS
    ]
    for contender in ours:
        base = f"torch AdamW, {contender.kind}"
        pairs = ([found.scratch[name] / 1e6 for name in (contender.name, base)] for found in results.values())
        rows.append(
            [
                f"{contender.name}: scratch MB / torch's",
                *(f"{marked(*pair)} / {pair[1]:.2f}" for pair in pairs),
            ]
        )
    return [
        "Times are multiples of torch AdamW's of the same kind. What misses its target is bold.",
        "",
        *table(["target", *results], "l" + "r" * len(results), rows),
    ]


def marked(value: float, limit: float) -> str:
    text = f"{value:.2f}"
    return text if float(text) <= round(limit, 2) else f"**{text}**"


def main() -> None:
    parser = device_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=9, help=f"each of {STEPS} steps of every contender")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the sizes of the tensors")
    parser.add_argument("--output", type=Path, help="write the tables there, as Markdown")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    bench = Bench(options.device, options.rounds)
    where = processor(options.device) + (f", {options.threads} threads" if options.device == "cpu" else "")
    if options.scale != 1:
        where += f", sizes × {options.scale:g}"
    text = [
        "# Time and memory of one optimizer step",
        "",
        f"Made by `make bench-optim` ({Path(__file__).name}): {where}, torch {torch.__version__}, float32, "
        f"{options.rounds} rounds of {STEPS} steps of every contender by turns.",
        "",
        explanation(__doc__),
    ]
    results: dict[str, Found] = {}
    for workload, shapes in workloads(options.device, options.scale).items():
        contenders = (*CONTENDERS, *COMPILED) if len(shapes) == 1 else CONTENDERS
        results[workload] = bench.measure(shapes, contenders)
        section = ["", f"## {workload}", "", *results[workload].lines(shapes, contenders)]
        print("\n".join(section), flush=True)
        text += section
    summary = ["", "## Targets", "", *targets(results)]
    print("\n".join(summary))
    if options.output:
        options.output.write_text("\n".join([*text, *summary, ""]))


if __name__ == "__main__":
    main()
