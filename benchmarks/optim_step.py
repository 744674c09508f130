"""Time and memory of one optimizer step, side by side, on this machine.

    python benchmarks/optim_step.py [--device cuda] [--threads N] [--rounds N] [--scale X] [--compile] [--output FILE]

Contenders take turns, so that a slow moment of the machine hits them all: in each round every one of them takes a few
steps. The table shows the median and the best time, how many times as long as torch.optim.AdamW in the same kind of
implementation (loop, foreach or fused) it took in the same round (the median of the rounds), the share of the bandwidth
ceiling that the best time reaches, and the memory that a step takes beside parameters, gradients and moments. An ideal
step reads w, g, m, v and writes w, m, v: 7 passes (Lion, without v: 5). A mask that is rescaled must be counted before
w moves, so that g and m are read twice: 9 passes, 9/7 = 1.29 of AdamW's, unless they stay in a cache. The ceiling is
the bandwidth of an in-place `mul_` (`copy_` also pays for fetching the lines that it overwrites, and understates it).
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
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
        self.wait()
        start = time.perf_counter()
        function()
        self.wait()
        return 1e3 * (time.perf_counter() - start)

    def wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()

    def scratch(self, function: Callable[[], object]) -> int:
        """Bytes that a call holds at its peak beyond what was there before."""
        if self.device == "cuda":
            self.wait()
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            function()
            self.wait()
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

    def measure(
        self, shapes: Shapes, contenders: Iterable[Contender]
    ) -> tuple[dict[str, list[float]], dict[str, int]]:
        """Milliseconds of the steps of each contender and of "mul_" on all elements, and the bytes each takes."""
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
        return times, scratch


def table(
    shapes: Shapes, contenders: Iterable[Contender], bench: Bench
) -> tuple[list[str], dict[str, tuple]]:
    """Lines of Markdown, and (ratio, bytes) of each contender."""
    contenders = tuple(contenders)
    times, scratch = bench.measure(shapes, contenders)
    median = {name: statistics.median(values) for name, values in times.items()}
    best = {name: min(values) for name, values in times.items()}
    numbers = sum(torch.Size(shape).numel() for shape in shapes)
    bandwidth = 2 * FLOAT_BYTES * numbers / best["mul_"] / 1e6
    ratios = {c.name: by_round(times[c.name], times[f"torch AdamW, {c.kind}"]) for c in contenders}
    lines = [
        f"In-place `mul_` of all numbers: median {median['mul_']:.2f} ms, best {best['mul_']:.2f} ms, "
        f"{bandwidth:.1f} GB/s.",
        "",
        "| contender | median ms | best ms | ÷ torch AdamW of its kind | of `mul_` bandwidth | scratch MB |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for contender in contenders:
        ms, low = median[contender.name], best[contender.name]
        ratio = ratios[contender.name]
        share = contender.passes / 2 * best["mul_"] / low
        memory = "" if contender.compiled else f"{scratch[contender.name] / 1e6:.1f}"
        lines.append(f"| {contender.name} | {ms:.2f} | {low:.2f} | {ratio:.2f} | {share:.0%} | {memory} |")
    return lines, {c.name: (ratios[c.name], scratch[c.name]) for c in contenders}


def by_round(times: list[float], base: list[float]) -> float:
    """The median over the rounds of the ratio of their median steps."""
    rounds = range(0, len(times), STEPS)
    return statistics.median(
        statistics.median(times[i : i + STEPS]) / statistics.median(base[i : i + STEPS]) for i in rounds
    )


def targets(results: dict[str, dict[str, tuple]]) -> list[str]:
    """What was aimed at, and whether it was reached."""
    lines = ["| target | workload | measured | |", "|---|---|--:|---|"]

    def row(target: str, workload: str, ours: float, limit: float, unit: str = "") -> None:
        lines.append(
            f"| {target} | {workload} | {ours:.2f}{unit} | {'met' if ours <= limit else '**not met**'} |"
        )

    for workload, found in results.items():
        for label in OURS:
            for kind, limit in (("fused", 1.0), ("foreach", 1.05)):
                ratio = found[f"our {label}, {kind}"][0]
                row(f"our {label}, {kind}: time ≤ {limit:.2f} × torch AdamW, {kind}", workload, ratio, limit)
            for kind in KINDS:
                ours, limit = (
                    found[name][1] / 1e6 for name in (f"our {label}, {kind}", f"torch AdamW, {kind}")
                )
                row(
                    f"our {label}, {kind}: memory ≤ torch AdamW's {limit:.1f} MB",
                    workload,
                    ours,
                    limit,
                    " MB",
                )
    return lines


def processor(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    try:
        described = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in described if line.startswith("model name")), "a CPU")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=9, help=f"each of {STEPS} steps of every contender")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the sizes of the tensors")
    parser.add_argument(
        "--compile", action="store_true", help="also torch.compile of whole steps, on one tensor"
    )
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
        *" ".join((__doc__ or "").split("\n\n")[-1].split("\n")).strip().splitlines(),
    ]
    results = {}
    for workload, shapes in workloads(options.device, options.scale).items():
        extra = COMPILED if options.compile and len(shapes) == 1 else ()
        lines, results[workload] = table(shapes, (*CONTENDERS, *extra), bench)
        text += ["", f"## {workload}", "", *lines]
        print("\n".join(text[-len(lines) - 3 :]), flush=True)
    summary = ["", "## Targets", "", *targets(results)]
    print("\n".join(summary))
    if options.output:
        options.output.write_text("\n".join([*text, *summary, ""]))


if __name__ == "__main__":
    main()
