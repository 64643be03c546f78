"""Panels: boxes and label maps drawn over images. Arrays in, pictures out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fusebench.data.boxes import Boxes
from fusebench.data.fmb_palette import FMB_COLORS
from fusebench.data.images import Color, LabelMap
from reports.figures.crops import CropWindow
from reports.results import drawn_matches

PANEL_WIDTH = 400  # pixels of a panel
IMAGE_GAP = 4
TAG_HEIGHT = 14  # height of a word over a box
LEGEND_LINE_HEIGHT = 22  # pixels of a line of a legend
MAX_NAME_LENGTH = 20  # characters of a name

TRUTH_COLOR = "#ffffff"
TRUE_POSITIVE_COLOR = "#4ade80"
FALSE_POSITIVE_COLOR = "#fb923c"
FALSE_NEGATIVE_COLOR = "#fde047"
WINDOW_COLOR = "#22d3ee"
BACKGROUND_COLOR, TEXT_COLOR = "#ffffff", "#1c1917"


@dataclass(frozen=True)
class BoxOverlay:
    """One box to draw.

    Attributes:
        corners: left, top, right, bottom in pixels of the image.
        text: Written over it; empty for none.
        dash: Pixels of a dash; 0 draws through.
    """

    corners: NDArray[np.float64]
    text: str
    color: str
    dash_length: int


def build_class_colors(classes: Sequence[str]) -> NDArray[np.uint8]:
    """A color per class, uint8 (C, 3); FMB's where FMB has a class of that name."""
    spare = [(37 * i % 256, 91 * i % 256, (151 * i + 80) % 256) for i in range(1, len(classes) + 1)]
    found = [
        FMB_COLORS.get(name.lower(), other) for name, other in zip(classes, spare, strict=True)
    ]
    return np.array(found, np.uint8).reshape(-1, 3)


def crop_and_resize(
    image: Color | NDArray[np.uint8], window: CropWindow | None = None
) -> Image.Image:
    """An image, or a window of it, at the width of a panel."""
    return _resize_to_panel_width(Image.fromarray(_crop(image, window)), Image.Resampling.LANCZOS)


def build_truth_overlays(truth: Boxes, classes: Sequence[str]) -> list[BoxOverlay]:
    """The true boxes and their classes."""
    return [
        BoxOverlay(corners, shorten_name(classes[index]), TRUTH_COLOR, dash_length=0)
        for corners, index in zip(truth.corners, truth.class_ids, strict=True)
    ]


def build_prediction_overlays(
    truth: Boxes, predicted: Boxes, classes: Sequence[str]
) -> list[BoxOverlay]:
    """What was predicted: hits solid, false positives dashed; what was missed: dotted."""
    sure = drawn_matches.filter_by_confidence(predicted)
    hit, found = drawn_matches.classify_boxes(truth, sure)
    marks = [
        BoxOverlay(corners, "", FALSE_NEGATIVE_COLOR, dash_length=2)
        for corners in truth.corners[~found]
    ]
    for i, corners in enumerate(sure.corners):
        text = f"{shorten_name(classes[sure.class_ids[i]])} {sure.scores[i]:.2f}"
        color, dash = (TRUE_POSITIVE_COLOR, 0) if hit[i] else (FALSE_POSITIVE_COLOR, 6)
        marks.append(BoxOverlay(corners, text, color, dash))
    return marks


def draw_boxes(
    image: Color, marks: Sequence[BoxOverlay], window: CropWindow | None = None
) -> Image.Image:
    """An image, or a window of it, with boxes drawn over it."""
    shown = crop_and_resize(image, window)
    left, top, right, _ = window or (0, 0, image.shape[1], image.shape[0])
    scale, moved = PANEL_WIDTH / (right - left), np.array([left, top, left, top])
    tags = []
    for mark in marks:
        corners = (mark.corners - moved) * scale
        if (corners[:2] < shown.size).all() and (corners[2:] > 0).all():
            _draw_rectangle(shown, corners, mark.color, dash=mark.dash_length)
            tags.append((corners, mark.text, mark.color))
    _draw_tags(shown, [tag for tag in tags if tag[1]])
    return shown


def draw_window_outline(
    shown: Image.Image, window: CropWindow, size: tuple[int, int]
) -> Image.Image:
    """A picture of a whole image of that size with a window's edge drawn into it."""
    _draw_rectangle(shown, np.array(window, float) * (PANEL_WIDTH / size[0]), WINDOW_COLOR, dash=0)
    return shown


def draw_label_map(
    image: Color, labels: LabelMap, palette: NDArray[np.uint8], window: CropWindow | None = None
) -> Image.Image:
    """A label map, or a window of it, in its colors over a faint image."""
    faint = _crop(image, window).mean(axis=-1, keepdims=True)
    blended = 0.3 * faint + 0.7 * palette[_crop(labels, window)]
    whole = Image.fromarray(np.rint(blended).astype(np.uint8))
    return _resize_to_panel_width(whole, Image.Resampling.NEAREST)


