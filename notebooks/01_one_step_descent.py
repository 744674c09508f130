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
# # One step of Grams: what is true, and what is not
#
# Grams (arXiv 2412.17107) keeps the size of Adam's step and takes its direction from the gradient's sign.
# Two statements of the paper about **one step** are examined here:
#
# * Lemma 4.2, a bound on the loss after one step: **proved**, and the bound cannot be improved;
# * the comparison with Cautious Adam, "Grams descends at least as far": **vacuous** as it stands, **refuted** once
#   its sign is repaired, and **proved** below an exact step size $\eta^\star$, above which it fails.
#
# The words in bold are verdicts: each is computed below from evidence, and asserted.

# %%
import os
from fractions import Fraction as F
from math import isqrt

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Math, display

import grams_theory as gt
from grams_theory import claims, families
from grams_theory.core.random import generator
from grams_theory.families.reflection import reflection

BUDGET = os.environ.get("GRAMS_THEORY_BUDGET", "20000")  # cases that each fuzzed claim gets
BLUE, GREEN, VERMILLION, GREY = "#0072b2", "#009e73", "#d55e00", "#7f7f7f"  # Okabe-Ito, and a neutral grey
UNIT = torch.finfo(torch.float64).eps / 2  # one rounding changes a float64 by at most this share
ROUNDINGS = 16 * UNIT  # of one step with η = 1, see section 1

