"""verdicts.json -> one self-contained HTML page. It draws what the ledger says and never recomputes a verdict."""

from grams_theory.report.page import render

__all__ = ["render"]
