"""Contracts of plug-ins: the names that a module must define, and the defaults of optional ones.

One frozen dataclass per kind of plug-in. Its fields are the names that the module defines; a field
with a default may be missing there. `load_contract` reads a module into its contract and reports
all mismatches in one error, so that no other code inspects a plug-in module.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from fusebench.corruption_parts.pair_images import PairImages, Sensor
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.images import Color, Gray
from fusebench.data.pairs import Split
from fusebench.errors import UserError
from fusebench.evaluation.counts import ClassScores, Counts, ImageCounts
from fusebench.storage.records import Column, Scalar


class NoOptions(BaseModel):
    """Empty options, for a plug-in without any."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FusionFunction(Protocol):
    """Fuse one pair: uint8 (H, W) and uint8 RGB (H, W, 3) in, uint8 RGB (H, W, 3) out."""

    def __call__(self, infrared: Gray, visible: Color) -> Color:
        """Return a new array; the inputs are left as they were."""
        ...


class MetricVariant(Protocol):
    """One variant of a fusion metric: a definition that the literature uses under its name."""

    @property
    def description(self) -> str:
        """What the variant computes, in one sentence."""
        ...

    @property
    def known_fault(self) -> str:
        """Known fault of the definition; empty if there is none."""
        ...

    @property
    def minimum(self) -> float | None:
        """Smallest possible value; None if unbounded."""
        ...

    @property
    def maximum(self) -> float | None:
        """Largest possible value; None if unbounded."""
        ...

    @property
    def unit(self) -> str:
        """Unit of the value; empty if it has none."""
        ...

    @property
    def better(self) -> str:
        """Direction of better values: ``higher`` or ``lower``."""
        ...

    @property
    def is_symmetric(self) -> bool:
        """Whether exchanging the two source images leaves the value unchanged."""
        ...

    def build_column(self, title: str) -> Column:
        """Build the table column of this variant."""
        ...


def _call(arguments: str, **keywords: Any) -> Any:
    """Build a dataclass field for a function of the plug-in and the arguments it is called with.

    Args:
        arguments: E.g. ``"counts, classes, options, [columns]"``; arguments in brackets are passed
            only if the function takes them.
        **keywords: ``default`` if the function is optional.
    """
    return field(metadata={"call": arguments}, **keywords)


# The defaults are functions with names, not lambdas: contracts are sent to worker processes.
def _no_values(*_arguments: Any) -> dict[str, Any]:
    return {}


def _no_text(*_arguments: Any) -> str:
    return ""


def _no_errors(*_arguments: Any) -> tuple[str, ...]:
    return ()


def _accept(*_arguments: Any) -> None:
    return None


def _is_present(*_arguments: Any) -> bool:
    return True


def _score_all_classes(classes: Sequence[str], _options: Any) -> Sequence[str]:
    return classes


def _no_paths(_root: Path, _options: Any) -> Sequence[Path]:
    return ()


def _no_frames(_severity: int, _options: Any) -> int:
    return 0


def _predict_all_classes(_options: Any, classes: Sequence[str]) -> set[str]:
    return set(classes)


@dataclass(frozen=True)
class FusionMethod:
    """A file in fusion/methods, or any importable module; the function ``fuse`` alone is enough.

    Attributes:
        name: Name in the task file.
        VERSION: Increased when the output changes.
        load: Returns the fusion function; expensive steps, e.g. reading weights, happen here.
        Options: Options in tasks.yaml.
        COLOR: Description of the color handling, for the protocol.
        dependency_hashes: File name to SHA-256, for every file that affects the result.
        load_network: Returns the network that `load` uses, to count its operations; or None.
        check: Reads and checks the method's own files before anything is computed; or None.
    """

    name: str
    VERSION: int
    load: Callable[[Any, str], FusionFunction] = _call("options, [device]")
    Options: type[BaseModel] = NoOptions
    COLOR: str = "as the method returns it"
    dependency_hashes: Callable[[Any], Mapping[str, str]] = _call("options", default=_no_values)
    load_network: Callable[[Any, str], Any] | None = _call("options, device", default=None)
    check: Callable[[Any], None] | None = _call("options", default=None)


