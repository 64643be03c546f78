"""Tileable textures, made once from fixed noise: bricks, asphalt, leaves, clouds."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]

TEXTURE_NAMES = ("flat", "asphalt", "leaves", "brick", "plaster", "paving", "clouds", "cloth")
FLAT, ASPHALT, LEAVES, BRICK, PLASTER, PAVING, CLOUDS, CLOTH = range(8)
TEXTURE_SIZE = 256
TEXELS_PER_METER = np.array([1, 22, 26, 16, 10, 14, 1, 60], np.float32)  # texels


@lru_cache(maxsize=1)
def build_textures() -> Float32Array:
    """All textures, float32 (kinds, SIZE, SIZE), mean 0, standard deviation 1 (flat: 0)."""
    random = np.random.default_rng(20)
    kinds = [
        np.zeros((TEXTURE_SIZE, TEXTURE_SIZE)),
        0.7 * _generate_noise(random, 0.3) + _generate_noise(random, 1.7),
        _generate_noise(random, 1.0, low=6),
        _generate_joint_pattern(8, 4, 0.5) * 1.2 + 0.8 * _generate_noise(random, 0.8),
        _generate_noise(random, 1.4),
        _generate_joint_pattern(16, 16, 0.0) + 0.9 * _generate_noise(random, 1.1),
        _generate_noise(random, 1.9),
        _generate_noise(random, 0.8),
    ]
    return np.stack([(k - k.mean()) / max(k.std(), 1e-6) for k in kinds]).astype(np.float32)


def sample_texture(
    kind: NDArray[np.int64], across: Float32Array, up: Float32Array, fineness: Float32Array
) -> Float32Array:
    """Texture value at world coordinates.

    Args:
        kind: Index into `TEXTURE_NAMES`, any shape.
        across: Metres along the surface, same shape.
        up: Metres up or away, same shape.
        fineness: Pixels per meter there; what is finer than a pixel fades out.

    Returns:
        About -3..3, same shape.
    """
    scale = TEXELS_PER_METER[kind]
    column = (across * scale).astype(np.int64) % TEXTURE_SIZE
    row = (up * scale).astype(np.int64) % TEXTURE_SIZE
    value: Float32Array = build_textures()[kind, row, column] / (1 + 0.4 * scale / fineness)
    return value


def _generate_noise(random: np.random.Generator, slope: float, low: int = 1) -> NDArray[np.float64]:
    """Noise whose amplitude falls with frequency to the power of ``slope``."""
    spectrum = np.fft.rfft2(random.standard_normal((TEXTURE_SIZE, TEXTURE_SIZE)))
    fy = np.fft.fftfreq(TEXTURE_SIZE)[:, None] * TEXTURE_SIZE
    fx = np.fft.rfftfreq(TEXTURE_SIZE)[None] * TEXTURE_SIZE
    frequency = np.maximum(np.hypot(fy, fx), low)
    field = np.fft.irfft2(spectrum / frequency**slope, (TEXTURE_SIZE, TEXTURE_SIZE))
    out: NDArray[np.float64] = (field - field.mean()) / field.std()
    return out


def _generate_joint_pattern(width: int, height: int, shift: float) -> NDArray[np.float64]:
    """Joints of a wall of stones, every second row moved by ``shift`` stones: -1 on joints."""
    row, column = np.mgrid[:TEXTURE_SIZE, :TEXTURE_SIZE]
    moved = column + (row // height % 2) * int(shift * width)
    joint = (row % height == 0) | (moved % width == 0)
    return np.where(joint, -1.0, 0.25)
