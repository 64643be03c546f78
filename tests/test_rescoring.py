"""Resampled scores of saved results against scoring the repeated images."""

import numpy as np
import pytest
from report_toys import record as toy_record
from test_average_precision import CLASSES, drawn, reference, repeated

from bench import evidence as listed
from bench import matches
from bench.errors import BenchError
from bench.records import Column, Slice
from detection import coco
from reports.records import evidence, rescoring
from reports.records.evidence import Quantity
from reports.significance import resampling
from segmentation.metrics import boundary_iou

GROUPS = ("a", "a", "b", "c", "d", "e", "f")
SCENES = ("day", "day", "night", "night", "day", "day", "night")
HEAD = Column(title="x", mean="x")


def folder(path, keys):
    path.mkdir()
    rows = [f"{k},{g},{s}" for k, g, s in zip(keys, GROUPS, SCENES, strict=True)]
    (path / "images.csv").write_text("\n".join(["key,group,scene", *rows]) + "\n")
    return path


def record(kind, metrics, classes, **changes):
    slices = dict.fromkeys(("day", "night"), Slice(values={}))
    fields = {
        "kind": kind,
        "columns": dict.fromkeys(metrics, HEAD),
        "by_class": {name: {} for name in classes},
        "by_scene": slices,
    }
    made = toy_record("mine", "method", 0, (0.5, 0.5))
    return made.model_copy(update=fields | changes)


def detection(path):
    truth, found = drawn(7)
    place = folder(path, sorted(truth))
    matches.write(place / "matches.npz", coco.match(truth, found, CLASSES))
    without = {"without a": {}}
    return truth, found, place, record("detection", ("AP50", "AP"), CLASSES, other_means=without)


def test_boxes_are_rescored_as_pycocotools_scores_the_repeated_images(tmp_path):
    truth, found, place, mine = detection(tmp_path / "x")
    got = rescoring.of(mine, place, CLASSES, 3)
    weights = resampling.draw(GROUPS, 3).weights.astype(int)
    night = np.array([name == "night" for name in SCENES])
    for row, times in enumerate(weights):
        for scene, kept in ((None, times), ("night", times * night)):
            each = reference(repeated(truth, kept), repeated(found, kept))[..., 0, 0]
            for i, name in enumerate(CLASSES):
                for metric, expected in (("AP50", each[0, i]), ("AP", each[:, i].mean())):
                    score = got.scores[Quantity(scene, name, metric)][row]
                    np.testing.assert_allclose(score, expected, atol=1e-12)
            known = each[0][np.isfinite(each[0])]
            assert got.scores[Quantity(scene, None, "AP50")][row] == pytest.approx(known.mean())
            known = each[0, 1:][np.isfinite(each[0, 1:])]
            assert got.scores[Quantity(scene, "without a", "AP50")][row] == pytest.approx(
                known.mean()
            )
    counts = np.array([np.sum(truth[key].classes == 0) for key in sorted(truth)])
    held = [counts[np.array(GROUPS) == group].sum() for group in sorted(set(GROUPS))]
    np.testing.assert_allclose(got.shares[None, "a"], np.array(held) / counts.sum())
    assert (got.images, got.units, got.grouped, got.sequences) == (7, 6, True, 6)


def test_ap_by_size_is_rescored_on_all_images(tmp_path):
    truth, found, place, _ = detection(tmp_path / "x")
    got = rescoring.of(record("detection", ("AP_small", "AP_large"), CLASSES), place, CLASSES, 3)
    for row, times in enumerate(resampling.draw(GROUPS, 3).weights.astype(int)):
        every = reference(repeated(truth, times), repeated(found, times))
        for size, area in (("small", 1), ("large", 3)):
            each = every[..., area, 0].mean(axis=0)
            for i, name in enumerate(CLASSES):
                score = got.scores[Quantity(None, name, f"AP_{size}")][row]
                np.testing.assert_allclose(score, each[i], atol=1e-12)
    assert Quantity(None, "a", "AP_medium") not in got.scores
    assert Quantity("night", "a", "AP_small") not in got.scores


