"""What a plug-in module has to define, and the defaults of what it may leave out.

One frozen dataclass per kind of plug-in. Its fields are the names that the module defines; a field
with a default may be missing there. `load_contract` reads a module into its contract and reports
everything that does not fit in one error, so that no other code looks into a plug-in module.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Color, Gray
from fusebench.data.pairs import Split
from fusebench.errors import UserError
from fusebench.evaluation.counts import ClassScores, Counts, ImageCounts
from fusebench.storage.records import Column, Scalar


class NoOptions(BaseModel):
    """The options of a plug-in for which tasks.yaml may set nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FusionFunction(Protocol):
    """Fuse one pair: uint8 (H, W) and uint8 RGB (H, W, 3) in, uint8 RGB (H, W, 3) out."""

    def __call__(self, infrared: Gray, visible: Color) -> Color:
        """Return a new array; the inputs are left as they were."""
        ...


class MetricVariant(Protocol):
    """One of the definitions that go by a fusion metric's name."""

    @property
    def description(self) -> str:
        """What it computes."""
        ...

    @property
    def known_fault(self) -> str:
        """Why it is known to be wrong; empty if it is not."""
        ...

    @property
    def minimum(self) -> float | None:
        """Least possible value; None if there is none."""
        ...

    @property
    def maximum(self) -> float | None:
        """Largest possible value; None if there is none."""
        ...

    @property
    def unit(self) -> str:
        """Empty where the number has none."""
        ...

    @property
    def better(self) -> str:
        """``higher`` or ``lower``."""
        ...

    @property
    def is_symmetric(self) -> bool:
        """Whether the two sources can be exchanged."""
        ...

    def build_column(self, title: str) -> Column:
        """How a table heads it."""
        ...


def _call(arguments: str, **keywords: Any) -> Any:
    """A field that holds a function called with these arguments.

    Args:
        arguments: E.g. ``"counts, classes, options, [columns]"``; arguments in brackets are passed
            only if the function takes them.
        keywords: ``default`` where the module may leave the function out.
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


def _predict_all_classes(_options: Any, classes: Sequence[str]) -> set[str]:
    return set(classes)


@dataclass(frozen=True)
class FusionMethod:
    """A file in fusion/methods, or any importable module; the function ``fuse`` alone is enough.

    Attributes:
        VERSION: Raised when the output changes.
        load: Makes the fusing function; what is expensive happens here, once.
        Options: What tasks.yaml may set.
        COLOR: How color is handled, in words, for the protocol.
        dependency_hashes: SHA-256 of every file that decides the result, by name.
        load_network: The network that `load` fuses with, whose operations are counted; or None.
    """

    name: str
    VERSION: int
    load: Callable[[Any, str], FusionFunction] = _call("options, [device]")
    Options: type[BaseModel] = NoOptions
    COLOR: str = "as the method returns it"
    dependency_hashes: Callable[[Any], Mapping[str, str]] = _call("options", default=_no_values)
    load_network: Callable[[Any, str], Any] | None = _call("options, device", default=None)


@dataclass(frozen=True)
class FusionMetric:
    """A file in fusion/metrics: a number for one fused image and its two sources.

    Attributes:
        VERSION: Raised when a value changes.
        TITLE: Short name, as the literature writes it.
        VARIANTS: Name to definition; the first is the default.
        measure: The value, or None where it is undefined.
        Options: With a field ``variant`` where there are several.
        note: What has to be known about a value, e.g. that it counts something undefined as 0.
        UNDEFINED_REASON: Why a value can be undefined.
        docstring: The module's: its first line is the title of the metric in lists, ``Source:``
            names the paper.
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
        VERSION: Raised when a score changes.
        COLUMNS: Name to heading of every column of `score`.
        count: Counts of one image: a numeric array of a shape that is the same for every image,
            or `fusebench.evaluation.counts.Detections` where scores of single predictions matter.
        score: Per column an array (R, C), NaN where undefined, from R sums of counts. Arrays come
            with the shape (R, ...), `Detections` as `WeightedDetections`. ``columns`` are the
            names of those that are needed.
        Options: What tasks.yaml may set.
        COUNTS: Name of the file of the counts; metrics that count the same thing may share one.
        protocol: What a reader has to know to repeat the number.
        scored_classes: Names of the classes that are shown and averaged, some of ``classes``.
        average: The mean (R,) over scored classes from their scores (R, S).
        conventions: Other means from the scores (C,) of all classes: name of the convention to
            column to mean.
        sample_sizes: What was measured on, from one sum of counts.
        config_errors: Everything that is wrong with the options for these classes.
        check_confidence: Raises UserError if predictions above this confidence are too few.
        warnings: What a reader has to know about these predictions.
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
        """Name of the file of the counts beside a record."""
        return self.COUNTS or f"{self.name}.npz"


