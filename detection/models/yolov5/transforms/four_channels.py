"""ultralytics' augmentation of images of four channels: red, green, blue and infrared.

ultralytics moves, scales and flips all channels alike, but it neither changes the color of an image
of four channels nor reverses their order from OpenCV's blue, green, red. Here both are done for the
three channels of color alone: infrared has no hue, and stays as it is.
"""

from functools import partial
from typing import Any

import numpy as np


def treat_color_apart(yolo_dataset: Any) -> None:
    """Adapt the transforms of a ``YOLODataset`` of four channels, now and when they are rebuilt.

    Its images are blue, green, red, infrared as `cv2.imread` returns a PNG of four channels; its
    samples are red, green, blue, infrared.
    """
    yolo_dataset.build_transforms = partial(_build_transforms, yolo_dataset.build_transforms)


def _build_transforms(build: Any, *arguments: Any, **keywords: Any) -> Any:
    from ultralytics.data.augment import RandomHSV

    composed = build(*arguments, **keywords)
    for transform in composed.transforms:
        if isinstance(transform, RandomHSV):
            transform.apply_image = partial(_change_color, transform.apply_image)
    composed.append(_reverse_color)
    return composed


def _change_color(change: Any, labels: dict[str, Any], params: Any = None) -> dict[str, Any]:
    """Apply a transform of color images to the first three channels of ``labels["img"]``."""
    image = labels["img"]
    color = {**labels, "img": np.ascontiguousarray(image[..., :3])}
    labels["img"] = np.dstack([change(color, params)["img"], image[..., 3:]])
    return labels


def _reverse_color(labels: dict[str, Any]) -> dict[str, Any]:
    """Change the order of ``labels["img"]``, a tensor (4, H, W), from BGR + IR to RGB + IR."""
    labels["img"] = labels["img"][[2, 1, 0, 3]]
    return labels
