# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Stochastic gradients, and the median
#
# A stochastic gradient is right on the average: its *mean* is the gradient. Grams takes its direction from the *sign*
# of the stochastic gradient, and the sign is right when the *median* has the gradient's sign. Where mean and median
# differ, Grams can go to another place than the minimiser, however small the steps are. Three statements, all decided
# by machine:
#
# * "with bounded noise of mean zero, Grams settles at the minimiser" is **refuted**, by exact expectations;
# * where the expected sign vanishes, 0 is a median of the stochastic gradient: **proved**, and so is when Grams moves
#   away from the minimiser;
# * on one skewed law, with $\varepsilon\ge100$, its mean loss stays above a floor that no smaller step size lowers:
#   **proved**.
#
# And the other half of the truth: with symmetric noise, and with large batches, none of this happens.

# %%
import os
from fractions import Fraction as F
from itertools import product
from math import comb

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display

import grams_theory as gt
from grams_theory import claims
from grams_theory.core.random import generator
from grams_theory.landscape import by_name
from grams_theory.landscape.noise import noise_skew
from grams_theory.landscape.objective import Objective

FULL = int(os.environ.get("GRAMS_THEORY_BUDGET", "20000")) >= 20000  # the tests run a reduced version
STYLES = {  # Okabe-Ito
    "Grams": (gt.Grams, "#d55e00", "-", "o"),
    "C-Adam": (gt.CautiousAdam, "#0072b2", "--", "s"),
    "Adam": (gt.Adam, "#009e73", ":", "^"),
}
GREY = "#7f7f7f"

