"""Tileable textures, made once from fixed noise: bricks, asphalt, leaves, clouds."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

KINDS = ("flat", "asphalt", "leaves", "brick", "plaster", "paving", "clouds", "cloth")
FLAT, ASPHALT, LEAVES, BRICK, PLASTER, PAVING, CLOUDS, CLOTH = range(8)
SIZE = 256
PER_METRE = np.array([1, 22, 26, 16, 10, 14, 1, 60], np.float32)  # texels


@lru_cache(maxsize=1)
def stack() -> Floats:
    """All textures, float32 (kinds, SIZE, SIZE), mean 0, standard deviation 1 (flat: 0)."""
    random = np.random.default_rng(20)
    kinds = [
        np.zeros((SIZE, SIZE)),
        0.7 * _noise(random, 0.3) + _noise(random, 1.7),
        _noise(random, 1.0, low=6),
        _wall(8, 4, 0.5) * 1.2 + 0.8 * _noise(random, 0.8),
        _noise(random, 1.4),
        _wall(16, 16, 0.0) + 0.9 * _noise(random, 1.1),
        _noise(random, 1.9),
        _noise(random, 0.8),
    ]
    return np.stack([(k - k.mean()) / max(k.std(), 1e-6) for k in kinds]).astype(np.float32)


def sample(kind: NDArray[np.int64], across: Floats, up: Floats, fineness: Floats) -> Floats:
    """Texture value at world coordinates.

    Args:
        kind: Index into `KINDS`, any shape.
        across: Metres along the surface, same shape.
        up: Metres up or away, same shape.
        fineness: Pixels per metre there; what is finer than a pixel fades out.

    Returns:
        About -3..3, same shape.
    """
    scale = PER_METRE[kind]
    column = (across * scale).astype(np.int64) % SIZE
    row = (up * scale).astype(np.int64) % SIZE
    value: Floats = stack()[kind, row, column] / (1 + 0.4 * scale / fineness)
    return value


def _noise(random: np.random.Generator, slope: float, low: int = 1) -> NDArray[np.float64]:
    """Noise whose amplitude falls with frequency to the power of ``slope``."""
    spectrum = np.fft.rfft2(random.standard_normal((SIZE, SIZE)))
    fy = np.fft.fftfreq(SIZE)[:, None] * SIZE
    fx = np.fft.rfftfreq(SIZE)[None] * SIZE
    frequency = np.maximum(np.hypot(fy, fx), low)
    field = np.fft.irfft2(spectrum / frequency**slope, (SIZE, SIZE))
    out: NDArray[np.float64] = (field - field.mean()) / field.std()
    return out


def _wall(width: int, height: int, shift: float) -> NDArray[np.float64]:
    """Joints of a wall of stones, every second row moved by ``shift`` stones: -1 on joints."""
    row, column = np.mgrid[:SIZE, :SIZE]
    moved = column + (row // height % 2) * int(shift * width)
    joint = (row % height == 0) | (moved % width == 0)
    return np.where(joint, -1.0, 0.25)
