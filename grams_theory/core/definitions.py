"""What the paper defines and assumes: the nodes of the claim graph that need no proof.

A proof takes a definition, or an instance of an assumption, from here (`Proof.use`, `Proof.assume`), and thereby
records that it rests on it. `build` makes a SymPy expression; SymPy is imported only then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Expr = Any
"""A SymPy expression or relation between real numbers."""


@dataclass(frozen=True)
class Definition:
    """A quantity; `build` gives it in symbols, one coordinate of it if it is a vector."""

    id: str
    title: str
    source: str
    text: str
    latex: str
    build: Callable[..., Expr] | None = None

    def __call__(self, *quantities: Expr) -> Expr:
        """`build` of these quantities. Raises TypeError if the definition has none."""
        if self.build is None:
            raise TypeError(f"the definition of {self.title!r} makes no formula")
        return self.build(*quantities)


@dataclass(frozen=True)
class Assumption(Definition):
    """A hypothesis on the function; `build` gives an instance. Families certify it by a trait of the same id."""

    constants: tuple[str, ...] = ()
    """Symbols that stand for its constants, in every instance and wherever it is cited."""
    entails: tuple[str, ...] = ()
    """Ids of the assumptions that it contains."""


def _smooth(gradients: Expr, points: Expr) -> Expr:
    """gradients = ‖∇f(x) − ∇f(y)‖², points = ‖x − y‖²."""
    import sympy as sp

    return sp.Le(gradients, sp.Symbol("L", real=True) ** 2 * points)


def _convex(remainder: Expr) -> Expr:
    """remainder = f(y) − f(x) − ⟨∇f(x), y − x⟩."""
    import sympy as sp

    return sp.Ge(remainder, 0)


def _pl(gradient: Expr, gap: Expr) -> Expr:
    """gradient = ‖∇f(x)‖², gap = f(x) − f*."""
    import sympy as sp

    return sp.Ge(gradient, 2 * sp.Symbol("μ", real=True) * gap)


def _bounded(gap: Expr) -> Expr:
    """gap = f(x) − f*."""
    import sympy as sp

    return sp.Ge(gap, 0)


def _separable(difference: Expr, sum_of_parts: Expr) -> Expr:
    """difference = f(x) − f(y), sum_of_parts = Σᵢ (fᵢ(xᵢ) − fᵢ(yᵢ))."""
    import sympy as sp

    return sp.Eq(difference, sum_of_parts)


def _sign(x: Expr) -> Expr:
    import sympy as sp

    return sp.sign(x)


def _aligned(u: Expr, g: Expr, value: Expr) -> Expr:
    import sympy as sp

    return sp.Piecewise((value, sp.Ge(u * g, 0)), (0, True))


def _misaligned(u: Expr, g: Expr, value: Expr) -> Expr:
    import sympy as sp

    return sp.Piecewise((value, sp.Lt(u * g, 0)), (0, True))


def _cautious(u: Expr, g: Expr) -> Expr:
    return _aligned(u, g, u)


def _grams(u: Expr, g: Expr) -> Expr:
    import sympy as sp

    return sp.sign(g) * sp.Abs(u)


def _ams(u: Expr, g: Expr, lam: Expr) -> Expr:
    return _aligned(u, g, u) + lam * _misaligned(u, g, u)


def _adam(m_hat: Expr, v_hat: Expr, eps: Expr) -> Expr:
    import sympy as sp

    return m_hat / (sp.sqrt(v_hat) + eps)


def _average(old: Expr, new: Expr, beta: Expr) -> Expr:
    """The moment β·old + (1 − β)·new."""
    return beta * old + (1 - beta) * new


def _lion(m: Expr, g: Expr, beta: Expr) -> Expr:
    import sympy as sp

    return sp.sign(_average(m, g, beta))


def _works(work: Expr) -> Expr:
    """work = ⟨g,Φ(g)⟩ or ⟨∇K(s),Ψ(s)⟩."""
    import sympy as sp

    return sp.Ge(work, 0)


def _hamiltonian(loss: Expr, kinetic: Expr) -> Expr:
    return loss + kinetic


def _momentum_flow(k: Expr, phi: Expr) -> Expr:
    return -k - phi


def _cautious_flow(g: Expr, k: Expr, phi: Expr) -> Expr:
    return -_cautious(k, g) - phi


def _grams_flow(g: Expr, k: Expr, phi: Expr) -> Expr:
    return -_grams(k, g) - phi


def _filippov(g: Expr, xi: Expr) -> Expr:
    """ξg = |g|: ξ is sign(g) where g ≠ 0; where g = 0 it leaves ξ free."""
    import sympy as sp

    return sp.Eq(xi * g, sp.Abs(g))


def _momentum_rate(g: Expr, psi: Expr) -> Expr:
    return g - psi


SMOOTH = Assumption(
    "smooth",
    "L-smooth",
    "Definition 3.1",
    "f is L-smooth",
    r"\lVert\nabla f(x)-\nabla f(y)\rVert\le L\lVert x-y\rVert",
    _smooth,
    constants=("L",),
)
PL = Assumption(
    "pl",
    "μ-PL",
    "Definition 3.3; Assumption 4.13",
    "f is μ-PL",
    r"\tfrac12\lVert\nabla f(x)\rVert^2\ge\mu\,(f(x)-f^\star),\ \mu>0",
    _pl,
    constants=("μ",),
    entails=("bounded",),
)
BOUNDED = Assumption(
    "bounded",
    "bounded below",
    "Assumed where f* appears",
    "f is bounded below, with infimum f*",
    r"\inf_x f(x)=f^\star>-\infty",
    _bounded,
)
CONVEX = Assumption(
    "convex",
    "convex",
    "Classical; assumed by claims of ours",
    "f is convex",
    r"f(y)\ge f(x)+\langle\nabla f(x),y-x\rangle",
    _convex,
)
SEPARABLE = Assumption(
    "separable",
    "separable",
    "Classical; assumed by claims of ours",
    "f is separable",
    r"f(x)=\sum_i f_i(x_i)",
    _separable,
)

SIGN = Definition(
    "sign",
    "Sign",
    "Definition 3.4",
    "sign(x) = 1 for x > 0, −1 for x < 0, 0 for x = 0",
    r"\operatorname{sign}(0)=0",
    _sign,
)
ALIGNED = Definition(
    "aligned",
    "Aligned part",
    "Definition 3.7",
    "x∘1[u∘g ≥ 0]: x where u and g do not disagree in sign, else 0",
    r"x\circ\mathbf 1[u\circ g\ge0]",
    _aligned,
)
MISALIGNED = Definition(
    "misaligned",
    "Misaligned part",
    "the third bound of the paper's comparison",
    "x∘1[u∘g < 0]: x where u and g disagree in sign, else 0",
    r"x\circ\mathbf 1[u\circ g<0]",
    _misaligned,
)
MOMENT = Definition(
    "moment",
    "Exponential moving average",
    "Definition 3.5",
    "m ← βm + (1 − β)g",
    r"m\leftarrow\beta m+(1-\beta)g",
    _average,
)
ADAM = Definition(
    "adam",
    "Adam",
    "Definition 3.5",
    "u = m̂/(√v̂ + ε), w ← w − ηu, with m̂, v̂ the bias-corrected averages of g and g²",
    r"u=\hat m/(\sqrt{\hat v}+\varepsilon),\quad w\leftarrow w-\eta u",
    _adam,
)
LION = Definition(
    "lion",
    "Lion",
    "Definition 3.6",
    "u = sign(β₁m + (1 − β₁)g), w ← w − ηu, m ← β₂m + (1 − β₂)g",
    r"u=\operatorname{sign}(\beta_1m+(1-\beta_1)g),\quad w\leftarrow w-\eta u",
    _lion,
)
CAUTIOUS = Definition(
    "cautious",
    "Cautious step",
    "Definition 3.7",
    "a = u∘1[u∘g ≥ 0], w ← w − ηa",
    r"a=u\circ\mathbf 1[u\circ g\ge0],\quad w\leftarrow w-\eta a",
    _cautious,
)
LOSS_CHANGE = Definition(
    "loss-change",
    "Change of the loss",
    "Definition 3.8",
    "ΔL = L(w_{t+1}) − L(w_t)",
    r"\Delta\mathcal L=\mathcal L(w_{t+1})-\mathcal L(w_t)",
)
GRAMS = Definition(
    "grams",
    "Grams step",
    "Definition 4.1",
    "r = sign(g)∘|u|, w ← w − ηr",
    r"r=\operatorname{sign}(g)\circ|u|,\quad w\leftarrow w-\eta r",
    _grams,
)
AMS = Definition(
    "ams",
    "AMS(λ) step",
    "Ours: the family that joins Adam (λ = 1), Cautious (0) and Grams (−1)",
    "s = u∘1[u∘g ≥ 0] + λ u∘1[u∘g < 0], w ← w − ηs",
    r"s=u\circ\mathbf 1[u\circ g\ge0]+\lambda\,u\circ\mathbf 1[u\circ g<0]",
    _ams,
)
HAMILTONIAN = Definition(
    "hamiltonian",
    "Hamiltonian",
    "Theorem 4.6, its setting",
    "H(w, s) = L(w) + K(s), with K the kinetic energy of the momentum s",
    r"H(w,s)=\mathcal L(w)+\mathcal K(s)",
    _hamiltonian,
)
PHI = Definition(
    "phi",
    "Φ condition",
    "Theorem 4.6, its setting",
    "⟨x, Φ(x)⟩ ≥ 0 for every x: damping of the weights does not push uphill",
    r"\langle x,\Phi(x)\rangle\ge0",
    _works,
)
PSI = Definition(
    "psi",
    "Ψ condition",
    "Theorem 4.6, its setting",
    "⟨∇K(s), Ψ(s)⟩ ≥ 0 for every s: damping of the momentum does not drive it",
    r"\langle\nabla\mathcal K(s),\Psi(s)\rangle\ge0",
    _works,
)
MOMENTUM_RATE = Definition(
    "momentum-rate",
    "Momentum in continuous time",
    "Theorem 4.6, its setting",
    "ṡ = ∇L(w) − Ψ(s), in every flow",
    r"\dot s=\nabla\mathcal L(w)-\Psi(s)",
    _momentum_rate,
)
MOMENTUM_FLOW = Definition(
    "momentum-flow",
    "Momentum flow",
    "Theorem 4.6, its setting",
    "ẇ = −∇K(s) − Φ(∇L(w))",
    r"\dot w=-\nabla\mathcal K(s)-\Phi(\nabla\mathcal L(w))",
    _momentum_flow,
)
CAUTIOUS_FLOW = Definition(
    "cautious-flow",
    "Cautious flow",
    "Theorem 4.6, its setting",
    "ẇ = −k∘1[k∘g ≥ 0] − Φ(g), with g = ∇L(w), k = ∇K(s)",
    r"\dot w=-k\circ\mathbf 1[k\circ g\ge0]-\Phi(g)",
    _cautious_flow,
)
GRAMS_FLOW = Definition(
    "grams-flow",
    "Grams flow",
    "Theorem 4.6, its setting",
    "ẇ = −sign(g)∘|k| − Φ(g), with g = ∇L(w), k = ∇K(s)",
    r"\dot w=-\operatorname{sign}(g)\circ|k|-\Phi(g)",
    _grams_flow,
)
FILIPPOV = Definition(
    "filippov",
    "Selection of Filippov's sign",
    "A. F. Filippov, Differential equations with discontinuous righthand sides, 1988",
    "ξ = sign(g) where g ≠ 0, and any number of [−1, 1] where g = 0; then ξg = |g|",
    r"\xi\in\operatorname{Sign}(g),\quad\operatorname{Sign}(0)=[-1,1]",
    _filippov,
)


def all_definitions() -> tuple[Definition, ...]:
    """Every definition and assumption above, in the order of this file."""
    return tuple(value for value in globals().values() if isinstance(value, Definition))