@dataclass(frozen=True)
class Model:
    """A file in detection/models or segmentation/models.

    Attributes:
        VERSION: Raised when predictions change.
        TITLE: What the model is called in messages.
        Options: What decides the trained model.
        train: Train on labeled images into ``folder``; resumes what it finds there.
        predict: Predict the test images: boxes by key, or pairs of key and label map.
        Predict: What decides predictions, but not the trained model.
        protocol: What a reader has to know to repeat the numbers.
        PROTOCOL: ``retrained``, or what kind of experiment it is where nothing is trained.
        FILES: What the user's prediction files are called in messages.
        dependency_hashes: SHA-256 of the files that decide the result, by name.
        resolve_paths: The options with ``{source}``, ``{dataset}``, ``{split}`` filled in; or
            None for a model without such files.
        download: Fetch weights that were trained elsewhere into ``folder``; or None.
        download_options: The options that decide what `download` leaves.
        config_errors: Everything that is wrong with the options for these classes.
        mapped_classes: Which of the classes the model can predict.
        check: Read the model's own files once before anything is computed; or None.
        check_predictions: The same for the user's prediction files; or None.
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
    check: Callable[[Any, Path], None] | None = _call("options, folder", default=None)
    check_predictions: Callable[[Any, Split], None] | None = _call("options, split", default=None)


@dataclass(frozen=True)
class Dataset:
    """A file in fusebench/datasets.

    Attributes:
        VERSION: Raised when the pairs, their labels or their split change.
        TITLE: What the data set is called in messages.
        CLASSES: Class names in the order of their ids; empty without labels.
        Options: What tasks.yaml may set.
        load: The pairs of ``train``, ``test`` or ``all`` below a data folder.
        is_generated: Whether simulated data is on disk already.
    """

    name: str
    VERSION: int
    TITLE: str
    CLASSES: tuple[str, ...]
    load: Callable[[Path, Literal["train", "test", "all"] | str, Any], Split] = _call(
        "root, split, options"
    )
    Options: type[BaseModel] = NoOptions
    is_generated: Callable[[Path, Any], bool] = _call("root, options", default=_is_present)


Contract = TypeVar("Contract", FusionMethod, FusionMetric, TaskMetric, Model, Dataset)

TYPES: Mapping[str, tuple[type, str]] = {
    "VERSION": (int, "a whole number"),
    "TITLE": (str, "text"),
    "COLOR": (str, "text"),
    "COUNTS": (str, "a file name"),
    "PROTOCOL": (str, "text"),
    "FILES": (str, "text"),
    "UNDEFINED_REASON": (str, "text"),
    "CLASSES": (tuple, "a tuple of class names"),
    "COLUMNS": (Mapping, "a mapping of names to Column"),
    "VARIANTS": (Mapping, "a mapping of names to Variant"),
}


def load_contract(contract: type[Contract], module: ModuleType, name: str) -> Contract:
    """Read a plug-in module into its contract.

    Args:
        contract: One of the classes above.
        module: The imported plug-in.
        name: The name it was asked for by.

    Raises:
        UserError: Naming everything that is missing in the module or does not fit.
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
        UserError: If it is no function or does not take the arguments.
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
    """What is wrong with one value of a module (empty if nothing), and the value to use."""
    if "call" in entry.metadata:
        return _check_function(entry.name, value, entry.metadata["call"])
    if entry.name in ("Options", "Predict"):
        is_model = isinstance(value, type) and issubclass(value, BaseModel)
        return ("" if is_model else f"{entry.name} is no pydantic model"), value
    if entry.name in TYPES:
        expected, description = TYPES[entry.name]
        fits = isinstance(value, expected) and not isinstance(value, bool)
        if not fits:
            return f"{entry.name} is {type(value).__name__}, expected {description}", value
        if entry.name in ("COLUMNS", "VARIANTS") and not value:
            return f"{entry.name} is empty", value
    return "", value


def _check_function(name: str, function: Any, arguments: str) -> tuple[str, Any]:
    """Whether a function takes the arguments; optional ones that it does not take are dropped."""
    if not callable(function):
        return f"{name} is no function", function
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
    """A function that takes fewer arguments than it is called with; can be sent to a process."""

    function: Callable[..., Any]
    count: int

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments[: self.count])


def _parse_arguments(text: str) -> tuple[list[str], list[str], list[str]]:
    """The positional, the optional positional (in brackets) and the keyword arguments."""
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
    """``TaskMetric`` as ``task``, ``metric``."""
    starts = [place for place, letter in enumerate(name) if letter.isupper()]
    ends = [*starts[1:], len(name)]
    return [name[start:end].lower() for start, end in zip(starts, ends, strict=True)]
