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
# # Hamiltonian descent: what the flows do, and what happens where a gradient vanishes
#
# Section 4 of the Grams paper (arXiv 2412.17107) looks at optimizers in continuous time. Theorem 4.6 says that along
# the flow of Grams both the total energy and the loss never rise. Here the flows are drawn, the theorem is proved and
# attacked, one of its assumptions is dropped, and the place is visited where its right-hand side jumps.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display

import grams_theory as gt
from grams_theory import claims
from grams_theory.families._quadratic import DenseQuadratic
from grams_theory.flows.hamiltonian import System
from grams_theory.flows.integrate import integrate

BUDGET = os.environ.get("GRAMS_THEORY_BUDGET", "20000")  # cases that each fuzzed claim gets
COLOURS = {"momentum": "#7f7f7f", "cautious": "#0072b2", "grams": "#d55e00"}  # a grey, and Okabe-Ito
STYLES = {"momentum": ":", "cautious": "--", "grams": "-"}

plt.rcParams.update(
    {"figure.dpi": 110, "font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
)

# %% [markdown]
# ## 1. Three flows
#
# A loss $L$, a kinetic energy $K$ (here $\tfrac12\lVert s\rVert^2$), and $H(w,s)=L(w)+K(s)$. With $g=\nabla L(w)$ and
# $k=\nabla K(s)$,
#
# $$\dot w=-d-\Phi(g),\qquad\dot s=g-\Psi(s),\qquad d=\begin{cases}k&\text{momentum}\\
# k\cdot1[g\,k\ge0]&\text{cautious}\\ \operatorname{sign}(g)\,\lvert k\rvert&\text{Grams}\end{cases}$$
#
# coordinate by coordinate; $\Phi$ and $\Psi$ are dampings: $\langle g,\Phi(g)\rangle\ge0$ and
# $\langle k,\Psi(s)\rangle\ge0$.
#
# A narrow valley, turned by 30°, so that no coordinate is alone. No damping at all: $\Phi=\Psi=0$.

# %% alt="Paths, loss and energy of three flows: momentum swings, cautious waits, Grams falls throughout"
angle = np.pi / 6
turn = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
H = turn @ torch.diag(torch.tensor([4.0, 0.25], dtype=torch.float64)) @ turn.T
valley = DenseQuadratic(
    (H + H.T)[None] / 2, torch.zeros(1, 2, dtype=torch.float64), torch.tensor([4.0]), torch.tensor([0.25])
)
start = torch.tensor([[1.6, -1.0]], dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64)
TIME, DELTA = 12.0, 1e-5


def follow(system, start=start, duration=TIME, **options):
    """The path of each flow from the same start."""
    return {
        flow: integrate(system, flow, start, duration, points=600, smoothing=DELTA, **options)
        for flow in COLOURS
    }


def phase_portrait(paths):
    """Weights over the loss's contours, the loss in time, and the energy in time."""
    _, (plane, loss, energy) = plt.subplots(1, 3, figsize=(12.5, 3.7), layout="constrained")
    x, y = np.meshgrid(np.linspace(-2, 2, 160), np.linspace(-2, 2, 160))
    points = torch.tensor(np.stack([x, y], -1)).reshape(-1, 1, 2)
    z = torch.cat([valley.value(point[None])[0] for point in points]).reshape(x.shape)
    plane.contour(x, y, z, levels=np.geomspace(0.02, 8, 9), colors="#cccccc", linewidths=0.8)
    for flow, path in paths.items():
        style = {"color": COLOURS[flow], "linestyle": STYLES[flow], "label": flow}
        plane.plot(*path.variables[0][:, 0].T, **style)
        loss.plot(path.times, path.L[:, 0], **style)
        energy.plot(path.times, path.H[:, 0], **style)
    plane.plot(*start[0][0], "ko", markersize=4)
    plane.set(xlabel="$w_1$", ylabel="$w_2$", aspect="equal", xlim=(-2, 2), ylim=(-2, 2))
    plane.set_title("weights, and contours of the loss")
    loss.set(xlabel="time", ylabel="$L$", yscale="log", ylim=(1e-6, 20), title="loss")
    energy.set(xlabel="time", ylabel="$H=L+K$", title="energy")
    loss.legend(loc="lower left")
    plt.show()


paths = follow(System(valley))
phase_portrait(paths)

# %% [markdown]
# Momentum keeps its energy for ever and swings. Grams never climbs: where the momentum would carry a coordinate uphill,
# it turns it around. It loses energy there, and only there. The cautious flow lets such a coordinate wait: its loss
# rests for a while, and it is not always behind.
#
# The right-hand sides jump where a $g_i$ is 0. For the picture $\operatorname{sign}(x)$ is smoothed to
# $x/\sqrt{x^2+\delta^2}$; the price is known, and `slack` bounds by how much it may have raised $H$:

# %%
for flow, path in paths.items():
    rise = (path.H.diff(dim=0) - path.slack.diff(dim=0)).max().item()
    print(
        f"{flow:9} H falls from {path.H[0, 0]:.3f} to {path.H[-1, 0]:.3f}, switches: {int(path.switches[0])}"
    )
    assert rise < 1e-6  # the integrator's tolerance
assert (paths["grams"].L.diff(dim=0) < 1e-6).all()

# %% [markdown]
# ## 2. Theorem 4.6

# %%
display(claims.by_id("theorem-4.6"))

# %% [markdown]
# The proof, as the machine checked it: each coordinate's term by Z3 and cvc5 over all reals, the sum by a lift over
# coordinates; the chain rule is its axiom.

# %%
proof = gt.prove("theorem-4.6")
assert proof.complete
display(proof)

# %% [markdown]
# And the same formulas, on random states over six orders of magnitude, kinetic energies and dampings that are not
# odd, not separable, not smooth:

# %%
result = gt.fuzz("theorem-4.6", budget=BUDGET)
assert not result.fuzz.violations
display(result)

# %% [markdown]
# **Break it.** Drop $\langle k,\Psi(s)\rangle\ge0$: a "damping" that drives, $\Psi(s)=-\tfrac12k$. The energy rises,
# along every flow; the loss along Grams still falls, because $\Psi$ does not enter $\dot L$.

# %% alt="The same with driving in place of damping: the energy of all flows rises, the loss of Grams still falls"
driven = follow(System(valley, psi="driving"), duration=6.0)
phase_portrait(driven)
for flow, path in driven.items():
    print(f"{flow:9} H goes from {path.H[0, 0]:.2f} to {path.H[-1, 0]:.2f}")
assert driven["momentum"].H[-1, 0] > driven["momentum"].H[0, 0]
assert (driven["grams"].L.diff(dim=0) < 1e-6).all()

# %% [markdown]
# ## 3. Where a gradient vanishes
#
# At $g_i=0$ the right-hand side of Grams jumps from $+\lvert k_i\rvert$ to $-\lvert k_i\rvert$. A classical solution
# need not exist; solutions in Filippov's sense do, and they may *slide* along the surface $g_i=0$, with a velocity
# that is some average of the two. Is the theorem true for them?

# %%
display(claims.by_id("filippov"))
proof = gt.prove("filippov")
assert proof.complete
print(f"{proof.checked} steps checked, given {', '.join(proof.axioms)}")

# %% [markdown]
# Sliding can be seen. The path of Grams above reaches $g_1=0$ and stays there, while $g_2$ is still far from 0: then
# $\lvert g_1\rvert$ is smaller than the smoothing $\delta=10^{-5}$, and the weights follow the straight line on which
# it vanishes, until the minimum is reached and both are 0.

# %% alt="|g₁| drops below δ at time 0.9 and stays there; |g₂| follows at time 6, at the minimum"
path = paths["grams"]
g = valley.gradient(path.variables[0][:, 0]).abs()
_, axes = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
axes.plot(path.times, g[:, 0], color="#0072b2", label=r"$|g_1|$")
axes.plot(path.times, g[:, 1], color="#d55e00", linestyle="--", label=r"$|g_2|$")
axes.axhline(path.smoothing, color="#7f7f7f", linewidth=0.8, label=r"$\delta$")
axes.set(xlabel="time", ylabel="size of the gradient's coordinates", yscale="log", ylim=(1e-9, 10))
axes.legend()
plt.show()
small = (g < path.smoothing).sum(dim=1)
print(f"one coordinate below δ in {(small == 1).double().mean():.0%} of the time: sliding")
print(f"both below δ in {(small == 2).double().mean():.0%} of the time: at the minimum")
assert (small == 1).double().mean() > 0.1

# %% [markdown]
# ## 4. Does it converge?
#
# The paper's corollary asks both dampings to be strict. One is enough, and with a strongly convex $K$ none is needed:

# %%
display(claims.by_id("lasalle"))
proof = gt.prove("lasalle")
assert proof.complete
print(f"{proof.checked} steps checked, given {', '.join(proof.axioms)}")

# %% [markdown]
# ## Exercises
#
# 1. In one dimension, $L=\tfrac12w^2$, $K=\tfrac12s^2$, from $w=1$, $s=0$, without damping: how long does the Grams
#    flow take to its minimum, and with what energy does it arrive?
# 2. Give all three flows a linear damping $\Psi(s)=\tfrac12k$. Which is lowest at time 12 in the valley now?
#
# Solutions, checked:

# %%
# 1. While w > 0: w' = -|s|, s' = w, so w = cos t, s = sin t: at time pi/2 it arrives, with all of its energy kinetic.
ones = torch.ones(1, 1, dtype=torch.float64)
one = DenseQuadratic(ones[None], 0 * ones, ones[0], ones[0])
at = ones, 0 * ones
arrival = integrate(System(one), "grams", at, np.pi / 2, smoothing=0.0)
print(f"w = {arrival.variables[0][-1].item():.1e}, s = {arrival.variables[1][-1].item():.6f}")
assert abs(arrival.variables[0][-1].item()) < 1e-6
assert abs(arrival.variables[1][-1].item() - 1) < 1e-6

# %%
# 2. Grams; and all are far lower than without damping, where momentum still swings.
damped = follow(System(valley, psi="linear"))
print({flow: f"{path.L[-1, 0]:.2e}" for flow, path in damped.items()})
assert min(damped, key=lambda flow: damped[flow].L[-1, 0]) == "grams"
