"""Buses and lorries: long boxes, one full of windows, the other of ribs."""

from collections.abc import Callable

import numpy as np

from fusebench.simulator import textures
from fusebench.simulator.objects.primitives import (
    BUS,
    TRUCK,
    RandomGenerator,
    RgbTriple,
    SceneObject,
    Surface,
    sample_color,
)
from fusebench.simulator.objects.vehicles import (
    NO_EMISSION,
    TAILLIGHT_EMISSION,
    TAILLIGHT_SURFACE,
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


def build_bus(pose: VehiclePose, random: RandomGenerator) -> SceneObject:
    """A city bus: a band of windows and a lit destination board."""
    length, half, high = float(random.uniform(9, 12)), 1.25, float(random.uniform(2.9, 3.2))
    rear, front = -length / 2, length / 2
    paint = Surface(
        sample_color(random, BUS_COLORS, 0.02),
        temperature_offset=1.5,
        emissivity=0.88,
        solar_absorption=0.6,
        texture=textures.PLASTER,
        texture_strength=0.08,
        thermal_texture_strength=0.6,
    )
    inside = WINDOW_SURFACE._replace(
        emission=(0.30, 0.28, 0.22) if pose.are_lamps_on else NO_EMISSION, temperature_offset=2.5
    )
    build = VehicleBuilder(pose, BUS)
    axles = (rear + 2.4, front - 2.6)
    build.add_wheels(axles, half, 0.48)
    body = build.add_box(
        (rear, front, half, 0.32), (rear, front, half * 0.99, high), {"all": paint}
    )
    _add_bus_sides(build, body, (paint, inside), int(random.integers(5, 8)))
    build.add_wheel_discs(body, axles, half, 0.48)
    if "front" in body.visible_faces:
        clear = inside._replace(color=(0.19, 0.22, 0.26))
        frame = Surface((0.06, 0.06, 0.06), temperature_offset=3.0)
        board = Surface((0.5, 0.3, 0.1), temperature_offset=3.0, emission=(1.3, 0.62, 0.10))
        build.add_polygon(body.get_face_patch("front", (0.04, 0.96), (0.32, 0.80)), clear)
        build.add_polygon(body.get_face_patch("front", (0.49, 0.51), (0.32, 0.80)), frame)
        build.add_polygon(body.get_face_patch("front", (0.12, 0.88), (0.85, 0.96)), frame)
        build.add_polygon(body.get_face_patch("front", (0.22, 0.72), (0.88, 0.93)), board)
    if "rear" in body.visible_faces:
        engine = paint._replace(
            temperature_offset=19.0 if pose.is_engine_running else 0.5, shading=0.6
        )
        build.add_polygon(body.get_face_patch("rear", (0.12, 0.88), (0.55, 0.85)), WINDOW_SURFACE)
        build.add_polygon(body.get_face_patch("rear", (0.15, 0.85), (0.10, 0.40)), engine)
    add_lamps(build, body, (0.14, 0.24), 0.03)
    return build_scene_object(build, length, half, high)


def _add_bus_sides(
    build: VehicleBuilder, body: TaperedBox, surfaces: tuple[Surface, Surface], panes: int
) -> None:
    paint, inside = surfaces
    stripe = paint._replace(color=(0.85, 0.85, 0.82))
    for name in ("left", "right"):
        if name not in body.visible_faces:
            continue
        build.add_polygon(body.get_face_patch(name, (0, 1), (0.0, 0.14)), UNDERBODY_SURFACE)
        build.add_polygon(body.get_face_patch(name, (0, 1), (0.34, 0.39)), stripe)
        for i in range(panes):
            u = 0.03 + 0.94 * i / panes, 0.01 + 0.94 * (i + 1) / panes
            build.add_polygon(body.get_face_patch(name, u, (0.46, 0.84)), inside)
        door = (0.80, 0.90) if name == "right" else (0.10, 0.20)
        build.add_polygon(
            body.get_face_patch(name, door, (0.06, 0.82)), inside._replace(shading=0.7)
        )


def build_truck(pose: VehiclePose, random: RandomGenerator) -> SceneObject:
    """A lorry: a cab, and behind it a box or a tarpaulin."""
    length, half = float(random.uniform(6.0, 8.5)), 1.18
    high = float(random.uniform(2.8, 3.5))
    rear, front = -length / 2, length / 2
    paint = Surface(
        sample_color(random, VEHICLE_COLORS, 0.02),
        temperature_offset=1.5,
        emissivity=0.87,
        solar_absorption=0.6,
        texture=textures.PLASTER,
        texture_strength=0.08,
        thermal_texture_strength=0.6,
    )
    load = Surface(
        sample_color(random, CARGO_COLORS, 0.02),
        temperature_offset=-0.5,
        emissivity=0.89,
        solar_absorption=0.6,
        texture=textures.PLASTER,
        texture_strength=0.08,
        thermal_texture_strength=0.6,
    )
    build = VehicleBuilder(pose, TRUCK)
    axles = (rear + 1.3, front - 1.2)
    back = front - 1.9
    below = UNDERBODY_SURFACE._replace(temperature_offset=6.0 if pose.is_engine_running else 0.3)
    build.add_polygon(build_underbody(pose, rear, front, half * 0.7), below, solid=True)
    build.add_wheels(axles, half, 0.46)
    steps: list[Callable[[], None]] = [
        lambda: _add_cargo(build, (rear, back - 0.2, half, high), load),
        lambda: _add_cab(build, (back, front, half, min(high - 0.2, 2.7)), paint),
    ]
    towards = np.cos(pose.heading) * pose.z + np.sin(pose.heading) * pose.x < 0
    for step in steps if towards else steps[::-1]:
        step()
    whole = TaperedBox(pose, (rear, front, half, 0.4), (rear, front, half, high))
    build.add_wheel_discs(whole, axles, half, 0.46)
    if "rear" in whole.visible_faces:
        _add_rear_bar(build, rear, half)
    return build_scene_object(build, length, half, high)


def _add_cargo(
    build: VehicleBuilder, size: tuple[float, float, float, float], load: Surface
) -> None:
    rear, front, half, high = size
    shell = build.add_box((rear, front, half, 0.78), (rear, front, half, high), {"all": load})
    rib = load._replace(shading=0.66)
    for name in ("left", "right"):
        if name in shell.visible_faces:
            for u in np.linspace(0.1, 0.9, 7).tolist():
                build.add_polygon(shell.get_face_patch(name, (u, u + 0.012), (0.02, 0.98)), rib)
    if "rear" in shell.visible_faces:
        build.add_polygon(shell.get_face_patch("rear", (0.485, 0.515), (0.04, 0.96)), rib)
        for u in (0.12, 0.36, 0.62, 0.86):
            bar = rib._replace(shading=0.8)
            build.add_polygon(shell.get_face_patch("rear", (u, u + 0.02), (0.06, 0.94)), bar)


def _add_cab(
    build: VehicleBuilder, size: tuple[float, float, float, float], paint: Surface
) -> None:
    back, front, half, high = size
    running = build.pose.is_engine_running
    warm = paint._replace(temperature_offset=9.0) if running else paint
    shell = build.add_box(
        (back, front, half * 0.96, 0.42),
        (back, front - 0.25, half * 0.94, high),
        {"all": paint, "front": warm},
    )
    if "front" in shell.visible_faces:
        grille = Surface((0.09, 0.09, 0.1), temperature_offset=16.0 if running else 0.3)
        clear = WINDOW_SURFACE._replace(color=(0.19, 0.22, 0.26))
        build.add_polygon(shell.get_face_patch("front", (0.06, 0.94), (0.50, 0.88)), clear)
        build.add_polygon(shell.get_face_patch("front", (0.22, 0.78), (0.18, 0.40)), grille)
    for name in ("left", "right"):
        if name in shell.visible_faces:
            build.add_polygon(
                shell.get_face_patch(name, (0.22, 0.85), (0.50, 0.86)), WINDOW_SURFACE
            )
    add_lamps(build, shell, (0.06, 0.17), 0.04)


def _add_rear_bar(build: VehicleBuilder, rear: float, half: float) -> None:
    """The bar below the load, and its lamps."""
    pose = build.pose

    def across(back: float, sides: tuple[float, float], rise: tuple[float, float]) -> None:
        (a, b), (low, top) = sides, rise
        corners = [(back, a, low), (back, b, low), (back, b, top), (back, a, top)]
        red = TAILLIGHT_SURFACE._replace(
            emission=TAILLIGHT_EMISSION if pose.are_lamps_on else NO_EMISSION
        )
        wide = b - a > 1
        surface = UNDERBODY_SURFACE._replace(color=(0.30, 0.06, 0.05)) if wide else red
        build.add_polygon(pose.to_world(corners), surface)

    across(rear, (-half, half), (0.5, 0.66))
    for side in (-half * 0.95, half * 0.75):
        across(rear - 0.02, (side, side + 0.24), (0.52, 0.70))
