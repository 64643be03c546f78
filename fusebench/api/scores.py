"""Public API of task scores: average precision of boxes and IoU of label maps, without files."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench import plugins
from fusebench.config.paths import expand_home
from fusebench.data.boxes import Boxes, from_coco
from fusebench.data.label_maps import IGNORE_INDEX, has_unlabeled_class
from fusebench.errors import PluginError, UserError
from fusebench.evaluation.class_means import to_optional
from fusebench.experiments import scoring
from fusebench.experiments.resolution import ResolvedMetric
from fusebench.option_values import validate_model
from fusebench.runtime.reading import json_files

BoxesByImage = Mapping[str, Boxes]
CocoDocument = Mapping[str, Any]  # with images, categories and annotations
CocoResults = Sequence[Mapping[str, Any]]  # with image_id, category_id, bbox and score
LabelMaps = NDArray[Any] | Sequence[NDArray[Any]] | Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class MetricScores:
    """Scores of one metric on a set of images.

    Attributes:
        mean: Column of the metric to the mean over classes; None if it is undefined.
        by_class: Class name to column to score; None where it is undefined, e.g. for a class
            without a true object.
        image_count: Number of images.
    """

    mean: Mapping[str, float | None]
    by_class: Mapping[str, Mapping[str, float | None]]
    image_count: int


def average_precision(
    truth: BoxesByImage | CocoDocument | str | Path,
    predictions: BoxesByImage | CocoDocument | CocoResults | str | Path,
    classes: Sequence[str] | None = None,
) -> MetricScores:
    """Compute COCO's average precision of predicted boxes, with pycocotools' matching.

    Source: Lin et al., "Microsoft COCO: common objects in context", ECCV 2014.

    Args:
        truth: True boxes: image key to `Boxes` (without scores), or a COCO document, or the path
            of its JSON file. Objects with ``iscrowd`` 1 are ignored boxes.
        predictions: Predicted boxes of the same images: image key to `Boxes` with scores, or a
            COCO document whose annotations have a score, or COCO's list of results (with the
            image and category ids of ``truth``), or a path. An image without predictions has
            empty boxes in a mapping and is listed under ``images`` in a document.
        classes: Class names in the order of the class ids of `Boxes`; categories of a document are
            matched by name. None: the categories of the document ``truth``; or for a mapping
            ``"0"``, ``"1"``, ... up to the largest class id.

    Returns:
        Fractions, 0 to 1, higher is better. Columns: ``AP50`` (IoU threshold 0.5), ``AP`` (mean
        over 0.5, 0.55, ..., 0.95) and ``AP75`` with at most 100 boxes per image and class;
        ``AP50_300`` and ``AP_300`` with at most 300; ``AP_small``, ``AP_medium``, ``AP_large`` by
        the area of the true box (up to 32 x 32 pixels, up to 96 x 96, above). None without a true
        box (of that size).

    Raises:
        UserError: If a document or file is not in COCO's form or has an unknown category.
        TypeError: If ``classes`` is one string.
        ValueError: If the images of the two differ, predictions have no scores, the truth has
            scores, a class id has no name, or a name stands twice.

    Examples:
        >>> import fusebench
        >>> truth = {"00001": fusebench.make_boxes([[10, 10, 30, 30]], [0])}
        >>> predictions = {"00001": fusebench.make_boxes([[10, 10, 30, 28]], [0], [0.9])}
        >>> scores = fusebench.average_precision(truth, predictions, ["person", "car"])
        >>> round(scores.by_class["person"]["AP50"], 6)
        1.0
        >>> round(scores.by_class["person"]["AP"], 6)  # IoU 0.9: found at 9 of 10 thresholds
        0.9
        >>> print(scores.by_class["car"]["AP"])  # no true car
        None
        >>> round(scores.mean["AP"], 6)
        0.9
    """
    truth_content, predicted_content = _load_json(truth), _load_json(predictions)
    classes = _name_box_classes(truth_content, predicted_content, classes)
    _check_class_names(classes)  # also those of a document
    true_boxes = _convert_boxes(truth_content, classes)
    predicted_boxes = _convert_boxes(_complete_results(predicted_content, truth_content), classes)
    _check_boxes(true_boxes, predicted_boxes, classes)
    metric = _resolve_metric("detection", "average_precision", {}, classes)
    pairs = ((key, true_boxes[key], predicted_boxes[key]) for key in sorted(true_boxes))
    return _score_pairs(metric, pairs, classes)


def iou(
    truth: LabelMaps,
    predicted: LabelMaps,
    classes: Sequence[str] | None = None,
    *,
    options: Mapping[str, Any] | None = None,
) -> MetricScores:
    """Compute IoU, accuracy (recall) and precision of predicted label maps.

        IoU_c = TP_c / (TP_c + FP_c + FN_c), counted over the pixels of all images

    Args:
        truth: True class ids, an integer array (H, W); or several of them in a sequence, or in a
            mapping with the image keys. Pixels with 255 are unlabeled: they are left out, or are
            class 0 if that is called ``unlabeled`` or ``unlabelled``.
        predicted: Predicted class ids of the same images, in the same form.
        classes: Class names in the order of their ids. None: ``"0"``, ``"1"``, ... up to the
            largest id.
        options: Options of the metric ``iou`` as in a task file: which classes are averaged
            (``classes``), how absent classes enter the mean (``absent``), what becomes of unlabeled
            pixels (``unlabeled``). For FMB's 15 classes, the default leaves out ``unlabelled``.

    Returns:
        Fractions, 0 to 1, higher is better. Columns: ``IoU``, ``accuracy`` (recall, as in mmseg),
        ``precision``. None for a class that is neither true nor predicted; such a class is
        left out of the mean by default.

    Raises:
        UserError: If an option is wrong.
        TypeError: If a label map is not an integer array, or ``classes`` is one string.
        ValueError: If the images or the shapes of the two differ, a class id has no name, or a
            name stands twice.

    Examples:
        >>> import numpy as np
        >>> import fusebench
        >>> truth = np.array([[0, 0], [1, 255]])
        >>> predicted = np.array([[0, 1], [1, 1]])
        >>> scores = fusebench.iou(truth, predicted, ["road", "car", "person"])
        >>> scores.by_class["road"]
        {'IoU': 0.5, 'accuracy': 0.5, 'precision': 1.0}
        >>> scores.by_class["car"]["IoU"], scores.by_class["person"]["IoU"]
        (0.5, None)
        >>> scores.mean["IoU"]
        0.5
    """
    true_maps, predicted_maps = _index_label_maps(truth), _index_label_maps(predicted)
    _check_same_images(true_maps, predicted_maps, "label maps")
    id_count = 1 + max(
        _find_largest_id(each) for each in (*true_maps.values(), *predicted_maps.values())
    )
    if classes is None:
        classes = [str(class_id) for class_id in range(id_count)]
    _check_class_names(classes)
    if has_unlabeled_class(classes):  # as `label_maps.read_label_map` reads files
        for maps in (true_maps, predicted_maps):
            maps.update({key: np.where(m == IGNORE_INDEX, 0, m) for key, m in maps.items()})
    metric = _resolve_metric("segmentation", "iou", options or {}, classes)
    pairs = ((key, true_maps[key], predicted_maps[key]) for key in sorted(true_maps))
    return _score_pairs(metric, pairs, classes)


def _resolve_metric(
    kind: str, name: str, options: Mapping[str, Any], classes: Sequence[str]
) -> ResolvedMetric:
    """Load a task metric and check its options.

    Raises:
        UserError: If an option is wrong for itself or for these classes.
    """
    plugin = plugins.load_task_metric(kind, name)
    where = f"options of metric {name}"
    checked = validate_model(plugin.Options, options, where)
    faults = plugin.config_errors(checked, classes, where)
    if faults:
        raise UserError("\n".join(faults))
    return ResolvedMetric(name, plugin, checked)


def _score_pairs(
    metric: ResolvedMetric, pairs: Iterable[tuple[str, Any, Any]], classes: Sequence[str]
) -> MetricScores:
    """Count (key, truth, prediction) of every image, then score all of them."""
    try:
        counts = scoring.count_images([metric], pairs, classes)[metric.plugin.counts_file]
    except PluginError as error:  # arrays that do not fit each other or the classes
        raise ValueError(str(error)) from error
    image_count = len(counts.keys)
    named = scoring.score_metric(metric, counts, np.ones((1, image_count)), classes)
    scores = {key: to_optional(float(values[0])) for key, values in named.items()}
    names = dict.fromkeys(name for name, _ in scores if name is not None)
    columns = list(metric.plugin.COLUMNS)
    return MetricScores(
        mean={column: scores[None, column] for column in columns},
        by_class={name: {column: scores[name, column] for column in columns} for name in names},
        image_count=image_count,
    )


def _load_json(value: Any) -> Any:
    """Read the file if ``value`` is a path; other values are returned as they are.

    Raises:
        UserError: If the file cannot be read or is not JSON.
    """
    if not isinstance(value, str | Path):
        return value
    return json_files.read_json(expand_home(value))


def _is_coco_document(value: Any) -> bool:
    return isinstance(value, Mapping) and not all(isinstance(v, Boxes) for v in value.values())


def _name_box_classes(
    truth: Any, predictions: Any, classes: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the class names: as given, or those of the truth."""
    if classes is not None:
        _check_class_names(classes)
        return tuple(classes)
    if _is_coco_document(truth):
        try:
            return tuple(str(category["name"]) for category in truth["categories"])
        except (KeyError, TypeError) as error:
            raise UserError(f"COCO boxes: no names of categories ({error!r})") from None
    if _is_coco_document(predictions):
        raise ValueError("classes are needed to match the categories of the predictions by name")
    every = [boxes for value in (truth, predictions) for boxes in value.values()]
    largest = max((int(boxes.class_ids.max()) for boxes in every if len(boxes)), default=0)
    return tuple(str(class_id) for class_id in range(largest + 1))


