"""f(w) = g(Aw) + (ridge/2)‖w‖² with a linear map A and a convex g: what curvature of g says about f.

Everywhere. If g is σ-strongly convex, f is PL with mu = σ times the smallest eigenvalue of A'A that is not 0 (Karimi,
Nutini, Schmidt, "Linear convergence of gradient and proximal-gradient methods under the Polyak-Łojasiewicz condition",
2016, appendix B): f depends on w through Aw only, and is strongly convex along the range S of A'.

On a ball. Where g is curved, but not uniformly (logistic, softmax), let the Hessian of f be at least mu > 0 on S at
every point of the ball B of radius R about w_0. Then:

1. If ‖∇f(w)‖ <= mu R at the centre w of such a ball, f has a minimiser in it. For the minimum over the ball cut with
   w + S is somewhere, say at v; were it on the sphere, ∇f(v) = −λ(v − w) with λ >= 0, but
   ⟨∇f(v), v − w⟩ >= ⟨∇f(w), v − w⟩ + mu R² >= 0, so ∇f(v) = 0; and where the gradient of a convex f is 0, f is least.
2. If B holds a minimiser w*, then ½‖∇f(w)‖² >= mu (f(w) − f*) for all w in B, with the global f*: moving w along the
   complement of S, towards w_0, changes neither f nor ∇f, and on B ∩ (w_0 + S), which is convex,
   f(w*) >= f(w) + ⟨∇f(w), w* − w⟩ + (mu/2)‖w* − w‖² >= f(w) − ‖∇f(w)‖²/(2 mu).

So a minimiser is sought by Newton's method from w_0 and certified by 1 on a small ball about the point found; the ball
of the certificate is twice as wide as the way to it, since gradient descent with a step of at most 2/L never moves away
from a minimiser, and so stays in it. Without a minimiser nothing is certified: PL relative to the least value on some
ball would hold for separable data too, and say nothing about f*.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from grams_theory.core.rounding import Ball
from grams_theory.landscape.certificates.certificate import DOWN, UP, Certificate, finite
from grams_theory.landscape.certificates.links import Link, Squares
from grams_theory.landscape.certificates.spectrum_bounds import GramSpectrum, gram_spectrum
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.objective.modules import unaltered
from grams_theory.landscape.quantity import Quantity

LARGEST = 2000
"""Weights beyond which no minimiser is sought by Newton's method, which solves systems of this size."""
_STEPS, _HALVINGS = 60, 30


@dataclass(frozen=True)
class Composition:
    """f(W) = (1/terms) Σ_i ℓ_i(W x_i) + (ridge/2)‖W‖², W of shape (C, D)."""

    X: Tensor
    """(n, D) float64, with a column of ones if there is a bias."""
    W: Tensor
    """The present weights, (C, D) float64."""
    link: Link
    terms: int
    ridge: float

    @cached_property
    def spectrum(self) -> GramSpectrum:
        """Of X'X/terms."""
        return gram_spectrum(self.X, divisor=self.terms)

    def value(self, W: Tensor) -> Ball:
        """f, shape ()."""
        penalty = (Ball.exact(W) * W).sum(-1).sum(-1) * (self.ridge / 2)
        return self.link.value(Ball.exact(self.X) @ W.mT).sum(-1) / self.terms + penalty

    def gradient(self, W: Tensor) -> Ball:
        """∇f, shape (C, D)."""
        slopes = self.link.gradient(Ball.exact(self.X) @ W.mT)
        return (slopes.mT @ self.X) / self.terms + Ball.exact(W) * self.ridge

    def steepness(self, W: Tensor) -> float:
        """An upper bound of ‖∇f‖."""
        g = self.gradient(W)
        squared = (g * g).sum(-1).sum(-1).sqrt()
        return (squared.mid + squared.rad).item() * UP

    def curvature(self, W: Tensor, radius: float) -> float:
        """A lower bound of the Hessian on S (with a ridge: everywhere) on the ball about W; 0 if there is none."""
        moved = (Ball.exact(self.X) * self.X).sum(-1).sqrt() * radius
        weights = self.link.curvature(Ball.exact(self.X) @ W.mT, moved.mid + moved.rad)
        if self.spectrum.rank is None and not self.ridge:
            return 0.0
        found = gram_spectrum(self.X, weights, self.terms, self.spectrum.rank)
        if self.ridge:
            return (self.ridge + (0.0 if self.link.missing else found.smallest)) * DOWN
        return (found.smallest_nonzero or 0.0) * DOWN

    def enclose(self, W: Tensor, mu: float, why: str) -> Quantity:
        """f* from f(W) − ‖∇f(W)‖²/(2 mu) <= f* <= f(W), evaluated with rounding bounds."""
        f, g = self.value(W), self.gradient(W)
        gap = (g * g).sum(-1).sum(-1) / (2 * mu)
        high = _up((f.mid + f.rad).item())
        low = _down((f - gap).low.item())
        if not math.isfinite(high):
            return Quantity(None, f"{why}: it overflows float64", low=0.0)
        return Quantity(high, why, max(low, 0.0), high)