plt.rcParams.update(
    {"figure.dpi": 110, "font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
)

# %% [markdown]
# ## 1. One step by hand, and by the production optimizer
#
# With $g$ the gradient at $w$, Adam (Definition 3.5) forms
#
# $$m\leftarrow\beta_1m+(1-\beta_1)g,\qquad v\leftarrow\beta_2v+(1-\beta_2)g^2,\qquad
#   u=\frac{m/(1-\beta_1^t)}{\sqrt{v/(1-\beta_2^t)}+\varepsilon},$$
#
# coordinate by coordinate. Then the three optimizers move $w$ by $-\eta$ times
#
# | Adam | Cautious Adam (3.7) | Grams (4.1) |
# |:-:|:-:|:-:|
# | $u$ | $a=u\cdot 1[u\,g\ge 0]$ | $r=\operatorname{sign}(g)\,\lvert u\rvert$ |
#
# A hand can follow two gradients, $(-1,-19)$ and then $(-1,1)$, with $\beta_1=\beta_2=\tfrac12$ and
# $\varepsilon=0$: the square roots come out rational. In the second coordinate the memory of $-19$ outvotes
# the present gradient: $u_2g_2<0$, which is where the three steps part.

# %%
history = [[F(-1), F(-19)], [F(-1), F(1)]]
beta, g = F(1, 2), history[-1]
m, v = [F(0), F(0)], [F(0), F(0)]
for h in history:
    m = [beta * mi + (1 - beta) * hi for mi, hi in zip(m, h, strict=True)]
    v = [beta * vi + (1 - beta) * hi**2 for vi, hi in zip(v, h, strict=True)]
m_hat, v_hat = ([x / (1 - beta ** len(history)) for x in moment] for moment in (m, v))
root = [F(isqrt(x.numerator), isqrt(x.denominator)) for x in v_hat]
assert [x**2 for x in root] == v_hat  # the roots are exact

u = [mi / ri for mi, ri in zip(m_hat, root, strict=True)]
a = [ui if ui * gi >= 0 else F(0) for ui, gi in zip(u, g, strict=True)]
r = [((gi > 0) - (gi < 0)) * abs(ui) for ui, gi in zip(u, g, strict=True)]
for name, vector in {"g": g, "u  (Adam)": u, "a  (Cautious)": a, "r  (Grams)": r}.items():
    print(f"{name:14}", "  ".join(f"{x!s:>6}" for x in vector))

# %% [markdown]
# The production optimizers must say the same. They see gradients and never the loss, so we can put $w$ at 0, feed
# the history, and read the last displacement off the parameter. How far may rounding carry it? With
# $\beta_1=\beta_2$ the terms of $m$ sum to at most $\sqrt v$ in size (Cauchy–Schwarz), so each of the dozen
# roundings costs at most one unit of $\eta$.


# %%
def move(optimizer, history, lr, betas=(0.5, 0.5), eps=0.0, **options):
    """w_next − w of one production step per row, the last of the gradients `history` being the one at w.

    history: tensors of shape (B, D); lr: shape (B,).
    """
    rows = [torch.nn.Parameter(torch.zeros_like(row)) for row in history[0]]
    groups = [{"params": [row], "lr": eta} for row, eta in zip(rows, lr.tolist(), strict=True)]
    stepper = optimizer(groups, betas=betas, eps=eps, **options)
    for gradients in history:
        for row, gradient in zip(rows, gradients, strict=True):
            row.data.zero_()  # back to w
            row.grad = gradient.clone()
        stepper.step()
    return torch.stack([row.detach() for row in rows])


def tensor(vector):
    """Fractions as a float64 tensor, each rounded once."""
    return torch.tensor([float(x) for x in vector], dtype=torch.float64)


two_gradients = [tensor(h)[None] for h in history]
for optimizer, step in ((gt.Adam, u), (gt.CautiousAdam, a), (gt.Grams, r)):
    moved = move(optimizer, two_gradients, lr=torch.ones(1))[0]
    print(f"{optimizer.__name__:14}", moved.tolist())
    assert (moved + tensor(step)).abs().max() <= ROUNDINGS

# %% [markdown]
# ## 2. Lemma 4.2: how far one step descends
#
# In words: to first order, the Grams step gains $\eta$ times the sum of $\lvert g_iu_i\rvert$, since every
# coordinate goes downhill; curvature takes back at most $\tfrac L2$ times the squared length of the step.
# So there is descent while $\eta\le 2\langle\lvert g\rvert,\lvert u\rvert\rangle/(L\lVert u\rVert^2)$. If
# $f$ is $L$-smooth,

# %%
display(Math(claims.by_id("lemma-4.2").latex))

# %% [markdown]
# The proof, as the machine checked it. Two solvers, Z3 and cvc5, decide each inequality in one coordinate over
# *all* reals; a lift sums it over coordinates, so the dimension is arbitrary.

# %%
proof = gt.prove("lemma-4.2")
assert proof.complete
display(proof)

# %% [markdown]
# One step cites another claim, the descent lemma. That proof ends in two facts of calculus, which are its
# axioms:

# %%
proof = gt.prove("descent-lemma")
assert proof.complete
print(*proof.axioms, sep="; ")

# %% [markdown]
# A proof is about the definition. Whether the *code* obeys it is another question: sample functions whose
# $L$ is certified, reach a state, let the production optimizer step, and look at the margin "bound minus
# change". Fuzzing alone can only say *survived*. A case counts as "inside rounding" if its margin is
# smaller than its rounding bound, as it must be where the lemma is tight.

# %%
fuzzed = gt.fuzz("lemma-4.2", budget=BUDGET)
assert fuzzed.verdict == "survived"
display(fuzzed)

# %% [markdown]
# **Is the bound wasteful?** Take the state of section 1 and $L=1$. On a quadratic with curvatures $1$ and $\tfrac15$
# the bound is safe but not tight. On $f(w+x)=\langle g,x\rangle+\tfrac L2\lVert x\rVert^2$ it is attained
# at every $\eta$: no smaller bound is true for all $L$-smooth functions.


# %% alt="The bound of Lemma 4.2 over the step size, one loss on it and one below it"
def dot(x, y):
    """Inner products, shapes (..., D) -> (...,)."""
    return (x * y).sum(-1)


def quadratic(g, H, x):
    """f(w + x) − f(w) for the quadratic with gradient g at w and Hessian H, shapes (..., D) -> (...,)."""
    return dot(g, x) + dot((x.unsqueeze(-2) @ H).squeeze(-2), x) / 2


L, G, U = 1.0, tensor(g), tensor(u)
axis = torch.tensor([0.6, 0.8], dtype=torch.float64)
H = torch.eye(2, dtype=torch.float64) / 5 + torch.outer(axis, axis) * 4 / 5  # curvatures 1 and 1/5

largest = (2 * dot(G.abs(), U.abs()) / (L * dot(U, U))).item()
eta = torch.linspace(0, 1.2 * largest, 25, dtype=torch.float64)[1:]
steps = move(gt.Grams, [h.expand(len(eta), 2) for h in two_gradients], eta)
first, second = eta * dot(G.abs(), U.abs()), L * eta**2 / 2 * dot(U, U)
bound = second - first
on_quadratic = quadratic(G, H, steps)
on_attaining = quadratic(G, L * torch.eye(2, dtype=torch.float64), steps)
assert (on_quadratic < bound).all()
assert ((on_attaining - bound).abs() <= 32 * UNIT * (first + second)).all()  # equal but for some 30 roundings

figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
axes.axhline(0, color=GREY, linewidth=0.8)
axes.axvline(largest, color=GREY, linestyle=":")
axes.plot(eta, bound, color="black", label=r"bound of Lemma 4.2")
axes.plot(eta, on_attaining, "s", color=VERMILLION, mfc="none", label=r"attaining $f$, production steps")
axes.plot(eta, on_quadratic, "o", color=BLUE, markersize=5, label=r"quadratic, production steps")
axes.annotate(
    "descent is guaranteed\nup to here", (largest, -2), (-8, 0), textcoords="offset points", ha="right"
)
axes.set(xlabel=r"step size $\eta$", ylabel=r"change of the loss $\Delta L_G$", xlim=(0, None))
axes.legend(frameon=False, loc="upper left")
plt.show()

# %% [markdown]
# ## 3. Grams against Cautious, as it stands: vacuous
#
# The paper goes on to compare. Both steps descend, and Grams is said to descend further, for $\eta$ below
# three bounds (the statement is reconstructed here; its number is not known to us):

# %%
printed = claims.by_id("comparison-printed")
display(Math(printed.latex))

# %% [markdown]
# Look at the third bound. It sums $u_ig_i$ over just those coordinates where $u_ig_i<0$. In the state of
# section 1:


# %%
def inner(x, y):
    """The inner product of two lists of fractions."""
    return sum((xi * yi for xi, yi in zip(x, y, strict=True)), start=F(0))


misaligned = [ui if ui * gi < 0 else F(0) for ui, gi in zip(u, g, strict=True)]
third = 2 * inner(misaligned, g) / inner(misaligned, misaligned)  # with L = 1
print("third bound:", third)
assert third < 0

# %% [markdown]
# It is negative whenever the two steps differ at all, and 0/0 when they do not, so no $\eta>0$ satisfies
# the premise: the claim says nothing. That, too, is proved:

# %%
proof = gt.prove("comparison-printed")
assert proof.complete and proof.target == "vacuity"
display(proof)

# %% [markdown]
# ## 4. With the sign repaired: refuted
#
# The least change that gives the premise sense is $\lvert u_ig_i\rvert$ in the third bound. The supporting
# facts are all true (alignment, Lemma 3.9 for Cautious, Lemma 4.2 for Grams), and the conclusion is false.
# `verify` runs the claim together with what the argument rests on:

# %%
ledger = gt.verify(claims=["comparison-sign-repaired"], budget=BUDGET)
assert [result.verdict for result in ledger.values()] == ["proved", "proved", "proved", "refuted"]
display(ledger)

# %% [markdown]
# The engine found a violation with production steps, shrank it to small rationals and confirmed it exactly.
# You need not trust the engine: `fractions` and the definitions decide it.

# %%
case = ledger["comparison-sign-repaired"].witness.data
print({name: case[name] for name in ("H", "g", "u", "eta", "smoothness")})

# %%
gw, uw, Hw = [F(x) for x in case["g"]], [F(x) for x in case["u"]], [[F(x) for x in row] for row in case["H"]]
eta_w, L_w, pairs = F(case["eta"]), F(case["smoothness"]), list(zip(uw, gw, strict=True))
a_w = [x if x * y >= 0 else F(0) for x, y in pairs]
r_w = [abs(x) * ((y > 0) - (y < 0)) for x, y in pairs]
b_w = [x - y for x, y in zip(r_w, a_w, strict=True)]
bounds = [2 * inner(gw, step) / (L_w * inner(step, step)) for step in (a_w, r_w, b_w)]
ends = {"Cautious": [-eta_w * x for x in a_w], "Grams": [-eta_w * x for x in r_w]}
change = {name: inner(gw, d) + inner(d, [inner(row, d) for row in Hw]) / 2 for name, d in ends.items()}
P, Q, R = (L_w**2 * (i == j) - inner(Hw[i], Hw[j]) for i, j in ((0, 0), (0, 1), (1, 1)))  # L² − H²
assert Hw[0][1] == Hw[1][0] and P >= 0 and R >= 0 and P * R >= Q * Q  # every curvature is in [−L, L]
assert 0 < eta_w <= min(bounds) and change["Grams"] > change["Cautious"]  # premise true, conclusion false
print("η =", eta_w, " bounds:", *bounds)
print({name: str(value) for name, value in change.items()})

# %% [markdown]
# The state is within Adam's reach: fed the two gradients of `case["run"]`, the production optimizers make
# these moves. (The gradients are fed, not produced by a run on this $f$: the claim is about one step from
# any state.)

# %%
run = case["run"]
fed = [tensor(map(F, h))[None] for h in run["gradients"]]
hyper = {"betas": tuple(float(F(x)) for x in run["betas"]), "eps": float(F(run["eps"]))}
for optimizer, name in ((gt.CautiousAdam, "Cautious"), (gt.Grams, "Grams")):
    moved = move(optimizer, fed, torch.tensor([float(eta_w)]), **hyper)[0]
    assert (moved - tensor(ends[name])).abs().max() <= ROUNDINGS * eta_w

# %% alt="Left: Cautious ends lower than Grams on a saddle. Right: the loss rises where the gradient promised a fall"
x_c, x_g = (tensor(ends[name]) for name in ("Cautious", "Grams"))
slope, hessian = tensor(gw), torch.stack([tensor(row) for row in Hw])
corners = torch.stack([torch.zeros_like(x_c), x_c, x_g])
centre = (corners.amin(0) + corners.amax(0)) / 2
reach = 0.75 * (corners.amax(0) - corners.amin(0)).max()
x_1, x_2 = centre[:, None] + reach * torch.linspace(-1, 1, 201)
X1, X2 = torch.meshgrid(x_1, x_2, indexing="xy")
Z = quadratic(slope, hessian, torch.stack([X1, X2], -1))
share = torch.linspace(0, 1, 101, dtype=torch.float64)[:, None]

figure, (plane, line) = plt.subplots(1, 2, figsize=(10, 4.8), layout="constrained")
lines = plane.contour(X1, X2, Z, levels=14, colors="#b0b0b0", linewidths=0.9, linestyles="solid")
level = float(change["Cautious"])
plane.clabel(lines, [x for x in lines.levels if abs(x - level) > reach / 20], fontsize=8, colors="#606060")
plane.contour(X1, X2, Z, levels=[level], colors="black", linewidths=1.2, linestyles="solid")
plane.plot(*torch.stack([x_c, x_g]).T, ":", color="black")
for name, end, colour, marker in (("Cautious", x_c, GREEN, "s"), ("Grams", x_g, BLUE, "o")):
    plane.plot(*torch.stack([corners[0], end]).T, color=colour, linewidth=2)
    plane.plot(
        *end, marker, color=colour, markersize=9, label=f"{name}, $\\Delta L = {float(change[name]):.3f}$"
    )
plane.plot(0, 0, "o", color="black")
plane.annotate("$w$", (0, 0), (-15, 4), textcoords="offset points")
plane.set(xlabel="$x_1$", ylabel="$x_2$", title=r"contours of $f(w+x)-f(w)$", aspect="equal")
plane.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2)

