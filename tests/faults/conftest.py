"""The options of the fault tests, and the processes in which the programs run."""

import pytest

from tests.faults.injection import tiny_study
from tests.faults.injection.finished_study import run_undisturbed
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


@pytest.fixture(scope="session")
def untrained_study(light_server, tmp_path_factory):
    """The study in which nothing is trained, finished."""
    folder = tmp_path_factory.mktemp("untrained") / "undisturbed"
    return run_undisturbed(light_server, tiny_study.write_untrained_study, folder)


@pytest.fixture(scope="session")
def trained_study(heavy_server, tmp_path_factory):
    """The study with trainings, finished."""
    folder = tmp_path_factory.mktemp("trained") / "undisturbed"
    return run_undisturbed(heavy_server, tiny_study.write_trained_study, folder)
