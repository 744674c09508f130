"""Which optimizer gets lower, and what happens on the way: tuned runs on real losses, with intervals.

    from grams_theory import study

    document = study.conduct(study.choose("small"), Path("study-results"), workers=2)

`conduct` plays what is missing and sums up; `report.render` writes it down and never computes.
"""

from grams_theory.study.conduct import Progress, conduct
from grams_theory.study.document import dumps, loads
from grams_theory.study.presets import PRESETS, choose
from grams_theory.study.report import render, verdict_lines
from grams_theory.study.settings import Settings, Task

__all__ = [
    "PRESETS",
    "Progress",
    "Settings",
    "Task",
    "choose",
    "conduct",
    "dumps",
    "loads",
    "render",
    "verdict_lines",
]
