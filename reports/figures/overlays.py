"""Boxes and label maps drawn over images: arrays in, images out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fusebench.data.boxes import Boxes
from fusebench.data.fmb_palette import FMB_COLORS
from fusebench.data.images import Color, LabelMap
from fusebench.data.label_maps import UNLABELED_NAMES
from fusebench.evaluation import box_matching
from reports.figures import fonts
from reports.figures.zoom_windows import ZoomWindow
from reports.results import drawn_matches

PANEL_WIDTH = 400  # pixels
IMAGE_GAP = 4  # pixels between the images of a panel
TAG_HEIGHT = 14  # pixels of the text over a box
LEGEND_LINE_HEIGHT = 22  # pixels
MAX_NAME_LENGTH = 20  # characters
DASH_LENGTH, DOT_LENGTH = 6, 2  # pixels

TRUTH_COLOR = "#ffffff"
TRUE_POSITIVE_COLOR = "#4ade80"
FALSE_POSITIVE_COLOR = "#fb923c"
FALSE_NEGATIVE_COLOR = "#fde047"
WINDOW_COLOR = "#22d3ee"
WRONG_PIXEL_COLOR, UNLABELED_PIXEL_COLOR = (234, 88, 12), (0, 0, 0)
BACKGROUND_COLOR, TEXT_COLOR = "#ffffff", "#1c1917"
CLASS_COLORS = {
    **FMB_COLORS,
    **dict.fromkeys((*UNLABELED_NAMES, "background"), UNLABELED_PIXEL_COLOR),
}

Point = tuple[float, float]


@dataclass(frozen=True)
class BoxOverlay:
    """One box to draw.

    Attributes:
        corners: left, top, right, bottom in pixels of the image.
        text: Written over the box; empty for none.
        color: Of line and text.
        dash_length: Pixels of a dash; 0 for a solid line.
    """

    corners: NDArray[np.float64]
    text: str
    color: str
    dash_length: int


def build_class_colors(classes: Sequence[str]) -> NDArray[np.uint8]:
    """Build the color of every class, uint8 (C, 3).

    FMB's where FMB has a class of that name; classes of unlabeled pixels and background are black.
    """
    other_colors = [
        (37 * i % 256, 91 * i % 256, (151 * i + 80) % 256) for i in range(1, len(classes) + 1)
    ]
    colors = [
        CLASS_COLORS.get(name.lower(), other)
        for name, other in zip(classes, other_colors, strict=True)
    ]
    return np.array(colors, np.uint8).reshape(-1, 3)


def crop_and_resize(
    image: Color | NDArray[np.uint8], window: ZoomWindow | None = None
) -> Image.Image:
    """Resize an image, or a window of it, to the width of a panel."""
    return _resize_to_panel_width(Image.fromarray(_crop(image, window)), Image.Resampling.LANCZOS)


def build_truth_overlays(truth: Boxes, classes: Sequence[str]) -> list[BoxOverlay]:
    """Build the overlays of the true boxes, with their classes; ignored boxes are dashed."""
    return [
        BoxOverlay(
            corners,
            "" if is_ignored else shorten_name(classes[index]),
            TRUTH_COLOR,
            DASH_LENGTH if is_ignored else 0,
        )
        for corners, index, is_ignored in zip(
            truth.corners, truth.class_ids, truth.ignored, strict=True
        )
    ]


def build_prediction_overlays(
    truth: Boxes, predicted: Boxes, classes: Sequence[str]
) -> list[BoxOverlay]:
    """Build the overlays of predictions at the drawn confidence.

    True positives are solid, false positives dashed, false negatives dotted. Ignored true boxes and
    the predictions on them are left out.
    """
    confident = drawn_matches.filter_by_confidence(predicted)
    confident = box_matching.drop_predictions_on_ignored_boxes(truth, confident)
    truth = truth.drop_ignored()
    is_true_positive, is_detected = drawn_matches.classify_boxes(truth, confident)
    overlays = [
        BoxOverlay(corners, "", FALSE_NEGATIVE_COLOR, DOT_LENGTH)
        for corners in truth.corners[~is_detected]
    ]
    for i, corners in enumerate(confident.corners):
        text = f"{shorten_name(classes[confident.class_ids[i]])} {confident.scores[i]:.2f}"
        if is_true_positive[i]:
            overlays.append(BoxOverlay(corners, text, TRUE_POSITIVE_COLOR, dash_length=0))
        else:
            overlays.append(BoxOverlay(corners, text, FALSE_POSITIVE_COLOR, DASH_LENGTH))
    return overlays


def draw_boxes(
    image: Color, overlays: Sequence[BoxOverlay], window: ZoomWindow | None = None
) -> Image.Image:
    """Draw boxes over an image, or over a window of it."""
    panel = crop_and_resize(image, window)
    left, top, right, _ = window or (0, 0, image.shape[1], image.shape[0])
    scale, offset = PANEL_WIDTH / (right - left), np.array([left, top, left, top])
    tags = []
    for overlay in overlays:
        corners = (overlay.corners - offset) * scale
        if (corners[:2] < panel.size).all() and (corners[2:] > 0).all():
            _draw_rectangle(panel, corners, overlay.color, dash_length=overlay.dash_length)
            tags.append((corners, overlay.text, overlay.color))
    _draw_tags(panel, [tag for tag in tags if tag[1]])
    return panel


def draw_window_outline(
    panel: Image.Image, window: ZoomWindow, size: tuple[int, int]
) -> Image.Image:
    """Draw the outline of a window over a panel of the whole image; ``size`` is the image's."""
    scale = PANEL_WIDTH / size[0]
    _draw_rectangle(panel, np.array(window, float) * scale, WINDOW_COLOR, dash_length=0)
    return panel