def _complete_results(predictions: Any, truth: Any) -> Any:
    """Turn COCO's list of results into a document with the images and categories of the truth."""
    if isinstance(predictions, Mapping):
        return predictions
    if not isinstance(predictions, Sequence):
        raise TypeError(f"predictions are {type(predictions).__name__}, expected boxes by image")
    if not _is_coco_document(truth):
        raise ValueError("a list of results needs a COCO document as truth: it has image ids only")
    parts = {name: truth[name] for name in ("images", "categories") if name in truth}
    return {**parts, "annotations": predictions}


def _convert_boxes(value: Any, classes: Sequence[str]) -> Mapping[str, Boxes]:
    """Return boxes by image key.

    Raises:
        UserError: If a document is not in COCO's form.
    """
    if not _is_coco_document(value):
        boxes: Mapping[str, Boxes] = value
        return boxes
    return from_coco(value, classes)


def _check_class_names(classes: Sequence[str]) -> None:
    """Refuse names that cannot each have a score.

    Raises:
        TypeError: If it is one string.
        ValueError: If there is no name, or one stands twice.
    """
    if isinstance(classes, str):
        raise TypeError(f"classes is the string {classes!r}, expected a sequence of names")
    if not classes:
        raise ValueError("classes is empty, expected at least one name")
    duplicates = [name for name in dict.fromkeys(classes) if list(classes).count(name) > 1]
    if duplicates:
        raise ValueError(f"classes has the name {duplicates[0]!r} twice")


