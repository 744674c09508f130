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
# # One family: from Adam through Cautious to Grams
#
# Adam steps by $u$, Cautious Adam by the part of $u$ that agrees with the gradient's sign, Grams by all of $\lvert
# u\rvert$ in the direction of the gradient's sign. They are three points on one line:
#
# $$s_\lambda=u\cdot1[u\,g\ge0]+\lambda\,u\cdot1[u\,g<0],\qquad
#   \lambda=1:\ \text{Adam},\quad\lambda=0:\ \text{Cautious},\quad\lambda=-1:\ \text{Grams}.$$
#
# Two statements about the line are examined here, both **proved**:
#
# * on convex functions, if no $g_i$ is 0, Cautious, the midpoint, is never worse than the average of Adam and Grams;
# * which $\lambda$ the descent lemma prefers depends on $\eta$: Grams' $-1$ is its choice at one step size only.
#
# And one convention, which decides what happens to a coordinate without a gradient.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display

import grams_theory as gt
from grams_theory import claims

BUDGET = os.environ.get("GRAMS_THEORY_BUDGET", "20000")  # cases that each fuzzed claim gets
BLUE, GREEN, VERMILLION, GREY = "#0072b2", "#009e73", "#d55e00", "#7f7f7f"  # Okabe-Ito, and a neutral grey
NAMED = {"Adam": (1.0, BLUE, "^"), "Cautious": (0.0, GREEN, "s"), "Grams": (-1.0, VERMILLION, "o")}
UNIT = torch.finfo(torch.float64).eps / 2

