"""Whether a quadratic satisfies the assumptions of a claim, decided exactly."""

from __future__ import annotations

from flint import fmpq

from grams_theory.core.claim import Claim
from grams_theory.engine.exact import polyak_lojasiewicz, positive_semidefinite, spectrum_within

Matrix = list[list[fmpq]]


def needs(claim: Claim, assumption: str) -> bool:
    return any(assumption == needed.id for needed in claim.assumptions)


def curved_as_assumed(claim: Claim, H: Matrix, L: fmpq) -> bool:
    """Whether the Hessian H is as the claim needs it to be: symmetric, bounded by L, positive, diagonal."""
    if [list(column) for column in zip(*H, strict=True)] != [list(row) for row in H]:
        return False
    size, steepest = range(len(H)), L * claim.loosened.get("smooth", 1)
    if not (H and L > 0 and spectrum_within(H, -steepest, steepest)):
        return False
    if needs(claim, "convex") and not positive_semidefinite(H):
        return False
    return not needs(claim, "separable") or all(H[i][j] == 0 for i in size for j in range(i))


def bounded_as_assumed(claim: Claim, H: Matrix, mu: fmpq | None) -> bool:
    """Whether f(w) = w'Hw/2 is as far from flat, and bounded below, as the claim needs it to be."""
    if needs(claim, "bounded") and not positive_semidefinite(H):
        return False
    if not needs(claim, "pl"):
        return True
    return mu is not None and mu > 0 and polyak_lojasiewicz(H, mu / claim.loosened.get("pl", 1))
