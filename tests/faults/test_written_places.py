"""Nothing is written outside of the folders that the user names."""

import pytest

from tests.faults.injection.programs import Faults

pytestmark = pytest.mark.slow


def test_a_run_writes_nothing_into_home_and_temporary_folders(untrained_study, tmp_path):
    places = {"HOME": "home", "TMPDIR": "temporary", "XDG_CACHE_HOME": "cache"}
    for name in places.values():
        (tmp_path / name).mkdir()
    folder = tmp_path / "study"
    untrained_study.write_inputs(folder)
    inputs = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    environment = {variable: str(tmp_path / name) for variable, name in places.items()}
    outcome = untrained_study.run(folder, faults=Faults(environment=environment))
    assert outcome.status == 0, outcome.stderr
    # matplotlib lists the fonts once; nothing else is started, and nothing is connected to
    assert [event for event in outcome.forbidden if "('fc-list', [" not in event] == []
    assert not [path for name in places.values() for path in (tmp_path / name).iterdir()]
    assert {path: path.stat().st_mtime_ns for path in inputs} == inputs
    inputs_and_outputs = "data theirs maps boxes.json tasks.yaml runs report .report.lock"
    assert {path.name for path in folder.iterdir()} == set(inputs_and_outputs.split())
