"""A run as a theorem sees it: its hyperparameters, the constants that a bound may use, the premises that it meets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grams_theory.core.summary import number
from grams_theory.landscape.descent import ERROR
from grams_theory.landscape.quantity import Quantity
from grams_theory.landscape.result import PLEstimate
from grams_theory.landscape.verdict import bounds
from grams_theory.landscape.verdict.judgement import Constant, Premise


@dataclass(frozen=True)
class Run:
    """An estimate's run with the hyperparameters that made it, and the constants that a bound may use."""

    estimate: PLEstimate
    eta: float
    eps: float
    beta1: float
    optimizer: str | None
    """The class that made the steps, or the one that it stands for."""

    @property
    def f(self) -> tuple[float, ...]:
        return self.estimate.trajectory.f

    @property
    def times(self) -> tuple[int, ...]:
        """T of each visited point."""
        return tuple(map(self.estimate.trajectory.number, range(len(self.f))))

    def error(self, index: int) -> float:
        """Of f at a point."""
        return ERROR * self.estimate.trajectory.unit * abs(self.f[index])

    @property
    def kept(self) -> int:
        """How many points come before the first whose gap is lost in rounding."""
        ratios = self.estimate.ratios
        return ratios.index(None) if None in ratios else len(ratios)

    @property
    def star(self) -> float:
        """The lower end of f*, or the upper one where no lower one is known: there mu is only seen."""
        star = self.estimate.f_star
        end = star.high if star.low is None else star.low
        assert end is not None
        return end

    @property
    def initial_gap(self) -> float:
        return self.f[0] - self.star

    def smallest_gap(self, index: int) -> float:
        """At the upper end of f*, less rounding errors of f."""
        assert self.estimate.f_star.high is not None
        return self.f[index] - self.error(index) - self.estimate.f_star.high

    @property
    def mu(self) -> Constant | None:
        """The certified one, or the one that holds at the visited points, or the one that may hold there."""
        certified, ratio = self.estimate.mu_lower, self.estimate.mu_upper
        if certified.value is not None:
            return Constant(certified, "certified")
        if ratio.value is None:
            return None
        if ratio.low:
            return Constant(Quantity(ratio.low, f"lower end; {ratio.provenance}"), "on the run")
        return Constant(Quantity(ratio.value, f"{ratio.provenance}; f* has no lower end"), "seen")

    @property
    def smoothness(self) -> Constant | None:
        """A certified upper bound, or the largest curvature seen."""
        certified, seen = self.estimate.smoothness, self.estimate.smoothness_seen
        if certified.value is not None:
            return Constant(certified, "certified")
        return Constant(seen, "seen") if seen.value else None

    @property
    def gradient(self) -> Constant:
        """G: the smallest number that bounds the gradients of the run, so that the bounds are as strong as can be."""
        return Constant(
            Quantity(max(self.estimate.trajectory.grad_norm), "largest gradient norm of the run"),
            "on the run",
        )

    def premises(self, optimizers: Sequence[str]) -> tuple[Premise, ...]:
        """What all three ask for: the optimizer, smoothness, PL."""
        mu = self.mu
        if mu is None:
            polyak = Premise("f is μ-PL", None, self.estimate.mu_upper.provenance)
        else:
            where = {
                "certified": "everywhere",
                "on the run": "at the visited points",
                "seen": "if f* is as seen",
            }
            sure = None if mu.standing == "seen" else True
            polyak = Premise("f is μ-PL", sure, f"μ = {number(mu.value)} {where[mu.standing]}")
        return self._made_by(optimizers), self._smooth(), polyak

    def _made_by(self, optimizers: Sequence[str]) -> Premise:
        text, method = f"exact gradients of {' or '.join(optimizers)}", self.estimate.trajectory.method
        if self.optimizer not in optimizers:
            return Premise(text, False, f"the run is {method}")
        if not self.estimate.trajectory.steps:
            return Premise(text, True, method)
        noise = self.estimate.noise
        differ = noise.sign_disagreement.value if noise else None
        if differ:
            return Premise(text, False, f"{number(differ)} of its gradients' signs are not those of the loss")
        return Premise(text, None, f"{method}: whether its gradients were exact is not known")

    def _smooth(self) -> Premise:
        text, L = "f is L-smooth", self.smoothness
        if self.estimate.kinks:
            return Premise(
                text, False, f"its gradient jumps at the kinks of {', '.join(self.estimate.kinks)}"
            )
        if L is not None and L.standing == "certified":
            return Premise(text, True, f"L = {number(L.value)} everywhere")
        return Premise(text, None, "L was only seen" if L else self.estimate.smoothness_seen.provenance)

    def short_step(self, limit: float) -> tuple[Premise, float | None]:
        """ηL ≤ limit θε, and the largest η that it allows."""
        text = f"η ≤ {'' if limit == 1 else f'{limit:g} '}(1 − β₁)ε/L"
        L, least = self.smoothness, self.estimate.smoothness_seen.low or 0.0
        if L is None:
            return Premise(text, None, self.estimate.smoothness_seen.provenance), None
        allowed = limit / bounds.step_in_units(1.0, L.value, self.beta1, self.eps)
        excess = bounds.step_in_units(self.eta, least, self.beta1, self.eps) / limit
        if excess > 1:
            return Premise(text, False, f"η = {number(self.eta)} is {number(excess)} times too long"), allowed
        short = L.standing == "certified" and self.eta <= allowed
        why = f"η = {number(self.eta)}, allowed up to {number(allowed)}"
        return Premise(
            text, short or None, why if short else f"{why} with the L that was {L.standing}"
        ), allowed