plt.rcParams.update(
    {"figure.dpi": 110, "font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
)

# %% [markdown]
# ## 1. One rule in the code, too
#
# `AMS(params, lam=λ)` is the whole family, and the three optimizers are three of its members. A state to look at: two
# gradients, fed to the optimizers by hand, after which $u$ and $g$ disagree in the second coordinate.


# %%
def step(optimizer, history, lr=1.0, betas=(0.5, 0.5), eps=0.0, **options):
    """w_next − w of one production step, the last of the gradients in `history` being the one at w."""
    w = torch.nn.Parameter(torch.zeros_like(history[-1]))
    stepper = optimizer([w], lr=lr, betas=betas, eps=eps, **options)
    for gradient in history:
        w.data.zero_()
        w.grad = gradient.clone()
        stepper.step()
    return w.detach()


history = [torch.tensor(row, dtype=torch.float64) for row in ([-1.0, -19.0], [-1.0, 1.0])]
g, u = history[-1], -step(gt.Adam, history)
own = {"Adam": gt.Adam, "Cautious": gt.CautiousAdam, "Grams": gt.Grams}
for name, (lam, *_) in NAMED.items():
    member = step(gt.AMS, history, lam=lam)
    print(f"λ = {lam:4.1f}   {name:9} moves by {[round(x, 3) for x in member.tolist()]}")
    assert torch.equal(member, step(own[name], history))  # to the last bit

# %% [markdown]
# ## 2. Cautious is the midpoint
#
# Where no $g_i$ is 0, $s_\lambda=\frac{1+\lambda}2u+\frac{1-\lambda}2r$ with $r=\operatorname{sign}(g)\lvert
# u\rvert$: look at one coordinate. If $u_i$ and $g_i$ agree, $r_i=u_i$ and both sides are $u_i$. If they do not,
# $r_i=-u_i$ and both sides are $\lambda u_i$. A convex function along a line lies below its chord, so:

# %%
display(claims.by_id("family-segment"))
proof = gt.prove("family-segment")
assert proof.complete
display(proof)

# %% [markdown]
# No smoothness, no step size: the statement holds however long the step is. Production steps on sampled convex
# functions agree.

# %%
fuzzed = gt.fuzz("family-segment", budget=min(int(BUDGET), 2000))
assert fuzzed.verdict == "survived"
display(fuzzed)

# %% [markdown]
# **See it, and break it.** Below, every point is a production step of `AMS(lam=λ)`. Left: a convex quadratic. The
# loss is convex in $\lambda$ and lies below the chord from Adam to Grams. Right: convexity is dropped. On a saddle
# the curve bends the other way, and Cautious is *worse* than the average.

# %% alt="Adam, Cautious and Grams on one line; the loss along it is below the chord if convex, above on the saddle"
lambdas = torch.arange(-10, 11, dtype=torch.float64) / 10
eta = 0.6
bowl = torch.tensor([[1.0, 0.8], [0.8, 2.0]], dtype=torch.float64)
saddle = torch.tensor([[1.0, 0.8], [0.8, -2.0]], dtype=torch.float64)


def change(H, x):
    """f(w + x) − f(w) of the quadratic with gradient g at w and Hessian H, shapes (..., 2) -> (...)."""
    return x @ g + ((x @ H) * x).sum(-1) / 2


steps = torch.stack([step(gt.AMS, history, lr=eta, lam=lam.item()) for lam in lambdas])
grid = np.stack(np.meshgrid(np.linspace(-0.3, 1.1, 141), np.linspace(-0.85, 0.85, 171), indexing="xy"), -1)

figure, axes = plt.subplots(2, 2, figsize=(9.6, 8), layout="constrained", height_ratios=(3, 2))
for H, (plane, line), title in ((bowl, axes[:, 0], "convex"), (saddle, axes[:, 1], "not convex")):
    Z = change(H, torch.tensor(grid))
    plane.contour(
        grid[..., 0], grid[..., 1], Z, levels=18, colors="#b8b8b8", linewidths=0.8, linestyles="solid"
    )
    plane.plot(*steps.T, color="black", linewidth=1.2)
    plane.plot(0, 0, "k*", markersize=11)
    plane.annotate("$w$", (0, 0), (-14, 4), textcoords="offset points")
    plane.annotate("", -0.25 * g, (0, 0), arrowprops={"arrowstyle": "->"})
    plane.annotate("$-g$", -0.25 * g, (6, -6), textcoords="offset points")
    plane.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal", title=f"contours of $f(w+x)-f(w)$, {title}")
    losses = change(H, steps)
    line.plot(lambdas, losses, ".-", color="black", label=r"$\Delta L_\lambda$")
    line.plot([-1, 1], [losses[0], losses[-1]], ":", color="black", label="chord")
    for name, (lam, colour, marker) in NAMED.items():
        at = int((lambdas == lam).nonzero())
        plane.plot(*steps[at], marker, color=colour, markersize=9, label=name)
        line.plot(lam, losses[at], marker, color=colour, markersize=9)
    line.set(xlabel=r"$\lambda$", ylabel=r"change of the loss $\Delta L_\lambda$")
    line.legend(frameon=False)
    excess = losses[10] - (losses[0] + losses[-1]) / 2
    print(f"{title:10}: Cautious is {excess.item():+.4f} above the average of Adam and Grams")
    assert (excess < 0) == (title == "convex")
axes[0, 0].legend(frameon=False, loc="upper left")
plt.show()

# %% [markdown]
# ## 3. Which member does the descent lemma prefer?
#
# With $a=u\cdot1[u\,g\ge0]$, $b=-u\cdot1[u\,g<0]$, $\alpha=\langle g,a\rangle\ge0$ and $\beta=\langle g,b\rangle\ge0$
# the step is $s_\lambda=a-\lambda b$, and $a\perp b$. So the descent lemma says

# %%
display(claims.by_id("family-bound"))
proof = gt.prove("family-bound")
assert proof.complete
display(proof)

# %%
fuzzed = gt.fuzz("family-bound", budget=BUDGET)
assert fuzzed.verdict == "survived"
display(fuzzed.fuzz)

# %% [markdown]
# Two terms pull at $\lambda$. To first order $-\lambda$ should be as large as possible, even beyond Grams. The
# curvature charges for the length of the step. Their balance is $\lambda^\star=-\beta/(\eta L\lVert b\rVert^2)$: it
# depends on $\eta$. On $f(w+x)=\langle g,x\rangle+\frac L2\lVert x\rVert^2$ the bound is attained, so what is drawn
# is also what happens.

# %% alt="Left: three parabolas in λ, each with its lowest point. Right: λ* rises to 0 as η grows, and is −1 at η_G"
L = 1.0
agree = u * g >= 0
a, b = u * agree, -u * ~agree
alpha, beta = (g @ a).item(), (g @ b).item()
aa, bb = (a @ a).item(), (b @ b).item()


def bound(lam, eta):
    return -eta * (alpha - lam * beta) + L * eta**2 / 2 * (aa + lam**2 * bb)


def best(eta):
    return -beta / (eta * L * bb)


eta_of_grams = beta / (L * bb)  # where λ* = −1
etas = {r"\frac{1}{2}": eta_of_grams / 2, "": eta_of_grams, "3": 3 * eta_of_grams}

figure, (curves, choice) = plt.subplots(1, 2, figsize=(10.5, 4.3), layout="constrained")
fine = np.linspace(-2.4, 1.2, 200)
for (factor, eta_i), colour, style in zip(
    etas.items(), (BLUE, VERMILLION, GREEN), ("--", "-", ":"), strict=True
):
    unit = L * eta_i**2 * bb / 2  # so that the three parabolas have one shape
    curves.plot(
        fine,
        (bound(fine, eta_i) - bound(0, eta_i)) / unit,
        style,
        color=colour,
        label=rf"$\eta={factor}\,\eta_G$",
    )
    curves.plot(best(eta_i), (bound(best(eta_i), eta_i) - bound(0, eta_i)) / unit, "k*", markersize=10)
    moved = torch.stack([step(gt.AMS, history, lr=eta_i, lam=lam.item()) for lam in lambdas[::4]])
    attained = change(L * torch.eye(2, dtype=torch.float64), moved)
    stated = torch.tensor([bound(lam.item(), eta_i) for lam in lambdas[::4]], dtype=torch.float64)
    size = eta_i * (alpha + beta) + L * eta_i**2 * (aa + bb)  # of the terms; some 30 roundings
    assert ((attained - stated).abs() <= 32 * UNIT * size).all()
    curves.plot(lambdas[::4], (attained - bound(0, eta_i)) / unit, "o", mfc="none", color=colour)
curves.axvspan(-2.4, -1, color=GREY, alpha=0.15, linewidth=0)
curves.axvspan(1, 1.2, color=GREY, alpha=0.15, linewidth=0)
curves.set(
    xlabel=r"$\lambda$", ylabel=r"bound − its value at $\lambda=0$, in units of $L\eta^2\Vert b\Vert^2/2$"
)
curves.set(
    xlim=(-2.4, 1.2), ylim=(-5, 9), title=r"lines: bound; circles: production steps; stars: $\lambda^\star$"
)
curves.legend(frameon=False, loc="upper center")

ratio = np.geomspace(0.2, 50, 200)
choice.plot(ratio, -1 / ratio, color="black", label=r"$\lambda^\star=-\eta_G/\eta$")
for name, (lam, colour, _) in NAMED.items():
    choice.axhline(lam, color=colour, linewidth=1, linestyle=":")
    choice.annotate(name, (45, lam), (0, 4), textcoords="offset points", color=colour, ha="right")
choice.plot(1, -1, "o", color=VERMILLION, markersize=9)
choice.set(xscale="log", ylim=(-3, 1.5), xlabel=r"$\eta/\eta_G,\quad\eta_G=\beta/(L\Vert b\Vert^2)$")
choice.set(ylabel=r"$\lambda$", title="the preferred member")
choice.legend(frameon=False, loc="lower right")
plt.show()

# %% [markdown]
# For $\eta<\eta_G$ one would even go beyond Grams; for long steps the best member approaches Cautious from below. It
# is never Adam's side: $\lambda^\star<0$ whenever a coordinate disagrees. All of this is about an upper bound, for
# the worst $L$-smooth function, and about one step.
#
# ## 4. And a whole run?
#
# After one step the members are at different places, and no theorem here orders them. So measure: final loss on one
# tilted quadratic, for a grid of $\lambda$ and $\eta$, production runs from 64 starts each.

# %% alt="Map of the loss over η and λ: the lowest λ is −1 for short steps and rises to 0 for long ones"
angle = np.pi / 6
turn = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
valley = turn @ torch.diag(torch.tensor([1.0, 0.02], dtype=torch.float64)) @ turn.T
starts = torch.randn(64, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
rates = np.geomspace(1e-3, 1, 10)
members = np.linspace(-1, 1, 9)


def final_losses(lam, steps=200):
    """Geometric mean over the starts of f after so many steps, per learning rate: shape (rates,)."""
    rows = [torch.nn.Parameter(starts.clone()) for _ in rates]
    groups = [{"params": [row], "lr": float(lr)} for row, lr in zip(rows, rates, strict=True)]
    stepper = gt.AMS(groups, lam=float(lam))
    for _ in range(steps):
        for row in rows:
            row.grad = row.detach() @ valley
        stepper.step()
    ends = torch.stack([row.detach() for row in rows])
    return ((ends @ valley) * ends).sum(-1).div(2).log().mean(-1).exp()


table = torch.stack([final_losses(lam) for lam in members]).numpy()
figure, axes = plt.subplots(figsize=(7.5, 4.4), layout="constrained")
edges = np.sqrt(rates[1:] * rates[:-1])
edges = np.concatenate([[rates[0] ** 2 / edges[0]], edges, [rates[-1] ** 2 / edges[-1]]])
picture = axes.pcolormesh(
    edges, np.linspace(-1.125, 1.125, 10), np.log10(table), cmap="cividis", shading="flat"
)
axes.plot(
    rates, members[table.argmin(0)], "w*", markersize=11, markeredgecolor="black", label="lowest for this η"
)
axes.set(xscale="log", xlabel="learning rate η", ylabel="λ   (−1 Grams, 0 Cautious, 1 Adam)")
axes.set_title("geometric mean of the loss after 200 steps")
figure.colorbar(picture, label=r"$\log_{10} f$")
axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), frameon=False)
plt.show()
row, column = np.unravel_index(table.argmin(), table.shape)
print(f"lowest of all: λ = {members[row]:g} at η = {rates[column]:.3g}, f = {table[row, column]:.1e}")
lowest = members[table.argmin(0)]
print("preferred, from the shortest to the longest steps:", *lowest)
assert lowest[0] == -1 and lowest[-1] == 0 and lowest.max() <= 0

