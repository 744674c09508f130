"""How long the engine takes, unaided and from a cold start, to find each counterexample that this project is about.

    .venv/bin/python benchmarks/counterexamples.py

Each search is a process of its own. The first time is that of the whole process, from its start through the imports of
torch and SymPy to the witness; the second is that of the search alone. A line says "found" only if the witness was
confirmed as the table says. Exits with 1 if one was not, or took longer than LIMIT.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

LIMIT = 30.0
"""Seconds, of the whole process."""


@dataclass(frozen=True)
class Target:
    """A counterexample to be found: the claim that it refutes, and what the witness has to show."""

    title: str
    claim: str
    shows: Callable[[Any], bool]


def exact(witness: Any) -> bool:
    """A negative margin in rational arithmetic."""
    return witness.method == "rational arithmetic" and Fraction(witness.margin) < 0


def reached(witness: Any) -> bool:
    """Exact, at a state that Grams reaches from zero state on the very quadratic of the violated step, strongly convex.

    By the arbitrary-precision twin; and production Grams and C-Adam, run on it in float64, part after a common step.
    """
    import torch
    from flint import arb, fmpq_mat

    from grams_theory import CautiousAdam, Grams
    from grams_theory.engine.exact import apply, exactly, floats, positive_semidefinite
    from grams_theory.symbolic import twin

    case = exactly(witness.data)
    H, g, eta, eps = case["H"], case["g"], case["eta"], case["run"]["eps"]
    beta1, beta2 = case["run"]["betas"]
    path = twin.run("Grams", lambda w: apply(H, w), case["start"], 1, eta, (beta1, beta2), eps)
    met = all(arb(x - y).contains(0) for x, y in zip(apply(H, path[-1]), g, strict=True))
    convex = positive_semidefinite(H) and fmpq_mat(H).det() != 0
    hessian = torch.tensor(floats(H), dtype=torch.float64)

    def run(cls: Any) -> list[torch.Tensor]:
        w = torch.nn.Parameter(torch.tensor(floats(case["start"]), dtype=torch.float64))
        optimizer, iterates = cls([w], lr=floats(eta), betas=floats((beta1, beta2)), eps=floats(eps)), []
        for _ in range(2):
            w.grad = hessian @ w.detach()
            optimizer.step()
            iterates.append(w.detach().clone())
        return iterates

    (state, ours), (same, cautious) = run(Grams), run(CautiousAdam)
    further = cautious @ hessian @ cautious < ours @ hessian @ ours
    return exact(witness) and met and convex and torch.equal(state, same) and bool(further)


TARGETS = (
    Target("the sign-repaired comparison, from any momentum", "comparison-sign-repaired", exact),
    Target("the same, from a state that Grams itself reaches", "comparison-sign-repaired", reached),
    Target("the comparison with Cautious as released", "comparison-rescaled", exact),
    Target("Grams at the minimiser under skewed noise", "noise-convergence", exact),
    Target("Adam's descent in each small step", "adam-monotone", exact),
    Target("one convention where a gradient is 0", "zero-gradient", exact),
)


def search(index: int) -> dict[str, Any]:
    """Attack the claim of that target in this process."""
    from grams_theory.engine import fuzz

    target, began = TARGETS[index], time.monotonic()
    result = fuzz(target.claim, budget=f"{LIMIT:g}s")
    seconds, witness = time.monotonic() - began, result.witness
    found = witness is not None and target.shows(witness)
    return {"found": found, "seconds": seconds, "margin": witness and witness.margin}


def main() -> int:
    failures = 0
    print(f"{'counterexample':<50}{'cold':>8}{'search':>9}")
    for index, target in enumerate(TARGETS):
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, __file__, str(index)], capture_output=True, text=True, check=True
        )
        cold, answer = time.monotonic() - began, json.loads(done.stdout.splitlines()[-1])
        failures += not answer["found"] or cold > LIMIT
        outcome = f"found, margin {answer['margin']}" if answer["found"] else "NOT FOUND"
        print(f"{target.title:<50}{cold:>6.1f} s{answer['seconds']:>7.1f} s  {outcome}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(search(int(sys.argv[1]))))
    else:
        sys.exit(main())
