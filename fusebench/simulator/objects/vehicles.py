"""What vehicles are made of: boxes with tapered sides, wheels and lamps, seen from any side."""

from dataclasses import dataclass

import numpy as np

from fusebench.simulator.camera import Points
from fusebench.simulator.objects.primitives import (
    GLASS_COLOR,
    RUBBER_COLOR,
    Light,
    Polygon,
    RgbTriple,
    SceneObject,
    Surface,
    to_points,
)

VEHICLE_COLORS: tuple[RgbTriple, ...] = (
    (0.86, 0.86, 0.86),
    (0.90, 0.89, 0.86),
    (0.62, 0.64, 0.66),
    (0.16, 0.16, 0.18),
    (0.30, 0.31, 0.34),
    (0.60, 0.10, 0.10),
    (0.12, 0.22, 0.45),
    (0.20, 0.33, 0.28),
    (0.72, 0.60, 0.30),
)
WINDOW_SURFACE = Surface(
    GLASS_COLOR, temperature_offset=0.0, emissivity=0.72, solar_absorption=0.2, shading=0.9
)
TIRE_SURFACE = Surface(RUBBER_COLOR, temperature_offset=1.0, solar_absorption=0.6, shading=0.8)
UNDERBODY_SURFACE = Surface((0.05, 0.05, 0.055), temperature_offset=1.0, shading=0.5)
HEADLIGHT_SURFACE = Surface((0.85, 0.86, 0.84), temperature_offset=1.0, emissivity=0.8)
TAILLIGHT_SURFACE = Surface((0.52, 0.06, 0.05), temperature_offset=0.6, emissivity=0.85)
NO_EMISSION: RgbTriple = (0.0, 0.0, 0.0)
HEADLIGHT_EMISSION: RgbTriple = (4.6, 4.3, 3.6)
TAILLIGHT_EMISSION: RgbTriple = (2.0, 0.10, 0.06)
FACE_SHADING = {"top": 1.08, "front": 0.80, "rear": 0.78, "left": 0.88, "right": 0.88}


@dataclass(frozen=True)
class VehiclePose:
    """Where a vehicle is, in which direction it looks, and what it is doing.

    Attributes:
        x: Middle, meters.
        z: Middle, meters.
        heading: Radians; 0 drives away from the camera, pi towards it, pi / 2 to the right.
        running: The engine is on, so parts of it are warm.
        lit: Its lamps are on.
        eye: Height of the camera, which decides what is seen of its top.
    """

    x: float
    z: float
    heading: float
    is_engine_running: bool
    are_lamps_on: bool
    eye_height: float

    def to_world(self, local: object) -> Points:
        """World points of local ones (forward, left to right, up)."""
        forward, across, up = np.asarray(local, np.float64).reshape(-1, 3).T
        s, c = np.sin(self.heading), np.cos(self.heading)
        return np.stack(
            [self.x + forward * s + across * c, up, self.z + forward * c - across * s], 1
        )


