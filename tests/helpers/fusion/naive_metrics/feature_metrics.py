"""Feature mutual information and phase congruency as naive loops."""

import math

import numpy as np
from numpy.typing import NDArray

from tests.helpers.fusion.naive_metrics.edge_metrics import compute_edge_map
from tests.helpers.fusion.naive_metrics.window_metrics import iterate_windows, make_gaussian_window

Image = NDArray[np.uint8]
FloatImage = NDArray[np.float64]


def feature_mutual_information(a: Image, b: Image, f: Image) -> float:
    """Compute the FMI of edges."""
    fused_edges = compute_edge_map(f)
    total = 0.0
    for source in (a, b):
        information = [
            _window_mutual_information(x.T.ravel(), y.T.ravel())
            for x, y in zip(
                iterate_windows(compute_edge_map(source), 3),
                iterate_windows(fused_edges, 3),
                strict=True,
            )
        ]
        total += sum(information) / len(information)
    return total / 2


def _window_mutual_information(x: FloatImage, y: FloatImage) -> float:
    """Compute the feature mutual information of two windows of 0 and 1."""
    if (x == y).all() or (np.ptp(x) == 0 and np.ptp(y) == 0):
        return 1.0
    p, q = ((v if np.ptp(v) else np.ones(9)) for v in (x, y))
    p, q = p / p.sum(), q / q.sum()
    index = range(1, 10)
    deviation = [
        math.sqrt(sum(k * k * v[k - 1] for k in index) - sum(k * v[k - 1] for k in index) ** 2)
        for v in (p, q)
    ]
    r = np.corrcoef(p, q)[0, 1] if np.ptp(x) and np.ptp(y) else 0.0
    bound = np.zeros((10, 10))
    bound_covariance = 0.0
    for i in index:
        for j in index:
            cq, cp = sum(q[:i]), sum(p[:j])
            bound[i, j] = min(cq, cp) if r >= 0 else max(cq + cp - 1, 0.0)
            bound_covariance += bound[i, j] - cq * cp
    covariance = r * deviation[0] * deviation[1]
    weight = covariance / bound_covariance if r and deviation[0] * deviation[1] else 0.0
    joint = []
    for i in index:
        for j in index:
            density = bound[i, j] - bound[i - 1, j] - bound[i, j - 1] + bound[i - 1, j - 1]
            joint.append(weight * density + (1 - weight) * q[i - 1] * p[j - 1])
    marginal_entropy = sum(-v * math.log2(v) for v in (*p, *q) if v)
    joint_entropy = sum(-v * math.log2(abs(v)) for v in joint if v)
    return 2 * (marginal_entropy - joint_entropy) / marginal_entropy if marginal_entropy else 0.0


def phase_congruency(a: Image, b: Image, f: Image) -> float:
    """Compute PC: Kovesi's maps filter by filter, then windows feature by feature."""
    first, second, fused = (_compute_phase_congruency_maps(x) for x in (a, b, f))
    shape, product = a.shape, 1.0
    maximum = np.maximum(first[0], second[0])
    w = make_gaussian_window(11, 1.5)
    for part in range(3):
        larger = np.where(first[0] > second[0], first[part], second[part])
        maps = [
            np.pad(x * (mask > 0.1), 5)
            for x, mask in ((first[part], first[0]), (second[part], second[0]), (larger, maximum))
        ]
        fused_map = np.pad(fused[part], 5)
        total = 0.0
        for i in range(shape[0]):
            for j in range(shape[1]):
                window = (slice(i, i + 11), slice(j, j + 11))
                y = fused_map[window]
                is_feature = [x[i, j] > 0.1 for x in (first[0], second[0], maximum)]
                total += max(
                    _window_similarity(w, x[window], y) if feature else 0.0
                    for x, feature in zip(maps, is_feature, strict=True)
                )
        product *= total / (maximum > 0.1).sum()
    return float(product)


