"""Faults of published optimizers that are known, with the evidence: a report shows them by name, as what they are."""

from __future__ import annotations

from collections.abc import Mapping

from grams_theory.engine.production import OptimizerClass

STRIDES = (
    "torch's fused CPU kernels walk parameter and gradient in the order of their storage: where their strides differ, "
    "a weight is moved by the gradient of another one"
)
VERSION = (
    "torch's fused CPU kernels do not count up the versions of what they write: backward through a graph from before "
    "the step passes silently, with gradients at the new weights"
)
SIZES = (
    "torch's fused CPU kernels do not compare the shapes of a parameter and its state: moments of a transposed weight "
    "pass silently, each for another coordinate"
)
FUSED_ON_CPU = {
    "gradient_layout": STRIDES,
    "parameter_layout": STRIDES,
    "stale_graph_refused": VERSION,
    "state_of_another_shape_refused": SIZES,
}
SGD_LISTS = (
    "torch's fused SGD passes its list of momentum buffers to the kernel with None for a parameter that had no "
    "gradient before, and step raises TypeError"
)
COUNT = "torch.optim.RMSprop names no device for its count of steps: under torch.set_default_device it lies on that one"
KNOWN: Mapping[tuple[str, str, str], Mapping[str, str]] = {
    ("torch.optim:Adam", "fused", "cpu"): FUSED_ON_CPU,
    ("torch.optim:AdamW", "fused", "cpu"): FUSED_ON_CPU,
    ("torch.optim:SGD", "fused", "cpu"): {
        **FUSED_ON_CPU,
        "missing_gradient_among_others": SGD_LISTS,
        "late_gradient": SGD_LISTS,
        "equals_loop_in_low_precision": (
            "torch's fused SGD on the CPU corrupts the momentum of bfloat16 and float16 parameters of 16 elements or "
            "more from the second step on: after three steps it is off by more than the gradients"
        ),
    },
    ("torch.optim:SGD", "loop", "cpu"): {
        "nan_refused": "torch.optim.SGD tests `lr < 0.0`, which is false for NaN, and trains with it",
    },
    ("torch.optim:SGD", "foreach", "cpu"): {
        "gradient_untouched": "torch's foreach SGD with nesterov=True adds the momentum to p.grad in place",
    },
    ("torch.optim:SGD", "differentiable", "cpu"): {
        "autograd_through_the_step": "torch.optim.SGD detaches the first gradient when it starts its momentum buffer",
    },
    ("torch.optim:RMSprop", "loop", "cpu"): {"default_device": COUNT},
    ("torch.optim:RMSprop", "foreach", "cpu"): {"default_device": COUNT},
    ("torch.optim:RMSprop", "differentiable", "cpu"): {"default_device": COUNT},
}
"""(optimizer as torch exports it, implementation, kind of device) -> check -> evidence, of torch 2.13."""


def known_deviations(cls: OptimizerClass, device: str) -> dict[tuple[str, str], str]:
    """(check, implementation) -> evidence, for that class itself on that kind of device."""
    name = f"{cls.__module__.rpartition('.')[0]}:{cls.__name__}"
    return {
        (check, implementation): evidence
        for (known, implementation, kind), found in KNOWN.items()
        if (known, kind) == (name, device)
        for check, evidence in found.items()
    }