line.plot(share, quadratic(slope, hessian, x_c + share * (x_g - x_c)), color="black", label="what happens")
promise = level + share[:, 0] * dot(slope, x_g - x_c)
line.plot(share, promise, "--", color=VERMILLION, label="what the gradient at $w$ promises")
line.set(
    title="along the dotted line", ylabel=r"$f(w+x)-f(w)$", xticks=(0, 1), xticklabels=("Cautious", "Grams")
)
line.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.15))
plt.show()

# %% [markdown]
# The dotted line is all that Grams does beyond Cautious, and the black contour goes through the end of the cautious
# step. Seen from $w$ the correction points downhill. Carried out where the cautious step ends it goes uphill,
# because the first move has turned the gradient. The argument compares two *upper bounds*, and an upper bound below
# an upper bound orders nothing.

# %% [markdown]
# ## 5. The exact threshold
#
# Let $b=r-a$ be what Grams does beyond Cautious and $\beta=\langle g,b\rangle$. Where no $g_i$ is 0, the
# largest value of $\Delta L_G-\Delta L_C$ over **all** $L$-smooth $f$ with $\nabla f(w)=g$ is
#
# $$-\eta\beta+\eta^2L\lVert b\rVert\sqrt{\lVert a\rVert^2+\lVert b\rVert^2/4},\qquad\text{so it is never positive iff}
#   \quad\eta\le\eta^\star=\frac{\beta}{L\lVert b\rVert\sqrt{\lVert a\rVert^2+\lVert b\rVert^2/4}}.$$

