"""Confusion matrices, class sets and the scores computed from them."""

import numpy as np
import pytest

from fusebench.errors import UserError
from fusebench.evaluation import confusion
from segmentation.class_sets import CLASS_SETS, FMB, build_class_set
from segmentation.metrics import iou
from tests.helpers.metric_scores import score_sum

RNG = np.random.default_rng(0)
TRUTH = np.array([[0, 0, 1], [1, 2, 2]], np.uint8)
PREDICTED = np.array([[0, 1, 1], [1, 1, 2]], np.uint8)
THREE = ("road", "sky", "car")


def random_label_maps(classes, count=5, noise=0.3):
    """Random true label maps, and predictions with a share ``noise`` of random pixels."""
    for _ in range(count):
        truth = RNG.integers(0, classes, (20, 30), dtype=np.uint8)
        random = RNG.integers(0, classes, truth.shape, dtype=np.uint8)
        yield truth, np.where(RNG.random(truth.shape) < noise, random, truth)


def fmb_counts(**rows):
    """15 x 15 counts: ``road={"sky": 3}`` is three road pixels predicted as sky."""
    counts = np.zeros((15, 15), np.int64)
    for truth, predicted in rows.items():
        for name, pixels in predicted.items():
            counts[FMB.index(truth), FMB.index(name)] = pixels
    return counts


def test_rows_of_the_confusion_matrix_are_the_truth():
    counts = confusion.compute_confusion_matrix(TRUTH, PREDICTED, 3)
    np.testing.assert_array_equal(counts, [[1, 1, 0], [0, 2, 0], [0, 1, 1]])


def test_scores_of_six_pixels_by_hand():
    counts = confusion.compute_confusion_matrix(TRUTH, PREDICTED, 3)
    assert confusion.intersection_over_union(counts).tolist() == [1 / 2, 2 / 4, 1 / 2]
    assert confusion.recall(counts).tolist() == [1 / 2, 2 / 2, 1 / 2]
    assert confusion.precision(counts).tolist() == [1 / 1, 2 / 4, 1 / 1]


def test_iou_is_intersection_over_union_of_the_two_masks():
    for truth, predicted in random_label_maps(4):
        counts = confusion.compute_confusion_matrix(truth, predicted, 4)
        scores = confusion.intersection_over_union(counts)
        for c in range(4):
            intersection, union = (truth == c) & (predicted == c), (truth == c) | (predicted == c)
            assert scores[c] == intersection.sum() / union.sum()


def test_pixels_of_255_are_ignored():
    truth = TRUTH.copy()
    truth[0] = 255
    np.testing.assert_array_equal(
        confusion.compute_confusion_matrix(truth, PREDICTED, 3), [[0, 0, 0], [0, 1, 0], [0, 1, 1]]
    )


def test_counting_refuses_other_shapes_and_unknown_ids():
    with pytest.raises(ValueError, match="truth is"):
        confusion.compute_confusion_matrix(TRUTH, PREDICTED[:1], 3)
    with pytest.raises(ValueError, match="class id 2 with only 2"):
        confusion.compute_confusion_matrix(TRUTH, PREDICTED, 2)


def test_means_agree_with_mmseg_on_noise_with_an_absent_class(tmp_path):
    """Class 4 is absent: mmseg's means leave it out too."""
    from segmentation.models.segformer import network

    label_maps = list(random_label_maps(4))
    with network.redirect_library_output(tmp_path / "log.txt"):
        import torch
        from mmseg.evaluation import IoUMetric

        metric = IoUMetric(iou_metrics=["mIoU", "mFscore"])
        metric.dataset_meta = {"classes": list("abcde")}
        for truth, predicted in label_maps:
            sample = {
                name: {"data": torch.from_numpy(labels.astype(np.int64))}
                for name, labels in (("gt_sem_seg", truth), ("pred_sem_seg", predicted))
            }
            metric.process({}, [sample])
        expected = metric.compute_metrics(metric.results)
    counts = sum(
        confusion.compute_confusion_matrix(truth, predicted, 5) for truth, predicted in label_maps
    )
    scores = score_sum(iou, counts, tuple("abcde"), iou.Options())
    assert scores.by_class["e"] == {"IoU": None, "accuracy": None, "precision": None}
    assert round(100 * scores.values["IoU"], 2) == expected["mIoU"]
    assert round(100 * scores.values["accuracy"], 2) == expected["mAcc"]
    assert round(100 * scores.values["precision"], 2) == expected["mPrecision"]


