"""The pinhole both sensors share: meters to pixels, along a straight and level street.

The street runs along z. Coordinates are meters from the point on the ground below the camera:
x to the right, y up, z forward. A camera turned a little to one side only moves the vanishing
point, so walls that face the street stay planes of constant x or z.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
NEAR_PLANE = 1.2  # meters; whatever is nearer is cut off


@dataclass(frozen=True)
class Camera:
    """Where the camera is and how it sees, in pixels of the canvas it draws on.

    Attributes:
        width: Canvas width in pixels.
        height: Canvas height in pixels.
        focal: Focal length in pixels.
        center: Column of the vanishing point of the street.
        horizon: Row of the horizon.
        eye: Height above the road in meters.
    """

    width: int
    height: int
    focal_length: float
    vanishing_column: float
    horizon_row: float
    eye_height: float

    def project(self, points: Points) -> Points:
        """Pixel coordinates (N, 2) of points (N, 3) with z > 0."""
        scale = self.focal_length / points[:, 2]
        out = np.empty((len(points), 2))
        out[:, 0] = self.vanishing_column + points[:, 0] * scale
        out[:, 1] = self.horizon_row + (self.eye_height - points[:, 1]) * scale
        return out

    def compute_ground_plane(self, height: float = 0.0) -> tuple[float, float, float]:
        """Inverse depth on the level plane of that height, as a plane over the image.

        1 / z = a + b (column - center) + c (row - horizon)
        """
        return 0.0, 0.0, 1.0 / (self.focal_length * max(self.eye_height - height, 0.05))

    def compute_wall_plane(self, x: float) -> tuple[float, float, float]:
        """Inverse depth on the upright plane of that x, which runs along the street."""
        return 0.0, 1.0 / (self.focal_length * x), 0.0


def clip_to_near_plane(points: Points) -> Points:
    """The part of a polygon (N, 3) that lies at least `NEAR_PLANE` in front of the camera."""
    kept: list[Points] = []
    for here, there in zip(points, np.roll(points, -1, axis=0), strict=True):
        inside, leads_inside = here[2] >= NEAR_PLANE, there[2] >= NEAR_PLANE
        if inside:
            kept.append(here)
        if inside != leads_inside:
            share = (NEAR_PLANE - here[2]) / (there[2] - here[2])
            kept.append(here + share * (there - here))
    return np.array(kept).reshape(-1, 3)


def compute_convex_hull(points: Points) -> Points:
    """Convex hull of pixel coordinates (N, 2), in order."""
    ordered = sorted(map(tuple, points.tolist()))

    def half(points: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
        chain: list[tuple[float, ...]] = []
        for x, y in points:
            while len(chain) > 1 and (
                (chain[-1][0] - chain[-2][0]) * (y - chain[-2][1])
                <= (chain[-1][1] - chain[-2][1]) * (x - chain[-2][0])
            ):
                chain.pop()
            chain.append((x, y))
        return chain[:-1]

    return np.array(half(ordered) + half(ordered[::-1])).reshape(-1, 2)
