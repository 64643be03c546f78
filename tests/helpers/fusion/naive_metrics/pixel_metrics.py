"""Metrics of pixels, neighbor differences and histograms as naive loops."""

import math

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def entropy(a: Image, b: Image, f: Image) -> float:
    """Compute EN."""
    counts = [0] * 256
    for value in f.ravel().tolist():
        counts[value] += 1
    return -sum(n / f.size * math.log2(n / f.size) for n in counts if n)


def standard_deviation(a: Image, b: Image, f: Image) -> float:
    """Compute SD."""
    values = f.ravel().tolist()
    mean = sum(values) / len(values)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))


def spatial_frequency(a: Image, b: Image, f: Image) -> float:
    """Compute SF."""
    x, (h, w) = f.tolist(), f.shape
    rows = sum((x[i][j] - x[i][j - 1]) ** 2 for i in range(h) for j in range(1, w))
    columns = sum((x[i][j] - x[i - 1][j]) ** 2 for i in range(1, h) for j in range(w))
    return math.sqrt(rows / (h * (w - 1)) + columns / ((h - 1) * w))


def average_gradient(a: Image, b: Image, f: Image) -> float:
    """Compute AG."""
    x, (h, w) = f.tolist(), f.shape
    total = 0.0
    for i in range(h):
        for j in range(w):
            left, right = max(j - 1, 0), min(j + 1, w - 1)
            up, down = max(i - 1, 0), min(i + 1, h - 1)
            gx = (x[i][right] - x[i][left]) / (right - left)
            gy = (x[down][j] - x[up][j]) / (down - up)
            total += math.sqrt((gx**2 + gy**2) / 2)
    return total / (h * w)


def correlation_coefficient(a: Image, b: Image, f: Image) -> float:
    """Compute CC."""
    return (_pearson(_to_list(a), _to_list(f)) + _pearson(_to_list(b), _to_list(f))) / 2


def sum_of_correlations_of_differences(a: Image, b: Image, f: Image) -> float:
    """Compute SCD."""
    la, lb, lf = _to_list(a), _to_list(b), _to_list(f)
    without_b = [y - x for x, y in zip(lb, lf, strict=True)]
    without_a = [y - x for x, y in zip(la, lf, strict=True)]
    return _pearson(without_b, la) + _pearson(without_a, lb)


def mutual_information(a: Image, b: Image, f: Image) -> float:
    """Compute MI in bits."""
    total = 0.0
    for source in (a, b):
        joint: dict[tuple[int, int], int] = {}
        left, right = [0] * 256, [0] * 256
        for pair in zip(source.ravel().tolist(), f.ravel().tolist(), strict=True):
            joint[pair] = joint.get(pair, 0) + 1
            left[pair[0]] += 1
            right[pair[1]] += 1
        for (x, y), n in joint.items():
            total += n / f.size * math.log2(n * f.size / (left[x] * right[y]))
    return total


def cross_entropy(a: Image, b: Image, f: Image) -> float:
    """Compute CE."""
    total = 0.0
    for source in (a, b):
        for level in range(256):
            p, q = (source == level).mean(), (f == level).mean()
            if p and q:
                total += p * math.log2(p / q)
    return total / 2


def peak_signal_to_noise(a: Image, b: Image, f: Image) -> float:
    """Compute the PSNR of the mean error."""
    error = 0.0
    for source in (a, b):
        for x, y in zip(_to_list(source), _to_list(f), strict=True):
            error += (x - y) ** 2 / f.size / 2
    return 10 * math.log10(255**2 / error)


def _to_list(image: Image) -> list[int]:
    values: list[int] = image.ravel().tolist()
    return values


def _pearson(x: list[int], y: list[int]) -> float:
    mx, my = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((p - mx) * (q - my) for p, q in zip(x, y, strict=True))
    return covariance / math.sqrt(sum((p - mx) ** 2 for p in x) * sum((q - my) ** 2 for q in y))
