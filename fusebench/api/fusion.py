"""Public API of image fusion: fuse one pair of images, and score a fused image without labels."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench import plugins
from fusebench.contracts import FusionFunction
from fusebench.data.images import Color, Gray, luminance, view_read_only
from fusebench.experiments.resolution import resolve_fusion_metrics
from fusebench.option_values import validate_model

CACHED_METHODS = 4  # loaded methods that are kept, with their networks
EVALUATORS = "fusion.scoring.cache"  # imported by name, because the core must not import a stage


def fuse(
    method: str | Callable[[Gray, Color], Color],
    infrared: Gray,
    visible: Gray | Color,
    *,
    options: Mapping[str, Any] | None = None,
    device: str = "cpu",
) -> Color:
    """Fuse one registered pair of images.

    A named method is loaded at its first call and kept for the next ones with the same options,
    files and device, so that a loop over images reads weights once.

    Args:
        method: Name of a method, e.g. ``"dmfuse"``; or of a module of your own with a dot in its
            name, e.g. ``"mypackage.mymethod"``, that defines ``fuse(infrared, visible)``; or a
            function of infrared and visible image.
        infrared: uint8, (H, W).
        visible: uint8 RGB, (H, W, 3); or uint8 gray, (H, W), which gets three equal channels.
        options: Options of a named method, as in a task file. None: its defaults.
        device: ``cpu``, ``cuda``, ``cuda:1``; methods without a network ignore it.

    Returns:
        A new image, uint8 RGB, (H, W, 3). The inputs are left as they are.

    Raises:
        UserError: If there is no such method, or an option is wrong.
        TypeError: If an image is not a uint8 array, or ``options`` are given for a function.
        ValueError: If a shape is wrong, the sizes differ, or the method returns another shape.

    Examples:
        >>> import numpy as np
        >>> import fusebench
        >>> infrared = np.array([[0, 100]], np.uint8)
        >>> visible = np.array([[[10, 20, 30], [50, 50, 50]]], np.uint8)
        >>> fused = fusebench.fuse("average", infrared, visible)
        >>> fused.shape, fused.dtype
        ((1, 2, 3), dtype('uint8'))
        >>> fused[0, 1].tolist()
        [75, 75, 75]

        With an option, and with a function:

        >>> fusebench.fuse("average", infrared, visible, options={"infrared_weight": 1.0})[0, 1, 0]
        np.uint8(100)
        >>> def keep_visible(infrared, visible):
        ...     return visible.copy()
        >>> fusebench.fuse(keep_visible, infrared, visible)[0, 0].tolist()
        [10, 20, 30]
    """
    _check_image("infrared", infrared, gray=True, color=False)
    _check_image("visible", visible, gray=True, color=True)
    _check_sizes(infrared=infrared, visible=visible)
    color = np.stack([visible] * 3, axis=-1) if visible.ndim == 2 else visible
    fused = _get_function(method, options or {}, device)(infrared, color)
    _check_image("the fused image", fused, gray=False, color=True)
    _check_sizes(visible=visible, fused=fused)
    return fused


def fusion_metrics(
    infrared: Gray,
    visible: Gray | Color,
    fused: Gray | Color,
    metrics: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, float | None]:
    """Score a fused image against its two source images with fusion metrics.

    Color images are converted to BT.601 luminance, rounded to 8 bits. The values are those of
    ``fusebench quality`` for the same images, to the last digit. What several metrics need, e.g.
    gradients, is computed once.

    Args:
        infrared: uint8, (H, W), or RGB, (H, W, 3).
        visible: The same size.
        fused: The same size.
        metrics: Names as in a task file: ``name`` or ``name.variant``; or names with options.
            None: every metric in its default variant. ``fusebench quality --list`` lists names,
            variants, units, ranges, directions and sources.

    Returns:
        Name, as given, to value, in the metric's own unit. None where a metric is undefined for
        these images, e.g. because they are too small for its windows.

    Raises:
        UserError: If there is no such metric or variant, or one is named twice.
        TypeError: If an image is not a uint8 array.
        ValueError: If a shape is wrong or the sizes differ.

    Examples:
        >>> import numpy as np
        >>> import fusebench
        >>> halves = np.array([[0, 0], [255, 255]], np.uint8)
        >>> fusebench.fusion_metrics(halves, halves, halves, ["entropy", "mutual_information.bits"])
        {'entropy': 1.0, 'mutual_information.bits': 2.0}

        A metric whose window does not fit into the image is undefined:

        >>> fusebench.fusion_metrics(halves, halves, halves, ["structural_similarity"])
        {'structural_similarity': None}
    """
    grays = {}
    for name, image in (("infrared", infrared), ("visible", visible), ("fused", fused)):
        _check_image(name, image, gray=True, color=True)
        grays[name] = view_read_only(image if image.ndim == 2 else luminance(image))
    _check_sizes(**grays)
    if metrics is None:
        metrics = plugins.list_plugins(plugins.FUSION_METRICS)
    if isinstance(metrics, str):
        raise TypeError(f"metrics is the text {metrics!r}, expected a list: [{metrics!r}]")
    if not isinstance(metrics, Mapping):
        metrics = {name: {} for name in metrics}
    compute = import_module(EVALUATORS).CachingEvaluator(grays["infrared"], grays["visible"])
    return {
        metric.name: metric.plugin.measure(*grays.values(), metric.options, compute)
        for metric in resolve_fusion_metrics(metrics, "metrics")
    }


def _get_function(
    method: str | Callable[[Gray, Color], Color], options: Mapping[str, Any], device: str
) -> Callable[[Gray, Color], Color]:
    """Return the function of a method that is given by name, or the given function.

    Raises:
        UserError: If there is no such method, or an option is wrong.
        TypeError: If it is neither a name nor a function, or ``options`` are for a function.
    """
    if isinstance(method, str):
        return _load_method(method, options, device)
    if not callable(method):
        raise TypeError(f"method is {type(method).__name__}, expected a name or a function")
    if options:
        raise TypeError("options are for methods given by name; bind those of a function yourself")
    return method


def _load_method(name: str, options: Mapping[str, Any], device: str) -> FusionFunction:
    """Load a method by name; a cached one is used unless files that affect its result changed."""
    method = plugins.load_fusion_method(name)
    checked = validate_model(method.Options, options, f"options of method {name}")
    hashes = tuple(sorted(method.dependency_hashes(checked).items()))
    return _load_cached(name, checked.model_dump_json(), hashes, device)


@lru_cache(maxsize=CACHED_METHODS)
def _load_cached(
    name: str, options: str, hashes: tuple[tuple[str, str], ...], device: str
) -> FusionFunction:
    """Load a method with options given as JSON.

    Args:
        name: Name of the method.
        options: Its options as JSON.
        hashes: SHA-256 of the files that affect its result; only used as part of the cache key.
        device: Torch device of the network.
    """
    method = plugins.load_fusion_method(name)
    return method.load(method.Options.model_validate_json(options), device)


def _check_image(name: str, image: NDArray[Any], *, gray: bool, color: bool) -> None:
    """Check that ``image`` is uint8, (H, W) if ``gray`` is true or (H, W, 3) if ``color`` is.

    Raises:
        TypeError: If it is not a uint8 array.
        ValueError: If it has another shape or no pixels.
    """
    if not isinstance(image, np.ndarray):
        raise TypeError(f"{name} is {type(image).__name__}, expected a uint8 array")
    shapes = ["(H, W)"] * gray + ["(H, W, 3)"] * color
    fits = (gray and image.ndim == 2) or (color and image.ndim == 3 and image.shape[2] == 3)
    if not fits:
        raise ValueError(f"{name} has shape {image.shape}, expected {' or '.join(shapes)}")
    if image.dtype != np.uint8:
        raise TypeError(
            f"{name} is {image.dtype}, expected uint8, 0 to 255; scale, round and convert it first"
        )
    if image.size == 0:
        raise ValueError(f"{name} is empty: shape {image.shape}")


def _check_sizes(**images: NDArray[Any]) -> None:
    """Check that all images have the same height and width.

    Raises:
        ValueError: If they differ; names the size of each.
    """
    sizes = {name: image.shape[:2] for name, image in images.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise ValueError(f"the images differ in height and width: {listed}")
