"""Tests marked `gpu` run where there is a CUDA device, those marked `since_torch` where torch is new enough.

The package runs on older releases of torch than some tests, which hold it against optimizers that torch got later.
Cases are small tensors: one thread per worker is faster than several that wait for each other.
"""

import os
from importlib import metadata

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from packaging.version import Version


def pytest_collection_modifyitems(items):
    torch_found = Version(metadata.version("torch"))
    for item in items:
        for marker in item.iter_markers("since_torch"):
            (needed,) = marker.args
            if torch_found < Version(needed):
                item.add_marker(pytest.mark.skip(reason=f"needs torch {needed}"))
    wanted = [item for item in items if item.get_closest_marker("gpu")]
    if not wanted:
        return
    import torch

    if torch.cuda.is_available():
        return
    for item in wanted:
        item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
