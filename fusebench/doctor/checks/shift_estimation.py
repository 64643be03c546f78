"""Shift between both images of a pair, by mutual information of gradients.

The images are reduced to `WIDTH` pixels. Each pixel gets a class: one of `BINS` directions of the
gradient (opposite directions are one, because the contrast of an edge differs between the sensors)
if its gradient is among the strongest, otherwise the class "flat". The mutual information of both
class maps

    I(s) = sum_ab p_s(a, b) log2( p_s(a, b) / (p_s(a) p_s(b)) )

is computed for every shift s of up to `RADIUS` pixels; the joint counts of all shifts are products
of Fourier transforms of the classes' indicator images. The shift of the maximum is the result.

Source of mutual information as a measure of registration: Maes et al., "Multimodality image
registration by maximization of mutual information", IEEE Trans. Medical Imaging 16(2), 1997; of
gradients: Pluim, Maintz, Viergever, "Image registration by maximization of combined mutual
information and gradient information", IEEE Trans. Medical Imaging 19(8), 2000.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from fusebench.data.images import Gray
from fusebench.doctor.checks.borders import Content

WIDTH = 320  # pixels to which images are reduced
RADIUS = 12  # largest shift that is tried, in reduced pixels
BINS = 6  # directions of the gradient, over 180 degrees
EDGE_SHARE = 0.2  # of the pixels with a direction; the others are flat
SMOOTHING = 1.0  # standard deviation in reduced pixels
MIN_GRADIENT = 0.5  # gray levels per pixel; less is rounding
PEAK_RADIUS = 3  # reduced pixels around the maximum that belong to its peak
# Standard deviations of the maximum above the other shifts. Of images that do not belong together,
# 5 % reach it in MSRS and RoadScene, 1 % in FLIR, none in M3FD (docs/doctor.md).
MIN_CONFIDENCE = 4.5
BORDER_MARGIN = 4  # reduced pixels beside a black border, whose edge is no edge of the scene
MAX_ASPECT = 4.0  # height to width of a reduced image
MIN_SIDE = 4 * RADIUS  # reduced pixels; smaller contents are not measured


@dataclass(frozen=True)
class Shift:
    """Shift of the visible image that lays it on the infrared image.

    Attributes:
        right: In pixels of an image of `WIDTH`.
        down: Likewise.
        confidence: Height of the maximum above the other shifts, in standard deviations.
    """

    right: float
    down: float
    confidence: float

    @property
    def length(self) -> float:
        """Length of the shift, in pixels of an image of `WIDTH`."""
        return float(np.hypot(self.right, self.down))

    @property
    def is_certain(self) -> bool:
        """Whether the images have enough common edges for a shift."""
        return self.confidence >= MIN_CONFIDENCE


def reduce_image(image: Gray) -> Gray:
    """Reduce a gray image, uint8 (H, W), to `WIDTH` pixels width.

    Its shape is kept, unless it is more than `MAX_ASPECT` times as high as wide.
    """
    import cv2

    height, width = image.shape
    size = (WIDTH, max(2 * RADIUS, round(WIDTH * min(height / width, MAX_ASPECT))))
    method = cv2.INTER_AREA if width > WIDTH else cv2.INTER_LINEAR
    reduced: Gray = cv2.resize(image, size, interpolation=method).astype(np.uint8)
    return reduced


def classify_gradients(image: Gray) -> NDArray[np.int64]:
    """Return the class of each pixel: 0 is flat, 1 to `BINS` a direction; int64 (H, W)."""
    import cv2

    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), SMOOTHING)
    right = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
    strength = np.hypot(right, down)
    half_turns = np.arctan2(down, right) / np.pi
    classes = np.floor(half_turns * BINS + 0.5).astype(np.int64) % BINS + 1
    classes[strength <= max(float(np.quantile(strength, 1 - EDGE_SHARE)), MIN_GRADIENT)] = 0
    return classes


def compute_mutual_information(
    first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Compute the mutual information of two class maps for all shifts up to `RADIUS`.

    Args:
        first: Classes 0 to `BINS`, (H, W).
        second: Likewise, same shape.

    Returns:
        Bits per pixel, (2 RADIUS + 1, 2 RADIUS + 1): entry [RADIUS + y, RADIUS + x] is for
        ``second`` shifted y down and x to the right. Only pixels in both images count.
    """
    shape = tuple(scipy.fft.next_fast_len(side + RADIUS, real=True) for side in first.shape)
    shifts = np.arange(-RADIUS, RADIUS + 1)

    def transform(classes: NDArray[np.int64]) -> list[NDArray[np.complex64]]:
        # The last image, of ones, counts the pixels that lie in both images.
        masks = [classes == number for number in range(1, BINS + 1)]
        masks.append(np.ones(classes.shape, np.bool_))
        return [scipy.fft.rfft2(mask.astype(np.float32), shape) for mask in masks]

    spectra = transform(first), transform(second)
    counts = np.zeros((BINS + 1, BINS + 1, shifts.size, shifts.size))
    for i, left in enumerate(spectra[0]):
        for j, right in enumerate(spectra[1]):
            product = scipy.fft.irfft2(left * np.conj(right), shape)
            counts[i, j] = np.rint(product[np.ix_(shifts, shifts)])
    total = counts[-1, -1].copy()
    # From counts with "any class" in the last place to counts with "flat" there.
    counts[-1] -= counts[:-1].sum(axis=0)
    counts[:, -1] -= counts[:, :-1].sum(axis=1)
    joint = counts / total
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    ratio = np.divide(joint, independent, out=np.ones_like(joint), where=joint > 0)
    information: NDArray[np.float64] = (joint * np.log2(ratio)).sum(axis=(0, 1))
    return information