class TaperedBox:
    """A box, possibly tapered upwards, whose visible faces are drawn with what is on them."""

    def __init__(self, pose: VehiclePose, low: tuple[float, ...], high: tuple[float, ...]) -> None:
        """Take (rear, front, half width, y) of the bottom and of the top.

        A fifth number of the top says how much lower it is at the front.
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
        middle = pose.to_world([((r0 + f0) / 2, 0.0, (y0 + y1) / 2)])[0]
        self.faces = {name: pose.to_world(points) for name, points in corners.items()}
        self.visible_faces = [
            n for n in self.faces if self._is_face_visible(n, middle, pose.eye_height)
        ]

    def _is_face_visible(self, name: str, middle: Points, eye: float) -> bool:
        points = self.faces[name]
        normal = np.cross(points[1] - points[0], points[3] - points[0])
        center = points.mean(axis=0)
        outward = float(normal @ (center - middle))
        towards = float(normal @ (np.array([0.0, eye, 0.0]) - center))
        return outward * towards > 0

    def get_face_patch(self, name: str, u: tuple[float, float], v: tuple[float, float]) -> Points:
        """The part of a face from u[0] to u[1] across and v[0] to v[1] up, each 0..1."""
        a, b, c, d = self.faces[name]

        def at(s: float, t: float) -> Points:
            return np.asarray((a * (1 - s) + b * s) * (1 - t) + (d * (1 - s) + c * s) * t)

        return to_points([at(u[0], v[0]), at(u[1], v[0]), at(u[1], v[1]), at(u[0], v[1])])


class VehicleBuilder:
    """Collects the parts of one vehicle."""

    def __init__(self, pose: VehiclePose, label: int) -> None:
        self.pose, self.label = pose, label
        self.polygons: list[Polygon] = []

    def add_polygon(self, points: Points, surface: Surface, *, solid: bool = False) -> None:
        """One more part, drawn over the earlier ones."""
        self.polygons.append(Polygon(points, surface, self.label, None, solid))

    def add_box(
        self, low: tuple[float, ...], high: tuple[float, ...], paint: dict[str, Surface]
    ) -> TaperedBox:
        """A box with a surface for each face; a face without one takes that of ``"all"``."""
        shell = TaperedBox(self.pose, low, high)
        for name in shell.visible_faces:
            surface = paint.get(name, paint["all"])
            self.add_polygon(
                shell.faces[name], surface._replace(shading=FACE_SHADING[name] * surface.shading)
            )
        return shell

    def add_wheels(self, axles: tuple[float, ...], half: float, radius: float) -> None:
        """All wheels as dark solids; to be drawn before the body."""
        turn = np.arange(8) * np.pi / 4
        for axle in axles:
            for side in (-1.0, 1.0):
                ring = [
                    (axle + radius * np.cos(t), side * w, radius + radius * np.sin(t))
                    for w in (half, half - 0.22)
                    for t in turn
                ]
                self.add_polygon(self.pose.to_world(ring), self._get_tire_surface(), solid=True)

    def _get_tire_surface(self) -> Surface:
        return TIRE_SURFACE._replace(temperature_offset=9.0 if self.pose.is_engine_running else 0.5)

    def add_wheel_discs(
        self, shell: TaperedBox, axles: tuple[float, ...], half: float, radius: float
    ) -> None:
        """The outsides of the wheels, on the side that is seen."""
        turn = np.arange(14) * np.pi / 7
        hub = Surface(
            (0.55, 0.56, 0.57),
            temperature_offset=5.0 if self.pose.is_engine_running else 0.0,
            emissivity=0.7,
        )
        for side, name in ((-1.0, "left"), (1.0, "right")):
            if name not in shell.visible_faces:
                continue
            for axle in axles:
                for size, surface in (
                    (1.18, UNDERBODY_SURFACE),
                    (1.0, self._get_tire_surface()),
                    (0.58, hub),
                ):
                    r = radius * size
                    ring = [
                        (
                            axle + r * np.cos(t),
                            side * (half + 0.01),
                            max(radius + r * np.sin(t), 0.0),
                        )
                        for t in turn
                    ]
                    self.add_polygon(self.pose.to_world(ring), surface)


def add_lamps(
    build: VehicleBuilder, shell: TaperedBox, height: tuple[float, float], inset: float
) -> None:
    """Head and tail lamps, number plates, and the grille of a warm engine."""
    pose = build.pose
    white = (
        HEADLIGHT_SURFACE._replace(emission=HEADLIGHT_EMISSION)
        if pose.are_lamps_on
        else HEADLIGHT_SURFACE
    )
    red = (
        TAILLIGHT_SURFACE._replace(emission=TAILLIGHT_EMISSION)
        if pose.are_lamps_on
        else TAILLIGHT_SURFACE
    )
    plate = Surface((0.16, 0.28, 0.62), temperature_offset=0.5, emissivity=0.8, shading=0.85)
    for name, surface in (("front", white), ("rear", red)):
        if name in shell.visible_faces:
            for u in ((inset, inset + 0.19), (1 - inset - 0.19, 1 - inset)):
                build.add_polygon(shell.get_face_patch(name, u, height), surface)
            build.add_polygon(shell.get_face_patch(name, (0.38, 0.62), (0.22, 0.36)), plate)


def build_lights(pose: VehiclePose, length: float, wide: float) -> tuple[Light, ...]:
    """What the lamps throw on the road before and behind the vehicle."""
    if not pose.are_lamps_on:
        return ()
    forward = float(np.sin(pose.heading)), float(np.cos(pose.heading))
    out = []
    for across in (-wide, wide):
        (place,) = pose.to_world([(length / 2, across, 0.7)])
        out.append(Light(tuple(place.tolist()), (2.6, 2.4, 2.0), 7.0, forward))
    (tail,) = pose.to_world([(-length / 2 - 0.3, 0.0, 0.6)])
    out.append(Light(tuple(tail.tolist()), (0.35, 0.03, 0.02), 1.5))
    return tuple(out)


def compute_shadow_box(
    pose: VehiclePose, length: float, half: float, high: float
) -> tuple[float, ...]:
    """Bulk of a vehicle for its shadow: the box around it that runs along the axes."""
    corners = pose.to_world([(s * length / 2, t * half, 0.0) for s in (-1, 1) for t in (-1, 1)])
    low, top = corners.min(axis=0), corners.max(axis=0)
    return float(low[0]), float(top[0]), float(low[2]), float(top[2]), high


def build_scene_object(
    build: VehicleBuilder, length: float, half: float, high: float
) -> SceneObject:
    """The vehicle with its lights and its shadow."""
    pose = build.pose
    a, b, c, d, e = compute_shadow_box(pose, length, half, high)
    near = max(float(np.concatenate([p.points for p in build.polygons])[:, 2].min()), 0.5)
    depth = 0.7 * near + 0.3 * pose.z
    return SceneObject(
        tuple(build.polygons),
        depth,
        (build.label,),
        (a, b, c, d, e),
        build_lights(pose, length, half * 0.7),
    )


def build_underbody(pose: VehiclePose, rear: float, front: float, half: float) -> Points:
    """Corners of the dark space below a vehicle."""
    ends, sides, rises = (rear + 0.2, front - 0.2), (-half, half), (0.12, 0.5)
    return pose.to_world([(end, side, rise) for end in ends for side in sides for rise in rises])