# %%
display(Math(claims.by_id("comparison-sharp").latex))
proof = gt.prove("comparison-sharp")
assert proof.complete
display(proof)

# %% [markdown]
# "If" rests on the two-point comparison (`gt.prove("two-point-comparison")`). "Only if" needs one function
# that attains the bound: the quadratic whose Hessian is $L$ times the reflection that takes $a+b/2$ to the
# direction of $b$.
#
# Measured in units of $\eta^\star$ and $\eta^\star\beta$, the largest gap is one curve for every state,
# $\tau^2-\tau$ with $\tau=\eta/\eta^\star$. Each grey line below is a random function with certified $L$,
# at a random state with $b\ne0$; every point of it is a pair of production steps.

# %%
BETAS, EPS = (0.9, 0.999), 1e-8
tau = torch.arange(0.05, 2, 0.1, dtype=torch.float64)


def random_states(name, batch, dim, **options):
    """A batch of functions of a family, points w, and gradient histories that end in the gradient at w."""
    stream = generator(0, "notebook", name)
    f = families.by_name(name)(stream, batch, dim, **options)
    w = f.start(stream)
    gw = f.gradient(w)
    past = (
        3 * gw.norm(dim=-1, keepdim=True) * torch.randn(3, batch, dim, generator=stream, dtype=torch.float64)
    )
    return f, w, [*past, gw]