def _check_boxes(
    truth: Mapping[str, Boxes], predictions: Mapping[str, Boxes], classes: Sequence[str]
) -> None:
    """Refuse boxes that cannot be scored.

    Raises:
        ValueError: See `average_precision`.
    """
    _check_same_images(truth, predictions)
    for key in truth:
        if len(truth[key].scores):
            raise ValueError(
                f"image {key!r}: the true boxes have scores; are the arguments swapped?"
            )
        if len(predictions[key].scores) != len(predictions[key]):
            raise ValueError(f"image {key!r}: the predicted boxes have no scores")
        for boxes in (truth[key], predictions[key]):
            outside = [int(i) for i in boxes.class_ids if not 0 <= i < len(classes)]
            if outside:
                raise ValueError(
                    f"image {key!r}: class id {outside[0]} with only {len(classes)} classes"
                )
            if not (np.isfinite(boxes.corners).all() and np.isfinite(boxes.scores).all()):
                raise ValueError(f"image {key!r}: a corner or score is NaN or infinite")
            extent = boxes.corners[:, 2:] - boxes.corners[:, :2]
            if (extent <= 0).any():
                corners = boxes.corners[(extent <= 0).any(axis=1)][0].tolist()
                raise ValueError(
                    f"image {key!r}: the box {corners} is empty or inverted; expected left, top, "
                    "right, bottom with right > left and bottom > top"
                )


def _check_same_images(
    truth: Mapping[str, Any], predictions: Mapping[str, Any], kind: str = "boxes"
) -> None:
    """Refuse predictions of other images than those of the truth.

    Raises:
        ValueError: Naming the first image of one side only; or if there are no images.
    """
    if not truth:
        raise ValueError("there are no images to score")
    missing, surplus = sorted(set(truth) - set(predictions)), sorted(set(predictions) - set(truth))
    if missing or surplus:
        side, keys = ("predictions", missing) if missing else ("truth", surplus)
        hint = "; give empty boxes for an image without objects" if kind == "boxes" else ""
        raise ValueError(
            f"{len(keys)} of {len(set(truth) | set(predictions))} images have no {kind} in the "
            f"{side} (first: {keys[0]!r}){hint}"
        )


def _index_label_maps(maps: LabelMaps) -> dict[str, NDArray[Any]]:
    """Return label maps by key; those of a sequence are numbered.

    Raises:
        TypeError: If one is not an integer array.
        ValueError: If one is not two-dimensional, or has a negative id.
    """
    if isinstance(maps, np.ndarray):
        if maps.ndim != 2:
            raise ValueError(
                f"label map has shape {maps.shape}, expected (H, W); give several in a list"
            )
        maps = [maps]
    if not isinstance(maps, Mapping):
        maps = {f"{number:06d}": each for number, each in enumerate(maps)}
    for key, each in maps.items():
        if not isinstance(each, np.ndarray) or each.dtype.kind not in "iu":
            kind = each.dtype if isinstance(each, np.ndarray) else type(each).__name__
            raise TypeError(f"label map {key!r} is {kind}, expected an integer array (H, W)")
        if each.ndim != 2:
            raise ValueError(f"label map {key!r} has shape {each.shape}, expected (H, W)")
        if each.min(initial=0) < 0:
            raise ValueError(
                f"label map {key!r} has the id {each.min()}; 255 marks unlabeled pixels"
            )
    return dict(maps)


def _find_largest_id(labels: NDArray[Any]) -> int:
    return int(labels[labels != IGNORE_INDEX].max(initial=0))
