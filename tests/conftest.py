"""Tests marked `gpu` run where there is a CUDA device, and are skipped elsewhere.

Cases are small tensors: one thread per worker is faster than several that wait for each other.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


def pytest_collection_modifyitems(items):
    wanted = [item for item in items if item.get_closest_marker("gpu")]
    if not wanted:
        return
    import torch

    if torch.cuda.is_available():
        return
    for item in wanted:
        item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
