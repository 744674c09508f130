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


class RangesUnchecked(Plain):
    caught_by = "check_out_of_range_refused"

    def checked(self, defaults):
        return defaults


class NaNInRange(Plain):
    """As grams-pytorch 0.0.2: `lr < 0` is false for NaN."""

    caught_by = "check_nan_refused"

    def checked(self, defaults):
        if defaults["lr"] < 0 or defaults["eps"] < 0 or not all(0 <= beta < 1 for beta in defaults["betas"]):
            raise ValueError("out of range")
        return defaults


class RatesOfManyElements(Plain):
    """Takes a tensor as lr whatever its shape."""

    caught_by = "check_errors_of_torch"

    def checked(self, defaults):
        if not torch.is_tensor(defaults["lr"]):
            super().checked(defaults)
        return defaults


class KeywordsSwallowed(Plain):
    """As pytorch-optimizer 4.1: a misspelt keyword goes unnoticed."""

    caught_by = "check_unknown_keyword_refused"

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, **keywords):
        super().__init__(params, lr, betas, eps)


class TakesAnyParameters(Plain):
    """Checks nothing of a group of parameters."""

    caught_by = "check_bad_parameters_refused"

    def add_param_group(self, param_group):
        self.param_groups.append({**self.defaults, **param_group, "params": list(param_group["params"])})


class GraphOfTheGradientKept(Plain):
    caught_by = "check_gradient_graph_not_kept"

    def moments(self, state, g, beta1, beta2):
        with torch.enable_grad():
            super().moments(state, g, beta1, beta2)


class ConstantDrift(Plain):
    """Moves by a little more than the update, where the gradient is 0 too."""

    caught_by = "check_zero_gradient_first"

    def direction(self, u, g, m):
        return super().direction(u, g, m) + 1e-3


class SparseGradientsPassedOver(Plain):
    caught_by = "check_sparse_gradient"

    def update(self, w, g, state, group):
        if g.layout is torch.strided:
            super().update(w, g, state, group)


class RealPartOnly(Plain):
    """Moves the real part of a complex parameter."""

    caught_by = "check_complex"

    def update(self, w, g, state, group):
        real = w.is_complex()
        super().update(w.real if real else w, g.real if real else g, state, group)


class RateOfTheFirstStep(Plain):
    """Keeps the lr with which it began."""

    caught_by = "check_lr_followed"

    def rate(self, group, w):
        return group.setdefault("began with", group["lr"])


class RateResetAfterTheStep(Plain):
    """Puts the constructor's lr back after each step."""

    caught_by = "check_schedules"

    def step_group(self, group):
        super().step_group(group)
        group["lr"] = self.defaults["lr"]


class TensorRateWornOut(Plain):
    """Halves a tensor lr in place at each step."""

    caught_by = "check_tensor_lr"

    def checked(self, defaults):
        return {**super().checked({**defaults, "lr": float(defaults["lr"])}), "lr": defaults["lr"]}

    def rate(self, group, w):
        lr = group["lr"]
        return lr.mul_(0.5).item() if torch.is_tensor(lr) else lr


class TensorBetasAlike(Plain):
    """Takes the first of two tensor betas for both."""

    caught_by = "check_tensor_betas"

    def checked(self, defaults):
        super().checked({**defaults, "betas": [float(beta) for beta in defaults["betas"]]})
        return defaults

    def betas(self, group):
        first, second = group["betas"]
        return (float(first), float(first)) if torch.is_tensor(first) else (first, second)


class NamesDropped(Plain):
    """Unpacks named parameters by itself and forgets their names."""

    caught_by = "check_named_parameters"

    def add_param_group(self, param_group):
        params = param_group["params"]
        if isinstance(params, list) and params and isinstance(params[0], tuple):
            param_group["params"] = [p for _, p in params]
        super().add_param_group(param_group)


class FirstGroupCleared(Plain):
    """`zero_grad` reaches one group."""

    caught_by = "check_zero_grad"

    def zero_grad(self, set_to_none=True):
        for p in self.param_groups[0]["params"]:
            p.grad = None if set_to_none else torch.zeros_like(p)


