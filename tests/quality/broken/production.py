"""Our AdamW with faults of its keywords and of its ways to step."""

import torch

from grams_theory import optim


class Production(optim.AdamW):
    """A full set of keywords and implementations."""

    role, style, caught_by = "Adam", "production", "definitions"


class TwoImplementationsAtOnce(Production):
    """Takes fused together with foreach, and leaves one out."""

    caught_by = "check_exclusive_refused"

    def __init__(self, params, lr=1e-3, *, foreach=None, fused=None, **keywords):
        super().__init__(params, lr, foreach=None if fused else foreach, fused=fused, **keywords)


class AmsgradOrDecay(Production):
    """Refuses amsgrad with weight decay."""

    caught_by = "check_inputs_of_torch"

    def add_param_group(self, param_group):
        chosen = {**self.defaults, **param_group}
        if chosen["amsgrad"] and chosen["weight_decay"]:
            raise ValueError("amsgrad with weight decay")
        super().add_param_group(param_group)


class DecayOfTheFirstGroup(Production):
    caught_by = "check_group_keywords"

    def step(self, closure=None):
        for group in self.param_groups:
            group["weight_decay"] = self.param_groups[0]["weight_decay"]
        return super().step(closure)


class DecayForgottenByForeach(Production):
    caught_by = "check_equals_loop"

    def step(self, closure=None):
        if not self.param_groups[0]["foreach"]:
            return super().step(closure)
        kept = [group["weight_decay"] for group in self.param_groups]
        for group in self.param_groups:
            group["weight_decay"] = 0.0
        loss = super().step(closure)
        for group, decay in zip(self.param_groups, kept, strict=True):
            group["weight_decay"] = decay
        return loss


class LongerStepsInHalfPrecision(Production):
    """As a kernel that converts a block of 16 twice: weights in half precision move by double by foreach."""

    caught_by = "check_equals_loop_in_low_precision"

    def step(self, closure=None):
        halves = [p for group in self.param_groups for p in group["params"] if p.dtype.itemsize == 2]
        before = [p.detach().clone() for p in halves]
        loss = super().step(closure)
        if self.param_groups[0]["foreach"]:
            with torch.no_grad():
                for p, start in zip(halves, before, strict=True):
                    p.add_(p - start)
        return loss


class DefaultStepsByHalf(Production):
    """What it chooses by itself is another rule."""

    caught_by = "check_default_equals_loop"

    def step(self, closure=None):
        for group in self.param_groups:
            group["lr"] *= 0.5 if group["foreach"] is None and not group["fused"] else 1.0
        return super().step(closure)


class MaximizeForgottenWithDecay(Production):
    caught_by = "check_keyword_combinations"

    def add_param_group(self, param_group):
        decays = param_group.get("weight_decay", self.defaults["weight_decay"])
        super().add_param_group({**param_group, "maximize": False} if decays else param_group)


class DetachedStep(Production):
    """Runs a differentiable step without gradients."""

    caught_by = "check_autograd_through_the_step"

    def step(self, closure=None):
        with torch.no_grad():
            kept = [(group, group["differentiable"]) for group in self.param_groups]
            for group, _ in kept:
                group["differentiable"] = False
            loss = super().step(closure)
            for group, differentiable in kept:
                group["differentiable"] = differentiable
        return loss


class RateOfTheCapturedStep(Production):
    """Counts its steps in Python, where a graph does not, and decays its lr by them."""

    caught_by, device = "check_capture", "cuda"

    def step(self, closure=None):
        self.calls = getattr(self, "calls", 0) + 1
        for group in self.param_groups:
            group["lr"] = 2.0**-6 / self.calls
        return super().step(closure)


class StepsOneDeviceOnly(Production):
    """Leaves parameters that are not on the first one's device where they are."""

    caught_by, device = "check_devices_apart", "cuda"

    def step(self, closure=None):
        params = [p for group in self.param_groups for p in group["params"]]
        for p in params:
            if p.device != params[0].device:
                p.grad = None
        return super().step(closure)


class StateInAnotherUnit(Production):
    """Keeps the doubled first moment where foreach steps, and the moment itself elsewhere."""

    caught_by = "check_state_across_implementations"

    def step(self, closure=None):
        self.scale(0.5)
        loss = super().step(closure)
        self.scale(2.0)
        return loss

    def scale(self, factor):
        if self.param_groups[0]["foreach"]:
            for state in self.state.values():
                state["exp_avg"].mul_(factor)


class OldGroupsWithoutDefaults(Production):
    """Does not fill in what an older state dict lacks."""

    caught_by = "check_old_state_loads"

    def __setstate__(self, state):
        torch.optim.Optimizer.__setstate__(self, state)


class CountStartsAgain(Production):
    """A step count that was a number is not taken over."""

    caught_by = "check_number_of_steps_loads"

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state, saved in zip(self.state.values(), state_dict["state"].values(), strict=True):
            if not isinstance(saved["step"], torch.Tensor):
                state["step"] = torch.zeros(())


class ScaledGradientsTakenAsTheyAre(Production):
    """Says that it unscales gradients by itself, and does not look at what GradScaler found."""

    caught_by = "check_loss_scaling"
    _step_supports_amp_scaling = True  # pyright: ignore[reportAssignmentType]

    def step(self, closure=None):
        self.grad_scale = self.found_inf = None
        return super().step(closure)


class BreaksTheGraph(Production):
    """Leaves the compiled graph in the middle of the step."""

    caught_by = "check_compiles"

    def step(self, closure=None):
        loss = super().step(closure)
        torch._dynamo.graph_break()
        for group in self.param_groups:
            for p in group["params"]:
                p.data.mul_(1.0)
        return loss


class TracedAtEachStep(Production):
    """Loops over a list that grows by each step."""

    caught_by = "check_compiles"

    def step(self, closure=None):
        loss = super().step(closure)
        for group in self.param_groups:
            group["history"] = [*group.get("history", ()), 1.0]
            for p in group["params"]:
                for factor in group["history"]:
                    p.data.mul_(factor)
        return loss


class CountsInSinglePrecision(Production):
    """Adds numbers of float32 to its step counts, which integers refuse."""

    caught_by = "check_count_made_by_hand"

    def step(self, closure=None):
        for state in self.state.values():
            state["step"].add_(torch.tensor(0.0))
        return super().step(closure)
