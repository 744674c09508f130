"""Published optimizers in the role that they play by nature: held to definitions, descent claims, conformance.

python benchmarks/published_optimizers.py          # prints the table
python benchmarks/published_optimizers.py --write  # and writes docs/published-optimizers.md
"""

import importlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

from _shared import argument_parser, table

from grams_theory import fuzz
from grams_theory.claims import by_id
from grams_theory.core.ledger import ClaimResult
from grams_theory.core.summary import describe
from grams_theory.core.verdict import Verdict
from grams_theory.engine.production import load
from grams_theory.symbolic import twin
from grams_theory.testing import conformance
from grams_theory.testing.conformance import Report
from grams_theory.testing.roles import natural_role

PACKAGES = {
    "torch": (
        "torch.optim:Adam",
        "torch.optim:AdamW",
        "torch.optim:SGD",
        "torch.optim:RMSprop",
        "torch.optim:Muon",
    ),
    "grams-pytorch": ("grams:Grams",),
    "pytorch-optimizer": ("pytorch_optimizer:Grams", "pytorch_optimizer:Lion"),
    "lion-pytorch": ("lion_pytorch:Lion", "lion_pytorch.cautious_lion:Lion"),
}
CLAIMS = ("definitions", "lemma-3.9", "lemma-4.2", "lion-descent", "momentum-descent")
"""The definitions, and for each role what bounds its descent."""
DTYPES = ("float64", "float32")
BUDGET = 10_000
SHOWN = 4
"""Coordinates of a vector that are written out."""
CAUTIOUS = """
## How Cautious is written elsewhere

Read in the sources; what is installed is tried in `tests/optim/test_published.py`. k of the n coordinates of a tensor
agree with the gradient. C-Optim is commit 2c0517c (August 2025), timm 29993ff (AdamW) and 3086dd0 (Lion).

| code | mask | what is kept is multiplied by | eps is added to |
| --- | --- | --- | --- |
| paper (Definition 3.7); ours | sign(u) sign(g) ≥ 0 | 1 | √v̂ |
| ours with `mask_rescale` | sign(u) sign(g) > 0 | 1 / max(k/n, 10⁻³) | √v̂ |
| timm `AdamWLegacy` with `caution` | m g > 0 | 1 / max(k/n, 10⁻³) | √v̂ |
| C-Optim `c_adamw.AdamW(foreach=False)` | m g > 0 | 1 / max(k/n, 10⁻³) | √v |
| timm `Lion` with `caution` | u g > 0 | 1 / max(k/n, 10⁻³) | |
| C-Optim `c_lion.Lion` | u g > 0 | n / (k + 1) | |
| `pytorch_optimizer` with `cautious` | u g > 0 | n / (k + 1) | |
| `lion_pytorch.cautious_lion.Lion` | u g > 0 | 1 / max(k/n, 10⁻⁵) | |

- A product m g underflows where both are small: float16 parameters with gradients below 1.7·10⁻⁴ never move. Signs do
  not underflow.
- eps added to √v acts as eps/√(1 − β₂ᵗ), 32 times as much at t = 1: with C-Optim's eps of 10⁻⁶ a first step on
  gradients of 10⁻⁵ is 3.8 times shorter than with eps added to √v̂.
- C-Optim's own default, `foreach=True`, is another program: a generator under `torch.compile(fullgraph=True)`, which
  torch 2.13 refuses to trace. Only `foreach=False` runs.
- Other defaults: eps is 10⁻⁶ in C-Optim, 10⁻⁸ in timm and here; betas are (0.95, 0.98) in C-Optim's Lion, (0.9, 0.99)
  elsewhere.
"""
"""What was read in sources that no package carries, or that are not installed here."""
DOCUMENT = Path(__file__).parents[1] / "docs" / "published-optimizers.md"


@dataclass(frozen=True)
class Found:
    """What is known about one optimizer."""

    package: str
    optimizer: str
    role: str | None
    claims: Mapping[tuple[str, str], ClaimResult]
    """(claim, dtype) -> its result."""
    report: Report
    """What conformance came to."""

    @property
    def broken(self) -> dict[str, str]:
        """Promise -> what was expected of the implementations that break it; or the evidence, if that is known."""
        found: dict[str, dict[str, list[str]]] = {}
        for (check, implementation), message in {**self.report.failures, **self.report.deviations}.items():
            found.setdefault(check.replace("_", " "), {}).setdefault(message, []).append(implementation)
        return {
            check: "; ".join(f"({', '.join(where)}) {message}" for message, where in messages.items())
            for check, messages in found.items()
        }

    @property
    def violated(self) -> dict[tuple[str, str], ClaimResult]:
        return {key: result for key, result in self.claims.items() if result.fuzz and result.fuzz.violations}


def examine(package: str, optimizer: str) -> Found:
    """One optimizer in its natural role."""
    cls = load(optimizer)
    role = natural_role(cls)
    asked = [name for name in CLAIMS if role in getattr(by_id(name).setting, "optimizers", ())]
    claims = {
        (name, dtype): fuzz(name, optimizer, BUDGET, role=role, dtype=dtype)
        for name in asked
        for dtype in DTYPES
    }
    return Found(package, optimizer, role, claims, conformance.run(cls))