# %% [markdown]
# The stars go, roughly, the way of the curve in section 3, though no theorem asks them to: Grams is best for the
# shortest steps, Cautious for the longest, and never a member on Adam's side. So a comparison at one shared $\eta$,
# as in the paper's Figure 1, says as much about $\eta$ as about the optimizers.

# %% [markdown]
# ## 5. A coordinate without a gradient
#
# Where $g_i=0$ the line breaks: Definition 3.7 masks by $u_ig_i\ge0$, so Adam *and* Cautious move such a coordinate
# by $u_i$, and Grams does not, since $\operatorname{sign}(0)=0$. The released code of Cautious masks by $u_ig_i>0$
# and stands still. Rows of an embedding and dead ReLUs live there. The package fixes the convention in one place,
# `rule.ams`: at $g_i=0$ a member moves by $\min(1,1+\lambda)\,u_i$.

# %%
gone = [torch.tensor([x], dtype=torch.float64) for x in (1.0, 0.0)]  # a gradient, and then none
cases = {
    "Adam": (gt.Adam, {}),
    "Cautious, as defined": (gt.CautiousAdam, {}),
    "Cautious, as released": (gt.CautiousAdam, {"mask_rescale": True}),
    "Grams": (gt.Grams, {}),
    "AMS(½)": (gt.AMS, {"lam": 0.5}),
    "AMS(−½)": (gt.AMS, {"lam": -0.5}),
}
moved = {name: step(cls, gone, **options).item() for name, (cls, options) in cases.items()}
full = moved["Adam"]
for name, x in moved.items():
    print(f"{name:22} moves by {x / full + 0.0:.2f} u")
