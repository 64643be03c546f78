"""Buses and trucks: long boxes, with windows or with ribs."""

from collections.abc import Callable

import numpy as np

from fusebench.simulator import textures
from fusebench.simulator.objects.primitives import (
    BUS,
    NO_EMISSION,
    TRUCK,
    RandomGenerator,
    RgbTriple,
    SceneObject,
    Surface,
    sample_color,
)
from fusebench.simulator.objects.tapered_box import TaperedBox, VehiclePose
from fusebench.simulator.objects.vehicles import (
    TAILLIGHT_EMISSION,
    TAILLIGHT_SURFACE,
    UNDERBODY_SURFACE,
    VEHICLE_COLORS,
    WINDOW_SURFACE,
    VehicleBuilder,
    add_lamps,
    build_scene_object,
    build_underbody,
)

BUS_COLORS: tuple[RgbTriple, ...] = (
    (0.75, 0.15, 0.12),
    (0.85, 0.84, 0.80),
    (0.12, 0.42, 0.25),
    (0.15, 0.35, 0.66),
    (0.88, 0.68, 0.15),
)
CARGO_COLORS: tuple[RgbTriple, ...] = (
    (0.84, 0.84, 0.82),
    (0.22, 0.36, 0.58),
    (0.55, 0.47, 0.34),
    (0.72, 0.42, 0.14),
    (0.36, 0.42, 0.30),
)


def build_bus(pose: VehiclePose, rng: RandomGenerator) -> SceneObject:
    """Build a city bus with a band of windows and a lit destination display."""
    length, half_width, height = float(rng.uniform(9, 12)), 1.25, float(rng.uniform(2.9, 3.2))
    rear, front = -length / 2, length / 2
    paint = Surface(
        sample_color(rng, BUS_COLORS, 0.02),
        temperature_offset=1.5,
        emissivity=0.88,
        solar_absorption=0.6,
        texture=textures.PLASTER,
        texture_strength=0.08,
        thermal_texture_strength=0.6,
    )
    windows = WINDOW_SURFACE._replace(
        emission=(0.30, 0.28, 0.22) if pose.are_lamps_on else NO_EMISSION, temperature_offset=2.5
    )
    builder = VehicleBuilder(pose, BUS)
    axles = (rear + 2.4, front - 2.6)
    builder.add_wheels(axles, half_width, 0.48)
    body = builder.add_box(
        (rear, front, half_width, 0.32), (rear, front, half_width * 0.99, height), {"all": paint}
    )
    _add_bus_sides(builder, body, (paint, windows), int(rng.integers(5, 8)))
    builder.add_wheel_discs(body, axles, half_width, 0.48)
    if "front" in body.visible_faces:
        windshield = windows._replace(color=(0.19, 0.22, 0.26))
        frame = Surface((0.06, 0.06, 0.06), temperature_offset=3.0)
        display = Surface((0.5, 0.3, 0.1), temperature_offset=3.0, emission=(1.3, 0.62, 0.10))
        builder.add_polygon(body.get_face_patch("front", (0.04, 0.96), (0.32, 0.80)), windshield)
        builder.add_polygon(body.get_face_patch("front", (0.49, 0.51), (0.32, 0.80)), frame)
        builder.add_polygon(body.get_face_patch("front", (0.12, 0.88), (0.85, 0.96)), frame)
        builder.add_polygon(body.get_face_patch("front", (0.22, 0.72), (0.88, 0.93)), display)
    if "rear" in body.visible_faces:
        engine = paint._replace(
            temperature_offset=19.0 if pose.is_engine_running else 0.5, shading=0.6
        )
        builder.add_polygon(body.get_face_patch("rear", (0.12, 0.88), (0.55, 0.85)), WINDOW_SURFACE)
        builder.add_polygon(body.get_face_patch("rear", (0.15, 0.85), (0.10, 0.40)), engine)
    add_lamps(builder, body, (0.14, 0.24), 0.03)
    return build_scene_object(builder, length, half_width, height)


def _add_bus_sides(
    builder: VehicleBuilder, body: TaperedBox, surfaces: tuple[Surface, Surface], pane_count: int
) -> None:
    """Add windows, a stripe and a door to both sides; ``surfaces`` are of body and windows."""
    paint, windows = surfaces
    stripe = paint._replace(color=(0.85, 0.85, 0.82))
    for name in ("left", "right"):
        if name not in body.visible_faces:
            continue
        builder.add_polygon(body.get_face_patch(name, (0, 1), (0.0, 0.14)), UNDERBODY_SURFACE)
        builder.add_polygon(body.get_face_patch(name, (0, 1), (0.34, 0.39)), stripe)
        for i in range(pane_count):
            u = 0.03 + 0.94 * i / pane_count, 0.01 + 0.94 * (i + 1) / pane_count
            builder.add_polygon(body.get_face_patch(name, u, (0.46, 0.84)), windows)
        door = (0.80, 0.90) if name == "right" else (0.10, 0.20)
        builder.add_polygon(
            body.get_face_patch(name, door, (0.06, 0.82)), windows._replace(shading=0.7)
        )