def _up(x: float) -> float:
    return x * (UP if x > 0 else DOWN)


def _down(x: float) -> float:
    return -_up(-x)


def compose(objective: Objective, link: type[Link], per_sample: int) -> Composition | str:
    """The objective as a composition, or why it is none.

    Args:
        per_sample: terms per sample that the loss averages over, such as the outputs, or 2 for a half.
    """
    model = objective.model
    if type(model) is not nn.Linear:
        return "the model is no single nn.Linear"
    if not unaltered(model):
        return "the nn.Linear has hooks or a forward of its own"
    if len(objective.parameters) != len(list(model.parameters())):
        return "some parameters of the nn.Linear are frozen"
    pieces = list(objective.pieces())
    if not all(isinstance(x, Tensor) and x.dim() == 2 for x, _ in pieces):
        return "inputs must be tensors of shape (n, features)"
    if not all(isinstance(y, Tensor) and y.dim() for _, y in pieces):
        return "there are not as many targets as inputs"
    X, W = torch.cat([x.double() for x, _ in pieces]), model.weight.detach().double()
    y = torch.cat([y for _, y in pieces if y is not None])
    if len(y) != len(X):
        return "there are not as many targets as inputs"
    if why := link.refuses(y, len(W)):
        return why
    if model.bias is not None:
        X = torch.cat([X, torch.ones_like(X[:, :1])], 1)
        W = torch.cat([W, model.bias.detach().double().unsqueeze(1)], 1)
    y = y.double() if y.is_floating_point() else y
    if not all(bool(torch.isfinite(part).all()) for part in (X, y, W)):
        return "the data or the weights are not finite"
    return Composition(X, W, link(y), per_sample * len(X), objective.ridge)


def certified_composition(f: Composition, name: str) -> Certificate:
    """What is certified of f; `name` is the loss's."""
    steepest = f.link.steepest
    L = finite(
        (f.spectrum.largest * steepest + f.ridge) * UP,
        f"largest eigenvalue of {_matrix(f)}, enclosed" + (", plus ridge" if f.ridge else ""),
    )
    pl = everywhere(f, name)
    if isinstance(f.link, Squares):
        if pl.value is None:
            return Certificate(L, pl, floor(name), pl)
        return Certificate(
            L,
            pl,
            f.enclose(least_squares(f), pl.value, "least-squares solution, enclosed through its PL constant"),
            pl,
        )
    minimum, local = _around_minimiser(f, pl, name)
    return Certificate(L, pl, minimum, local)


def floor(name: str) -> Quantity:
    return Quantity(None, f"{name} is never negative", low=0.0)


def _matrix(f: Composition) -> str:
    factor = f.link.steepest * len(f.X) / f.terms
    return "X'X/n" if factor == 1 else f"{factor:g} X'X/n"


def everywhere(f: Composition, name: str) -> Quantity:
    """mu that holds for all weights."""
    flattest = f.link.flattest
    if not flattest:
        if f.ridge:
            return Quantity(f.ridge, "strongly convex: the ridge")
        return Quantity(
            None, f"no mu > 0 holds everywhere: {name} is unbounded and its gradient is not; add a ridge"
        )
    if f.ridge:
        mu = (f.spectrum.smallest * flattest * DOWN + f.ridge) * DOWN
        return Quantity(mu, f"smallest eigenvalue of {_matrix(f)} + ridge, enclosed")
    if f.spectrum.smallest_nonzero is None:
        return Quantity(
            None, f"some eigenvalues of {_matrix(f)} cannot be told from 0 in float64; add a ridge"
        )
    return Quantity(
        f.spectrum.smallest_nonzero * flattest * DOWN,
        f"smallest nonzero eigenvalue of {_matrix(f)} (rank {f.spectrum.rank}), enclosed",
    )


