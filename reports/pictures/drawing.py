"""Panels: boxes and label maps drawn over images. Arrays in, pictures out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bench.boxes import Boxes
from bench.images import Color, Labels
from bench.palette import FMB
from reports.pictures.crops import Window
from reports.records import hits

WIDTH = 400  # pixels of a panel
GAP = 4
TAG = 14  # height of a word over a box
STRIP = 22  # pixels of a line of a legend
LONGEST = 20  # characters of a name

TRUTH = "#ffffff"
HIT = "#4ade80"
FALSE = "#fb923c"
MISSED = "#fde047"
FRAME = "#22d3ee"
PAPER, INK = "#ffffff", "#1c1917"


@dataclass(frozen=True)
class Mark:
    """One box to draw.

    Attributes:
        corners: left, top, right, bottom in pixels of the image.
        text: Written over it; empty for none.
        dash: Pixels of a dash; 0 draws through.
    """

    corners: NDArray[np.float64]
    text: str
    colour: str
    dash: int


def colours(classes: Sequence[str]) -> NDArray[np.uint8]:
    """A colour per class, uint8 (C, 3); FMB's where FMB has a class of that name."""
    spare = [(37 * i % 256, 91 * i % 256, (151 * i + 80) % 256) for i in range(1, len(classes) + 1)]
    found = [FMB.get(name.lower(), other) for name, other in zip(classes, spare, strict=True)]
    return np.array(found, np.uint8).reshape(-1, 3)


def picture(image: Color | NDArray[np.uint8], window: Window | None = None) -> Image.Image:
    """An image, or a window of it, at the width of a panel."""
    return _at_width(Image.fromarray(_cut(image, window)), Image.Resampling.LANCZOS)


def truth_marks(truth: Boxes, classes: Sequence[str]) -> list[Mark]:
    """The true boxes and their classes."""
    return [
        Mark(corners, line(classes[index]), TRUTH, dash=0)
        for corners, index in zip(truth.corners, truth.classes, strict=True)
    ]


def prediction_marks(truth: Boxes, predicted: Boxes, classes: Sequence[str]) -> list[Mark]:
    """What was predicted: hits solid, false positives dashed; what was missed: dotted."""
    sure = hits.confident(predicted)
    hit, found = hits.match(truth, sure)
    marks = [Mark(corners, "", MISSED, dash=2) for corners in truth.corners[~found]]
    for i, corners in enumerate(sure.corners):
        text = f"{line(classes[sure.classes[i]])} {sure.scores[i]:.2f}"
        colour, dash = (HIT, 0) if hit[i] else (FALSE, 6)
        marks.append(Mark(corners, text, colour, dash))
    return marks


def boxed(image: Color, marks: Sequence[Mark], window: Window | None = None) -> Image.Image:
    """An image, or a window of it, with boxes drawn over it."""
    shown = picture(image, window)
    left, top, right, _ = window or (0, 0, image.shape[1], image.shape[0])
    scale, moved = WIDTH / (right - left), np.array([left, top, left, top])
    tags = []
    for mark in marks:
        corners = (mark.corners - moved) * scale
        if (corners[:2] < shown.size).all() and (corners[2:] > 0).all():
            _box(shown, corners, mark.colour, dash=mark.dash)
            tags.append((corners, mark.text, mark.colour))
    _tag(shown, [tag for tag in tags if tag[1]])
    return shown


def framed(shown: Image.Image, window: Window, size: tuple[int, int]) -> Image.Image:
    """A picture of a whole image of that size with a window's edge drawn into it."""
    _box(shown, np.array(window, float) * (WIDTH / size[0]), FRAME, dash=0)
    return shown


def with_labels(
    image: Color, labels: Labels, palette: NDArray[np.uint8], window: Window | None = None
) -> Image.Image:
    """A label map, or a window of it, in its colours over a faint image."""
    faint = _cut(image, window).mean(axis=-1, keepdims=True)
    blended = 0.3 * faint + 0.7 * palette[_cut(labels, window)]
    whole = Image.fromarray(np.rint(blended).astype(np.uint8))
    return _at_width(whole, Image.Resampling.NEAREST)


def with_errors(image: Color, truth: Labels, predicted: Labels, *, unlabelled: bool) -> Image.Image:
    """A faint image, wrong pixels orange; pixels without a true label black if ``unlabelled``."""
    faint = 0.5 * image.mean(axis=-1, keepdims=True).repeat(3, axis=-1) + 90
    faint[truth != predicted] = (234, 88, 12)
    if unlabelled:
        faint[truth == 0] = (0, 0, 0)
    whole = Image.fromarray(np.rint(faint).clip(0, 255).astype(np.uint8))
    return _at_width(whole, Image.Resampling.NEAREST)


def legend(classes: Sequence[str], palette: NDArray[np.uint8]) -> Image.Image:
    """Class names beside their colours, in two columns."""
    rows, step = -(-len(classes) // 2), STRIP
    sheet = Image.new("RGB", (WIDTH, rows * step + GAP), PAPER)
    pen = ImageDraw.Draw(sheet)
    for i, name in enumerate(classes):
        left, top = (i // rows) * WIDTH // 2 + 4, (i % rows) * step + 2
        fill = tuple(int(part) for part in palette[i])
        pen.rectangle((left, top, left + 24, top + step - 4), fill=fill, outline=INK)
        pen.text((left + 32, top + step / 2 - 2), line(name), fill=INK, font=_font(14), anchor="lm")
    return sheet


def stack(parts: Sequence[Image.Image]) -> Image.Image:
    """Pictures of one width under one another: a panel."""
    height = sum(part.height for part in parts) + GAP * (len(parts) - 1)
    whole = Image.new("RGB", (WIDTH, height), PAPER)
    top = 0
    for part in parts:
        whole.paste(part, (0, top))
        top += part.height + GAP
    return whole


def line(name: str) -> str:
    """A name on one line, short enough to be written over a box."""
    words = " ".join(name.split())
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def _cut(image: NDArray[np.uint8], window: Window | None) -> NDArray[np.uint8]:
    if window is None:
        return image
    left, top, right, bottom = window
    return image[top:bottom, left:right]


def _at_width(whole: Image.Image, how: Image.Resampling) -> Image.Image:
    return whole.resize((WIDTH, max(1, round(whole.height * WIDTH / whole.width))), how)


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
