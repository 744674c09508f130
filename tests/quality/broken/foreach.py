"""Grams by torch's multi-tensor functions, with the faults that lists of tensors invite."""

# pyright: reportPrivateImportUsage=false

from collections import defaultdict

import torch

from tests.quality.broken.loop import in_range


class Foreach(torch.optim.Optimizer):
    """Definition 4.1 on lists of tensors: one call does a piece of the work for all of them."""

    role, style, caught_by = "Grams", "foreach", "definitions"

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, maximize=False):
        super().__init__(
            params,
            in_range(
                {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
            ),
        )

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for w, g, m, v, t in self.bundles(*self.lists(group)):
                self.update(w, g, m, v, t, group)
        return loss

    def lists(self, group):
        """Weights that have gradients, their gradients, moments, and step counts, in one order."""
        w = [p for p in group["params"] if p.grad is not None]
        states = [self.prepared(p) for p in w]
        m, v, t = ([state[name] for state in states] for name in ("m", "v", "step"))
        return w, [p.grad for p in w], m, v, t

    def prepared(self, p):
        state = self.state[p]
        if not state:
            state.update(
                m=torch.zeros_like(p),
                v=torch.zeros_like(p),
                step=torch.tensor(0.0, dtype=torch.float32, device="cpu"),
            )
        return state

    def bundles(self, *lists):
        """The lists, apart by device and dtype of the weights."""
        found = defaultdict(list)
        for row in zip(*lists, strict=True):
            found[row[0].device, row[0].dtype].append(row)
        return [tuple(map(list, zip(*rows, strict=True))) for rows in found.values()]

    def update(self, w, g, m, v, t, group):
        torch._foreach_add_(t, 1)
        g = self.oriented(w, g, group)
        self.moments(g, m, v, *group["betas"])
        counts = [int(count) for count in t]
        size = self.sizes(m, v, counts, group)
        torch._foreach_mul_(size, torch._foreach_sign(g))
        torch._foreach_mul_(size, self.rates(counts, group))
        torch._foreach_add_(w, size)

    def oriented(self, w, g, group):
        if group["maximize"]:
            g = torch._foreach_neg(g)
        if group["weight_decay"]:
            g = torch._foreach_add(g, w, alpha=group["weight_decay"])
        return g

    def moments(self, g, m, v, beta1, beta2):
        torch._foreach_lerp_(m, g, 1 - beta1)
        torch._foreach_mul_(v, beta2)
        torch._foreach_addcmul_(v, g, g, 1 - beta2)

    def sizes(self, m, v, counts, group):
        """|m| / (sqrt(v̂) + eps); the first bias correction is in the rates."""
        root = torch._foreach_sqrt(v)
        torch._foreach_div_(root, [(1 - group["betas"][1] ** t) ** 0.5 for t in counts])
        torch._foreach_add_(root, group["eps"])
        size = torch._foreach_abs(m)
        torch._foreach_div_(size, root)
        return size

    def rates(self, counts, group):
        return [-group["lr"] / (1 - group["betas"][0] ** t) for t in counts]


class RatesOfTheFirstTensor(Foreach):
    """One bias correction for the whole list, that of its first tensor."""

    caught_by = "check_late_gradient"

    def rates(self, counts, group):
        return super().rates([counts[0]] * len(counts), group)


class RatesShiftedByOne(Foreach):
    """The list of scalars begins with the second tensor's."""

    caught_by = "check_late_gradient"

    def rates(self, counts, group):
        return super().rates(counts[1:] + counts[:1], group)


class OneStepTensorForAll(Foreach):
    """All parameters hold the same step tensor, which counts once for each."""

    caught_by = "check_parameters_apart"

    def prepared(self, p):
        state = super().prepared(p)
        first = next(iter(self.state.values()))
        state["step"] = first["step"]
        return state


class MomentsSharedByShape(Foreach):
    caught_by = "check_missing_gradient_among_others"

    def prepared(self, p):
        state = super().prepared(p)
        for other, known in self.state.items():
            if known and other.shape == p.shape and other.dtype == p.dtype:
                state.update(m=known["m"], v=known["v"])
                break
        return state


class GradientsMisaligned(Foreach):
    """Leaves missing gradients out of one list and not of the other: the rest is paired wrongly."""

    caught_by = "check_missing_gradient_among_others"

    def lists(self, group):
        g = [p.grad for p in group["params"] if p.grad is not None]
        w = group["params"][: len(g)]
        states = [self.prepared(p) for p in w]
        return w, g, *([state[name] for state in states] for name in ("m", "v", "step"))


class MomentsMisaligned(Foreach):
    """Takes the moments of the first parameters, whichever have gradients."""

    caught_by = "check_missing_gradient_among_others"

    def lists(self, group):
        w, g, _, _, t = super().lists(group)
        states = [self.prepared(p) for p in group["params"]][: len(w)]
        return w, g, [state["m"] for state in states], [state["v"] for state in states], t


class LastOfAnOddListDropped(Foreach):
    """Works on pairs, and forgets the one that is left."""

    caught_by = "check_parameters_apart"

    def lists(self, group):
        lists = super().lists(group)
        count = len(lists[0])
        return tuple(items[: count - count % 2 if count > 1 else count] for items in lists)


class LaunchLimitForgotten(Foreach):
    """One launch takes 110 tensors; the others are not launched."""

    caught_by = "check_many_parameters"

    def bundles(self, *lists):
        return super().bundles(*(items[:110] for items in lists))


class BufferOfTheFirstDtype(Foreach):
    """Copies all gradients into one buffer, whose dtype is the first one's."""

    caught_by = "check_dtypes_apart"

    def lists(self, group):
        w, g, *others = super().lists(group)
        return w, [x.to(g[0].dtype).to(x.dtype) for x in g], *others


class SecondDtypeForgotten(Foreach):
    """Steps the bundle of the first tensor's dtype alone."""

    caught_by = "check_dtypes_apart"

    def bundles(self, *lists):
        return super().bundles(*lists)[:1]


class HyperparametersOfTheLastGroup(Foreach):
    """A loop variable that is used after its loop."""

    caught_by = "check_groups_apart"

    def rates(self, counts, group):
        return super().rates(counts, self.param_groups[-1])


class MaximizeInPlace(Foreach):
    """As pytorch-optimizer 4.1: the gradient itself is negated."""

    caught_by = "check_gradient_untouched"

    def oriented(self, w, g, group):
        if group["maximize"]:
            torch._foreach_neg_(g)
        return super().oriented(w, g, {**group, "maximize": False})


class PenaltyInPlace(Foreach):
    """As pytorch-optimizer 4.1 with `weight_decouple=False`: the penalty is added to the gradient itself."""

    caught_by = "check_gradient_untouched"

    def oriented(self, w, g, group):
        g = super().oriented(w, g, {**group, "weight_decay": 0})
        torch._foreach_add_(g, w, alpha=group["weight_decay"])
        return g


class MaximizeIgnored(Foreach):
    caught_by = "check_maximize"

    def oriented(self, w, g, group):
        return super().oriented(w, g, {**group, "maximize": False})


class RootInPlace(Foreach):
    """Takes the square root of the second moment itself."""

    def sizes(self, m, v, counts, group):
        size = super().sizes(m, v, counts, group)
        torch._foreach_sqrt_(v)
        return size


class MagnitudeInPlace(Foreach):
    """Takes the absolute value of the first moment itself."""

    def sizes(self, m, v, counts, group):
        torch._foreach_abs_(m)
        return super().sizes(m, v, counts, group)


class LerpWeightMistaken(Foreach):
    """`lerp` by beta1 in place of 1 - beta1: the momentum weights are swapped. As pytorch-optimizer before 4."""

    def moments(self, g, m, v, beta1, beta2):
        super().moments(g, m, v, 1 - beta1, beta2)
