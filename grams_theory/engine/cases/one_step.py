"""One production step from a common state, for a batch of functions.

The state is reached either by feeding an arbitrary gradient history (any momentum that gradients can produce) or by
a real production run on the same functions. Then every optimizer of the claim takes one step from the same weights.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from torch import Tensor

from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.function import Family
from grams_theory.core.random import generator
from grams_theory.core.rounding import Ball
from grams_theory.engine.cases.climb import climb
from grams_theory.engine.cases.step import State, Step, longest_step_size
from grams_theory.engine.cases.structure import HYPERS, Structure, covering, structures
from grams_theory.engine.production import LAYOUTS, OURS, Rig
from grams_theory.engine.updates import SLACK, Definition, base_update
from grams_theory.families._draw import normal, uniform

BATCH = 256
LARGEST = 1 << 20
EXAMPLES = (3, 24)
CASES = 10_000
STEP_SIZES = 8
"""Different step sizes in a batch: each is a parameter group of the optimizer."""
CLIMBERS = 256
"""Rows of a batch that climbs: a step of all of them costs about as much as ten times as many rows that do not."""
EXACT = True
HISTORIES = (*(1, 2, 4, 0) * 4, 3, 5, 6, 7, 9, 10, 12, 24)
"""How many gradients come before the step, or how many times four steps of a run: mostly few, sometimes many, for what
an optimizer does late, or on some steps only."""
PLAIN = {
    "reached": False,
    "history": 0,
    "memory": 1.0,
    "near": 1.0,
    "layout": "whole",
    "zeros": 0.0,
    "fraction": 1.0,
    "ascent": 0,
}
"""The knobs of a batch with nothing special: the first step of one tensor, from anywhere, of the longest size."""


pool = covering


def strategy(claim: Claim, family: Family, batch: int = BATCH) -> SearchStrategy[Structure]:
    """What Hypothesis draws for a one-step claim on functions of that family.

    Most batches stay as they are drawn. Those that climb have no more than CLIMBERS rows, free histories, and the
    longest step sizes.
    """
    drawn = structures(
        family,
        batch,
        HYPERS,
        reached=st.booleans(),
        history=st.sampled_from(HISTORIES),
        memory=st.sampled_from([1.0, 3.0, 0.3, 30.0]),
        near=st.sampled_from([1.0, 1.0, 1e-3, 1e-8, 1e3]),
        layout=st.sampled_from(LAYOUTS),
        zeros=st.sampled_from([0.0, 0.0, 0.3]),
        fraction=st.sampled_from([1.0, 0.999, 0.5, 0.9, 0.1, 0.01]),
        ascent=st.sampled_from(_ascents(family, batch)),
    )
    return drawn.map(lambda structure: _climbing(structure) if structure.knobs["ascent"] else structure)


def _ascents(family: Family, batch: int) -> list[int]:
    """Lengths of climbs: one batch in 32, one in 8 once batches are large; none on data, where steps are dear."""
    if "real-data" in family.traits:
        return [0]
    return [0] * 31 + [8] if batch <= BATCH else [0] * 14 + [8, 32]


def _climbing(structure: Structure) -> Structure:
    knobs = {**structure.knobs, "reached": False, "fraction": 1.0}
    return replace(structure, batch=min(structure.batch, CLIMBERS), knobs=knobs)


def draw(claim: Claim, structure: Structure, rig: Rig = OURS) -> State:
    """The state of a structure: reached by a production run of the claim's subject, or by any gradients at all."""
    setting = claim.setting
    assert isinstance(setting, OneStep)
    f, gen = structure.functions(rig.device), generator(structure.seed, "state", device=rig.device)
    knobs, base = structure.knobs, base_update(setting)
    w = rig.narrow(f.start(gen, knobs["near"]))
    if f.minimizer is not None and knobs["zeros"]:
        w = torch.where(uniform(gen, *w.shape) < knobs["zeros"], rig.narrow(f.minimizer), w)
    if not knobs["reached"]:
        size = knobs["memory"] * f.gradient(w).norm(dim=-1, keepdim=True) / structure.dim**0.5
        shape = (knobs["history"], *w.shape)
        noise = normal(gen, *shape)
        if knobs["zeros"]:
            noise = torch.where(uniform(gen, *shape) < knobs["zeros"], 0.0 * noise, noise)
        return State(f, w, tuple(rig.narrow(size * noise)), structure.hyper, knobs["layout"])
    lr = (1.0, 0.3, 0.1, 0.01)[int(torch.randint(0, 4, (), generator=gen, device=rig.device))]
    lr = min(lr / (f.smoothness.max().item() if base.homogeneous else 1.0), rig.longest_step(structure.hyper))
    run, history = rig.subject(setting.optimizers[0], w, lr, structure.hyper, knobs["layout"]), []
    for _ in range(4 * knobs["history"]):
        w = run.w
        history.append(rig.narrow(f.gradient(w)))
        run.step(history[-1])
    if not run.w.isfinite().all():
        update = base.define(history, structure.hyper, rig.unit, rig.tiny)
        sound = rig.in_range(history) & stays_finite(w, lr, update, rig)
        rig.check_finite(setting.optimizers[0], run.w, sound)
    return State(f, run.w, tuple(history), structure.hyper, knobs["layout"])


