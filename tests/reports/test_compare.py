"""Comparison of two stores: what is shown, and the tests of the differences."""

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
from tests.helpers.reports.synthetic_records import METRIC_SPECS, PROTOCOL, PROVENANCE, make_record

KEYS = tuple(f"{i:02}" for i in range(12))
EN = Column(title="EN", mean_title="EN", unit="bit")
IOU = Column(title="IoU", mean_title="mIoU")
CLASS_NAMES = ("person", "car")


def write_record(root, source, scores, **changes):
    """Write a finished record; return its folder."""
    record = make_record(source, "method", 0, scores).model_copy(update=changes)
    spec = {"at": record.provenance["at"], "number": len(list(root.glob("*/*")))}
    label = f"toy-{source}-{spec['at']}-{spec['number']}".replace(":", "")
    return Store(root).get_or_create(record.kind, label, spec, record.write).path


def write_images(folder, sequence_length=2):
    """Write the image index of a record."""
    rows = [f"{key},drive-{i // sequence_length}," for i, key in enumerate(KEYS)]
    (folder / "images.csv").write_text("\n".join(["key,sequence,condition", *rows]) + "\n")


def write_quality(root, entropies):
    """Write a record of a fusion metric with one score per image."""
    mean = sum(entropies) / len(entropies)
    fields = {"columns": {"EN": EN}, "values": {"EN": mean}, "by_class": {}}
    folder = write_record(root, "mine", (0.5, 0.5), kind="quality", **fields)
    rows = [f"{key},,{entropy}" for key, entropy in zip(KEYS, entropies, strict=True)]
    (folder / "per_image.csv").write_text("\n".join(["key,flags,EN", *rows]) + "\n")
    write_images(folder)


def write_segmentation(root, true_positives, seed=0):
    """Write a segmentation record of two classes with 10 true pixels each per image.

    ``true_positives`` of them per image are predicted right, the others as the other class.
    Returns the confusion matrices.
    """
    counts = np.zeros((len(KEYS), 3, 3), np.int64)
    counts[:, 1, 1] = counts[:, 2, 2] = true_positives
    counts[:, 1, 2] = counts[:, 2, 1] = 10 - np.array(true_positives)
    total = sum(true_positives)
    iou = total / (240 - total)
    fields = {
        "columns": {"IoU": IOU},
        "values": {"IoU": iou},
        "by_class": {name: {"IoU": iou} for name in CLASS_NAMES},
        "kind": "segmentation",
        "task": "roads",
        "seed": seed,
        "classes": ("unlabelled", *CLASS_NAMES),
        "spec": {"metrics": METRIC_SPECS["segmentation"]},
    }
    folder = write_record(root, "mine", (iou, iou), **fields)
    write_images(folder, sequence_length=1)
    np.savez(folder / "confusion.npz", keys=np.array(KEYS), counts=counts)
    rows = [
        f"{key},{name},10,10,{count}"
        for key, count in zip(KEYS, true_positives, strict=True)
        for name in CLASS_NAMES
    ]
    header = "key,class,truth,predicted,true_positives"
    (folder / "per_image.csv").write_text("\n".join([header, *rows]))
    return counts


@pytest.fixture
def stores(tmp_path):
    return tmp_path / "old", tmp_path / "new"


def run_compare(stores, capsys, *flags):
    """Run the command on both stores; return its output."""
    assert compare.main([*map(str, stores), *flags]) == 0
    return capsys.readouterr().out


def split_lines(text):
    """Split every line of a text into words."""
    return [line.split() for line in text.splitlines()]


def join_lines(text):
    return " ".join(text.split())


def test_equal_stores_have_no_differences(stores, capsys):
    for store in stores:
        write_record(store, "mine", (0.5, 0.25))
    assert run_compare(stores, capsys) == (
        "Runs in both stores: 1\n\ntoy-detection\n  no difference\n"
    )


