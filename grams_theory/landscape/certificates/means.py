"""Losses that are a mean over samples of a convex function of the outputs: which they are, what each form certifies."""

from __future__ import annotations

from grams_theory.landscape.certificates.certificate import Certificate
from grams_theory.landscape.certificates.composition import (
    Composition,
    certified_composition,
    compose,
    floor,
)
from grams_theory.landscape.certificates.readings import means_of, name_of
from grams_theory.landscape.certificates.tangent_kernel import takes, tangent_certificate
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.quantity import Quantity


def composition(objective: Objective) -> Composition | str:
    """The objective as a convex function of a linear map, or why it is none."""
    means = means_of(objective.loss_fn)
    if means is None:
        return f"{name_of(objective.loss_fn)} is not known to be a mean of convex functions of the outputs"
    return compose(objective, *means(getattr(objective.model, "out_features", 1)))


def certify_mean(objective: Objective) -> Certificate:
    """What is certified of a mean of squares, logistic or softmax losses, by the form of the model.

    Of a single trainable nn.Linear: L, mu where it is > 0, f*, and mu on a ball (see `composition`). Of other models
    f* >= 0, and for squares of a smooth feed-forward network mu on a ball (see `tangent_kernel`).
    """
    name = name_of(objective.loss_fn)
    found = composition(objective)
    if isinstance(found, Composition):
        return certified_composition(found, name)
    why = f"{name} certifies mu and L only for a single trainable nn.Linear: {found}"
    unknown, bottom = Quantity(None, why), _bottom(objective, name)
    if not takes(objective.loss_fn):
        return Certificate(unknown, unknown, bottom, unknown)
    tangent = tangent_certificate(objective)
    everywhere = tangent.pl.value is not None and tangent.pl.radius is None
    return Certificate(unknown, tangent.pl if everywhere else unknown, tangent.minimum or bottom, tangent.pl)


def _bottom(objective: Objective, name: str) -> Quantity:
    means = means_of(objective.loss_fn)
    if means is None:
        return Quantity(None, f"no lower bound of {name} is known")
    if all(means(1)[0].nonnegative(y) for _, y in objective.batches):
        return floor(name)
    return Quantity(None, f"targets outside [0, 1], for which {name} is not bounded below by 0")


def certified_minimum(objective: Objective, certificate: Certificate) -> Quantity:
    """f* enclosed through the certified mu and the present weights, rounding accounted for.

    f(w) − ‖∇f(w)‖²/(2 mu) <= f* <= f(w). Without a mu that holds everywhere, or for what is no convex function of a
    linear map, it has no value and says why.
    """
    if certificate.pl.value is None:
        return Quantity(None, certificate.pl.provenance)
    f = composition(objective)
    if isinstance(f, str):
        return Quantity(None, f"no ball arithmetic for this objective: {f}")
    return f.enclose(
        f.W,
        certificate.pl.value,
        f"f − ‖∇f‖²/(2μ) and f, in ball arithmetic, with the certified μ ({certificate.pl.provenance})",
    )