def build_truck(pose: VehiclePose, rng: RandomGenerator) -> SceneObject:
    """Build a truck: a cab and a cargo box."""
    length, half_width = float(rng.uniform(6.0, 8.5)), 1.18
    height = float(rng.uniform(2.8, 3.5))
    rear, front = -length / 2, length / 2
    paint = Surface(
        sample_color(rng, VEHICLE_COLORS, 0.02),
        temperature_offset=1.5,
        emissivity=0.87,
        solar_absorption=0.6,
        texture=textures.PLASTER,
        texture_strength=0.08,
        thermal_texture_strength=0.6,
    )
    cargo = Surface(
        sample_color(rng, CARGO_COLORS, 0.02),
        temperature_offset=-0.5,
        emissivity=0.89,
        solar_absorption=0.6,
        texture=textures.PLASTER,
        texture_strength=0.08,
        thermal_texture_strength=0.6,
    )
    builder = VehicleBuilder(pose, TRUCK)
    axles = (rear + 1.3, front - 1.2)
    cab_rear = front - 1.9
    underbody = UNDERBODY_SURFACE._replace(
        temperature_offset=6.0 if pose.is_engine_running else 0.3
    )
    builder.add_polygon(build_underbody(pose, rear, front, half_width * 0.7), underbody, solid=True)
    builder.add_wheels(axles, half_width, 0.46)
    parts: list[Callable[[], None]] = [
        lambda: _add_cargo(builder, (rear, cab_rear - 0.2, half_width, height), cargo),
        lambda: _add_cab(builder, (cab_rear, front, half_width, min(height - 0.2, 2.7)), paint),
    ]
    is_oncoming = np.cos(pose.heading) * pose.z + np.sin(pose.heading) * pose.x < 0
    # Painter's algorithm: the part farther from the camera first.
    for add_part in parts if is_oncoming else parts[::-1]:
        add_part()
    outline = TaperedBox(pose, (rear, front, half_width, 0.4), (rear, front, half_width, height))
    builder.add_wheel_discs(outline, axles, half_width, 0.46)
    if "rear" in outline.visible_faces:
        _add_rear_bar(builder, rear, half_width)
    return build_scene_object(builder, length, half_width, height)


def _add_cargo(
    builder: VehicleBuilder, size: tuple[float, float, float, float], cargo: Surface
) -> None:
    """Add the cargo box; ``size`` is (rear, front, half width, height) in meters."""
    rear, front, half_width, height = size
    box = builder.add_box(
        (rear, front, half_width, 0.78), (rear, front, half_width, height), {"all": cargo}
    )
    rib = cargo._replace(shading=0.66)
    for name in ("left", "right"):
        if name in box.visible_faces:
            for u in np.linspace(0.1, 0.9, 7).tolist():
                builder.add_polygon(box.get_face_patch(name, (u, u + 0.012), (0.02, 0.98)), rib)
    if "rear" in box.visible_faces:
        builder.add_polygon(box.get_face_patch("rear", (0.485, 0.515), (0.04, 0.96)), rib)
        for u in (0.12, 0.36, 0.62, 0.86):
            bar = rib._replace(shading=0.8)
            builder.add_polygon(box.get_face_patch("rear", (u, u + 0.02), (0.06, 0.94)), bar)


def _add_cab(
    builder: VehicleBuilder, size: tuple[float, float, float, float], paint: Surface
) -> None:
    """Add the cab; ``size`` is (rear, front, half width, height) in meters."""
    rear, front, half_width, height = size
    is_running = builder.pose.is_engine_running
    warm = paint._replace(temperature_offset=9.0) if is_running else paint
    box = builder.add_box(
        (rear, front, half_width * 0.96, 0.42),
        (rear, front - 0.25, half_width * 0.94, height),
        {"all": paint, "front": warm},
    )
    if "front" in box.visible_faces:
        grille = Surface((0.09, 0.09, 0.1), temperature_offset=16.0 if is_running else 0.3)
        windshield = WINDOW_SURFACE._replace(color=(0.19, 0.22, 0.26))
        builder.add_polygon(box.get_face_patch("front", (0.06, 0.94), (0.50, 0.88)), windshield)
        builder.add_polygon(box.get_face_patch("front", (0.22, 0.78), (0.18, 0.40)), grille)
    for name in ("left", "right"):
        if name in box.visible_faces:
            builder.add_polygon(
                box.get_face_patch(name, (0.22, 0.85), (0.50, 0.86)), WINDOW_SURFACE
            )
    add_lamps(builder, box, (0.06, 0.17), 0.04)


def _add_rear_bar(builder: VehicleBuilder, rear: float, half_width: float) -> None:
    """Add the underrun bar below the cargo box, and its lamps."""
    pose = builder.pose

    def add_bar(z: float, extent: tuple[float, float], heights: tuple[float, float]) -> None:
        (left, right), (low, top) = extent, heights
        corners = [(z, left, low), (z, right, low), (z, right, top), (z, left, top)]
        lamp = TAILLIGHT_SURFACE._replace(
            emission=TAILLIGHT_EMISSION if pose.are_lamps_on else NO_EMISSION
        )
        is_bar = right - left > 1
        surface = UNDERBODY_SURFACE._replace(color=(0.30, 0.06, 0.05)) if is_bar else lamp
        builder.add_polygon(pose.to_world(corners), surface)

    add_bar(rear, (-half_width, half_width), (0.5, 0.66))
    for side in (-half_width * 0.95, half_width * 0.75):
        add_bar(rear - 0.02, (side, side + 0.24), (0.52, 0.70))