def least_squares(f: Composition) -> Tensor:
    """Its solution W of least norm, (C, D), computed; f is a mean of squares."""
    X, Y, D = f.X, f.link.targets.double(), f.X.shape[1]
    if not f.ridge:
        return (torch.linalg.pinv(X) @ Y).mT
    scale = f.link.steepest / f.terms
    A = scale * (X.mT @ X) + f.ridge * torch.eye(D, dtype=X.dtype, device=X.device)
    return torch.linalg.solve(A, scale * (X.mT @ Y)).mT


def _around_minimiser(f: Composition, pl: Quantity, name: str) -> tuple[Quantity, Quantity]:
    """f* and the local mu of a loss that is not uniformly curved."""
    if f.W.numel() > LARGEST:
        why = f"no minimiser is sought for more than {LARGEST} weights, here {f.W.numel()}"
        return floor(name), pl if pl.value else Quantity(None, f"{why}; add a ridge")
    W = _newton(f)
    if not f.ridge and f.link.separates(Ball.exact(f.X) @ W.mT):
        why = "the data are linearly separable: f falls to 0 along a ray and does not reach it"
        return (
            Quantity(0.0, why, 0.0, 0.0),
            Quantity(None, f"{why}, so there is no minimum and no ball that holds one; add a ridge"),
        )
    near, mu = _certified_near(f, W)
    if mu is None:
        why = "Newton's method found no point about which a minimum can be certified"
        return floor(name), pl if pl.value else Quantity(None, f"{why} (nearly separable data?); add a ridge")
    minimum = f.enclose(
        W, mu, f"minimiser found by Newton's method, enclosed through mu = {mu:.3g} around it"
    )
    way = Ball.exact(W) - f.W
    apart = (way * way).sum(-1).sum(-1).sqrt()
    radius = 2 * ((apart.mid + apart.rad).item() + near) * UP
    local = f.curvature(f.W, radius)
    if local <= (pl.value or 0.0):
        return minimum, pl if pl.value else Quantity(
            None,
            f"on the ball of radius {radius:.3g}, twice the way to the minimum, the curvature underflows",
        )
    return minimum, Quantity(
        local,
        "least curvature on the ball, by that of each sample (X'HX/n, enclosed); it holds a minimiser, so this is PL "
        f"with the global f*, and gradient descent with steps <= 2/L stays in it{_span(f)}",
        radius=radius,
    )


def _span(f: Composition) -> str:
    return f"; f is constant along {f.link.missing} direction of the outputs" if f.link.missing else ""


def _certified_near(f: Composition, W: Tensor) -> tuple[float, float | None]:
    """A radius about W within which f has a minimiser, and the curvature on that ball; or None."""
    steep, flat = f.steepness(W), f.curvature(W, 0.0)
    if flat <= 0 or not steep < float("inf"):
        return 0.0, None
    radius = 2 * steep / flat
    for _ in range(4):
        mu = f.curvature(W, radius)
        if steep <= mu * radius * DOWN:
            return radius, mu
        radius *= 4
    return 0.0, None


def _newton(f: Composition) -> Tensor:
    """A point near the minimiser, by Newton's method with halved steps; where data is separable, one that separates."""
    W, D = f.W, f.X.shape[1]
    value, g = f.value(W), f.gradient(W)
    for _ in range(_STEPS):
        z = Ball.exact(f.X) @ W.mT
        if (not f.ridge and f.link.separates(z)) or g.mid.norm() <= g.rad.norm():
            return W
        H = f.link.hessian(z.mid) / f.terms
        A = torch.cat([f.X.mT @ torch.einsum("nd,nj->ndj", h, f.X).flatten(1) for h in H.unbind(1)])
        eye = torch.eye(len(A), dtype=A.dtype, device=A.device)
        shift = f.ridge + 1e-13 * A.diagonal().sum() / len(A)
        step = torch.linalg.solve_ex(A + shift * eye, g.mid.reshape(-1)).result.view(-1, D)
        for halving in range(_HALVINGS):
            trial = W - step / 2**halving
            trial_value, trial_g = f.value(trial), f.gradient(trial)
            unclear = trial_value.mid <= value.mid + value.rad and trial_g.mid.norm() < g.mid.norm()
            if trial_value.mid < value.mid or unclear:
                break
        else:
            return W
        W, value, g = trial, trial_value, trial_g
    return W
