"""Pinhole camera shared by both sensors, looking along a straight and level street.

World coordinates are in meters, relative to the point on the ground below the camera: x to the
right, y up, z forward along the street. Turning the camera a little to one side only moves the
vanishing point, so walls that face the street stay planes of constant x or z.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
NEAR_PLANE = 1.2  # meters; geometry nearer than this is clipped


@dataclass(frozen=True)
class Camera:
    """Pinhole camera, in pixels of the supersampled canvas.

    Attributes:
        width: Canvas width in pixels.
        height: Canvas height in pixels.
        focal_length: Focal length in pixels.
        vanishing_column: Column of the vanishing point of the street.
        horizon_row: Row of the horizon.
        eye_height: Height above the road in meters.
    """

    width: int
    height: int
    focal_length: float
    vanishing_column: float
    horizon_row: float
    eye_height: float

    def project(self, points: Points) -> Points:
        """Project world points to pixel coordinates.

            column = vanishing_column + f x / z
            row    = horizon_row + f (eye_height - y) / z

        Args:
            points: World points in meters, (N, 3), z > 0.

        Returns:
            (column, row) in canvas pixels, (N, 2).
        """
        scale = self.focal_length / points[:, 2]
        pixels = np.empty((len(points), 2))
        pixels[:, 0] = self.vanishing_column + points[:, 0] * scale
        pixels[:, 1] = self.horizon_row + (self.eye_height - points[:, 1]) * scale
        return pixels

    def compute_ground_plane(self, height: float = 0.0) -> tuple[float, float, float]:
        """Compute the inverse depth of a horizontal plane as a linear function of the pixel.

            1 / z = a + b (column - vanishing_column) + c (row - horizon_row)

        Args:
            height: Height of the plane above the road in meters.

        Returns:
            (a, b, c).
        """
        return 0.0, 0.0, 1.0 / (self.focal_length * max(self.eye_height - height, 0.05))

    def compute_wall_plane(self, x: float) -> tuple[float, float, float]:
        """Compute the inverse depth of the vertical plane at ``x`` that runs along the street.

        Returns:
            (a, b, c) as in `compute_ground_plane`.
        """
        return 0.0, 1.0 / (self.focal_length * x), 0.0


def clip_to_near_plane(points: Points) -> Points:
    """Clip a polygon to the half space z >= `NEAR_PLANE` (Sutherland-Hodgman, one plane).

    Args:
        points: Corners in order, (N, 3).

    Returns:
        Corners of the clipped polygon, (M, 3); M = 0 if nothing is left.
    """
    clipped: list[Points] = []
    for start, end in zip(points, np.roll(points, -1, axis=0), strict=True):
        start_inside, end_inside = start[2] >= NEAR_PLANE, end[2] >= NEAR_PLANE
        if start_inside:
            clipped.append(start)
        if start_inside != end_inside:  # the edge crosses the plane
            fraction = (NEAR_PLANE - start[2]) / (end[2] - start[2])
            clipped.append(start + fraction * (end - start))
    return np.array(clipped).reshape(-1, 3)


def compute_convex_hull(points: Points) -> Points:
    """Compute the convex hull of pixel coordinates (Andrew's monotone chain).

    Args:
        points: Pixel coordinates, (N, 2).

    Returns:
        Corners of the hull in order, (M, 2).
    """
    ordered = sorted(map(tuple, points.tolist()))

    def build_half_hull(points: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
        chain: list[tuple[float, ...]] = []
        for x, y in points:
            # Remove the last point while it does not make a strict turn.
            while len(chain) > 1 and (
                (chain[-1][0] - chain[-2][0]) * (y - chain[-2][1])
                <= (chain[-1][1] - chain[-2][1]) * (x - chain[-2][0])
            ):
                chain.pop()
            chain.append((x, y))
        return chain[:-1]

    return np.array(build_half_hull(ordered) + build_half_hull(ordered[::-1])).reshape(-1, 2)
