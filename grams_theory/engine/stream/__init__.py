"""Streams: one-step claims on millions of production steps per second.

A stream draws chunk after chunk of problems, runs the production optimizer on each, and checks the claim at every
step. `program` says what is done, in torch; on a CPU with the bounds of `prior` and `definitions`, which are known
before anything is computed. `record` writes down the operations; `lower` (by the rules of `terms` and `operations`) and
`native` make one C++ function of them, `compilers` one of inductor's on a GPU; `sweep` counts. In a campaign, `source`
draws them, believes them after `agreement`, and hands what they suspect to production.
"""

from grams_theory.engine.stream.sweep import Address, Extreme, Stream, Swept, sweep

__all__ = ["Address", "Extreme", "Stream", "Swept", "sweep"]