def draw_label_map(
    image: Color,
    label_map: LabelMap,
    palette: NDArray[np.uint8],
    window: ZoomWindow | None = None,
) -> Image.Image:
    """Draw a label map, or a window of it, over a faint gray image; unlabeled pixels are black."""
    colors = np.full((256, 3), UNLABELED_PIXEL_COLOR, np.uint8)
    colors[: len(palette)] = palette
    gray = _crop(image, window).mean(axis=-1, keepdims=True)
    blended = 0.3 * gray + 0.7 * colors[_crop(label_map, window)]
    panel = Image.fromarray(np.rint(blended).astype(np.uint8))
    return _resize_to_panel_width(panel, Image.Resampling.NEAREST)


def draw_label_errors(
    image: Color,
    is_wrong: NDArray[np.bool_],
    is_unlabeled: NDArray[np.bool_],
    window: ZoomWindow | None = None,
) -> Image.Image:
    """Draw wrong pixels orange over a faint gray image, or over a window of it.

    Args:
        image: The source's image.
        is_wrong: Pixels whose predicted class differs from the true class, (H, W).
        is_unlabeled: Pixels without a true class, (H, W); they are black.
        window: Part of the image; None for all of it.
    """
    image, is_wrong, is_unlabeled = (
        _crop(part, window) for part in (image, is_wrong, is_unlabeled)
    )
    blended = 0.5 * image.mean(axis=-1, keepdims=True).repeat(3, axis=-1) + 90
    blended[is_wrong] = WRONG_PIXEL_COLOR
    blended[is_unlabeled] = UNLABELED_PIXEL_COLOR
    panel = Image.fromarray(np.rint(blended).clip(0, 255).astype(np.uint8))
    return _resize_to_panel_width(panel, Image.Resampling.NEAREST)