def _window_similarity(w: FloatImage, x: FloatImage, y: FloatImage) -> float:
    mx, my = (w * x).sum(), (w * y).sum()
    vx, vy = (w * x * x).sum() - mx**2, (w * y * y).sum() - my**2
    return float(((w * x * y).sum() - mx * my + 1e-4) / (math.sqrt(abs(vx * vy)) + 1e-4))


def _compute_phase_congruency_maps(image: Image) -> list[FloatImage]:
    """Compute phase congruency, maximum and minimum moment."""
    spectrum = np.fft.fft2(image.astype(float))
    energy, amplitude, xx, yy, xy = (np.zeros(image.shape) for _ in range(5))
    for o in range(6):
        filters = [_log_gabor(image.shape, scale, o * math.pi / 6) for scale in range(4)]
        responses = [np.fft.ifft2(spectrum * g) for g in filters]
        threshold = _estimate_noise_threshold(responses[0], filters)
        for i in range(image.shape[0]):
            for j in range(image.shape[1]):
                e, size = _local_energy([complex(r[i, j]) for r in responses], threshold)
                energy[i, j] += e
                amplitude[i, j] += size
                ratio = e / size if size else 0.0
                xx[i, j] += (ratio * math.cos(o * math.pi / 6)) ** 2
                yy[i, j] += (ratio * math.sin(o * math.pi / 6)) ** 2
                xy[i, j] += ratio**2 * math.cos(o * math.pi / 6) * math.sin(o * math.pi / 6)
    xx, yy, xy = xx / 3, yy / 3, xy / 6
    root = np.sqrt(xy**2 + (xx - yy) ** 2) + 1e-4
    return [energy / (amplitude + 1e-4), (xx + yy + root) / 2, (xx + yy - root) / 2]


def _log_gabor(shape: tuple[int, int], scale: int, orientation: float) -> FloatImage:
    """Compute one filter in the frequency domain; even sides only."""
    gabor = np.zeros(shape)
    for i in range(shape[0]):
        for j in range(shape[1]):
            y = (i - shape[0] if i >= shape[0] / 2 else i) / shape[0]
            x = (j - shape[1] if j >= shape[1] / 2 else j) / shape[1]
            radius = math.hypot(x, y)
            if radius:
                octaves = math.log(radius * 3 * 2.1**scale) / math.log(0.55)
                angle = abs(math.remainder(math.atan2(-y, x) - orientation, 2 * math.pi))
                angular = math.exp(-(angle**2) / (2 * (math.pi / 6 / 1.2) ** 2))
                low = 1 / (1 + (radius / 0.45) ** 30)
                gabor[i, j] = math.exp(-(octaves**2) / 2) * angular * low
    return gabor


def _estimate_noise_threshold(finest: NDArray[np.complex128], filters: list[FloatImage]) -> float:
    """Estimate the energy of noise from the median response at the finest scale."""
    power = -float(np.median(np.abs(finest) ** 2)) / math.log(0.5) / (filters[0] ** 2).sum()
    kernels = [np.fft.ifft2(g).real * math.sqrt(g.size) for g in filters]
    squares = sum((k * k).sum() for k in kernels)
    cross = sum((kernels[i] * kernels[j]).sum() for i in range(4) for j in range(i + 1, 4))
    tau = math.sqrt(power * (squares + 2 * cross))
    return (tau * math.sqrt(math.pi / 2) + 2 * math.sqrt((2 - math.pi / 2) * tau**2)) / 1.7


def _local_energy(responses: list[complex], threshold: float) -> tuple[float, float]:
    """Compute the weighted energy above the noise, and the sum of the amplitudes."""
    amplitudes = [abs(r) for r in responses]
    response_sum = sum(responses)
    length = abs(response_sum) + 1e-4
    e, o = response_sum.real / length, response_sum.imag / length
    energy = sum(r.real * e + r.imag * o - abs(r.real * o - r.imag * e) for r in responses)
    spread = sum(amplitudes) / (max(amplitudes) + 1e-4) / 4
    weight = 1 / (1 + math.exp(10 * (0.5 - spread)))
    return weight * max(energy - threshold, 0.0), sum(amplitudes)
