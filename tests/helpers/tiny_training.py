"""Tiny pairs on disk and tiny recipes for the tests of training."""

import numpy as np
from PIL import Image

from fusion.training.recipe.schema import RECIPES

SIZE = (48, 40)


def write_pairs(root, keys=("a", "b", "c"), size=SIZE):
    """Write smooth, different pairs: a bright spot in infrared, stripes in visible."""
    rng = np.random.default_rng(5)
    for name in ("ir", "vi"):
        (root / "folder" / name).mkdir(parents=True, exist_ok=True)
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    for key in keys:
        center = rng.uniform(10, 30, 2)
        spot = 220 * np.exp(-((x - center[0]) ** 2 + (y - center[1]) ** 2) / 60) + 20
        stripes = 120 + 90 * np.sin(x / rng.uniform(2, 5) + y / 9)
        infrared, visible = spot.astype(np.uint8), stripes.astype(np.uint8)
        Image.fromarray(infrared).save(root / "folder/ir" / f"{key}.png")
        Image.fromarray(np.dstack([visible] * 3)).save(root / "folder/vi" / f"{key}.png")
    return root


FOLDER_DATA = {"dataset": "folder", "split": "all"}
STAGE_OPTIONS = {
    "data": [FOLDER_DATA],
    "held_out": 1,
    "patch": 32,
    "batch": 2,
    "steps": 6,
    "learning_rate": 1e-3,
    "warmup": 1,
}
RECIPE_OPTIONS = {
    "dmfuse": {
        "denoising": {"inner": 8, "channels": 1, "timesteps": 200},
        "diffusion": STAGE_OPTIONS,
        "fusion": STAGE_OPTIONS,
        "finetuning": STAGE_OPTIONS,
    },
    "dmnet": {
        "architecture": {"inner": 8, "features": 8, "heads": 2, "image_size": 64},
        "timesteps": 200,
        "stage1": STAGE_OPTIONS,
        "stage2": STAGE_OPTIONS,
        "finetuning": STAGE_OPTIONS,
    },
}


def build_recipe(method, **changes):
    """Build the tiny recipe of a method; ``fusion={"steps": 3}`` changes a section."""
    options = dict(RECIPE_OPTIONS[method])
    for name, value in changes.items():
        options[name] = {**options.get(name, {}), **value} if isinstance(value, dict) else value
    return RECIPES[method].model_validate(options)
