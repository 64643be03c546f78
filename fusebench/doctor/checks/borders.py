"""Black borders: margins without image content, as warping to the other sensor leaves them."""

from collections.abc import Mapping

import numpy as np

from fusebench.data.images import Gray
from fusebench.doctor.findings import (
    Section,
    build_pair_finding,
    format_count,
)

MAX_LEVEL = (
    4  # gray levels of a border; JPEG changes black by less, a dark scene has more somewhere
)
MIN_MEAN = 30.0  # gray levels; the top of a darker night image can be black by itself
MIN_SHARE = 0.02  # of the side; narrower borders are common and harmless

Content = tuple[int, int, int, int]  # left, top, right, bottom in pixels


def find_content(image: Gray) -> Content:
    """Find the rectangle within the black margins of a gray image, uint8 (H, W).

    A dark image has no margins that can be told from the scene: the result is the whole image.
    """
    height, width = image.shape
    if image.mean() < MIN_MEAN:
        return 0, 0, width, height
    rows = np.flatnonzero(image.max(axis=1) > MAX_LEVEL)
    columns = np.flatnonzero(image.max(axis=0) > MAX_LEVEL)
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def compute_border_share(content: Content, size: tuple[int, int]) -> float:
    """Return the width of the widest margin, as a share of the image's side."""
    (left, top, right, bottom), (width, height) = content, size
    return max(left / width, top / height, 1 - right / width, 1 - bottom / height)


def check_borders(
    contents: Mapping[str, tuple[Content, Content]], sizes: Mapping[str, tuple[int, int]]
) -> Section:
    """Find images with black borders.

    Args:
        contents: Rectangles of the infrared and visible image, per key.
        sizes: (width, height) per key, in pixels.
    """
    findings = []
    for sensor, name in enumerate(("infrared", "visible")):
        shares = {
            key: compute_border_share(content[sensor], sizes[key])
            for key, content in contents.items()
        }
        keys = sorted((k for k in shares if shares[k] >= MIN_SHARE), key=lambda k: -shares[k])
        if keys:
            captions = {key: f"up to {100 * shares[key]:.0f} % of a side" for key in keys}
            findings.append(
                build_pair_finding(
                    "warning",
                    f"{format_count(len(keys), len(shares), f'{name} images')} have a black border",
                    "The sensor shows nothing there, but the other one does: objects in the border "
                    "are labeled for one sensor only, and fused images have an edge that is none. "
                    "Crop both images of a pair to the common content, boxes too.",
                    captions,
                )
            )
    return Section(
        "borders",
        "Black borders",
        f"Margins in which no pixel is above {MAX_LEVEL} gray levels, from {100 * MIN_SHARE:.0f} % "
        "of a side on; in images with a mean below "
        f"{MIN_MEAN:g} levels they cannot be told from a dark scene. Registration is measured "
        "within them.",
        tuple(findings),
    )
