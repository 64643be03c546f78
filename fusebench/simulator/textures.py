"""Tileable textures, generated once from a fixed random seed: bricks, asphalt, leaves, clouds."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]

TEXTURE_NAMES = ("flat", "asphalt", "leaves", "brick", "plaster", "paving", "clouds", "cloth")
FLAT, ASPHALT, LEAVES, BRICK, PLASTER, PAVING, CLOUDS, CLOTH = range(8)
TEXTURE_SIZE = 256  # texels a side
TEXELS_PER_METER = np.array([1, 22, 26, 16, 10, 14, 1, 60], np.float32)


@lru_cache(maxsize=1)
def build_textures() -> Float32Array:
    """Generate all textures.

    Returns:
        float32 (len(TEXTURE_NAMES), TEXTURE_SIZE, TEXTURE_SIZE), each with mean 0 and standard
        deviation 1; ``flat`` is 0 everywhere.
    """
    random = np.random.default_rng(20)
    textures = [
        np.zeros((TEXTURE_SIZE, TEXTURE_SIZE)),
        0.7 * _generate_noise(random, 0.3) + _generate_noise(random, 1.7),
        _generate_noise(random, 1.0, min_frequency=6),
        _generate_joint_pattern(8, 4, 0.5) * 1.2 + 0.8 * _generate_noise(random, 0.8),
        _generate_noise(random, 1.4),
        _generate_joint_pattern(16, 16, 0.0) + 0.9 * _generate_noise(random, 1.1),
        _generate_noise(random, 1.9),
        _generate_noise(random, 0.8),
    ]
    return np.stack([(t - t.mean()) / max(t.std(), 1e-6) for t in textures]).astype(np.float32)


def sample_texture(
    index: NDArray[np.int64],
    across: Float32Array,
    up: Float32Array,
    pixels_per_meter: Float32Array,
) -> Float32Array:
    """Sample textures at world coordinates (nearest texel, repeated in both directions).

    Args:
        index: Index into `TEXTURE_NAMES`, any shape.
        across: Meters along the surface, same shape.
        up: Meters up or away, same shape.
        pixels_per_meter: Image resolution at that point, same shape. A texture finer than a
            pixel fades out, which prevents aliasing.

    Returns:
        Texture value, about -3 to 3, same shape.
    """
    scale = TEXELS_PER_METER[index]
    column = (across * scale).astype(np.int64) % TEXTURE_SIZE
    row = (up * scale).astype(np.int64) % TEXTURE_SIZE
    value: Float32Array = build_textures()[index, row, column] / (
        1 + 0.4 * scale / pixels_per_meter
    )
    return value


def _generate_noise(
    random: np.random.Generator, slope: float, min_frequency: int = 1
) -> NDArray[np.float64]:
    """Generate tileable noise with amplitude proportional to frequency^-slope.

    Frequencies below ``min_frequency`` (cycles per tile) get the amplitude of ``min_frequency``.
    """
    spectrum = np.fft.rfft2(random.standard_normal((TEXTURE_SIZE, TEXTURE_SIZE)))
    fy = np.fft.fftfreq(TEXTURE_SIZE)[:, None] * TEXTURE_SIZE
    fx = np.fft.rfftfreq(TEXTURE_SIZE)[None] * TEXTURE_SIZE
    frequency = np.maximum(np.hypot(fy, fx), min_frequency)
    noise = np.fft.irfft2(spectrum / frequency**slope, (TEXTURE_SIZE, TEXTURE_SIZE))
    normalized: NDArray[np.float64] = (noise - noise.mean()) / noise.std()
    return normalized


def _generate_joint_pattern(width: int, height: int, shift: float) -> NDArray[np.float64]:
    """Generate the joints of a wall: -1 on joints, 0.25 on stones.

    Args:
        width: Width of a stone in texels.
        height: Height of a stone in texels.
        shift: Shift of every second row, in stones.
    """
    row, column = np.mgrid[:TEXTURE_SIZE, :TEXTURE_SIZE]
    shifted_column = column + (row // height % 2) * int(shift * width)
    joint = (row % height == 0) | (shifted_column % width == 0)
    return np.where(joint, -1.0, 0.25)
