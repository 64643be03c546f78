import csv
import math

import numpy as np
import pytest
from scipy import stats

from fusebench.evaluation import bootstrap
from fusebench.storage import records
from fusebench.storage.records import Column
from fusebench.storage.store import Store
from reports import compare
from reports.results import bootstrap_cache, bootstrap_scores, bootstrap_scoring
from reports.run_comparison import ap_iou_changes, paired_mean_test
from reports.run_comparison.matched_records import StoredRun
from tests.helpers.synthetic_records import PROTOCOL, PROVENANCE, make_record

KEYS = tuple(f"{i:02}" for i in range(12))
EN = Column(title="EN", mean_title="EN", unit="bit")
IOU = Column(title="IoU", mean_title="mIoU")
NAMES = ("person", "car")


def put(root, source, scores, **changes):
    """A finished record; returns its folder."""
    made = make_record(source, "method", 0, scores).model_copy(update=changes)
    stamp = f"{made.provenance['at']}-{len(list(root.glob('*/*')))}".replace(":", "")
    folder = root / made.kind / f"toy-{source}-{stamp}"
    folder.mkdir(parents=True)
    made.write(folder)
    return folder


def listed(folder, size=2):
    """The images of a record, ``size`` to a sequence."""
    rows = [f"{key},drive-{i // size}," for i, key in enumerate(KEYS)]
    (folder / "images.csv").write_text("\n".join(["key,sequence,condition", *rows]) + "\n")


def measured(root, entropies, **changes):
    """A record of a fusion metric with one number per image."""
    mean = sum(entropies) / len(entropies)
    facts = {"columns": {"EN": EN}, "values": {"EN": mean}, "by_class": {}}
    folder = put(root, "mine", (0.5, 0.5), kind="quality", **facts, **changes)
    lines = [f"{key},,{n}" for key, n in zip(KEYS, entropies, strict=True)]
    (folder / "per_image.csv").write_text("\n".join(["key,flags,EN", *lines]) + "\n")
    listed(folder)


def counted(root, hits, seed=0, task="roads"):
    """A segmentation record of two classes; ``hits`` of 10 pixels of each class per image."""
    counts = np.zeros((len(KEYS), 3, 3), np.int64)
    counts[:, 1, 1] = counts[:, 2, 2] = hits
    counts[:, 1, 2] = counts[:, 2, 1] = 10 - np.array(hits)
    total = sum(hits)
    iou = total / (240 - total)
    scores = {"columns": {"IoU": IOU}, "values": {"IoU": iou}}
    scores |= {"by_class": {name: {"IoU": iou} for name in ("person", "car")}}
    folder = put(root, "mine", (iou, iou), kind="segmentation", task=task, seed=seed, **scores)
    listed(folder, 1)
    np.savez(folder / "confusion.npz", keys=np.array(KEYS), counts=counts)
    lines = [f"{key},{name},10,10,{n}" for key, n in zip(KEYS, hits, strict=True) for name in NAMES]
    (folder / "per_image.csv").write_text(
        "\n".join(["key,class,truth,predicted,true_positives", *lines])
    )
    return counts


@pytest.fixture
def stores(tmp_path):
    return tmp_path / "old", tmp_path / "new"


def said(stores, capsys, *flags):
    assert compare.main([*map(str, stores), *flags]) == 0
    return capsys.readouterr().out


def test_equal_stores_have_nothing_to_show(stores, capsys):
    for store in stores:
        put(store, "mine", (0.5, 0.25))
    assert said(stores, capsys) == ("Runs in both stores: 1\n\ntoy-detection\n  nothing differs\n")


def test_only_what_differs_is_shown_with_its_difference(stores, capsys):
    put(stores[0], "mine", (0.5, 0.25))
    put(stores[1], "mine", (0.5, 0.375), protocol=PROTOCOL | {"model": "large"})
    put(stores[0], "gone", (0.1, 0.1))
    put(stores[1], "fresh", (0.1, 0.1))
    lines = [line.split() for line in said(stores, capsys).splitlines()]
    assert ["mine", "seed", "0", "car", "ap50", "25.00", "37.50", "+12.50"] in lines
    assert ["mine", "seed", "0", "mean", "ap50", "37.50", "43.75", "+6.25"] in lines
    assert ["model:", "tiny", "|", "large"] in lines
    assert not [line for line in lines if "person" in line]
    assert lines.index(["toy-detection:", "gone", "seed", "0"]) > lines.index(
        ["Only", "in", "A", "(1):"]
    )
    assert ["toy-detection:", "fresh", "seed", "0"] in lines


