"""Witnesses in small numbers: all simple cases at once through the production optimizers, the violating ones exactly.

Shrinking starts from a case that was found, and may end far from the simplest one; here nothing is started from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import torch
from flint import fmpq, fmpq_mat
from torch import Tensor

from grams_theory.core.claim import Claim, OneStep, Run
from grams_theory.core.rounding import Ball
from grams_theory.engine import exact_run, exact_step
from grams_theory.engine.cases.one_step import choose_step_sizes, measure
from grams_theory.engine.cases.run import RunRecord, walk
from grams_theory.engine.cases.step import State
from grams_theory.engine.exact import exactly, floats, precision, rational
from grams_theory.engine.exact_function import needs
from grams_theory.engine.exact_update import HALF, RATIOS, SMALL
from grams_theory.engine.production import OURS, Hyper, is_coordinatewise
from grams_theory.engine.shrink import Case, complexity, largest, total
from grams_theory.families._quadratic import DenseQuadratic
from grams_theory.symbolic.twin import sign

ENTRIES = tuple(fmpq(p, q) for q in (1, 2, 3, 4) for p in range(-6, 7) if math.gcd(p, q) == 1)
"""What the free entry of H and the second entry of g may be."""
WEIGHTS = tuple(fmpq(p, q) for q in (1, 2, 4) for p in range(-SMALL, SMALL + 1) if math.gcd(p, q) == 1)
"""What an entry of the start of a run may be."""
DENOMINATORS = (1, 2, 3, 4, 8, 16)
"""L is rounded up to one of these, μ and the step size down."""
HESSIANS = ([[1, "1/4"], ["1/4", "1/2"]], [[1, "1/2"], ["1/2", 1]], [[1, "1/3"], ["1/3", "1/3"]])
BETAS = (("1/2", "1/2"), ("1/2", "999/1000"))
STEPS = 48
TOUCHING = 2.0**-20
"""A computed curvature so close to a multiple of 1/d is tried as that multiple; the exact recheck decides."""
COUPLED = 512
"""The most cases of an optimizer that has to have a parameter for each."""
CONFIRMED = 12
"""Violating rows that are looked at exactly, simplest first."""


def met(claim: Claim, part: str) -> Case | None:
    """A violation in the second step of a run on one strongly convex quadratic in two dimensions, f(w) = w'Hw/2.

    The run is that of Grams, and of Adam and Cautious too, from zero state with betas (1/2, 1/2) and eps 0: the first
    step is eta sign(h) for each of them, so it leads from the gradient h to g exactly if H sign(h) = (h - g)/eta. That
    leaves one entry of H free. eta = 1 and g_1 = 1 are a choice of units.
    """
    setting = claim.setting
    assert isinstance(setting, OneStep) and claim.margin is not None
    rows = _choices()
    t1, t2, second, c = _columns()
    t, g = torch.stack([t1, t2], -1), torch.stack([torch.ones_like(second), second], -1)
    h = t * g
    s, q = h.sign(), h - g
    diagonal = (q - c.unsqueeze(-1) * s.flip(-1)) * s
    H = torch.diag_embed(diagonal) + c[:, None, None] * torch.eye(2, dtype=torch.float64).flip(0)
    coupled = not all(is_coordinatewise(OURS.optimizer(name)) for name in setting.optimizers)
    convex = ((diagonal > 0).all(-1) & (diagonal.prod(-1) - c**2 > TOUCHING)).nonzero().squeeze(-1)
    convex = convex[:COUPLED] if coupled else convex
    H, g, h = H[convex], g[convex], h[convex]
    state = State(_quadratics(H, g), torch.zeros_like(g), (h,), Hyper((0.5, 0.5), 0.0))
    measured = measure(claim, state, OURS, eta=torch.ones_like(g[:, 0]))
    if measured is None:
        return None
    step, inside = measured
    violating = inside & step.decided & claim.margin(step)[part].surely_negative()
    found = (_case_after(*rows[index]) for index in convex[violating].tolist())
    with precision():
        return _confirmed(claim, part, found, exact_step)


@cache
def _choices() -> list[tuple[fmpq, fmpq, fmpq, fmpq]]:
    """What is chosen in a case: h_1/g_1, h_2/g_2, g_2 and the free entry of H; simplest first."""
    ratios = [t for _, (t,) in RATIOS[2]]
    choices = product(ratios, ratios, (g for g in ENTRIES if g != 0), ENTRIES)
    return sorted(choices, key=lambda row: complexity(row[2]) + complexity(row[3]))


@cache
def _columns() -> Tensor:
    """All choices as floats, shape (4, N)."""
    return _tensor(list(zip(*_choices(), strict=True)))


def _case_after(t1: fmpq, t2: fmpq, g2: fmpq, c: fmpq) -> Case:
    """The case of a row, but for its constants."""
    g = [fmpq(1), g2]
    h = [t1 * g[0], t2 * g[1]]
    s = [fmpq(sign(x)) for x in h]
    a, b = ((h[i] - g[i] - c * s[1 - i]) * s[i] for i in range(2))
    H, ratio = [[a, c], [c, b]], {t: u for u, (t,) in RATIOS[2]}
    return {
        "H": H,
        "g": g,
        "u": [ratio[t] * sign(x) for t, x in zip((t1, t2), g, strict=True)],
        "eta": fmpq(1),
        "start": fmpq_mat(H).solve(fmpq_mat(2, 1, h)).entries(),
        "run": {"betas": [HALF, HALF], "eps": fmpq(0), "gradients": [h, g]},
    }


def runs(claim: Claim, part: str) -> Case | None:
    """A violation in a run of two dimensions from a simple start, at the largest step size that the premise allows."""
    setting = claim.setting
    assert isinstance(setting, Run) and claim.margin is not None
    grid = [w for w in product(WEIGHTS, WEIGHTS) if w[0] > 0]
    weights = _tensor(grid)
    for betas, H in product(BETAS, HESSIANS):
        beta1, beta2 = (float(Fraction(beta)) for beta in betas)
        f = _quadratics(_tensor(exactly(H)).expand(len(grid), 2, 2), torch.zeros_like(weights))
        record = RunRecord(f, weights, Hyper((beta1, beta2), 1.0), STEPS, claim.loosened)
        bound = Ball.exact(1 / f.smoothness) if setting.step_size is None else setting.step_size(record)
        chosen = choose_step_sizes(bound, 1.0)
        if chosen is None:
            continue
        eta, inside = chosen
        paths = {name: walk(name, record, eta, OURS) for name in setting.optimizers}
        margin = claim.margin(replace(record, eta=eta, paths=paths))[part]
        violating = (inside & margin.surely_negative()).nonzero().squeeze(-1).tolist()
        common = {"H": exactly(H), "betas": exactly(betas), "eps": fmpq(1), "steps": STEPS}
        with precision():
            found = _confirmed(
                claim, part, ({**common, "start": list(grid[i])} for i in violating), exact_run
            )
            if found is not None:
                return _shortest(claim, part, found)
    return None


def _shortest(claim: Claim, part: str, case: Case) -> Case:
    """The run up to the first step from which on it violates the part."""
    fewest, most = 0, case["steps"]
    while most - fewest > 1:
        steps = (fewest + most) // 2
        if exact_run.violates(claim, {**case, "steps": steps}, part):
            most = steps
        else:
            fewest = steps
    return {**case, "steps": most}


def _tensor(x: Any) -> Tensor:
    return torch.tensor(floats(x), dtype=torch.float64)


def _quadratics(H: Tensor, g: Tensor) -> DenseQuadratic:
    """Positive definite quadratics with the gradients g at 0; L and μ at their last denominator, not certified."""
    curvature, d = torch.linalg.eigvalsh(H), DENOMINATORS[-1]
    L, mu = (curvature[:, -1] * d - TOUCHING).ceil() / d, (curvature[:, 0] * d + TOUCHING).floor() / d
    return DenseQuadratic(H, -torch.linalg.solve(H, g), L, mu)


def _confirmed(claim: Claim, part: str, cases: Iterable[Case], module: Any) -> Case | None:
    """The simplest case that exact arithmetic confirms, with its constants."""
    ranked = sorted(cases, key=lambda case: (largest(case), total(case)))
    for case in ranked[:CONFIRMED]:
        for candidate in _with_constants(claim, case):
            if module.violates(claim, candidate, part):
                return candidate
    return None


def _with_constants(claim: Claim, case: Case) -> Iterator[Case]:
    """The case with L rounded up, μ down, and the step size, if it has none, at its bound."""
    H = case["H"]
    low, high = torch.linalg.eigvalsh(_tensor(H))[[0, -1]].tolist()
    for d in DENOMINATORS:
        bounded = {**case, "smoothness": rational(Fraction(math.ceil(high * d - TOUCHING), d))}
        if needs(claim, "pl"):
            bounded["pl"] = rational(Fraction(math.floor(low * d + TOUCHING), d))
        if "eta" not in case:
            longest = exact_run.longest(claim, {**bounded, "eta": fmpq(1)})
            if longest is None or not longest > 0:
                continue
            bounded["eta"] = exact_run.below(longest)
        yield bounded
