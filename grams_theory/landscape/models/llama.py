"""A Llama-style decoder (Touvron et al., 2023, arXiv 2302.13971): RMSNorm, rotary positions, SwiGLU, causal attention.

Attention is written out by default. torch's fused one (`attention="fused"`) is faster but has no second derivative on
a CPU, which Hessian products need.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

from grams_theory.core.errors import UsageError

ATTENTIONS = ("math", "fused")
STD = 0.02


@dataclass(frozen=True)
class Shape:
    """`tied`: the head is the transposed embedding. `theta`: the base of the rotary frequencies."""

    vocabulary: int
    hidden: int
    layers: int
    heads: int
    intermediate: int
    tied: bool = False
    attention: str = "math"
    theta: float = 10_000.0
    eps: float = 1e-6

    def __post_init__(self) -> None:
        if self.attention not in ATTENTIONS:
            raise UsageError(f"attention={self.attention!r} is not known; choose {', '.join(ATTENTIONS)}")
        if self.hidden % (2 * self.heads):
            raise UsageError(f"hidden={self.hidden} must be a multiple of twice heads={self.heads}")


def llama_60m(attention: str = "math") -> Shape:
    """The 58 million parameters that are called Llama-60M (Zhao et al., 2024, arXiv 2403.03507, Table 5)."""
    return Shape(vocabulary=32_000, hidden=512, layers=8, heads=8, intermediate=1376, attention=attention)


class RMSNorm(nn.Module):
    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps))


def rotate(x: Tensor, theta: float) -> Tensor:
    """Pairs (x_i, x_{i + d/2}) of (..., T, d) turned by position times theta^(−2i/d) (Su et al., 2021).

    The product of two turned vectors depends on the difference of their positions only.
    """
    T, d = x.shape[-2:]
    precise = torch.promote_types(x.dtype, torch.float32)
    position, i = (torch.arange(n, device=x.device, dtype=precise) for n in (T, d // 2))
    angle = position.outer(theta ** (-2 * i / d))
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.theta, self.fused = shape.heads, shape.theta, shape.attention == "fused"
        self.query, self.key, self.value, self.output = (
            nn.Linear(shape.hidden, shape.hidden, bias=False) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, T, hidden) -> (n, T, hidden); a position sees itself and those before it."""
        q, k, v = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        q, k = rotate(q, self.theta), rotate(k, self.theta)
        attend = self._fused if self.fused else self._written_out
        return self.output(attend(q, k, v).transpose(1, 2).flatten(2))

    @staticmethod
    def _fused(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return scaled_dot_product_attention(q, k, v, is_causal=True)

    @staticmethod
    def _written_out(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        T, d = q.shape[-2:]
        later = torch.ones(T, T, dtype=torch.bool, device=q.device).triu(1)
        scores = (q @ k.mT / d**0.5).masked_fill(later, -torch.inf)
        return scores.softmax(-1) @ v


class FeedForward(nn.Module):
    """SwiGLU (Shazeer, 2020): down(silu(gate(x)) * up(x))."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate, self.up = (nn.Linear(shape.hidden, shape.intermediate, bias=False) for _ in range(2))
        self.down = nn.Linear(shape.intermediate, shape.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(silu(self.gate(x)) * self.up(x))


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention_norm, self.attention = RMSNorm(shape.hidden, shape.eps), Attention(shape)
        self.forward_norm, self.feed_forward = RMSNorm(shape.hidden, shape.eps), FeedForward(shape)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed_forward(self.forward_norm(x))


class Llama(nn.Module):
    """Tokens (n, T) -> logits of the next token (n, T, vocabulary)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, shape.hidden)
        self.layers = nn.Sequential(*(Layer(shape) for _ in range(shape.layers)))
        self.norm = RMSNorm(shape.hidden, shape.eps)
        self.head = nn.Linear(shape.hidden, shape.vocabulary, bias=False)
        if shape.tied:
            self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.norm(self.layers(self.embedding(tokens))))


def initialise(model: Llama, generator: torch.Generator) -> None:
    """Embeddings and affine maps N(0, 0.02²), as Llama's configuration has it; normalisations 1."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=STD, generator=generator)
        elif isinstance(module, RMSNorm):
            nn.init.ones_(module.weight)
