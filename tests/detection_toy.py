"""A toy data set for the detection tests: bright rectangles on dark noise, two classes by shape."""

from pathlib import Path

import numpy as np
from dataset_trees import voc

from bench import images
from bench.boxes import make
from bench.examples import Examples
from bench.pairs import Pair, Split

CLASSES = ("wide", "tall")
SIZE = (96, 64)


def examples(folder: Path, count: int, *, name: str = "train", first: int = 0) -> Examples:
    """``count`` images of 96 x 64 pixels with one or two boxes each, drawn from their number."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs, paths = [], {}
    for number in range(first, first + count):
        key = f"{number:03}"
        draw = np.random.default_rng(number)
        image = draw.integers(0, 60, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
        corners, classes = [], []
        for place in range(1 + number % 2):
            kind = int(draw.integers(2))
            width, height = (28, 12) if kind == 0 else (12, 28)
            left = int(draw.integers(2, 16)) + 48 * place
            top = int(draw.integers(2, 32))
            image[top : top + height, left : left + width] = (250, 200 * kind, 40)
            corners.append([left, top, left + width, top + height])
            classes.append(kind)
        paths[key] = folder / f"{key}.png"
        images.write(paths[key], image)
        scene = "day" if number % 2 else "night"
        boxes = make(corners, classes)
        pairs.append(Pair(key, paths[key], paths[key], SIZE, boxes=boxes, scene=scene))
    return Examples(paths, Split("toy", name, CLASSES, tuple(pairs)))


def tree(folder: Path, train: int, test: int) -> None:
    """The toy as an official M3FD tree: wide boxes are cars, tall ones people."""
    names = ("Car", "People")
    lists = {"train": examples(folder / "Vis", train), "test": None}
    lists["test"] = examples(folder / "Vis", test, name="test", first=500)
    (folder / "meta").mkdir()
    for name, shown in lists.items():
        (folder / f"meta/{name}.txt").write_text("\n".join(shown.split.keys))
        for pair in shown.split.pairs:
            objects = [
                (names[kind], *(int(edge) for edge in corners))
                for kind, corners in zip(pair.boxes.classes, pair.boxes.corners, strict=True)
            ]
            voc(folder / "Annotation" / f"{pair.key}.xml", objects, SIZE)
            gray = images.read_gray(pair.visible)
            (folder / "Ir").mkdir(exist_ok=True)
            images.write(folder / "Ir" / f"{pair.key}.png", gray)