def test_means_as_others_take_them_are_compared_too(stores, capsys):
    for store, mean in zip(stores, (0.25, 0.5), strict=True):
        put(store, "mine", (0.5, 0.25), by_convention={"four classes": {"ap50": mean}})
    lines = [line.split() for line in said(stores, capsys).splitlines()]
    assert ["mine", "seed", "0", "four", "classes", "ap50", "25.00", "50.00", "+25.00"] in lines
    file = stores[0].parent / "differences.csv"
    said(stores, capsys, "--to", str(file))
    (only,) = csv.DictReader(file.read_text().splitlines())
    assert (only["level"], only["class"]) == ("convention", "four classes")
    assert float(only["difference"]) == 0.25


def test_the_difference_per_image_is_tested_by_sequence(stores, capsys):
    measured(stores[0], [6.0] * 12)
    measured(stores[1], [6.0, 7.0] * 6)
    text = " ".join(said(stores, capsys).split())
    assert "mine, EN: B - A +0.5000 on 12 images in 6 groups" in text  # all sequences gain alike
    assert "95 % interval +0.5000 to +0.5000: a difference is shown" in text


def resampled(counts):
    """IoU of the first class on the report's draws of single images."""
    weights = bootstrap.resample_units([f"drive-{i}" for i in range(12)]).image_weights
    total = (weights @ counts.reshape(12, 9)).reshape(-1, 3, 3)
    return total[:, 1, 1] / (total[:, 1].sum(axis=1) + total[:, :, 1].sum(axis=1) - total[:, 1, 1])


def test_iou_is_tested_as_in_the_report(stores, capsys):
    one = counted(stores[0], [5, 4, 6, 5, 7, 3, 5, 6, 4, 5, 6, 4])
    two = counted(stores[1], [7, 7, 8, 6, 9, 5, 8, 7, 6, 8, 8, 5])
    text = " ".join(said(stores, capsys).split())
    gap = 84 / (240 - 84) - 60 / (240 - 60)
    # images of one size: the bootstrap variance is (n - 1) / n of the right one, n - 1 = 11
    error = math.sqrt((resampled(two) - resampled(one)).var(ddof=1) * 12 / 11)
    ends = [100 * (gap + sign * stats.t.ppf(0.975, 11) * error) for sign in (-1, 1)]
    p = 2 * stats.t.sf(gap / error, 11)
    assert p < 0.001
    assert f"mine, mIoU: B - A +{100 * gap:.2f} points, [+{ends[0]:.2f}, +{ends[1]:.2f}]" in text
    assert "p <0.001, adjusted <0.001: a difference is shown" in text
    assert text.count("a difference is shown") == 3  # the mean, person, car


def test_a_difference_that_chance_can_make_is_not_shown(stores, capsys):
    counted(stores[0], [5, 4, 6, 5, 7, 3, 5, 6, 4, 5, 6, 4])
    counted(stores[1], [6, 3, 6, 5, 8, 3, 4, 6, 4, 6, 6, 4])
    text = " ".join(said(stores, capsys).split())
    assert text.count("no difference shown") == 3
    assert "a difference is shown" not in text


def test_resamples_that_the_report_kept_are_taken(stores, capsys, monkeypatch):
    for store, more in zip(stores, (0, 2), strict=True):
        counted(store, [5 + more, 4 + more] * 6)
    fresh = said(stores, capsys)
    for store in stores:
        (folder,) = (store / "segmentation").iterdir()
        found = ap_iou_changes._load_or_compute_bootstrap(
            StoredRun(records.read_record(folder / "record.json"), folder)
        )
        spec = bootstrap_cache.build_spec({})
        label = folder.name.rpartition("-")[0]
        Store(store).get_or_create(
            bootstrap_cache.STORE_KIND,
            label,
            spec,
            lambda to, of=found: bootstrap_scores.write_bootstrap_scores(to, of),
        )
    monkeypatch.setattr(bootstrap_scoring, "compute_bootstrap_scores", None)
    assert said(stores, capsys) == fresh


