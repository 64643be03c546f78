"""Cars: sedans, hatchbacks, SUVs and vans."""

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
from fusebench.simulator.objects.tapered_box import TaperedBox, VehiclePose
from fusebench.simulator.objects.vehicles import (
    UNDERBODY_SURFACE,
    VEHICLE_COLORS,
    WINDOW_SURFACE,
    VehicleBuilder,
    add_lamps,
    build_scene_object,
    build_underbody,
)

# Meters: length, half width, belt line, height, hood, trunk, slope of the rear and front window.
SEDAN = (4.5, 0.90, 0.88, 1.44, 1.15, 0.75, 0.55, 0.75)
HATCHBACK = (4.0, 0.87, 0.92, 1.50, 0.95, 0.12, 0.30, 0.65)
SUV = (4.6, 0.95, 1.05, 1.72, 1.05, 0.10, 0.20, 0.70)
VAN = (5.0, 0.98, 1.15, 1.98, 0.65, 0.08, 0.10, 0.60)
CAR_SHAPES = (SEDAN, SEDAN, HATCHBACK, HATCHBACK, SUV, VAN)


def build_car(pose: VehiclePose, rng: RandomGenerator) -> SceneObject:
    """Build a car of a random shape and color."""
    shape = CAR_SHAPES[rng.integers(len(CAR_SHAPES))]
    length, half_width, belt, height, hood, trunk, rear_slope, front_slope = shape
    rear, front = -length / 2, length / 2
    hood_start, trunk_end = front - hood, rear + trunk
    paint = Surface(
        sample_color(rng, VEHICLE_COLORS, 0.02),
        temperature_offset=1.0,
        emissivity=0.86,
        solar_absorption=0.7,
        texture=textures.PLASTER,
        texture_strength=0.08,
        thermal_texture_strength=0.6,
    )
    warm = paint._replace(temperature_offset=11.0) if pose.is_engine_running else paint
    underbody = UNDERBODY_SURFACE._replace(
        temperature_offset=7.0 if pose.is_engine_running else 0.3
    )
    builder = VehicleBuilder(pose, CAR)
    radius = 0.32 if belt < 1 else 0.37
    axles = (rear + 0.85, front - 0.85)
    builder.add_polygon(build_underbody(pose, rear, front, half_width), underbody, solid=True)
    builder.add_wheels(axles, half_width, radius)
    body = builder.add_box(
        (rear, front, half_width, 0.26),
        (rear + 0.05, front - 0.10, half_width * 0.96, belt, 0.14),
        {"all": paint, "front": warm},
    )
    _add_hood(builder, body, (hood_start - rear) / length, warm)
    _add_sides(builder, body, paint)
    builder.add_wheel_discs(body, axles, half_width, radius)
    _add_front_and_rear(builder, body, underbody)
    add_lamps(builder, body, (0.55, 0.84), 0.03)
    cabin = builder.add_box(
        (trunk_end, hood_start, half_width * 0.94, belt - 0.02),
        (trunk_end + rear_slope, hood_start - front_slope, half_width * 0.76, height),
        {"all": paint},
    )
    _add_windows(builder, cabin)
    return build_scene_object(builder, length, half_width, height)


def _add_hood(builder: VehicleBuilder, body: TaperedBox, start: float, warm: Surface) -> None:
    """Add the hood, which begins at the fraction ``start`` of the length."""
    if "top" in body.visible_faces:
        a, b, c, d = body.faces["top"]
        hood: Points = to_points([a + (d - a) * start, b + (c - b) * start, c, d])
        builder.add_polygon(hood, warm._replace(shading=1.08))


def _add_sides(builder: VehicleBuilder, body: TaperedBox, paint: Surface) -> None:
    """Add sills, a highlight below the windows, and the gaps of the doors."""
    seam = paint._replace(shading=0.55)
    for name in ("left", "right"):
        if name in body.visible_faces:
            builder.add_polygon(body.get_face_patch(name, (0, 1), (0.0, 0.16)), UNDERBODY_SURFACE)
            builder.add_polygon(
                body.get_face_patch(name, (0, 1), (0.16, 0.42)), paint._replace(shading=0.72)
            )
            builder.add_polygon(
                body.get_face_patch(name, (0, 1), (0.86, 0.94)), paint._replace(shading=1.04)
            )
            for u in (0.38, 0.60):
                builder.add_polygon(body.get_face_patch(name, (u, u + 0.012), (0.15, 0.95)), seam)


def _add_front_and_rear(builder: VehicleBuilder, body: TaperedBox, underbody: Surface) -> None:
    """Add grille, bumpers and exhaust; the exhaust is the hottest part of the street."""
    is_running = builder.pose.is_engine_running
    if "front" in body.visible_faces:
        grille = Surface((0.08, 0.08, 0.09), temperature_offset=17.0 if is_running else 0.3)
        builder.add_polygon(body.get_face_patch("front", (0.28, 0.72), (0.46, 0.72)), grille)
        builder.add_polygon(body.get_face_patch("front", (0.06, 0.94), (0.0, 0.18)), underbody)
    if "rear" in body.visible_faces:
        builder.add_polygon(
            body.get_face_patch("rear", (0.04, 0.96), (0.0, 0.20)), UNDERBODY_SURFACE
        )
        exhaust = UNDERBODY_SURFACE._replace(temperature_offset=26.0 if is_running else 0.0)
        builder.add_polygon(body.get_face_patch("rear", (0.68, 0.84), (0.0, 0.15)), exhaust)


def _add_windows(builder: VehicleBuilder, cabin: TaperedBox) -> None:
    """Add front, rear and side windows."""
    clear = WINDOW_SURFACE._replace(color=(0.20, 0.23, 0.27), shading=1.0)
    for name in cabin.visible_faces:
        if name in ("front", "rear"):
            pane = clear if name == "front" else WINDOW_SURFACE
            builder.add_polygon(cabin.get_face_patch(name, (0.06, 0.94), (0.10, 0.92)), pane)
        elif name != "top":
            for u in ((0.07, 0.46), (0.51, 0.93)):
                builder.add_polygon(cabin.get_face_patch(name, u, (0.12, 0.88)), WINDOW_SURFACE)
