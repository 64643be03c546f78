"""Two and three processes on one store end with the results of one process."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.injection.programs import ForkServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def servers():
    servers = [ForkServer(heavy=False) for _ in range(3)]
    yield servers
    for server in servers:
        server.close()


@pytest.mark.parametrize("count", [2, 3])
def test_processes_share_a_store(untrained_study, servers, tmp_path, count):
    shared = tmp_path / "together"
    untrained_study.write_inputs(shared)

    def run_beside_the_others(number):
        # The same task file and data from a working folder of its own, one store for all.
        arguments = ("--tasks", shared / "tasks.yaml", "--data", shared / "data")
        outputs = ("--out", shared / "runs", "--to", shared / "report")
        folder = tmp_path / f"process-{number}"
        return servers[number].run("fusebench", (*arguments, *outputs, "--device", "cpu"), folder)

    with ThreadPoolExecutor(count) as pool:
        outcomes = list(pool.map(run_beside_the_others, range(count)))
    for outcome in outcomes:
        assert outcome.status == 0, outcome.stderr
    untrained_study.check_results(shared)