@dataclass(frozen=True)
class FusionMetric:
    """A file in fusion/metrics: scores one fused image against its two source images.

    Attributes:
        name: Name in the task file.
        VERSION: Increased when a value changes.
        TITLE: Short name, as in the literature.
        VARIANTS: Variant name to definition; the first is the default.
        measure: Returns the value; None if it is undefined.
        Options: Options in tasks.yaml, with a field ``variant`` if there are several variants.
        note: Returns a caveat about a value, e.g. that an undefined term counts as 0.
        UNDEFINED_REASON: Why a value can be undefined.
        docstring: Docstring of the module: its first line is the metric's title in lists,
            ``Source:`` names the paper.
    """

    name: str
    VERSION: int
    TITLE: str
    VARIANTS: Mapping[str, MetricVariant]
    measure: Callable[..., float | None] = _call("infrared, visible, fused, [options, compute]")
    Options: type[BaseModel] = NoOptions
    note: Callable[..., str] = _call(
        "infrared, visible, fused, [options, compute]", default=_no_text
    )
    UNDEFINED_REASON: str = ""
    docstring: str = field(default="", metadata={"attribute": "__doc__"})


@dataclass(frozen=True)
class TaskMetric:
    """A file in detection/metrics or segmentation/metrics.

    Every image is counted once; counts are added over images, and only then scored. The same
    `score` serves the data set, a condition and every bootstrap resample.

    Attributes:
        name: Name in the task file.
        VERSION: Increased when a score changes.
        COLUMNS: Column name to table column, for every column of `score`.
        count: Returns the counts of one image: a numeric array with the same shape for every
            image, or `fusebench.evaluation.counts.Detections` if the scores of single predictions
            matter.
        score: Returns column name to scores (R, C), NaN where undefined, from R sums of counts:
            an array (R, ...), or `WeightedDetections` for `Detections`. ``columns`` are the names
            of the requested columns.
        Options: Options in tasks.yaml.
        COUNTS: File name of the counts; metrics with the same counts may share a file.
        protocol: Returns the facts that a reader needs to reproduce the scores.
        scored_classes: Returns the subset of ``classes`` that is shown and averaged.
        average: Returns the mean (R,) over the scored classes from their scores (R, S).
        conventions: Returns convention name to column name to mean, for means by other
            conventions, from the scores (C,) of all classes.
        sample_sizes: Returns the sample sizes, e.g. the number of boxes, from one sum of counts.
        config_errors: Returns the errors in the options for these classes.
        check_confidence: Raises a UserError if the model drops boxes that the metric needs: those
            below this confidence.
        warnings: Returns warnings about these predictions.
    """

    name: str
    VERSION: int
    COLUMNS: Mapping[str, Column]
    count: Callable[[Any, Any, Sequence[str], Any], ImageCounts] = _call(
        "truth, predicted, classes, options"
    )
    score: Callable[[Counts, Sequence[str], Any, Sequence[str]], ClassScores] = _call(
        "counts, classes, options, [columns]"
    )
    Options: type[BaseModel] = NoOptions
    COUNTS: str = ""
    protocol: Callable[[Sequence[str], Any], Mapping[str, Scalar]] = _call(
        "classes, options", default=_no_values
    )
    scored_classes: Callable[[Sequence[str], Any], Sequence[str]] = _call(
        "classes, options", default=_score_all_classes
    )
    average: Callable[[Any, Any], Any] | None = _call("scores, options", default=None)
    conventions: Callable[..., Mapping[str, Mapping[str, float | None]]] = _call(
        "scores, classes, options", default=_no_values
    )
    sample_sizes: Callable[..., Mapping[str, int]] = _call(
        "counts, classes, options", default=_no_values
    )
    config_errors: Callable[[Any, Sequence[str], str], Sequence[str]] = _call(
        "options, classes, where", default=_no_errors
    )
    check_confidence: Callable[[float, str], None] = _call("confidence, where", default=_accept)
    warnings: Callable[[Mapping[str, Any]], Mapping[str, Scalar]] = _call(
        "predicted", default=_no_values
    )

    @property
    def counts_file(self) -> str:
        """File name of the counts, in the record's folder."""
        return self.COUNTS or f"{self.name}.npz"


