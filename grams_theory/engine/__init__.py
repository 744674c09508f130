"""Prove, fuzz, shrink, recheck exactly, decide."""

from grams_theory.engine.tokens import Replay, replay
from grams_theory.engine.verification import Progress, fuzz, prove, verify

__all__ = ["Progress", "Replay", "fuzz", "prove", "replay", "verify"]
