"""A small data set in FMB's tree whose images say what their masks are."""

from pathlib import Path

import numpy as np
from PIL import Image

from fusebench.data.labeled_images import LabeledImages
from fusebench.datasets import fmb

SIZE = (96, 64)
GRAY_LEVELS = {0: 0, 1: 90, 7: 200, 9: 140}  # unlabeled, road, sky, car


def write_fmb_folder(root: Path, train: int = 6, test: int = 3) -> Path:
    """Sky above, road below, a car in between, unlabeled pixels at the top; keys 00000, ..."""
    noise = np.random.default_rng(0)
    for part, numbers in (("train", range(train)), ("test", range(train, train + test))):
        for number in numbers:
            mask = np.full(SIZE[::-1], 7, np.uint8)
            mask[32:] = 1
            mask[:2] = 0
            left, top = noise.integers(0, 70), noise.integers(20, 40)
            mask[top : top + 20, left : left + 24] = 9
            gray = np.vectorize(GRAY_LEVELS.get)(mask) + noise.normal(0, 6, mask.shape)
            gray = gray.clip(0, 255).astype(np.uint8)
            color = np.stack([gray, gray // 2, 255 - gray], axis=-1)
            for name, image in (("Infrared", gray), ("Visible", color), ("Label", mask)):
                folder = root / "fmb" / part / name
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(folder / f"{number:05d}.png")
    return root


def load_labeled_images(root: Path, part: str = "train") -> LabeledImages:
    split = fmb.load(root, part)
    return LabeledImages({pair.key: pair.visible for pair in split.pairs}, split)
