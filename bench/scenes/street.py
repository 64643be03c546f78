"""The street itself: road and marks, sidewalks and kerbs, houses with windows, what is far away."""

from dataclasses import dataclass, replace

import numpy as np

from bench.scenes import textures
from bench.scenes.camera import Camera, Points
from bench.scenes.things import (
    BUILDING,
    GLASS,
    GREEN,
    NOTHING,
    ROAD,
    SIDEWALK,
    Color,
    Part,
    Random,
    Surface,
    Thing,
    array,
    pick,
    upright,
)

FAR = 400.0
WALLS: tuple[Color, ...] = (
    (0.72, 0.66, 0.56),
    (0.62, 0.40, 0.33),
    (0.80, 0.78, 0.74),
    (0.55, 0.56, 0.60),
    (0.70, 0.58, 0.44),
    (0.48, 0.44, 0.42),
    (0.66, 0.71, 0.74),
    (0.76, 0.62, 0.50),
)
MARK = Surface((0.86, 0.86, 0.82), warmth=2.0, heat=0.5, texture=textures.ASPHALT, grain=0.10)


@dataclass(frozen=True)
class Street:
    """What stays the same over a sequence; z counts from where the camera starts.

    Attributes:
        left: x of the left edge of the road, negative.
        right: x of the right edge of the road.
        pavement: Width of the left and of the right sidewalk.
        crossing: z of the near edge of a side street, or None.
        zebra: z of the near edge of a zebra crossing, or None.
        rows: (side, x, near, far, kind) of what stands along it; kind house, hedge or none.
    """

    left: float
    right: float
    pavement: tuple[float, float]
    crossing: float | None
    zebra: float | None
    rows: tuple[tuple[int, float, float, float, str], ...]

    def edge(self, side: int) -> float:
        """X of the road's edge on the left (-1) or right (+1)."""
        return self.left if side < 0 else self.right

    def front(self, side: int) -> float:
        """X of the outer edge of the sidewalk."""
        return self.edge(side) + side * self.pavement[max(side, 0)]


SIDE_STREET = 9.0  # metres wide


def plan(random: Random) -> Street:
    """Lay out a street."""
    lanes = random.choice([2, 2, 3, 4])
    width = lanes * random.uniform(3.1, 3.6)
    left = -width * random.uniform(0.45, 0.72)
    pavement = float(random.uniform(2.2, 4.5)), float(random.uniform(2.2, 4.5))
    crossing = float(random.uniform(14, 30)) if random.random() < 0.45 else None
    zebra = float(random.uniform(7, 16)) if random.random() < 0.5 else None
    if crossing is not None and zebra is not None:
        zebra = crossing - 4.5
    rows = []
    for side in (-1, 1):
        edge = left if side < 0 else left + width
        base = edge + side * pavement[max(side, 0)]
        leafy = random.random() < 0.35
        z = -6.0
        while z < 130:
            length = float(random.uniform(9, 26))
            kind = "hedge" if random.random() < (0.7 if leafy else 0.2) else "house"
            near, far = z, z + length
            if crossing is not None and near < crossing + SIDE_STREET + 3 and far > crossing - 3:
                far = crossing - 3
                z = crossing + SIDE_STREET + 3
            else:
                z = far + (float(random.uniform(1, 7)) if random.random() < 0.4 else 0.0)
            if far - near > 4:
                setback = float(random.uniform(0.0, 1.5 if kind == "house" else 0.6))
                rows.append((side, base + side * setback, near, far, kind))
    return Street(left, left + width, pavement, crossing, zebra, tuple(rows))


def _level(left: float, right: float, near: float, far: float, height: float = 0.0) -> Points:
    return array(
        [(left, height, near), (right, height, near), (right, height, far), (left, height, far)]
    )


def ground(street: Street, camera: Camera, random: Random, moved: float) -> list[Part]:
    """Everything that lies flat, in drawing order.

    Args:
        street: The plan.
        camera: For the planes of road and sidewalk.
        random: Of the sequence; frames of a sequence get equal ones.
        moved: Metres the camera has moved along z.
    """
    gray = random.uniform(0.30, 0.47)
    tint = random.normal(0, 0.012, 3)
    asphalt = Surface(
        tuple(np.clip(gray + tint, 0, 1)),
        warmth=3.0,
        heat=0.9,
        texture=textures.ASPHALT,
        grain=0.17,
        thermal_grain=0.35,
    )
    verge = Surface(
        pick(random, ((0.30, 0.40, 0.18), (0.38, 0.42, 0.22), (0.26, 0.36, 0.16))),
        warmth=0.5,
        heat=0.3,
        texture=textures.LEAVES,
        grain=0.25,
        thermal_grain=0.8,
    )
    slabs = Surface(
        pick(random, ((0.62, 0.58, 0.54), (0.60, 0.48, 0.42), (0.66, 0.65, 0.63))),
        warmth=1.6,
        heat=0.7,
        texture=textures.PAVING,
        grain=0.16,
        thermal_grain=0.3,
    )
    parts = [
        Part(_level(-300, 300, 0.5, FAR), verge, GREEN),
        Part(_level(street.left, street.right, 0.5, FAR), asphalt, ROAD),
    ]
    for side in (-1, 1):
        parts += _sidewalk(street, side, slabs, camera)
    if street.crossing is not None:
        near = street.crossing - moved
        parts.append(Part(_level(-90, 90, near, near + SIDE_STREET), asphalt, ROAD))
    parts += _marks(street, random, moved)
    parts += _stains(street, random, asphalt, moved)
    return parts