plt.rcParams.update(
    {"figure.dpi": 110, "font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
)

# %% [markdown]
# ## 1. The sign of a mean is not the mean of a sign
#
# The simplest loss, $f(w)=\tfrac12w^2$, and noise that is $-1$ three times out of four, and $+3$ else: mean 0, median
# $-1$. By hand:

# %%
LAW = {F(-1): F(3, 4), F(3): F(1, 4)}


def expected(value, law=LAW):
    """E value(ξ), exactly."""
    return sum(p * value(x) for x, p in law.items())


def sign(x):
    return (x > 0) - (x < 0)


assert expected(lambda x: x) == 0
for w in (F(0), F(1, 2), F(99, 100), F(101, 100)):
    mean, drift = expected(lambda x, w=w: w + x), expected(lambda x, w=w: sign(w + x))
    print(f"w = {float(w):4.2f}   E g = {float(mean):4.2f}   E sign(g) = {float(drift):5.2f}")
    assert drift == (-F(1, 2) if w < 1 else 1)

# %% [markdown]
# For every $w$ in $(-3,1)$ the expected sign is $-\tfrac12$, and below $-3$ it is $-1$: on the average a step against
# the sign goes *up*, through the minimiser 0 and on to $w=1$. There the median of $g=w+\xi$ changes its sign.

# %% alt="Left: noise −1 or +3, mean 0, median −1. Right: the mean of g is 0 at w = 0, that of its sign jumps at w = 1"
grid = np.linspace(-4, 2.5, 521)
signs = np.array([float(expected(lambda x, w=w: sign(F(w) + x))) for w in grid])
figure, (density, drift) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
density.bar([-1, 3], [0.75, 0.25], width=0.25, color=GREY)
density.axvline(0, color="#009e73", linestyle=":", linewidth=2, label="mean 0")
density.axvline(-1, color="#d55e00", linewidth=2, label="median −1")
density.set(xlabel=r"noise $\xi$", ylabel="probability", title="a skewed law of mean 0", ylim=(0, 1))
density.legend(frameon=False)
drift.axhline(0, color="black", linewidth=0.8)
drift.plot(grid, grid, color="#009e73", linestyle=":", linewidth=2, label=r"$\mathbb{E}\,g=w$")
drift.plot(grid, signs, color="#d55e00", linewidth=2, label=r"$\mathbb{E}\,\mathrm{sign}(g)$")
drift.plot(0, 0, "^", color="#009e73", markersize=9)
drift.plot(1, 0, "o", color="#d55e00", markersize=9)
drift.annotate("the mean rests\nat the minimiser", (0, 0), (-10, 8), textcoords="offset points", ha="right")
drift.annotate("the sign rests\nat the median", (1, 0), (14, -32), textcoords="offset points")
drift.set(
    xlabel="weight $w$", ylabel="expected", ylim=(-2, 2), title="which way a step goes: down where positive"
)
drift.legend(frameon=False, loc="upper left")
plt.show()

# %% [markdown]
# ## 2. Grams is not only a sign
#
# The size of its step, $\lvert m\rvert$, depends on the same gradient. Does that repair the direction? Take the
# shortest memory that is one: two gradients and $\beta_1=\tfrac12$, so $\hat m=(g_1+2g_2)/3$. Four outcomes decide
# it, at the minimiser:

# %%
display(claims.by_id("noise-convergence"))


def grams_step(w):
    """E sign(g₂)|m̂|, the weight and the normaliser held."""
    pairs = product(LAW.items(), repeat=2)
    return sum(p * q * sign(w + y) * abs((w + x) + 2 * (w + y)) / 3 for (x, p), (y, q) in pairs)


for x, y in product(LAW, repeat=2):
    m = (x + 2 * y) / 3
    print(f"g₁ = {x!s:>2}, g₂ = {y!s:>2}:  probability {LAW[x] * LAW[y]!s:>5},  step {sign(y) * abs(m)!s:>5}")
print("expected step at the minimiser:", grams_step(F(0)), "; at w = 1/5:", grams_step(F(1, 5)))
assert grams_step(F(0)) == F(-1, 8) and grams_step(F(1, 5)) == 0

# %% [markdown]
# It repairs a part of it: the rest point is $\tfrac15$ and not 1. With $\beta_1=0.9$ the size depends less on the
# last gradient. In general:

# %%
display(claims.by_id("sign-median"))
proof = gt.prove("sign-median")
assert proof.complete
display(proof)

# %% [markdown]
# The proof holds $w$ and $\hat v$ fixed. For this one law, and $\beta_1=0.9$, nothing has to be held: the weights move,
# the normaliser moves, and the time average of Grams' expected loss still does not go below $1/100$ in the end, for any
# $\beta_2$, any $\varepsilon\ge100$ and any step size $\eta\le\varepsilon/5$.

# %%
display(claims.by_id("median-bias"))
if FULL:  # 84 steps
    proof = gt.prove("median-bias")
    assert proof.complete
    print(f"{proof.checked} steps checked, given {', '.join(proof.axioms)}")

# %% [markdown]
# ## 3. The production optimizers
#
# Proofs need $\varepsilon\ge100$; practice has $10^{-8}$. So run it: 512 replicas from the minimiser, defaults but
# for the learning rate.


# %% alt="Grams drifts to w = 1 and loss 1/2, C-Adam rests near 0.1, Adam near 0, at two learning rates"
def two_point(q, stream, c=1.0):
    """−c with probability q, else cq/(1 − q): mean 0. One sample per entry of q."""
    often = torch.rand(q.shape, generator=stream, dtype=torch.float64) < q
    return torch.where(often, -c, c * q / (1 - q))


def simulate(optimizer, noise, shape, lr, steps, betas=(0.9, 0.999), address="simulation"):
    """Weights of shape (steps + 1, *shape) on f = w²/2 from the minimiser; `noise(stream)` is added to the gradient."""
    w = torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64))
    stepper, stream, path = (
        optimizer([w], lr=lr, betas=betas),
        generator(0, "notebook", address),
        [w.detach().clone()],
    )
    for _ in range(steps):
        w.grad = w.detach() + noise(stream)
        stepper.step()
        path.append(w.detach().clone())
    return torch.stack(path)


