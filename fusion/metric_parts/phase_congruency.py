"""Phase congruency: where the Fourier components of an image are in phase, whatever the contrast.

Source: Kovesi, "Image features from phase congruency", Videre 1(3), 1999 (program: phasecong2), as
modified by Liu, Forsyth, Laganiere, "A feature-based metric for the quantitative evaluation of
pixel-level image fusion", Comput. Vis. Image Underst. 109(1), 2008.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy import fft
from numpy.typing import NDArray

from fusion.metric_parts.filters import FloatImage
from fusion.scoring.cache import FloatPrecision

SCALES = 4
ORIENTATIONS = 6
MIN_WAVELENGTH = 3.0  # wavelength of the finest scale, pixels
WAVELENGTH_FACTOR = 2.1  # from one scale's wavelength to the next
LOG_GABOR_SIGMA = 0.55  # of the log-Gabor, over its center frequency
ANGULAR_SIGMA = math.pi / ORIENTATIONS / 1.2  # of the angular Gaussian
NOISE_DEVIATIONS = 2.0  # standard deviations above the noise that are cut
NOISE_SHRINK_FACTOR = 1.7  # empirical factor of the noise threshold
SPREAD_CUTOFF, SPREAD_GAIN = 0.5, 10.0  # of the weight for frequency spread
EPSILON = 1e-4


@dataclass(frozen=True)
class LogGaborFilterBank:
    """The filters of one image size.

    Attributes:
        filters: (6, 4, H, W), in the frequency domain, zero frequency first.
        power: (6,), energy of the finest filter of each orientation.
        noise: (6,), what the noise's power is multiplied by: S2 + 2 S11.
    """

    filters: NDArray[Any]
    finest_energies: FloatImage
    noise_factors: FloatImage


@lru_cache(maxsize=4)
def build_filter_bank(
    shape: tuple[int, int], low_pass: str, precision: FloatPrecision
) -> LogGaborFilterBank:
    """The filters for images of one size; ``low_pass`` is ``liu`` or ``kovesi``.

    The two differ for odd sides only, where Liu's is off by one sample.
    """
    y, x = np.meshgrid(*(_compute_frequencies(side) for side in shape), indexing="ij")
    radius = np.hypot(x, y)
    radius[0, 0] = 1
    angle = np.arctan2(-y, x)
    low = _build_low_pass(shape, low_pass)
    radial = []
    for scale in range(SCALES):
        center = 1 / (MIN_WAVELENGTH * WAVELENGTH_FACTOR**scale)
        gabor = np.exp(-(np.log(radius / center) ** 2) / (2 * math.log(LOG_GABOR_SIGMA) ** 2)) * low
        gabor[0, 0] = 0
        radial.append(gabor)
    filters = np.empty((ORIENTATIONS, SCALES, *shape))
    power, noise = np.empty(ORIENTATIONS), np.empty(ORIENTATIONS)
    for o in range(ORIENTATIONS):
        away = angle - o * math.pi / ORIENTATIONS
        away = np.arctan2(np.sin(away), np.cos(away))
        filters[o] = np.array(radial) * np.exp(-(away**2) / (2 * ANGULAR_SIGMA**2))
        kernels = fft.ifft2(filters[o]).real * math.sqrt(shape[0] * shape[1])
        products = kernels.reshape(SCALES, -1) @ kernels.reshape(SCALES, -1).T
        power[o] = np.square(filters[o, 0]).sum()
        noise[o] = products.sum()  # the squares, and every cross product twice
    return LogGaborFilterBank(filters.astype(precision), power, noise)


def _compute_frequencies(side: int) -> FloatImage:
    """Cycles per pixel of one axis, zero first."""
    if side % 2:
        return np.asarray(fft.ifftshift(np.arange(-(side - 1) / 2, side / 2) / max(side - 1, 1)))
    return np.asarray(fft.ifftshift(np.arange(-side / 2, side / 2) / side))


def _build_low_pass(shape: tuple[int, int], kind: str) -> FloatImage:
    """Butterworth of order 15, cut off at 0.45 cycles per pixel."""
    if kind == "kovesi":
        axes = [_compute_frequencies(side) for side in shape]
    else:
        axes = [fft.fftshift((np.arange(1, n + 1) - (n // 2 + 1)) / n) for n in shape]
    y, x = np.meshgrid(*axes, indexing="ij")
    return np.asarray(1 / (1 + (np.hypot(x, y) / 0.45) ** 30))


def compute_phase_congruency(
    image: NDArray[np.uint8], low_pass: str, precision: FloatPrecision
) -> list[NDArray[Any]]:
    """Phase congruency of an image, and the largest and smallest of its moments.

    Args:
        image: uint8, (H, W).
        low_pass: See `build_filter_bank`.
        precision: float64 or float32.

    Returns:
        Three maps (H, W) of that precision: congruency 0 to 1, largest moment, smallest moment.
    """
    filters = build_filter_bank(image.shape, low_pass, precision)
    spectrum = fft.fft2(image.astype(precision))
    energy, amplitude = np.zeros((2, *image.shape), precision)
    xx, yy, xy = np.zeros((3, *image.shape), precision)
    for o in range(ORIENTATIONS):
        found, size = _compute_orientation_energy(spectrum, filters, o)
        energy += found
        amplitude += size
        share = np.divide(found, size, out=np.zeros_like(found), where=size > 0)
        share *= share
        across, up = math.cos(o * math.pi / ORIENTATIONS), math.sin(o * math.pi / ORIENTATIONS)
        xx += share * (across * across)
        yy += share * (up * up)
        xy += share * (across * up)
    xx, yy, xy = xx / 3, yy / 3, xy / 6
    root = np.sqrt(xy * xy + (xx - yy) ** 2) + EPSILON
    return [energy / (amplitude + EPSILON), (xx + yy + root) / 2, (xx + yy - root) / 2]


def _compute_orientation_energy(
    spectrum: NDArray[Any], filters: LogGaborFilterBank, orientation: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Weighted energy above the noise in one orientation, and the sum of the amplitudes."""
    responses = fft.ifft2(spectrum * filters.filters[orientation])
    amplitudes = np.abs(responses)
    total = amplitudes.sum(axis=0)
    finest = np.square(amplitudes[0])
    level = -float(np.median(finest)) / math.log(0.5) / filters.finest_energies[orientation]
    whole = responses.sum(axis=0)
    length = np.abs(whole)
    responses *= np.conj(whole / (length + EPSILON))  # turned so that the mean phase is real
    along = length * length / (length + EPSILON)  # the sum of the real parts
    along -= np.abs(responses.imag).sum(axis=0)
    variance = level * filters.noise_factors[orientation]
    mean, spread = math.sqrt(variance * math.pi / 2), math.sqrt((2 - math.pi / 2) * variance)
    above = np.maximum(along - (mean + NOISE_DEVIATIONS * spread) / NOISE_SHRINK_FACTOR, 0)
    width = total / (amplitudes.max(axis=0) + EPSILON) / SCALES
    return above / (1 + np.exp((SPREAD_CUTOFF - width) * SPREAD_GAIN)), total
