"""Grams as a fused multi-tensor kernel would do it, block by block in flat memory, with the faults of kernels."""

import torch

from tests.quality.broken.loop import in_range

BLOCK = 1024
"""Elements that one program of the kernel works on."""


class Fused(torch.optim.Optimizer):
    """Definition 4.1 in one launch: a table of blocks, each (tensor, first element), and a kernel that does one.

    The kernel computes in float32 at least. Tensors that are not contiguous are copied before, and weights back after.
    """

    role, style, caught_by = "Grams", "fused", "definitions"

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, in_range({"lr": lr, "betas": betas, "eps": eps}))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self.launch([p for p in group["params"] if p.grad is not None], group)
        return loss

    def launch(self, params, group):
        states = [self.prepared(p) for p in params]
        weights = [self.memory(p) for p in params]
        gradients = [self.gradient_memory(p) for p in params]
        for state in states:
            state["t"] += 1
        for index, start in self.table([w.numel() for w in weights]):
            state, (first, end) = states[index], self.bounds(start, weights[index].numel())
            tensors = weights[index], gradients[self.source(index)], state["m"], state["v"]
            block = [x[first:end] for x in tensors]
            w, m, v = self.kernel([self.load(x) for x in block], self.scalars(state, group))
            for target, value in zip((block[0], *block[2:]), (w, m, v), strict=True):
                target.copy_(value)
        for p, w in zip(params, weights, strict=True):
            self.write_back(p, w)

    def prepared(self, p):
        state = self.state[p]
        if not state:
            m, v = torch.zeros_like(p).reshape(-1), torch.zeros_like(p).reshape(-1)
            state.update(t=0, m=m, v=v)
        return state

    def memory(self, x):
        """The elements of x in order, shape (n,): where they lie if x is contiguous, else in a copy."""
        return x.detach().reshape(-1)

    def gradient_memory(self, p):
        return self.memory(p.grad)

    def write_back(self, p, w):
        if not p.is_contiguous():
            p.copy_(w.view(p.shape))

    def table(self, lengths):
        return [(i, start) for i, length in enumerate(lengths) for start in range(0, length, BLOCK)]

    def bounds(self, start, length):
        return start, min(start + BLOCK, length)

    def source(self, index):
        return index

    def load(self, x):
        return x.to(torch.promote_types(x.dtype, torch.float32))

    def scalars(self, state, group):
        """The arguments of the kernel that are numbers: eta, betas, eps, and the bias corrections."""
        (beta1, beta2), t = group["betas"], state["t"]
        return group["lr"], beta1, beta2, group["eps"], 1 - beta1**t, 1 - beta2**t

    def kernel(self, tensors, scalars):
        """New weights and moments of one block."""
        (w, g, m, v), (eta, beta1, beta2, eps, correction1, correction2) = tensors, scalars
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        u = self.quotient(m / correction1, v / correction2, eps)
        return w - eta * g.sign() * u.abs(), m, v

    def quotient(self, m, v, eps):
        return m / (v.sqrt() + eps)


class TailMaskedOut(Fused):
    """A last block that is not full is left out, unless it is the only one."""

    caught_by = "check_coordinates_alike"

    def table(self, lengths):
        return [
            (i, start) for i, start in super().table(lengths) if start == 0 or start + BLOCK <= lengths[i]
        ]


class BlocksOverlap(Fused):
    """Bounds that are meant inclusive: the first element of the next block is stepped twice."""

    caught_by = "check_coordinates_alike"

    def bounds(self, start, length):
        return start, min(start + BLOCK + 1, length)


class LastElementForgotten(Fused):
    caught_by = "check_coordinates_alike"

    def bounds(self, start, length):
        first, end = super().bounds(start, length)
        return first, end - (end == length > 1)


class GridTooSmall(Fused):
    """At most 64 programs are launched per tensor."""

    caught_by = "check_coordinates_alike"

    def table(self, lengths):
        return [(i, start) for i, start in super().table(lengths) if start < 64 * BLOCK]


class IndexOverflows(Fused):
    """The first element of a block is kept in 16 bits."""

    caught_by = "check_coordinates_alike"

    def table(self, lengths):
        return [(i, start % 2**16) for i, start in super().table(lengths)]


