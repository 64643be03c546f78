"""Motorcycles and bicycles, seen from the side or along the street, with or without a rider."""

import numpy as np

from fusebench.simulator.camera import Points
from fusebench.simulator.objects.people import Clothes, PersonPose, build_head
from fusebench.simulator.objects.primitives import (
    BICYCLE,
    MOTORCYCLE,
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

CYCLE_COLORS: tuple[RgbTriple, ...] = (
    (0.65, 0.10, 0.10),
    (0.12, 0.25, 0.55),
    (0.12, 0.12, 0.13),
    (0.80, 0.80, 0.80),
    (0.85, 0.55, 0.12),
)
TIRE_SURFACE = Surface(RUBBER_COLOR, temperature_offset=0.5, solar_absorption=0.5, shading=0.8)


def build_cycle(
    place: tuple[float, float, float],
    motor: bool,
    rider: Clothes | None,
    state: tuple[bool, bool],
    random: RandomGenerator,
) -> SceneObject:
    """A cycle, and whoever sits on it.

    Args:
        place: x, z and direction: 1 to the right, -1 to the left, 0 away, 2 towards the camera.
        motor: A motorcycle or scooter, else a bicycle.
        rider: Clothes of the rider; None is parked.
        state: Running (warm), and lamps on.
        random: For its colors.
    """
    x, z, way = place
    running, lit = state
    label = MOTORCYCLE if motor else BICYCLE
    paint = Surface(
        sample_color(random, CYCLE_COLORS, 0.02),
        temperature_offset=1.5,
        emissivity=0.85,
        solar_absorption=0.5,
        shading=0.9,
    )
    sideways = abs(way) == 1
    draw = _build_side_view if sideways else _build_front_view
    machine = draw(x, z, way, (motor, running, lit), paint)
    parts = [Polygon(place_at_depth(o, z), s, label) for o, s in machine]
    boxed: tuple[int, ...] = (label,) if motor else ()
    if rider is not None:
        stance = PersonPose(x, z, 1.72, way if sideways else 0.0, 0.0, 0.0, way == 0)
        parts += (
            _build_rider_side_view(stance, rider)
            if sideways
            else _build_rider_front_view(stance, rider)
        )
        boxed = (*boxed, PERSON)
    lights: tuple[Light, ...] = ()
    if lit and motor and rider is not None:
        beam = {1.0: (1.0, 0.0), -1.0: (-1.0, 0.0), 0.0: (0.0, 1.0)}.get(float(way), (0.0, -1.0))
        lights = (Light((x, 0.8, z), (2.2, 2.0, 1.7), 5.0, beam),)
    half = 0.9 if sideways else 0.3
    high = 1.6 if rider is not None else 1.0
    return SceneObject(tuple(parts), z, boxed, (x - half, x + half, z - 0.2, z + 0.3, high), lights)


def _build_wheel_ring(x: float, radius: float, thick: float) -> list[tuple[Points, Surface]]:
    """Spokes are not drawn: the hole of the wheel shows a little of what is behind it."""
    turn = np.linspace(0, 2 * np.pi, 17)
    outer = np.stack([x + radius * np.cos(turn), radius + radius * np.sin(turn)], axis=1)
    inner = np.stack(
        [x + (radius - thick) * np.cos(turn), radius + (radius - thick) * np.sin(turn)], axis=1
    )
    return [
        (np.concatenate([outer[i : i + 2], inner[i : i + 2][::-1]]), TIRE_SURFACE)
        for i in range(16)
    ]


def _build_side_view(
    x: float, z: float, way: float, state: tuple[bool, bool, bool], paint: Surface
) -> list[tuple[Points, Surface]]:
    motor, running, lit = state
    del z
    if not motor:
        rod = paint._replace(emissivity=0.7)
        bars = (
            ((-0.52, 0.34), (-0.10, 0.34)),
            ((-0.10, 0.34), (-0.22, 0.86)),
            ((-0.52, 0.34), (-0.20, 0.80)),
            ((-0.10, 0.34), (0.38, 0.78)),
            ((-0.20, 0.78), (0.36, 0.84)),
            ((0.52, 0.34), (0.34, 1.00)),
            ((0.34, 1.00), (0.22, 1.02)),
        )
        drawn = _build_wheel_ring(x - way * 0.52, 0.34, 0.065) + _build_wheel_ring(
            x + way * 0.52, 0.34, 0.065
        )
        for a, b in bars:
            drawn.append(
                (
                    build_capsule_outline(
                        (x + way * a[0], a[1]), (x + way * b[0], b[1]), (0.07, 0.07)
                    ),
                    rod,
                )
            )
        saddle = build_capsule_outline((x - way * 0.32, 0.90), (x - way * 0.12, 0.90), (0.10, 0.07))
        return [*drawn, (saddle, TIRE_SURFACE)]
    hot = Surface(
        (0.35, 0.35, 0.36), temperature_offset=24.0 if running else 0.5, emissivity=0.8, shading=0.8
    )
    seat = Surface((0.10, 0.10, 0.10), temperature_offset=3.0 if running else 0.3, shading=0.9)

    def shape(*corners: tuple[float, float]) -> Points:
        return np.array([(x + way * a, b) for a, b in corners])

    lamp = Surface(
        (0.85, 0.85, 0.8), emission=(3.0, 2.8, 2.3) if lit else (0.0, 0.0, 0.0), emissivity=0.8
    )
    tail = Surface(
        (0.6, 0.05, 0.05), emission=(1.8, 0.1, 0.06) if lit else (0.0, 0.0, 0.0), emissivity=0.8
    )
    drawn = []
    for wheel in (-0.62, 0.62):
        drawn += [
            (
                build_disc(x + way * wheel, 0.31, 0, 0.31, 14)[:, :2],
                TIRE_SURFACE._replace(temperature_offset=7.0 if running else 0.4),
            )
        ]
        drawn += [
            (
                build_disc(x + way * wheel, 0.31, 0, 0.15, 10)[:, :2],
                hot._replace(temperature_offset=3.0 if running else 0.2),
            )
        ]
    drawn += [
        (shape((-0.35, 0.25), (0.25, 0.22), (0.30, 0.55), (-0.35, 0.60)), hot),
        (
            shape(
                (-0.85, 0.58),
                (-0.10, 0.50),
                (0.30, 0.62),
                (0.42, 0.92),
                (0.05, 0.90),
                (-0.15, 0.72),
                (-0.80, 0.82),
            ),
            paint,
        ),
        (
            build_capsule_outline((x + way * 0.62, 0.33), (x + way * 0.40, 1.02), (0.08, 0.07)),
            paint,
        ),
        (shape((-0.80, 0.80), (-0.10, 0.72), (-0.05, 0.82), (-0.75, 0.92)), seat),
        (
            build_capsule_outline((x + way * 0.40, 1.02), (x + way * 0.22, 1.08), (0.06, 0.06)),
            TIRE_SURFACE,
        ),
        (build_capsule_outline((x - way * 0.85, 0.30), (x - way * 0.20, 0.28), (0.09, 0.07)), hot),
        (build_disc(x + way * 0.52, 0.86, 0, 0.09, 8)[:, :2], lamp),
        (build_disc(x - way * 0.84, 0.72, 0, 0.06, 8)[:, :2], tail),
    ]
    return drawn


def _build_front_view(
    x: float, z: float, way: float, state: tuple[bool, bool, bool], paint: Surface
) -> list[tuple[Points, Surface]]:
    motor, running, lit = state
    del z
    thick = 0.16 if motor else 0.07
    tire = TIRE_SURFACE._replace(temperature_offset=7.0 if motor and running else 0.4)
    drawn = [(build_capsule_outline((x, 0.10), (x, 0.58), (thick, thick)), tire)]
    bar = 1.02
    if motor:
        hot = Surface(
            (0.3, 0.3, 0.31),
            temperature_offset=20.0 if running else 0.5,
            emissivity=0.8,
            shading=0.8,
        )
        drawn += [
            (build_capsule_outline((x - 0.13, 0.36), (x + 0.13, 0.36), (0.22, 0.22)), hot),
            (build_capsule_outline((x, 0.50), (x, 0.85), (0.36, 0.30)), paint),
        ]
        color: RgbTriple = (0.85, 0.85, 0.8) if way == 2 else (0.6, 0.05, 0.05)
        glow: RgbTriple = (3.6, 3.3, 2.7) if way == 2 else (1.8, 0.1, 0.06)
        lamp = Surface(
            color, emission=glow if lit else (0.0, 0.0, 0.0), emissivity=0.8, temperature_offset=1.0
        )
        drawn.append((build_disc(x, 0.82, 0, 0.11, 10)[:, :2], lamp))
        drawn.append(
            (build_capsule_outline((x - 0.12, 0.60), (x + 0.12, 0.60), (0.10, 0.10)), TIRE_SURFACE)
        )
    else:
        drawn.append((build_capsule_outline((x, 0.5), (x, 0.95), (0.07, 0.06)), paint))
    drawn.append(
        (build_capsule_outline((x - 0.33, bar), (x + 0.33, bar), (0.06, 0.06)), TIRE_SURFACE)
    )
    return drawn


def _build_rider_side_view(stance: PersonPose, clothes: Clothes) -> list[Polygon]:
    x, z, way = stance.x, stance.z, stance.sideways_direction
    helmet = Surface(
        clothes.coat.color, body_temperature_fraction=0.45, solar_absorption=0.2, shading=1.0
    )
    hip, shoulder = (x - way * 0.22, 0.92), (x - way * 0.02, 1.40)
    knee, foot = (x + way * 0.16, 0.72), (x + way * 0.04, 0.34)
    hand = x + way * 0.30, 1.08
    outlines = [
        (build_capsule_outline(hip, knee, (0.19, 0.15)), clothes.trousers),
        (build_capsule_outline(knee, foot, (0.14, 0.10)), clothes.trousers),
        (
            build_capsule_outline(foot, (foot[0] + way * 0.1, foot[1] - 0.02), (0.09, 0.08)),
            clothes.shoes,
        ),
        (build_capsule_outline(hip, shoulder, (0.28, 0.26)), clothes.coat),
        (build_capsule_outline(shoulder, (x + way * 0.14, 1.14), (0.12, 0.10)), clothes.sleeve),
        (build_capsule_outline((x + way * 0.14, 1.14), hand, (0.10, 0.08)), clothes.sleeve),
        (build_disc(hand[0], hand[1], 0, 0.05, 8)[:, :2], clothes.skin),
    ]
    parts = [Polygon(place_at_depth(o, z), s, PERSON) for o, s in outlines]
    parts += build_head(x + way * 0.05, 1.62, z, stance, clothes)
    parts[-1] = parts[-1]._replace(surface=helmet)
    return parts


def _build_rider_front_view(stance: PersonPose, clothes: Clothes) -> list[Polygon]:
    x, z = stance.x, stance.z
    helmet = Surface(
        clothes.coat.color, body_temperature_fraction=0.45, solar_absorption=0.2, shading=1.0
    )
    outlines = []
    for side in (-1, 1):
        hip, knee, foot = (x + side * 0.10, 0.92), (x + side * 0.22, 0.70), (x + side * 0.18, 0.34)
        outlines += [
            (build_capsule_outline(hip, knee, (0.18, 0.15)), clothes.trousers),
            (build_capsule_outline(knee, foot, (0.14, 0.10)), clothes.trousers),
            (
                build_capsule_outline(
                    (x + side * 0.19, 1.36), (x + side * 0.30, 1.10), (0.12, 0.09)
                ),
                clothes.sleeve,
            ),
            (build_disc(x + side * 0.31, 1.06, 0, 0.05, 8)[:, :2], clothes.skin),
        ]
    chest = np.array(
        [
            (x - 0.17, 0.86),
            (x + 0.17, 0.86),
            (x + 0.22, 1.40),
            (x + 0.10, 1.47),
            (x - 0.10, 1.47),
            (x - 0.22, 1.40),
        ]
    )
    outlines.append((chest, clothes.coat))
    parts = [Polygon(place_at_depth(o, z), s, PERSON) for o, s in outlines]
    parts += build_head(x, 1.62, z, stance, clothes)
    parts[-1] = parts[-1]._replace(surface=helmet)
    return parts
