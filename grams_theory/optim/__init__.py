"""Production optimizers of the Grams paper, on one shared rule. Needs torch only.

`from grams_theory.optim import Grams` works as from torch.optim. A new file in this folder that defines an
optimizer is found without being listed: by `names()`, by `by_name("Grams")` and by `import`.
"""

from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from grams_theory.optim._base import RuleOptimizer

if TYPE_CHECKING:  # what editors and type checkers see
    from grams_theory.optim.adam import Adam as Adam
    from grams_theory.optim.adamw import AdamW as AdamW
    from grams_theory.optim.ams import AMS as AMS
    from grams_theory.optim.cautious_adam import CautiousAdam as CautiousAdam
    from grams_theory.optim.cautious_lion import CautiousLion as CautiousLion
    from grams_theory.optim.grams import Grams as Grams
    from grams_theory.optim.lion import Lion as Lion


def _discover() -> dict[str, type[RuleOptimizer]]:
    found = {}
    for info in iter_modules(__path__):
        if info.name.startswith("_"):
            continue
        module = import_module(f"{__name__}.{info.name}")
        for name, value in vars(module).items():
            if (
                isinstance(value, type)
                and issubclass(value, RuleOptimizer)
                and value.__module__ == module.__name__
            ):
                found[name] = value
    return dict(sorted(found.items()))


_OPTIMIZERS = _discover()
globals().update(_OPTIMIZERS)


def names() -> tuple[str, ...]:
    """The names of all optimizers, sorted."""
    return tuple(_OPTIMIZERS)


def by_name(name: str) -> type[Any]:
    """The optimizer class of that name, a subclass of torch.optim.Optimizer.

    Raises:
        ValueError: there is none; the message offers the nearest names.
    """
    if name in _OPTIMIZERS:
        return _OPTIMIZERS[name]
    near = get_close_matches(name, _OPTIMIZERS, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(_OPTIMIZERS)}"
    raise ValueError(f"no optimizer named {name!r}; {hint}")
