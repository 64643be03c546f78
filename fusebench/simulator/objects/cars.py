"""Saloons, hatchbacks, estates, off-roaders and vans."""

from fusebench.simulator import textures
from fusebench.simulator.camera import Points
from fusebench.simulator.objects.primitives import (
    CAR,
    RandomGenerator,
    SceneObject,
    Surface,
    sample_color,
    to_points,
)
from fusebench.simulator.objects.vehicles import (
    UNDERBODY_SURFACE,
    VEHICLE_COLORS,
    WINDOW_SURFACE,
    TaperedBox,
    VehicleBuilder,
    VehiclePose,
    add_lamps,
    build_scene_object,
    build_underbody,
)

# Length, half width, belt line, height, bonnet, boot, slope of the rear and of the front pane.
SEDAN = (4.5, 0.90, 0.88, 1.44, 1.15, 0.75, 0.55, 0.75)
HATCHBACK = (4.0, 0.87, 0.92, 1.50, 0.95, 0.12, 0.30, 0.65)
SUV = (4.6, 0.95, 1.05, 1.72, 1.05, 0.10, 0.20, 0.70)
VAN = (5.0, 0.98, 1.15, 1.98, 0.65, 0.08, 0.10, 0.60)
CAR_SHAPES = (SEDAN, SEDAN, HATCHBACK, HATCHBACK, SUV, VAN)


def build_car(pose: VehiclePose, random: RandomGenerator) -> SceneObject:
    """One car of any kind."""
    kind = CAR_SHAPES[random.integers(len(CAR_SHAPES))]
    length, half, belt, high, nose, boot, rear_slope, front_slope = kind
    rear, front = -length / 2, length / 2
    bonnet, tail = front - nose, rear + boot
    paint = Surface(
        sample_color(random, VEHICLE_COLORS, 0.02),
        temperature_offset=1.0,
        emissivity=0.86,
        solar_absorption=0.7,
        texture=textures.PLASTER,
        texture_strength=0.08,
        thermal_texture_strength=0.6,
    )
    warm = paint._replace(temperature_offset=11.0) if pose.is_engine_running else paint
    below = UNDERBODY_SURFACE._replace(temperature_offset=7.0 if pose.is_engine_running else 0.3)
    build = VehicleBuilder(pose, CAR)
    radius = 0.32 if belt < 1 else 0.37
    axles = (rear + 0.85, front - 0.85)
    build.add_polygon(build_underbody(pose, rear, front, half), below, solid=True)
    build.add_wheels(axles, half, radius)
    body = build.add_box(
        (rear, front, half, 0.26),
        (rear + 0.05, front - 0.10, half * 0.96, belt, 0.14),
        {"all": paint, "front": warm},
    )
    _add_hood(build, body, (bonnet - rear) / length, warm)
    _add_sides(build, body, paint)
    build.add_wheel_discs(body, axles, half, radius)
    _add_front_and_rear(build, body, below)
    add_lamps(build, body, (0.55, 0.84), 0.03)
    cabin = build.add_box(
        (tail, bonnet, half * 0.94, belt - 0.02),
        (tail + rear_slope, bonnet - front_slope, half * 0.76, high),
        {"all": paint},
    )
    _add_windows(build, cabin)
    return build_scene_object(build, length, half, high)


def _add_hood(build: VehicleBuilder, body: TaperedBox, share: float, warm: Surface) -> None:
    if "top" in body.visible_faces:
        a, b, c, d = body.faces["top"]
        lid: Points = to_points([a + (d - a) * share, b + (c - b) * share, c, d])
        build.add_polygon(lid, warm._replace(shading=1.08))


def _add_sides(build: VehicleBuilder, body: TaperedBox, paint: Surface) -> None:
    """Sill, a line of light below the windows, and the gaps of the doors."""
    seam = paint._replace(shading=0.55)
    for name in ("left", "right"):
        if name in body.visible_faces:
            build.add_polygon(body.get_face_patch(name, (0, 1), (0.0, 0.16)), UNDERBODY_SURFACE)
            build.add_polygon(
                body.get_face_patch(name, (0, 1), (0.16, 0.42)), paint._replace(shading=0.72)
            )
            build.add_polygon(
                body.get_face_patch(name, (0, 1), (0.86, 0.94)), paint._replace(shading=1.04)
            )
            for u in (0.38, 0.60):
                build.add_polygon(body.get_face_patch(name, (u, u + 0.012), (0.15, 0.95)), seam)


def _add_front_and_rear(build: VehicleBuilder, body: TaperedBox, below: Surface) -> None:
    """Grille and bumpers; the exhaust is the hottest thing in the street."""
    running = build.pose.is_engine_running
    if "front" in body.visible_faces:
        grille = Surface((0.08, 0.08, 0.09), temperature_offset=17.0 if running else 0.3)
        build.add_polygon(body.get_face_patch("front", (0.28, 0.72), (0.46, 0.72)), grille)
        build.add_polygon(body.get_face_patch("front", (0.06, 0.94), (0.0, 0.18)), below)
    if "rear" in body.visible_faces:
        build.add_polygon(body.get_face_patch("rear", (0.04, 0.96), (0.0, 0.20)), UNDERBODY_SURFACE)
        hot = UNDERBODY_SURFACE._replace(temperature_offset=26.0 if running else 0.0)
        build.add_polygon(body.get_face_patch("rear", (0.68, 0.84), (0.0, 0.15)), hot)


def _add_windows(build: VehicleBuilder, cabin: TaperedBox) -> None:
    clear = WINDOW_SURFACE._replace(color=(0.20, 0.23, 0.27), shading=1.0)
    for name in cabin.visible_faces:
        if name in ("front", "rear"):
            pane = clear if name == "front" else WINDOW_SURFACE
            build.add_polygon(cabin.get_face_patch(name, (0.06, 0.94), (0.10, 0.92)), pane)
        elif name != "top":
            for u in ((0.07, 0.46), (0.51, 0.93)):
                build.add_polygon(cabin.get_face_patch(name, u, (0.12, 0.88)), WINDOW_SURFACE)
