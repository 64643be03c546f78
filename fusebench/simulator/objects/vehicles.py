"""Parts of vehicles, seen from any side: boxes, wheels, lamps and lights."""

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
)
from fusebench.simulator.objects.tapered_box import TaperedBox, VehiclePose

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
HEADLIGHT_EMISSION: RgbTriple = (4.6, 4.3, 3.6)
TAILLIGHT_EMISSION: RgbTriple = (2.0, 0.10, 0.06)
FACE_SHADING = {"top": 1.08, "front": 0.80, "rear": 0.78, "left": 0.88, "right": 0.88}


class VehicleBuilder:
    """Collects the polygons of one vehicle in drawing order."""

    def __init__(self, pose: VehiclePose, label: int) -> None:
        self.pose, self.label = pose, label
        self.polygons: list[Polygon] = []

    def add_polygon(self, points: Points, surface: Surface, *, solid: bool = False) -> None:
        """Add a polygon, drawn over the earlier ones."""
        self.polygons.append(Polygon(points, surface, self.label, None, solid))

    def add_box(
        self, low: tuple[float, ...], high: tuple[float, ...], paint: dict[str, Surface]
    ) -> TaperedBox:
        """Add the visible faces of a box.

        Args:
            low: Bottom of the box, see `TaperedBox`.
            high: Top of the box, see `TaperedBox`.
            paint: Surface by name of the face; ``"all"`` is that of the other faces.
        """
        box = TaperedBox(self.pose, low, high)
        for name in box.visible_faces:
            surface = paint.get(name, paint["all"])
            self.add_polygon(
                box.faces[name], surface._replace(shading=FACE_SHADING[name] * surface.shading)
            )
        return box

    def add_wheels(self, axles: tuple[float, ...], half_width: float, radius: float) -> None:
        """Add all wheels as dark solids; call it before the body is added.

        Args:
            axles: Positions of the axles in meters, relative to the vehicle.
            half_width: Half width of the vehicle in meters.
            radius: Radius of the wheels in meters.
        """
        angles = np.arange(8) * np.pi / 4
        for axle in axles:
            for side in (-1.0, 1.0):
                ring = [
                    (axle + radius * np.cos(angle), side * w, radius + radius * np.sin(angle))
                    for w in (half_width, half_width - 0.22)
                    for angle in angles
                ]
                self.add_polygon(self.pose.to_world(ring), self._get_tire_surface(), solid=True)

    def _get_tire_surface(self) -> Surface:
        return TIRE_SURFACE._replace(temperature_offset=9.0 if self.pose.is_engine_running else 0.5)

    def add_wheel_discs(
        self, box: TaperedBox, axles: tuple[float, ...], half_width: float, radius: float
    ) -> None:
        """Add the outer discs of the wheels on the visible side; arguments as in `add_wheels`."""
        angles = np.arange(14) * np.pi / 7
        hub = Surface(
            (0.55, 0.56, 0.57),
            temperature_offset=5.0 if self.pose.is_engine_running else 0.0,
            emissivity=0.7,
        )
        for side, name in ((-1.0, "left"), (1.0, "right")):
            if name not in box.visible_faces:
                continue
            for axle in axles:
                for scale, surface in (
                    (1.18, UNDERBODY_SURFACE),
                    (1.0, self._get_tire_surface()),
                    (0.58, hub),
                ):
                    r = radius * scale
                    ring = [
                        (
                            axle + r * np.cos(angle),
                            side * (half_width + 0.01),
                            max(radius + r * np.sin(angle), 0.0),
                        )
                        for angle in angles
                    ]
                    self.add_polygon(self.pose.to_world(ring), surface)


def add_lamps(
    builder: VehicleBuilder, box: TaperedBox, height: tuple[float, float], inset: float
) -> None:
    """Add headlights, tail lights and number plates.

    Args:
        builder: Builder of the vehicle.
        box: Box whose front and rear carry the lamps.
        height: Lower and upper end of the lamps, fractions of the face.
        inset: Distance of the lamps from the side, fraction of the face.
    """
    pose = builder.pose
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
        if name in box.visible_faces:
            for u in ((inset, inset + 0.19), (1 - inset - 0.19, 1 - inset)):
                builder.add_polygon(box.get_face_patch(name, u, height), surface)
            builder.add_polygon(box.get_face_patch(name, (0.38, 0.62), (0.22, 0.36)), plate)


def build_lights(pose: VehiclePose, length: float, half_width: float) -> tuple[Light, ...]:
    """Build the lights that illuminate the road in front of and behind the vehicle."""
    if not pose.are_lamps_on:
        return ()
    forward = float(np.sin(pose.heading)), float(np.cos(pose.heading))
    lights = []
    for across in (-half_width, half_width):
        (headlight,) = pose.to_world([(length / 2, across, 0.7)])
        lights.append(Light(tuple(headlight.tolist()), (2.6, 2.4, 2.0), 7.0, forward))
    (taillight,) = pose.to_world([(-length / 2 - 0.3, 0.0, 0.6)])
    lights.append(Light(tuple(taillight.tolist()), (0.35, 0.03, 0.02), 1.5))
    return tuple(lights)


def compute_shadow_box(
    pose: VehiclePose, length: float, half_width: float, height: float
) -> tuple[float, ...]:
    """Compute the axis-aligned bounding box (left, right, near, far, height) for the shadow."""
    corners = pose.to_world(
        [(s * length / 2, t * half_width, 0.0) for s in (-1, 1) for t in (-1, 1)]
    )
    low, top = corners.min(axis=0), corners.max(axis=0)
    return float(low[0]), float(top[0]), float(low[2]), float(top[2]), height


def build_scene_object(
    builder: VehicleBuilder, length: float, half_width: float, height: float
) -> SceneObject:
    """Build the scene object of a vehicle, with its lights and its shadow.

    Args:
        builder: Builder with all polygons of the vehicle.
        length: Length in meters.
        half_width: Half width in meters.
        height: Height in meters.
    """
    pose = builder.pose
    left, right, near, far, top = compute_shadow_box(pose, length, half_width, height)
    nearest_z = max(float(np.concatenate([p.points for p in builder.polygons])[:, 2].min()), 0.5)
    depth = 0.7 * nearest_z + 0.3 * pose.z  # sorts long vehicles by their near end
    return SceneObject(
        tuple(builder.polygons),
        depth,
        (builder.label,),
        (left, right, near, far, top),
        build_lights(pose, length, half_width * 0.7),
    )


def build_underbody(pose: VehiclePose, rear: float, front: float, half_width: float) -> Points:
    """Build the corners of the dark space below a vehicle, (8, 3)."""
    ends, sides, heights = (rear + 0.2, front - 0.2), (-half_width, half_width), (0.12, 0.5)
    return pose.to_world(
        [(end, side, height) for end in ends for side in sides for height in heights]
    )
