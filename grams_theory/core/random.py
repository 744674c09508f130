"""Addressable randomness: (seed, name parts) gives a stream, so one case replays without the others."""

import hashlib

import torch


def stream_seed(seed: int, *address: str | int) -> int:
    """A 63-bit seed that depends on every part of the address (SHA-256)."""
    text = "/".join(str(part) for part in (seed, *address))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *address: str | int, device: str | torch.device = "cpu") -> torch.Generator:
    """A torch generator for that address. On a CPU, machines differ at most in the last bits of normal samples."""
    return torch.Generator(device).manual_seed(stream_seed(seed, *address))
