"""Houses with windows along the street, and what closes the view far away."""

from dataclasses import replace

import numpy as np

from fusebench.simulator import textures
from fusebench.simulator.camera import Camera
from fusebench.simulator.objects.primitives import (
    BUILDING,
    GLASS_COLOR,
    UNLABELED,
    VEGETATION,
    Polygon,
    RandomGenerator,
    RgbTriple,
    SceneObject,
    Surface,
    build_facing_rectangle,
    sample_color,
    to_points,
)
from fusebench.simulator.street import Street

WALL_COLORS: tuple[RgbTriple, ...] = (
    (0.72, 0.66, 0.56),
    (0.62, 0.40, 0.33),
    (0.80, 0.78, 0.74),
    (0.55, 0.56, 0.60),
    (0.70, 0.58, 0.44),
    (0.48, 0.44, 0.42),
    (0.66, 0.71, 0.74),
    (0.76, 0.62, 0.50),
)


def build_houses(
    street: Street, camera: Camera, random: RandomGenerator, moved: float
) -> list[SceneObject]:
    """Houses along the street; what is behind the camera is left out."""
    things = []
    for side, x, near, far, kind in street.frontages:
        floors = int(random.integers(2, 8))
        wall = Surface(
            sample_color(random, WALL_COLORS),
            temperature_offset=float(random.uniform(1.0, 4.0)),
            solar_absorption=0.55,
            texture=int(random.choice([textures.BRICK, textures.PLASTER, textures.PLASTER])),
            texture_strength=0.17,
            thermal_texture_strength=0.4,
        )
        own = np.random.default_rng(random.integers(2**32))
        if kind == "house" and far - moved > 2.0:
            house = _build_house(side, x, (near - moved, far - moved), (floors, wall), own)
            along = camera.compute_wall_plane(x)
            flat = [
                p if np.ptp(p.points[:, 0]) else p._replace(inverse_depth_plane=along)
                for p in house.polygons
            ]
            things.append(replace(house, polygons=tuple(flat)))
    return things


def _build_house(
    side: int,
    x: float,
    reach: tuple[float, float],
    made: tuple[int, Surface],
    random: RandomGenerator,
) -> SceneObject:
    floors, wall = made
    near, far = max(reach[0], 0.8), reach[1]
    high = 3.0 * floors + random.uniform(0.6, 1.6)
    outer = x + side * 14.0
    long_wall = to_points([(x, 0.1, near), (x, 0.1, far), (x, high, far), (x, high, near)])
    parts: list[Polygon] = []
    front_shade = 0.78 if side < 0 else 0.92
    parts.append(Polygon(long_wall, wall._replace(shading=front_shade), BUILDING))
    gable = reach[0] > 1.0
    if gable:
        left, right = sorted((x, outer))
        parts.append(
            Polygon(
                build_facing_rectangle(left, right, 0.1, high, near),
                wall._replace(shading=0.70),
                BUILDING,
            )
        )
    base = wall._replace(color=(0.36, 0.34, 0.33), shading=front_shade)
    parts.append(
        Polygon(
            to_points([(x, 0.1, near), (x, 0.1, far), (x, 0.7, far), (x, 0.7, near)]),
            base,
            BUILDING,
        )
    )
    return SceneObject(
        polygons=tuple(parts + _build_windows(side, x, (near, far), (reach[0], floors), random)),
        depth=near + 0.5 * (far - near),
        shadow_box=(min(x, outer), max(x, outer), near, far, high),
    )


