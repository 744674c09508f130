"""The convergence theorems held against one run: violated, vacuous or informative, and from which step on."""

from grams_theory.landscape.verdict.judgement import TheoremVerdict, TheoremVerdicts
from grams_theory.landscape.verdict.theorems import FAMILY, judge

__all__ = ["FAMILY", "TheoremVerdict", "TheoremVerdicts", "judge"]
