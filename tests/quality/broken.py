"""A plain Grams and C-Adam, and the same with one fault each: every fault must be caught."""

import torch


class Plain(torch.optim.Optimizer):
    """Definition 4.1 in a loop. The pieces are methods, so that each fault overrides one."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.update(p, p.grad, self.state[p], group)

    def update(self, w, g, state, group):
        if not state:
            state.update(t=0, m=torch.zeros_like(w), v=torch.zeros_like(w))
        state["t"] += 1
        self.moments(state, g, *group["betas"])
        m, v = self.corrected(state, *group["betas"])
        w.add_(
            self.direction(m / self.denominator(v, group["eps"], state, group), g, m),
            alpha=-self.rate(group, w),
        )

    def moments(self, state, g, beta1, beta2):
        state["m"] = beta1 * state["m"] + (1 - beta1) * g
        state["v"] = beta2 * state["v"] + (1 - beta2) * g * g

    def corrected(self, state, beta1, beta2):
        return state["m"] / (1 - beta1 ** state["t"]), state["v"] / (1 - beta2 ** state["t"])

    def denominator(self, v, eps, state, group):
        return v.sqrt() + eps

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


class NoBiasCorrection(Plain):
    def corrected(self, state, beta1, beta2):
        return state["m"], state["v"]


class NoFirstBiasCorrection(Plain):
    def corrected(self, state, beta1, beta2):
        return state["m"], state["v"] / (1 - beta2 ** state["t"])


class BiasCorrectionOneStepLate(Plain):
    def corrected(self, state, beta1, beta2):
        late = state["t"] + 1
        return state["m"] / (1 - beta1**late), state["v"] / (1 - beta2**late)


class EpsilonUnderTheRoot(Plain):
    def denominator(self, v, eps, state, group):
        return (v + eps**2).sqrt()


class EpsilonBesideTheRawRoot(Plain):
    """As grams-pytorch 0.0.2: eps is added before the bias correction."""

    def denominator(self, v, eps, state, group):
        correction = (1 - group["betas"][1] ** state["t"]) ** 0.5
        return (v.sqrt() * correction + eps) / correction


class BetasSwapped(Plain):
    def moments(self, state, g, beta1, beta2):
        super().moments(state, g, beta2, beta1)


class MomentumWeightsSwapped(Plain):
    """As pytorch-optimizer before 4: (1 - beta1) m + beta1 g."""

    def moments(self, state, g, beta1, beta2):
        state["m"] = (1 - beta1) * state["m"] + beta1 * g
        state["v"] = beta2 * state["v"] + (1 - beta2) * g * g


class SecondMomentOfTheMomentum(Plain):
    def moments(self, state, g, beta1, beta2):
        state["m"] = beta1 * state["m"] + (1 - beta1) * g
        state["v"] = beta2 * state["v"] + (1 - beta2) * state["m"] ** 2


class StaleMomentum(Plain):
    """Uses the first moment of the step before."""

    def corrected(self, state, beta1, beta2):
        m, v = super().corrected(state, beta1, beta2)
        state["next"], stale = m, state.get("next", m)
        return stale, v


class WeightDecayLeft(Plain):
    def rate(self, group, w):
        w.mul_(1 - 0.01 * group["lr"])
        return group["lr"]


class StepSizeOnePercentOff(Plain):
    def rate(self, group, w):
        return 1.01 * group["lr"]


class SingleCoordinateFrozen(Plain):
    def direction(self, u, g, m):
        d = super().direction(u, g, m)
        d[..., 0] = 0
        return d


class PlainCautious(Plain):
    """Definition 3.7 on Adam's update, with the paper's mask."""

    def direction(self, u, g, m):
        return u * (u.sign() * g.sign() >= 0)


class StrictMask(PlainCautious):
    """Masks u g > 0: a coordinate with g = 0 stands still, the paper's moves."""

    def direction(self, u, g, m):
        return u * (u.sign() * g.sign() > 0)


class MaskInverted(PlainCautious):
    def direction(self, u, g, m):
        return u * (u.sign() * g.sign() <= 0)


class MaskRescaled(PlainCautious):
    """As the released code: divides by the mask's mean."""

    def direction(self, u, g, m):
        mask = (u.sign() * g.sign() > 0).to(u.dtype)
        return u * mask / mask.mean().clamp(min=1e-3)


class MaskOfMomentumAgainstItself(PlainCautious):
    def direction(self, u, g, m):
        return u * (u.sign() * m.sign() >= 0)


GRAMS_FAULTS = (
    SignOfTheWrongVector,
    MagnitudeOfTheGradient,
    Ascends,
    NoBiasCorrection,
    NoFirstBiasCorrection,
    BiasCorrectionOneStepLate,
    EpsilonUnderTheRoot,
    EpsilonBesideTheRawRoot,
    BetasSwapped,
    MomentumWeightsSwapped,
    SecondMomentOfTheMomentum,
    StaleMomentum,
    WeightDecayLeft,
    StepSizeOnePercentOff,
    SingleCoordinateFrozen,
)
CAUTIOUS_FAULTS = (StrictMask, MaskInverted, MaskRescaled, MaskOfMomentumAgainstItself)


class GradientOverwritten(Plain):
    """As grams-pytorch 0.0.2: `p.grad` holds the update afterwards."""

    def update(self, w, g, state, group):
        super().update(w, g, state, group)
        g.copy_(g.sign())


class MovesWithoutGradient(Plain):
    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                self.update(p, torch.ones_like(p) if p.grad is None else p.grad, self.state[p], group)


class ForgetsItsStep(Plain):
    """Counts steps outside its state, so a resumed run corrects the bias anew."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.count = 0

    def moments(self, state, g, beta1, beta2):
        super().moments(state, g, beta1, beta2)
        self.count += 1
        state["t"] = self.count


CONTRACT_FAULTS = (GradientOverwritten, MovesWithoutGradient, ForgetsItsStep)
