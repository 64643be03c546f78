"""Agreements with SegMiF's released code and differences from it, for the protocol.

Source: github.com/JinyuanLiu-CV/SegMiF at 12eb8ee: ``configs/voc.yaml``, ``train.py``,
``datasets/voc_fusion2.py``, ``datasets/imutils.py``, ``core/segformer_head.py``.
"""

from typing import Any

from segmentation.models.segformer.options import Options

SEGMIF_OPTIONS: dict[str, Any] = {
    "backbone": "mit_b3",
    "embedding": 256,
    "head": "linear",
    "start_weights": "imagenet",
    "iterations": 70_000,
    "schedule": 160_000,
    "batch": 2,
    "shuffle": False,
    "crop": 480,
    "crop_share": 0.75,
    "padding": "anywhere",
    "rescale": (0.5, 2.0),
    "flip": 0.5,
    "distortion": False,
    "learning_rate": 8e-5,
    "head_factor": 10.0,
    "weight_decay": 0.01,
    "betas": (0.9, 0.999),
    "warm_up": 3000,
    "warm_up_ratio": 1e-6,
    "power": 1.0,
    "drop_path": 0.1,
    "dropout": 0.1,
    "ignore_unlabeled": False,
    "mixed_precision": False,
}
UNCONDITIONAL_DIFFERENCES = (  # with any options; SegMiF's in parentheses
    "last model (best on the test images)",
    "one training (seven rounds between trainings of the fusion, each from the best model with a "
    "new optimizer)",
    "resized by OpenCV (Pillow)",
)


def list_agreements(options: Options) -> tuple[str, ...]:
    """List the options with SegMiF's value, as name and value."""
    return tuple(
        f"{_format_name(name)} {_format_value(value)}"
        for name, value in SEGMIF_OPTIONS.items()
        if _get_option(options, name) == value
    )


def list_differences(options: Options) -> tuple[str, ...]:
    """List all differences, each with SegMiF's value in parentheses."""
    differences = []
    for name, segmif_value in SEGMIF_OPTIONS.items():
        value = _get_option(options, name)
        if value != segmif_value:
            formatted = f"{_format_value(value)} ({_format_value(segmif_value)})"
            differences.append(f"{_format_name(name)} {formatted}")
    return (*differences, *UNCONDITIONAL_DIFFERENCES)


def _get_option(options: Options, name: str) -> Any:
    """Return the effective value of an option; of a path its file name."""
    value = getattr(options, name)
    if name == "start_weights":
        return value.replace("\\", "/").rsplit("/", 1)[-1]  # folders depend on the machine
    return options.iterations if name == "schedule" and value is None else value


def _format_name(name: str) -> str:
    return name.replace("_", " ")


def _format_value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return "-".join(map(_format_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