def draw_class_legend(classes: Sequence[str], palette: NDArray[np.uint8]) -> Image.Image:
    """Draw the class names beside their colors, in two columns."""
    rows, step = -(-len(classes) // 2), LEGEND_LINE_HEIGHT
    legend = Image.new("RGB", (PANEL_WIDTH, rows * step + IMAGE_GAP), BACKGROUND_COLOR)
    canvas = ImageDraw.Draw(legend)
    for i, name in enumerate(map(shorten_name, classes)):
        left, top = (i // rows) * PANEL_WIDTH // 2 + 4, (i % rows) * step + 2
        fill = tuple(int(channel) for channel in palette[i])
        canvas.rectangle((left, top, left + 24, top + step - 4), fill=fill, outline=TEXT_COLOR)
        canvas.text(
            (left + 32, top + step / 2 - 2),
            name,
            fill=TEXT_COLOR,
            font=choose_font(14, name),
            anchor="lm",
        )
    return legend


def stack_images(images: Sequence[Image.Image]) -> Image.Image:
    """Stack images of one width from top to bottom: a panel."""
    height = sum(image.height for image in images) + IMAGE_GAP * (len(images) - 1)
    panel = Image.new("RGB", (PANEL_WIDTH, height), BACKGROUND_COLOR)
    top = 0
    for image in images:
        panel.paste(image, (0, top))
        top += image.height + IMAGE_GAP
    return panel


def shorten_name(name: str) -> str:
    """Shorten a name to at most `MAX_NAME_LENGTH` characters that can be drawn, on one line."""
    name = fonts.escape_missing_characters(" ".join(name.split()))
    if len(name) <= MAX_NAME_LENGTH:
        return name
    return f"{name[: MAX_NAME_LENGTH - 1]}\N{HORIZONTAL ELLIPSIS}"


def _crop(image: NDArray[Any], window: ZoomWindow | None) -> NDArray[Any]:
    if window is None:
        return image
    left, top, right, bottom = window
    return image[top:bottom, left:right]


def _resize_to_panel_width(image: Image.Image, method: Image.Resampling) -> Image.Image:
    height = max(1, round(image.height * PANEL_WIDTH / image.width))
    return image.resize((PANEL_WIDTH, height), method)


def _draw_rectangle(
    panel: Image.Image, corners: NDArray[np.float64], color: str, *, dash_length: int
) -> None:
    """Draw a rectangle with a black edge, so that it is visible on light and dark images."""
    canvas = ImageDraw.Draw(panel)
    for width, line_color in ((4, "#000000"), (2, color)):
        for start, end in _iterate_strokes(corners, dash_length):
            canvas.line((*start, *end), fill=line_color, width=width)


def _iterate_strokes(
    corners: NDArray[np.float64], dash_length: int
) -> Iterator[tuple[Point, Point]]:
    """Yield the sides of a box, whole or cut into dashes with gaps of the same length."""
    left, top, right, bottom = map(float, corners)
    points = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    for (x, y), (next_x, next_y) in pairwise(points):
        length = max(abs(next_x - x), abs(next_y - y))
        step_x, step_y = (next_x - x) / length, (next_y - y) / length
        for start in np.arange(0, length, 2 * dash_length) if dash_length else [0.0]:
            end = min(start + dash_length, length) if dash_length else length
            yield (x + step_x * start, y + step_y * start), (x + step_x * end, y + step_y * end)


def _draw_tags(panel: Image.Image, tags: Sequence[tuple[NDArray[np.float64], str, str]]) -> None:
    """Write texts over the boxes' top left corners; one that would overlap another is left out."""
    canvas = ImageDraw.Draw(panel)
    occupied: list[tuple[float, float, float]] = []  # left, right, top
    for corners, text, color in tags:
        font = choose_font(12, text)
        width = canvas.textlength(text, font=font) + 4
        left = min(max(0.0, float(corners[0])), max(0.0, panel.width - width))
        top = max(0.0, float(corners[1]) - TAG_HEIGHT)
        if any(
            left < other_right and left + width > other_left and abs(top - other_top) < TAG_HEIGHT
            for other_left, other_right, other_top in occupied
        ):
            continue
        occupied.append((left, left + width, top))
        canvas.rectangle((left, top, left + width, top + TAG_HEIGHT), fill="#000000")
        canvas.text((left + 2, top + TAG_HEIGHT / 2), text, fill=color, font=font, anchor="lm")


def choose_font(size: int, text: str) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Choose Pillow's own font, or one that has the other characters of a text."""
    return _load_font(size, None if fonts.is_latin(text) else fonts.find_font_file(text))


@cache
def _load_font(size: int, path: str | None) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size) if path is None else ImageFont.truetype(path, size)