def test_scores_without_saved_counts_are_not_tested(stores, capsys):
    put(stores[0], "mine", (0.5, 0.2))
    put(stores[1], "mine", (0.6, 0.2))
    assert "no saved matches or counts in A and B, not tested" in said(stores, capsys)


def test_other_test_images_are_not_paired(stores, capsys):
    put(stores[0], "mine", (0.5, 0.2))
    put(stores[1], "mine", (0.6, 0.2), protocol=PROTOCOL | {"split hash": "other"})
    assert "other test images in A and B, not tested" in said(stores, capsys)


def test_the_latest_record_of_a_run_counts(stores, capsys):
    put(stores[0], "mine", (0.5, 0.2))
    put(stores[0], "mine", (0.6, 0.2), provenance=PROVENANCE | {"at": "2026-02-01T00:00:00+00:00"})
    put(stores[1], "mine", (0.6, 0.2))
    text = said(stores, capsys)
    assert "(older records of the same runs, left out: 1)" in text
    assert "nothing differs" in text


def test_the_table_has_every_number_that_differs(stores, capsys, tmp_path):
    put(stores[0], "mine", (0.5, None))
    put(stores[1], "mine", (0.75, 0.25))
    said(stores, capsys, "--to", str(tmp_path / "d.csv"))
    with (tmp_path / "d.csv").open() as file:
        rows = {row["class"]: row for row in csv.DictReader(file)}
    assert float(rows["person"]["difference"]) == 0.25
    assert (rows["car"]["A"], rows["car"]["B"], rows["car"]["difference"]) == ("", "0.25", "")


def worth(stores, capsys, file):
    """The rows of the table that are tests, by class, and what the terminal says."""
    text = " ".join(said(stores, capsys, "--to", str(file)).split())
    with file.open() as lines:
        rows = list(csv.DictReader(lines))
    assert all(row[end] == "" for row in rows if not row["test"] for end in ("low", "high", "p"))
    return {row["class"]: row for row in rows if row["test"]}, text


def test_the_table_has_the_interval_of_every_tested_difference(stores, capsys, tmp_path):
    for seed in (0, 1):
        counted(stores[0], [5, 4, 6, 5, 7, 3, 5, 6, 4, 5, 6, 4], seed)
        counted(stores[1], [7, 7, 8, 6, 9, 5, 8, 7, 6, 8, 8, 5], seed)
    rows, text = worth(stores, capsys, tmp_path / "d.csv")
    assert list(rows) == ["mean", "person", "car"]
    mean = rows["mean"]
    assert (mean["level"], mean["seed"], mean["test"]) == ("mean", "", "bootstrap and seeds")
    assert float(mean["A"]) == pytest.approx(60 / (240 - 60))
    assert float(mean["difference"]) == pytest.approx(84 / (240 - 84) - 60 / (240 - 60))
    low, high = float(mean["low"]), float(mean["high"])
    assert f"[+{100 * low:.2f}, +{100 * high:.2f}], p <0.001, adjusted <0.001" in text
    assert (low + high) / 2 == pytest.approx(float(mean["difference"]))
    assert float(mean["p"]) < float(mean["p Holm"]) < 0.001
    assert mean["verdict"] == "a difference is shown"


def test_the_table_has_the_interval_of_a_fusion_metric(stores, capsys, tmp_path):
    measured(stores[0], [6.0] * 12)
    measured(stores[1], [6.0, 7.0] * 5 + [6.0, 6.5])
    rows, _ = worth(stores, capsys, tmp_path / "d.csv")
    # half of the differences of the six sequences: 1/2 five times, 1/4 once
    ends = stats.t.interval(0.95, 5, 5.5 / 12, stats.sem([0.5] * 5 + [0.25]))
    assert [float(rows["mean"][end]) for end in ("low", "high")] == pytest.approx(ends)
    assert (rows["mean"]["test"], rows["mean"]["p Holm"]) == ("t by sequence", "")
    assert float(rows["mean"]["B"]) == pytest.approx(6 + 5.5 / 12)


