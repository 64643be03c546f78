"""Metrics of edges, as plain loops over pixels."""

import math

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Plane = NDArray[np.float64]


def edge_preservation(a: Image, b: Image, f: Image) -> float:
    """Qabf."""
    target = compute_sobel(np.pad(f.astype(float), 1))
    kept, there = 0.0, 0.0
    for source in (a, b):
        for (sx, sy), (fx, fy) in zip(
            compute_sobel(np.pad(source.astype(float), 1)), target, strict=True
        ):
            g, h = math.hypot(sx, sy), math.hypot(fx, fy)
            ratio = h if g == h else min(g, h) / max(g, h)
            turned = abs(_compute_edge_angle(-sx, sy) - _compute_edge_angle(-fx, fy))
            strength = 0.9994 / (1 + math.exp(-15 * (ratio - 0.5)))
            kept += g * strength * 0.9879 / (1 + math.exp(-22 * (0.2 - turned / (math.pi / 2))))
            there += g
    return kept / there


def fusion_artifacts(a: Image, b: Image, f: Image) -> float:
    """Nabf."""
    padded = (np.pad(x.astype(float), 1, mode="reflect") for x in (a, b, f))
    lost, total = 0.0, 0.0
    for points in zip(*(compute_sobel(x) for x in padded), strict=True):
        size = [math.hypot(x, y) / 8 for x, y in points]
        angle = [math.atan2(x, abs(y)) if y >= 0 else -math.atan2(x, abs(y)) for x, y in points]
        artifact = size[2] > size[0] and size[2] > size[1]
        for k in (0, 1):
            most = max(size[k], size[2])
            ratio = min(size[k], size[2]) / most if most else 0.0
            along = abs(abs(angle[k] - angle[2]) - math.pi / 2) / (math.pi / 2)
            strength = 0.9999 / (1 + math.exp(-19 * (ratio - 0.5)))
            kept = math.sqrt(strength * 0.9995 / (1 + math.exp(-22 * (along - 0.5))))
            weight = size[k] ** 1.5 if size[k] >= 2 else 0.001
            total += weight
            lost += (1 - kept) * weight if artifact else 0.0
    return lost / total


def compute_edge_map(image: Image) -> NDArray[np.int64]:
    """MATLAB's edge map, 0 and 1."""
    h, w = image.shape
    steep = (
        np.array(compute_sobel(np.pad(image.astype(float), 1, mode="edge"))).reshape(h, w, 2) / 8
    )
    power = (steep**2).sum(axis=2)
    least, found = 4 * power.mean(), np.zeros((h, w), np.int64)
    for i in range(h):
        for j in range(w):
            x, y = np.abs(steep[i, j])
            here = power[i, j]
            upright = x >= y - 2.2e-14
            upright &= j == 0 or power[i, j - 1] <= here
            upright &= j == w - 1 or here > power[i, j + 1]
            level = y >= x - 2.2e-14
            level &= i == 0 or power[i - 1, j] <= here
            level &= i == h - 1 or here > power[i + 1, j]
            found[i, j] = here > least and (upright or level)
    return found


def compute_sobel(padded: Plane) -> list[tuple[float, float]]:
    """Sobel of every pixel of a padded image: right minus left, below minus above."""
    x = padded.tolist()
    found = []
    for i in range(1, len(x) - 1):
        for j in range(1, len(x[0]) - 1):
            around = [[x[i + k][j + m] for m in (-1, 0, 1)] for k in (-1, 0, 1)]
            along = sum(s * (row[2] - row[0]) for s, row in zip((1, 2, 1), around, strict=True))
            down = sum(s * (around[2][m] - around[0][m]) for m, s in enumerate((1, 2, 1)))
            found.append((along, down))
    return found


def _compute_edge_angle(x: float, y: float) -> float:
    return math.atan(y / x) if x else math.pi / 2
