"""The page of a study, from its document: tables, figures and sentences. Nothing is computed here."""

from grams_theory.study.report.comparisons import verdict_lines
from grams_theory.study.report.page import render, text

__all__ = ["render", "text", "verdict_lines"]