def gap_curves(change, history, L):
    """(ΔL_G − ΔL_C)/(η*β) at η = τη*, shape (T, B), and a, b; `change` maps displacements (T, B, D) to (T, B)."""
    batch, dim = history[0].shape

    def moves(optimizer, lr):
        repeated = [h.expand(len(lr), batch, dim).reshape(-1, dim) for h in history]
        return move(optimizer, repeated, lr.reshape(-1), BETAS, EPS).reshape(-1, batch, dim)

    g, u = history[-1], -moves(gt.Adam, torch.ones(1, batch))[0]
    a = u * (u * g >= 0)
    b = g.sign() * u.abs() - a
    beta = dot(g, b)
    threshold = beta / (L * b.norm(dim=-1) * (dot(a, a) + dot(b, b) / 4).sqrt())
    eta = tau[:, None] * threshold.nan_to_num(0.0)
    gap = change(moves(gt.Grams, eta)) - change(moves(gt.CautiousAdam, eta))
    return gap / (threshold * beta), a, b


curves = []
for name, options in (("indefinite_quadratic", {"condition": 1.0}), ("trigonometric", {}), ("log_cosh", {})):
    f, w, fed = random_states(name, 24, 3, **options)
    gap, a_f, b_f = gap_curves(lambda d, f=f, w=w: f.value(w + d) - f.value(w), fed, f.smoothness)
    differ = b_f.norm(dim=-1) > 0  # elsewhere the two steps are one
    curves.append(gap[:, differ])