def estimate_shift(infrared: Gray, visible: Gray) -> Shift:
    """Estimate the shift that lays the visible image on the infrared image.

    Args:
        infrared: Reduced image, uint8 (H, W), see `reduce_image`.
        visible: Likewise, same shape.

    Returns:
        The shift; its confidence is 0 if an image has no edges.
    """
    information = compute_mutual_information(
        classify_gradients(infrared), classify_gradients(visible)
    )
    row, column = np.unravel_index(int(information.argmax()), information.shape)
    rows, columns = np.indices(information.shape)
    others = information[(abs(rows - row) > PEAK_RADIUS) | (abs(columns - column) > PEAK_RADIUS)]
    deviation = float(others.std())
    if deviation < 1e-9:  # rounding: there is no edge in one of the images
        return Shift(0.0, 0.0, 0.0)
    confidence = (float(information[row, column]) - float(others.mean())) / deviation
    return Shift(float(column - RADIUS), float(row - RADIUS), confidence)


def measure_shift(infrared: Gray, visible: Gray, content: Content) -> Shift | None:
    """Measure the shift of a pair within the content that both images have.

    Args:
        infrared: uint8 (H, W).
        visible: Likewise, same shape.
        content: Rectangle in pixels, within black margins.

    Returns:
        None if the content is too small.
    """
    height, width = infrared.shape
    left, top, right, bottom = content
    reduced = [reduce_image(image) for image in (infrared, visible)]
    rows, columns = reduced[0].shape
    margins = [
        BORDER_MARGIN * (edge != outer)
        for edge, outer in ((left, 0), (top, 0), (right, width), (bottom, height))
    ]
    inner = (
        slice(
            int(np.ceil(top * rows / height)) + margins[1],
            int(bottom * rows / height) - margins[3],
        ),
        slice(
            int(np.ceil(left * columns / width)) + margins[0],
            int(right * columns / width) - margins[2],
        ),
    )
    crops = [image[inner] for image in reduced]
    if min(crops[0].shape) < MIN_SIDE:
        return None
    return estimate_shift(*crops)
