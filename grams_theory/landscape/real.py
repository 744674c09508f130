"""One table over the built-in real losses: what the assumptions of the paper's theorems are worth on them."""

from __future__ import annotations

from collections.abc import Callable

from grams_theory.core.evidence import MeasuredEvidence
from grams_theory.landscape import losses
from grams_theory.landscape.bound import check_bound
from grams_theory.landscape.estimate import PLEstimate
from grams_theory.optim import Grams

COLUMNS = (
    "loss",
    "samples",
    "weights",
    "L certified",
    "L seen",
    "mu certified",
    "mu upper",
    "kappa min",
    "kappa median",
    "disagreement",
    "Theorem 4.15",
    "bound / initial gap",
    "informative from T",
    "mu of the bound",
)


def measure_real_losses(
    device: str = "cpu",
    steps: int = 40,
    seed: int = 0,
    lr: float = 1e-2,
    progress: Callable[[str], None] | None = None,
) -> MeasuredEvidence:
    """Run production Grams with exact gradients on every built-in loss and measure along it.

    Raises `UsageError` for bad arguments.
    """
    rows = []
    for name in losses.names():
        if progress is not None:
            progress(name)
        problem = losses.by_name(name)
        estimate = problem.estimate(
            optimizer=Grams, lr=lr, steps=steps, seed=seed, device=device, curvature_tol=1e-3
        )
        rows.append(_row(name, estimate, lr))
    return MeasuredEvidence(
        title=f"Real losses along {steps} exact-gradient steps of Grams, lr {lr:g}",
        columns=COLUMNS,
        rows=tuple(rows),
        notes=(
            "mu upper: smallest ½‖∇f‖²/(f − f*) met, an upper bound of any global mu; it depends on the run",
            "mu certified is blank where no mu > 0 holds everywhere, or none is known",
            "Theorem 4.15's bound is taken with the certified mu, or with mu upper where there is none, "
            "and with the largest gradient norm of the run as G",
        ),
    )


def _row(name: str, e: PLEstimate, lr: float) -> tuple[str | float | int | None, ...]:
    bound = check_bound(e, lr)
    return (
        name,
        e.samples,
        e.dim,
        e.smoothness.value,
        e.smoothness_seen.value,
        e.mu_lower.value,
        e.mu_upper.value,
        e.kappa.low,
        e.kappa.value,
        e.disagreement.value,
        bound.status,
        bound.factor,
        bound.informative_from,
        bound.mu_source,
    )