def test_only_differing_scores_are_shown_with_their_difference(stores, capsys):
    write_record(stores[0], "mine", (0.5, 0.25))
    write_record(stores[1], "mine", (0.5, 0.375), protocol=PROTOCOL | {"model": "large"})
    write_record(stores[0], "gone", (0.1, 0.1))
    write_record(stores[1], "fresh", (0.1, 0.1))
    lines = split_lines(run_compare(stores, capsys))
    assert ["mine", "seed", "0", "car", "ap50", "25.00", "37.50", "+12.50"] in lines
    assert ["mine", "seed", "0", "mean", "ap50", "37.50", "43.75", "+6.25"] in lines
    assert ["model:", "tiny", "|", "large"] in lines
    assert not [line for line in lines if "person" in line]
    only_in_a = lines.index(["Only", "in", "A", "(1):"])
    assert lines.index(["toy-detection:", "gone", "seed", "0"]) > only_in_a
    assert ["toy-detection:", "fresh", "seed", "0"] in lines


def test_means_by_other_conventions_are_compared_too(stores, capsys):
    for store, mean in zip(stores, (0.25, 0.5), strict=True):
        conventions = {"four classes": {"ap50": mean}}
        write_record(store, "mine", (0.5, 0.25), by_convention=conventions)
    lines = split_lines(run_compare(stores, capsys))
    assert ["mine", "seed", "0", "four", "classes", "ap50", "25.00", "50.00", "+25.00"] in lines
    file = stores[0].parent / "differences.csv"
    run_compare(stores, capsys, "--to", str(file))
    (row,) = csv.DictReader(file.read_text().splitlines())
    assert (row["level"], row["class"]) == ("convention", "four classes")
    assert float(row["difference"]) == 0.25


def test_a_fusion_metric_is_tested_by_sequence(stores, capsys):
    write_quality(stores[0], [6.0] * 12)
    write_quality(stores[1], [6.0, 7.0] * 6)
    text = join_lines(run_compare(stores, capsys))
    # all sequences have the same mean difference
    assert "mine, EN: B - A +0.5000 on 12 images in 6 sequences" in text
    assert "95 % interval +0.5000 to +0.5000: a difference is shown" in text


def resample_iou(counts):
    """IoU of the first class on the report's resamples of single images."""
    weights = bootstrap.resample_units([f"drive-{i}" for i in range(12)]).image_weights
    total = (weights @ counts.reshape(12, 9)).reshape(-1, 3, 3)
    return total[:, 1, 1] / (total[:, 1].sum(axis=1) + total[:, :, 1].sum(axis=1) - total[:, 1, 1])


def test_iou_is_tested_as_in_the_report(stores, capsys):
    counts_a = write_segmentation(stores[0], [5, 4, 6, 5, 7, 3, 5, 6, 4, 5, 6, 4])
    counts_b = write_segmentation(stores[1], [7, 7, 8, 6, 9, 5, 8, 7, 6, 8, 8, 5])
    text = join_lines(run_compare(stores, capsys))
    difference = 84 / (240 - 84) - 60 / (240 - 60)
    # images of one size: the bootstrap variance is (n - 1) / n of the right one, n - 1 = 11
    variance = (resample_iou(counts_b) - resample_iou(counts_a)).var(ddof=1) * 12 / 11
    margin = stats.t.ppf(0.975, 11) * math.sqrt(variance)
    low, high = 100 * (difference - margin), 100 * (difference + margin)
    assert 2 * stats.t.sf(difference / math.sqrt(variance), 11) < 0.001
    amount = f"B - A +{100 * difference:.2f} points, [+{low:.2f}, +{high:.2f}]"
    assert f"mine, mIoU: {amount}" in text
    assert "p <0.001, adjusted <0.001: a difference is shown" in text
    assert text.count("a difference is shown") == 3  # the mean, person, car


def test_a_difference_that_chance_explains_is_not_shown(stores, capsys):
    write_segmentation(stores[0], [5, 4, 6, 5, 7, 3, 5, 6, 4, 5, 6, 4])
    write_segmentation(stores[1], [6, 3, 6, 5, 8, 3, 4, 6, 4, 6, 6, 4])
    text = join_lines(run_compare(stores, capsys))
    assert text.count("no difference shown") == 3
    assert "a difference is shown" not in text


