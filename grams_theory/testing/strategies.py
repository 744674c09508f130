"""Hypothesis strategies for your own `@given` tests: functions, gradients, hyperparameters, optimizers, whole cases.

    from hypothesis import given
    from grams_theory.testing import strategies as gts

    @given(gts.cases("lemma-4.2", optimizer="my_package.optim:MyGrams", role="Grams"))
    def test_my_grams_descends(case):
        case.assert_holds()

A failing case shrinks to a small structure, and Hypothesis prints it as `case('gt1....')`: paste that into
`@example(gts.case('gt1....'))` to keep it. Batches are filled from a drawn seed, so that Hypothesis stays fast.

>>> from hypothesis import given, settings
>>> import grams_theory.testing.strategies as gts
>>> @settings(max_examples=5, database=None)
... @given(gts.functions({"smooth", "convex"}), gts.seeds())
... def a_short_gradient_step_descends(f, seed):
...     w = gts.starting_point(f, seed)
...     d = -f.gradient(w) / f.smoothness.unsqueeze(-1)
...     assert not f.change(w, Ball.exact(d)).mid.gt(1e-9).any()
>>> from grams_theory.core.rounding import Ball
>>> a_short_gradient_step_descends()
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from torch import Tensor

from grams_theory import claims, families, optim
from grams_theory.core.claim import Claim
from grams_theory.core.errors import UsageError
from grams_theory.core.function import Family, FunctionBatch
from grams_theory.core.random import generator
from grams_theory.core.rounding import Ball
from grams_theory.engine import weaken
from grams_theory.engine.cases import DRIVERS
from grams_theory.engine.cases.structure import HYPERS, Structure
from grams_theory.engine.evaluate import Outcome, evaluate
from grams_theory.engine.production import VARIANTS, Hyper, OptimizerClass, Rig, load
from grams_theory.engine.tokens import Token
from grams_theory.engine.verification import cast_in, check_fuzzable
from grams_theory.testing.snippet import as_code

BATCH = 64
"""Functions in a drawn batch, unless the family allows fewer."""


def seeds() -> SearchStrategy[int]:
    """Seeds of random streams, from 0."""
    return st.integers(0, 2**32 - 1)


def sample(
    family: str, dim: int, seed: int = 0, batch: int = BATCH, options: Mapping[str, Any] | None = None
) -> FunctionBatch:
    """A batch of functions of the named family, from that seed. What `functions` prints of a failing example.

    Raises:
        UsageError: there is no such family, or it has no such dimension or option.
    """
    return families.by_name(family)(generator(seed, "family"), batch, dim, **(options or {}))


def functions(
    traits: Iterable[str] = ("smooth",), *, family: str | Family | None = None, batch: int = BATCH
) -> SearchStrategy[FunctionBatch]:
    """Batches of B functions R^D -> R with certified constants, simplest families and dimensions first.

    Args:
        traits: what each must certify: "smooth", "bounded", "pl", "convex", "separable", "quadratic", ...
        family: this one alone, by its name; or your own.
        batch: B; fewer where the family allows fewer.

    Raises:
        UsageError: no family has the traits.
    """
    needed = set(traits)
    if family is None:
        pool = families.certifying(needed)
    else:
        pool = [families.by_name(family) if isinstance(family, str) else families.add(family)]
    pool = sorted((f for f in pool if needed <= f.traits), key=lambda f: "quadratic" not in f.traits)
    if not pool:
        raise UsageError(f"no family has the traits {', '.join(sorted(needed))}; ask for fewer")
    for found in pool:
        if "real-data" in found.traits:  # read now: Hypothesis would take it for slow drawing
            sample(found.name, found.dims[0], batch=1)
    return st.sampled_from([f.name for f in pool]).flatmap(lambda name: _of(families.by_name(name), batch))


def _of(family: Family, batch: int) -> SearchStrategy[FunctionBatch]:
    options = {name: st.sampled_from(values) for name, values in family.options.items()}
    return st.builds(
        sample,
        family=st.just(family.name),
        dim=st.sampled_from(family.dims),
        seed=seeds(),
        batch=st.just(min(batch, family.max_batch)),
        options=st.fixed_dictionaries(options),
    )


def starting_point(f: FunctionBatch, seed: int = 0, radius: float = 1.0) -> Tensor:
    """Weights of shape (B, D), of the order of `radius` about the minimiser (or the origin)."""
    return f.start(generator(seed, "state", device=f.smoothness.device), radius)


def starting_points(f: FunctionBatch) -> SearchStrategy[Tensor]:
    """Weights of shape (B, D), near the minimiser (or the origin) and far from it."""
    return st.builds(starting_point, st.just(f), seed=seeds(), radius=st.sampled_from((1.0, 1e-3, 1e-8, 1e3)))


def gradient_history(
    shape: tuple[int, ...], steps: int, seed: int = 0, zeros: float = 0.0, decades: float = 0.0
) -> Tensor:
    """Normal gradients, shape (steps, *shape): a share of them 0, their sizes spread over so many decades."""
    gen = generator(seed, "gradients")
    g = torch.randn((steps, *shape), generator=gen, dtype=torch.float64)
    sizes = 10 ** (decades * (torch.rand(g.shape, generator=gen, dtype=torch.float64) - 0.5))
    return torch.where(torch.rand(g.shape, generator=gen, dtype=torch.float64) < zeros, 0.0, g * sizes)


def gradient_histories(shape: tuple[int, ...], steps: int = 8) -> SearchStrategy[Tensor]:
    """Gradients of 1 to `steps` steps, oldest first, shape (T, *shape): of one size or many, some of them 0."""
    return st.builds(
        gradient_history,
        st.just(shape),
        steps=st.integers(1, steps),
        seed=seeds(),
        zeros=st.sampled_from((0.0, 0.3)),
        decades=st.sampled_from((0.0, 6.0, 12.0)),
    )


def hyperparameters() -> SearchStrategy[Hyper]:
    """`betas` and `eps`: the defaults, then what stretches them."""
    return st.sampled_from(HYPERS)


def optimizers(*candidates: str | OptimizerClass) -> SearchStrategy[OptimizerClass]:
    """Optimizer classes: these, as "module:Class" or as classes; without any, ours and torch's SGD with momentum.

    Raises:
        UsageError: one of them cannot be loaded.
    """
    return st.sampled_from([load(candidate) for candidate in candidates or (*optim.names(), *VARIANTS)])


@dataclass(frozen=True, eq=False, repr=False)
class Case:
    """A batch of cases of one claim, run through the optimizers that play in it."""

    claim: Claim
    structure: Structure
    rig: Rig

    @cached_property
    def outcome(self) -> Outcome | None:
        """Margins, and which rows count; None if no row is inside the claim's premise."""
        return evaluate(self.claim, self.structure, rig=self.rig)

    @property
    def margins(self) -> Mapping[str, Ball]:
        """Part of the claim -> its slack, Balls of shape (B,)."""
        return {} if self.outcome is None else self.outcome.margins

    @cached_property
    def violation(self) -> tuple[str, int] | None:
        """The part and the row of the worst violation beyond rounding, or None."""
        return None if self.outcome is None else self.outcome.worst()

    @property
    def holds(self) -> bool:
        """Whether no row violates the claim beyond rounding."""
        return self.violation is None

    def assert_holds(self) -> None:
        """Raises AssertionError if a row violates the claim; the message shows the case as Python code."""
        if self.outcome is None or self.violation is None:
            return
        part, row = self.violation
        margin = self.margins[part]
        text = [
            f"claim {self.claim.id!r}, part {part!r}: {margin.mid[row].item():.6g} ± {margin.rad[row].item():.1g} < 0",
            f"replay it: grams-theory replay {self.token}",
        ]
        code = as_code(self.claim, self.structure, self.outcome.record, row, self.rig)
        raise AssertionError("\n".join([*text, *(["or paste this:", "", code] if code else [])]))

    @property
    def token(self) -> str:
        """What `grams-theory replay` repeats: the worst violation, else the first row."""
        part, row = self.violation or (next(iter(self.margins), ""), 0)
        return Token(self.claim.id, self.structure, part, row, self.rig).encode()

    def __repr__(self) -> str:
        return f"case({self.token!r})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Hypothesis would print the fields of a dataclass."""
        printer.text(repr(self))


