"""Toy backbones, built once, and one narrow silence."""

from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)

# diffusers 0.42 hands tensors to np.array, which numpy 2 wants to tell `copy` to.
NUMPY = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(NUMPY))