def _sidewalk(street: Street, side: int, slabs: Surface, camera: Camera) -> list[Part]:
    edge, out = street.edge(side), street.front(side) + side * 1.6
    kerb = slabs._replace(color=(0.70, 0.69, 0.66), texture=0, grain=0.0, shade=0.75)
    wall = array([(edge, 0, 0.5), (edge, 0.14, 0.5), (edge, 0.14, FAR), (edge, 0, FAR)])
    rim = sorted((edge, edge + side * 0.22))
    return [
        Part(_level(*sorted((edge, out)), 0.5, FAR, 0.14), slabs, SIDEWALK, camera.ground(0.14)),
        Part(_level(rim[0], rim[1], 0.5, FAR, 0.14), kerb._replace(shade=1.0), SIDEWALK),
        Part(wall, kerb, SIDEWALK),
    ]


def _marks(street: Street, random: Random, moved: float) -> list[Part]:
    parts = []
    lanes = max(2, round((street.right - street.left) / 3.3))
    start = -moved % 8.0
    for lane in range(1, lanes):
        x = street.left + (street.right - street.left) * lane / lanes
        if lane * 2 == lanes and random.random() < 0.5:
            yellow = MARK._replace(color=(0.80, 0.62, 0.18))
            parts += [
                Part(_level(x + d - 0.07, x + d + 0.07, 0.5, 150), yellow, ROAD)
                for d in (-0.13, 0.13)
            ]
            continue
        parts += [
            Part(_level(x - 0.08, x + 0.08, max(z, 0.5), z + 3.2), MARK, ROAD)
            for z in np.arange(start - 8.0, 90, 8.0)
            if z + 3.2 > 0.6
        ]
    for x in (street.left + 0.25, street.right - 0.25):
        parts.append(Part(_level(x - 0.06, x + 0.06, 0.5, 200), MARK, ROAD))
    if street.zebra is not None and street.zebra + 3.5 - moved > 0.8:
        near = max(street.zebra - moved, 0.5)
        far = street.zebra - moved + 3.5
        parts += [
            Part(_level(x, x + 0.5, near, far), MARK, ROAD)
            for x in np.arange(street.left + 0.6, street.right - 0.8, 1.0)
        ]
    return parts


def _stains(street: Street, random: Random, asphalt: Surface, moved: float) -> list[Part]:
    """Patches, joints and manholes; a manhole is unlabelled."""
    parts = []
    for _ in range(6):
        x, z = random.uniform(street.left + 0.5, street.right - 1), random.uniform(3, 40) - moved
        wide, long = random.uniform(0.5, 2.4), random.uniform(0.6, 6)
        dark = asphalt._replace(shade=float(random.uniform(0.72, 1.12)))
        if z > 1:
            parts.append(Part(_level(x, min(x + wide, street.right), z, z + long), dark, ROAD))
    lid = Surface((0.22, 0.21, 0.20), warmth=4.0, emissivity=0.8)
    x, z = random.uniform(street.left + 1, street.right - 1), random.uniform(5, 14) - moved
    turn = np.arange(12) * np.pi / 6
    if z > 1.5:
        circle = np.stack([x + 0.4 * np.cos(turn), np.zeros(12), z + 0.4 * np.sin(turn)], axis=1)
        parts.append(Part(circle, lid, NOTHING))
    return parts


def houses(street: Street, camera: Camera, random: Random, moved: float) -> list[Thing]:
    """Houses along the street; what is behind the camera is left out."""
    things = []
    for side, x, near, far, kind in street.rows:
        floors = int(random.integers(2, 8))
        wall = Surface(
            pick(random, WALLS),
            warmth=float(random.uniform(1.0, 4.0)),
            heat=0.55,
            texture=int(random.choice([textures.BRICK, textures.PLASTER, textures.PLASTER])),
            grain=0.11,
            thermal_grain=0.4,
        )
        own = np.random.default_rng(random.integers(2**32))
        if kind == "house" and far - moved > 2.0:
            house = _house(side, x, (near - moved, far - moved), (floors, wall), own)
            along = camera.wall(x)
            flat = [p if np.ptp(p.points[:, 0]) else p._replace(plane=along) for p in house.parts]
            things.append(replace(house, parts=tuple(flat)))
    return things


