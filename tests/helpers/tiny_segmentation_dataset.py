"""Tiny data set in FMB's folder layout; the gray level of a pixel gives its class."""

from pathlib import Path

import numpy as np
from PIL import Image

from fusebench.data.labeled_images import LabeledImages
from fusebench.data.split_builder import load_split
from fusebench.datasets import fmb

SIZE = (96, 64)
GRAY_LEVELS = {0: 0, 1: 90, 7: 200, 9: 140}  # unlabeled, road, sky, car


def write_fmb_folder(root: Path, train: int = 6, test: int = 3) -> Path:
    """Write sky above, road below, a car between, unlabeled pixels at the top; keys 00000, ..."""
    rng = np.random.default_rng(0)
    for split, numbers in (("train", range(train)), ("test", range(train, train + test))):
        for number in numbers:
            labels = np.full(SIZE[::-1], 7, np.uint8)
            labels[32:] = 1
            labels[:2] = 0
            left, top = rng.integers(0, 70), rng.integers(20, 40)
            labels[top : top + 20, left : left + 24] = 9
            gray = np.vectorize(GRAY_LEVELS.get)(labels) + rng.normal(0, 6, labels.shape)
            gray = gray.clip(0, 255).astype(np.uint8)
            color = np.stack([gray, gray // 2, 255 - gray], axis=-1)
            for name, image in (("Infrared", gray), ("Visible", color), ("Label", labels)):
                folder = root / "fmb" / split / name
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(folder / f"{number:05d}.png")
    return root


def load_labeled_images(root: Path, split_name: str = "train") -> LabeledImages:
    split = load_split(fmb.load, root, split_name, fmb.Options())
    return LabeledImages({pair.key: pair.visible for pair in split.pairs}, split)
