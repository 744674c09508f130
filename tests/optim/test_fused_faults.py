"""A fault in a kernel is found by what `test_fused.py` compares: each of these changes one place of its source."""

import importlib.util
import os
from dataclasses import replace
from inspect import getsource

import pytest
import torch

from grams_theory.optim import _fused
from grams_theory.optim._fused import compiler, cpu, cuda
from tests.optim.fused_cases import BF16, F32, LION, PLAIN, UPDATES, problem, tiny, worst

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
WIDE, NARROW = (F32, F32, F32), (BF16, BF16, BF16)
LR = 0.01

CPP = {
    "the mean from the wrong end": ("grams", "fma(weight1, g - m, m)", "fma(weight1, g - m, g)"),
    "the mask by products": ("grams", "((u > 0) & (g > 0)) | ((u < 0) & (g < 0))", "u * g > 0"),
    "no step at a tie": ("half", "? oppose : tie", "? oppose : 0"),
    "eps inside the root": ("grams", "(root(v1) + r.eps)", "root(v1 + r.eps)"),
    "the decay of the step too": ("cautious", "r.decay * w0 + step", "r.decay * (w0 + step)"),
    "the penalty against w": ("adam", "fma(penalty, w,", "fma(-penalty, w,"),
    "the largest v forgotten": ("amsgrad", "(v1, words + 3 * BLOCK", "(x0, words + 3 * BLOCK"),
    "the mask of the old momentum": ("rescaled", "r.mean(m0, g1), g1)", "m0, g1)"),
    "no mean of the mask": ("rescaled", "r.agree = (C)(1 / ", "r.agree = (C)(1 + 0 * "),
    "the first tensor's count for all": (
        "grams",
        "void step(const Share& s) const {\n    Rule<C> r(u, t.numbers + 3 * s.tensor)",
        "void step(const Share& s) const {\n    Rule<C> r(u, t.numbers)",
    ),
    "the last element forgotten": ("lion", "stop - first * BLOCK,", "stop - first * BLOCK - 1,"),
    "Lion's momentum by the other beta": ("lion", "fma(weight2, g, beta2 * m)", "fma(weight1, g, beta1 * m)"),
    "the gradient uphill": ("half", ": unscale * g;", ": g;"),
    "truncation for rounding": ("grams", "b + 0x7fff + (b >> 16 & 1)", "b"),
}
"""What is wrong: the update that shows it, the place, and what stands there."""
TRITON = {
    "the mean from the wrong end": ("grams", "tl.fma(weight, g - m, m)", "tl.fma(weight, g - m, g)"),
    "the mask by products": ("grams", "((u > 0) & (g > 0)) | ((u < 0) & (g < 0))", "u * g > 0"),
    "no step at a tie": ("half", "tl.where(opposes, oppose, tie)", "tl.where(opposes, oppose, 0)"),
    "eps inside the root": ("grams", "root(v, C) + eps", "root(v + eps, C)"),
    "the decay of the step too": ("cautious", "decay * w + change", "decay * (w + change)"),
    "the penalty against w": ("adam", "tl.fma(tl.load(constants + 4)", "tl.fma(-tl.load(constants + 4)"),
    "the largest v forgotten": (
        "amsgrad",
        "rounded(v, largest_words",
        "rounded(largest, largest_words",
    ),
    "the mask of the old momentum": ("rescaled", "u = mean(m, g, constants, C, NEAR)", "u = m"),
    "no mean of the mask": (
        "rescaled",
        "tl.maximum(tl.load(mean_agreeing + tensor), agree)",
        "tl.maximum(1.0, agree)",
    ),
    "the first tensor's count for all": (
        "grams",
        "rate = tl.load(numbers + tensor)",
        "rate = tl.load(numbers)",
    ),
    "the last element forgotten": ("lion", "stored, mask=i < size)", "stored, mask=i + 1 < size)"),
    "Lion's momentum by the other beta": (
        "lion",
        "m = tl.fma(weight2, g, beta2 * m)",
        "m = tl.fma(beta2, g, weight2 * m)",
    ),
    "the gradient uphill": (
        "half",
        "g = g * tl.load(numbers + 3 * tensors",
        "g = g * -tl.load(numbers + 3 * tensors",
    ),
    "truncation for rounding": ("grams", "bits + 0x7FFF + ((bits >> 16) & 1)", "bits"),
}
TABLE = TRITON if INTERPRETED else CPP


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    """kernel(text, replacement): makes the step use the source with this one place changed, or unchanged."""

    def use(*change: str) -> None:
        if INTERPRETED:
            from grams_theory.optim._fused import kernels

            path = tmp_path / "changed.py"
            path.write_text(changed(getsource(kernels), *change))
            spec = importlib.util.spec_from_file_location("changed", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            monkeypatch.setitem(_fused.KERNELS, "cpu", cuda)
            monkeypatch.setattr(_fused, "kernels", module)
        else:
            source = changed(cpu.source(), *change)
            monkeypatch.setattr(cpu, "source", lambda: source)
            monkeypatch.setattr(compiler, "FLAGS", ("-O0", *(x for x in compiler.FLAGS if x != "-O3")))
            monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    return use


def changed(source: str, text: str = "", replacement: str = "") -> str:
    assert not text or source.count(text) == 1, f"{text!r} stands in {source.count(text)} places"
    return source.replace(text, replacement) if text else source


def error(name: str, dtypes) -> float:
    """In units of the bound."""
    update = UPDATES[name]
    cases = [problem(update, (0, 700, 1, 33), dtypes)]
    if dtypes == WIDE:
        cases.append(tiny(update, (33,)))
    return max(worst(update, x, x.stepped(_fused.step_, update, lr=LR), lr=LR) for x in cases)


@pytest.mark.parametrize("fault", TABLE)
def test_a_fault_in_one_place_is_found(fault, kernel):
    name, text, replacement = TABLE[fault]
    kernel(text, replacement)
    assert error(name, NARROW if fault == "truncation for rounding" else WIDE) > 1


@pytest.mark.parametrize("dtypes", [WIDE, NARROW])
def test_the_source_as_it_is_has_none_of_them(dtypes, kernel):
    kernel()
    assert all(error(name, dtypes) <= 1 for name, _, _ in TABLE.values())


WORDS = "words & 0xFFFF" if INTERPRETED else "random & 0xffff"
BIASED = {"half of the random bits": WORDS.lower().replace("0xf", "0x7"), "no random bits": "0x8000"}


@pytest.mark.parametrize("fault", [None, *BIASED])
def test_biased_rounding_has_another_mean(fault, kernel):
    """By Hoeffding's inequality, as in `test_fused.py`: unbiased means are within it but for 1e-9 of the seeds."""
    kernel(*((WORDS, BIASED[fault]) if fault else ()))
    torch.manual_seed(0)
    copies, fraction = 4000, 0.3
    w = torch.zeros(copies, dtype=BF16)
    update = replace(LION, lam=1.0, stochastic_rounding=True)
    _fused.step_(
        update, [w], [-torch.ones_like(w)], [[torch.zeros_like(w)]], t=[1], lr=1 + fraction * 2.0**-7
    )
    found = (w.double().mean().item() - 1) * 2**7
    assert (abs(found - fraction) <= (21.5 / (2 * copies)) ** 0.5) == (fault is None)  # log(2 / 1e-9) < 21.5


SHARED = (
    ("rounded(v, v_words", "rounded(v, m_words") if INTERPRETED else ("words + 2 * BLOCK", "words + BLOCK")
)


@pytest.mark.parametrize("fault", [None, SHARED], ids=["as it is", "one word for both moments"])
def test_moments_that_share_their_random_words_are_rounded_alike(fault, kernel):
    """m becomes 1 + spacing / 4, v 1 + spacing / 2: with the same words v is rounded up wherever m is."""
    kernel(*(fault or ()))
    torch.manual_seed(0)
    n, spacing = 4000, 2.0**-7
    w, m, v = (torch.ones(n, dtype=BF16) for _ in range(3))
    update = replace(PLAIN, betas=(0.75, 0.75), stochastic_rounding=True)
    _fused.step_(update, [w], [torch.full_like(w, 1 + spacing)], [[m], [v]], t=[1], lr=0.0)
    alike = ((m > 1) <= (v > 1)).all().item()
    assert 0 < (m > 1).sum() < n and alike == (fault is not None)
