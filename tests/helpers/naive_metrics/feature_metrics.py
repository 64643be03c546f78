"""Feature mutual information and phase congruency, as plain loops."""

import math

import numpy as np
from numpy.typing import NDArray

from tests.helpers.naive_metrics.edge_metrics import compute_edge_map
from tests.helpers.naive_metrics.window_metrics import iterate_windows, make_gaussian_window

Image = NDArray[np.uint8]
Plane = NDArray[np.float64]


def feature_mutual_information(a: Image, b: Image, f: Image) -> float:
    """FMI of edges."""
    target = compute_edge_map(f)
    total = 0.0
    for source in (a, b):
        found = [
            _window_mutual_information(x.T.ravel(), y.T.ravel())
            for x, y in zip(
                iterate_windows(compute_edge_map(source), 3),
                iterate_windows(target, 3),
                strict=True,
            )
        ]
        total += sum(found) / len(found)
    return total / 2


def _window_mutual_information(x: Plane, y: Plane) -> float:
    """Feature mutual information of two windows of 0 and 1."""
    if (x == y).all() or (np.ptp(x) == 0 and np.ptp(y) == 0):
        return 1.0
    p, q = ((v if np.ptp(v) else np.ones(9)) for v in (x, y))
    p, q = p / p.sum(), q / q.sum()
    index = range(1, 10)
    spread = [
        math.sqrt(sum(k * k * v[k - 1] for k in index) - sum(k * v[k - 1] for k in index) ** 2)
        for v in (p, q)
    ]
    r = np.corrcoef(p, q)[0, 1] if np.ptp(x) and np.ptp(y) else 0.0
    bound = np.zeros((10, 10))
    reach = 0.0
    for i in index:
        for j in index:
            top, bottom = sum(q[:i]), sum(p[:j])
            bound[i, j] = min(top, bottom) if r >= 0 else max(top + bottom - 1, 0.0)
            reach += bound[i, j] - top * bottom
    share = r * spread[0] * spread[1] / reach if r and spread[0] * spread[1] else 0.0
    joint = []
    for i in index:
        for j in index:
            step = bound[i, j] - bound[i - 1, j] - bound[i, j - 1] + bound[i - 1, j - 1]
            joint.append(share * step + (1 - share) * q[i - 1] * p[j - 1])
    single = sum(-v * math.log2(v) for v in (*p, *q) if v)
    both = sum(-v * math.log2(abs(v)) for v in joint if v)
    return 2 * (single - both) / single if single else 0.0


def phase_congruency(a: Image, b: Image, f: Image) -> float:
    """PC: Kovesi's maps filter by filter, then windows feature by feature."""
    first, second, fused = (_compute_phase_congruency_maps(x) for x in (a, b, f))
    shape, product = a.shape, 1.0
    top = np.maximum(first[0], second[0])
    w = make_gaussian_window(11, 1.5)
    for part in range(3):
        larger = np.where(first[0] > second[0], first[part], second[part])
        maps = [
            np.pad(x * (mask > 0.1), 5)
            for x, mask in ((first[part], first[0]), (second[part], second[0]), (larger, top))
        ]
        target = np.pad(fused[part], 5)
        total = 0.0
        for i in range(shape[0]):
            for j in range(shape[1]):
                places = (slice(i, i + 11), slice(j, j + 11))
                y = target[places]
                marks = [x[i, j] > 0.1 for x in (first[0], second[0], top)]
                total += max(
                    _window_similarity(w, x[places], y) if mark else 0.0
                    for x, mark in zip(maps, marks, strict=True)
                )
        product *= total / (top > 0.1).sum()
    return float(product)


def _window_similarity(w: Plane, x: Plane, y: Plane) -> float:
    mx, my = (w * x).sum(), (w * y).sum()
    vx, vy = (w * x * x).sum() - mx**2, (w * y * y).sum() - my**2
    return float(((w * x * y).sum() - mx * my + 1e-4) / (math.sqrt(abs(vx * vy)) + 1e-4))


def _compute_phase_congruency_maps(image: Image) -> list[Plane]:
    """Phase congruency, largest and smallest moment."""
    spectrum = np.fft.fft2(image.astype(float))
    energy, amplitude, xx, yy, xy = (np.zeros(image.shape) for _ in range(5))
    for o in range(6):
        filters = [_log_gabor(image.shape, scale, o * math.pi / 6) for scale in range(4)]
        responses = [np.fft.ifft2(spectrum * g) for g in filters]
        threshold = _estimate_noise_threshold(responses[0], filters)
        for i in range(image.shape[0]):
            for j in range(image.shape[1]):
                found, size = _local_energy([complex(r[i, j]) for r in responses], threshold)
                energy[i, j] += found
                amplitude[i, j] += size
                share = found / size if size else 0.0
                xx[i, j] += (share * math.cos(o * math.pi / 6)) ** 2
                yy[i, j] += (share * math.sin(o * math.pi / 6)) ** 2
                xy[i, j] += share**2 * math.cos(o * math.pi / 6) * math.sin(o * math.pi / 6)
    xx, yy, xy = xx / 3, yy / 3, xy / 6
    root = np.sqrt(xy**2 + (xx - yy) ** 2) + 1e-4
    return [energy / (amplitude + 1e-4), (xx + yy + root) / 2, (xx + yy - root) / 2]


def _log_gabor(shape: tuple[int, int], scale: int, orientation: float) -> Plane:
    """One filter in the frequency domain; even sides only."""
    found = np.zeros(shape)
    for i in range(shape[0]):
        for j in range(shape[1]):
            y = (i - shape[0] if i >= shape[0] / 2 else i) / shape[0]
            x = (j - shape[1] if j >= shape[1] / 2 else j) / shape[1]
            radius = math.hypot(x, y)
            if radius:
                octaves = math.log(radius * 3 * 2.1**scale) / math.log(0.55)
                turned = abs(math.remainder(math.atan2(-y, x) - orientation, 2 * math.pi))
                angular = math.exp(-(turned**2) / (2 * (math.pi / 6 / 1.2) ** 2))
                low = 1 / (1 + (radius / 0.45) ** 30)
                found[i, j] = math.exp(-(octaves**2) / 2) * angular * low
    return found


def _estimate_noise_threshold(finest: NDArray[np.complex128], filters: list[Plane]) -> float:
    """The energy that noise alone would have, from the finest scale's median."""
    power = -float(np.median(np.abs(finest) ** 2)) / math.log(0.5) / (filters[0] ** 2).sum()
    kernels = [np.fft.ifft2(g).real * math.sqrt(g.size) for g in filters]
    squares = sum((k * k).sum() for k in kernels)
    cross = sum((kernels[i] * kernels[j]).sum() for i in range(4) for j in range(i + 1, 4))
    tau = math.sqrt(power * (squares + 2 * cross))
    return (tau * math.sqrt(math.pi / 2) + 2 * math.sqrt((2 - math.pi / 2) * tau**2)) / 1.7


def _local_energy(responses: list[complex], threshold: float) -> tuple[float, float]:
    """Weighted energy above the noise, and the sum of the amplitudes."""
    sizes = [abs(r) for r in responses]
    whole = sum(responses)
    length = abs(whole) + 1e-4
    e, o = whole.real / length, whole.imag / length
    energy = sum(r.real * e + r.imag * o - abs(r.real * o - r.imag * e) for r in responses)
    width = sum(sizes) / (max(sizes) + 1e-4) / 4
    weight = 1 / (1 + math.exp(10 * (0.5 - width)))
    return weight * max(energy - threshold, 0.0), sum(sizes)
