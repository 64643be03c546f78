"""Window metrics as naive loops over windows."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
FloatImage = NDArray[np.float64]


def structural_similarity(a: Image, b: Image, f: Image) -> float:
    """Compute SSIM, mean of both sources."""
    return sum(_ssim(x.astype(float), f.astype(float))[0] for x in (a, b)) / 2


def multi_scale_structural_similarity(a: Image, b: Image, f: Image) -> float:
    """Compute MS-SSIM, mean of both sources."""
    total = 0.0
    for source in (a, b):
        x, y, product = source.astype(float), f.astype(float), 1.0
        for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
            ssim, structure = _ssim(x, y)
            product *= max(ssim if scale == 4 else structure, 0.0) ** weight
            x, y = _downsample_by_two(x), _downsample_by_two(y)
        total += product
    return total / 2


def visual_information_fidelity(a: Image, b: Image, f: Image) -> float:
    """Compute VIF, sum of both sources."""
    total = 0.0
    for source in (a, b):
        preserved, available = 0.0, 0.0
        for scale in range(4):
            for g, sv, v in _iterate_vif_channels(source, f, scale):
                preserved += math.log10(1 + g * g * v / (sv + 2))
                available += math.log10(1 + v / 2)
        total += preserved / available
    return total


def visual_information_fusion(a: Image, b: Image, f: Image) -> float:
    """Compute VIFF."""
    total = 0.0
    for scale, weight in ((0, 1.0), (2, 0.15), (3, 1.0)):
        preserved, available = 0.0, 0.0
        for first, second in zip(
            _iterate_vif_channels(a, f, scale), _iterate_vif_channels(b, f, scale), strict=True
        ):
            g, sv, v = first if first[0] < second[0] else second
            preserved += math.log10(1 + g * g * v / (sv + 325.125)) + 1e-7
            available += math.log10(1 + v / 325.125) + 1e-7
        total += weight / 2.15 * preserved / available
    return total


def multi_exposure_similarity(a: Image, b: Image, f: Image) -> float:
    """Compute MEF-SSIM, patch by patch."""
    planes = [x.astype(float) for x in (a, b, f)]
    product, eps = 1.0, np.finfo(float).eps
    for weight in np.array([0.0448, 0.2856, 0.3001]) / 0.6305:
        similarities = []
        for *sources, fused in zip(*(iterate_windows(x, 11) for x in planes), strict=True):
            centered = [x - x.mean() for x in sources]
            norms = [float(np.linalg.norm(x)) for x in centered]
            strengths = [n + 0.001 for n in norms]
            ratio = (float(np.linalg.norm(centered[0] + centered[1])) + eps) / (sum(norms) + eps)
            power = min(math.tan(math.pi / 2 * min(max(ratio, eps), 1 - eps)), 10.0)
            weights = [(s / 11) ** power + eps for s in strengths]
            patch = sum(
                w / sum(weights) * x / s
                for w, x, s in zip(weights, centered, strengths, strict=True)
            )
            length = float(np.linalg.norm(patch))
            patch = patch / length * max(strengths) if length else patch
            w = make_gaussian_window(11, 1.5)
            r, y = patch - (w * patch).sum(), fused - (w * fused).sum()
            numerator = 2 * (w * r * y).sum() + 7.65**2
            similarities.append(numerator / ((w * r * r).sum() + (w * y * y).sum() + 7.65**2))
        product *= max(sum(similarities) / len(similarities), 0.0) ** weight
        planes = [_downsample_by_two(x) for x in planes]
    return product


def edge_dependent_quality(a: Image, b: Image, f: Image) -> float:
    """Compute Qe."""
    product = 1.0
    for planes in ([x.astype(float) for x in (a, b, f)], [_prewitt(x) for x in (a, b, f)]):
        quality, total = 0.0, 0.0
        for x, y, z in zip(*(iterate_windows(p, 8) for p in planes), strict=True):
            vx, vy = x.var(), y.var()
            share = vx / (vx + vy) if vx + vy > 1e-9 else 0.5
            weight = max(vx, vy) if vx + vy > 1e-9 else 0.5
            quality += weight * (share * _uiqi(x, z) + (1 - share) * _uiqi(y, z))
            total += weight
        product *= quality / total
    return product


def iterate_windows(image: NDArray[np.generic], size: int) -> Iterator[FloatImage]:
    """Iterate over the square windows that lie inside the image."""
    for i in range(image.shape[0] - size + 1):
        for j in range(image.shape[1] - size + 1):
            yield image[i : i + size, j : j + size].astype(float)


def make_gaussian_window(size: int, sigma: float) -> FloatImage:
    """Make a square window of Gaussian weights that sum to 1."""
    window = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            center = (size - 1) / 2
            window[i, j] = math.exp(-((i - center) ** 2 + (j - center) ** 2) / (2 * sigma**2))
    return window / window.sum()


def _downsample_by_two(image: FloatImage) -> FloatImage:
    h, w = image.shape
    half = np.empty(((h + 1) // 2, (w + 1) // 2))
    for i in range(half.shape[0]):
        for j in range(half.shape[1]):
            rows, columns = [2 * i, min(2 * i + 1, h - 1)], [2 * j, min(2 * j + 1, w - 1)]
            half[i, j] = sum(image[r, c] for r in rows for c in columns) / 4
    return half


def _ssim(x: FloatImage, y: FloatImage) -> tuple[float, float]:
    """Compute the mean of l cs, and of cs."""
    w, c1, c2 = make_gaussian_window(11, 1.5), 2.55**2, 7.65**2
    ssim, structure, count = 0.0, 0.0, 0
    for p, q in zip(iterate_windows(x, 11), iterate_windows(y, 11), strict=True):
        mp, mq = (w * p).sum(), (w * q).sum()
        vp, vq = (w * (p - mp) ** 2).sum(), (w * (q - mq) ** 2).sum()
        cs = (2 * (w * (p - mp) * (q - mq)).sum() + c2) / (vp + vq + c2)
        ssim += cs * (2 * mp * mq + c1) / (mp**2 + mq**2 + c1)
        structure += cs
        count += 1
    return ssim / count, structure / count


def _iterate_vif_channels(
    source: Image, fused: Image, scale: int
) -> Iterator[tuple[float, float, float]]:
    """Iterate over g, sv and v of the windows of one scale of VIF."""
    x, y = source.astype(float), fused.astype(float)
    for finer in range(1, scale + 1):
        size = 2 ** (4 - finer) + 1
        x, y = (
            _filter_valid(image, make_gaussian_window(size, size / 5))[::2, ::2] for image in (x, y)
        )
    size = 2 ** (4 - scale) + 1
    w = make_gaussian_window(size, size / 5)
    for p, q in zip(iterate_windows(x, size), iterate_windows(y, size), strict=True):
        mp, mq = (w * p).sum(), (w * q).sum()
        v, vq = (w * (p - mp) ** 2).sum(), (w * (q - mq) ** 2).sum()
        c = (w * (p - mp) * (q - mq)).sum()
        g = c / (v + 1e-10)
        sv = vq - g * c
        if v < 1e-10:
            g, sv, v = 0.0, vq, 0.0
        if vq < 1e-10:
            g, sv = 0.0, 0.0
        if g < 0:
            g, sv = 0.0, vq
        yield g, max(sv, 1e-10), v


def _filter_valid(image: FloatImage, window: FloatImage) -> FloatImage:
    size = len(window)
    means = np.array([(window * patch).sum() for patch in iterate_windows(image, size)])
    return means.reshape(image.shape[0] - size + 1, image.shape[1] - size + 1)


def _uiqi(x: FloatImage, y: FloatImage) -> float:
    """Compute the UIQI of two windows; the constants only avoid 0 / 0."""
    c = (1e-6 * 255) ** 2
    covariance = ((x - x.mean()) * (y - y.mean())).mean()
    numerator = (2 * x.mean() * y.mean() + c) * (2 * covariance + c)
    return float(numerator / ((x.mean() ** 2 + y.mean() ** 2 + c) * (x.var() + y.var() + c)))


def _prewitt(image: Image) -> FloatImage:
    x = np.pad(image.astype(float), 1)
    magnitude = np.empty(image.shape)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            p = x[i : i + 3, j : j + 3]
            magnitude[i, j] = math.hypot((p[:, 2] - p[:, 0]).sum(), (p[2] - p[0]).sum())
    return magnitude