@dataclass(frozen=True)
class Model:
    """A file in detection/models or segmentation/models.

    Attributes:
        name: Name in the task file.
        VERSION: Increased when predictions change.
        TITLE: Name of the model in messages.
        train: Trains on labeled images; writes into ``folder`` and resumes from a checkpoint there.
        predict: Returns the predictions for the test images: boxes by key, or pairs of key and
            label map.
        Options: Training options: everything that affects the trained model.
        Predict: Prediction options, which do not affect the trained model.
        protocol: Returns the facts that a reader needs to reproduce the scores.
        PROTOCOL: ``retrained``; or the experimental protocol of a model that is not trained here,
            e.g. ``zero-shot``.
        FILES: Name of the user's prediction files in messages.
        dependency_hashes: File name to SHA-256, for every file that affects the result.
        resolve_paths: Returns the options with ``{source}``, ``{dataset}`` and ``{split}``
            replaced; None for a model without such files. Relative paths are resolved afterwards,
            see `fusebench.config.paths`.
        download: Downloads pretrained weights into ``folder``; or None.
        download_options: Returns the options that affect what `download` writes.
        config_errors: Returns the errors in the options for these classes.
        mapped_classes: Returns the classes that the model can predict.
        min_confidence: Returns the confidence threshold of the saved boxes; None: no threshold.
        check: Reads and checks the model's own files before anything is computed; or None.
        check_predictions: Reads and checks the user's prediction files; or None.
        INPUT_CHANNELS: Numbers of channels of images that the model can be trained on: 3 (RGB), and
            4 (RGB and infrared) if it reads images with `LabeledImages.read`.
        predict_probabilities: Yields key and class probabilities, float32 (classes, H, W) with sum
            1 over the classes of the data set, of every test image in their order; or None. An
            ensemble of segmenters needs them.
    """

    name: str
    VERSION: int
    TITLE: str
    train: Callable[..., None] = _call("images, options, *, seed, device, folder")
    predict: Callable[..., Any] = _call("folder, images, options, predict, *, device")
    Options: type[BaseModel] = NoOptions
    Predict: type[BaseModel] = NoOptions
    protocol: Callable[[Any, Any], Mapping[str, Scalar]] = _call(
        "options, predict", default=_no_values
    )
    PROTOCOL: str = "retrained"
    FILES: str = ""
    dependency_hashes: Callable[[Any], Mapping[str, str | None]] = _call(
        "options", default=_no_values
    )
    resolve_paths: Callable[[Any, Mapping[str, str], str], Any] | None = _call(
        "options, values, where", default=None
    )
    download: Callable[..., None] | None = _call("options, *, folder", default=None)
    download_options: Callable[[Any], Mapping[str, Any]] = _call("options", default=_no_values)
    config_errors: Callable[[Any, Sequence[str], str], Sequence[str]] = _call(
        "options, classes, where", default=_no_errors
    )
    mapped_classes: Callable[[Any, Sequence[str]], set[str]] = _call(
        "options, classes", default=_predict_all_classes
    )
    min_confidence: Callable[[Any], float | None] = _call("predict", default=_accept)
    check: Callable[[Any, Path], None] | None = _call("options, folder", default=None)
    check_predictions: Callable[[Any, Split], None] | None = _call("options, split", default=None)
    INPUT_CHANNELS: tuple[int, ...] = (3,)
    predict_probabilities: Callable[..., Any] | None = _call(
        "folder, images, options, predict, *, device", default=None
    )


