"""What fusing costs in the report: from profiles of a store, only of sources as they are now."""

import csv
from pathlib import Path

import pytest

from fusebench.storage import cost_profiles
from fusebench.storage.cost_profiles import CostProfile
from fusebench.storage.store import Store
from reports import run
from tests.helpers.synthetic_records import finish_run, make_runs, patch_plan, write_split

TIMES = {"average": 0.25, "mine": 4.0}


def make_profile(source, seconds, **changes):
    fields = {
        "source": source,
        "method": "average",
        "options": {},
        "width": 64,
        "height": 48,
        "device": "cpu",
        "runs": 3,
        "threads": 1,
        "parameters": 1_234_567,
        "macs": 2_500_000_000,
        "seconds": seconds,
        "least": seconds / 2,
        "most": seconds * 2,
        "memory": 3_000_000,
        "made": {"at": "2026-01-01T00:00:00+00:00", "versions": {}},
    }
    return CostProfile(**fields | changes)


@pytest.fixture
def house(tmp_path, monkeypatch):
    store = Store(tmp_path / "runs")
    every = make_runs("detection", write_split(tmp_path / "d"), tmp_path, fused=tuple(TIMES))
    made = {"at": "2026-01-01T00:00:00+00:00", "device": "cpu", "versions": {}}
    for number, cell in enumerate(every):
        training = {"seconds": 10.0 + number, "device": "cpu"}
        finish_run(cell, store, (0.5, 0.1 * number), provenance=made | {"training": training})
    patch_plan(monkeypatch, every)
    monkeypatch.chdir(tmp_path)
    return store.root


def made():
    assert run.main([]) == 0
    return Path("report/index.html").read_text(encoding="utf-8")


def rows(name):
    with Path(f"report/tables/{name}.csv").open(newline="") as text:
        return list(csv.DictReader(text))


def test_without_a_profile_the_report_says_how_to_make_one(house):
    page = made()
    assert "Not measured</strong>: average, mine." in page
    assert "<code>python -m fusion.profile</code>" in page
    assert not Path("report/tables/efficiency.csv").exists()
    assert not Path("report/figures/toy-detection-cost.svg").exists()


def test_costs_are_those_of_the_profiles(house):
    for source, seconds in TIMES.items():
        cost_profiles.write_profile(house, make_profile(source, seconds))
    page = made()
    shown = {row["source"]: row for row in rows("efficiency")}
    assert {name: float(row["seconds"]) for name, row in shown.items()} == TIMES
    assert shown["mine"]["macs"] == "2500000000"
    for text in ("1,234,567", "2.500", "0.250", "0.125 to 0.500", "3.0"):
        assert f"<td>{text}</td>" in page
    assert '<th scope="col" class="text">on</th>' in page
    assert page.count('<td class="text">64x48</td>') == 2
    assert page.count('<td class="text">toy-detection</td>') == 4
    assert "<td>0.250</td>" in page
    assert "Not measured" not in page
    assert Path("report/figures/toy-detection-cost.pdf").stat().st_size > 1000
    assert [float(row["seconds"]) for row in rows("trainings")] == [10, 11, 12, 13]
    assert "<td>12.0</td>" in page


def test_a_profile_of_other_options_is_not_shown(house):
    cost_profiles.write_profile(
        house, make_profile("average", 0.5, options={"infrared_weight": 0.9})
    )
    cost_profiles.write_profile(house, make_profile("mine", 0.5))
    page = made()
    assert [row["source"] for row in rows("efficiency")] == ["mine"]
    assert "python -m fusion.profile --source average</code>" in page


def test_a_new_profile_makes_a_new_report(house):
    cost_profiles.write_profile(house, make_profile("mine", 0.5))
    made()
    cost_profiles.write_profile(house, make_profile("mine", 0.75))
    made()
    assert [row["seconds"] for row in rows("efficiency")] == ["0.75"]
