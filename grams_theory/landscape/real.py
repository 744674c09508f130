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
    "n",
    "D",
    "L cert.",
    "L seen",
    "μ cert.",
    "μ upper",
    "κ min",
    "κ median",
    "disagree",
    "Thm 4.15",
    "bound/gap",
    "informs from T",
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
            "n samples, D weights; κ = ⟨|g|, |u|⟩/(‖g‖‖u‖); disagree: median share of coordinates with u_i g_i < 0",
            "μ upper: smallest ½‖∇f‖²/(f − f*) met, an upper bound of any global μ; it depends on the run",
            "μ cert. is blank where no μ > 0 holds everywhere, or none is known",
            "Theorem 4.15's bound is taken with the certified μ, or with μ upper where there is none, and with the "
            "largest gradient norm of the run as G; gap is the initial one; T is where the bound falls below it",
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
    )
