"""Resampled scores of saved results against scoring the repeated images."""

import numpy as np
import pytest

from detection import coco_matching
from fusebench.errors import UserError
from fusebench.evaluation import bootstrap, match_table
from fusebench.storage import image_index as listed
from fusebench.storage.records import Column, Scores
from reports.results import bootstrap_scores, bootstrap_scoring
from reports.results.bootstrap_scores import ScoreKey
from segmentation.metrics import boundary_iou
from tests.fusebench.evaluation.test_average_precision import (
    CLASSES,
    compute_pycocotools_ap,
    make_random_boxes,
    repeat_images,
)
from tests.helpers.synthetic_records import make_record as toy_record

GROUPS = ("a", "a", "b", "c", "d", "e", "f")
SCENES = ("day", "day", "night", "night", "day", "day", "night")
HEAD = Column(title="x", mean_title="x")


def folder(path, keys):
    path.mkdir()
    rows = [f"{k},{g},{s}" for k, g, s in zip(keys, GROUPS, SCENES, strict=True)]
    (path / "images.csv").write_text("\n".join(["key,sequence,condition", *rows]) + "\n")
    return path


def record(kind, metrics, classes, **changes):
    slices = dict.fromkeys(("day", "night"), Scores(values={}))
    fields = {
        "kind": kind,
        "columns": dict.fromkeys(metrics, HEAD),
        "by_class": {name: {} for name in classes},
        "by_condition": slices,
    }
    made = toy_record("mine", "method", 0, (0.5, 0.5))
    return made.model_copy(update=fields | changes)


def detection(path):
    truth, found = make_random_boxes(7)
    place = folder(path, sorted(truth))
    match_table.write_match_table(
        place / "matches.npz", coco_matching.build_match_table(truth, found, CLASSES)
    )
    without = {"without a": {}}
    return truth, found, place, record("detection", ("AP50", "AP"), CLASSES, subset_means=without)


def test_boxes_are_rescored_as_pycocotools_scores_the_repeated_images(tmp_path):
    truth, found, place, mine = detection(tmp_path / "x")
    got = bootstrap_scoring.compute_bootstrap_scores(mine, place, CLASSES, 3)
    weights = bootstrap.resample_units(GROUPS, 3).image_weights.astype(int)
    night = np.array([name == "night" for name in SCENES])
    for row, times in enumerate(weights):
        for scene, kept in ((None, times), ("night", times * night)):
            each = compute_pycocotools_ap(repeat_images(truth, kept), repeat_images(found, kept))[
                ..., 0, 0
            ]
            for i, name in enumerate(CLASSES):
                for metric, expected in (("AP50", each[0, i]), ("AP", each[:, i].mean())):
                    score = got.scores[ScoreKey(scene, name, metric)][row]
                    np.testing.assert_allclose(score, expected, atol=1e-12)
            known = each[0][np.isfinite(each[0])]
            assert got.scores[ScoreKey(scene, None, "AP50")][row] == pytest.approx(known.mean())
            known = each[0, 1:][np.isfinite(each[0, 1:])]
            assert got.scores[ScoreKey(scene, "without a", "AP50")][row] == pytest.approx(
                known.mean()
            )
    counts = np.array([np.sum(truth[key].classes == 0) for key in sorted(truth)])
    held = [counts[np.array(GROUPS) == group].sum() for group in sorted(set(GROUPS))]
    np.testing.assert_allclose(got.unit_shares[None, "a"], np.array(held) / counts.sum())
    assert (got.image_count, got.unit_count, got.is_clustered, got.sequence_count) == (
        7,
        6,
        True,
        6,
    )


def test_ap_by_size_is_rescored_on_all_images(tmp_path):
    truth, found, place, _ = detection(tmp_path / "x")
    got = bootstrap_scoring.compute_bootstrap_scores(
        record("detection", ("AP_small", "AP_large"), CLASSES), place, CLASSES, 3
    )
    for row, times in enumerate(bootstrap.resample_units(GROUPS, 3).image_weights.astype(int)):
        every = compute_pycocotools_ap(repeat_images(truth, times), repeat_images(found, times))
        for size, area in (("small", 1), ("large", 3)):
            each = every[..., area, 0].mean(axis=0)
            for i, name in enumerate(CLASSES):
                score = got.scores[ScoreKey(None, name, f"AP_{size}")][row]
                np.testing.assert_allclose(score, each[i], atol=1e-12)
    assert ScoreKey(None, "a", "AP_medium") not in got.scores
    assert ScoreKey("night", "a", "AP_small") not in got.scores


