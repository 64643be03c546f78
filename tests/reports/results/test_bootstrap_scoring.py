"""Bootstrap scores of saved results against scoring the repeated images."""

import numpy as np
import pytest

from detection import coco_matching
from detection.metrics import log_average_miss_rate
from fusebench.datasets.fmb import CLASSES as FMB
from fusebench.errors import UserError
from fusebench.evaluation import bootstrap
from fusebench.evaluation.counts import write_counts
from fusebench.storage import image_index
from fusebench.storage.records import Column, Scores
from reports.results import bootstrap_scores, bootstrap_scoring
from reports.results.bootstrap_scores import ScoreKey
from segmentation.metrics import boundary_iou
from tests.helpers.metric_scores import measure
from tests.helpers.random_boxes import (
    CLASSES,
    compute_pycocotools_ap,
    make_random_boxes,
    repeat_images,
)
from tests.helpers.reports import synthetic_records

SEQUENCES = ("a", "a", "b", "c", "d", "e", "f")
CONDITIONS = ("day", "day", "night", "night", "day", "day", "night")
KEYS = tuple("0123456")
COLUMN = Column(title="x", mean_title="x")


def write_folder(path, keys):
    """Make a record's folder with the index of its images."""
    path.mkdir()
    rows = [",".join(row) for row in zip(keys, SEQUENCES, CONDITIONS, strict=True)]
    (path / "images.csv").write_text("\n".join(["key,sequence,condition", *rows]) + "\n")
    return path


def make_record(kind, metrics, classes, **changes):
    fields = {
        "kind": kind,
        "columns": dict.fromkeys(metrics, COLUMN),
        "by_class": {name: {} for name in classes},
        "by_condition": dict.fromkeys(("day", "night"), Scores(values={})),
    }
    record = synthetic_records.make_record("mine", "method", 0, (0.5, 0.5))
    return record.model_copy(update=fields | changes)


def write_detection(path):
    """Write a detection record's matches; return truth, predictions, folder and record."""
    truth, predicted = make_random_boxes(7)
    folder = write_folder(path, sorted(truth))
    counts = coco_matching.match_images(truth, predicted, CLASSES)
    write_counts(folder / "matches.npz", counts)
    spec = synthetic_records.METRIC_SPECS["detection"]
    record = make_record(
        "detection", ("AP50", "AP"), CLASSES, spec={"metrics": spec, "without": ["a"]}
    )
    return truth, predicted, folder, record


def draw_image_counts(resample_count):
    """How often each resample has each image, int64 (R, I)."""
    return bootstrap.resample_units(SEQUENCES, resample_count).image_weights.astype(int)


def sum_matrices(image_counts, matrices):
    return sum(n * matrix for n, matrix in zip(image_counts, matrices, strict=True))


def test_detection_scores_are_those_of_pycocotools_on_the_repeated_images(tmp_path):
    truth, predicted, folder, record = write_detection(tmp_path / "x")
    result = bootstrap_scoring.compute_bootstrap_scores(record, folder, CLASSES, 3)
    is_night = np.array([condition == "night" for condition in CONDITIONS])
    for r, image_counts in enumerate(draw_image_counts(3)):
        for condition, counts in ((None, image_counts), ("night", image_counts * is_night)):
            expected = compute_pycocotools_ap(
                repeat_images(truth, counts), repeat_images(predicted, counts)
            )[..., 0, 0]
            for i, name in enumerate(CLASSES):
                for metric, score in (("AP50", expected[0, i]), ("AP", expected[:, i].mean())):
                    np.testing.assert_allclose(
                        result.scores[ScoreKey(condition, name, metric)][r], score, atol=1e-12
                    )
            for name, by_class in ((None, expected[0]), ("without a", expected[0, 1:])):
                mean = by_class[np.isfinite(by_class)].mean()
                score = result.scores[ScoreKey(condition, name, "AP50")][r]
                assert score == pytest.approx(mean)


def test_unit_shares_are_those_of_the_sequences_in_the_true_boxes(tmp_path):
    truth, _, folder, record = write_detection(tmp_path / "x")
    result = bootstrap_scoring.compute_bootstrap_scores(record, folder, CLASSES, 3)
    counts = np.array([np.sum(truth[key].class_ids == 0) for key in sorted(truth)])
    by_sequence = [counts[np.array(SEQUENCES) == name].sum() for name in sorted(set(SEQUENCES))]
    expected = np.array(by_sequence) / counts.sum()
    np.testing.assert_allclose(result.unit_shares[None, "a"], expected)
    assert (result.image_count, result.unit_count) == (7, 6)
    assert (result.is_clustered, result.sequence_count) == (True, 6)


