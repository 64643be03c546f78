"""Houses with windows along the street, and the backdrop at the end of the street."""

from dataclasses import replace

import numpy as np

from fusebench.simulator import textures
from fusebench.simulator.camera import Camera
from fusebench.simulator.objects.primitives import (
    BUILDING,
    GLASS_COLOR,
    NO_EMISSION,
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
    street: Street, camera: Camera, rng: RandomGenerator, camera_z: float
) -> list[SceneObject]:
    """Build the houses along the street; those behind the camera are omitted.

    Args:
        street: Plan of the street.
        camera: Camera of the canvas; gives the plane of the walls along the street.
        rng: Random generator of the sequence.
        camera_z: z of the camera in meters from its start.
    """
    objects = []
    for side, x, near, far, kind in street.frontages:
        floors = int(rng.integers(2, 8))
        wall = Surface(
            sample_color(rng, WALL_COLORS),
            temperature_offset=float(rng.uniform(1.0, 4.0)),
            solar_absorption=0.55,
            texture=int(rng.choice([textures.BRICK, textures.PLASTER, textures.PLASTER])),
            texture_strength=0.17,
            thermal_texture_strength=0.4,
        )
        house_rng = np.random.default_rng(rng.integers(2**32))
        if kind == "house" and far - camera_z > 2.0:
            house = _build_house(
                side, x, (near - camera_z, far - camera_z), (floors, wall), house_rng
            )
            wall_plane = camera.compute_wall_plane(x)
            polygons = [
                polygon
                if np.ptp(polygon.points[:, 0])
                else polygon._replace(inverse_depth_plane=wall_plane)
                for polygon in house.polygons
            ]
            objects.append(replace(house, polygons=tuple(polygons)))
    return objects


def _build_house(
    side: int,
    x: float,
    extent: tuple[float, float],
    style: tuple[int, Surface],
    rng: RandomGenerator,
) -> SceneObject:
    """Build a house.

    Args:
        side: -1 (left of the street) or 1.
        x: Front wall in meters.
        extent: Near and far end in meters.
        style: Number of floors, and surface of the walls.
        rng: Random generator of the house.
    """
    floors, wall = style
    near, far = max(extent[0], 0.8), extent[1]
    height = 3.0 * floors + rng.uniform(0.6, 1.6)
    back = x + side * 14.0
    front_wall = to_points([(x, 0.1, near), (x, 0.1, far), (x, height, far), (x, height, near)])
    polygons: list[Polygon] = []
    front_shading = 0.78 if side < 0 else 0.92
    polygons.append(Polygon(front_wall, wall._replace(shading=front_shading), BUILDING))
    if extent[0] > 1.0:  # the gable is in front of the camera
        left, right = sorted((x, back))
        polygons.append(
            Polygon(
                build_facing_rectangle(left, right, 0.1, height, near),
                wall._replace(shading=0.70),
                BUILDING,
            )
        )
    base = wall._replace(color=(0.36, 0.34, 0.33), shading=front_shading)
    polygons.append(
        Polygon(
            to_points([(x, 0.1, near), (x, 0.1, far), (x, 0.7, far), (x, 0.7, near)]),
            base,
            BUILDING,
        )
    )
    return SceneObject(
        polygons=tuple(polygons + _build_windows(x, (near, far), (extent[0], floors), rng)),
        depth=near + 0.5 * (far - near),
        shadow_box=(min(x, back), max(x, back), near, far, height),
    )