REPLICAS = 512 if FULL else 128
skewed = torch.full((REPLICAS,), 0.75, dtype=torch.float64)
RATES = (1e-2, 3e-3) if FULL else (1e-2,)
paths = {
    (name, lr): simulate(cls, lambda stream: two_point(skewed, stream), (REPLICAS,), lr, int(24 / lr))
    for name, (cls, *_) in STYLES.items()
    for lr in RATES
}

figure, (weights, losses) = plt.subplots(1, 2, figsize=(10.5, 4), layout="constrained")
for (name, lr), path in paths.items():
    _, colour, style, _ = STYLES[name]
    time = lr * np.arange(len(path))
    width = 2 if lr == RATES[0] else 0.8
    weights.plot(
        time, path.mean(1), color=colour, linestyle=style, linewidth=width, label=f"{name}, η = {lr:g}"
    )
    losses.plot(time, (path**2 / 2).mean(1), color=colour, linestyle=style, linewidth=width)
    if lr == RATES[0]:
        low, high = path.quantile(0.1, dim=1), path.quantile(0.9, dim=1)
        weights.fill_between(time, low, high, color=colour, alpha=0.15, linewidth=0)
weights.axhline(1, color=GREY, linewidth=0.8)
weights.annotate(
    "median of $g$ is 0", (23.5, 1), (0, 3), textcoords="offset points", ha="right", color="#505050"
)
weights.axhline(0, color=GREY, linewidth=0.8)
weights.annotate("minimiser", (23.5, 0), (0, -12), textcoords="offset points", ha="right", color="#505050")
weights.set(
    xlabel=r"time $\eta t$", ylabel=f"weight: mean, and 80 % of {REPLICAS} runs", title="where they go"
)
weights.legend(frameon=False, loc="center right", fontsize=9)
losses.axhline(0.5, color=GREY, linewidth=0.8)
losses.set(
    xlabel=r"time $\eta t$", ylabel=r"mean loss $f(w)-f^\star$", yscale="log", title="and what it costs"
)
plt.show()
rest = {key: path[len(path) // 2 :].mean().item() for key, path in paths.items()}
for (name, lr), w in rest.items():
    print(f"{name:7} η = {lr:5g}: rests at {w:6.3f}")
    assert {"Grams": 0.9 < w < 1.1, "C-Adam": 0.05 < w < 0.2, "Adam": abs(w) < 0.03}[name]

# %% [markdown]
# Grams goes all the way to the median and stays, at a loss of $\tfrac12$. A smaller $\eta$ takes it there more
# slowly, and no nearer to the minimiser. Cautious is biased too, by a tenth of that: it leaves out what disagrees
# with the *stochastic* sign. Adam rests at the minimiser, as far as these runs can tell.
#
# ## 4. When it does not matter
#
# **Break it: drop the skew.** Let $\xi=-1$ with probability $q$, and $q/(1-q)$ otherwise: mean 0 for every $q$,
# symmetric only at $q=\tfrac12$. Where does each optimizer rest?

# %% alt="Rest points over the skew q: all at 0 for q = 1/2, Grams reaches 1 from q = 0.8, C-Adam 0.3, Adam stays at 0"
shares = torch.linspace(0.5, 0.9, 9, dtype=torch.float64)
replicas, lr, steps = (256 if FULL else 64), 2e-2, 1200
laws = shares.repeat(replicas, 1)
rests = {
    name: simulate(cls, lambda stream: two_point(laws, stream), laws.shape, lr, steps)[steps // 2 :].mean(0)
    for name, (cls, *_) in STYLES.items()
}
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.plot(
    [0.5, 0.5, 0.9], [0, 1, 1], color="black", linewidth=0.9, label="rest point of the sign alone (median)"
)
for name, (_, colour, style, marker) in STYLES.items():
    mean, error = rests[name].mean(0), 3 * rests[name].std(0) / replicas**0.5
    axes.errorbar(shares, mean, error, color=colour, linestyle=style, marker=marker, label=name)
axes.set(xlabel="$q$, probability of the smaller value", ylabel="mean weight at rest (3 standard errors)")
axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)
plt.show()
for name, found in rests.items():
    noise = 3 * found[:, 0].std().item() / replicas**0.5
    print(f"q = 1/2: {name:7} rests at {found[:, 0].mean().item():+.3f} ± {noise:.3f}")
    assert abs(found[:, 0].mean().item()) < noise + 0.01

# %% [markdown]
# At $q=\tfrac12$ all rest at the minimiser. The bias grows smoothly with the skew: Grams' size of step still knows
# something of the mean, so a little skew does a little harm.
#
# **Larger batches.** A mean of $B$ samples is less skewed (by $1/\sqrt B$), and less noisy. Both help:

# %% alt="Rest points over the batch size: Grams falls from 1 to 0.07 at B = 2 and to 0 from B = 4 on"
sizes = (1, 2, 4, 8, 16, 32)
samples = torch.full((max(sizes), 64), 0.75, dtype=torch.float64)


def batched(stream):
    """Means over the first B samples, one row per batch size."""
    drawn = two_point(samples, stream)
    return torch.stack([drawn[:B].mean(0) for B in sizes])


figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for name, (cls, colour, style, marker) in STYLES.items():
    found = simulate(cls, batched, (len(sizes), 64), lr, steps)[steps // 2 :].mean(0)
    means, errors = found.mean(1), 3 * found.std(1) / found.shape[1] ** 0.5
    axes.errorbar(sizes, means, errors, color=colour, linestyle=style, marker=marker, label=name)
    print(f"{name:7}", "  ".join(f"B = {B}: {x:5.3f}" for B, x in zip(sizes, means.tolist(), strict=True)))
    assert means[-1].abs() < errors[-1] + 0.01
axes.axhline(0, color=GREY, linewidth=0.8)
axes.set(xscale="log", xlabel="batch size $B$", ylabel="mean weight at rest (3 standard errors)")
axes.set_xticks(sizes, map(str, sizes))
axes.minorticks_off()
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# Two samples instead of one take away nine tenths of the bias, on this law; from four on nothing is left to be seen.
#
# ## 5. On a real loss
#
# Is the noise of real minibatches skewed enough? `noise_skew` draws minibatches at the present weights and holds
# their signs against those of the full gradient. `expected_descent` is $\langle\nabla f,\mathbb
# E[\operatorname{sign}g_B]\,\lvert u\rvert\rangle/\langle\lvert\nabla f\rvert,\lvert u\rvert\rangle$: 1 without
# noise, and below 0 the expected step goes uphill. `biased_share` is the share of coordinates whose sign is, surely,
# wrong more often than right. A classifier of digits, with $\lvert u\rvert=1$, at its first weights and after 200
# full-batch steps of Grams:

# %% alt="Share of wrong signs falls with the batch size; the expected descent rises; both are worse after training"
problem = by_name("digits_mlp_softmax")
objective = Objective(problem.model, problem.loss_fn, problem.data)
ones = torch.ones(objective.dim, dtype=torch.float64)
batch_sizes, batches = (1, 8, 64), (64 if FULL else 24)


def skews():
    """By batch size, at the objective's present weights."""
    return [noise_skew(objective, ones, batch_size=B, batches=batches) for B in batch_sizes]


found = {"first weights": skews()}
trained = gt.Grams(objective.parameters, lr=1e-2)
for _ in range(200):
    objective.value_and_gradient()
    trained.step()
found["after 200 steps"] = skews()

figure, (differ, descent) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for (when, row), colour, marker in zip(found.items(), ("#0072b2", "#d55e00"), "so", strict=True):
    for axes, name in ((differ, "sign_disagreement"), (descent, "expected_descent")):
        q = [getattr(skew, name) for skew in row]
        middle = np.array([x.value for x in q])
        arms = np.array([[x.value - x.low for x in q], [x.high - x.value for x in q]])
        axes.errorbar(batch_sizes, middle, arms, color=colour, marker=marker, capsize=3, label=when)
    print(f"{when:16} biased for sure:", [f"{skew.biased_share.low:.3f}" for skew in row])
differ.set(title="signs that differ from the gradient's", ylabel="share of coordinates", ylim=(0, 1))
descent.set(title="descent of the expected step", ylabel="in units of the step without noise", ylim=(-0.2, 1))
for axes in (differ, descent):
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set(xscale="log", xlabel="batch size $B$ of 500 samples (bars: 95 % intervals)")
    axes.set_xticks(batch_sizes, map(str, batch_sizes))
    axes.minorticks_off()
differ.legend(frameon=False)
plt.show()
for early, late in zip(*found.values(), strict=True):
    assert late.sign_disagreement.value >= early.sign_disagreement.value - 0.05
    assert early.expected_descent.high > 0 and late.expected_descent.high > 0

# %% [markdown]
# More than half of the signs are wrong at $B=1$, and the larger batches lose their lead as training goes on: the
# gradient shrinks, the noise does not. The expected step is a fraction of what Grams promises with exact gradients;
# for single samples it is not even sure that it goes downhill. But hardly a coordinate is surely biased: this noise
# weakens the direction, it does not turn it. Measure it on your own loss. The dangerous skew sits in rare, large
# gradients (rare tokens, outliers, clipped rewards).
#
# ## Exercises
#
# 1. Turn the drift around: for which law does Grams rest at $-1$?
# 2. For which $\beta_1$ is Grams biased no more than Adam, whatever the law?
# 3. What is $\mathbb E\operatorname{sign}$ of a mean of $B$ samples at the minimiser, exactly, for $B=1,2,3,4$? Is a
#    larger batch always better?
#
# Solutions, checked:

# %%
# 1. The mirror, ξ → −ξ: −3 with probability 1/4, +1 else.
mirrored = simulate(gt.Grams, lambda stream: -two_point(skewed, stream), skewed.shape, lr, steps)
print(f"rests at {mirrored[steps // 2 :].mean().item():.3f}")
assert -1.1 < mirrored[steps // 2 :].mean() < -0.9

# %%
# 2. β₁ = 0: then u has the sign of the present gradient anyway, and Grams is Adam, step by step. (With v̂ held that is
# no bias at all; v̂ holds the present gradient, too, with weight 1 − β₂.)
memoryless = [
    simulate(cls, lambda stream: two_point(skewed, stream), skewed.shape, lr, 200, betas=(0.0, 0.999))
    for cls in (gt.Grams, gt.Adam)
]
assert torch.equal(*memoryless)


# %%
# 3. The mean of B samples is positive if more than B/4 of them are +3. B = 3 overshoots: its median is above its mean.
def sign_of_mean(B):
    return sum(F(comb(B, k)) * F(1, 4) ** k * F(3, 4) ** (B - k) * sign(4 * k - B) for k in range(B + 1))


exact = {B: sign_of_mean(B) for B in (1, 2, 3, 4, 64)}
print({B: str(value) if B < 64 else f"{float(value):.4f}" for B, value in exact.items()})
assert exact[1] == -F(1, 2) and exact[2] == -F(1, 8) and exact[3] == F(5, 32)
assert abs(exact[64]) < abs(exact[2]) < abs(exact[3])

# %% [markdown]
# ## What to take away
#
# * Unbiased gradients are not enough for a method that looks at signs: it wants an unbiased *median*.
# * The harm comes with the skew, and batches take the skew away. A smaller learning rate does not.
# * Theorem 4.15 speaks of exact gradients. That assumption is needed, and it is the one that training never meets.
