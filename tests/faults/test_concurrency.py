"""Two and three processes on one store end with the results of one process."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.injection import stored_contents, tiny_study
from tests.faults.injection.programs import ForkServer

pytestmark = pytest.mark.slow

ARGUMENTS = ("--tasks", "tasks.yaml", "--device", "cpu")


def read_results(folder):
    return {
        **stored_contents.hash_results(folder / "runs"),
        **stored_contents.hash_tables(folder / "report"),
    }


@pytest.fixture(scope="module")
def servers():
    servers = [ForkServer(heavy=False) for _ in range(3)]
    yield servers
    for server in servers:
        server.close()


@pytest.mark.parametrize("count", [2, 3])
def test_processes_share_a_store(servers, tmp_path, count):
    for name in ("alone", "together"):
        tiny_study.write_untrained_study(tmp_path / name)
    assert servers[0].run("fusebench", ARGUMENTS, tmp_path / "alone").status == 0

    def run_beside_the_others(number):
        # The same task file and data from a working folder of its own, one store for all.
        shared = tmp_path / "together"
        arguments = ("--tasks", shared / "tasks.yaml", "--data", shared / "data")
        outputs = ("--out", shared / "runs", "--to", shared / "report")
        folder = tmp_path / f"process-{number}"
        return servers[number].run("fusebench", (*arguments, *outputs, "--device", "cpu"), folder)

    with ThreadPoolExecutor(count) as pool:
        outcomes = list(pool.map(run_beside_the_others, range(count)))
    for outcome in outcomes:
        assert outcome.status == 0, outcome.stderr
    expected, actual = (read_results(tmp_path / name) for name in ("alone", "together"))
    assert not stored_contents.list_differences(expected, actual)
    assert not stored_contents.list_leftovers(tmp_path / "together")