class UpdatesKept(Plain):
    """Keeps every update, for a picture perhaps."""

    caught_by = "check_peak_memory"

    def direction(self, u, g, m):
        self.kept = [*getattr(self, "kept", []), super().direction(u, g, m)]
        return self.kept[-1]


class WritesBehindAutograd(Plain):
    """Moves `w.data`, whose version is another one's."""

    caught_by = "check_stale_graph_refused"

    def update(self, w, g, state, group):
        super().update(w.data, g, state, group)


class NoiseOfItsOwn(Plain):
    """Draws from a generator that no seed reaches."""

    caught_by = "check_step_repeats_bitwise"
    generator: ClassVar = torch.Generator().manual_seed(0)

    def direction(self, u, g, m):
        noise = torch.rand((), generator=self.generator).item() * 2.0**-40
        return super().direction(u, g, m) * (1 + noise)


class NeedsOneGradient(Plain):
    """Stacks what it finds, which fails where nothing is."""

    caught_by = "check_nothing_to_do"

    def step_group(self, group):
        torch.stack([p.grad.sum() for p in group["params"] if p.grad is not None]).sum()
        super().step_group(group)


class OnlyParametersOfModules(Plain):
    caught_by = "check_tensors_of_no_module"

    def update(self, w, g, state, group):
        if isinstance(w, torch.nn.Parameter):
            super().update(w, g, state, group)


class PromotesWeights(Plain):
    """Leaves weights of low precision in single precision."""

    caught_by = "check_low_precision_finite"

    def update(self, w, g, state, group):
        super().update(w, g, state, group)
        w.data = w.data.to(torch.promote_types(w.dtype, torch.float32))


class CountRoundedWhenLoaded(Plain):
    """A step count in single precision under a name that `load_state_dict` does not know."""

    caught_by = "check_state_kept_as_loaded"

    def begin(self, state, w):
        super().begin(state, w)
        state["t"] = torch.zeros(())


class MomentsOutsideTheState(Plain):
    caught_by = "check_state_after_a_step"

    def update(self, w, g, state, group):
        self.hidden = getattr(self, "hidden", defaultdict(dict))
        super().update(w, g, self.hidden[w], group)


class LoadingEmptiesWhatItLoads(Plain):
    caught_by = "check_state_dict_is_plain"

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        state_dict["state"].clear()


class StateWithoutHooks(Plain):
    """Builds its state dict by itself."""

    caught_by = "check_state_dict_hooks"

    def state_dict(self):
        params = [p for group in self.param_groups for p in group["params"]]
        index = {p: i for i, p in enumerate(params)}
        groups = [{**group, "params": [index[p] for p in group["params"]]} for group in self.param_groups]
        return {"state": {index[p]: state for p, state in self.state.items()}, "param_groups": groups}


class StateEditedAfterHooks(Plain):
    """Rewrites its state dict when hooks are through with it."""

    caught_by = "check_state_dict_hooks"

    def state_dict(self):
        saved = super().state_dict()
        return {
            **saved,
            "param_groups": [{**group, "lr": float(group["lr"])} for group in saved["param_groups"]],
        }


class MomentsTakenFlat(Plain):
    """Takes moments of as many elements as the weight has."""

    caught_by = "check_state_of_another_shape_refused"

    def update(self, w, g, state, group):
        state.update({name: state[name].view_as(w) for name in "mv" if name in state})
        super().update(w, g, state, group)


class LoadsWhatItCan(Plain):
    """Takes its own groups in the place of the saved ones."""

    caught_by = "check_wrong_state_refused"

    def load_state_dict(self, state_dict):
        super().load_state_dict({**state_dict, "param_groups": self.state_dict()["param_groups"]})


class ClosureInTheCallersMode(Plain):
    """Steps without gradients, and runs the closure as it was called."""

    caught_by = "check_closure_without_grad"

    def step(self, closure=None):
        loss = None if closure is None else closure()
        super().step()
        return loss