def test_ap_by_size_is_scored_on_all_images_only(tmp_path):
    truth, predicted, folder, record = write_detection(tmp_path / "x")
    result = bootstrap_scoring.compute_bootstrap_scores(record, folder, CLASSES, 3)
    for r, counts in enumerate(draw_image_counts(3)):
        expected = compute_pycocotools_ap(
            repeat_images(truth, counts), repeat_images(predicted, counts)
        )
        for size, area in (("small", 1), ("large", 3)):
            by_class = expected[..., area, 0].mean(axis=0)
            for i, name in enumerate(CLASSES):
                score = result.scores[ScoreKey(None, name, f"AP_{size}")][r]
                np.testing.assert_allclose(score, by_class[i], atol=1e-12)
    assert ScoreKey("night", "a", "AP50") in result.scores
    assert ScoreKey("night", "a", "AP_small") not in result.scores


def test_the_miss_rate_is_that_of_the_repeated_images(tmp_path):
    truth, predicted, folder, record = write_detection(tmp_path / "x")
    spec = {"log_average_miss_rate": {"version": log_average_miss_rate.VERSION, "options": {}}}
    record = record.model_copy(update={"spec": {"metrics": spec}})
    result = bootstrap_scoring.compute_bootstrap_scores(record, folder, CLASSES, 3)
    is_night = np.array([condition == "night" for condition in CONDITIONS])
    for r, image_counts in enumerate(draw_image_counts(3)):
        for condition, counts in ((None, image_counts), ("night", image_counts * is_night)):
            expected = measure(
                log_average_miss_rate,
                repeat_images(truth, counts),
                repeat_images(predicted, counts),
                CLASSES,
            )
            for name, scores in expected.by_class.items():
                value = np.nan if scores["LAMR"] is None else scores["LAMR"]
                score = result.scores[ScoreKey(condition, name, "LAMR")][r]
                assert score == pytest.approx(value, abs=1e-12, nan_ok=True)


ROAD, CAR = FMB.index("road"), FMB.index("car")


@pytest.mark.parametrize("unlabeled", ["counted", "ignored"])
def test_segmentation_scores_are_those_of_the_summed_confusion_matrices(tmp_path, unlabeled):
    folder = write_folder(tmp_path / "x", KEYS)
    matrices = np.zeros((7, 15, 15), np.int64)
    matrices[:, :2, :2] = np.random.default_rng(0).integers(0, 50, (7, 2, 2))
    matrices[0, CAR, [0, ROAD, CAR]] = (1, 2, 3)  # cars in one image only
    np.savez(folder / "confusion.npz", keys=np.array(KEYS), counts=matrices)
    options = {"absent": "zero", "unlabeled": unlabeled, "classes": "all14"}
    spec = {"metrics": {"iou": {"version": 1, "options": options}}}
    record = make_record("segmentation", ("IoU", "accuracy"), FMB[1:], spec=spec)
    result = bootstrap_scoring.compute_bootstrap_scores(record, folder, FMB, 20)
    for r, image_counts in enumerate(draw_image_counts(20)):
        total = sum_matrices(image_counts, matrices)
        total[0] = 0 if unlabeled == "ignored" else total[0]
        union = total[ROAD].sum() + total[:, ROAD].sum() - total[ROAD, ROAD]
        road = total[ROAD, ROAD] / union
        assert result.scores[ScoreKey(None, "road", "IoU")][r] == pytest.approx(road)
        car = result.scores[ScoreKey(None, "car", "IoU")][r]
        if image_counts[0] == 0:
            assert np.isnan(car)
        # absent classes count as 0 in the mean over 14 classes
        mean = result.scores[ScoreKey(None, None, "IoU")][r]
        assert mean == pytest.approx((road + np.nan_to_num(car)) / 14)
        accuracy = total[ROAD, ROAD] / total[ROAD].sum()
        assert result.scores[ScoreKey(None, "road", "accuracy")][r] == pytest.approx(accuracy)