def row(found: Found) -> tuple[str, ...]:
    """A line of the table."""
    violated = sorted({name for name, _ in found.violated})
    kept = [f"{name} {verdict(found, name)}" for name in dict.fromkeys(name for name, _ in found.claims)]
    counts = Counter(outcome.verdict for outcome in found.report.outcomes)
    return (
        f"`{found.optimizer}`",
        found.role or "none",
        ", ".join(kept) or "–",
        f"{counts['passed']} of {counts.total() - counts['not applicable']}",
        "; ".join([*violated, *found.broken]) or "nothing",
    )


def verdict(found: Found, claim: str) -> str:
    """The worst verdict over the dtypes, with the fewest cases."""
    results = [result for (name, _), result in found.claims.items() if name == claim]
    worst = max(
        results,
        key=lambda result: (Verdict.SURVIVED, Verdict.UNDECIDED, Verdict.REFUTED).index(result.verdict),
    )
    return str(worst.verdict)


def faults(found: Found) -> Iterator[str]:
    """What is wrong, a paragraph each; a claim that is violated in several dtypes is shown in the first."""
    first = {name: key for key in reversed(found.violated) for name in key[:1]}
    for name, dtype in reversed(first.values()):
        result = found.claims[name, dtype]
        yield f"**{name}**, {dtype}: {sentence(found, result)}"
    for promise, expected in found.broken.items():
        yield f"**{promise}**: {expected}"


def sentence(found: Found, result: ClaimResult) -> str:
    """The witness in words: what was fed, where the step went, where the definition goes; and its token."""
    witness = result.witness
    if witness is None or witness.token is None or found.role is None:
        return "a case violates it beyond rounding, which shows nothing simpler"
    data = witness.data
    if "run" in data:
        run, g, moved = data["run"], data["g"], data["observed"][found.role]
        state = twin.UPDATES[twin.role(found.role).update](tuple(run["betas"]), run["eps"])
        u = [state.update(gradient) for gradient in run["gradients"]][-1]
        fed = ", then ".join(numbers(gradient) for gradient in run["gradients"])
        where = f"betas {numbers(run['betas'])}, eps {short(run['eps'])}, from zero state and fed {fed}"
    else:
        g, u, moved = data["g"], data["u"], data["moved"][found.role]
        where = f"at the gradient {numbers(g)} with the base update {numbers(u)}"
    defined = twin.displacement(found.role, g, u, data["eta"])
    return (
        f"with lr {short(data['eta'])}, {where}, it moves the weights by {numbers(moved)}, and by definition "
        f"{numbers(defined)}; {describe(witness)}.\n\n      grams-theory replay {witness.token}"
    )


def short(x: object) -> str:
    """Six digits of a rational or of a ball."""
    text = str(x)
    middle = text.strip("[]").split(" +/-")[0]
    return f"{float(middle if '[' in text else Fraction(text)):.6g}"


def numbers(values: Sequence[object]) -> str:
    """The first SHOWN of them."""
    shown = ", ".join(map(short, values[:SHOWN])) + (", …" if len(values) > SHOWN else "")
    return f"({shown})" if len(values) > 1 else shown


def document(everything: list[Found]) -> str:
    """The page, in Markdown."""
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    head = ("optimizer", "natural role", "claims", "promises kept", "what is violated")
    lines = [
        "# Published optimizers",
        "",
        "Written by `python benchmarks/published_optimizers.py --write`; do not edit.",
        "",
        f"Versions: {versions}.",
        "",
        "Each is put into the role whose definition its steps are nearest to, and fuzzed with "
        f"{BUDGET:,} cases for each claim",
        f"in {' and '.join(DTYPES)}, as its constructor chooses, without weight decay. `definitions` says that a step",
        "is the defined one up to rounding; `lemma-3.9`, `lemma-4.2`, `lion-descent` and `momentum-descent` bound the",
        "descent. A promise is a check of `grams_theory.testing.conformance` on one implementation, such as the loop;",
        "what does not apply is not counted.",
        "",
        *table(head, "l" * len(head), map(row, everything)),
        "",
        "An optimizer of no role computes an update that no claim speaks of: only its promises are checked.",
    ]
    for found in everything:
        wrong = list(faults(found))
        if wrong:
            lines += ["", f"## `{found.optimizer}` ({found.package} {version(found.package)})", ""]
            lines += [f"- {fault}" for fault in wrong]
    return "\n".join(lines) + "\n" + CAUTIOUS


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name}")
    write = parser.parse_args().write
    everything = []
    for package, optimizers in PACKAGES.items():
        for optimizer in optimizers:
            importlib.import_module(optimizer.partition(":")[0])
            everything.append(examine(package, optimizer))
            print(*row(everything[-1]), sep="  ", flush=True)
    if write:
        DOCUMENT.write_text(document(everything))
        print(f"wrote {DOCUMENT}")


if __name__ == "__main__":
    main()