@pytest.mark.parametrize("unlabelled", ["counted", "ignored"])
def test_label_maps_are_rescored_from_the_summed_counts(tmp_path, unlabelled):
    classes = ("unlabelled", "road", "car")
    place = folder(tmp_path / "x", [f"{i}" for i in range(7)])
    counts = np.random.default_rng(0).integers(0, 50, (7, 3, 3))
    counts[:, 2, :] = counts[:, :, 2] = 0
    counts[0, 2] = (1, 2, 3)  # cars in one image only
    np.savez(place / "confusion.npz", keys=np.array(list("0123456")), counts=counts)
    options = {"absent": "zero", "unlabelled": unlabelled}
    spec = {"metrics": {"iou": {"options": options}}}
    mine = record("segmentation", ("IoU", "accuracy"), classes[1:], spec=spec)
    got = rescoring.of(mine, place, classes, 20)
    for row, times in enumerate(resampling.draw(GROUPS, 20).weights.astype(int)):
        total = sum(n * c for n, c in zip(times, counts, strict=True))
        total[0] = 0 if unlabelled == "ignored" else total[0]
        road = total[1, 1] / (total[1].sum() + total[:, 1].sum() - total[1, 1])
        assert got.scores[Quantity(None, "road", "IoU")][row] == pytest.approx(road)
        car = got.scores[Quantity(None, "car", "IoU")][row]
        if times[0] == 0:
            assert np.isnan(car)
        # absent classes count as 0 in the mean
        whole = got.scores[Quantity(None, None, "IoU")][row]
        assert whole == pytest.approx((road + np.nan_to_num(car)) / 2)
        recall = total[1, 1] / total[1].sum()
        assert got.scores[Quantity(None, "road", "accuracy")][row] == pytest.approx(recall)


def test_boundary_iou_is_rescored_from_the_pixels_near_outlines(tmp_path):
    classes = ("unlabelled", "road")
    place = folder(tmp_path / "x", list("0123456"))
    counts = np.random.default_rng(1).integers(1, 50, (7, 4, 4))
    for name, of in (("confusion", counts[:, :2, :2]), ("boundary", counts)):
        np.savez(place / f"{name}.npz", keys=np.array(list("0123456")), counts=of)
    spec = {"metrics": {"boundary_iou": {"options": {"unlabelled": "ignored"}}}}
    mine = record("segmentation", (boundary_iou.NAME,), classes[1:], spec=spec)
    got = rescoring.of(mine, place, classes, 4)
    for row, times in enumerate(resampling.draw(GROUPS, 4).weights.astype(int)):
        total = sum(n * c for n, c in zip(times, counts, strict=True))
        total[[0, 2]] = 0  # unlabelled near outlines, and inside
        union = total[1].sum() + total[:, 1].sum() - total[1, 1]
        score = got.scores[Quantity(None, None, boundary_iou.NAME)][row]
        assert score == pytest.approx(total[1, 1] / union)
    assert boundary_iou.COUNTS == rescoring.BOUNDARY


def test_what_was_resampled_is_read_as_it_was_written(tmp_path):
    *_, place, mine = detection(tmp_path / "x")
    got = rescoring.of(mine, place, CLASSES, 5)
    evidence.write(tmp_path, got)
    again = evidence.read(tmp_path)
    assert list(again.scores) == list(got.scores)
    for key, row in got.scores.items():
        np.testing.assert_allclose(again.scores[key], row, atol=1e-7)
    assert again.sequences == got.sequences


def test_a_record_without_saved_matches_has_nothing_to_resample(tmp_path):
    *_, place, mine = detection(tmp_path / "x")
    (place / "matches.npz").unlink()
    assert rescoring.of(mine, place, CLASSES) is None
    assert not rescoring.able(mine, place)


def test_files_that_do_not_fit_together_are_refused(tmp_path):
    *_, place, mine = detection(tmp_path / "x")
    lines = (place / listed.NAME).read_text().splitlines()
    (place / listed.NAME).write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(BenchError, match=r"matches.npz: has 7 images, images.csv beside it 6"):
        rescoring.of(mine, place, CLASSES)