def test_an_absent_class_is_left_out_of_the_mean_or_enters_it_as_zero():
    counts = fmb_counts(road={"road": 10}, sky={"sky": 10})
    skip = score_sum(iou, counts, FMB, iou.Options(classes="dmfuse8"))
    zero = score_sum(iou, counts, FMB, iou.Options(classes="dmfuse8", absent="zero"))
    assert skip.values["IoU"] == 1.0
    assert zero.values["IoU"] == 2 / 8
    assert zero.by_class["pole"]["IoU"] is None


def counts_with_iou(scores):
    """15 x 15 counts of 10,000 pixels per class whose IoU in percent is ``scores``."""
    counts = np.zeros((15, 15), np.int64)
    for name, score in scores.items():
        i = FMB.index(name)
        correct = round(100 * score)
        counts[i, i], counts[i, 0] = correct, 10_000 - correct
    return counts


DMFUSE = ("road", "sidewalk", "lamp", "sign", "vegetation", "sky", "person", "pole")
TABLE_3 = {  # of the DMFuse paper: IoU of these eight classes, and the printed mIoU
    "Infrared": ((79.9, 30.4, 12.2, 54.6, 74.7, 90.2, 63.0, 24.4), 53.7),
    "U2Fusion": ((85.3, 39.6, 31.9, 57.0, 82.0, 92.8, 56.4, 35.5), 60.1),
    "DDFM": ((79.9, 24.0, 31.0, 65.3, 81.2, 91.8, 54.6, 35.1), 57.9),
    "DMFuse": ((83.9, 33.6, 43.6, 70.3, 85.6, 94.5, 67.5, 48.2), 65.9),
}
SEGMIF = ("car", "person", "truck", "lamp", "sign", "building", "vegetation", "pole")
DIFUSIONSEG = {  # Table 3 of the DiFusionSeg paper: the same for the other eight classes
    "SegMiF": ((78.3, 65.4, 47.3, 43.1, 74.8, 82.0, 85.0, 49.8), 65.71),
    "MRFS": ((76.2, 71.3, 34.4, 50.1, 75.8, 85.4, 87.0, 53.6), 66.73),
    "DiFusionSeg": ((83.77, 73.05, 39.66, 37.97, 73.93, 85.9, 86.97, 55.23), 67.06),
}


@pytest.mark.parametrize(
    ("class_set", "names", "row"),
    [("dmfuse8", DMFUSE, row) for row in TABLE_3.values()]
    + [("segmif8", SEGMIF, row) for row in DIFUSIONSEG.values()],
)
def test_the_mean_over_a_set_of_eight_classes_is_the_printed_miou(class_set, names, row):
    printed_iou, printed_mean = row
    counts = counts_with_iou(dict(zip(names, printed_iou, strict=True)))
    scores = score_sum(iou, counts, FMB, iou.Options(classes=class_set))
    by_hand = confusion.intersection_over_union(counts)
    assert [100 * by_hand[FMB.index(name)] for name in names] == pytest.approx(printed_iou)
    assert 100 * scores.values["IoU"] == pytest.approx(printed_mean, abs=0.06)
    default = score_sum(iou, counts, FMB, iou.Options())
    assert default.by_convention[f"{class_set}, skip"]["IoU"] == scores.values["IoU"]


def test_without_bicycles_the_zero_policy_scales_all14_by_13_over_14():
    """The factor between mmseg's mean and MMSFormer's on FMB's test set: 65.0 becomes 60.4."""
    counts = np.diag([65] * 15)
    counts[:, 0] += 35
    counts[13] = 0  # bicycle: absent and not predicted
    scores = score_sum(iou, counts, FMB, iou.Options())
    assert scores.values["IoU"] == pytest.approx(0.65)
    assert scores.by_convention["all14, zero"]["IoU"] == pytest.approx(0.65 * 13 / 14)
    assert round(100 * scores.by_convention["all14, zero"]["IoU"], 1) == 60.4
    assert scores.by_convention["present13, zero"]["IoU"] == pytest.approx(0.65)


def test_every_other_class_set_and_policy_is_given_as_a_convention():
    counts = fmb_counts(road={"road": 10}, sky={"sky": 10})
    scores = score_sum(iou, counts, FMB, iou.Options(classes="dmfuse8", absent="zero"))
    sets = ("dmfuse8", "all15", "all14", "present13", "segmif8")
    assert list(scores.by_convention) == [
        f"{name}, {policy}"
        for name in sets
        for policy in ("skip", "zero")
        if (name, policy) != ("dmfuse8", "zero")
    ]
    for name in sets:
        for policy in ("skip", "zero"):
            expected = score_sum(iou, counts, FMB, iou.Options(classes=name, absent=policy)).values
            assert scores.by_convention.get(f"{name}, {policy}", scores.values) == expected


