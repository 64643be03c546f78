"""Pose of a vehicle, and a box with tapered sides that knows its visible faces."""

from dataclasses import dataclass

import numpy as np

from fusebench.simulator.camera import Points
from fusebench.simulator.objects.primitives import to_points


@dataclass(frozen=True)
class VehiclePose:
    """Position, heading and state of a vehicle.

    Attributes:
        x: Center in meters.
        z: Center in meters.
        heading: Radians; 0 drives away from the camera, pi towards it, pi / 2 to the right.
        is_engine_running: Whether the engine is on, so that parts of the vehicle are warm.
        are_lamps_on: Whether its lamps are on.
        eye_height: Height of the camera in meters; decides whether its top is visible.
    """

    x: float
    z: float
    heading: float
    is_engine_running: bool
    are_lamps_on: bool
    eye_height: float

    def to_world(self, local: object) -> Points:
        """Transform local points to world points.

        Args:
            local: (forward, left to right, up) in meters, relative to the vehicle, (N, 3).

        Returns:
            (x, y, z) in meters, (N, 3).
        """
        forward, across, up = np.asarray(local, np.float64).reshape(-1, 3).T
        s, c = np.sin(self.heading), np.cos(self.heading)
        return np.stack(
            [self.x + forward * s + across * c, up, self.z + forward * c - across * s], 1
        )


class TaperedBox:
    """A box, possibly tapered upwards, of which only the faces towards the camera are drawn.

    Attributes:
        faces: World corners of every face, (4, 3): bottom left, bottom right, top right and top
            left, seen from outside.
        visible_faces: Names of the faces towards the camera.
    """

    def __init__(self, pose: VehiclePose, low: tuple[float, ...], high: tuple[float, ...]) -> None:
        """Build the box.

        Args:
            pose: Pose of the vehicle.
            low: (rear, front, half width, y) of the bottom in meters, relative to the vehicle.
            high: The same for the top. An optional fifth value is the height by which the top
                is lower at the front.
        """
        (r0, f0, w0, y0), (r1, f1, w1, y1) = low, high[:4]
        y2 = y1 - sum(high[4:])
        corners = {
            "front": [(f0, w0, y0), (f0, -w0, y0), (f1, -w1, y2), (f1, w1, y2)],
            "rear": [(r0, -w0, y0), (r0, w0, y0), (r1, w1, y1), (r1, -w1, y1)],
            "left": [(f0, -w0, y0), (r0, -w0, y0), (r1, -w1, y1), (f1, -w1, y2)],
            "right": [(r0, w0, y0), (f0, w0, y0), (f1, w1, y2), (r1, w1, y1)],
            "top": [(r1, -w1, y1), (r1, w1, y1), (f1, w1, y2), (f1, -w1, y2)],
        }
        center = pose.to_world([((r0 + f0) / 2, 0.0, (y0 + y1) / 2)])[0]
        self.faces = {name: pose.to_world(points) for name, points in corners.items()}
        self.visible_faces = [
            n for n in self.faces if self._is_face_visible(n, center, pose.eye_height)
        ]

    def _is_face_visible(self, name: str, box_center: Points, eye_height: float) -> bool:
        """Return whether the outer side of a face is turned towards the camera."""
        points = self.faces[name]
        normal = np.cross(points[1] - points[0], points[3] - points[0])
        face_center = points.mean(axis=0)
        # The sign of the normal is arbitrary: compare it with the direction out of the box.
        outward = float(normal @ (face_center - box_center))
        towards_camera = float(normal @ (np.array([0.0, eye_height, 0.0]) - face_center))
        return outward * towards_camera > 0

    def get_face_patch(self, name: str, u: tuple[float, float], v: tuple[float, float]) -> Points:
        """Return a rectangular part of a face, by bilinear interpolation of its corners.

        Args:
            name: Name of the face.
            u: Extent across the face, each 0 to 1.
            v: Extent up the face, each 0 to 1.

        Returns:
            World corners, (4, 3).
        """
        a, b, c, d = self.faces[name]

        def interpolate(s: float, t: float) -> Points:
            return np.asarray((a * (1 - s) + b * s) * (1 - t) + (d * (1 - s) + c * s) * t)

        return to_points(
            [
                interpolate(u[0], v[0]),
                interpolate(u[1], v[0]),
                interpolate(u[1], v[1]),
                interpolate(u[0], v[1]),
            ]
        )