def choose_step_sizes(
    bound: Ball, fraction: float, step_sizes: int = STEP_SIZES, largest: float = torch.inf
) -> tuple[Tensor, Tensor] | None:
    """Step sizes at that fraction of the rows' bounds, and the rows that have a bound, both (B,); None if no row has.

    There are at most so many different ones, none above `largest`: neighbours in size share the smallest bound.
    """
    low = bound.low
    usable = torch.isfinite(low) & (low > 0)
    if not bool(usable.any()):
        return None
    ranked = usable.nonzero().squeeze(-1)[low[usable].argsort()]
    low = low.clamp(max=largest)
    eta = torch.full_like(low, fraction * low[ranked[0]].item())
    for rows in ranked.chunk(step_sizes):
        eta[rows] = fraction * low[rows[0]]
    return eta, usable


def stays_finite(w: Tensor, eta: Tensor | float, update: Definition, rig: Rig) -> Tensor:
    """Rows in which every correct implementation steps from w of shape (B, D) to finite numbers, shape (B,)."""
    u = update.u.reach + update.rounding
    return rig.holds(u) & rig.holds(w.abs() + eta * u + update.lost)


def shifted(state: State, start: int) -> State:
    """The state in which row i starts as row i + start does here."""
    if start == 0:
        return state
    return replace(state, w=state.w.roll(-start, 0), history=tuple(g.roll(-start, 0) for g in state.history))


def moved_on(claim: Claim, state: State, steps: int, lr: float, rig: Rig) -> State:
    """The state after so many production steps of the claim's subject on its own gradients."""
    assert isinstance(claim.setting, OneStep)
    run, history = rig.subject(claim.setting.optimizers[0], state.w, lr, state.hyper), list(state.history)
    for gradient in history:
        run.step(gradient)
    run.move_to(state.w)
    for _ in range(steps):
        history.append(rig.narrow(state.f.gradient(Ball.exact(run.w)).mid))
        run.step(history[-1])
    return replace(state, w=run.w, history=tuple(history))


def build(claim: Claim, structure: Structure, *, rig: Rig = OURS) -> tuple[Step, Tensor] | None:
    """The batch of cases and the mask (B,) of rows inside the premise; None if no row is inside.

    What a stream hands on has the knobs `start` and `taken`, see `shifted` and `moved_on`, and `eta`, the step size .
    """
    state = draw(claim, structure, rig)
    if "eta" in structure.knobs:
        lr = structure.knobs["eta"]
        state = shifted(state, structure.knobs["start"])
        state = moved_on(claim, state, structure.knobs["taken"], lr, rig)
        return measure(claim, state, rig, eta=torch.full_like(state.f.smoothness, lr))
    fraction, ascent, step_sizes = structure.knobs["fraction"], structure.knobs["ascent"], STEP_SIZES
    if ascent:
        state = climb(claim, state, rig, fraction=fraction, steps=ascent)
        step_sizes = structure.batch
    return measure(claim, state, rig, fraction=fraction, step_sizes=step_sizes)


def measure(
    claim: Claim,
    state: State,
    rig: Rig = OURS,
    *,
    fraction: float = 1.0,
    step_sizes: int = STEP_SIZES,
    eta: Tensor | None = None,
) -> tuple[Step, Tensor] | None:
    """One production step of every optimizer of the claim from that state, and the mask (B,) of rows in the premise.

    Step sizes are `eta` of shape (B,), or so many that are about that fraction of what the premise allows; None if no
    row is inside.

    Raises:
        UsageError: a step made weights NaN or infinite where every number fits into the dtype.
    """
    setting = claim.setting
    assert isinstance(setting, OneStep)
    f, w, base = state.f, state.w, base_update(setting)
    g = f.gradient(Ball.exact(w))
    gradients = (*state.history, rig.narrow(g.mid))
    unit, tiny = rig.precision(setting.optimizers)
    update = base.define(gradients, state.hyper, unit, tiny)
    if tiny < rig.tiny:  # a weight may underflow when it is stored
        update = replace(update, lost=update.lost + SLACK * rig.tiny)
    step = Step.before(claim, f, w, g, gradients, update, rig.unit)
    bound = longest_step_size(setting, step)
    if eta is None:
        chosen = choose_step_sizes(bound, fraction, step_sizes, rig.longest_step(state.hyper))
        if chosen is None:
            return None
        eta, inside = chosen
    else:
        inside = (eta > 0) if setting.step_size is None else (eta > 0) & (eta <= bound.low)
    inside = inside & rig.in_range(gradients) & stays_finite(w, eta.unsqueeze(-1), update, rig)
    moved = {
        name: rig.displacement(name, w, gradients, eta, state.hyper, state.layout)
        for name in setting.optimizers
    }
    for name, d in moved.items():
        rig.check_finite(name, d, inside)
    return replace(step, eta=eta, moved=moved), inside