def test_stored_bootstrap_scores_are_reused(stores, capsys, monkeypatch):
    for store, gain in zip(stores, (0, 2), strict=True):
        write_segmentation(store, [5 + gain, 4 + gain] * 6)
    computed = run_compare(stores, capsys)
    for store in stores:
        (folder,) = (store / "segmentation").iterdir()
        record = records.read_record(folder / "record.json")
        scores = ap_iou_changes._load_or_compute_bootstrap(StoredRun(record, folder))
        Store(store).get_or_create(
            bootstrap_cache.STORE_KIND,
            folder.name.rpartition("-")[0],
            bootstrap_cache.build_spec(record.spec),
            lambda to, scores=scores: bootstrap_scores.write_bootstrap_scores(to, scores),
        )
    monkeypatch.setattr(bootstrap_scoring, "compute_bootstrap_scores", None)
    assert run_compare(stores, capsys) == computed


def test_scores_without_saved_counts_are_not_tested(stores, capsys):
    write_record(stores[0], "mine", (0.5, 0.2))
    write_record(stores[1], "mine", (0.6, 0.2))
    assert "no saved matches or counts in A and B, not tested" in run_compare(stores, capsys)


def test_scores_on_different_test_images_are_not_tested(stores, capsys):
    write_record(stores[0], "mine", (0.5, 0.2))
    write_record(stores[1], "mine", (0.6, 0.2), protocol=PROTOCOL | {"split hash": "other"})
    assert "different test images in A and B, not tested" in run_compare(stores, capsys)


def test_the_latest_record_of_a_run_counts(stores, capsys):
    later = PROVENANCE | {"at": "2026-02-01T00:00:00+00:00"}
    write_record(stores[0], "mine", (0.5, 0.2))
    write_record(stores[0], "mine", (0.6, 0.2), provenance=later)
    write_record(stores[1], "mine", (0.6, 0.2))
    text = run_compare(stores, capsys)
    assert "(older records of the same runs, ignored: 1)" in text
    assert text.endswith("toy-detection\n  no difference\n")


def test_the_csv_file_has_every_score_that_differs(stores, capsys, tmp_path):
    write_record(stores[0], "mine", (0.5, None))
    write_record(stores[1], "mine", (0.75, 0.25))
    run_compare(stores, capsys, "--to", str(tmp_path / "d.csv"))
    with (tmp_path / "d.csv").open() as file:
        rows = {row["class"]: row for row in csv.DictReader(file)}
    assert float(rows["person"]["difference"]) == 0.25
    assert (rows["car"]["A"], rows["car"]["B"], rows["car"]["difference"]) == ("", "0.25", "")


def read_tests(stores, capsys, file):
    """Run the command; return the rows of the CSV file that are tests by class, and its output."""
    text = join_lines(run_compare(stores, capsys, "--to", str(file)))
    with file.open() as lines:
        rows = list(csv.DictReader(lines))
    assert all(row[end] == "" for row in rows if not row["test"] for end in ("low", "high", "p"))
    return {row["class"]: row for row in rows if row["test"]}, text


def test_the_csv_file_has_the_interval_of_every_tested_difference(stores, capsys, tmp_path):
    for seed in (0, 1):
        write_segmentation(stores[0], [5, 4, 6, 5, 7, 3, 5, 6, 4, 5, 6, 4], seed)
        write_segmentation(stores[1], [7, 7, 8, 6, 9, 5, 8, 7, 6, 8, 8, 5], seed)
    rows, text = read_tests(stores, capsys, tmp_path / "d.csv")
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


def test_the_csv_file_has_the_interval_of_a_fusion_metric(stores, capsys, tmp_path):
    write_quality(stores[0], [6.0] * 12)
    write_quality(stores[1], [6.0, 7.0] * 5 + [6.0, 6.5])
    rows, _ = read_tests(stores, capsys, tmp_path / "d.csv")
    # mean differences of the six sequences: 1/2 five times, 1/4 once
    interval = stats.t.interval(0.95, 5, 5.5 / 12, stats.sem([0.5] * 5 + [0.25]))
    assert [float(rows["mean"][end]) for end in ("low", "high")] == pytest.approx(interval)
    assert (rows["mean"]["test"], rows["mean"]["p Holm"]) == ("t by sequence", "")
    assert float(rows["mean"]["B"]) == pytest.approx(6 + 5.5 / 12)


