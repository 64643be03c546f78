"""What kinds of error cost a detector its precision: the AP@.5 that mending each would give back.

Source: Bolya, Foley, Hays, Hoffman, "TIDE: a general toolbox for identifying object detection
errors", ECCV 2020. One kind at a time is mended, everything else stays (see `detection.errors`):

    classification, localisation   the prediction becomes a hit, unless a surer one has the true
                                   box: then it goes away
    both, duplicate, background    the prediction goes away
    missed                         the true box goes away

AP is COCO's, so that no mending can lower it. The numbers do not add up to what is missing to 1:
mending one error makes others matter more.
"""

from collections.abc import Mapping

from bench import averages
from bench.average_precision import MOST
from bench.boxes import Boxes
from bench.plugins import Nothing as Options
from bench.records import Column, Scalar, Slice
from detection import curves, errors
from detection.errors import KINDS, MISSED, Errors

VERSION = 1
FAMILY = "AP@.5 lost to each kind of error"
COLUMNS = {
    f"{kind} error": Column(
        title=f"AP@.5 lost: {kind}", mean=kind.capitalize(), better="lower", family=FAMILY
    )
    for kind in KINDS
}

OPTIONS = Options()


def protocol(options: Options) -> dict[str, Scalar]:
    """How the numbers were made, in words."""
    return {"error types": f"as TIDE, IoU 0.5 and {errors.NEAR}, one kind mended at a time"}


def measure(
    truth: Mapping[str, Boxes],
    predicted: Mapping[str, Boxes],
    classes: tuple[str, ...],
    options: Options = OPTIONS,
) -> Slice:
    """The AP@.5 that mending each kind of error gives back, per class and in the mean.

    Args:
        truth: True boxes by key.
        predicted: Predictions by key; the same keys.
        classes: Class names.
        options: See `Options`.

    Returns:
        Fractions, 0 or more; None for a class without true boxes, which is not in the mean.
    """
    found = errors.find(truth, predicted, len(classes), MOST)
    by_class = {name: lost(found, index) for index, name in enumerate(classes)}
    return Slice(values=averages.over_classes(by_class, COLUMNS), by_class=by_class)


def lost(found: Errors, index: int) -> dict[str, float | None]:
    """The AP@.5 of one class lost to each kind of error, by column; None without true boxes."""
    if not found.truths[index]:
        return dict.fromkeys(COLUMNS)
    plain = mended(found, index, None)
    return {
        column: max(mended(found, index, kind) - plain, 0.0)  # 0.0: rounding, never -1e-17
        for kind, column in enumerate(COLUMNS)
    }


def mended(found: Errors, index: int, kind: int | None) -> float:
    """AP@.5 of a class that has true boxes once one kind of error is mended, or none.

    A class of which every true box is missed has nothing else to gain: it gets 1.
    """
    those = found.kinds == kind
    arriving = those & (found.mended == index)
    shown = arriving | (~those & (found.classes == index))
    truths = int(found.truths[index] - (found.missed[index] if kind == MISSED else 0))
    if not truths:
        return 1.0
    hits = arriving | (found.kinds == errors.HIT)
    return curves.read(hits[shown], truths).average
