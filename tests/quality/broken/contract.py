"""Loops whose update is right and that break another promise to their user."""

from collections import Counter, defaultdict
from typing import ClassVar

import torch

from tests.quality.broken.loop import Plain


class GradientOverwritten(Plain):
    """As grams-pytorch 0.0.2: `p.grad` holds the update afterwards."""

    caught_by = "check_gradient_untouched"

    def update(self, w, g, state, group):
        super().update(w, g, state, group)
        g.copy_(g.sign())


class MomentStartsAsTheGradient(Plain):
    """The first moment takes over the memory of the first gradient."""

    caught_by = "check_gradient_untouched"

    def moments(self, state, g, beta1, beta2):
        state["v"] = beta2 * state["v"] + (1 - beta2) * g * g
        state["m"] = beta1 * state["m"] + (1 - beta1) * g if state["t"] > 1 else g.mul_(1 - beta1)


class GradientKept(Plain):
    """Keeps a reference to the gradient and adds it to the moments at the next step, when it may be another."""

    caught_by = "check_gradient_not_kept"

    def moments(self, state, g, beta1, beta2):
        if "pending" in state:
            super().moments(state, state["pending"], beta1, beta2)
        state["pending"] = g

    def corrected(self, state, beta1, beta2):
        ahead = dict(state)
        super().moments(ahead, state["pending"], beta1, beta2)
        return super().corrected(ahead, beta1, beta2)


class MovesWithoutGradient(Plain):
    caught_by = "check_missing_gradient_skipped"

    def step_group(self, group):
        for p in group["params"]:
            self.update(p, torch.ones_like(p) if p.grad is None else p.grad, self.state[p], group)


class DriftsWithoutGradient(Plain):
    """Takes a missing gradient for zero: the moments decay and the step count goes on."""

    caught_by = "check_missing_gradient_among_others"

    def step_group(self, group):
        for p in group["params"]:
            self.update(p, torch.zeros_like(p) if p.grad is None else p.grad, self.state[p], group)


class StopsAtTheFirstMissingGradient(Plain):
    """`break` where `continue` was meant."""

    caught_by = "check_missing_gradient_among_others"

    def step_group(self, group):
        for p in group["params"]:
            if p.grad is None:
                break
            self.update(p, p.grad, self.state[p], group)


class StepCountPerGroup(Plain):
    """As pytorch-optimizer 4.1: a parameter that is first used late is corrected as if it was not."""

    caught_by = "check_late_gradient"

    def step_group(self, group):
        group["t"] = group.get("t", 0) + 1
        super().step_group(group)

    def count(self, w, state, group):
        state["t"] = group["t"]


class StepCountOfTheOptimizer(Plain):
    """One counter for all parameters, counted up by each."""

    caught_by = "check_parameters_apart"

    def count(self, w, state, group):
        group["t"] = state["t"] = group.get("t", 0) + 1


class ScalarsLeftOut(Plain):
    caught_by = "check_parameters_apart"

    def update(self, w, g, state, group):
        if w.ndim:
            super().update(w, g, state, group)


class StopsAtAnEmptyParameter(Plain):
    caught_by = "check_parameters_apart"

    def step_group(self, group):
        for p in group["params"]:
            if p.numel() == 0:
                return
            if p.grad is not None:
                self.update(p, p.grad, self.state[p], group)


class MomentsOfTheClass(Plain):
    """Moments are found by shape in a table that all instances share."""

    caught_by = "check_instances_apart"
    table: ClassVar = defaultdict(dict)

    def update(self, w, g, state, group):
        super().update(w, g, self.table[w.shape], group)


class FlattensByView(Plain):
    """`view(-1)`, which only contiguous tensors have."""

    caught_by = "check_gradient_layout"

    def update(self, w, g, state, group):
        super().update(w.view(-1), g.view(-1), state, group)


class RateOfTheConstructor(Plain):
    """Ignores what a scheduler writes into the group, as lion-pytorch 0.2.5 where its weight decay is decoupled."""

    caught_by = "check_lr_followed"

    def rate(self, group, w):
        return self.defaults["lr"]


class BetasOfTheFirstGroup(Plain):
    caught_by = "check_groups_apart"

    def betas(self, group):
        return self.param_groups[0]["betas"]


class GroupsOfTheFirstStep(Plain):
    """Steps no group that was added after the first step."""

    caught_by = "check_groups_apart"

    def groups(self):
        self.known = getattr(self, "known", self.param_groups[:])
        return self.known


class ForgetsItsStep(Plain):
    """Counts steps outside its state, so a resumed run corrects the bias anew."""

    caught_by = "check_resumes_bitwise"

    def count(self, w, state, group):
        self.counts = getattr(self, "counts", Counter())
        self.counts[w] += 1
        state["t"] = self.counts[w]


class StateRoundedWhenLoaded(Plain):
    """Single-precision moments of bfloat16 weights: `load_state_dict` casts them to the weights' dtype."""

    caught_by = "check_resumes_bitwise"

    def begin(self, state, w):
        dtype = torch.promote_types(w.dtype, torch.float32)
        state.update(t=0, m=torch.zeros_like(w, dtype=dtype), v=torch.zeros_like(w, dtype=dtype))


class AttributeLostInCopies(Plain):
    """As pytorch-optimizer 4.1 and lion-pytorch 0.2.5: a copy has no attributes but torch's, and its step fails."""

    caught_by = "check_copies"

    def add_param_group(self, param_group):
        self.factor = 1.0
        super().add_param_group(param_group)

    def rate(self, group, w):
        return self.factor * group["lr"]


class ClosureWithoutGradients(Plain):
    """As grams-pytorch 0.0.2: the closure runs under no_grad, so that it cannot call backward."""

    caught_by = "check_closure"

    def evaluated(self, closure):
        return None if closure is None else closure()


class ClosureAfterTheStep(Plain):
    """Evaluates the closure when it has moved by the gradients of the step before."""

    caught_by = "check_closure"

    def step(self, closure=None):
        super().step()
        return self.evaluated(closure)


class LossLost(Plain):
    caught_by = "check_closure"

    def step(self, closure=None):
        super().step(closure)
