"""Mean over classes: class set, policy for absent classes, treatment of unlabeled pixels.

The literature on FMB uses at least five definitions of the mean, which differ by more than most
methods do. One is printed with every table and named in its protocol; `compute_conventions` gives
the others from the same counts.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from fusebench.data.label_maps import UNLABELED_NAMES, has_unlabeled_class
from fusebench.datasets.fmb import CLASSES as FMB
from fusebench.errors import UserError
from fusebench.evaluation.class_means import to_optional
from fusebench.evaluation.counts import FloatArray
from fusebench.storage.records import Scalar
from segmentation.class_sets import CLASS_SETS, ClassSet, ClassSetName, build_class_set

ABSENT_CLASS_POLICIES: tuple[Literal["skip", "zero"], ...] = ("skip", "zero")


class AveragingOptions(BaseModel):
    """Options of every metric that has a mean over classes.

    Attributes:
        classes: Class set of the means and tables, see `segmentation.class_sets`.
        absent: A class without a score (never in the truth, nor predicted) is left out of the
            mean (``skip``, as in mmseg) or enters it as 0 (``zero``, as in MMSFormer's code).
        unlabeled: Treatment of pixels whose true class is 0, unlabeled. ``counted``: they are
            false positives of the class that is predicted there (as in SegMiF's code).
            ``ignored``: they are left out (as in mmseg with ``reduce_zero_label``). Labeled
            pixels that are predicted as class 0 are false negatives either way.
        also: Class sets whose means are reported too, under both policies for absent classes.
            None: all that fit FMB's classes; none for other data sets.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    classes: ClassSetName | None = None
    absent: Literal["skip", "zero"] = "skip"
    unlabeled: Literal["counted", "ignored"] = "counted"
    also: tuple[ClassSetName, ...] | None = None


def choose_class_set(classes: Sequence[str], options: AveragingOptions) -> ClassSet:
    """Choose the class set of the means.

    Raises:
        UserError: If it does not fit the classes or the policy for class 0.
    """
    return _build_checked_class_set(options.classes, classes, options)


def scored_classes(classes: Sequence[str], options: AveragingOptions) -> list[str]:
    """List the classes in the class set of the means, in its order.

    Raises:
        UserError: If the set does not fit the classes or the policy for class 0.
    """
    return [classes[i] for i in choose_class_set(classes, options).indices]


def average(scores: FloatArray, options: AveragingOptions) -> FloatArray:
    """Average scores (R, S) over classes, (R,); NaN if none is defined."""
    return compute_mean(scores, options.absent)


def compute_mean(scores: FloatArray, absent: str) -> FloatArray:
    """Average over the last axis under one of `ABSENT_CLASS_POLICIES`; NaN if none is defined."""
    defined = np.isfinite(scores)
    number = defined.sum(axis=-1)
    divisor = scores.shape[-1] if absent == "zero" else np.maximum(number, 1)
    mean = np.where(defined, scores, 0.0).sum(axis=-1) / divisor
    return np.where(number > 0, mean, np.nan)


def compute_conventions(
    scores: Mapping[str, FloatArray], classes: Sequence[str], options: AveragingOptions
) -> dict[str, dict[str, float | None]]:
    """Compute the means by the other conventions of the literature.

    Args:
        scores: Column to the scores (C,) of all classes, NaN where undefined.
        classes: The C class names.
        options: The convention of the printed mean.

    Returns:
        Class set and policy, e.g. ``segmif8, zero``, to column to mean.

    Raises:
        UserError: If a requested class set does not fit.
    """
    first = choose_class_set(classes, options)
    others = _list_other_class_sets(classes, options)
    sets = {first.name: first} | {class_set.name: class_set for class_set in others}
    if len(sets) == 1 and options.also is None:
        return {}
    return {
        f"{name}, {policy}": {
            column: to_optional(float(compute_mean(values[list(class_set.indices)], policy)))
            for column, values in scores.items()
        }
        for name, class_set in sets.items()
        for policy in ABSENT_CLASS_POLICIES
        if (name, policy) != (first.name, options.absent)
    }


def build_protocol(classes: Sequence[str], options: AveragingOptions) -> dict[str, Scalar]:
    """Return the facts that a reader needs to compare the means with others.

    Raises:
        UserError: If a class set does not fit the classes or the policy for class 0.
    """
    used = choose_class_set(classes, options)
    _list_other_class_sets(classes, options)
    absent = "left out of the mean" if options.absent == "skip" else "0 in the mean"
    facts: dict[str, Scalar] = {
        "class set": f"{used.name} ({len(used.indices)} of {len(classes)} classes)",
        "absent classes": absent,
    }
    if has_unlabeled_class(classes):
        counted = "counted as errors" if 0 not in used.indices else "a class of their own"
        facts["unlabeled pixels"] = counted if options.unlabeled == "counted" else "ignored"
    return facts


def config_errors(options: AveragingOptions, classes: Sequence[str], where: str) -> list[str]:
    """List the errors in the choice of classes, as messages.

    Args:
        options: See `AveragingOptions`.
        classes: The data set's classes.
        where: Position in the task file.
    """
    try:
        build_protocol(classes, options)
    except UserError as fault:
        return [f"{where}: {fault}"]
    return []


def _list_other_class_sets(classes: Sequence[str], options: AveragingOptions) -> list[ClassSet]:
    """List the class sets whose means are reported besides the chosen one."""
    if options.also is not None:
        return [_build_checked_class_set(name, classes, options) for name in options.also]
    if tuple(name.lower() for name in classes) != FMB:
        return []
    sets = [build_class_set(name, classes) for name in CLASS_SETS]
    return [each for each in sets if options.unlabeled == "counted" or 0 not in each.indices]


def _build_checked_class_set(
    name: str | None, classes: Sequence[str], options: AveragingOptions
) -> ClassSet:
    class_set = build_class_set(name, classes)
    if options.unlabeled == "ignored":
        if not has_unlabeled_class(classes):
            raise UserError(
                f"unlabeled: ignored needs a class 0 called {UNLABELED_NAMES[0]}, "
                f"but it is {classes[0]!r}; use unlabeled: counted"
            )
        if 0 in class_set.indices:
            raise UserError(
                f"class set {class_set.name} scores {classes[0]!r}, which unlabeled: ignored takes "
                "away; use another set or unlabeled: counted, or, in data set pairs, leave the "
                "class out and name its id in label_maps: ids: {0: null, 1: ...}"
            )
    return class_set
