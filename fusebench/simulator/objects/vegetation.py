"""Trees, hedges and bushes: clumps of leaves, each a little lighter or darker than the next."""

import numpy as np

from fusebench.simulator import textures
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


def _sample_leaf_surface(random: RandomGenerator) -> Surface:
    return Surface(
        sample_color(random, LEAF_COLORS, 0.02),
        temperature_offset=float(random.uniform(0.0, 1.2)),
        solar_absorption=0.18,
        texture=textures.LEAVES,
        texture_strength=0.42,
        thermal_texture_strength=0.9,
    )


def build_tree(x: float, z: float, random: RandomGenerator) -> SceneObject:
    """A tree of 4 to 9 m that stands at (x, z)."""
    high = random.uniform(4.0, 9.0)
    stem = random.uniform(1.4, 2.6)
    wide = high * random.uniform(0.22, 0.34)
    bark = Surface(
        (0.26, 0.21, 0.17),
        temperature_offset=1.0,
        solar_absorption=0.3,
        texture=textures.PLASTER,
        texture_strength=0.2,
    )
    trunk = to_points(
        [(x - 0.16, 0, z), (x + 0.16, 0, z), (x + 0.09, stem + 1, z), (x - 0.09, stem + 1, z)]
    )
    parts = [Polygon(trunk, bark, VEGETATION)]
    leaves = _sample_leaf_surface(random)
    middle = (stem + high) / 2
    for i in range(24 if z < 45 else 8):
        turn, out = random.uniform(0, 2 * np.pi), np.sqrt(random.random())
        cx = x + wide * out * np.cos(turn)
        cy = middle + (high - stem) * 0.42 * out * np.sin(turn)
        light = 0.62 + 0.5 * (cy - stem) / (high - stem) + random.normal(0, 0.07)
        clump = leaves._replace(shading=float(np.clip(0.55 if i < 5 else light, 0.4, 1.15)))
        parts.append(
            Polygon(
                _build_leaf_clump(cx, cy, z, wide * random.uniform(0.24, 0.46), random),
                clump,
                VEGETATION,
            )
        )
    return SceneObject(tuple(parts), z, shadow_box=(x - wide, x + wide, z - wide, z + wide, middle))


def _build_leaf_clump(
    x: float, y: float, z: float, radius: float, random: RandomGenerator
) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    points = build_disc(x, y, z, radius, 14)
    around = points - (x, y, z)
    return np.asarray((x, y, z) + around * random.uniform(0.72, 1.2, (14, 1)))


def build_hedge(
    street: Street, side: int, x: float, reach: tuple[float, float], random: RandomGenerator
) -> list[SceneObject]:
    """A hedge along the sidewalk with trees behind it."""
    near, far = reach
    things = []
    leaves = _sample_leaf_surface(random)
    tall = random.uniform(0.9, 2.4)
    for z in np.arange(near, far, 1.6):
        if z < 2.0:
            continue
        parts = []
        for _ in range(4 if z < 40 else 2):
            shade = float(random.uniform(0.6, 1.1))
            parts.append(
                Polygon(
                    _build_leaf_clump(
                        x + side * random.uniform(0.2, 1.6),
                        tall * random.uniform(0.35, 0.7),
                        z,
                        tall * random.uniform(0.5, 0.7),
                        random,
                    ),
                    leaves._replace(shading=shade),
                    VEGETATION,
                )
            )
        left, right = sorted((x, x + side * 2.5))
        foot = build_facing_rectangle(left, right, 0.0, tall * 0.5, z)
        parts.insert(0, Polygon(foot, leaves._replace(shading=0.55), VEGETATION))
        things.append(SceneObject(tuple(parts), z, shadow_box=(x - 0.5, x + 0.5, z, z + 1.6, tall)))
    spots = np.arange(max(near, 4.0), far, random.uniform(4, 7)).tolist()
    return things + [build_tree(x + side * random.uniform(2.0, 7.0), z, random) for z in spots]


def build_vegetation(street: Street, random: RandomGenerator, moved: float) -> list[SceneObject]:
    """All hedges, and the trees along the sidewalks."""
    things = []
    for side, x, near, far, kind in street.frontages:
        own = np.random.default_rng(random.integers(2**32))
        if kind == "hedge" and far - moved > 3:
            things += build_hedge(street, side, x, (near - moved, far - moved), own)
    for side in (-1, 1):
        lined = random.random() < 0.45
        step, first = random.uniform(7, 13), random.uniform(8, 16)
        x = street.get_road_edge(side) + side * (street.sidewalk_widths[max(side, 0)] * 0.8)
        for z in np.arange(first, 80, step):
            own = np.random.default_rng(random.integers(2**32))
            if lined and z - moved > 4.0 and not is_in_side_street(street, z):
                things.append(build_tree(x, float(z - moved), own))
    return things


def is_in_side_street(street: Street, z: float) -> bool:
    """Whether something at z, sequence coordinates, would stand on the side street."""
    return street.side_street_z is not None and -1 < z - street.side_street_z < 10
