"""Mathematics for the page: LaTeX and exact numbers as MathML."""

import re
from collections.abc import Sequence
from fractions import Fraction

from latex2mathml import exceptions
from latex2mathml.converter import convert
from markupsafe import Markup, escape

_LATEX_ERRORS = (
    IndexError,
    *(
        error
        for error in vars(exceptions).values()
        if isinstance(error, type) and issubclass(error, Exception)
    ),
)

_SIZES = (
    (re.compile(r"\\[Bb]igg?l(?![A-Za-z])"), r"\\left"),
    (re.compile(r"\\[Bb]igg?r(?![A-Za-z])"), r"\\right"),
)
"""Sized delimiters, which latex2mathml leaves as text where they are commands, as stretching ones."""


_IDLE = re.compile(r' (?:xmlns="[^"]*"|display="inline"|fence="\w+")')
"""What says nothing in HTML: the namespace, the default, and an attribute without an effect."""
_BAR = '<mo stretchy="false">|</mo>'
_TIGHT_BAR = '<mo stretchy="false" lspace="0" rspace="0">|</mo>'
"""Of an absolute value: MathML takes a bar between two terms for a relation, and sets it apart."""
_ENTITY = re.compile(r"&#x0*([0-9A-F]+);")


def _terse(mathml: str) -> str:
    """The same formula in fewer bytes: a page has a thousand of them."""
    spelled = _ENTITY.sub(lambda found: escape(chr(int(found[1], 16))), mathml)
    return _IDLE.sub("", spelled).replace(_BAR, _TIGHT_BAR)


def from_latex(latex: str, fallback: str, display: bool = False) -> Markup:
    """MathML of a formula; the readable statement where the LaTeX is only text or cannot be converted."""
    if latex.lstrip().startswith(r"\text{"):
        return escape(fallback)
    for size, delimiter in _SIZES:
        latex = size.sub(delimiter, latex)
    try:
        converted = convert(latex, display="block" if display else "inline")
    except _LATEX_ERRORS:
        return escape(fallback)
    return escape(fallback) if "\\" in converted else Markup(_terse(converted))


def exact(value: str) -> Markup:
    """An exact number: "p/q" as a fraction, anything else (a ball, say) as text."""
    try:
        fraction = Fraction(value)
    except (ValueError, ZeroDivisionError):
        return Markup("<mtext>{}</mtext>").format(value)
    sign = Markup("<mo>−</mo>") if fraction < 0 else Markup("")
    top = Markup("<mn>{}</mn>").format(abs(fraction.numerator))
    if fraction.denominator == 1:
        return Markup("<mrow>{}{}</mrow>").format(sign, top)
    bottom = Markup("<mn>{}</mn>").format(fraction.denominator)
    return Markup("<mrow>{}<mfrac>{}{}</mfrac></mrow>").format(sign, top, bottom)


def matrix(rows: Sequence[Sequence[str]]) -> Markup:
    """A matrix of exact numbers in parentheses."""
    cells = (Markup("").join(Markup("<mtd>{}</mtd>").format(exact(x)) for x in row) for row in rows)
    body = Markup("").join(Markup("<mtr>{}</mtr>").format(row) for row in cells)
    return Markup("<mrow><mo>(</mo><mtable>{}</mtable><mo>)</mo></mrow>").format(body)


def equation(name: str, value: object) -> Markup | None:
    """`name = value` for a number, vector (as a column) or matrix of exact numbers; None for anything else."""
    match value:
        case str() if _is_number(value):
            right = exact(value)
        case (str(), *_) if all(isinstance(x, str) and _is_number(x) for x in value):
            right = matrix([[x] for x in value])
        case ((str(), *_), *_) if all(isinstance(x, str) and _is_number(x) for row in value for x in row):
            right = matrix(value)
        case _:
            return None
    return Markup("<math><mrow>{}<mo>=</mo>{}</mrow></math>").format(_name(name), right)


def _is_number(text: str) -> bool:
    try:
        Fraction(text)
    except (ValueError, ZeroDivisionError):
        return False
    return True


_LETTERS = {
    "eta": "η",
    "smoothness": "L",
    "pl": "μ",
    "eps": "ε",
    "betas": "β",
    "start": "w₁",
    "mu": "μ",
    "steps": "T",
}


def _name(name: str) -> Markup:
    return Markup("<mi>{}</mi>").format(_LETTERS.get(name, name))
