"""The five scales of multi-scale structural similarity, and what is local in each."""

import numpy as np
from numpy.typing import NDArray

from fusion.metrics._parts.filters import Plane, gaussian, halved, plane, valid

WINDOW = gaussian(11, 1.5)


def octaves(image: NDArray[np.uint8], count: int) -> list[Plane]:
    """The image and its halvings (`halved`), ``count`` in all."""
    found = [plane(image)]
    while len(found) < count:
        found.append(halved(found[-1]))
    return found


def moments(image: Plane) -> list[Plane]:
    """Local mean and variance under an 11 x 11 Gaussian of sigma 1.5."""
    mean = valid(image, WINDOW)
    return [mean, valid(image * image, WINDOW) - mean * mean]


def covariance(first: Plane, second: Plane, means: list[Plane]) -> Plane:
    """Local covariance under the same window; ``means`` are the local means of both."""
    return np.asarray(valid(first * second, WINDOW) - means[0] * means[1])
