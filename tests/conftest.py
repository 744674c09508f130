"""Tests marked `gpu` run where there is a CUDA device, and are skipped elsewhere."""

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