def _house(
    side: int,
    x: float,
    reach: tuple[float, float],
    made: tuple[int, Surface],
    random: Random,
) -> Thing:
    floors, wall = made
    near, far = max(reach[0], 0.8), reach[1]
    high = 3.0 * floors + random.uniform(0.6, 1.6)
    outer = x + side * 14.0
    long_wall = array([(x, 0.1, near), (x, 0.1, far), (x, high, far), (x, high, near)])
    parts: list[Part] = []
    front_shade = 0.78 if side < 0 else 0.92
    parts.append(Part(long_wall, wall._replace(shade=front_shade), BUILDING))
    gable = reach[0] > 1.0
    if gable:
        left, right = sorted((x, outer))
        parts.append(
            Part(upright(left, right, 0.1, high, near), wall._replace(shade=0.70), BUILDING)
        )
    base = wall._replace(color=(0.36, 0.34, 0.33), shade=front_shade)
    parts.append(
        Part(array([(x, 0.1, near), (x, 0.1, far), (x, 0.7, far), (x, 0.7, near)]), base, BUILDING)
    )
    return Thing(
        parts=tuple(parts + _openings(side, x, (near, far), (reach[0], floors), random)),
        depth=near + 0.5 * (far - near),
        bulk=(min(x, outer), max(x, outer), near, far, high),
    )


def _openings(
    side: int, x: float, reach: tuple[float, float], start: tuple[float, int], random: Random
) -> list[Part]:
    """Windows by floor, shops and doors below; some are lit at night, some are warm."""
    near, far = reach
    first, floors = start
    parts = []
    step = random.uniform(2.2, 3.6)
    wide, tall = random.uniform(0.9, 1.5), random.uniform(1.2, 1.8)
    frame = Surface((0.82, 0.81, 0.78), warmth=2.0, shade=0.85)
    lit_share, warm_share = random.uniform(0.1, 0.5), random.uniform(0.1, 0.6)
    for floor in range(floors):
        low = 3.0 * floor + 1.0
        for z in np.arange(first + 1.0, far - wide - 0.3, step):
            lit, warm, tone = random.random(3)
            if z < near:
                continue
            glow = (0.0, 0.0, 0.0)
            if lit < lit_share:
                glow = (0.50, 0.36, 0.17) if tone < 0.7 else (0.33, 0.38, 0.42)
            pane = Surface(
                tuple(float(c + 0.12 * tone) for c in GLASS),
                warmth=5.0 if warm < warm_share else 0.0,
                emissivity=0.80,
                glow=glow,
                shade=0.9,
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
                parts.append(Part(array(corners), surface, BUILDING))
    return parts


def backdrop(random: Random) -> list[Thing]:
    """What closes the view: towers, a line of trees, or hills nobody labelled."""
    things = []
    z = 190.0
    if random.random() < 0.6:
        for x in np.arange(-150, 150, random.uniform(16, 30)):
            if random.random() < 0.55:
                things.append(
                    _tower(float(x + random.uniform(-5, 5)), z + random.uniform(-30, 40), random)
                )
    line = Surface(
        (0.22, 0.29, 0.17),
        warmth=0.4,
        heat=0.25,
        texture=textures.LEAVES,
        grain=0.2,
        thermal_grain=0.5,
    )
    hill = Surface((0.33, 0.38, 0.40), warmth=-2.0, heat=0.2)
    label, surface, tall = (GREEN, line, 7.0) if random.random() < 0.7 else (NOTHING, hill, 16.0)
    xs = np.linspace(-260, 260, 60)
    steps = np.cumsum(random.normal(0, 1, 60))
    tops = tall * (
        0.8 + 0.25 * np.sin(xs / 60 + random.uniform(0, 6)) + 0.06 * (steps - steps.mean())
    )
    ridge = np.stack([xs, np.maximum(tops, 1.5), np.full(60, 180.0)], axis=1)
    floor = array([(260, 0, 180.0), (-260, 0, 180.0)])
    things.append(Thing((Part(np.concatenate([ridge, floor]), surface, label),), 180.0))
    return things


def _tower(x: float, z: float, random: Random) -> Thing:
    wide, high = random.uniform(12, 24), random.uniform(25, 75)
    wall = Surface(
        pick(random, WALLS), warmth=2.0, heat=0.5, shade=0.85, texture=textures.PLASTER, grain=0.05
    )
    parts = [Part(upright(x, x + wide, 0, high, z), wall, BUILDING)]
    dark = Surface((0.30, 0.32, 0.36), warmth=1.0, emissivity=0.85, shade=0.9)
    for column in np.arange(x + 1.5, x + wide - 2, 3.4):
        if random.random() < 0.5:
            parts.append(Part(upright(column, column + 1.5, 2, high - 2, z), dark, BUILDING))
    lit = dark._replace(glow=(0.45, 0.33, 0.16))
    for _ in range(int(random.integers(3, 12))):
        column, row = random.uniform(x + 1, x + wide - 3), random.uniform(4, high - 4)
        parts.append(Part(upright(column, column + 1.6, row, row + 1.8, z), lit, BUILDING))
    return Thing(tuple(parts), z)
