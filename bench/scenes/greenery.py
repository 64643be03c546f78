"""Trees, hedges and bushes: clumps of leaves, each a little lighter or darker than the next."""

import numpy as np

from bench.scenes import textures
from bench.scenes.street import Street
from bench.scenes.things import (
    GREEN,
    Color,
    Part,
    Random,
    Surface,
    Thing,
    array,
    disc,
    pick,
    upright,
)

LEAVES: tuple[Color, ...] = (
    (0.24, 0.36, 0.16),
    (0.30, 0.42, 0.18),
    (0.20, 0.31, 0.17),
    (0.38, 0.41, 0.17),
    (0.45, 0.36, 0.16),
)


def _leaves(random: Random) -> Surface:
    return Surface(
        pick(random, LEAVES, 0.02),
        warmth=float(random.uniform(0.0, 1.2)),
        heat=0.18,
        texture=textures.LEAVES,
        grain=0.42,
        thermal_grain=0.9,
    )


def tree(x: float, z: float, random: Random) -> Thing:
    """A tree of 4 to 9 m that stands at (x, z)."""
    high = random.uniform(4.0, 9.0)
    stem = random.uniform(1.4, 2.6)
    wide = high * random.uniform(0.22, 0.34)
    bark = Surface((0.26, 0.21, 0.17), warmth=1.0, heat=0.3, texture=textures.PLASTER, grain=0.2)
    trunk = array(
        [(x - 0.16, 0, z), (x + 0.16, 0, z), (x + 0.09, stem + 1, z), (x - 0.09, stem + 1, z)]
    )
    parts = [Part(trunk, bark, GREEN)]
    leaves = _leaves(random)
    middle = (stem + high) / 2
    for i in range(24 if z < 45 else 8):
        turn, out = random.uniform(0, 2 * np.pi), np.sqrt(random.random())
        cx = x + wide * out * np.cos(turn)
        cy = middle + (high - stem) * 0.42 * out * np.sin(turn)
        light = 0.62 + 0.5 * (cy - stem) / (high - stem) + random.normal(0, 0.07)
        clump = leaves._replace(shade=float(np.clip(0.55 if i < 5 else light, 0.4, 1.15)))
        parts.append(
            Part(_clump(cx, cy, z, wide * random.uniform(0.24, 0.46), random), clump, GREEN)
        )
    return Thing(tuple(parts), z, bulk=(x - wide, x + wide, z - wide, z + wide, middle))


def _clump(
    x: float, y: float, z: float, radius: float, random: Random
) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    points = disc(x, y, z, radius, 14)
    around = points - (x, y, z)
    return np.asarray((x, y, z) + around * random.uniform(0.72, 1.2, (14, 1)))


def hedge(
    street: Street, side: int, x: float, reach: tuple[float, float], random: Random
) -> list[Thing]:
    """A hedge along the sidewalk with trees behind it."""
    near, far = reach
    things = []
    leaves = _leaves(random)
    tall = random.uniform(0.9, 2.4)
    for z in np.arange(near, far, 1.6):
        if z < 2.0:
            continue
        parts = []
        for _ in range(4 if z < 40 else 2):
            shade = float(random.uniform(0.6, 1.1))
            parts.append(
                Part(
                    _clump(
                        x + side * random.uniform(0.2, 1.6),
                        tall * random.uniform(0.35, 0.7),
                        z,
                        tall * random.uniform(0.5, 0.7),
                        random,
                    ),
                    leaves._replace(shade=shade),
                    GREEN,
                )
            )
        left, right = sorted((x, x + side * 2.5))
        foot = upright(left, right, 0.0, tall * 0.5, z)
        parts.insert(0, Part(foot, leaves._replace(shade=0.55), GREEN))
        things.append(Thing(tuple(parts), z, bulk=(x - 0.5, x + 0.5, z, z + 1.6, tall)))
    spots = np.arange(max(near, 4.0), far, random.uniform(4, 7)).tolist()
    return things + [tree(x + side * random.uniform(2.0, 7.0), z, random) for z in spots]


def rows(street: Street, random: Random, moved: float) -> list[Thing]:
    """All hedges, and the trees along the sidewalks."""
    things = []
    for side, x, near, far, kind in street.rows:
        own = np.random.default_rng(random.integers(2**32))
        if kind == "hedge" and far - moved > 3:
            things += hedge(street, side, x, (near - moved, far - moved), own)
    for side in (-1, 1):
        lined = random.random() < 0.45
        step, first = random.uniform(7, 13), random.uniform(8, 16)
        x = street.edge(side) + side * (street.pavement[max(side, 0)] * 0.8)
        for z in np.arange(first, 80, step):
            own = np.random.default_rng(random.integers(2**32))
            if lined and z - moved > 4.0 and not in_side_street(street, z):
                things.append(tree(x, float(z - moved), own))
    return things


def in_side_street(street: Street, z: float) -> bool:
    """Whether something at z, sequence coordinates, would stand on the side street."""
    return street.crossing is not None and -1 < z - street.crossing < 10
