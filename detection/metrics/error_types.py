"""What kinds of error cost a detector its precision: the AP@.5 that mending each would give back.

Source: Bolya, Foley, Hays, Hoffman, "TIDE: a general toolbox for identifying object detection
errors", ECCV 2020. One kind at a time is mended, everything else stays (see `detection.tide_errors`):

    classification, localization   the prediction becomes a hit, unless a surer one has the true
                                   box: then it goes away
    both, duplicate, background    the prediction goes away
    missed                         the true box goes away

AP is COCO's, so that no mending can lower it. The numbers do not add up to what is missing to 1:
mending one error makes others matter more.
"""

from collections.abc import Mapping

from detection import tide_errors
from detection.tide_errors import ERROR_TYPES, MISSED, DetectionErrors
from fusebench.data.boxes import Boxes
from fusebench.evaluation import class_means, precision_recall_curve
from fusebench.evaluation.average_precision import MAX_DETECTIONS
from fusebench.plugins import NoOptions as Options
from fusebench.storage.records import Column, Scalar, Scores

VERSION = 1
FAMILY = "AP@.5 lost to each kind of error"
COLUMNS = {
    f"{kind} error": Column(
        title=f"AP@.5 lost: {kind}", mean_title=kind.capitalize(), better="lower", family=FAMILY
    )
    for kind in ERROR_TYPES
}

DEFAULT_OPTIONS = Options()


def protocol(options: Options) -> dict[str, Scalar]:
    """How the numbers were made, in words."""
    return {
        "error types": f"as TIDE, IoU 0.5 and {tide_errors.BACKGROUND_IOU}, one kind mended at a time"
    }


def measure(
    truth: Mapping[str, Boxes],
    predicted: Mapping[str, Boxes],
    classes: tuple[str, ...],
    options: Options = DEFAULT_OPTIONS,
) -> Scores:
    """The AP@.5 that mending each kind of error gives back, per class and in the mean.

    Args:
        truth: True boxes by key.
        predicted: Predictions by key; the same keys.
        classes: Class names.
        options: See `Options`.

    Returns:
        Fractions, 0 or more; None for a class without true boxes, which is not in the mean.
    """
    found = tide_errors.classify_errors(truth, predicted, len(classes), MAX_DETECTIONS)
    by_class = {name: compute_ap_lost(found, index) for index, name in enumerate(classes)}
    return Scores(values=class_means.compute_class_means(by_class, COLUMNS), by_class=by_class)


def compute_ap_lost(found: DetectionErrors, index: int) -> dict[str, float | None]:
    """The AP@.5 of one class lost to each kind of error, by column; None without true boxes."""
    if not found.truth_counts[index]:
        return dict.fromkeys(COLUMNS)
    plain = compute_ap_if_fixed(found, index, None)
    return {
        column: max(
            compute_ap_if_fixed(found, index, kind) - plain, 0.0
        )  # 0.0: rounding, never -1e-17
        for kind, column in enumerate(COLUMNS)
    }


def compute_ap_if_fixed(found: DetectionErrors, index: int, kind: int | None) -> float:
    """AP@.5 of a class that has true boxes once one kind of error is mended, or none.

    A class of which every true box is missed has nothing else to gain: it gets 1.
    """
    those = found.error_types == kind
    arriving = those & (found.fixed_classes == index)
    shown = arriving | (~those & (found.classes == index))
    truths = int(found.truth_counts[index] - (found.missed_counts[index] if kind == MISSED else 0))
    if not truths:
        return 1.0
    hits = arriving | (found.error_types == tide_errors.TRUE_POSITIVE)
    return precision_recall_curve.compute_curve(hits[shown], truths).average_precision
