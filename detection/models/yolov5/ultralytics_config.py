"""Conversion of the options to ultralytics' configuration."""

from typing import Any

from detection.models.yolov5.options import Options


def build_config(options: Options, seed: int) -> Any:
    """Build ultralytics' configuration; everything that is not set here has its default."""
    from ultralytics.cfg import get_cfg
    from ultralytics.utils import DEFAULT_CFG

    config = get_cfg(
        DEFAULT_CFG,
        {
            "imgsz": options.image_size,
            "epochs": options.epochs,
            "batch": options.batch,
            "seed": seed,
            "mosaic": options.mosaic,
            "fliplr": options.flip,
            "hsv_h": options.hue,
            "hsv_s": options.saturation,
            "hsv_v": options.brightness,
            "scale": options.scale,
            "translate": options.translate,
            "degrees": options.degrees,
            "box": options.box_gain,
            "cls": options.class_gain,
            "dfl": options.distribution_gain,
            "plots": False,
        },
    )
    # None would add blurs wherever albumentations happens to be installed
    config.augmentations = []
    return config
