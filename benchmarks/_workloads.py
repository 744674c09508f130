"""What is trained to see what an instrument costs: (model, inputs, targets) of random data."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def perceptron() -> tuple[nn.Module, Tensor, Tensor]:
    """85 thousand weights in 6 tensors; a batch of 256."""
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    return model, torch.randn(256, 64), torch.randint(10, (256,))


class Classifier(nn.Module):
    """A transformer encoder that labels every token: 0.9 million weights in 53 tensors."""

    def __init__(self, vocabulary: int = 256, width: int = 128, layers: int = 4) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.encoder(self.embedding(tokens))).flatten(0, 1)


def transformer() -> tuple[nn.Module, Tensor, Tensor]:
    tokens = torch.randint(256, (8, 64))
    return Classifier(), tokens, tokens.roll(-1, 1).flatten()
