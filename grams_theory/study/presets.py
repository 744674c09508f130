"""The sizes in which the study comes. Data only: `choose` puts a preset, and what the user changes of it, together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from grams_theory.core.errors import UnknownNameError
from grams_theory.landscape import losses as built_in
from grams_theory.study.settings import MINIBATCH, Settings, Task

_LINEAR = (
    Task("diabetes", steps=300, batch=32, shift=1),
    Task("breast_cancer", steps=300, batch=32, shift=1),
    Task("breast_cancer_ridge", steps=300, batch=32, shift=1),
    Task("digits_softmax_ridge", steps=200, batch=64),
)
_PERCEPTRONS = (
    Task("digits_mlp_squares", steps=400, batch=32, floor=2000),
    Task("digits_mlp_softmax", steps=400, batch=32, floor=2000),
)
_IMAGES = (
    Task("mnist_mlp_squares", steps=250, batch=64, samples=1000, floor=300),
    Task("mnist_mlp_softmax", steps=250, batch=64, samples=1000, floor=300),
)

TINY = Settings(
    (
        Task("diabetes", steps=12, batch=64, shift=1, floor=20, modes=(MINIBATCH,)),
        Task("digits_mlp_softmax", steps=12, batch=64, floor=20),
    ),
    seeds=2,
    tuning_seeds=1,
    narrow=2,
    extensions=0,
    stages=4,
    skew_batches=4,
    ablation=("digits_mlp_softmax",),
    sweep=("diabetes",),
    sweep_beta1=(0.9,),
    sweep_beta2=(0.99, 0.999),
    sweep_rates=(0,),
    preset="tiny",
)
SMALL = Settings(
    (*_LINEAR, *_PERCEPTRONS, _IMAGES[1]),
    seeds=10,
    ablation=("breast_cancer_ridge", "digits_mlp_softmax"),
    sweep=("digits_mlp_softmax",),
    preset="small",
)
LAPTOP = Settings(
    (
        *_LINEAR,
        *_PERCEPTRONS,
        *_IMAGES,
        Task("patches_wrn", steps=150, batch=64, samples=256, floor=0, chunk=128),
        Task("shakespeare_llama", steps=300, batch=16, samples=256, test_samples=256, floor=0, chunk=32),
        Task(
            "minilm_finetune",
            steps=60,
            batch=16,
            modes=(MINIBATCH,),
            samples=256,
            test_samples=256,
            floor=0,
            chunk=32,
            shift=-3,
        ),
    ),
    ablation=("breast_cancer_ridge", "digits_mlp_softmax", "mnist_mlp_softmax", "shakespeare_llama"),
    sweep=("digits_mlp_softmax", "mnist_mlp_softmax"),
    preset="laptop",
)
GPU = Settings(
    (
        Task(
            "llama_60m",
            steps=3000,
            batch=256,
            modes=(MINIBATCH,),
            samples=4096,
            test_samples=4096,
            floor=0,
            chunk=128,
        ),
        Task(
            "wrn_50_2",
            steps=5000,
            batch=128,
            modes=(MINIBATCH,),
            samples=10_000,
            test_samples=10_000,
            floor=0,
            chunk=500,
        ),
    ),
    tuning_seeds=1,
    narrow=1,
    ablation=("llama_60m",),
    device="cuda",
    preset="gpu",
)
PRESETS = {preset.preset: preset for preset in (TINY, SMALL, LAPTOP, GPU)}


def choose(
    preset: str,
    *,
    losses: Sequence[str] | None = None,
    optimizers: Sequence[str] | None = None,
    seeds: int | None = None,
    paths: Mapping[str, str] | None = None,
    device: str | None = None,
) -> Settings:
    """A preset with what is given in the place of its own. A loss that it does not have is taken as another preset
    has it, or else with the settings of a `Task`.

    Raises:
        UnknownNameError: there is no such preset, loss or contender.
        UsageError: the settings make no study.
    """
    if preset not in PRESETS:
        raise UnknownNameError("preset", preset, PRESETS)
    base = PRESETS[preset]
    tasks = base.tasks if losses is None else tuple(_task(base, name) for name in losses)
    names = {task.loss for task in tasks}
    return replace(
        base,
        tasks=tasks,
        optimizers=base.optimizers if optimizers is None else tuple(optimizers),
        seeds=base.seeds if seeds is None else seeds,
        ablation=tuple(name for name in base.ablation if name in names),
        sweep=tuple(name for name in base.sweep if name in names),
        paths=dict(paths or {}),
        device=base.device if device is None else device,
    )


def _task(base: Settings, name: str) -> Task:
    for preset in (base, *PRESETS.values()):
        for task in preset.tasks:
            if task.loss == name:
                return task
    if ":" not in name and name not in built_in.names(None):
        raise UnknownNameError("loss", name, built_in.names(None))
    return Task(name)
