"""The options of the fault tests, and the processes in which the programs run."""

import pytest

from tests.faults.injection.programs import ForkServer


@pytest.fixture
def fault_seconds(request):
    """Seconds for which a test may inject further faults."""
    return request.config.getoption("--fault-seconds")


@pytest.fixture
def fault_seed(request):
    """Random seed of the injected faults."""
    return request.config.getoption("--fault-seed")


@pytest.fixture(scope="session")
def light_server():
    """Server for runs that train nothing."""
    server = ForkServer(heavy=False)
    yield server
    server.close()


@pytest.fixture(scope="session")
def heavy_server():
    """Server for runs that train: torch, ultralytics and mmseg are imported."""
    server = ForkServer(heavy=True)
    yield server
    server.close()
