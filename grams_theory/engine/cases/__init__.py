"""One module per setting of a claim: what Hypothesis draws, and the batch of cases that it is filled to."""

from grams_theory.core.claim import Flow, Noise, OneStep, Run
from grams_theory.engine.cases import flow, noise, one_step, run

DRIVERS = {OneStep: one_step, Run: run, Flow: flow, Noise: noise}
"""Setting -> its module: `pool(claim)`, `strategy(claim, family)`, `build(claim, structure)`, the default number of
CASES, and whether a violation on a quadratic has an EXACT form."""
