"""Fixtures that several files share."""

import pytest


@pytest.fixture
def one_thread():
    """Another number of threads adds up in another order."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