@pytest.mark.parametrize("unlabeled", ["counted", "ignored"])
def test_label_maps_are_rescored_from_the_summed_counts(tmp_path, unlabeled):
    classes = ("unlabelled", "road", "car")
    place = folder(tmp_path / "x", [f"{i}" for i in range(7)])
    counts = np.random.default_rng(0).integers(0, 50, (7, 3, 3))
    counts[:, 2, :] = counts[:, :, 2] = 0
    counts[0, 2] = (1, 2, 3)  # cars in one image only
    np.savez(place / "confusion.npz", keys=np.array(list("0123456")), counts=counts)
    options = {"absent": "zero", "unlabeled": unlabeled}
    spec = {"metrics": {"iou": {"options": options}}}
    mine = record("segmentation", ("IoU", "accuracy"), classes[1:], spec=spec)
    got = bootstrap_scoring.compute_bootstrap_scores(mine, place, classes, 20)
    for row, times in enumerate(bootstrap.resample_units(GROUPS, 20).image_weights.astype(int)):
        total = sum(n * c for n, c in zip(times, counts, strict=True))
        total[0] = 0 if unlabeled == "ignored" else total[0]
        road = total[1, 1] / (total[1].sum() + total[:, 1].sum() - total[1, 1])
        assert got.scores[ScoreKey(None, "road", "IoU")][row] == pytest.approx(road)
        car = got.scores[ScoreKey(None, "car", "IoU")][row]
        if times[0] == 0:
            assert np.isnan(car)
        # absent classes count as 0 in the mean
        whole = got.scores[ScoreKey(None, None, "IoU")][row]
        assert whole == pytest.approx((road + np.nan_to_num(car)) / 2)
        recall = total[1, 1] / total[1].sum()
        assert got.scores[ScoreKey(None, "road", "accuracy")][row] == pytest.approx(recall)


def test_boundary_iou_is_rescored_from_the_pixels_near_outlines(tmp_path):
    classes = ("unlabelled", "road")
    place = folder(tmp_path / "x", list("0123456"))
    counts = np.random.default_rng(1).integers(1, 50, (7, 4, 4))
    for name, of in (("confusion", counts[:, :2, :2]), ("boundary", counts)):
        np.savez(place / f"{name}.npz", keys=np.array(list("0123456")), counts=of)
    spec = {"metrics": {"boundary_iou": {"options": {"unlabeled": "ignored"}}}}
    mine = record("segmentation", (boundary_iou.COLUMN_NAME,), classes[1:], spec=spec)
    got = bootstrap_scoring.compute_bootstrap_scores(mine, place, classes, 4)
    for row, times in enumerate(bootstrap.resample_units(GROUPS, 4).image_weights.astype(int)):
        total = sum(n * c for n, c in zip(times, counts, strict=True))
        total[[0, 2]] = 0  # unlabeled near outlines, and inside
        union = total[1].sum() + total[:, 1].sum() - total[1, 1]
        score = got.scores[ScoreKey(None, None, boundary_iou.COLUMN_NAME)][row]
        assert score == pytest.approx(total[1, 1] / union)
    assert boundary_iou.COUNTS == bootstrap_scoring.BOUNDARY_FILE


def test_what_was_resampled_is_read_as_it_was_written(tmp_path):
    *_, place, mine = detection(tmp_path / "x")
    got = bootstrap_scoring.compute_bootstrap_scores(mine, place, CLASSES, 5)
    bootstrap_scores.write_bootstrap_scores(tmp_path, got)
    again = bootstrap_scores.read_bootstrap_scores(tmp_path)
    assert list(again.scores) == list(got.scores)
    for key, row in got.scores.items():
        np.testing.assert_allclose(again.scores[key], row, atol=1e-7)
    assert again.sequence_count == got.sequence_count


def test_a_record_without_saved_matches_has_nothing_to_resample(tmp_path):
    *_, place, mine = detection(tmp_path / "x")
    (place / "matches.npz").unlink()
    assert bootstrap_scoring.compute_bootstrap_scores(mine, place, CLASSES) is None
    assert not bootstrap_scoring.has_bootstrap_inputs(mine, place)


def test_files_that_do_not_fit_together_are_refused(tmp_path):
    *_, place, mine = detection(tmp_path / "x")
    lines = (place / listed.FILE_NAME).read_text().splitlines()
    (place / listed.FILE_NAME).write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(UserError, match=r"matches.npz: has 7 images, images.csv beside it 6"):
        bootstrap_scoring.compute_bootstrap_scores(mine, place, CLASSES)
