"""Trees, hedges and bushes, built from clumps of leaves of varying brightness."""

import numpy as np

from fusebench.simulator import textures
from fusebench.simulator.camera import Points
from fusebench.simulator.objects.primitives import (
    VEGETATION,
    Polygon,
    RandomGenerator,
    RgbTriple,
    SceneObject,
    Surface,
    build_disc,
    build_facing_rectangle,
    sample_color,
    to_points,
)
from fusebench.simulator.street import Street

LEAF_COLORS: tuple[RgbTriple, ...] = (
    (0.24, 0.36, 0.16),
    (0.30, 0.42, 0.18),
    (0.20, 0.31, 0.17),
    (0.38, 0.41, 0.17),
    (0.45, 0.36, 0.16),
)


def _sample_leaf_surface(rng: RandomGenerator) -> Surface:
    """Sample the surface of leaves."""
    return Surface(
        sample_color(rng, LEAF_COLORS, 0.02),
        temperature_offset=float(rng.uniform(0.0, 1.2)),
        solar_absorption=0.18,
        texture=textures.LEAVES,
        texture_strength=0.42,
        thermal_texture_strength=0.9,
    )


def build_tree(x: float, z: float, rng: RandomGenerator) -> SceneObject:
    """Build a tree of 4 to 9 m height at (x, z)."""
    height = rng.uniform(4.0, 9.0)
    trunk_height = rng.uniform(1.4, 2.6)
    crown_radius = height * rng.uniform(0.22, 0.34)
    bark = Surface(
        (0.26, 0.21, 0.17),
        temperature_offset=1.0,
        solar_absorption=0.3,
        texture=textures.PLASTER,
        texture_strength=0.2,
    )
    trunk = to_points(
        [
            (x - 0.16, 0, z),
            (x + 0.16, 0, z),
            (x + 0.09, trunk_height + 1, z),
            (x - 0.09, trunk_height + 1, z),
        ]
    )
    polygons = [Polygon(trunk, bark, VEGETATION)]
    leaves = _sample_leaf_surface(rng)
    crown_center = (trunk_height + height) / 2
    for i in range(24 if z < 45 else 8):
        angle, radius = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random())
        cx = x + crown_radius * radius * np.cos(angle)
        cy = crown_center + (height - trunk_height) * 0.42 * radius * np.sin(angle)
        brightness = (
            0.62 + 0.5 * (cy - trunk_height) / (height - trunk_height) + rng.normal(0, 0.07)
        )
        clump = leaves._replace(shading=float(np.clip(0.55 if i < 5 else brightness, 0.4, 1.15)))
        polygons.append(
            Polygon(
                _build_leaf_clump(cx, cy, z, crown_radius * rng.uniform(0.24, 0.46), rng),
                clump,
                VEGETATION,
            )
        )
    left, right, near, far = x - crown_radius, x + crown_radius, z - crown_radius, z + crown_radius
    return SceneObject(tuple(polygons), z, shadow_box=(left, right, near, far, crown_center))


def _build_leaf_clump(x: float, y: float, z: float, radius: float, rng: RandomGenerator) -> Points:
    """Build a disc with an irregular edge that faces the camera, (14, 3)."""
    offsets = build_disc(x, y, z, radius, 14) - (x, y, z)
    return np.asarray((x, y, z) + offsets * rng.uniform(0.72, 1.2, (14, 1)))


def build_hedge(
    side: int, x: float, extent: tuple[float, float], rng: RandomGenerator
) -> list[SceneObject]:
    """Build a hedge along the sidewalk with trees behind it.

    Args:
        side: -1 (left) or 1.
        x: Edge of the hedge in meters.
        extent: Near and far end in meters.
        rng: Random generator of the hedge.
    """
    near, far = extent
    objects = []
    leaves = _sample_leaf_surface(rng)
    height = rng.uniform(0.9, 2.4)
    for z in np.arange(near, far, 1.6):
        if z < 2.0:
            continue
        polygons = []
        for _ in range(4 if z < 40 else 2):
            shading = float(rng.uniform(0.6, 1.1))
            polygons.append(
                Polygon(
                    _build_leaf_clump(
                        x + side * rng.uniform(0.2, 1.6),
                        height * rng.uniform(0.35, 0.7),
                        z,
                        height * rng.uniform(0.5, 0.7),
                        rng,
                    ),
                    leaves._replace(shading=shading),
                    VEGETATION,
                )
            )
        left, right = sorted((x, x + side * 2.5))
        base = build_facing_rectangle(left, right, 0.0, height * 0.5, z)
        polygons.insert(0, Polygon(base, leaves._replace(shading=0.55), VEGETATION))
        objects.append(
            SceneObject(tuple(polygons), z, shadow_box=(x - 0.5, x + 0.5, z, z + 1.6, height))
        )
    tree_positions = np.arange(max(near, 4.0), far, rng.uniform(4, 7)).tolist()
    return objects + [build_tree(x + side * rng.uniform(2.0, 7.0), z, rng) for z in tree_positions]


def build_vegetation(street: Street, rng: RandomGenerator, camera_z: float) -> list[SceneObject]:
    """Build all hedges, and the trees along the sidewalks.

    Args:
        street: Plan of the street.
        rng: Random generator of the sequence.
        camera_z: z of the camera in meters from its start.
    """
    objects = []
    for side, x, near, far, kind in street.frontages:
        object_rng = np.random.default_rng(rng.integers(2**32))
        if kind == "hedge" and far - camera_z > 3:
            objects += build_hedge(side, x, (near - camera_z, far - camera_z), object_rng)
    for side in (-1, 1):
        has_trees = rng.random() < 0.45
        spacing, first = rng.uniform(7, 13), rng.uniform(8, 16)
        x = street.get_road_edge(side) + side * (street.sidewalk_widths[max(side, 0)] * 0.8)
        for z in np.arange(first, 80, spacing):
            object_rng = np.random.default_rng(rng.integers(2**32))
            if has_trees and z - camera_z > 4.0 and not is_in_side_street(street, z):
                objects.append(build_tree(x, float(z - camera_z), object_rng))
    return objects


def is_in_side_street(street: Street, z: float) -> bool:
    """Return whether ``z``, in meters from the camera's start, lies on the side street."""
    return street.side_street_z is not None and -1 < z - street.side_street_z < 10
