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
# # Fuzz your own optimizer
#
# The claims of this package are about *code*: whatever class stands in the place of Grams is stepped by its own
# `step`, on functions whose constants are certified, and every inequality comes with a bound on rounding. Here an
# optimizer is written down from memory, three faults are found in it, each as a case small enough to check by hand,
# and each is mended.

# %%
import os
from contextlib import redirect_stdout
from fractions import Fraction as F

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display

import grams_theory as gt
from grams_theory import claims

BUDGET = os.environ.get("GRAMS_THEORY_BUDGET", "20000")  # cases that each fuzzed claim gets
BLUE, VERMILLION, GREY = "#0072b2", "#d55e00", "#7f7f7f"  # Okabe-Ito, and a neutral grey

plt.rcParams.update(
    {"figure.dpi": 110, "font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
)

# %% [markdown]
# ## 1. An optimizer from memory
#
# Grams steps by the magnitude of Adam's step, in the direction of the gradient's sign. That is quickly written:


# %%
class FromMemory(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    def direction(self, u, g):
        return u  # fault 3: its own sign, where Grams takes that of g

    def root(self, v, eps):
        return (v + eps).sqrt()  # fault 2: ε under the root, where Adam adds it to the root

    def corrections(self, betas, t):
        return 1 - betas[0] ** t, 1.0  # fault 1: v is not corrected for its start at 0

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state, g, betas = self.state[p], p.grad, group["betas"]
                if not state:
                    state.update(t=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
                state["t"] += 1
                state["m"].lerp_(g, 1 - betas[0])
                state["v"].mul_(betas[1]).addcmul_(g, g, value=1 - betas[1])
                of_m, of_v = self.corrections(betas, state["t"])
                u = (state["m"] / of_m) / self.root(state["v"] / of_v, group["eps"])
                p.sub_(group["lr"] * self.direction(u, g))


# %% [markdown]
# It trains. A loss that falls proves nothing: the faults would cost a few percent of something, some day.

# %%
torch.manual_seed(0)
x, y = torch.randn(256, 10), torch.randn(256)
model = torch.nn.Linear(10, 1)
optimizer = FromMemory(model.parameters(), lr=1e-2)
for step in range(101):
    optimizer.zero_grad()
    loss = (model(x).squeeze() - y).square().mean()
    loss.backward()
    optimizer.step()
    if step % 25 == 0:
        print(f"step {step:3}: loss {loss.item():.4f}")

# %% [markdown]
# ## 2. Does it compute what the paper defines?
#
# The claim `definitions` says so of a class, up to rounding, whatever the gradients were.

# %%
display(claims.by_id("definitions"))

# %%
result = gt.fuzz("definitions", optimizer=FromMemory, role="Grams", budget=BUDGET)
assert result.verdict is gt.Verdict.REFUTED
display(result)

# %% [markdown]
# Refuted, for this class. The case was found in a batch of random functions in several dimensions, and then made as
# small as it goes *by asking the optimizer itself*: fewer dimensions, a shorter history, simpler numbers.

# %%
display(result.witness)

# %% [markdown]
# The witness is also code that can be pasted anywhere torch is installed: it steps the optimizer, and then does
# nothing but arithmetic with fractions. Running it here shows the violated inequality.

# %%
case = {}
exec(result.witness.snippet, case)
assert case["margin"] < 0

# %% [markdown]
# What is wrong? One gradient was fed. By Definition 3.5 the first step has $\hat v=g^2$, whatever $\beta_2$; without
# the correction for the start at 0 it is $(1-\beta_2)g^2$, and the step is too long. Mend that, and ask again.


# %%
class Corrected(FromMemory):
    def corrections(self, betas, t):
        return 1 - betas[0] ** t, 1 - betas[1] ** t


result = gt.fuzz("definitions", optimizer=Corrected, role="Grams", budget=BUDGET)
assert result.verdict is gt.Verdict.REFUTED
display(result.witness)

# %% [markdown]
# Still one gradient. Now it is $\varepsilon$: with the numbers of this case, $\sqrt{\hat v+\varepsilon}$ and
# $\sqrt{\hat v}+\varepsilon$ by hand:

# %%
run = result.witness.data["run"]
eps = float(F(run["eps"]))
(beta1, beta2), v = map(F, run["betas"]), F(0)
for (gradient,) in run["gradients"]:
    v = beta2 * v + (1 - beta2) * F(gradient) ** 2
v_hat = float(v / (1 - beta2 ** len(run["gradients"])))
print(f"under the root {np.sqrt(v_hat + eps):.6f}, beside it {np.sqrt(v_hat) + eps:.6f}")
assert abs(np.sqrt(v_hat + eps) - np.sqrt(v_hat) - eps) > 1e-9


# %%
class BesideTheRoot(Corrected):
    def root(self, v, eps):
        return v.sqrt() + eps


result = gt.fuzz("definitions", optimizer=BesideTheRoot, role="Grams", budget=BUDGET)
assert result.verdict is gt.Verdict.REFUTED
assert len(result.witness.data["run"]["gradients"]) > 1
display(result.witness)

# %% [markdown]
# ## 3. Does it matter? Lemma 4.2
#
# This case needs two gradients: the first step is right, and later the memory of earlier gradients may outvote the
# present one. What is left of `FromMemory` is Adam. The lemma says what is lost with the gradient's sign: it bounds
# the loss after one step of Grams on any $L$-smooth function, and below a step size it promises descent.

# %%
display(claims.by_id("lemma-4.2"))

# %%
result = gt.fuzz("lemma-4.2", optimizer=BesideTheRoot, budget=BUDGET)
assert result.verdict is gt.Verdict.REFUTED
case = {}
exec(result.witness.snippet, case)

# %% [markdown]
# In a picture: one weight, the loss along it, and where the step went: uphill.


# %% alt="The loss is a falling line; the step goes up along it, to the left"
def draw(case, name):
    """The loss of a one-dimensional case, and the step that was taken."""
    g, H = float(case["g"][0]), float(case["H"][0, 0])
    moved = float(case["moved"]["Grams"][0])
    end = moved, g * moved + H * moved**2 / 2
    d = np.linspace(-1.6 * abs(moved), 1.6 * abs(moved), 201)
    _, axes = plt.subplots(figsize=(5.2, 3.2))
    axes.plot(d, g * d + H * d**2 / 2, color=GREY)
    axes.annotate("", end, (0, 0), arrowprops={"arrowstyle": "->", "color": VERMILLION, "lw": 2})
    axes.plot(0, 0, "o", color=BLUE)
    axes.annotate("w", (0, 0), textcoords="offset points", xytext=(-4, 10), color=BLUE)
    axes.annotate(
        f"one step of {name}", end, textcoords="offset points", xytext=(8, 4), ha="left", color=VERMILLION
    )
    axes.set(xlabel="displacement of the weight", ylabel="change of the loss")
    plt.show()


assert len(case["g"]) == 1
assert (case["g"] * case["moved"]["Grams"]).sum() > 0  # uphill to first order
draw(case, "BesideTheRoot")


# %% [markdown]
# ## 4. Mended


# %%
class Right(BesideTheRoot):
    def direction(self, u, g):
        return u.abs() * g.sign()


for claim in ("definitions", "lemma-4.2", "comparison-sharp"):
    result = gt.fuzz(claim, optimizer=Right, role="Grams", budget=BUDGET)
    assert result.verdict is gt.Verdict.SURVIVED
    print(f"{claim:18} {result.verdict}: {result.fuzz.cases:,} cases, none beyond rounding")

# %% [markdown]
# *Survived* is not *proved*: no case violates it. What is proved is the lemma about the formula; that this class
# computes the formula is what the cases speak for. What they were:

# %%
display(result.fuzz)

# %% [markdown]
# ## 5. Every day
#
# The same from the shell, and in your test suite:
#
#     grams-theory fuzz lemma-4.2 --optimizer my_package.optim:MyGrams --budget 1h --resume
#     pytest --pyargs grams_theory.testing.checks --gt-optimizer=my_package.optim:MyGrams --gt-role=Grams
#
# ## Exercises
#
# 1. The lemma's witness against `BesideTheRoot` has some $\eta$. Is there a learning rate so small that this
#    optimizer always descends?
# 2. Put `gt.CautiousAdam`, which drops the coordinates that disagree, in the place of Grams. Does the lemma's bound
#    hold for it? Can one dimension show it?
#
# Solutions, checked:

# %%
g, moved = case["g"], case["moved"]["Grams"]
slope = float((g * moved).sum() / case["eta"])
print(f"1. the loss changes by {slope:.3g} η + O(η²) along this step: it rises for every small η > 0")
assert slope > 0

# %%
found = gt.fuzz("lemma-4.2", optimizer=gt.CautiousAdam, budget=BUDGET)
assert found.verdict is gt.Verdict.REFUTED
solution = {}
with redirect_stdout(None):
    exec(found.witness.snippet, solution)
print(f"2. violated in part {found.witness.part!r}, in dimension {len(solution['g'])}:")
print(
    "   it moves by", [float(x) for x in solution["moved"]["Grams"]], "at g =", list(map(str, solution["g"]))
)
assert len(solution["g"]) == 1
assert not solution["moved"]["Grams"].any()  # it stays, where the bound promises descent