class GradientsTurnedOn(Plain):
    """Leaves gradients recorded."""

    caught_by = "check_grad_mode_restored"

    def step(self, closure=None):
        loss = super().step(closure)
        torch.set_grad_enabled(True)
        return loss


class StepWithoutHooks(Plain):
    """Says that its step runs hooks, and runs none."""

    caught_by = "check_step_hooks"

    def step(self, closure=None):
        loss = self.evaluated(closure)
        with torch.no_grad():
            for group in self.groups():
                self.step_group(group)
        return loss

    step.hooked = True


class StepWithoutProfile(StepWithoutHooks):
    caught_by = "check_step_in_profiles"


class HooksAllAfterTheStep(Plain):
    caught_by = "check_step_hooks_see_the_step"

    def register_step_pre_hook(self, hook):
        return self.register_step_post_hook(hook)


class CountInTheDefaultDtype(Plain):
    """Counts in a tensor of the default dtype, which in bfloat16 stays at 256."""

    caught_by = "check_default_dtype"

    def begin(self, state, w):
        super().begin(state, w)
        state["t"] = torch.zeros(())


class ProductsInAutocast(Plain):
    """Multiplies by matmul, which autocast rounds to bfloat16."""

    caught_by = "check_autocast"

    def direction(self, u, g, m):
        return (super().direction(u, g, m).reshape(-1, 1) @ torch.ones(1, 1, dtype=u.dtype)).reshape(u.shape)


class MemoryOfTheFirstStep(Plain):
    """Remembers where a weight was at its first step, and writes there."""

    caught_by = "check_weights_replaced"

    def update(self, w, g, state, group):
        if "where" not in state:
            state["where"] = w.detach()
        kept = {name: value for name, value in state.items() if name != "where"}
        super().update(state["where"], g, kept, group)
        state.update(kept)


class OtherStateDropped(Plain):
    """Loads what is its parameters' only."""

    caught_by = "check_other_state_loads"

    def load_state_dict(self, state_dict):
        state = {key: value for key, value in state_dict["state"].items() if isinstance(key, int)}
        super().load_state_dict({**state_dict, "state": state})


class RefersToItself(Plain):
    """Holds a hook that holds it."""

    caught_by = "check_freed_at_once"

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        self.register_step_post_hook(lambda *_: self.evaluated(None))


class BetasOfTheConstructor(Plain):
    """Ignores what a scheduler writes into the group."""

    caught_by = "check_momentum_cycled"

    def betas(self, group):
        return self.defaults["betas"]


class CorrectionsByBetas(Plain):
    """Looks its bias corrections up in a table, by betas that must be hashable."""

    caught_by = "check_betas_in_a_list"

    def corrected(self, state, beta1, beta2):
        self.table = getattr(self, "table", {})
        (group,) = (g for g in self.param_groups if tuple(g["betas"]) == (beta1, beta2))
        found = self.table.setdefault(
            (group["betas"], state["t"]), (1 - beta1 ** state["t"], 1 - beta2 ** state["t"])
        )
        return state["m"] / found[0], state["v"] / found[1]


class CountOnTheDefaultDevice(Plain):
    """Counts in a tensor that says nothing of its device."""

    caught_by = "check_default_device"

    def begin(self, state, w):
        super().begin(state, w)
        state["t"] = torch.zeros((), dtype=torch.float32)


class CountReadFromATensor(Plain):
    """Asks a tensor for the count of steps, which a fake one does not know."""

    caught_by = "check_fake_tensors"

    def begin(self, state, w):
        super().begin(state, w)
        state["t"] = torch.zeros((), dtype=torch.float32, device="cpu")

    def corrected(self, state, beta1, beta2):
        return super().corrected({**state, "t": state["t"].item()}, beta1, beta2)


class ConjugateResolved(Plain):
    """Takes complex numbers as pairs of reals, of a copy where they have to be conjugated first."""

    caught_by = "check_conjugated"

    def update(self, w, g, state, group):
        w, g = (torch.view_as_real(x.resolve_conj()) if x.is_complex() else x for x in (w, g))
        super().update(w, g, state, group)