def test_the_table_has_no_interval_where_nothing_is_tested(stores, capsys, tmp_path):
    put(stores[0], "mine", (0.5, 0.2))
    put(stores[1], "mine", (0.6, 0.2), protocol=PROTOCOL | {"split hash": "other"})
    rows, _ = worth(stores, capsys, tmp_path / "d.csv")
    assert rows == {}


def test_a_folder_without_records_is_named(stores, capsys, tmp_path):
    put(stores[0], "mine", (0.5, 0.2))
    assert compare.main([str(stores[0]), str(tmp_path / "nothing")]) == 2
    assert "nothing: no such folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert compare.main([str(stores[0]), str(tmp_path / "empty")]) == 2
    assert "no finished records" in capsys.readouterr().err
    assert compare.main([*map(str, (stores[0], stores[0])), "--task", "other"]) == 2
    assert "no finished records of other" in capsys.readouterr().err


def test_a_file_is_no_store(stores, capsys, tmp_path):
    put(stores[0], "mine", (0.5, 0.2))
    (tmp_path / "file").write_text("")
    assert compare.main([str(tmp_path / "file"), str(stores[0])]) == 2
    assert "file: is a file; name a folder" in capsys.readouterr().err


def test_a_place_that_the_table_cannot_have_is_refused_before_the_work(stores, capsys, tmp_path):
    for store in stores:
        put(store, "mine", (0.5, 0.2))
    for place, why in ((tmp_path, "is a folder"), (tmp_path / "no/d.csv", "there is no folder")):
        assert compare.main([*map(str, stores), "--to", str(place)]) == 2
        said = capsys.readouterr()
        assert f"--to {place}: {why}" in said.err
        assert said.out == ""


def test_a_damaged_file_is_named(stores, capsys):
    for store in stores:
        measured(store, [6.0] * 12)
    file = next(stores[1].glob("*/*/per_image.csv"))
    file.write_text("key,flags,EN\n00,,x\n")
    assert compare.main([*map(str, stores)]) == 2
    assert f"{file}: cannot be read" in capsys.readouterr().err


def test_single_images_are_tested_as_students_test_does():
    first = dict(
        zip(KEYS, [0.1, 0.5, 0.3, 0.9, 0.2, 0.4, 0.8, 0.6, 0.0, 1.0, 0.7, 0.3], strict=True)
    )
    second = dict(
        zip(KEYS, [0.2, 0.4, 0.5, 0.9, 0.3, 0.6, 0.7, 0.9, 0.1, 1.0, 0.8, 0.2], strict=True)
    )
    found = paired_mean_test.compare_means(first, second, {})
    other = stats.ttest_rel(list(second.values()), list(first.values()))
    assert found.p_value == pytest.approx(other.pvalue, rel=1e-9)
    ends = other.confidence_interval(0.95)
    assert found.interval == pytest.approx((ends.low, ends.high), rel=1e-9)


def test_images_of_one_sequence_count_as_little_as_they_are_worth():
    # every image doubled within its group: the same interval as without the doubles
    gaps = [0.1, 0.3, -0.2, 0.4, 0.2, 0.0]
    single = {str(i): gap for i, gap in enumerate(gaps)}
    double = {f"{i}{c}": gap for i, gap in enumerate(gaps) for c in "ab"}
    groups = {f"{i}{c}": str(i) for i in range(6) for c in "ab"}
    one = paired_mean_test.compare_means(dict.fromkeys(single, 0.0), single, {})
    two = paired_mean_test.compare_means(dict.fromkeys(double, 0.0), double, groups)
    assert two.interval == pytest.approx(one.interval)
    assert (two.image_count, two.group_count) == (12, 6)


def test_few_sequences_have_no_interval():
    values = {"a": 0.1, "b": 0.2, "c": 0.4, "d": 0.3}
    found = paired_mean_test.compare_means(dict.fromkeys(values, 0.0), values, {})
    assert found.mean_difference == pytest.approx(0.25)
    assert found.interval is None
    assert paired_mean_test.compare_means({}, values, {}) is None
