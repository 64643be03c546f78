"""Motorcycles and bicycles, seen from the side or from the front."""

import numpy as np

from fusebench.simulator.camera import Points
from fusebench.simulator.objects.people import Clothes, PersonPose
from fusebench.simulator.objects.primitives import (
    BICYCLE,
    MOTORCYCLE,
    NO_EMISSION,
    PERSON,
    RUBBER_COLOR,
    Light,
    Polygon,
    RandomGenerator,
    RgbTriple,
    SceneObject,
    Surface,
    build_capsule_outline,
    build_disc,
    place_at_depth,
    sample_color,
)
from fusebench.simulator.objects.riders import (
    Outline,
    build_rider_front_view,
    build_rider_side_view,
)

CYCLE_COLORS: tuple[RgbTriple, ...] = (
    (0.65, 0.10, 0.10),
    (0.12, 0.25, 0.55),
    (0.12, 0.12, 0.13),
    (0.80, 0.80, 0.80),
    (0.85, 0.55, 0.12),
)
TIRE_SURFACE = Surface(RUBBER_COLOR, temperature_offset=0.5, solar_absorption=0.5, shading=0.8)


def build_cycle(
    placement: tuple[float, float, float],
    is_motorcycle: bool,
    rider: Clothes | None,
    state: tuple[bool, bool],
    rng: RandomGenerator,
) -> SceneObject:
    """Build a motorcycle or bicycle with its rider.

    Args:
        placement: x, z in meters and direction: 1 to the right, -1 to the left, 0 away from the
            camera, 2 towards it.
        is_motorcycle: Motorcycle or scooter; otherwise a bicycle.
        rider: Clothes of the rider; None = parked.
        state: Whether the engine is running (warm), and whether lamps are on.
        rng: Random generator of its colors.
    """
    x, z, direction = placement
    is_running, is_lit = state
    label = MOTORCYCLE if is_motorcycle else BICYCLE
    paint = Surface(
        sample_color(rng, CYCLE_COLORS, 0.02),
        temperature_offset=1.5,
        emissivity=0.85,
        solar_absorption=0.5,
        shading=0.9,
    )
    is_sideways = abs(direction) == 1
    if not is_sideways:
        outlines = _build_front_view(x, direction, (is_motorcycle, is_running, is_lit), paint)
    elif is_motorcycle:
        outlines = _build_motorcycle_side_view(x, direction, (is_running, is_lit), paint)
    else:
        outlines = _build_bicycle_side_view(x, direction, paint)
    polygons = [
        Polygon(place_at_depth(outline, z), surface, label) for outline, surface in outlines
    ]
    instance_labels: tuple[int, ...] = (label,) if is_motorcycle else ()
    if rider is not None:
        pose = PersonPose(x, z, 1.72, direction if is_sideways else 0.0, 0.0, 0.0, direction == 0)
        build_rider = build_rider_side_view if is_sideways else build_rider_front_view
        polygons += build_rider(pose, rider)
        instance_labels = (*instance_labels, PERSON)
    lights: tuple[Light, ...] = ()
    if is_lit and is_motorcycle and rider is not None:
        beams = {1.0: (1.0, 0.0), -1.0: (-1.0, 0.0), 0.0: (0.0, 1.0)}
        beam = beams.get(float(direction), (0.0, -1.0))
        lights = (Light((x, 0.8, z), (2.2, 2.0, 1.7), 5.0, beam),)
    half_width = 0.9 if is_sideways else 0.3
    height = 1.6 if rider is not None else 1.0
    shadow_box = (x - half_width, x + half_width, z - 0.2, z + 0.3, height)
    return SceneObject(tuple(polygons), z, instance_labels, shadow_box, lights)


def _build_wheel_ring(x: float, radius: float, thickness: float) -> list[Outline]:
    """Build the tire of a bicycle as a ring, through which the background is visible.

    Spokes are thinner than a pixel and are not drawn.
    """
    angles = np.linspace(0, 2 * np.pi, 17)
    outer = np.stack([x + radius * np.cos(angles), radius + radius * np.sin(angles)], axis=1)
    inner_radius = radius - thickness
    inner = np.stack(
        [x + inner_radius * np.cos(angles), radius + inner_radius * np.sin(angles)], axis=1
    )
    return [
        (np.concatenate([outer[i : i + 2], inner[i : i + 2][::-1]]), TIRE_SURFACE)
        for i in range(16)
    ]


def _build_bicycle_side_view(x: float, direction: float, paint: Surface) -> list[Outline]:
    """Build wheels, frame, handlebar and saddle of a bicycle seen from the side."""
    frame = paint._replace(emissivity=0.7)
    tubes = (  # ends relative to the center, in meters ahead and up
        ((-0.52, 0.34), (-0.10, 0.34)),
        ((-0.10, 0.34), (-0.22, 0.86)),
        ((-0.52, 0.34), (-0.20, 0.80)),
        ((-0.10, 0.34), (0.38, 0.78)),
        ((-0.20, 0.78), (0.36, 0.84)),
        ((0.52, 0.34), (0.34, 1.00)),
        ((0.34, 1.00), (0.22, 1.02)),
    )
    outlines = [
        *_build_wheel_ring(x - direction * 0.52, 0.34, 0.065),
        *_build_wheel_ring(x + direction * 0.52, 0.34, 0.065),
    ]
    for a, b in tubes:
        start, end = (x + direction * a[0], a[1]), (x + direction * b[0], b[1])
        outlines.append((build_capsule_outline(start, end, (0.07, 0.07)), frame))
    saddle = build_capsule_outline(
        (x - direction * 0.32, 0.90), (x - direction * 0.12, 0.90), (0.10, 0.07)
    )
    return [*outlines, (saddle, TIRE_SURFACE)]