def test_the_class_sets_of_the_conventions_can_be_chosen():
    counts = fmb_counts(road={"road": 10})
    chosen = score_sum(iou, counts, FMB, iou.Options(also=("segmif8",))).by_convention
    assert list(chosen) == ["all14, zero", "segmif8, skip", "segmif8, zero"]
    ignored = score_sum(iou, counts, FMB, iou.Options(unlabeled="ignored")).by_convention
    assert not any(name.startswith("all15") for name in ignored)
    assert score_sum(iou, counts[:3, :3], THREE, iou.Options()).by_convention == {}
    with pytest.raises(UserError, match="segmif8 is one of FMB's classes"):
        iou.protocol(THREE, iou.Options(also=("segmif8",)))
    with pytest.raises(UserError, match="all15 scores 'unlabelled'"):
        iou.protocol(FMB, iou.Options(also=("all15",), unlabeled="ignored"))


def test_a_class_that_is_predicted_but_absent_has_iou_0_and_no_recall():
    scores = score_sum(iou, fmb_counts(road={"car": 4, "road": 4}), FMB, iou.Options())
    assert scores.by_class["car"] == {"IoU": 0.0, "accuracy": None, "precision": 0.0}


def test_without_pixels_every_mean_is_undefined():
    scores = score_sum(iou, np.zeros((3, 3), np.int64), THREE, iou.Options())
    assert scores.values == {"IoU": None, "accuracy": None, "precision": None}


def test_unlabeled_pixels_are_false_positives_unless_ignored():
    counts = fmb_counts(unlabelled={"car": 10}, car={"car": 30, "unlabelled": 10})
    counted = score_sum(iou, counts, FMB, iou.Options())
    ignored = score_sum(iou, counts, FMB, iou.Options(unlabeled="ignored"))
    assert counted.by_class["car"] == {"IoU": 30 / 50, "accuracy": 30 / 40, "precision": 30 / 40}
    assert ignored.by_class["car"] == {"IoU": 30 / 40, "accuracy": 30 / 40, "precision": 1.0}
    assert (counted.counts["pixels"], ignored.counts["pixels"]) == (50, 40)


def test_ignoring_unlabeled_pixels_needs_such_a_class_outside_the_class_set():
    counts = np.zeros((15, 15), np.int64)
    with pytest.raises(UserError, match="all15 scores 'unlabelled'"):
        score_sum(iou, counts, FMB, iou.Options(classes="all15", unlabeled="ignored"))
    with pytest.raises(UserError, match="class 0 called unlabelled"):
        score_sum(iou, counts[:3, :3], THREE, iou.Options(unlabeled="ignored"))


def test_the_class_sets_have_the_number_of_classes_in_their_names():
    assert {name: len(names) for name, names in CLASS_SETS.items()} == {
        "all15": 15,
        "all14": 14,
        "present13": 13,
        "segmif8": 8,
        "dmfuse8": 8,
    }


def test_the_two_sets_of_eight_share_only_five_classes():
    """SegMiF reports cars, trucks and buildings; DMFuse roads, sidewalks and the sky."""
    assert set(CLASS_SETS["segmif8"]) & set(CLASS_SETS["dmfuse8"]) == {
        "person",
        "lamp",
        "sign",
        "vegetation",
        "pole",
    }


def test_the_ids_of_a_class_set_are_those_of_the_published_label_table():
    assert build_class_set("segmif8", FMB).indices == (9, 8, 10, 4, 5, 3, 6, 14)
    assert build_class_set("dmfuse8", FMB).indices == (1, 2, 4, 5, 6, 7, 8, 14)
    assert build_class_set("present13", FMB).indices == (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14)


def test_fmb_is_scored_on_14_classes_and_other_data_on_all():
    assert build_class_set(None, FMB).name == "all14"
    assert build_class_set(None, THREE).indices == (0, 1, 2)


def test_an_unknown_class_set_or_one_for_other_classes_is_refused():
    with pytest.raises(UserError, match="class set 'all13': expected one of all15"):
        build_class_set("all13", FMB)
    with pytest.raises(UserError, match=r"truck, lamp.* is none of road, sky, car"):
        build_class_set("segmif8", THREE)


def test_the_protocol_names_the_class_set_and_the_policies():
    assert iou.protocol(FMB, iou.Options()) == {
        "class set": "all14 (14 of 15 classes)",
        "absent classes": "left out of the mean",
        "unlabeled pixels": "counted as errors",
    }
    assert "unlabeled pixels" not in iou.protocol(THREE, iou.Options(absent="zero"))
