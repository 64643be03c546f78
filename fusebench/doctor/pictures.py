"""Pictures of the page: pairs, overlays of both sensors, and the surroundings of boxes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusebench.data import images, label_maps
from fusebench.data.images import Color, Gray
from fusebench.doctor.dataset_files import DatasetFiles, PairFiles
from fusebench.doctor.findings import Corners, Picture
from fusebench.doctor.pixel_reading import read_gray_for_display, read_label_ids
from fusebench.errors import UserError

PANEL_HEIGHT = 240  # pixels
MAX_PANEL_WIDTH = 960  # pixels; wider images are compressed
GAP = 4  # pixels between panels
TILE_COUNT = 8  # tiles of a checkerboard per side
BOX_CONTEXT = 1.2  # of a box's longer side, on each side of its center
MIN_CONTEXT = 12.0  # pixels
BOX_COLOR = (255, 214, 10)
JPEG_QUALITY = 82
DISPLAY_PERCENTILES = (1, 99)  # stretched for display in overlays only
EDGE_SMOOTHING = 1.3  # standard deviation, pixels
EDGE_THRESHOLDS = (30, 80)  # of Canny's detector


def draw_picture(picture: Picture, pair: PairFiles, files: DatasetFiles) -> bytes | None:
    """Draw a picture as JPEG; None if a file of it cannot be read.

    Args:
        picture: What to draw.
        pair: Files of its pair.
        files: Its data set, for label maps.
    """
    draw: Callable[[], list[Color]] = {
        "pair": lambda: _draw_pair(pair),
        "registration": lambda: _draw_registration(pair, picture.shift),
        "box": lambda: _draw_box(pair, picture.box or (0.0, 0.0, 1.0, 1.0)),
        "label_map": lambda: _draw_label_map(pair, files),
    }[picture.kind]
    try:
        panels = draw()
    except UserError:
        return None
    return _encode_jpeg(join_panels(panels))


def overlay_edges(infrared: Gray, visible: Gray) -> Color:
    """Draw the edges of both images: infrared red, visible cyan, both white."""
    first, second = _find_edges(infrared), _find_edges(visible)
    overlay: Color = np.dstack([first, second, second])
    return overlay


def mix_tiles(infrared: Gray, visible: Color) -> Color:
    """Alternate tiles of both images, as a checkerboard."""
    height, width = infrared.shape
    rows = np.arange(height) * TILE_COUNT // height
    columns = np.arange(width) * TILE_COUNT // width
    is_infrared = (rows[:, None] + columns[None, :]) % 2 == 0
    mixed: Color = np.where(is_infrared[..., None], _stretch(infrared)[..., None], visible)
    return mixed


def shift_image(image: Gray, right: int, down: int) -> Gray:
    """Shift an image by whole pixels; what comes in from outside is black."""
    height, width = image.shape
    shifted = np.zeros_like(image)
    shifted[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = image[
        max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)
    ]
    return shifted


def join_panels(panels: list[Color]) -> Color:
    """Join images of one height side by side, with a white gap."""
    gap = np.full((panels[0].shape[0], GAP, 3), 255, np.uint8)
    parts = [part for panel in panels for part in (gap, panel)][1:]
    joined: Color = np.concatenate(parts, axis=1)
    return joined


def _draw_pair(pair: PairFiles) -> list[Color]:
    infrared = _repeat_channels(read_gray_for_display(Path(pair.infrared)))
    return [_resize(infrared), _resize(images.read_color(Path(pair.visible)))]


def _draw_registration(pair: PairFiles, shift: tuple[float, float]) -> list[Color]:
    infrared = read_gray_for_display(Path(pair.infrared))
    color = images.read_color(Path(pair.visible))
    visible = images.luminance(color)
    if infrared.shape != visible.shape:
        return [_resize(_repeat_channels(infrared)), _resize(color)]
    width = infrared.shape[1]
    shifted = shift_image(visible, round(shift[0] * width), round(shift[1] * width))
    return [
        _resize(mix_tiles(infrared, color)),
        overlay_edges(*(_resize(image) for image in (infrared, visible))),
        overlay_edges(*(_resize(image) for image in (infrared, shifted))),
    ]


def _draw_box(pair: PairFiles, box: Corners) -> list[Color]:
    import cv2

    panels = []
    for image in (
        _repeat_channels(read_gray_for_display(Path(pair.infrared))),
        images.read_color(Path(pair.visible)),
    ):
        left, top, right, bottom = box
        half = max(BOX_CONTEXT * max(right - left, bottom - top), MIN_CONTEXT)
        side = max(1, round(2 * half))
        start = round((left + right) / 2 - half), round((top + bottom) / 2 - half)
        crop = _crop(image, start, side)
        scale = PANEL_HEIGHT / side
        panel = cv2.resize(crop, (PANEL_HEIGHT, PANEL_HEIGHT), interpolation=cv2.INTER_LINEAR)
        corners = [
            round((value - start[axis]) * scale)
            for value, axis in ((left, 0), (top, 1), (right, 0), (bottom, 1))
        ]
        cv2.rectangle(panel, tuple(corners[:2]), tuple(corners[2:]), BOX_COLOR, 1)
        panels.append(panel.astype(np.uint8))
    return panels


def _draw_label_map(pair: PairFiles, files: DatasetFiles) -> list[Color]:
    panels = [_resize(images.read_color(Path(pair.visible)))]
    if pair.label_map is not None:
        import cv2

        ids = read_label_ids(Path(pair.label_map), files.classes, files.label_conversion)
        # Colors that differ for neighboring ids; id 0 is black, 255 is white.
        hues = (ids.astype(np.uint16) * 67 % 180).astype(np.uint8)
        solid = np.where((ids > 0), 255, 0).astype(np.uint8)
        saturation = np.where(ids == label_maps.IGNORE_INDEX, 0, solid).astype(np.uint8)
        colors = cv2.cvtColor(cv2.merge([hues, saturation, solid]), cv2.COLOR_HSV2RGB)
        panels.append(_resize(colors.astype(np.uint8)))
    return panels


def _crop(image: Color, start: tuple[int, int], side: int) -> Color:
    """Cut out a square; what lies outside the image is black."""
    crop = np.zeros((side, side, 3), np.uint8)
    height, width = image.shape[:2]
    left, top = max(start[0], 0), max(start[1], 0)
    right, bottom = min(start[0] + side, width), min(start[1] + side, height)
    if left < right and top < bottom:
        crop[top - start[1] : bottom - start[1], left - start[0] : right - start[0]] = image[
            top:bottom, left:right
        ]
    return crop


def _resize(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    height, width = image.shape[:2]
    panel_width = round(width * PANEL_HEIGHT / height)
    size = (min(max(1, panel_width), MAX_PANEL_WIDTH), PANEL_HEIGHT)
    resized: NDArray[np.uint8] = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(
        np.uint8
    )
    return resized


def _find_edges(image: Gray) -> Gray:
    import cv2

    smooth = cv2.GaussianBlur(_stretch(image), (0, 0), EDGE_SMOOTHING)
    edges: Gray = cv2.Canny(smooth, *EDGE_THRESHOLDS).astype(np.uint8)
    return edges


def _stretch(image: Gray) -> Gray:
    low, high = np.percentile(image, DISPLAY_PERCENTILES)
    if high <= low:
        return image
    stretched: Gray = ((image - low) * (255 / (high - low))).clip(0, 255).astype(np.uint8)
    return stretched


def _repeat_channels(image: Gray) -> Color:
    repeated: Color = np.repeat(image[..., None], 3, axis=2)
    return repeated


def _encode_jpeg(image: Color) -> bytes:
    from io import BytesIO

    from PIL import Image

    content = BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=JPEG_QUALITY)
    return content.getvalue()