def _build_motorcycle_side_view(
    x: float, direction: float, state: tuple[bool, bool], paint: Surface
) -> list[Outline]:
    """Build a motorcycle seen from the side; ``state`` as in `build_cycle`."""
    is_running, is_lit = state
    engine = Surface(
        (0.35, 0.35, 0.36),
        temperature_offset=24.0 if is_running else 0.5,
        emissivity=0.8,
        shading=0.8,
    )
    seat = Surface((0.10, 0.10, 0.10), temperature_offset=3.0 if is_running else 0.3, shading=0.9)
    headlight = Surface(
        (0.85, 0.85, 0.8), emission=(3.0, 2.8, 2.3) if is_lit else NO_EMISSION, emissivity=0.8
    )
    taillight = Surface(
        (0.6, 0.05, 0.05), emission=(1.8, 0.1, 0.06) if is_lit else NO_EMISSION, emissivity=0.8
    )
    tire = TIRE_SURFACE._replace(temperature_offset=7.0 if is_running else 0.4)
    hub = engine._replace(temperature_offset=3.0 if is_running else 0.2)

    def build_outline(*corners: tuple[float, float]) -> Points:
        return np.array([(x + direction * ahead, up) for ahead, up in corners])

    def build_rod(
        start: tuple[float, float], end: tuple[float, float], width: tuple[float, float]
    ) -> Points:
        return build_capsule_outline(
            (x + direction * start[0], start[1]), (x + direction * end[0], end[1]), width
        )

    def build_circle(ahead: float, up: float, radius: float, corners: int) -> Points:
        return build_disc(x + direction * ahead, up, 0, radius, corners)[:, :2]

    body = build_outline(
        (-0.85, 0.58),
        (-0.10, 0.50),
        (0.30, 0.62),
        (0.42, 0.92),
        (0.05, 0.90),
        (-0.15, 0.72),
        (-0.80, 0.82),
    )
    wheels = []
    for ahead in (-0.62, 0.62):
        wheels.append((build_circle(ahead, 0.31, 0.31, 14), tire))
        wheels.append((build_circle(ahead, 0.31, 0.15, 10), hub))
    return [
        *wheels,
        (build_outline((-0.35, 0.25), (0.25, 0.22), (0.30, 0.55), (-0.35, 0.60)), engine),
        (body, paint),
        (build_rod((0.62, 0.33), (0.40, 1.02), (0.08, 0.07)), paint),  # fork
        (build_outline((-0.80, 0.80), (-0.10, 0.72), (-0.05, 0.82), (-0.75, 0.92)), seat),
        (build_rod((0.40, 1.02), (0.22, 1.08), (0.06, 0.06)), TIRE_SURFACE),  # handlebar
        (build_rod((-0.85, 0.30), (-0.20, 0.28), (0.09, 0.07)), engine),  # exhaust
        (build_circle(0.52, 0.86, 0.09, 8), headlight),
        (build_circle(-0.84, 0.72, 0.06, 8), taillight),
    ]


def _build_front_view(
    x: float, direction: float, state: tuple[bool, bool, bool], paint: Surface
) -> list[Outline]:
    """Build a cycle seen from the front or from behind.

    Args:
        x: Center in meters.
        direction: 0 (seen from behind) or 2 (seen from the front).
        state: Whether it is a motorcycle, whether it is running, and whether lamps are on.
        paint: Surface of the frame.
    """
    is_motorcycle, is_running, is_lit = state
    width = 0.16 if is_motorcycle else 0.07
    tire = TIRE_SURFACE._replace(temperature_offset=7.0 if is_motorcycle and is_running else 0.4)
    outlines = [(build_capsule_outline((x, 0.10), (x, 0.58), (width, width)), tire)]
    handlebar_height = 1.02
    if is_motorcycle:
        engine = Surface(
            (0.3, 0.3, 0.31),
            temperature_offset=20.0 if is_running else 0.5,
            emissivity=0.8,
            shading=0.8,
        )
        is_facing_camera = direction == 2
        color: RgbTriple = (0.85, 0.85, 0.8) if is_facing_camera else (0.6, 0.05, 0.05)
        emission: RgbTriple = (3.6, 3.3, 2.7) if is_facing_camera else (1.8, 0.1, 0.06)
        lamp = Surface(
            color,
            emission=emission if is_lit else NO_EMISSION,
            emissivity=0.8,
            temperature_offset=1.0,
        )
        footrests = build_capsule_outline((x - 0.12, 0.60), (x + 0.12, 0.60), (0.10, 0.10))
        outlines += [
            (build_capsule_outline((x - 0.13, 0.36), (x + 0.13, 0.36), (0.22, 0.22)), engine),
            (build_capsule_outline((x, 0.50), (x, 0.85), (0.36, 0.30)), paint),
            (build_disc(x, 0.82, 0, 0.11, 10)[:, :2], lamp),
            (footrests, TIRE_SURFACE),
        ]
    else:
        outlines.append((build_capsule_outline((x, 0.5), (x, 0.95), (0.07, 0.06)), paint))
    handlebar = build_capsule_outline(
        (x - 0.33, handlebar_height), (x + 0.33, handlebar_height), (0.06, 0.06)
    )
    return [*outlines, (handlebar, TIRE_SURFACE)]
