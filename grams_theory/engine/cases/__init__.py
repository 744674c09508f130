"""One module per setting of a claim: what Hypothesis draws, and the batch of cases that it is filled to."""

from grams_theory.core.claim import Flow, Noise, OneStep, Run
from grams_theory.engine.cases import flow, noise, one_step, run

DRIVERS = {OneStep: one_step, Run: run, Flow: flow, Noise: noise}
"""Setting -> its module: `pool(claim)`, `strategy(claim, family, batch)` and `build(claim, structure)`; the default
number of CASES, the smallest BATCH and the LARGEST, the fewest and the most EXAMPLES that Hypothesis draws in a turn,
and whether a violation on a quadratic has an EXACT form."""
