"""What "small η" means, explicitly, in the claims on whole runs: η ≤ θ ε^{3/2} / (4 L √(G + ε)), θ = 1 − β₁."""

DIVISOR = 4

CONDITION = "η ≤ (1 − β₁) ε^{3/2} / (4L√(G + ε)), where G = √(2L(f(w₁) − f*))"
CONDITION_LATEX = (
    r"\eta\le\frac{(1-\beta_1)\,\varepsilon^{3/2}}{4L\sqrt{G+\varepsilon}},\ G=\sqrt{2L(f(w_1)-f^\star)}"
)


def gradient_bound(r):
    """G = √(2L(f(w₁) − f*)), which bounds every gradient on the sublevel set of w₁; shape (B,)."""
    return (r.initial_gap * (2 * r.smoothness)).sqrt()


def largest_step_size(r):
    """The largest η that the condition allows, shape (B,)."""
    root = (r.eps**3 / (gradient_bound(r) + r.eps)).sqrt()
    return root * (1 - r.betas[0]) / (DIVISOR * r.smoothness)
