"""Cost of fusion in the report: from the store's profiles of sources with their present options."""

import csv
from pathlib import Path

import pytest

from fusebench.storage import cost_profiles
from fusebench.storage.store import Store
from reports import run
from tests.helpers.reports.synthetic_records import (
    finish_run,
    make_profile,
    make_runs,
    patch_plan,
    write_split,
)

SECONDS = {"average": 0.25, "mine": 4.0}


@pytest.fixture
def store_folder(tmp_path, monkeypatch):
    """A store with a finished detection task whose runs have training times."""
    store = Store(tmp_path / "runs")
    runs = make_runs("detection", write_split(tmp_path / "data"), tmp_path, fused=tuple(SECONDS))
    provenance = {"at": "2026-01-01T00:00:00+00:00", "device": "cpu", "versions": {}}
    for number, planned_run in enumerate(runs):
        training = {"training": {"seconds": 10.0 + number, "device": "cpu"}}
        scores = (0.5, 0.1 * number)
        finish_run(planned_run, store, scores, provenance=provenance | training)
    patch_plan(monkeypatch, runs)
    monkeypatch.chdir(tmp_path)
    return store.root


def write_report():
    """Write the report; return its page."""
    assert run.main([]) == 0
    return Path("report/index.html").read_text(encoding="utf-8")


def read_rows(name):
    with Path(f"report/tables/{name}.csv").open(newline="") as text:
        return list(csv.DictReader(text))


def test_without_a_profile_the_report_has_the_command_that_makes_one(store_folder):
    page = write_report()
    assert "Not profiled</strong>: average, mine." in page
    assert "<code>python -m fusion.profile</code>" in page
    assert not Path("report/tables/efficiency.csv").exists()
    assert not Path("report/figures/toy-detection-cost.svg").exists()


def test_costs_and_training_times_are_those_of_profiles_and_records(store_folder):
    for source, seconds in SECONDS.items():
        cost_profiles.write_profile(store_folder, make_profile(source, seconds))
    page = write_report()
    rows = {row["source"]: row for row in read_rows("efficiency")}
    assert {name: float(row["median_seconds"]) for name, row in rows.items()} == SECONDS
    assert rows["mine"]["macs"] == "2500000000"
    for text in ("1,234,567", "2.500", "0.250", "0.125 to 0.500", "3.0"):
        assert f"<td>{text}</td>" in page
    assert '<th scope="col" class="text">device</th>' in page
    assert page.count('<td class="text">64x48</td>') == 2
    assert page.count('<td class="text">toy-detection</td>') == 4
    assert "Not profiled" not in page
    assert Path("report/figures/toy-detection-cost.pdf").stat().st_size > 1000
    assert [float(row["seconds"]) for row in read_rows("training-times")] == [10, 11, 12, 13]
    assert "<td>12.0</td>" in page


def test_a_profile_with_other_options_is_not_shown(store_folder):
    other_options = make_profile("average", 0.5, options={"infrared_weight": 0.9})
    cost_profiles.write_profile(store_folder, other_options)
    cost_profiles.write_profile(store_folder, make_profile("mine", 0.5))
    page = write_report()
    assert [row["source"] for row in read_rows("efficiency")] == ["mine"]
    assert "python -m fusion.profile --source average</code>" in page


def test_a_new_profile_updates_the_report(store_folder):
    for seconds in (0.5, 0.75):
        cost_profiles.write_profile(store_folder, make_profile("mine", seconds))
        write_report()
    assert [row["median_seconds"] for row in read_rows("efficiency")] == ["0.75"]