def draw_label_errors(
    image: Color, truth: LabelMap, predicted: LabelMap, *, unlabeled: bool
) -> Image.Image:
    """A faint image, wrong pixels orange; pixels without a true label black if ``unlabeled``."""
    faint = 0.5 * image.mean(axis=-1, keepdims=True).repeat(3, axis=-1) + 90
    faint[truth != predicted] = (234, 88, 12)
    if unlabeled:
        faint[truth == 0] = (0, 0, 0)
    whole = Image.fromarray(np.rint(faint).clip(0, 255).astype(np.uint8))
    return _resize_to_panel_width(whole, Image.Resampling.NEAREST)


def draw_class_legend(classes: Sequence[str], palette: NDArray[np.uint8]) -> Image.Image:
    """Class names beside their colors, in two columns."""
    rows, step = -(-len(classes) // 2), LEGEND_LINE_HEIGHT
    sheet = Image.new("RGB", (PANEL_WIDTH, rows * step + IMAGE_GAP), BACKGROUND_COLOR)
    pen = ImageDraw.Draw(sheet)
    for i, name in enumerate(classes):
        left, top = (i // rows) * PANEL_WIDTH // 2 + 4, (i % rows) * step + 2
        fill = tuple(int(part) for part in palette[i])
        pen.rectangle((left, top, left + 24, top + step - 4), fill=fill, outline=TEXT_COLOR)
        pen.text(
            (left + 32, top + step / 2 - 2),
            shorten_name(name),
            fill=TEXT_COLOR,
            font=_load_font(14),
            anchor="lm",
        )
    return sheet


def stack_images(parts: Sequence[Image.Image]) -> Image.Image:
    """Pictures of one width under one another: a panel."""
    height = sum(part.height for part in parts) + IMAGE_GAP * (len(parts) - 1)
    whole = Image.new("RGB", (PANEL_WIDTH, height), BACKGROUND_COLOR)
    top = 0
    for part in parts:
        whole.paste(part, (0, top))
        top += part.height + IMAGE_GAP
    return whole


def shorten_name(name: str) -> str:
    """A name on one line, short enough to be written over a box."""
    words = " ".join(name.split())
    return (
        words
        if len(words) <= MAX_NAME_LENGTH
        else f"{words[: MAX_NAME_LENGTH - 1]}\N{HORIZONTAL ELLIPSIS}"
    )


def _crop(image: NDArray[np.uint8], window: CropWindow | None) -> NDArray[np.uint8]:
    if window is None:
        return image
    left, top, right, bottom = window
    return image[top:bottom, left:right]


def _resize_to_panel_width(whole: Image.Image, how: Image.Resampling) -> Image.Image:
    return whole.resize((PANEL_WIDTH, max(1, round(whole.height * PANEL_WIDTH / whole.width))), how)


def _draw_rectangle(
    shown: Image.Image, corners: NDArray[np.float64], color: str, *, dash: int
) -> None:
    """A rectangle with a dark edge, so that it is seen on light and on dark."""
    pen = ImageDraw.Draw(shown)
    for width, ink in ((4, "#000000"), (2, color)):
        for start, end in _iterate_strokes(corners, dash):
            pen.line((*start, *end), fill=ink, width=width)


Point = tuple[float, float]


def _iterate_strokes(corners: NDArray[np.float64], dash: int) -> Iterator[tuple[Point, Point]]:
    """The sides of a box, whole or cut into dashes of some pixels with gaps as long."""
    left, top, right, bottom = map(float, corners)
    points = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    for (x, y), (to_x, to_y) in pairwise(points):
        length = max(abs(to_x - x), abs(to_y - y))
        step = (to_x - x) / length, (to_y - y) / length
        for at in np.arange(0, length, 2 * dash) if dash else [0.0]:
            end = min(at + dash, length) if dash else length
            yield (x + step[0] * at, y + step[1] * at), (x + step[0] * end, y + step[1] * end)


def _draw_tags(shown: Image.Image, tags: Sequence[tuple[NDArray[np.float64], str, str]]) -> None:
    """Words over boxes' top left corners; of two that would overlap the first is written."""
    pen, font = ImageDraw.Draw(shown), _load_font(12)
    written: list[tuple[float, float, float]] = []  # left, right, top
    for corners, text, color in tags:
        width = pen.textlength(text, font=font) + 4
        left = min(max(0.0, float(corners[0])), max(0.0, shown.width - width))
        top = max(0.0, float(corners[1]) - TAG_HEIGHT)
        if any(left < r and left + width > f and abs(top - t) < TAG_HEIGHT for f, r, t in written):
            continue
        written.append((left, left + width, top))
        pen.rectangle((left, top, left + width, top + TAG_HEIGHT), fill="#000000")
        pen.text((left + 2, top + TAG_HEIGHT / 2), text, fill=color, font=font, anchor="lm")


def _load_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