random_gaps = torch.cat(curves, dim=1)

G3, A3, B3 = fed[-1][differ][:1], a_f[differ][:1], b_f[differ][:1]
worst = reflection(A3, B3, torch.ones(1, dtype=torch.float64))
reflected, _, _ = gap_curves(lambda d: quadratic(G3, worst, d), [h[differ][:1] for h in fed], 1.0)

# %% alt="Random losses stay below the curve τ² − τ, the reflection lies on it; both cross 0 no sooner than at η*"
assert (random_gaps[tau < 1] < 0).all() and (reflected[tau < 1] < 0).all()
assert (reflected[tau > 1] > 0).all()
above = int((random_gaps[-1] > 0).sum())
print(f"at η = {tau[-1]:.2f} η*: Cautious wins on {above} of {random_gaps.shape[1]} random functions")

figure, axes = plt.subplots(figsize=(7, 4.6), layout="constrained")
axes.axhline(0, color="black", linewidth=0.8)
axes.axvline(1, color="black", linestyle=":")
axes.plot(tau, random_gaps, color=GREY, linewidth=0.8, alpha=0.6)
axes.plot([], [], color=GREY, label="random $L$-smooth $f$, production steps")
fine = np.linspace(0, 2, 200)
axes.plot(fine, fine**2 - fine, color="black", label=r"largest value possible, $\tau^2-\tau$")
axes.plot(tau, reflected[:, 0], "o", color=VERMILLION, markersize=6, label="reflection, production steps")
axes.annotate(r"$\eta^\star$", (1, -1.4), (5, 0), textcoords="offset points")
axes.text(0.06, 0.12, "Cautious descends further", style="italic")
axes.text(0.06, -1.4, "Grams descends further", style="italic")
axes.set(
    xlabel=r"$\tau=\eta/\eta^\star$",
    ylabel=r"$(\Delta L_G-\Delta L_C)/(\eta^\star\beta)$",
    xlim=(0, 2),
    ylim=(-1.6, 2),
)
axes.legend(loc="upper left", framealpha=1, edgecolor="none")
plt.show()

# %% [markdown]
# Left of $\eta^\star$ no line reaches 0; right of it the reflection is above. That is all a threshold for a
# *class* can say: on most functions Grams stays ahead for longer, and on convex ones $\eta^\star$ is larger
# (`gt.prove("comparison-sharp-convex")`).

# %% [markdown]
# ## 6. Exercises
#
# 1. **Drop smoothness.** $f(w)=\lvert w\rvert^{3/2}$ is $L$-smooth for no $L$. Show that Lemma 4.2 then fails
#    for *every* $L$, with a first step of Grams ($\varepsilon=0$, so that $u=\operatorname{sign} g$). Hint: jump
#    from $w$ to $-w$.
# 2. **Separable functions.** If $f(x)=\sum_if_i(x_i)$, no coordinate can turn another's gradient. Find the
#    largest $\eta$ for which $\Delta L_G\le\Delta L_C$ on every separable $L$-smooth $f$. How much larger than
#    $\eta^\star$ is it?
# 3. **The released Cautious Adam** divides its mask by the mask's mean, so its step is $s\,a$ with $s\ge1$. When
#    does it descend further than Grams for *every* small $\eta$? Find a state.
#
# Solutions follow; each ends in an assertion.

# %% [markdown]
# ### Solution 1
# At $w=\delta^2$ the gradient is $\tfrac32\delta$. With $\eta=2\delta^2$ the step ends at $-\delta^2$, so
# $\Delta L_G=0$, while the bound is $-3\delta^3+2L\delta^4$, negative once $\delta<3/(2L)$. Take
# $\delta=1/L$.