def case(token: str) -> Case:
    """The case of a token, such as a failing test printed: for `@example(case("gt1...."))`.

    Raises:
        UsageError: the text is no token, or names a claim or optimizer that does not exist.
    """
    found = Token.decode(token)
    return Case(weaken.by_id(found.claim), found.structure, found.rig.check())


def cases(
    claim_id: str,
    optimizer: str | OptimizerClass | None = None,
    role: str | None = None,
    *,
    dtype: str = "float64",
    device: str = "cpu",
    batch: int = BATCH,
) -> SearchStrategy[Case]:
    """Batches of cases of a claim: functions, weights, gradient histories, hyperparameters, as `fuzz` draws them.

    Args:
        claim_id: the claim's id, or the path of a file with a CLAIM.
        optimizer: "module:Class" or a class that plays in it; None takes ours.
        role: which of the claim's optimizers it replaces; by default the first.
        dtype: of the weights.
        device: torch device.
        batch: rows of a case; fewer where the family allows fewer.

    Raises:
        UsageError: unknown claim, role or optimizer, or a claim that has no cases.
    """
    claim = claims.by_id(claim_id)
    check_fuzzable(claim)
    rig = Rig(device, dtype, cast_in(claim, optimizer, role)).check()
    driver = DRIVERS[type(claim.setting)]
    pool = driver.pool(claim)

    @st.composite  # and no map: of that Hypothesis would print the arguments
    def drawn(draw: st.DrawFn) -> Case:
        family = draw(st.sampled_from(pool))
        structure = draw(driver.strategy(claim, family, min(batch, family.max_batch)))
        return Case(claim, replace(structure, hyper=rig.told(structure.hyper)), rig)

    return drawn()
