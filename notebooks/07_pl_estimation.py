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
# # The PL constant of a real loss: what is certified, and what was only seen
#
# Theorem 4.15 of the Grams paper (arXiv 2412.17107) stands on the Polyak–Łojasiewicz condition with a constant $\mu$,
#
# $$\tfrac12\lVert\nabla f(w)\rVert^2\ \ge\ \mu\,(f(w)-f^\star)\quad\text{for all }w,$$
#
# and on $L$-smoothness. Does a loss that people train have a $\mu$, and how large is it? And if so: what does the
# theorem then say of a run? `estimate_pl` measures, `judge` holds three theorems against the run, `draw` puts it into
# one picture. The point of all three is to keep apart
#
# * what is **certified**: it holds everywhere, with rounding accounted for;
# * what **holds on the run**: at the visited points, which is where the proofs use it;
# * what was only **seen**: a number that the next step may contradict.

# %%
import math
import os
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display
from torch import nn

import grams_theory as gt
from grams_theory import claims
from grams_theory.core.errors import UsageError
from grams_theory.core.random import generator
from grams_theory.landscape import by_name
from grams_theory.landscape.certificates.criteria import SquareLoss
from grams_theory.landscape.stream import watch_pl
from grams_theory.landscape.verdict import judge
from grams_theory.landscape.verdict.plot import draw

FULL = int(os.environ.get("GRAMS_THEORY_BUDGET", "20000")) >= 20000  # the tests run a reduced version
STEPS = 400 if FULL else 120
BLUE, GREEN, VERMILLION, GREY = "#0072b2", "#009e73", "#d55e00", "#7f7f7f"  # Okabe-Ito, and a neutral grey

