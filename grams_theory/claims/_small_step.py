"""What "small η" means, explicitly, in the claims on whole runs: η ≤ θε/(2L), θ = 1 − β₁."""

CONDITION = "η ≤ (1 − β₁)ε/(2L)"
CONDITION_LATEX = r"\eta\le\frac{(1-\beta_1)\,\varepsilon}{2L}"


def gradient_bound(r):
    """G = √(2L(f(w₁) − f*)), which bounds every gradient on the sublevel set of w₁; shape (B,)."""
    return (r.initial_gap * r.smoothness * 2).sqrt()


def longest_step_size(r):
    """(1 − β₁)ε/L, from which on nothing is known to decrease; shape (B,)."""
    return (1 - r.betas[0]) * r.eps / r.smoothness


def largest_step_size(r):
    """The largest η that the condition allows, shape (B,)."""
    return longest_step_size(r) / 2