def test_the_csv_file_has_no_interval_without_a_test(stores, capsys, tmp_path):
    write_record(stores[0], "mine", (0.5, 0.2))
    write_record(stores[1], "mine", (0.6, 0.2), protocol=PROTOCOL | {"split hash": "other"})
    rows, _ = read_tests(stores, capsys, tmp_path / "d.csv")
    assert rows == {}


def test_a_folder_without_records_is_named(stores, capsys, tmp_path):
    write_record(stores[0], "mine", (0.5, 0.2))
    assert compare.main([str(stores[0]), str(tmp_path / "nothing")]) == 2
    assert "nothing: no such folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert compare.main([str(stores[0]), str(tmp_path / "empty")]) == 2
    assert "no finished records" in capsys.readouterr().err
    assert compare.main([*map(str, (stores[0], stores[0])), "--task", "other"]) == 2
    assert "no finished records of other" in capsys.readouterr().err


def test_a_file_in_place_of_a_store_is_refused(stores, capsys, tmp_path):
    write_record(stores[0], "mine", (0.5, 0.2))
    (tmp_path / "file").write_text("")
    assert compare.main([str(tmp_path / "file"), str(stores[0])]) == 2
    assert "file: is a file; name a folder" in capsys.readouterr().err


def test_an_output_file_that_cannot_be_written_is_refused_before_the_work(stores, capsys, tmp_path):
    for store in stores:
        write_record(store, "mine", (0.5, 0.2))
    for file, reason in ((tmp_path, "is a folder"), (tmp_path / "no/d.csv", "no such folder")):
        assert compare.main([*map(str, stores), "--to", str(file)]) == 2
        output = capsys.readouterr()
        assert f"--to {file}: {reason}" in output.err
        assert output.out == ""


def test_a_damaged_file_is_named(stores, capsys):
    for store in stores:
        write_quality(store, [6.0] * 12)
    file = next(stores[1].glob("*/*/per_image.csv"))
    file.write_text("key,flags,EN\n00,,x\n")
    assert compare.main([*map(str, stores)]) == 2
    assert f"{file}: cannot be read" in capsys.readouterr().err


def test_the_test_of_single_images_is_students_paired_t_test():
    first = [0.1, 0.5, 0.3, 0.9, 0.2, 0.4, 0.8, 0.6, 0.0, 1.0, 0.7, 0.3]
    second = [0.2, 0.4, 0.5, 0.9, 0.3, 0.6, 0.7, 0.9, 0.1, 1.0, 0.8, 0.2]
    difference = paired_mean_test.compare_means(
        dict(zip(KEYS, first, strict=True)), dict(zip(KEYS, second, strict=True)), {}
    )
    expected = stats.ttest_rel(second, first)
    assert difference.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    interval = expected.confidence_interval(0.95)
    assert difference.interval == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_duplicated_images_in_a_sequence_do_not_narrow_the_interval():
    values = [0.1, 0.3, -0.2, 0.4, 0.2, 0.0]
    single = {str(i): value for i, value in enumerate(values)}
    double = {f"{i}{copy}": value for i, value in enumerate(values) for copy in "ab"}
    sequences = {f"{i}{copy}": str(i) for i in range(6) for copy in "ab"}
    expected = paired_mean_test.compare_means(dict.fromkeys(single, 0.0), single, {})
    difference = paired_mean_test.compare_means(dict.fromkeys(double, 0.0), double, sequences)
    assert difference.interval == pytest.approx(expected.interval)
    assert (difference.image_count, difference.group_count) == (12, 6)


def test_few_sequences_have_no_interval():
    values = {"a": 0.1, "b": 0.2, "c": 0.4, "d": 0.3}
    difference = paired_mean_test.compare_means(dict.fromkeys(values, 0.0), values, {})
    assert difference.mean_difference == pytest.approx(0.25)
    assert difference.interval is None
    assert paired_mean_test.compare_means({}, values, {}) is None