def _build_windows(
    x: float,
    extent: tuple[float, float],
    first_z_and_floors: tuple[float, int],
    rng: RandomGenerator,
) -> list[Polygon]:
    """Build the windows of a house, with shop windows on the ground floor.

    Some are lit at night, some are warm.

    Args:
        x: Front wall in meters.
        extent: Near and far end of the visible part in meters.
        first_z_and_floors: Near end of the whole house in meters, and number of floors. Windows
            are counted from there, so that they stay in place as the camera moves.
        rng: Random generator of the house.
    """
    near, far = extent
    house_near, floors = first_z_and_floors
    polygons = []
    spacing = rng.uniform(2.2, 3.6)
    width, height = rng.uniform(0.9, 1.5), rng.uniform(1.2, 1.8)
    frame = Surface((0.82, 0.81, 0.78), temperature_offset=2.0, shading=0.85)
    lit_fraction, warm_fraction = rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.6)
    for floor in range(floors):
        bottom = 3.0 * floor + 1.0
        for z in np.arange(house_near + 1.0, far - width - 0.3, spacing):
            lit_value, warm_value, tone = rng.random(3).tolist()
            if z < near:
                continue
            emission = NO_EMISSION
            if lit_value < lit_fraction:
                emission = (0.50, 0.36, 0.17) if tone < 0.7 else (0.33, 0.38, 0.42)
            pane = Surface(
                (
                    GLASS_COLOR[0] + 0.12 * tone,
                    GLASS_COLOR[1] + 0.13 * tone,
                    GLASS_COLOR[2] + 0.15 * tone,
                ),
                temperature_offset=5.0 if warm_value < warm_fraction else 0.0,
                emissivity=0.80,
                emission=emission,
                shading=0.9,
            )
            top = bottom + (height if floor else 1.5)
            for margin, surface in ((0.09, frame), (0.0, pane)):
                if margin and z > 35:
                    continue
                corners = [
                    (x, bottom - margin, z - margin),
                    (x, bottom - margin, z + width + margin),
                    (x, top + margin, z + width + margin),
                    (x, top + margin, z - margin),
                ]
                polygons.append(Polygon(to_points(corners), surface, BUILDING))
    return polygons


def build_backdrop(rng: RandomGenerator) -> list[SceneObject]:
    """Build the backdrop: towers, and a line of trees or unlabeled hills."""
    objects: list[SceneObject] = []
    z = 190.0
    if rng.random() < 0.6:
        for x in np.arange(-150, 150, rng.uniform(16, 30)):
            position = float(x + rng.uniform(-5, 5)), z + float(rng.uniform(-30, 40))
            objects += [_build_tower(position, rng)] if rng.random() < 0.55 else []
    tree_line = Surface(
        (0.22, 0.29, 0.17),
        temperature_offset=0.4,
        solar_absorption=0.25,
        texture=textures.LEAVES,
        texture_strength=0.2,
        thermal_texture_strength=0.5,
    )
    hill = Surface((0.33, 0.38, 0.40), temperature_offset=-2.0, solar_absorption=0.2)
    label, surface, height = (
        (VEGETATION, tree_line, 7.0) if rng.random() < 0.6 else (UNLABELED, hill, 16.0)
    )
    x_values = np.linspace(-260, 260, 60)
    random_walk = np.cumsum(rng.normal(0, 1, 60))
    tops = height * (
        0.8
        + 0.25 * np.sin(x_values / 60 + rng.uniform(0, 6))
        + 0.06 * (random_walk - random_walk.mean())
    )
    ridge = np.stack([x_values, np.maximum(tops, 1.5), np.full(60, 180.0)], axis=1)
    floor = to_points([(260, 0, 180.0), (-260, 0, 180.0)])
    objects.append(SceneObject((Polygon(np.concatenate([ridge, floor]), surface, label),), 180.0))
    return objects


def _build_tower(position: tuple[float, float], rng: RandomGenerator) -> SceneObject:
    """Build a tower with window strips, some of them lit, at (x, z)."""
    x, z = position
    width, height = rng.uniform(12, 24), rng.uniform(25, 75)
    wall = Surface(
        sample_color(rng, WALL_COLORS),
        temperature_offset=2.0,
        solar_absorption=0.5,
        shading=0.85,
        texture=textures.PLASTER,
        texture_strength=0.05,
    )
    polygons = [Polygon(build_facing_rectangle(x, x + width, 0, height, z), wall, BUILDING)]
    window = Surface((0.30, 0.32, 0.36), temperature_offset=1.0, emissivity=0.85, shading=0.9)
    for left in np.arange(x + 1.5, x + width - 2, 3.4):
        strip = Polygon(
            build_facing_rectangle(left, left + 1.5, 2, height - 2, z), window, BUILDING
        )
        polygons += [strip] if rng.random() < 0.5 else []
    lit_window = window._replace(emission=(0.45, 0.33, 0.16))
    for _ in range(int(rng.integers(3, 12))):
        left, bottom = rng.uniform(x + 1, x + width - 3), rng.uniform(4, height - 4)
        polygons.append(
            Polygon(
                build_facing_rectangle(left, left + 1.6, bottom, bottom + 1.8, z),
                lit_window,
                BUILDING,
            )
        )
    return SceneObject(tuple(polygons), z)