@dataclass(frozen=True)
class Ensemble:
    """A file in detection/ensembles or segmentation/ensembles: combines predictions on one image.

    Attributes:
        name: Name in the task file.
        VERSION: Increased when the combined predictions change.
        TITLE: Name of the method in the protocol.
        combine: Returns the prediction of the ensemble from those of its members, in their order:
            `Boxes` from `Boxes`, or a label map from class probabilities, float32 (classes, H, W).
        Options: Options in tasks.yaml.
        describe: Returns the options as text for the protocol.
        config_errors: Returns the errors in the options for this number of members.
    """

    name: str
    VERSION: int
    TITLE: str
    combine: Callable[[Sequence[Any], Any], Any] = _call("predictions, options")
    Options: type[BaseModel] = NoOptions
    describe: Callable[[Any], str] = _call("options", default=_no_text)
    config_errors: Callable[[Any, int, str], Sequence[str]] = _call(
        "options, members, where", default=_no_errors
    )


@dataclass(frozen=True)
class Dataset:
    """A file in fusebench/datasets.

    Attributes:
        name: Name in the task file.
        VERSION: Increased when the pairs, their labels or their split change.
        TITLE: Name of the data set in messages.
        load: Lists the files of the data set below a data folder.
        CLASSES: Class names in the order of their ids; empty without labels.
        get_classes: Returns the class names, where the options or the files decide them; empty as
            long as the data set is not there.
        Options: Options in tasks.yaml.
        input_paths: Returns the folders and files that decide what `load` returns, so that a split
            can be kept until one of them changes; empty: it is loaded every time, as is that of a
            module of the user, whose code may change.
        is_generated: Returns whether simulated data is on disk already.
    """

    name: str
    VERSION: int
    TITLE: str
    load: Callable[[Path, Any], DatasetIndex] = _call("root, options")
    CLASSES: tuple[str, ...] = ()
    get_classes: Callable[[Path, Any], tuple[str, ...]] | None = _call(
        "root, options", default=None
    )
    Options: type[BaseModel] = NoOptions
    input_paths: Callable[[Path, Any], Sequence[Path]] = _call("root, options", default=_no_paths)
    is_generated: Callable[[Path, Any], bool] = _call("root, options", default=_is_present)

    def list_classes(self, root: Path, options: Any) -> tuple[str, ...]:
        """List the class names in the order of their ids; empty if they are not known."""
        if self.get_classes is None:
            return self.CLASSES
        return tuple(self.get_classes(root, options))


@dataclass(frozen=True)
class Corruption:
    """A file in fusebench/corruptions: makes the images of a test pair worse.

    Attributes:
        name: Name in the task file.
        VERSION: Increased when the images change.
        TITLE: Name of the corruption in tables and figures.
        corrupt: Returns the corrupted pair; ``severity`` is 1, 2 or 3, and everything random
            comes from ``generator``. The inputs are left as they were.
        changed_sensors: Returns the sensors whose images change.
        describe: Describes a severity with its physical quantity, e.g. ``visibility 100 m``.
        Options: Options in tasks.yaml.
        frames_back: Returns how many frames before the pair ``PairImages.earlier`` is; 0: the
            corruption needs none.
        module_hash: SHA-256 of a user's own module; empty for a file of this project. Set by
            `fusebench.plugins`.
    """

    name: str
    VERSION: int
    TITLE: str
    corrupt: Callable[[PairImages, int, Any, np.random.Generator], PairImages] = _call(
        "images, severity, options, generator"
    )
    changed_sensors: Callable[[Any], tuple[Sensor, ...]] = _call("options")
    describe: Callable[[int, Any], str] = _call("severity, options")
    Options: type[BaseModel] = NoOptions
    frames_back: Callable[[int, Any], int] = _call("severity, options", default=_no_frames)
    module_hash: str = ""


Contract = TypeVar(
    "Contract", FusionMethod, FusionMetric, TaskMetric, Model, Ensemble, Dataset, Corruption
)

TYPES: Mapping[str, tuple[type, str]] = {
    "VERSION": (int, "a whole number"),
    "TITLE": (str, "text"),
    "COLOR": (str, "text"),
    "COUNTS": (str, "a file name"),
    "PROTOCOL": (str, "text"),
    "FILES": (str, "text"),
    "UNDEFINED_REASON": (str, "text"),
    "CLASSES": (tuple, "a tuple of class names"),
    "INPUT_CHANNELS": (tuple, "a tuple of numbers"),
    "COLUMNS": (Mapping, "a mapping of names to Column"),
    "VARIANTS": (Mapping, "a mapping of names to Variant"),
}