assert full != 0 and moved["Grams"] == moved["Cautious, as released"] == 0
assert moved["Cautious, as defined"] == full == moved["AMS(½)"]
assert abs(moved["AMS(−½)"] - full / 2) <= 2 * UNIT * abs(full)

# %% [markdown]
# So "a coordinate without a gradient stands still" is refuted, by Cautious as defined, and `family-segment` has to
# ask that $u_i=0$ wherever $g_i=0$. Without that the midpoint inequality is false (exercise 4).

# %%
display(claims.by_id("zero-gradient"))

# %% [markdown]
# ## Exercises
#
# 1. Find a state where *every* $\lambda>\frac12$ goes uphill to first order.
# 2. At which $\eta$ does the bound of section 3 stop preferring Grams to Cautious? You have met the number before.
# 3. When is the midpoint inequality an equality for every $\eta$, though the steps differ?
# 4. Drop "$u_i=0$ wherever $g_i=0$": find a convex $f$ and a state with $2\Delta L_C>\Delta L_A+\Delta L_G$.
#
# Solutions, checked:

# %%
# 1. <g, s_λ> = α − λβ with β = 2α: negative for λ > 1/2. Here u = (1, −2) and g = (1, 1).
g1, u1 = torch.tensor([1.0, 1.0]), torch.tensor([1.0, -2.0])
for lam in (-1.0, 0.0, 0.5, 0.75, 1.0):
    s = torch.where(u1 * g1 >= 0, u1, lam * u1)
    assert ((g1 @ s).item() < 0) == (lam > 0.5)

