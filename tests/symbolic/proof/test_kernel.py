"""The kernel records what it checked and nothing else: forged, empty and circular proofs are refused."""

import ast
import inspect
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

import pytest
import sympy as sp

from grams_theory import claims
from grams_theory.core.definitions import SMOOTH
from grams_theory.core.errors import UsageError
from grams_theory.core.registry import modules
from grams_theory.symbolic import proof as package
from grams_theory.symbolic.proof import CheckedProof, prove
from tests.symbolic.proof.examples import (
    CLAIM,
    FALSE,
    S,
    T,
    order,
    stated,
    x,
    y,
)


def test_a_checked_proof_is_complete():
    evidence = prove(CLAIM)
    assert evidence.complete, evidence.failure
    assert evidence.checked == 1
    assert evidence.stated.premises == ("x ≥ 1",)
    assert evidence.stated.conclusions == {"part 0": "x² ≥ x"}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_proof_is_incomplete_and_says_why(name):
    evidence = prove(replace(CLAIM, prove=FALSE[name]))
    assert not evidence.complete
    assert "s: " in (evidence.failure or "")


def only_axioms(p):
    p.axiom("Fermat", "no proof fits in this margin", "P. de Fermat, 1637", sp.Ge(x**2, x))
    p.conclude("part 0")


def from_a_stray_hypothesis(p):
    p.implies("s", [x >= 1, y > 0], sp.Ge(x**2 * y, x * y))
    p.conclude("part 0", [sp.Ge(x**2 * y, x * y), y > 0])


def from_nothing(p):
    p.implies("s", [sp.Ge(x, 2)], sp.Ge(x**2, x))
    p.conclude("part 0")


def something_else(p):
    p.implies("s", [x >= 1], sp.Ge(x**3, x))


def smoothness(p):
    p.assume(SMOOTH, "anywhere", S, T)
    order(p)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"prove": only_axioms}, "checks nothing"),
        ({"prove": lambda p: None}, "checks nothing"),
        ({"prove": something_else}, "not concluded: part 0"),
        ({"prove": from_a_stray_hypothesis}, "neither premise nor established: y > 0"),
        ({"prove": from_nothing}, "neither premise nor established: x ≥ 2"),
        ({"prove": smoothness}, "does not assume that f is L-smooth"),
        ({"assumptions": (SMOOTH,)}, "never uses that f is L-smooth"),
        ({"formal": stated(sp.Ge(x**3, x), premises=(x >= 1,))}, "neither premise nor established"),
        ({"formal": stated(sp.Ge(x**2, x))}, "neither premise nor established: x ≥ 1"),
    ],
    ids=[
        "only axioms",
        "empty",
        "another conclusion",
        "a stray hypothesis",
        "a stronger hypothesis",
        "an assumption of another claim",
        "an idle assumption",
        "a statement that was not proved",
        "a forgotten premise",
    ],
)
def test_forged_proofs_are_incomplete(words, reason):
    evidence = prove(replace(CLAIM, **words))
    assert not evidence.complete
    assert reason in (evidence.failure or "")


def test_a_proof_cannot_be_made_without_running_it():
    evidence = prove(CLAIM)
    for forge in (
        lambda: CheckedProof("claim", (), (), True, None, 0.0),  # type: ignore[call-arg]
        lambda: replace(evidence, complete=True),
    ):
        with pytest.raises(TypeError):
            forge()
    assert pickle.loads(pickle.dumps(evidence)) == evidence


def test_a_vacuity_proof_has_its_own_target():
    def no_such_x(p):
        p.conclude("part 0", [p.implies("s", [x > 0], x >= 0)])

    formal = stated(sp.Not(x < 0), premises=(x > 0,))
    evidence = prove(replace(CLAIM, formal=formal, prove=None, prove_vacuous=no_such_x))
    assert evidence.complete, evidence.failure
    assert evidence.target == "vacuity"


def test_a_claim_without_a_proof_is_a_usage_error():
    with pytest.raises(UsageError, match="write `prove`"):
        prove(replace(CLAIM, prove=None))


def test_a_bug_in_a_proof_is_not_swallowed():
    def broken(p):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        prove(replace(CLAIM, prove=broken))


@pytest.mark.parametrize("module", modules(claims), ids=lambda module: module.__name__.rpartition(".")[2])
def test_no_claim_reaches_into_the_kernel(module):
    """A proof can only be forged through private names; no claim uses any."""
    tree = ast.parse(inspect.getsource(module))
    private = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr.startswith("_")}
    assert private == set()


def test_no_file_of_the_kernel_imports_itself_by_way_of_others():
    """The files stand one on the other, from the recorder to the kernel: a cycle has no such order."""
    name, imports = package.__name__, {}
    for module in modules(package):
        tree = ast.parse(inspect.getsource(module))
        named = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
        imports[module.__name__] = {other for other in named if other.startswith(f"{name}.")}
    files = list(TopologicalSorter(imports).static_order())
    assert (files[0], files[-1]) == (f"{name}.recorder", f"{name}.kernel")
    imports[files[0]] = {files[-1]}
    with pytest.raises(CycleError):
        list(TopologicalSorter(imports).static_order())


PRINTED = """
from grams_theory.symbolic.proof import Proof, reals
p, (a, b, c, d, e, f, x) = Proof(), reals("a b c d e f x")
fact = p.implies("s", [s >= 1 for s in (a, b, c, d, e, f)], a + b + c + d + e + f >= 6)
p.instance("i", fact, {a: x})
print(p.steps[-1].statement, p.steps[-1].latex)
"""


def test_a_step_is_printed_alike_by_every_process():
    """Whatever the order is that Python's hashes, and so the elements of a set, have there."""
    printed = [
        subprocess.run(
            [sys.executable, "-c", PRINTED],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1] != ""
