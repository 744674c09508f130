"""A small ledger made by hand, with every kind of evidence, and the claims that it is about."""

from grams_theory.core.claim import Claim
from grams_theory.core.definitions import CONVEX, SMOOTH
from grams_theory.core.evidence import (
    AblationEvidence,
    ArgumentEvidence,
    FuzzEvidence,
    MeasuredEvidence,
    MutationEvidence,
    ProofEvidence,
    ProofStep,
    SharpnessEvidence,
    Stated,
    Streamed,
    Witness,
)
from grams_theory.core.ledger import ClaimResult, Ledger
from grams_theory.core.verdict import Verdict

STEPS = (
    ProofStep(
        "descent lemma", "axiom", "f(y) ≤ f(x) + …", r"\text{f(y) ≤ f(x) + …}", "Nesterov 2018, Lemma 1.2.3"
    ),
    ProofStep(
        "one coordinate",
        "implication",
        "|g|·|u| ≥ g·u",
        r"\left|{g}\right| \left|{u}\right| \geq g u",
        "Z3 (unsat)",
    ),
    ProofStep("all coordinates", "lift", "S ≥ 0, where S = Σᵢ …", r"S\ge 0", "summation over i = 1..d"),
)
STATED = Stated(
    ("η ≥ 0",),
    {"descent": "S ≥ 0"},
    (r"\eta \geq 0",),
    {"descent": " + ".join(rf"\frac{{g_{{{i}}} u_{{{i}}}}}{{L}}" for i in range(40)) + r" \geq 0"},
    {"S": "⟨|g|,|u|⟩ − ⟨g,u⟩"},
)
"""Its formula is wider than any telephone."""
PROOF = ProofEvidence(
    "claim", STEPS, (), True, None, 0.125, axioms=("descent lemma",), assumptions=("smooth",), stated=STATED
)
VACUITY = ProofEvidence("vacuity", STEPS[1:], ("alignment",), True, None, 0.5)
FUZZ = FuzzEvidence(
    cases=1_234_567,
    discarded=1000,
    undecided=3,
    violations=0,
    min_margin=1.25e-9,
    parts={"descent": 1.25e-9, "bound": 0.5},
    families={"quadratic": 1_000_000, "logistic": 234_567},
    structures=77,
    optimizers=("Grams", "CautiousAdam"),
    seed=0,
    seconds=1.5,
    histogram={
        "descent": {"-1e-3": 2, "-1e-5": 1, "0": 3, "1e-12": 999_999, "1e-9": 234_562},
        "bound": {"1e-1": 1_234_567},
    },
    streams=Streamed(
        kernels=2,
        steps=99_999_999,
        undecided=7,
        suspicious=1,
        parts={"descent": 1e-12, "bound": 0.25},
        families={"quadratic": 99_999_999},
        explored={"dimension": {"8": 99_999_999}},
        refused={"no row is inside the premise": 3},
        disagreements=("Grams moves a weight by 1 in production, & by 2 in the kernel",),
    ),
)
QUADRATIC = {
    "H": (("-4/5", "3/5"), ("3/5", "4/5")),
    "g": ("1", "1"),
    "u": ("3", "-8"),
    "eta": "1/4",
    "smoothness": "1",
    "run": {"betas": ("1/2", "1/2"), "eps": "0"},
}
"""Attains the sharp comparison bound: η is 1/4, the sharp bound is 1/5, the sign-repaired one 1/4."""
WITNESS = Witness(
    "quadratic",
    QUADRATIC,
    "comparison",
    "-1/2",
    "rational arithmetic",
    "gt1.eNoLz0gtKlFIzs8tyEnNLS4BACi3BXc",
    'print("-1/2 < 0 & so it is violated")',
)
LINE = Witness(
    "quadratic",
    {"H": (("1",),), "g": ("1",), "u": ("3",), "eta": "1", "smoothness": "1"},
    "descent",
    "-3/2",
    "rational arithmetic",
)
RUN = Witness(
    "run",
    {
        "H": (("1", "1/4"), ("1/4", "1/2")),
        "betas": ("1/2", "1/2"),
        "eps": "1",
        "steps": 24,
        "start": ("1/2", "1/4"),
        "eta": {"Grams": "2/9", "Adam": "2/9"},
    },
    "every t",
    "[-9.0e-9 +/- 1e-21]",
    "ball arithmetic",
)
ABLATIONS = (
    AblationEvidence("smooth", "f is only 2L-smooth", LINE, 256),
    AblationEvidence("step size", "η at most 4 times the bound", None, 4000),
)
SHARP = SharpnessEvidence((LINE,))
MUTATION = MutationEvidence(7, 7, 3, (), ())
CURVES = MeasuredEvidence(
    "Objective on Figure 1's function",
    ("step", "Grams", "Adam"),
    tuple((step, 0.26 * 0.99**step, 0.26 * 0.98**step) for step in range(0, 501, 50)),
    ("start (1, 1)",),
)
KAPPA = MeasuredEvidence(
    "Constants measured on real data",
    ("loss", "L", "μ", "κ"),
    (("breast_cancer", 1.5, 0.001, 1500.0), ("diabetes", 4.0, None, float("inf"))),
)


def result(id: str, verdict: Verdict, *evidence, recorded: Verdict | None = None) -> ClaimResult:
    return ClaimResult(id, f"Title of {id}", f"Section 4, {id}", verdict, recorded or verdict, evidence, 1.25)


LEDGER = Ledger(
    (
        result("alignment", Verdict.PROVED, PROOF, FUZZ, *ABLATIONS, SHARP, MUTATION),
        result("comparison-printed", Verdict.VACUOUS, VACUITY),
        result("comparison-sign-repaired", Verdict.REFUTED, FUZZ, WITNESS),
        result("comparison-sharp", Verdict.PROVED, PROOF),
        result("theorem-4.15", Verdict.GAP, ArgumentEvidence(("comparison-sign-repaired",)), KAPPA),
        result("figure-1", Verdict.REFUTED, CURVES, RUN),
        result("definitions", Verdict.SURVIVED, FUZZ),
        result("lemma-4.14", Verdict.UNDECIDED),
    ),
    {"python": "3.11", "torch": "2.13", "seed": 0},
)
CHANGED = Ledger(
    (*LEDGER.results[:1], result("lemma-4.14", Verdict.UNDECIDED, recorded=Verdict.PROVED)),
    LEDGER.environment,
)


def claim(id: str, **words) -> Claim:
    found = LEDGER[id]
    return Claim(
        id=id,
        title=found.title,
        source=found.source,
        statement="ΔL_G ≤ ΔL_C < 0 & more",
        latex=r"\Delta\mathcal{L}_{\mathrm{G}}\le\Delta\mathcal{L}_{\mathrm{C}}",
        recorded=found.recorded,
        **words,
    )


CLAIMS = (
    claim("alignment"),
    claim("comparison-printed", assumptions=(SMOOTH,)),
    claim("comparison-sign-repaired", assumptions=(SMOOTH, CONVEX), amends="comparison-printed"),
    claim(
        "comparison-sharp", assumptions=(SMOOTH,), amends="comparison-sign-repaired", note="It is attained."
    ),
    claim("theorem-4.15", argument=("comparison-sign-repaired", "lemma-4.14")),
    claim("figure-1"),
    claim("definitions"),
    claim("lemma-4.14"),
)
