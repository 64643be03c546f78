"""Scores as flat JSON: names that MLflow and TensorBoard take, and the numbers of the records."""

import json
import posixpath
import re

import pytest

from fusebench.export import metrics

ROW = {
    "task": "masks",
    "kind": "segmentation",
    "dataset": "fmb",
    "source": "ir",
    "source_kind": "infrared",
    "seed": 0,
    "spec": "12345678",
    "level": "class",
    "condition": "all",
    "class": "car",
    "metric": "IoU",
    "score": 0.5,
    "unit": "",
    "better": "higher",
}


def is_legal_in_mlflow(name):
    """The rules of mlflow.utils.validation, restated."""
    return (
        re.fullmatch(r"[/\w.\- :]+", name)
        and len(name) <= 250
        and posixpath.normpath(name) == name
        and not name.startswith((".", "/"))
    )


def read_files(folder):
    return [
        json.loads((folder / f"{name}.json").read_text())
        for name in ("metrics", "names", "undefined")
    ]


def test_the_numbers_are_those_of_the_records(export):
    numbers, names, undefined = read_files(export("metrics", "--task", "scored"))
    assert numbers["scored/ir/no-seed/mean/mean/AP"] == 1
    assert numbers["scored/ir/no-seed/class/Car/AP50"] == 1
    assert 0 < numbers["scored/vis/no-seed/mean/mean/AP"] < 1
    assert "scored/ir/no-seed/class/Bus/AP" in undefined  # there is none in the images
    assert set(names) == {*numbers, *undefined}
    assert names["scored/vis/no-seed/mean/mean/AP"]["source"] == "vis"


def test_every_name_is_legal_and_no_name_is_the_folder_of_another(export):
    _, names, _ = read_files(export("metrics"))
    assert len({name.split("/")[0] for name in names}) == 2  # scored and masks
    for name in names:
        assert is_legal_in_mlflow(name), name
        assert re.fullmatch(r"[\w./-]+", name, re.ASCII), name
        assert not any(other.startswith(f"{name}/") for other in names)


def test_tensorboard_shows_every_name(export, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    numbers, _, _ = read_files(export("metrics"))
    writer = SummaryWriter(str(tmp_path / "events"))
    for name, value in numbers.items():
        writer.add_scalar(name, value, 0)
    writer.close()
    events = EventAccumulator(str(tmp_path / "events"), size_guidance={"scalars": 0})
    events.Reload()
    assert set(events.Tags()["scalars"]) == set(numbers)
    for name, value in numbers.items():
        assert events.Scalars(name)[0].value == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    "value", ["..", ".", "a//b", "/a", "a:b", "é", "ä b", "a\\b", "100%", " ", "x" * 80, "a&b"]
)
@pytest.mark.parametrize("column", ["task", "source", "class", "metric", "condition"])
def test_names_of_users_become_legal_and_stay_different(column, value):
    level = "class in condition" if column == "condition" else "class"
    rows = [{**ROW, "level": level, column: name} for name in (value, f"{value}'")]
    files = metrics.build_files(rows)
    assert len(files["metrics.json"]) == 2
    assert all(is_legal_in_mlflow(name) for name in files["metrics.json"])
    assert [row[column] for row in files["names.json"].values()] == [value, f"{value}'"]


def test_very_long_names_are_cut_and_stay_different():
    long = {name: name[0] * 80 for name in ("task", "source", "class", "metric")}
    rows = [{**ROW, **long, "metric": f"{'m' * 79}{i}"} for i in range(2)]
    names = metrics.build_files(rows)["metrics.json"]
    assert len(names) == 2
    assert all(is_legal_in_mlflow(name) for name in names)


def test_names_that_differ_in_a_space_stay_different():
    rows = [{**ROW, "class": name} for name in ("traffic light", "traffic_light")]
    assert len(metrics.build_files(rows)["metrics.json"]) == 2


def test_records_of_one_source_with_other_settings_are_told_apart():
    rows = [{**ROW, "spec": spec, "score": score} for spec, score in (("aaaa", 0.1), ("bbbb", 0.2))]
    assert metrics.build_files(rows)["metrics.json"] == {
        "masks/ir-aaaa/seed0/class/car/IoU": 0.1,
        "masks/ir-bbbb/seed0/class/car/IoU": 0.2,
    }


def test_scores_of_a_condition_are_not_those_of_all_images():
    night = {**ROW, "level": "mean in condition", "condition": "night", "class": "mean"}
    rows = [{**ROW, "level": "mean", "class": "mean"}, {**night, "score": 0.25}]
    assert metrics.build_files(rows)["metrics.json"] == {
        "masks/ir/seed0/mean/mean/IoU": 0.5,
        "masks/ir/seed0/mean_in_night/mean/IoU": 0.25,
    }


def test_undefined_scores_are_listed_and_left_out():
    files = metrics.build_files([{**ROW, "score": None}])
    assert files["metrics.json"] == {}
    assert files["undefined.json"] == ["masks/ir/seed0/class/car/IoU"]


def test_flags_select_records(export, capsys):
    numbers, _, _ = read_files(export("metrics", "--task", "scored", "--source", "vis"))
    assert {name.split("/")[1] for name in numbers} == {"vis"}
    numbers, _, _ = read_files(export("metrics", "--fmb", into="fmb"))
    assert {name.split("/")[0] for name in numbers} == {"masks"}
    export("metrics", "--task", "scord", into="none", status=2)
    assert "no finished record has the task 'scord'; did you mean" in capsys.readouterr().err
    export("metrics", "--split", "test", into="none", status=2)
    assert "--split does not affect --to metrics" in capsys.readouterr().err
