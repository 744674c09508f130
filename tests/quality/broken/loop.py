"""Grams, C-Adam, Lion and C-Lion in a loop over parameters, with faults of their updates."""

import torch


def in_range(defaults):
    """The defaults of a constructor, if their numbers are in range; ValueError otherwise."""
    numbers = {name: defaults[name] for name in ("lr", "eps", "weight_decay") if name in defaults}
    for name, value in {**numbers, **{f"beta{i}": beta for i, beta in enumerate(defaults["betas"])}}.items():
        if isinstance(value, torch.Tensor):
            raise ValueError(f"{name} must be a number, not a tensor")
        if not 0 <= value < (1 if name.startswith("beta") else float("inf")):
            raise ValueError(f"{name}={value} is out of range")
    return defaults


class Plain(torch.optim.Optimizer):
    """Definition 4.1 in a loop. The pieces are methods, so that each fault overrides one."""

    role, style, caught_by = "Grams", "loop", "definitions"

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, self.checked({"lr": lr, "betas": betas, "eps": eps}))

    def checked(self, defaults):
        return in_range(defaults)

    @torch.no_grad()
    def step(self, closure=None):
        loss = self.evaluated(closure)
        for group in self.groups():
            self.step_group(group)
        return loss

    def groups(self):
        return self.param_groups

    def evaluated(self, closure):
        if closure is None:
            return None
        with torch.enable_grad():
            return closure()

    def step_group(self, group):
        for p in group["params"]:
            if p.grad is not None:
                self.update(p, p.grad, self.state[p], group)

    def update(self, w, g, state, group):
        if not state:
            self.begin(state, w)
        self.count(w, state, group)
        self.moments(state, g, *self.betas(group))
        m, v = self.corrected(state, *self.betas(group))
        u = self.quotient(m, v, group["eps"], state, group)
        w.add_(self.direction(u, g, m), alpha=-self.rate(group, w))

    def begin(self, state, w):
        state.update(t=0, m=torch.zeros_like(w), v=torch.zeros_like(w))

    def count(self, w, state, group):
        state["t"] += 1

    def betas(self, group):
        return group["betas"]

    def moments(self, state, g, beta1, beta2):
        state["m"] = beta1 * state["m"] + (1 - beta1) * g
        state["v"] = beta2 * state["v"] + (1 - beta2) * g * g

    def corrected(self, state, beta1, beta2):
        return state["m"] / (1 - beta1 ** state["t"]), state["v"] / (1 - beta2 ** state["t"])

    def quotient(self, m, v, eps, state, group):
        return m / (v.sqrt() + eps)

    def direction(self, u, g, m):
        return g.sign() * u.abs()

    def rate(self, group, w):
        return group["lr"]


class SignOfTheWrongVector(Plain):
    def direction(self, u, g, m):
        return m.sign() * u.abs()


class MagnitudeOfTheGradient(Plain):
    def direction(self, u, g, m):
        return u.sign() * g.abs()


class Ascends(Plain):
    def direction(self, u, g, m):
        return -g.sign() * u.abs()


class ZeroGradientGoesUp(Plain):
    """Takes the sign of a zero gradient for +1, as `g >= 0` does: embedding rows without gradient drift."""

    def direction(self, u, g, m):
        return torch.where(g >= 0, u.abs(), -u.abs())


class SignOfTheProduct(Plain):
    """Turns u by sign(m g). The product underflows in half precision, and small gradients move nothing.

    As released Cautious code, which masks by m g > 0.
    """

    caught_by = "check_small_gradients_move"

    def direction(self, u, g, m):
        return u * (m * g).sign()


class NaNReplaced(Plain):
    caught_by = "check_nan_shows"

    def direction(self, u, g, m):
        return super().direction(u, g, m).nan_to_num(0.0)


class ClippedUpdate(Plain):
    """Clips |u| at 1. A gradient that grew makes it larger."""

    def direction(self, u, g, m):
        return super().direction(u, g, m).clamp(-1, 1)


class SingleCoordinateFrozen(Plain):
    def direction(self, u, g, m):
        d = super().direction(u, g, m)
        d[..., :1] = 0
        return d


class NoBiasCorrection(Plain):
    def corrected(self, state, beta1, beta2):
        return state["m"], state["v"]