def _build_windows(
    side: int,
    x: float,
    reach: tuple[float, float],
    start: tuple[float, int],
    random: RandomGenerator,
) -> list[Polygon]:
    """Windows by floor, shops and doors below; some are lit at night, some are warm."""
    near, far = reach
    first, floors = start
    parts = []
    step = random.uniform(2.2, 3.6)
    wide, tall = random.uniform(0.9, 1.5), random.uniform(1.2, 1.8)
    frame = Surface((0.82, 0.81, 0.78), temperature_offset=2.0, shading=0.85)
    lit_share, warm_share = random.uniform(0.1, 0.5), random.uniform(0.1, 0.6)
    for floor in range(floors):
        low = 3.0 * floor + 1.0
        for z in np.arange(first + 1.0, far - wide - 0.3, step):
            lit, warm, tone = random.random(3).tolist()
            if z < near:
                continue
            glow = (0.0, 0.0, 0.0)
            if lit < lit_share:
                glow = (0.50, 0.36, 0.17) if tone < 0.7 else (0.33, 0.38, 0.42)
            pane = Surface(
                (
                    GLASS_COLOR[0] + 0.12 * tone,
                    GLASS_COLOR[1] + 0.13 * tone,
                    GLASS_COLOR[2] + 0.15 * tone,
                ),
                temperature_offset=5.0 if warm < warm_share else 0.0,
                emissivity=0.80,
                emission=glow,
                shading=0.9,
            )
            top = low + (tall if floor else 1.5)
            for grow, surface in ((0.09, frame), (0.0, pane)):
                if grow and z > 35:
                    continue
                corners = [
                    (x, low - grow, z - grow),
                    (x, low - grow, z + wide + grow),
                    (x, top + grow, z + wide + grow),
                    (x, top + grow, z - grow),
                ]
                parts.append(Polygon(to_points(corners), surface, BUILDING))
    return parts


def build_backdrop(random: RandomGenerator) -> list[SceneObject]:
    """What closes the view: towers, a line of trees, or hills nobody labeled."""
    things: list[SceneObject] = []
    z = 190.0
    if random.random() < 0.6:
        for x in np.arange(-150, 150, random.uniform(16, 30)):
            place = float(x + random.uniform(-5, 5)), z + float(random.uniform(-30, 40))
            things += [_build_tower(place, random)] if random.random() < 0.55 else []
    line = Surface(
        (0.22, 0.29, 0.17),
        temperature_offset=0.4,
        solar_absorption=0.25,
        texture=textures.LEAVES,
        texture_strength=0.2,
        thermal_texture_strength=0.5,
    )
    hill = Surface((0.33, 0.38, 0.40), temperature_offset=-2.0, solar_absorption=0.2)
    label, surface, tall = (
        (VEGETATION, line, 7.0) if random.random() < 0.6 else (UNLABELED, hill, 16.0)
    )
    xs = np.linspace(-260, 260, 60)
    steps = np.cumsum(random.normal(0, 1, 60))
    tops = tall * (
        0.8 + 0.25 * np.sin(xs / 60 + random.uniform(0, 6)) + 0.06 * (steps - steps.mean())
    )
    ridge = np.stack([xs, np.maximum(tops, 1.5), np.full(60, 180.0)], axis=1)
    floor = to_points([(260, 0, 180.0), (-260, 0, 180.0)])
    things.append(SceneObject((Polygon(np.concatenate([ridge, floor]), surface, label),), 180.0))
    return things


def _build_tower(place: tuple[float, float], random: RandomGenerator) -> SceneObject:
    x, z = place
    wide, high = random.uniform(12, 24), random.uniform(25, 75)
    wall = Surface(
        sample_color(random, WALL_COLORS),
        temperature_offset=2.0,
        solar_absorption=0.5,
        shading=0.85,
        texture=textures.PLASTER,
        texture_strength=0.05,
    )
    parts = [Polygon(build_facing_rectangle(x, x + wide, 0, high, z), wall, BUILDING)]
    dark = Surface((0.30, 0.32, 0.36), temperature_offset=1.0, emissivity=0.85, shading=0.9)
    for column in np.arange(x + 1.5, x + wide - 2, 3.4):
        strip = Polygon(
            build_facing_rectangle(column, column + 1.5, 2, high - 2, z), dark, BUILDING
        )
        parts += [strip] if random.random() < 0.5 else []
    lit = dark._replace(emission=(0.45, 0.33, 0.16))
    for _ in range(int(random.integers(3, 12))):
        column, row = random.uniform(x + 1, x + wide - 3), random.uniform(4, high - 4)
        parts.append(
            Polygon(build_facing_rectangle(column, column + 1.6, row, row + 1.8, z), lit, BUILDING)
        )
    return SceneObject(tuple(parts), z)
