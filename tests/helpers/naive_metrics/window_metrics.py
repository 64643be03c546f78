"""Metrics of local windows, as plain loops over them."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Plane = NDArray[np.float64]


def structural_similarity(a: Image, b: Image, f: Image) -> float:
    """SSIM, mean of both sources."""
    return sum(_ssim(x.astype(float), f.astype(float))[0] for x in (a, b)) / 2


def multi_scale_structural_similarity(a: Image, b: Image, f: Image) -> float:
    """MS-SSIM, mean of both sources."""
    total = 0.0
    for source in (a, b):
        x, y, product = source.astype(float), f.astype(float), 1.0
        for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
            whole, structure = _ssim(x, y)
            product *= max(whole if scale == 4 else structure, 0.0) ** weight
            x, y = _downsample_by_two(x), _downsample_by_two(y)
        total += product
    return total / 2


def visual_information_fidelity(a: Image, b: Image, f: Image) -> float:
    """VIF, sum of both sources."""
    total = 0.0
    for source in (a, b):
        kept, there = 0.0, 0.0
        for scale in range(4):
            for g, sv, v in _iterate_vif_channels(source, f, scale):
                kept += math.log10(1 + g * g * v / (sv + 2))
                there += math.log10(1 + v / 2)
        total += kept / there
    return total


def visual_information_fusion(a: Image, b: Image, f: Image) -> float:
    """VIFF."""
    total = 0.0
    for scale, weight in ((0, 1.0), (2, 0.15), (3, 1.0)):
        kept, there = 0.0, 0.0
        for one, other in zip(
            _iterate_vif_channels(a, f, scale), _iterate_vif_channels(b, f, scale), strict=True
        ):
            g, sv, v = one if one[0] < other[0] else other
            kept += math.log10(1 + g * g * v / (sv + 325.125)) + 1e-7
            there += math.log10(1 + v / 325.125) + 1e-7
        total += weight / 2.15 * kept / there
    return total


def multi_exposure_similarity(a: Image, b: Image, f: Image) -> float:
    """MEF-SSIM, patch by patch."""
    planes = [x.astype(float) for x in (a, b, f)]
    product, eps = 1.0, np.finfo(float).eps
    for weight in np.array([0.0448, 0.2856, 0.3001]) / 0.6305:
        found = []
        for *sources, fused in zip(*(iterate_windows(x, 11) for x in planes), strict=True):
            flat = [x - x.mean() for x in sources]
            norms = [float(np.linalg.norm(x)) for x in flat]
            strengths = [n + 0.001 for n in norms]
            ratio = (float(np.linalg.norm(flat[0] + flat[1])) + eps) / (sum(norms) + eps)
            power = min(math.tan(math.pi / 2 * min(max(ratio, eps), 1 - eps)), 10.0)
            shares = [(s / 11) ** power + eps for s in strengths]
            patch = sum(
                w / sum(shares) * x / s for w, x, s in zip(shares, flat, strengths, strict=True)
            )
            length = float(np.linalg.norm(patch))
            patch = patch / length * max(strengths) if length else patch
            w = make_gaussian_window(11, 1.5)
            r, y = patch - (w * patch).sum(), fused - (w * fused).sum()
            top = 2 * (w * r * y).sum() + 7.65**2
            found.append(top / ((w * r * r).sum() + (w * y * y).sum() + 7.65**2))
        product *= max(sum(found) / len(found), 0.0) ** weight
        planes = [_downsample_by_two(x) for x in planes]
    return product


def edge_dependent_quality(a: Image, b: Image, f: Image) -> float:
    """Qe."""
    product = 1.0
    for planes in ([x.astype(float) for x in (a, b, f)], [_prewitt(x) for x in (a, b, f)]):
        top, total = 0.0, 0.0
        for x, y, z in zip(*(iterate_windows(p, 8) for p in planes), strict=True):
            vx, vy = x.var(), y.var()
            share = vx / (vx + vy) if vx + vy > 1e-9 else 0.5
            weight = max(vx, vy) if vx + vy > 1e-9 else 0.5
            top += weight * (share * _uiqi(x, z) + (1 - share) * _uiqi(y, z))
            total += weight
        product *= top / total
    return product


def iterate_windows(image: NDArray[np.generic], size: int) -> Iterator[Plane]:
    """Every square window that lies inside the image."""
    for i in range(image.shape[0] - size + 1):
        for j in range(image.shape[1] - size + 1):
            yield image[i : i + size, j : j + size].astype(float)


def make_gaussian_window(size: int, sigma: float) -> Plane:
    """A window of Gaussian weights that sum to 1."""
    window = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            middle = (size - 1) / 2
            window[i, j] = math.exp(-((i - middle) ** 2 + (j - middle) ** 2) / (2 * sigma**2))
    return window / window.sum()


def _downsample_by_two(image: Plane) -> Plane:
    h, w = image.shape
    found = np.empty(((h + 1) // 2, (w + 1) // 2))
    for i in range(found.shape[0]):
        for j in range(found.shape[1]):
            rows, columns = [2 * i, min(2 * i + 1, h - 1)], [2 * j, min(2 * j + 1, w - 1)]
            found[i, j] = sum(image[r, c] for r in rows for c in columns) / 4
    return found


def _ssim(x: Plane, y: Plane) -> tuple[float, float]:
    """Mean of l cs, and of cs."""
    w, c1, c2 = make_gaussian_window(11, 1.5), 2.55**2, 7.65**2
    whole, structure, number = 0.0, 0.0, 0
    for p, q in zip(iterate_windows(x, 11), iterate_windows(y, 11), strict=True):
        mp, mq = (w * p).sum(), (w * q).sum()
        vp, vq = (w * (p - mp) ** 2).sum(), (w * (q - mq) ** 2).sum()
        cs = (2 * (w * (p - mp) * (q - mq)).sum() + c2) / (vp + vq + c2)
        whole += cs * (2 * mp * mq + c1) / (mp**2 + mq**2 + c1)
        structure += cs
        number += 1
    return whole / number, structure / number


def _iterate_vif_channels(
    source: Image, fused: Image, scale: int
) -> Iterator[tuple[float, float, float]]:
    """g, sv and v of every window of one scale of VIF."""
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


def _filter_valid(image: Plane, window: Plane) -> Plane:
    size = len(window)
    found = np.array([(window * patch).sum() for patch in iterate_windows(image, size)])
    return found.reshape(image.shape[0] - size + 1, image.shape[1] - size + 1)


def _uiqi(x: Plane, y: Plane) -> float:
    """Similarity of two windows, with constants that only guard against 0 / 0."""
    c = (1e-6 * 255) ** 2
    top = (2 * x.mean() * y.mean() + c) * (2 * ((x - x.mean()) * (y - y.mean())).mean() + c)
    return float(top / ((x.mean() ** 2 + y.mean() ** 2 + c) * (x.var() + y.var() + c)))


def _prewitt(image: Image) -> Plane:
    x = np.pad(image.astype(float), 1)
    found = np.empty(image.shape)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            p = x[i : i + 3, j : j + 3]
            found[i, j] = math.hypot((p[:, 2] - p[:, 0]).sum(), (p[2] - p[0]).sum())
    return found
