"""Exact and 200-bit arithmetic to hold certificates against: rational matrices, their eigenvalues, losses of logits."""

from collections.abc import Callable, Iterable

import torch
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat, fmpz_poly
from torch import Tensor
from torch.nn import functional as F

BITS = 200
QUICK, ALL = 60, 1000
"""Random cases in the default run, and with -m slow."""


def precision(bits: int = BITS):
    """A context in which balls of flint are of so many bits."""
    return ctx.workprec(bits)


def rational(x) -> fmpq:
    p, q = float(x).as_integer_ratio()
    return fmpq(p, q)


def exact(X: Tensor) -> fmpq_mat:
    return fmpq_mat([[rational(x) for x in row] for row in X.tolist()])


def identity(D: int, scale=1) -> fmpq_mat:
    return fmpq_mat([[scale * (i == j) for j in range(D)] for i in range(D)])


def eigenvalues(A: fmpq_mat) -> list[arb]:
    """Of a symmetric rational matrix, ascending, without the zeros, as balls: roots of det(λ − A)."""
    p = A.charpoly()
    coefficients = list((p * p.denom()).numer())
    while coefficients and coefficients[0] == 0:
        coefficients.pop(0)
    with precision():
        roots = [(root.real, times) for root, times in fmpz_poly(coefficients).complex_roots()]  # pyright: ignore[reportGeneralTypeIssues]
        found = [root for root, times in roots for _ in range(times)]
        return sorted(found, key=lambda e: float(e.mid()))


def squares(A: fmpq_mat) -> fmpq:
    """The sum of the squares of all entries."""
    return sum((x * x for x in A.entries()), fmpq(0))


def least_squares(X: fmpq_mat, Y: fmpq_mat) -> fmpq:
    """min ‖XW − Y‖² over W, by exact Gauss-Jordan elimination of (X'X) W = X'Y with free unknowns 0."""
    normal = X.transpose() * X
    D, C = normal.ncols(), Y.ncols()
    right = X.transpose() * Y
    joined = fmpq_mat(
        [[*(normal[i, j] for j in range(D)), *(right[i, c] for c in range(C))] for i in range(D)]
    )
    reduced, rank = joined.rref()
    W = [[fmpq(0)] * C for _ in range(D)]
    for i in range(rank):
        pivot = next(j for j in range(D) if reduced[i, j] != 0)
        W[pivot] = [reduced[i, D + c] for c in range(C)]
    return squares(X * fmpq_mat(W) - Y)


def column(values) -> arb_mat:
    return arb_mat([[x] for x in values])


def vector(w: Tensor) -> list[arb]:
    return [arb(x) for x in w.reshape(-1).tolist()]


def dot(x, y) -> arb:
    return sum((a * b for a, b in zip(x, y, strict=True)), arb(0))


def each(check: Callable, seeds: Iterable[int], *first) -> list:
    """What `check` returns for every seed, in turn."""
    return [check(*first, seed) for seed in seeds]


class Classification:
    """f(w) = (1/terms) Σ_i ℓ_i(W x_i) + (ridge/2)‖w‖² in `BITS` bits; ℓ is logistic for one output, else softmax."""

    def __init__(self, X: Tensor, y: Tensor, outputs: int, ridge: float) -> None:
        self.inputs, self.targets = X, y
        self.X = [[arb(x) for x in row] for row in X.tolist()]
        self.y, self.outputs, self.ridge = y.reshape(-1).tolist(), outputs, arb(ridge)

    def _parts(self, w: list[arb], visit: Callable) -> None:
        D = len(self.X[0])
        for x, y in zip(self.X, self.y, strict=True):
            visit(x, y, [dot(w[c * D : (c + 1) * D], x) for c in range(self.outputs)])

    def value(self, w: list[arb]) -> arb:
        total = []

        def visit(x, y, z):
            if self.outputs == 1:
                total.append((1 + z[0].exp()).log() - arb(y) * z[0])
            else:
                total.append(sum((t.exp() for t in z), arb(0)).log() - z[y])

        self._parts(w, visit)
        return sum(total, arb(0)) / len(self.X) + self.ridge / 2 * dot(w, w)

    def _probabilities(self, z):
        e = [t.exp() for t in z]
        return [t / (1 + e[0] if self.outputs == 1 else sum(e, arb(0))) for t in e]

    def gradient(self, w: list[arb]) -> list[arb]:
        D, n = len(self.X[0]), len(self.X)
        g = [self.ridge * t for t in w]

        def visit(x, y, z):
            for c, p in enumerate(self._probabilities(z)):
                r = (p - (arb(y) if self.outputs == 1 else int(c == y))) / n
                for j in range(D):
                    g[c * D + j] += r * x[j]

        self._parts(w, visit)
        return g

    def hessian(self, w: list[arb], shift=0) -> arb_mat:
        D, n, C = len(self.X[0]), len(self.X), self.outputs
        H = [[(self.ridge + shift) * (i == j) for j in range(C * D)] for i in range(C * D)]

        def visit(x, y, z):
            p = self._probabilities(z)
            for c in range(C):
                for d in range(C):
                    h = (p[c] * (c == d or C == 1) - p[c] * p[d]) / n
                    for i in range(D):
                        for j in range(D):
                            H[c * D + i][d * D + j] += h * x[i] * x[j]

        self._parts(w, visit)
        return arb_mat(H)

    def minimiser(self, w: Tensor) -> list[arb]:
        """Where ‖∇f‖ < 1e-25, by Newton's method from w; a shift makes it regular."""
        at = vector(self._near(w))
        for _ in range(30):
            g = self.gradient(at)
            if max(float(abs(t).upper()) for t in g) < 1e-25:
                return at
            step = self.hessian(at, arb(2) ** -60).solve(column(g))
            at = [(a - step[i, 0]).mid() for i, a in enumerate(at)]
        raise AssertionError("Newton's method did not converge")

    def _near(self, w: Tensor) -> Tensor:
        """Newton's method in floating point, with steps halved until f falls, for the other to start from."""
        X, ridge, C = self.inputs, float(self.ridge), self.outputs
        hot = F.one_hot(self.targets, max(C, 2)).double()[:, -C:]

        def parts(w: Tensor) -> tuple[float, Tensor, Tensor]:
            z = X @ w.view(C, -1).mT
            full = z if C > 1 else torch.cat([torch.zeros_like(z), z], 1)
            p = full.softmax(1)[:, -C:]
            value = (full.logsumexp(1) - (hot * z).sum(1)).mean() + ridge / 2 * w @ w
            blocks = torch.diag_embed(p) - p.unsqueeze(2) * p.unsqueeze(1)
            H = torch.einsum("ncd,ni,nj->cidj", blocks, X, X).reshape(len(w), len(w)) / len(X)
            return value.item(), ((p - hot).mT @ X).reshape(-1) / len(X) + ridge * w, H

        for _ in range(60):
            value, g, H = parts(w)
            step = torch.linalg.solve(H + (ridge + 1e-13) * torch.eye(len(w), dtype=w.dtype), g)
            while step.norm() > 1e-9 and parts(w - step)[0] > value:
                step = step / 2
            w = w - step
            if step.norm() <= 1e-9:
                break
        return w