# %%
# 2. bound(−1) = bound(0) at η = 2β/(L‖b‖²), twice η_G: the third bound of the comparison theorem, sign repaired
# (first walkthrough). A comparison of upper bounds is all that its argument had.
even = 2 * eta_of_grams
assert abs(bound(-1, even) - bound(0, even)) <= 8 * UNIT * abs(bound(0, even))
assert bound(-1, 0.99 * even) < bound(0, 0.99 * even) and bound(-1, 1.01 * even) > bound(0, 1.01 * even)

# %%
# 3. When f is affine along the segment from Adam to Grams: a Hessian that does not see b.
flat = torch.outer(a, a)
for eta_i in (0.1, 1.0, 10.0):
    adam, cautious, grams = (
        change(flat, step(gt.AMS, history, lr=eta_i, lam=lam)).item() for lam in (1.0, 0.0, -1.0)
    )
    assert abs(2 * cautious - adam - grams) <= 32 * UNIT * (abs(adam) + abs(grams) + abs(cautious))

# %%
# 4. In one dimension, g = 0 at the minimiser of f(x) = x², but u ≠ 0: Adam and Cautious leave it, Grams stays.
x_adam, x_cautious, x_grams = (step(cls, gone).item() for cls in (gt.Adam, gt.CautiousAdam, gt.Grams))
assert 2 * x_cautious**2 > x_adam**2 + x_grams**2
print(f"2 ΔL_C = {2 * x_cautious**2:.3f} > ΔL_A + ΔL_G = {x_adam**2 + x_grams**2:.3f}")

# %% [markdown]
# ## What to take away
#
# * One line of code is three optimizers. What holds for the ends of a segment holds, on convex functions, for its
#   middle.
# * "Grams descends most" is a statement about first order. The best member depends on $\eta$, and on how far you
#   look.
# * A convention at 0 is a different optimizer.