class StepCountPerBlock(Fused):
    """Each program counts the step of its tensor."""

    caught_by = "check_coordinates_alike"

    def scalars(self, state, group):
        found = super().scalars(state, group)
        state["t"] += 1
        return found


class GradientOfTheFirstTensor(Fused):
    """The pointer to the gradient is not moved on to the next tensor."""

    caught_by = "check_dtypes_apart"

    def source(self, index):
        return 0


class LaunchedForTheFirstTensor(Fused):
    caught_by = "check_parameters_apart"

    def table(self, lengths):
        return super().table(lengths[:1])


class StridesOfTheGradientIgnored(Fused):
    """Reads a gradient's memory as it lies. As torch's own fused optimizers on the CPU."""

    caught_by = "check_gradient_layout"

    def gradient_memory(self, p):
        return p.grad.as_strided((p.numel(),), (1,))


class StridesOfTheWeightsIgnored(Fused):
    """Writes a weight's memory as it lies. As lion-pytorch 0.2.5's Triton kernel."""

    caught_by = "check_parameter_layout"

    def memory(self, x):
        return x.detach().as_strided((x.numel(),), (1,))

    def gradient_memory(self, p):
        return p.grad.reshape(-1)

    def write_back(self, p, w):
        pass


class StorageOffsetIgnored(Fused):
    """Takes the start of the storage for the start of the tensor."""

    caught_by = "check_gradient_layout"

    def gradient_memory(self, p):
        return p.grad.reshape(-1).as_strided((p.numel(),), (1,), 0)


class CopyNotWrittenBack(Fused):
    """Weights that are not contiguous are stepped in a copy, and the copy is dropped."""

    caught_by = "check_parameter_layout"

    def write_back(self, p, w):
        pass


class MasterWeightsKept(Fused):
    """Keeps flat weights of its own, and writes them over whatever was loaded since."""

    caught_by = "check_weights_overwritten"

    def launch(self, params, group):
        for p in params:
            p.copy_(self.prepared(p).get("w", p))
        super().launch(params, group)
        for p in params:
            self.state[p]["w"] = p.detach().clone()


class GradientIsScratch(Fused):
    """The kernel leaves the size of the update where the gradient was."""

    caught_by = "check_gradient_untouched"

    def kernel(self, tensors, scalars):
        w, g, m, v = tensors
        end = super().kernel((w, g.clone(), m, v), scalars)
        g.copy_(end[0] - w)
        return end


class CorrectionsInHalfPrecision(Fused):
    def scalars(self, state, group):
        *others, first, second = super().scalars(state, group)
        return *others, float(torch.tensor(first).half()), float(torch.tensor(second).half())


class CorrectionsInSinglePrecision(Fused):
    """1 - beta^t cancels: in float32 it is good to four digits at t = 1."""

    def scalars(self, state, group):
        *others, _, _ = super().scalars(state, group)
        powers = torch.tensor(group["betas"], dtype=torch.float32) ** state["t"]
        return *others, *(1 - powers).tolist()


class KernelInSinglePrecision(Fused):
    """Loads float64 as float32."""

    def load(self, x):
        return x.float()


class MomentsInHalfPrecision(Fused):
    def prepared(self, p):
        state = super().prepared(p)
        state.update(m=state["m"].half(), v=state["v"].half())
        return state


class ReciprocalRootApproximated(Fused):
    """rsqrt as graphics hardware does it, good to single precision."""

    def quotient(self, m, v, eps):
        return m / (1 / v.float().rsqrt().to(v.dtype) + eps)


class SubnormalsFlushed(Fused):
    """Second moments below the smallest normal half-precision number are taken for zero."""

    def quotient(self, m, v, eps):
        return super().quotient(m, v.where(v >= 2.0**-14, 0), eps)


class NaNLostInClamp(Fused):
    """fmin and fmax return the number when the other is NaN."""

    caught_by = "check_nan_shows"

    def quotient(self, m, v, eps):
        u = super().quotient(m, v, eps)
        limit = torch.tensor(1e30, dtype=u.dtype, device=u.device)
        return u.fmin(limit).fmax(-limit)
