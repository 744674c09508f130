"""The largest Hessian eigenvalue, side by side with curvlinops, PyHessian and hessian-eigenthings, on this machine.

    python benchmarks/lanczos.py [--device cuda] [--threads N] [--rounds N] [--goal X] [--problems K] [--output FILE]

Contenders take turns, so that a slow moment of the machine hits them all. Times are medians over the rounds, of the
processor over all threads, or on a GPU of the wall clock. The residual is the true one, ‖Hv − λv‖ of the unit vector
that a contender returns, by a float64 Hessian; the contenders compute in float32. A contender that was told something
got the loosest setting (tolerance, or number of steps) that reaches the goal, else the tightest, found beforehand and
not timed: nobody has it. Doubling starts at 10 Lanczos steps and doubles them until hessian-eigenthings says that it
converged. On the same products, every solver multiplies by our Hessian product; as a tool, each multiplies by its own
and pays for its own setup; by default, each stops where it does if it is told nothing, right or wrong. All Hessians are
those of the mean loss of 500 handwritten digits, after 20 steps of Adam.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from _lanczos.bench import Bench
from _lanczos.contenders import DEFAULTS, both_ends, largest
from _lanczos.problems import problems
from _lanczos.tables import product_table, ratios, solver_table, summary
from _shared import device_parser, explanation, processor

from grams_theory.core.summary import plural


def main() -> None:
    parser = device_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--goal", type=float, default=1e-4, help="residual to be reached, relative to |λ|")
    parser.add_argument("--problems", type=int, default=5, help="only the first so many")
    parser.add_argument("--output", type=Path, help="write the tables there, as Markdown")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore", message="Using backward.. with create_graph=True")
    where = plural(options.threads, "thread") if options.device == "cpu" else processor(options.device)
    text = [
        "# The largest Hessian eigenvalue, side by side",
        "",
        f"Made by `python benchmarks/{Path(__file__).name}`: {where}, torch {torch.__version__}, {options.rounds} "
        f"rounds, goal: residual ≤ {options.goal:g} |λ|.",
        "",
        explanation(__doc__),
    ]
    one_end, two_ends = largest(options.goal), both_ends(options.goal)
    compared, shown = {}, 0
    for problem in problems(options.device)[: options.problems]:
        bench = Bench(problem, options.rounds)
        text += ["", f"## {problem.name}, {problem.dim:,} weights", "", "One product:", ""]
        text += product_table(bench.products())
        for task, contenders, own in (
            ("largest, same products", one_end, False),
            ("both ends, same products", two_ends, False),
            ("largest, as a tool", one_end, True),
            ("largest, by default", DEFAULTS, True),
        ):
            results = bench.solvers(contenders, options.goal, own)
            text += ["", f"{task.capitalize()}:", "", *solver_table(results)]
            if contenders is not DEFAULTS:
                compared[task, problem.name] = ratios(results)
        print("\n".join(text[shown:]), flush=True)
        shown = len(text)
    end = ["", "## Our time, relative to the fastest other's", "", *summary(compared)]
    print("\n".join(end))
    if options.output:
        options.output.write_text("\n".join([*text, *end, ""]))


if __name__ == "__main__":
    main()
