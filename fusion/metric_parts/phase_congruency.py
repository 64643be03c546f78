"""Phase congruency: an edge and feature measure that does not depend on contrast.

A feature is where the Fourier components of the image are in phase.

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
MIN_WAVELENGTH = 3.0  # of the finest scale, pixels
WAVELENGTH_FACTOR = 2.1  # between the wavelengths of successive scales
LOG_GABOR_SIGMA = 0.55  # sigma of the log-Gabor over its center frequency
ANGULAR_SIGMA = math.pi / ORIENTATIONS / 1.2  # sigma of the angular Gaussian, radians
NOISE_DEVIATIONS = 2.0  # the noise threshold lies this many standard deviations above the mean
NOISE_SHRINK_FACTOR = 1.7  # empirical divisor of the noise threshold
SPREAD_CUTOFF, SPREAD_GAIN = 0.5, 10.0  # of the sigmoid weight for frequency spread
EPSILON = 1e-4


@dataclass(frozen=True)
class LogGaborFilterBank:
    """Log-Gabor filters for one image size.

    Attributes:
        filters: (6, 4, H, W), in the frequency domain, zero frequency first.
        finest_energies: (6,), energy of the finest filter of each orientation.
        noise_factors: (6,), multiply the noise power: S2 + 2 S11.
    """

    filters: NDArray[Any]
    finest_energies: FloatImage
    noise_factors: FloatImage


@lru_cache(maxsize=4)
def build_filter_bank(
    shape: tuple[int, int], low_pass: str, precision: FloatPrecision
) -> LogGaborFilterBank:
    """Build the filters for images of one size.

    Args:
        shape: (H, W).
        low_pass: ``liu`` or ``kovesi``. They differ for odd sides only, where Liu's filter is
            shifted by one sample.
        precision: dtype of the filters.
    """
    # Radial part: log-Gabor of each scale times the low-pass filter.
    y, x = np.meshgrid(*(_compute_frequencies(side) for side in shape), indexing="ij")
    radius = np.hypot(x, y)
    radius[0, 0] = 1  # avoids log(0); the zero frequency is set to 0 below
    angle = np.arctan2(-y, x)
    low = _build_low_pass(shape, low_pass)
    radial = []
    for scale in range(SCALES):
        center = 1 / (MIN_WAVELENGTH * WAVELENGTH_FACTOR**scale)
        gabor = np.exp(-(np.log(radius / center) ** 2) / (2 * math.log(LOG_GABOR_SIGMA) ** 2)) * low
        gabor[0, 0] = 0
        radial.append(gabor)
    filters = np.empty((ORIENTATIONS, SCALES, *shape))
    energies, noise = np.empty(ORIENTATIONS), np.empty(ORIENTATIONS)
    for o in range(ORIENTATIONS):
        # Angular part: Gaussian of the angular distance, wrapped to -pi..pi.
        distance = angle - o * math.pi / ORIENTATIONS
        distance = np.arctan2(np.sin(distance), np.cos(distance))
        filters[o] = np.array(radial) * np.exp(-(distance**2) / (2 * ANGULAR_SIGMA**2))
        # Noise factor S2 + 2 S11: squares of the kernels, and every cross product twice.
        kernels = fft.ifft2(filters[o]).real * math.sqrt(shape[0] * shape[1])
        products = kernels.reshape(SCALES, -1) @ kernels.reshape(SCALES, -1).T
        energies[o] = np.square(filters[o, 0]).sum()
        noise[o] = products.sum()
    return LogGaborFilterBank(filters.astype(precision), energies, noise)


def _compute_frequencies(side: int) -> FloatImage:
    """Compute the frequencies of one axis in cycles per pixel, zero first."""
    if side % 2:
        return np.asarray(fft.ifftshift(np.arange(-(side - 1) / 2, side / 2) / max(side - 1, 1)))
    return np.asarray(fft.ifftshift(np.arange(-side / 2, side / 2) / side))


def _build_low_pass(shape: tuple[int, int], kind: str) -> FloatImage:
    """Build a Butterworth low-pass filter of order 15, cut off at 0.45 cycles per pixel."""
    if kind == "kovesi":
        axes = [_compute_frequencies(side) for side in shape]
    else:
        axes = [fft.fftshift((np.arange(1, n + 1) - (n // 2 + 1)) / n) for n in shape]
    y, x = np.meshgrid(*axes, indexing="ij")
    return np.asarray(1 / (1 + (np.hypot(x, y) / 0.45) ** 30))


def compute_phase_congruency(
    image: NDArray[np.uint8], low_pass: str, precision: FloatPrecision
) -> list[NDArray[Any]]:
    """Compute the phase congruency of an image, and its maximum and minimum moments.

    Args:
        image: uint8 luminance, (H, W).
        low_pass: See `build_filter_bank`.
        precision: float64 or float32.

    Returns:
        Three maps (H, W) of that precision: congruency (0 to 1), maximum moment, minimum moment.
    """
    bank = build_filter_bank(image.shape, low_pass, precision)
    spectrum = fft.fft2(image.astype(precision))
    energy_sum, amplitude_sum = np.zeros((2, *image.shape), precision)
    xx, yy, xy = np.zeros((3, *image.shape), precision)
    for o in range(ORIENTATIONS):
        energy, amplitude = _compute_orientation_energy(spectrum, bank, o)
        energy_sum += energy
        amplitude_sum += amplitude
        # Second moments of the congruency over the orientations.
        power = np.divide(energy, amplitude, out=np.zeros_like(energy), where=amplitude > 0)
        power *= power
        cos, sin = math.cos(o * math.pi / ORIENTATIONS), math.sin(o * math.pi / ORIENTATIONS)
        xx += power * (cos * cos)
        yy += power * (sin * sin)
        xy += power * (cos * sin)
    # Eigenvalues of the moment matrix, as in phasecong2.
    xx, yy, xy = xx / 3, yy / 3, xy / 6
    root = np.sqrt(xy * xy + (xx - yy) ** 2) + EPSILON
    congruency = energy_sum / (amplitude_sum + EPSILON)
    return [congruency, (xx + yy + root) / 2, (xx + yy - root) / 2]


def _compute_orientation_energy(
    spectrum: NDArray[Any], bank: LogGaborFilterBank, orientation: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Compute one orientation's weighted energy above the noise, and the sum of its amplitudes."""
    responses = fft.ifft2(spectrum * bank.filters[orientation])
    amplitudes = np.abs(responses)
    total = amplitudes.sum(axis=0)
    # Noise power, from the median response at the finest scale (Rayleigh distribution).
    finest = np.square(amplitudes[0])
    noise_power = -float(np.median(finest)) / math.log(0.5) / bank.finest_energies[orientation]
    # Energy: components along the mean phase minus the absolute components across it.
    response_sum = responses.sum(axis=0)
    length = np.abs(response_sum)
    responses *= np.conj(response_sum / (length + EPSILON))  # rotates the mean phase to 0
    energy = length * length / (length + EPSILON)  # the sum of the real parts
    energy -= np.abs(responses.imag).sum(axis=0)
    # Noise threshold: mean + 2 standard deviations of a Rayleigh distribution.
    variance = noise_power * bank.noise_factors[orientation]
    mean = math.sqrt(variance * math.pi / 2)
    deviation = math.sqrt((2 - math.pi / 2) * variance)
    threshold = (mean + NOISE_DEVIATIONS * deviation) / NOISE_SHRINK_FACTOR
    above = np.maximum(energy - threshold, 0)
    # Weight: features whose energy lies in few scales are reduced.
    spread = total / (amplitudes.max(axis=0) + EPSILON) / SCALES
    return above / (1 + np.exp((SPREAD_CUTOFF - spread) * SPREAD_GAIN)), total