def test_boundary_iou_is_that_of_the_summed_pixels_near_boundaries(tmp_path):
    folder = write_folder(tmp_path / "x", KEYS)
    matrices = np.zeros((7, 30, 30), np.int64)
    places = [0, 1, 15, 16]  # unlabeled and road, near boundaries and inside
    matrices[np.ix_(range(7), places, places)] = np.random.default_rng(1).integers(1, 50, (7, 4, 4))
    for name, counts in (("confusion", matrices[:, :15, :15]), ("boundary", matrices)):
        np.savez(folder / f"{name}.npz", keys=np.array(KEYS), counts=counts)
    options = {"unlabeled": "ignored", "classes": "all14"}
    spec = {"metrics": {"boundary_iou": {"version": 1, "options": options}}}
    record = make_record("segmentation", (boundary_iou.COLUMN_NAME,), FMB[1:], spec=spec)
    result = bootstrap_scoring.compute_bootstrap_scores(record, folder, FMB, 4)
    for r, image_counts in enumerate(draw_image_counts(4)):
        total = sum_matrices(image_counts, matrices)
        total[[0, 15]] = 0  # unlabeled, near boundaries and inside
        union = total[1].sum() + total[:, 1].sum() - total[1, 1]
        score = result.scores[ScoreKey(None, "road", boundary_iou.COLUMN_NAME)][r]
        assert score == pytest.approx(total[1, 1] / union)


def test_a_metric_that_is_added_has_bootstrap_scores_without_further_work(tmp_path):
    folder = write_folder(tmp_path / "x", KEYS)
    matrices = np.random.default_rng(0).integers(1, 50, (7, 2, 2))
    np.savez(folder / "confusion.npz", keys=np.array(KEYS), counts=matrices)
    spec = {"metrics": {"tests.helpers.dice_metric": {"version": 1, "options": {}}}}
    record = make_record("segmentation", ("dice",), ("road", "car"), spec=spec)
    result = bootstrap_scoring.compute_bootstrap_scores(record, folder, ("road", "car"), 4)
    for r, image_counts in enumerate(draw_image_counts(4)):
        total = sum_matrices(image_counts, matrices)
        dice = [2 * total[c, c] / (total[c].sum() + total[:, c].sum()) for c in (0, 1)]
        assert result.scores[ScoreKey(None, "car", "dice")][r] == pytest.approx(dice[1])
        assert result.scores[ScoreKey(None, None, "dice")][r] == pytest.approx(np.mean(dice))


def test_a_record_of_another_version_of_its_metric_is_not_rescored(tmp_path):
    *_, folder, record = write_detection(tmp_path / "x")
    spec = {"metrics": {"average_precision": {"version": 1, "options": {}}}}
    older = record.model_copy(update={"spec": spec})
    with pytest.raises(UserError, match=r"version 1 of metric average_precision, which is version"):
        bootstrap_scoring.compute_bootstrap_scores(older, folder, CLASSES)


def test_bootstrap_scores_are_read_as_they_were_written(tmp_path):
    *_, folder, record = write_detection(tmp_path / "x")
    written = bootstrap_scoring.compute_bootstrap_scores(record, folder, CLASSES, 5)
    bootstrap_scores.write_bootstrap_scores(tmp_path, written)
    read = bootstrap_scores.read_bootstrap_scores(tmp_path)
    assert list(read.scores) == list(written.scores)
    for key, scores in written.scores.items():
        np.testing.assert_allclose(read.scores[key], scores, atol=1e-7)
    assert read.sequence_count == written.sequence_count


def test_a_record_without_saved_matches_has_no_bootstrap_scores(tmp_path):
    *_, folder, record = write_detection(tmp_path / "x")
    (folder / "matches.npz").unlink()
    assert bootstrap_scoring.compute_bootstrap_scores(record, folder, CLASSES) is None
    assert not bootstrap_scoring.has_bootstrap_inputs(record, folder)


def test_files_with_different_images_are_refused(tmp_path):
    *_, folder, record = write_detection(tmp_path / "x")
    lines = (folder / image_index.FILE_NAME).read_text().splitlines()
    (folder / image_index.FILE_NAME).write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(UserError, match=r"matches.npz: has 7 images, images.csv beside it 6"):
        bootstrap_scoring.compute_bootstrap_scores(record, folder, CLASSES)
