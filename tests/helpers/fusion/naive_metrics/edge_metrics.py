"""Edge metrics as naive loops over pixels."""

import math

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
FloatImage = NDArray[np.float64]


def edge_preservation(a: Image, b: Image, f: Image) -> float:
    """Compute Qabf."""
    fused_gradient = compute_sobel(np.pad(f.astype(float), 1))
    preserved, total = 0.0, 0.0
    for source in (a, b):
        for (sx, sy), (fx, fy) in zip(
            compute_sobel(np.pad(source.astype(float), 1)), fused_gradient, strict=True
        ):
            g, h = math.hypot(sx, sy), math.hypot(fx, fy)
            ratio = h if g == h else min(g, h) / max(g, h)
            angle = abs(_compute_edge_angle(-sx, sy) - _compute_edge_angle(-fx, fy))
            strength = 0.9994 / (1 + math.exp(-15 * (ratio - 0.5)))
            sigmoid = 1 + math.exp(-22 * (0.2 - angle / (math.pi / 2)))
            preserved += g * strength * 0.9879 / sigmoid
            total += g
    return preserved / total


def fusion_artifacts(a: Image, b: Image, f: Image) -> float:
    """Compute Nabf."""
    padded = (np.pad(x.astype(float), 1, mode="reflect") for x in (a, b, f))
    artifacts, total = 0.0, 0.0
    for gradients in zip(*(compute_sobel(x) for x in padded), strict=True):
        g = [math.hypot(x, y) / 8 for x, y in gradients]
        angle = [math.atan2(x, abs(y)) if y >= 0 else -math.atan2(x, abs(y)) for x, y in gradients]
        is_artifact = g[2] > g[0] and g[2] > g[1]
        for k in (0, 1):
            larger = max(g[k], g[2])
            ratio = min(g[k], g[2]) / larger if larger else 0.0
            alignment = abs(abs(angle[k] - angle[2]) - math.pi / 2) / (math.pi / 2)
            strength = 0.9999 / (1 + math.exp(-19 * (ratio - 0.5)))
            quality = math.sqrt(strength * 0.9995 / (1 + math.exp(-22 * (alignment - 0.5))))
            weight = g[k] ** 1.5 if g[k] >= 2 else 0.001
            total += weight
            artifacts += (1 - quality) * weight if is_artifact else 0.0
    return artifacts / total


def compute_edge_map(image: Image) -> NDArray[np.int64]:
    """Compute MATLAB's edge map, 0 and 1."""
    h, w = image.shape
    gradient = (
        np.array(compute_sobel(np.pad(image.astype(float), 1, mode="edge"))).reshape(h, w, 2) / 8
    )
    power = (gradient**2).sum(axis=2)
    threshold, edge_map = 4 * power.mean(), np.zeros((h, w), np.int64)
    for i in range(h):
        for j in range(w):
            x, y = np.abs(gradient[i, j])
            center = power[i, j]
            is_vertical = x >= y - 2.2e-14
            is_vertical &= j == 0 or power[i, j - 1] <= center
            is_vertical &= j == w - 1 or center > power[i, j + 1]
            is_horizontal = y >= x - 2.2e-14
            is_horizontal &= i == 0 or power[i - 1, j] <= center
            is_horizontal &= i == h - 1 or center > power[i + 1, j]
            edge_map[i, j] = center > threshold and (is_vertical or is_horizontal)
    return edge_map


def compute_sobel(padded: FloatImage) -> list[tuple[float, float]]:
    """Compute Sobel of every pixel of a padded image: right minus left, below minus above."""
    x = padded.tolist()
    gradients = []
    for i in range(1, len(x) - 1):
        for j in range(1, len(x[0]) - 1):
            window = [[x[i + k][j + m] for m in (-1, 0, 1)] for k in (-1, 0, 1)]
            gx = sum(s * (row[2] - row[0]) for s, row in zip((1, 2, 1), window, strict=True))
            gy = sum(s * (window[2][m] - window[0][m]) for m, s in enumerate((1, 2, 1)))
            gradients.append((gx, gy))
    return gradients


def _compute_edge_angle(x: float, y: float) -> float:
    return math.atan(y / x) if x else math.pi / 2
