"""Counts of metrics: computed once per image, added over images, then scored.

The counts of an image are either an array, e.g. a confusion matrix, or the single predictions with
their scores (`Detections`), for metrics of ranked predictions such as average precision. Both are
added with a weight per image: 1 for the whole data set, 0 for images of another
condition, the number of draws for a bootstrap resample. Many weightings are added at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import UserError
from fusebench.runtime import command_name
from fusebench.storage import npz

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
ClassScores = Mapping[str, FloatArray]  # column to (R, C), NaN where undefined


@dataclass(frozen=True, eq=False)
class Detections:
    """The predictions of one image.

    Attributes:
        rows: Name to array (N, ...), one row per prediction; ``scores`` and ``class_ids`` are
            always there.
        totals: Name to array of numbers that are added over images, e.g. true boxes per class.
    """

    rows: Mapping[str, NDArray[Any]]
    totals: Mapping[str, NDArray[Any]]


ImageCounts = NDArray[Any] | Detections


@dataclass(frozen=True, eq=False)
class ArrayCounts:
    """One array per image, all of one shape.

    Attributes:
        keys: The I images, sorted.
        values: (I, ...).
    """

    keys: tuple[str, ...]
    values: NDArray[Any]

    def add(self, weights: FloatArray) -> FloatArray:
        """Sum over the images with weights (R, I), giving (R, ...)."""
        flat = self.values.reshape(len(self.values), -1)
        total: FloatArray = weights @ flat
        return total.reshape(len(weights), *self.values.shape[1:])

    def select(self, images: IntArray) -> "ArrayCounts":
        """The counts of some images, given by rising indices."""
        return ArrayCounts(tuple(self.keys[i] for i in images), self.values[images])


@dataclass(frozen=True, eq=False)
class DetectionCounts:
    """The predictions of all images.

    Attributes:
        keys: The I images, sorted.
        image_indices: int64 (N,), the image of each prediction.
        rows: As in `Detections`, image after image.
        totals: Name to (I, ...).
    """

    keys: tuple[str, ...]
    image_indices: IntArray
    rows: Mapping[str, NDArray[Any]]
    totals: Mapping[str, NDArray[Any]]

    def add(self, weights: FloatArray) -> "WeightedDetections":
        """Attach weights (R, I) to the images; they are summed when scored."""
        return WeightedDetections(self, weights)

    def select(self, images: IntArray) -> "DetectionCounts":
        """The counts of some images, given by rising indices."""
        place = np.full(len(self.keys), -1, np.int64)
        place[images] = np.arange(len(images))
        kept = place[self.image_indices] >= 0
        return DetectionCounts(
            tuple(self.keys[i] for i in images),
            place[self.image_indices[kept]],
            {name: values[kept] for name, values in self.rows.items()},
            {name: values[images] for name, values in self.totals.items()},
        )

    def sort_class(self, class_id: int) -> IntArray:
        """Return the indices of a class's predictions in falling score, ties in their order."""
        indices = np.flatnonzero(self.rows["class_ids"] == class_id)
        order = np.argsort(-self.rows["scores"][indices], kind="stable")
        return indices[order].astype(np.int64)


@dataclass(frozen=True, eq=False)
class WeightedDetections:
    """The predictions of all images, with R weightings of the images.

    Attributes:
        detections: The predictions of all images.
        weights: (R, I), 0 or more.
    """

    detections: DetectionCounts
    weights: FloatArray

    def total(self, name: str) -> FloatArray:
        """Sum one of the totals over images, (R, ...)."""
        return ArrayCounts(self.detections.keys, self.detections.totals[name]).add(self.weights)


Counts = FloatArray | WeightedDetections
DatasetCounts = ArrayCounts | DetectionCounts


def stack_counts(by_key: Mapping[str, ImageCounts]) -> DatasetCounts:
    """Combine the counts of single images into those of all.

    Args:
        by_key: At least one image.

    Raises:
        ValueError: If the counts of images differ in kind or shape.
    """
    keys = tuple(sorted(by_key))
    every = [by_key[key] for key in keys]
    detections = [counts for counts in every if isinstance(counts, Detections)]
    if not detections:
        arrays = [np.asarray(counts) for counts in every]
        shapes = sorted({array.shape for array in arrays})
        if len(shapes) > 1:
            raise ValueError(
                f"counts of images have the shapes {shapes[0]} and {shapes[1]}, expected one shape"
            )
        return ArrayCounts(keys, np.stack(arrays))
    if len(detections) != len(every):
        raise ValueError("some images were counted as an array, others as Detections")
    lengths = [len(counts.rows["scores"]) for counts in detections]
    return DetectionCounts(
        keys,
        np.repeat(np.arange(len(keys)), lengths).astype(np.int64),
        {
            name: np.concatenate([counts.rows[name] for counts in detections])
            for name in detections[0].rows
        },
        {
            name: np.stack([counts.totals[name] for counts in detections])
            for name in detections[0].totals
        },
    )


def write_counts(path: Path, counts: DatasetCounts) -> None:
    """Save the counts of all images without pickle; boolean arrays take one bit per value."""
    keys = np.array(counts.keys, np.str_)
    if isinstance(counts, ArrayCounts):
        np.savez_compressed(path, keys=keys, counts=counts.values)
        return
    arrays: dict[str, NDArray[Any]] = {"image_indices": counts.image_indices}
    for name, values in counts.rows.items():
        if values.dtype == np.bool_:
            arrays[f"flags.{name}"] = np.packbits(values, axis=0)
        else:
            arrays[f"rows.{name}"] = values
    arrays |= {f"totals.{name}": values for name, values in counts.totals.items()}
    np.savez_compressed(path, allow_pickle=False, keys=keys, **arrays)


def read_counts(path: Path) -> DatasetCounts:
    """Read the counts that `write_counts` saved.

    Raises:
        UserError: If the file is damaged or of another form.
    """
    arrays = npz.read_all_arrays(path)
    try:
        keys = tuple(map(str, arrays.pop("keys")))
        if "counts" in arrays:
            return ArrayCounts(keys, arrays["counts"])
        image_indices = arrays.pop("image_indices")
        rows, totals = {}, {}
        for full_name, values in arrays.items():
            part, _, name = full_name.partition(".")
            if part == "flags":
                count = len(image_indices)
                if len(values) != (count + 7) // 8:
                    raise ValueError(f"{name} has {len(values)} bytes for {count} predictions")
                rows[name] = np.unpackbits(values, axis=0, count=count).astype(np.bool_)
            elif part == "rows":
                rows[name] = values
            else:
                totals[name] = values
        _check_lengths(rows, len(image_indices), "predictions")
        _check_lengths(totals, len(keys), "images")
        if not {"scores", "class_ids"} <= set(rows):
            raise ValueError("no scores or class ids")
        return DetectionCounts(keys, image_indices, rows, totals)
    except (ValueError, KeyError) as fault:
        raise UserError(
            f"{path}: cannot be read ({fault}); {command_name.format_repair_advice(path.parent)}"
        ) from None


def _check_lengths(arrays: Mapping[str, NDArray[Any]], length: int, unit: str) -> None:
    for name, values in arrays.items():
        if len(values) != length:
            raise ValueError(f"{name} has {len(values)} entries for {length} {unit}")


def build_image_weights(keys: Sequence[str], chosen: Sequence[str]) -> FloatArray:
    """Build weights (I,): 1 for the chosen keys, 0 for the others."""
    wanted = set(chosen)
    return np.array([float(key in wanted) for key in keys])