# %%
for smoothness in (1.0, 16.0, 1024.0):
    start = 1 / smoothness**2
    w = torch.nn.Parameter(torch.tensor([start], dtype=torch.float64))
    grams = gt.Grams([w], lr=2 * start, eps=0.0)
    loss = w.abs() ** 1.5
    loss.sum().backward()
    slope = w.grad.abs().item()
    grams.step()
    change_1 = (w.detach().abs() ** 1.5 - loss.detach()).item()
    bound_1 = -2 * start * slope + smoothness * (2 * start) ** 2 / 2
    print(f"L = {smoothness:6.0f}   ΔL = {change_1:9.1e}   'bound' = {bound_1:9.1e}")
    assert bound_1 < change_1 == 0

# %% [markdown]
# ### Solution 2
# Sum the one-dimensional descent lemma over the coordinates where the two steps differ: $\Delta L_G-\Delta
# L_C\le-\eta\beta+\tfrac L2\eta^2\lVert b\rVert^2$, so $\eta\le2\beta/(L\lVert b\rVert^2)$ suffices, which
# is the sign-repaired third bound. The separable $f(w+x)=\langle g,x\rangle+\tfrac L2\lVert x\rVert^2$
# attains it, so no larger $\eta$ does. It is $\sqrt{1+4\lVert a\rVert^2/\lVert b\rVert^2}$ times
# $\eta^\star$.

# %%
b = [x - y for x, y in zip(r, a, strict=True)]
separable = 2 * inner(g, b) / inner(b, b)  # with L = 1


def separable_gap(eta):
    """ΔL_G − ΔL_C on ⟨g, x⟩ + ‖x‖²/2, exactly."""
    return sum(
        sign * (-eta * inner(g, step) + eta**2 / 2 * inner(step, step)) for sign, step in ((1, r), (-1, a))
    )


assert separable_gap(separable) == 0
assert separable_gap(separable * F(99, 100)) < 0 < separable_gap(separable * F(101, 100))
sharp_squared = inner(g, b) ** 2 / (inner(b, b) * (inner(a, a) + inner(b, b) / 4))
assert separable**2 / sharp_squared == 1 + 4 * inner(a, a) / inner(b, b)

proof = gt.prove("comparison-separable")
assert proof.complete
display(proof)

# %% [markdown]
# ### Solution 3
# To first order Grams gains $\eta(\alpha+\beta)$ with $\alpha=\langle g,a\rangle$, rescaled Cautious $\eta
# s\alpha$. If $(s-1)\alpha>\beta$, Cautious wins on every smooth $f$ once $\eta$ is small, and on a linear
# $f$ for every $\eta$: no step-size condition can save the comparison. The state of section 1 will do: half
# of its mask is 1, so $s=2$.

# %%
s, alpha, beta = 2, inner(g, a), inner(g, b)
assert (s - 1) * alpha > beta

small = torch.tensor([10.0**-k for k in range(1, 9)], dtype=torch.float64)
fed = [h.expand(len(small), 2) for h in two_gradients]
released = move(gt.CautiousAdam, fed, small, mask_rescale=True)
assert ((released + s * small[:, None] * tensor(a)).abs() <= s * ROUNDINGS * small[:, None]).all()
for curvature in (H, -H, torch.zeros_like(H)):
    lead = quadratic(G, curvature, move(gt.Grams, fed, small)) - quadratic(G, curvature, released)
    assert (lead > 0).all()  # Grams ends higher at each of these step sizes
    assert torch.allclose(
        lead[-1] / small[-1], torch.tensor(float((s - 1) * alpha - beta)).double(), rtol=1e-6
    )

# %% [markdown]
# ## What to take away
#
# * An upper bound on each of two quantities never orders them. Look for the function that attains a bound.
# * A premise deserves a check of its own: can anything satisfy it?
# * "Grams descends at least as far as Cautious" is a theorem for $\eta\le\eta^\star$, the *unscaled* mask, and one
#   step.