def load_contract(contract: type[Contract], module: ModuleType, name: str) -> Contract:
    """Read a plug-in module into its contract.

    Args:
        contract: One of the classes above.
        module: The imported plug-in.
        name: Name of the plug-in in the task file.

    Raises:
        UserError: Listing everything that is missing in the module or does not fit.
    """
    values: dict[str, Any] = {"name": name}
    faults = []
    for entry in fields(contract):
        if entry.name == "name":
            continue
        value = getattr(module, entry.metadata.get("attribute", entry.name), MISSING)
        if value is MISSING or value is None:
            if entry.default is MISSING:
                faults.append(f"{entry.name} is missing")
            continue
        fault, checked = _check_value(entry, value)
        if fault:
            faults.append(fault)
        values[entry.name] = checked
    if faults:
        kind = " ".join(_split_words(contract.__name__))
        raise UserError(_format_faults(module, kind, faults))
    return contract(**values)


def check_function(module: ModuleType, name: str, arguments: str, kind: str) -> None:
    """Check a function of a plug-in that is in no contract.

    Raises:
        UserError: If it is not a function or does not take the arguments.
    """
    fault, _ = _check_function(name, getattr(module, name), arguments)
    if fault:
        raise UserError(_format_faults(module, kind, [fault]))


def _format_faults(module: ModuleType, kind: str, faults: Sequence[str]) -> str:
    return (
        f"{module.__file__ or module.__name__}: is no {kind}: {'; '.join(faults)}. "
        f"docs/extending.md has a template"
    )


def _check_value(entry: "Field[Any]", value: Any) -> tuple[str, Any]:
    """Return the error in one value of a module (empty if valid), and the value to use."""
    if "call" in entry.metadata:
        return _check_function(entry.name, value, entry.metadata["call"])
    if entry.name in ("Options", "Predict"):
        is_model = isinstance(value, type) and issubclass(value, BaseModel)
        return ("" if is_model else f"{entry.name} is not a pydantic model"), value
    if entry.name in TYPES:
        expected, description = TYPES[entry.name]
        fits = isinstance(value, expected) and not isinstance(value, bool)
        if not fits:
            return f"{entry.name} is {type(value).__name__}, expected {description}", value
        if entry.name in ("COLUMNS", "VARIANTS") and not value:
            return f"{entry.name} is empty", value
    return "", value


def _check_function(name: str, function: Any, arguments: str) -> tuple[str, Any]:
    """Return the error in a function's signature (empty if valid), and the function to use.

    The function to use drops optional arguments that the module's function does not take.
    """
    if not callable(function):
        return f"{name} is not a function", function
    positional, optional, keywords = _parse_arguments(arguments)
    signature = inspect.signature(function)
    for count in range(len(optional), -1, -1):
        try:
            signature.bind(*positional, *optional[:count], **dict.fromkeys(keywords))
        except TypeError:
            continue
        return "", _FirstArguments(function, len(positional) + count) if optional[
            count:
        ] else function
    expected = arguments.replace("[", "").replace("]", "")
    return f"{name}{signature} does not take ({expected})", function


@dataclass(frozen=True)
class _FirstArguments:
    """Wrapper that passes only the first ``count`` arguments; unlike a closure, picklable."""

    function: Callable[..., Any]
    count: int

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments[: self.count])


def _parse_arguments(text: str) -> tuple[list[str], list[str], list[str]]:
    """Split into positional, optional positional (in brackets) and keyword-only arguments."""
    head, _, bracketed = text.partition("[")
    positional, _, keywords = head.partition("*,")
    return (
        _split_names(positional),
        _split_names(bracketed.rstrip("]")),
        _split_names(keywords),
    )


def _split_names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _split_words(name: str) -> list[str]:
    """Split a class name into lower-case words: ``TaskMetric`` into ``task``, ``metric``."""
    starts = [place for place, letter in enumerate(name) if letter.isupper()]
    ends = [*starts[1:], len(name)]
    return [name[start:end].lower() for start, end in zip(starts, ends, strict=True)]