class NoFirstBiasCorrection(Plain):
    def corrected(self, state, beta1, beta2):
        return state["m"], state["v"] / (1 - beta2 ** state["t"])


class NoSecondBiasCorrection(Plain):
    def corrected(self, state, beta1, beta2):
        return state["m"] / (1 - beta1 ** state["t"]), state["v"]


class BiasCorrectionOneStepLate(Plain):
    def corrected(self, state, beta1, beta2):
        late = state["t"] + 1
        return state["m"] / (1 - beta1**late), state["v"] / (1 - beta2**late)


class BiasCorrectionEndsAfterTenSteps(Plain):
    """Takes a warm-up of ten steps for enough. Only long histories tell."""

    def corrected(self, state, beta1, beta2):
        return super().corrected(state, beta1, beta2) if state["t"] <= 10 else (state["m"], state["v"])


class TurnsBackAtTheSeventhStep(Plain):
    """Moves away from where it should, at one step; its state is right all along."""

    def update(self, w, g, state, group):
        before = w.clone()
        super().update(w, g, state, group)
        if state["t"] == 7:
            w.copy_(2 * before - w)


class StaleMomentum(Plain):
    """Uses the first moment of the step before."""

    def corrected(self, state, beta1, beta2):
        m, v = super().corrected(state, beta1, beta2)
        state["next"], stale = m, state.get("next", m)
        return stale, v


class LargestSecondMoment(Plain):
    """AMSGrad's maximum, left on."""

    def corrected(self, state, beta1, beta2):
        m, v = super().corrected(state, beta1, beta2)
        state["largest"] = torch.maximum(state.get("largest", v), v)
        return m, state["largest"]


class EpsilonUnderTheRoot(Plain):
    def quotient(self, m, v, eps, state, group):
        return m / (v + eps**2).sqrt()


class EpsilonSquared(Plain):
    def quotient(self, m, v, eps, state, group):
        return m / (v.sqrt() + eps**2)


class EpsilonBesideTheRawRoot(Plain):
    """As grams-pytorch 0.0.2: eps is added before the bias correction."""

    def quotient(self, m, v, eps, state, group):
        correction = (1 - group["betas"][1] ** state["t"]) ** 0.5
        return m / ((v.sqrt() * correction + eps) / correction)


class EpsilonAsAFloor(Plain):
    """max(√v, ε) in place of √v + ε."""

    def quotient(self, m, v, eps, state, group):
        return m / v.sqrt().clamp(min=eps)


class NoRoot(Plain):
    def quotient(self, m, v, eps, state, group):
        return m / (v + eps)


class BetasSwapped(Plain):
    def moments(self, state, g, beta1, beta2):
        super().moments(state, g, beta2, beta1)


class MomentumWeightsSwapped(Plain):
    """As pytorch-optimizer before 4: (1 - beta1) m + beta1 g."""

    def moments(self, state, g, beta1, beta2):
        state["m"] = (1 - beta1) * state["m"] + beta1 * g
        state["v"] = beta2 * state["v"] + (1 - beta2) * g * g


class UndampedMomentum(Plain):
    """beta1 m + g, as SGD's buffer."""

    def moments(self, state, g, beta1, beta2):
        state["m"] = beta1 * state["m"] + g
        state["v"] = beta2 * state["v"] + (1 - beta2) * g * g


class SecondMomentOfTheMomentum(Plain):
    def moments(self, state, g, beta1, beta2):
        state["m"] = beta1 * state["m"] + (1 - beta1) * g
        state["v"] = beta2 * state["v"] + (1 - beta2) * state["m"] ** 2


class SecondMomentAboutTheMomentum(Plain):
    """A variance in place of a raw moment, as AdaBelief."""

    def moments(self, state, g, beta1, beta2):
        state["m"] = beta1 * state["m"] + (1 - beta1) * g
        state["v"] = beta2 * state["v"] + (1 - beta2) * (g - state["m"]) ** 2


class SinglePrecisionMoments(Plain):
    """Moments of float64 weights are rounded to float32."""

    def moments(self, state, g, beta1, beta2):
        super().moments(state, g, beta1, beta2)
        state["m"], state["v"] = state["m"].float().to(g.dtype), state["v"].float().to(g.dtype)


