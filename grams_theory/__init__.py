"""Machine-checked verdicts on the theorems of the Grams optimizer, and on yours.

    import grams_theory as gt

    r = gt.verify(claims=["lemma-4.2"])
    r["lemma-4.2"].verdict

Names are imported on first use, so that `import grams_theory` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grams_theory.core.ledger import ClaimResult, Ledger
    from grams_theory.core.verdict import Verdict
    from grams_theory.engine import fuzz, prove, replay, verify
    from grams_theory.landscape import comparison_step_size, estimate_pl
    from grams_theory.optim import AMS, Adam, AdamW, CautiousAdam, CautiousLion, Grams, Lion

__version__ = "0.1.0"

_HOMES = {
    "ClaimResult": "grams_theory.core.ledger",
    "Ledger": "grams_theory.core.ledger",
    "Verdict": "grams_theory.core.verdict",
    **dict.fromkeys(("fuzz", "prove", "replay", "verify"), "grams_theory.engine"),
    "comparison_step_size": "grams_theory.landscape",
    "estimate_pl": "grams_theory.landscape",
    **dict.fromkeys(
        ("AMS", "Adam", "AdamW", "CautiousAdam", "CautiousLion", "Grams", "Lion"), "grams_theory.optim"
    ),
}

__all__ = [
    "AMS",
    "Adam",
    "AdamW",
    "CautiousAdam",
    "CautiousLion",
    "ClaimResult",
    "Grams",
    "Ledger",
    "Lion",
    "Verdict",
    "comparison_step_size",
    "estimate_pl",
    "fuzz",
    "prove",
    "replay",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
