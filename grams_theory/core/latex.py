"""A proof as LaTeX: a fragment for a document that is set with XeLaTeX or LuaLaTeX and unicode-math."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grams_theory.core.summary import HOW, describe

if TYPE_CHECKING:
    from grams_theory.core.evidence import ProofEvidence

_SPECIAL = {character: rf"\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def text(words: str) -> str:
    """Plain words as LaTeX text."""
    return "".join(_SPECIAL.get(character, character) for character in words)


def proof_latex(proof: ProofEvidence) -> str:
    """The steps as an enumeration, each with what checked it and what it rests on, and the theorem they add up to."""
    numbers = {step.name: number for number, step in enumerate(proof.steps, 1)}
    lines = [f"% {describe(proof)}", r"\begin{enumerate}"]
    for step in proof.steps:
        sources = ", ".join(str(numbers[name]) for name in step.rests_on)
        how = f"{step.kind}, {HOW[step.kind]}: {step.method}" + (f"; from {sources}" if sources else "")
        lines += [rf"\item \textbf{{{text(step.name)}}} ({text(how)})", rf"\[{step.latex}\]"]
    lines.append(r"\end{enumerate}")
    if proof.stated is not None:
        if proof.stated.premises_latex:
            premises = r",\quad ".join(proof.stated.premises_latex)
            lines += ["Given", rf"\[{premises}\]"]
        lines.append("Hence, for all real numbers,")
        for part, formula in proof.stated.conclusions_latex.items():
            lines.append(rf"\[{formula}\qquad\text{{({text(part)})}}\]")
    return "\n".join(lines) + "\n"