class LargeGradientsClipped(Plain):
    """Clips what exceeds 100, before the moments."""

    def moments(self, state, g, beta1, beta2):
        super().moments(state, g.clamp(-100, 100), beta1, beta2)


class PenaltyLeft(Plain):
    """An L2 penalty of weight 1/100 in the gradient that the moments see."""

    def update(self, w, g, state, group):
        super().update(w, g + 0.01 * w, state, group)


class WeightDecayLeft(Plain):
    def rate(self, group, w):
        w.mul_(1 - 0.01 * group["lr"])
        return group["lr"]


class StepSizeOnePercentOff(Plain):
    def rate(self, group, w):
        return 1.01 * group["lr"]


class PlainCautious(Plain):
    """Definition 3.7 on Adam's update, with the paper's mask."""

    role = "CautiousAdam"

    def direction(self, u, g, m):
        return u * (u.sign() * g.sign() >= 0)


class StrictMask(PlainCautious):
    """Masks u g > 0: a coordinate with g = 0 stands still, the paper's moves. As released C-Adam."""

    def direction(self, u, g, m):
        return u * (u.sign() * g.sign() > 0)


class MaskInverted(PlainCautious):
    def direction(self, u, g, m):
        return u * (u.sign() * g.sign() <= 0)


class MaskRescaled(PlainCautious):
    """As released C-Adam: divides by the mask's mean."""

    def direction(self, u, g, m):
        mask = (u.sign() * g.sign() > 0).to(u.dtype)
        return u * mask / mask.mean().clamp(min=1e-3)


class MaskOfMomentumAgainstItself(PlainCautious):
    def direction(self, u, g, m):
        return u * (u.sign() * m.sign() >= 0)


class MaskHidesNaN(PlainCautious):
    """A comparison with NaN is false, and `where` takes the zero."""

    caught_by = "check_nan_shows"

    def direction(self, u, g, m):
        return torch.where(u * g >= 0, u, 0)


class PlainLion(Plain):
    """Definition 3.6: a sign of the interpolation, then the momentum."""

    role, caught_by = "Lion", "lion-descent"

    def update(self, w, g, state, group):
        if not state:
            state["m"] = torch.zeros_like(w)
        beta1, beta2 = self.betas(group)
        u = self.sign(self.interpolation(state, g, beta1, beta2))
        self.momentum(state, g, beta1, beta2)
        w.add_(self.direction(u, g, state["m"]), alpha=-group["lr"])

    def interpolation(self, state, g, beta1, beta2):
        return beta1 * state["m"] + (1 - beta1) * g

    def momentum(self, state, g, beta1, beta2):
        state["m"] = beta2 * state["m"] + (1 - beta2) * g

    def sign(self, c):
        return torch.where(c.isnan(), c, c.sign())

    def direction(self, u, g, m):
        return u


class SignOfTheOldMomentum(PlainLion):
    """Forgets the gradient in the interpolation, but for the first step."""

    def interpolation(self, state, g, beta1, beta2):
        return torch.where(state["m"] == 0, g, state["m"])


class SignOfTheNewMomentum(PlainLion):
    """Interpolates by beta2: the sign of the momentum after its update."""

    def interpolation(self, state, g, beta1, beta2):
        return beta2 * state["m"] + (1 - beta2) * g


class MomentumDecaysByTheFirstBeta(PlainLion):
    def momentum(self, state, g, beta1, beta2):
        state["m"] = beta1 * state["m"] + (1 - beta1) * g


class SignHidesNaN(PlainLion):
    """torch.sign(NaN) is 0: the coordinate is frozen. As lion-pytorch 0.2.5."""

    caught_by = "check_nan_shows"

    def sign(self, c):
        return c.sign()


class PlainCautiousLion(PlainLion):
    """Definition 3.7 on Lion's update."""

    role = "CautiousLion"

    def direction(self, u, g, m):
        return u * (u * g.sign() >= 0)


class LionMaskOfTheNewMomentum(PlainCautiousLion):
    def direction(self, u, g, m):
        return u * (u * m.sign() >= 0)


class LionMaskRescaled(PlainCautiousLion):
    """As lion-pytorch 0.2.5's cautious Lion: divides by the mask's mean."""

    def direction(self, u, g, m):
        mask = (u * g.sign() > 0).to(u.dtype)
        return u * mask / mask.mean().clamp(min=1e-3)
