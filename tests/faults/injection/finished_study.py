"""A study that ran undisturbed: what a run with injected faults has to end with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.injection import stored_contents
from tests.faults.injection.programs import Faults, ForkServer, Outcome

ARGUMENTS = ("--tasks", "tasks.yaml", "--device", "cpu")


@dataclass(frozen=True)
class FinishedStudy:
    """A study and its results.

    Attributes:
        server: Runs it.
        write_inputs: Writes its task file and data into a folder.
        folder: Where it ran undisturbed.
        outcome: How that run ended.
        results: Hashes of its results and tables, by path.
    """

    server: ForkServer
    write_inputs: Callable[[Path], None]
    folder: Path
    outcome: Outcome
    results: dict[str, str]

    def run(self, folder: Path, *arguments: object, faults: Faults | None = None) -> Outcome:
        """Run all stages in a folder with the study's inputs."""
        return self.server.run("fusebench", (*ARGUMENTS, *arguments), folder, faults)

    def check_results(self, folder: Path) -> None:
        """Check that a folder has the results of the undisturbed run, and nothing unfinished."""
        results = read_results(folder)
        differences = stored_contents.list_differences(self.results, results)
        assert not differences, differences
        leftovers = stored_contents.list_leftovers(folder)
        assert not leftovers, leftovers


def read_results(folder: Path) -> dict[str, str]:
    """Hash the results and the tables of the report in a folder, by path."""
    return {
        **stored_contents.hash_results(folder / "runs"),
        **stored_contents.hash_tables(folder / "report"),
    }


def run_undisturbed(
    server: ForkServer, write_inputs: Callable[[Path], None], folder: Path
) -> FinishedStudy:
    """Run a study in a folder that does not exist yet."""
    write_inputs(folder)
    outcome = server.run("fusebench", ARGUMENTS, folder)
    assert outcome.status == 0, outcome.stderr
    results = read_results(folder)
    assert any(path.endswith("record.json") for path in results)
    return FinishedStudy(server, write_inputs, folder, outcome, results)
