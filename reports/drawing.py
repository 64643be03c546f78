"""Sample pictures: boxes and label maps drawn over images. Arrays in, pictures out."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bench.boxes import Boxes
from bench.images import Color, Labels
from bench.palette import FMB
from reports import hits

WIDTH = 400  # pixels of one picture in a sheet
GAP = 6
TAG = 14  # height of a word over a box
STRIP = 24  # pixels of a line of text in a sheet

TRUTH = "#ffffff"
HIT = "#4ade80"
FALSE = "#fb923c"
MISSED = "#fde047"
PAPER, INK = "#ffffff", "#1c1917"


def colours(classes: Sequence[str]) -> NDArray[np.uint8]:
    """A colour per class, uint8 (C, 3); FMB's where FMB has a class of that name."""
    spare = [(37 * i % 256, 91 * i % 256, (151 * i + 80) % 256) for i in range(1, len(classes) + 1)]
    found = [FMB.get(name.lower(), other) for name, other in zip(classes, spare, strict=True)]
    return np.array(found, np.uint8).reshape(-1, 3)


def picture(image: Color | NDArray[np.uint8]) -> Image.Image:
    """An image at the width of a sheet's column."""
    whole = Image.fromarray(image)
    height = max(1, round(whole.height * WIDTH / whole.width))
    return whole.resize((WIDTH, height), Image.Resampling.LANCZOS)


def with_truth(image: Color, truth: Boxes, classes: Sequence[str]) -> Image.Image:
    """An image with its true boxes and their classes."""
    shown = picture(image)
    scale = WIDTH / image.shape[1]
    tags = []
    for corners, index in zip(truth.corners * scale, truth.classes, strict=True):
        _box(shown, corners, TRUTH, dash=0)
        tags.append((corners, classes[index], TRUTH))
    _tag(shown, tags)
    return shown


def with_predictions(
    image: Color, truth: Boxes, predicted: Boxes, classes: Sequence[str]
) -> Image.Image:
    """An image with what was predicted: hits solid, false positives dashed, misses dotted."""
    shown = picture(image)
    scale = WIDTH / image.shape[1]
    sure = hits.confident(predicted)
    hit, found = hits.match(truth, sure)
    for corners in truth.corners[~found] * scale:
        _box(shown, corners, MISSED, dash=2)
    tags = []
    for i, corners in enumerate(sure.corners * scale):
        colour = HIT if hit[i] else FALSE
        _box(shown, corners, colour, dash=0 if hit[i] else 6)
        tags.append((corners, f"{classes[sure.classes[i]]} {sure.scores[i]:.2f}", colour))
    _tag(shown, tags)
    return shown


def with_labels(image: Color, labels: Labels, palette: NDArray[np.uint8]) -> Image.Image:
    """A label map in its colours over a faint image."""
    blended = 0.3 * image.mean(axis=-1, keepdims=True) + 0.7 * palette[labels]
    return _resized_labels(np.rint(blended).astype(np.uint8))


def with_errors(image: Color, truth: Labels, predicted: Labels, *, unlabelled: bool) -> Image.Image:
    """A faint image, wrong pixels orange; pixels without a true label black if ``unlabelled``."""
    faint = 0.5 * image.mean(axis=-1, keepdims=True).repeat(3, axis=-1) + 90
    faint[truth != predicted] = (234, 88, 12)
    if unlabelled:
        faint[truth == 0] = (0, 0, 0)
    return _resized_labels(np.rint(faint).clip(0, 255).astype(np.uint8))


def legend(classes: Sequence[str], palette: NDArray[np.uint8], height: int) -> Image.Image:
    """Class names beside their colours, in two columns."""
    sheet = Image.new("RGB", (WIDTH, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    rows = -(-len(classes) // 2)
    step = min(STRIP, height // max(rows, 1))
    for i, name in enumerate(classes):
        left, top = (i // rows) * WIDTH // 2 + 4, (i % rows) * step + 2
        fill = tuple(int(part) for part in palette[i])
        pen.rectangle((left, top, left + 24, top + step - 4), fill=fill, outline=INK)
        pen.text((left + 32, top + step / 2 - 2), name, fill=INK, font=_font(14), anchor="lm")
    return sheet


def sheet(heads: Sequence[str], rows: Sequence[tuple[str, Sequence[Image.Image]]]) -> Image.Image:
    """Pictures in rows and columns, with a name over every column and a line over every row."""
    heights = [max(part.height for part in parts) for _, parts in rows]
    width = len(heads) * (WIDTH + GAP) + GAP
    whole = Image.new("RGB", (width, STRIP + sum(h + STRIP + GAP for h in heights)), PAPER)
    pen = ImageDraw.Draw(whole)
    for column, head in enumerate(heads):
        place = (GAP + column * (WIDTH + GAP) + WIDTH / 2, STRIP / 2 + 2)
        pen.text(place, head, fill=INK, font=_font(18), anchor="mm")
    top = STRIP
    for (title, parts), height in zip(rows, heights, strict=True):
        pen.text((GAP, top + STRIP / 2), title, fill=INK, font=_font(15), anchor="lm")
        for column, part in enumerate(parts):
            whole.paste(part, (GAP + column * (WIDTH + GAP), top + STRIP))
        top += STRIP + height + GAP
    return whole


def _resized_labels(image: NDArray[np.uint8]) -> Image.Image:
    whole = Image.fromarray(image)
    height = max(1, round(whole.height * WIDTH / whole.width))
    return whole.resize((WIDTH, height), Image.Resampling.NEAREST)


def _box(shown: Image.Image, corners: NDArray[np.float64], colour: str, *, dash: int) -> None:
    """A rectangle with a dark edge, so that it is seen on light and on dark."""
    pen = ImageDraw.Draw(shown)
    for width, ink in ((4, "#000000"), (2, colour)):
        for start, end in _strokes(corners, dash):
            pen.line((*start, *end), fill=ink, width=width)


Point = tuple[float, float]


def _strokes(corners: NDArray[np.float64], dash: int) -> Iterator[tuple[Point, Point]]:
    """The sides of a box, whole or cut into dashes of some pixels with gaps as long."""
    left, top, right, bottom = map(float, corners)
    points = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    for (x, y), (to_x, to_y) in pairwise(points):
        length = max(abs(to_x - x), abs(to_y - y))
        step = (to_x - x) / length, (to_y - y) / length
        for at in np.arange(0, length, 2 * dash) if dash else [0.0]:
            end = min(at + dash, length) if dash else length
            yield (x + step[0] * at, y + step[1] * at), (x + step[0] * end, y + step[1] * end)


def _tag(shown: Image.Image, tags: Sequence[tuple[NDArray[np.float64], str, str]]) -> None:
    """Words over boxes' top left corners; of two that would overlap the first is written."""
    pen, font = ImageDraw.Draw(shown), _font(12)
    written: list[tuple[float, float, float]] = []  # left, right, top
    for corners, text, colour in tags:
        width = pen.textlength(text, font=font) + 4
        left = min(max(0.0, float(corners[0])), max(0.0, shown.width - width))
        top = max(0.0, float(corners[1]) - TAG)
        if any(left < r and left + width > f and abs(top - t) < TAG for f, r, t in written):
            continue
        written.append((left, left + width, top))
        pen.rectangle((left, top, left + width, top + TAG), fill="#000000")
        pen.text((left + 2, top + TAG / 2), text, fill=colour, font=font, anchor="lm")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