plt.rcParams.update(
    {"figure.dpi": 110, "font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
)

# %% [markdown]
# ## 1. Where the answer is known
#
# Least squares: $f(w)=\frac1{2n}\lVert Xw-y\rVert^2$ has $\mu=$ the smallest nonzero eigenvalue of $X^\top X/n$,
# everywhere. Take one with eigenvalues $1$, $\frac12$, $\frac1{20}$. Along any run the ratio $\frac12\lVert\nabla
# f\rVert^2/(f-f^\star)$ is an *upper* bound on $\mu$: the definition asks for the smallest ratio over all points, and
# a run visits few. Gradient descent ends along the flattest direction, and its ratio comes down to $\mu$. Grams does
# not, and its ratio stays above.

# %% alt="The PL ratio falls to μ = 1/20 along gradient descent and stays near 0.9 along Grams"
stream = generator(0, "notebook", "least squares")
n, eigenvalues = 40, torch.tensor([1.0, 0.5, 0.05], dtype=torch.float64)
U = torch.linalg.qr(torch.randn(n, 3, generator=stream, dtype=torch.float64)).Q
V = torch.linalg.qr(torch.randn(3, 3, generator=stream, dtype=torch.float64)).Q
X = U @ torch.diag((n * eigenvalues).sqrt()) @ V
Y = X.sum(1, keepdim=True) + 0.3 * torch.randn(n, 1, generator=stream, dtype=torch.float64)
flat = nn.Linear(3, 1, bias=False, dtype=torch.float64)
nn.init.zeros_(flat.weight)

known = {
    "gradient descent": gt.estimate_pl(flat, SquareLoss(), (X, Y), steps=120),
    "Grams, η = 0.01": gt.estimate_pl(flat, SquareLoss(), (X, Y), optimizer=gt.Grams, lr=1e-2, steps=120),
}
figure, axes = plt.subplots(figsize=(7, 3.8), layout="constrained")
for (name, e), (colour, style) in zip(known.items(), ((BLUE, "-"), (VERMILLION, "--")), strict=True):
    axes.plot(range(1, 121), np.array(e.ratios, float), style, color=colour, label=name)
    print(f"{name:17} μ in [{e.mu_lower.value:.12f} certified, {e.mu_upper.high:.12f} seen]")
    assert e.mu_lower.value <= 0.05 * (1 + 1e-12) and e.mu_upper.high >= 0.05 * (1 - 1e-12)
    assert abs(e.mu_lower.value / 0.05 - 1) < 1e-9
axes.axhline(0.05, color="black", linewidth=0.9, label=r"$\mu=1/20$, certified")
axes.set(yscale="log", xlabel="step", ylabel=r"$\frac{1}{2}\Vert\nabla f\Vert^2/(f-f^\star)$")
axes.set_title("the ratio of a run is an upper bound, and depends on the run")
axes.legend(frameon=False)
plt.show()
assert known["gradient descent"].mu_upper.value < 0.0501 < known["Grams, η = 0.01"].mu_upper.value

# %% [markdown]
# ## 2. Break it: take the last iterate for $f^\star$
#
# On a real loss $f^\star$ is not known, and the usual shortcut is the best value of the run. See what it does to the
# ratio of the very same run:

# %% alt="With the true f* the ratio stays at μ; with the last loss in its place it turns up to ten times μ"
e = gt.estimate_pl(flat, SquareLoss(), (X, Y), steps=40)
f, g = np.array(e.trajectory.f), np.array(e.trajectory.grad_norm)
with np.errstate(divide="ignore", invalid="ignore"):
    naive = g**2 / (2 * (f - f[-1]))
figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
axes.plot(
    range(1, 41), np.array(e.ratios, float), color=BLUE, label=r"with $f^\star$ enclosed by a certificate"
)
axes.plot(range(1, 41), naive, "--", color=VERMILLION, label="with the last loss for $f^\\star$")
axes.axhline(0.05, color="black", linewidth=0.9, label=r"$\mu$")
axes.set(yscale="log", xlabel="step", ylabel="PL ratio")
axes.legend(frameon=False)
plt.show()
assert naive[-2] > 10 * e.mu_upper.value  # too large, and the more so the nearer to the end

# %% [markdown]
# So `estimate_pl` never does that. It encloses $f^\star$: from above by the best value of a longer run, from below by
# what can be certified (a loss that is never negative, an enclosed minimiser, strong convexity), and carries the
# interval through to $\mu$. An $f^\star$ of your own is held against the run:

# %%
try:
    gt.estimate_pl(flat, SquareLoss(), (X, Y), f_star=float(f[3]))
except UsageError as error:
    print(error)
else:
    raise AssertionError("a wrong f* was believed")

# %% [markdown]
# ## 3. What the theorems need, and what they say
#
# Three theorems, in the order in which they ask for less:
#
# * **Theorem 4.15.** If $\eta\le\theta\varepsilon/(2L)$ (the paper's "small $\eta$", made explicit;
#   $\theta=1-\beta_1$), then $f(w_T)-f^\star\le\frac{4(G+\varepsilon)}{\mu\eta T}\,(f(w_1)-f^\star)$.
# * **Linear rate.** If $\eta=\delta\theta\varepsilon/L$ with $\delta\le1$, then
#   $f(w_T)-f^\star\le(1-\rho)^{T-1}(f(w_1)-f^\star)$ with $\rho=2(1-\delta)\eta\mu/(G+\varepsilon)$.
# * **One-step rate.** If $\eta=\varphi\langle\lvert g\rvert,\lvert u\rvert\rangle/(L\lVert u\rVert^2)$ with
#   $\varphi\le2$, then one step leaves at most $1-\varphi(2-\varphi)\kappa^2\mu/L$ of the gap, where
#   $\kappa=\langle\lvert g\rvert,\lvert u\rvert\rangle/(\lVert g\rVert\lVert u\rVert)$.
#
# The last one is Lemma 4.2 with the PL condition put in, and the only one that speaks of step sizes that people use:

# %%
display(claims.by_id("one-step-pl-rate"))
proof = gt.prove("one-step-pl-rate")
assert proof.complete
display(proof)

# %% [markdown]
# ## 4. Ridge logistic regression: everything certified
#
# 569 tumours, 30 measurements, a ridge of $0.01$. Strong convexity certifies $\mu$, the spectrum of $X^\top X$
# certifies $L$, a verified Newton iteration encloses $f^\star$.

# %%
LR = 1e-2
ridge = by_name("breast_cancer_ridge").estimate(optimizer=gt.Grams, lr=LR, steps=STEPS)
display(ridge)
assert ridge.mu_lower.value is not None and ridge.smoothness.value is not None
assert ridge.mu_lower.value <= ridge.mu_upper.value

# %% alt="Ridge regression: the run falls below all bounds; the one-step rate falls a little, Theorem 4.15 says nothing"
verdicts = judge(ridge)
display(verdicts)
display(draw(ridge))
assert verdicts["linear-rate"].status == verdicts["theorem-4.15"].status == "premise fails"
assert verdicts["one-step-pl-rate"].status == "informative"

# %% [markdown]
# Read it from below. The *one-step rate* speaks of this run, with certified constants, and holds: it promises little
# (the blue line hardly falls), but something, from the first step on. The *linear rate* and *Theorem 4.15* do not
# speak of it: with $\varepsilon=10^{-8}$ the step is tens of millions of times longer than their premise allows. And
# the formula of Theorem 4.15, premise or no premise, lies above the gap that the run started with until some tens of
# thousands of steps: up to there it says less than nothing happened.
#
# What would it take? At the step size that is allowed, the linear rate halves the gap in

# %%
allowed = verdicts["linear-rate"].largest_lr
print(f"lr ≤ {allowed:.1e};", verdicts["linear-rate"].why.split("; ")[-1])
assert LR / allowed > 1e6

# %% [markdown]
# **Put in what the theorems ask for.** $\varepsilon=1$ makes Adam's denominator nearly constant, and Grams nearly
# gradient descent with a little memory. On the least squares of section 1, $\eta=0.05=\theta\varepsilon/(2L)$ is then
# allowed, all premises hold, and all three theorems speak:

# %% alt="With ε = 1 all three bounds fall below the initial gap and stay above the run"
tame = gt.estimate_pl(
    flat, SquareLoss(), (X, Y), optimizer=partial(gt.Grams, eps=1.0), lr=0.0499, steps=8000 if FULL else 1500
)
display(draw(tame))
for verdict in judge(tame):
    print(f"{verdict.title:14} {verdict.summary}")
    assert verdict.status in ("informative", "vacuous")

# %% [markdown]
# **Break it: an optimizer that is not what it says.** A theorem is a test of an implementation, too. Here the steps
# are a thousandth of what the learning rate claims (a forgotten division, say). With everything certified, that is a
# violation:

# %%
faulty = gt.estimate_pl(
    flat, SquareLoss(), (X, Y), optimizer=partial(gt.Grams, eps=1.0), lr=tame.eta / 1000, steps=10
)
for verdict in judge(faulty, lr=tame.eta):
    print(f"{verdict.title:14} {verdict.summary}")
assert judge(faulty, lr=tame.eta)["one-step-pl-rate"].status == "violated"
assert judge(faulty)["one-step-pl-rate"].status == "informative"  # with the step size that it really has

# %% [markdown]
# ## 5. A net: nothing certified
#
# One hidden layer of 16 tanh units on 500 digits, cross-entropy. No $\mu$, no $L$ is known for all weights, and none
# is claimed. The run interpolates, which pins $f^\star$ between 0 and almost 0: so the ratio is sharp, as a statement
# about the visited points.

# %% alt="Digits: Theorem 4.15's formula stays above the initial gap; the PL ratio falls from 0.05 to below 0.001"
net = by_name("digits_mlp_softmax").estimate(optimizer=gt.Grams, lr=LR, steps=STEPS, curvature_tol=1e-3)
display(judge(net))
display(draw(net))
ratios = [ratio for ratio in net.ratios if ratio is not None]
print(f"PL ratio at the start {ratios[0]:.2g}, at the end {ratios[-1]:.2g}")
assert net.mu_lower.value is None and net.smoothness.value is None
assert all(judge(net)[claim].status == "premise fails" for claim in ("theorem-4.15", "linear-rate"))

# %% [markdown]
# The ratio falls, by more than an order of magnitude, and goes on falling. Is there a $\mu>0$ at all? The slope of
# $\log\lVert\nabla f\rVert^2$ against $\log(f-f^\star)$ tells: it is 1 under PL. Above 1 the ratio falls with the
# gap, and if it stays so there is no $\mu>0$ (it is 2 where $\lVert\nabla f\rVert\sim f-f^\star$). Cross-entropy
# without a ridge, on data that a hyperplane separates, is such a loss:

# %% alt="Squared gradient norm over the gap: slope 1 on least squares, 1.75 on digits, 5.3 without a ridge"
free = by_name("breast_cancer").estimate(steps=STEPS, curvature_tol=1e-3)  # gradient descent, no ridge
figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
for e, colour, marker, name in (
    (known["gradient descent"], BLUE, ".", "least squares"),
    (net, VERMILLION, "x", "digits, tanh net, cross-entropy"),
    (free, GREEN, "+", "breast cancer, logistic, no ridge"),
):
    kept = [t for t, ratio in enumerate(e.ratios) if ratio is not None]
    gap = np.array([e.trajectory.f[t] - e.f_star.high for t in kept])
    square = np.array([e.trajectory.grad_norm[t] ** 2 for t in kept])
    axes.plot(gap, square, marker, color=colour, markersize=5, label=f"{name}: slope {e.slope.value:.2f}")
guide = np.array([1e-6, 1e-3])
axes.plot(guide, guide * 3, color=GREY, linewidth=0.9)
axes.annotate("slope 1: PL", (1e-6, 1e-4), color="#505050")
axes.set(xscale="log", yscale="log", xlabel=r"$f-f^\star$", ylabel=r"$\Vert\nabla f\Vert^2$")
axes.legend(frameon=False, loc="lower right")
plt.show()
assert abs(known["gradient descent"].slope.value - 1) < 0.2
assert free.mu_lower.value is None

# %% [markdown]
# ## 6. Which learning rate does the one-step rate allow?
#
# Its premise is $\varphi\le2$ at each step. On the net $L$ was only seen, so what follows is necessary, not
# sufficient: a step that is too long for the curvature that was seen is too long for $L$.

# %%
rates = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2) if FULL else (1e-4, 1e-2)
rows = []
for lr in rates:
    run = by_name("digits_mlp_softmax").estimate(optimizer=gt.Grams, lr=lr, steps=40, curvature_tol=1e-2)
    verdict = judge(run)["one-step-pl-rate"]
    rows.append((lr, verdict))
    print(f"lr {lr:6g}: {verdict.summary}")
