"""The street itself: its plan, road and marks, sidewalks and kerbs."""

from dataclasses import dataclass

import numpy as np

from bench.scenes import textures
from bench.scenes.camera import Camera, Points
from bench.scenes.things import (
    GREEN,
    NOTHING,
    ROAD,
    SIDEWALK,
    Part,
    Random,
    Surface,
    array,
    pick,
)

FAR = 400.0
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
        heat=0.62,
        texture=textures.ASPHALT,
        grain=0.13,
        thermal_grain=0.5,
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
    left, right = sorted((edge, out))
    return [
        Part(_level(left, right, 0.5, FAR, 0.14), slabs, SIDEWALK, camera.ground(0.14)),
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
    if z > 1.5 and random.random() < 0.5:
        circle = np.stack([x + 0.4 * np.cos(turn), np.zeros(12), z + 0.4 * np.sin(turn)], axis=1)
        parts.append(Part(circle, lid, NOTHING))
    return parts