assert rows[0][1].covered == (39, 39)
assert rows[0][1].status == "informative"

# %% [markdown]
# ## 7. Beside your own training loop
#
# With minibatches the theorems fall silent: their gradients are exact. `watch_pl` measures beside a loop that is
# yours, at a few percent of its time, and the verdict says so.

# %%
problem = by_name("digits_mlp_softmax")
model, (x, y) = problem.model, problem.data
optimizer, draws = gt.Grams(model.parameters(), lr=1e-3), generator(0, "notebook", "batches")
with watch_pl(optimizer, model, problem.loss_fn, (x, y), every=20) as watched:
    for _ in range(200):
        batch = torch.randint(len(x), (32,), generator=draws)
        optimizer.zero_grad()
        problem.loss_fn(model(x[batch]), y[batch]).backward()
        optimizer.step()
seen = watched.estimate()
print(f"PL ratio down to {seen.mu_upper.value:.3g}, κ {seen.kappa.value:.2f}")
for verdict in judge(seen):
    print(f"{verdict.title:14} {verdict.summary}")
    assert verdict.status == "premise fails"

# %% [markdown]
# ## What to conclude, as a user
#
# * `μ, upper bound` is a number about your run. It is no constant of your loss unless something certifies a lower
#   bound.
# * Trust the *one-step rate* to judge a step size: it speaks of steps of the size that you take. Its $\varphi$ should
#   be at most 2.
# * Theorem 4.15 and the linear rate are true, and silent: with Adam's $\varepsilon$ they allow learning rates of
#   $10^{-10}$.
# * "Violated" needs certified constants. With constants that were seen, the word is "contradicted", and the first
#   suspect is the constant.
#
# ## Exercises
#
# 1. On least squares, which start makes the ratio of gradient descent equal to $L$, at every step? Which makes it
#    $\mu$?
# 2. How long would Theorem 4.15's bound take to inform on the ridge problem, at the step size that its premise
#    allows?
# 3. Add a ridge to the net's loss. Does that certify a $\mu$?
#
# Solutions, checked:

# %%
# 1. From w* + an eigenvector of λ the whole run stays on that line, and the ratio is λ.
solution = torch.linalg.lstsq(X, Y).solution[:, 0]
for row, eigenvalue in zip(V, eigenvalues.tolist(), strict=True):
    flat.weight.data = (solution + row)[None]
    ratio = gt.estimate_pl(flat, SquareLoss(), (X, Y), steps=3, lr=0.5).mu_upper.value
    print(f"λ = {eigenvalue:5}: ratio {ratio:.12f}")
    assert math.isclose(ratio, eigenvalue, rel_tol=1e-9)

# %%
# 2. T > 4(G + ε)/(μη) with η = θε/(2L): about 4e12 steps. The run above needed a few hundred for most of its way.
paper = verdicts["theorem-4.15"]
mu, G = (paper.constants[name].value for name in ("μ", "G"))
T = 4 * (G + 1e-8) / (mu * paper.largest_lr)
print(f"from T = {T:.1e} on")
assert T > 1e12 and math.isclose(paper.informative_from, T * paper.largest_lr / LR, rel_tol=1e-3)

# %%
# 3. No. The ridge makes a *convex* loss strongly convex. A net's loss is not convex: its Hessian has eigenvalues below
# minus the ridge.
lowest = min(spectrum.smallest.value for _, spectrum in net.curvature)
print(f"smallest eigenvalue of the Hessian that was seen: {lowest:.3f}")
assert lowest < -0.01
