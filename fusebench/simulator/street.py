"""The street itself: its plan, road and marks, sidewalks and curbs."""

from dataclasses import dataclass

import numpy as np

from fusebench.simulator import textures
from fusebench.simulator.camera import Camera, Points
from fusebench.simulator.objects.primitives import (
    ROAD,
    SIDEWALK,
    UNLABELED,
    VEGETATION,
    Polygon,
    RandomGenerator,
    Surface,
    sample_color,
    to_points,
)

FAR_DISTANCE = 400.0
ROAD_MARKING_SURFACE = Surface(
    (0.86, 0.86, 0.82),
    temperature_offset=2.0,
    solar_absorption=0.5,
    texture=textures.ASPHALT,
    texture_strength=0.10,
)


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

    left_edge: float
    right_edge: float
    sidewalk_widths: tuple[float, float]
    side_street_z: float | None
    crosswalk_z: float | None
    frontages: tuple[tuple[int, float, float, float, str], ...]

    def get_road_edge(self, side: int) -> float:
        """X of the road's edge on the left (-1) or right (+1)."""
        return self.left_edge if side < 0 else self.right_edge

    def get_sidewalk_edge(self, side: int) -> float:
        """X of the outer edge of the sidewalk."""
        return self.get_road_edge(side) + side * self.sidewalk_widths[max(side, 0)]


SIDE_STREET_WIDTH = 9.0  # meters wide


def sample_street(random: RandomGenerator) -> Street:
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
            if (
                crossing is not None
                and near < crossing + SIDE_STREET_WIDTH + 3
                and far > crossing - 3
            ):
                far = crossing - 3
                z = crossing + SIDE_STREET_WIDTH + 3
            else:
                z = far + (float(random.uniform(1, 7)) if random.random() < 0.4 else 0.0)
            if far - near > 4:
                setback = float(random.uniform(0.0, 1.5 if kind == "house" else 0.6))
                rows.append((side, base + side * setback, near, far, kind))
    return Street(left, left + width, pavement, crossing, zebra, tuple(rows))


def _build_horizontal_rectangle(
    left: float, right: float, near: float, far: float, height: float = 0.0
) -> Points:
    return to_points(
        [(left, height, near), (right, height, near), (right, height, far), (left, height, far)]
    )


def build_ground(
    street: Street, camera: Camera, random: RandomGenerator, moved: float
) -> list[Polygon]:
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
        temperature_offset=3.0,
        solar_absorption=0.62,
        texture=textures.ASPHALT,
        texture_strength=0.13,
        thermal_texture_strength=0.5,
    )
    verge = Surface(
        sample_color(random, ((0.30, 0.40, 0.18), (0.38, 0.42, 0.22), (0.26, 0.36, 0.16))),
        temperature_offset=0.5,
        solar_absorption=0.3,
        texture=textures.LEAVES,
        texture_strength=0.25,
        thermal_texture_strength=0.8,
    )
    slabs = Surface(
        sample_color(random, ((0.62, 0.58, 0.54), (0.60, 0.48, 0.42), (0.66, 0.65, 0.63))),
        temperature_offset=1.6,
        solar_absorption=0.7,
        texture=textures.PAVING,
        texture_strength=0.16,
        thermal_texture_strength=0.3,
    )
    parts = [
        Polygon(_build_horizontal_rectangle(-300, 300, 0.5, FAR_DISTANCE), verge, VEGETATION),
        Polygon(
            _build_horizontal_rectangle(street.left_edge, street.right_edge, 0.5, FAR_DISTANCE),
            asphalt,
            ROAD,
        ),
    ]
    for side in (-1, 1):
        parts += _build_sidewalk(street, side, slabs, camera)
    if street.side_street_z is not None:
        near = street.side_street_z - moved
        parts.append(
            Polygon(
                _build_horizontal_rectangle(-90, 90, near, near + SIDE_STREET_WIDTH), asphalt, ROAD
            )
        )
    parts += _build_road_markings(street, random, moved)
    parts += _build_road_patches(street, random, asphalt, moved)
    return parts


def _build_sidewalk(street: Street, side: int, slabs: Surface, camera: Camera) -> list[Polygon]:
    edge, out = street.get_road_edge(side), street.get_sidewalk_edge(side) + side * 1.6
    curb = slabs._replace(color=(0.70, 0.69, 0.66), texture=0, texture_strength=0.0, shading=0.75)
    wall = to_points(
        [(edge, 0, 0.5), (edge, 0.14, 0.5), (edge, 0.14, FAR_DISTANCE), (edge, 0, FAR_DISTANCE)]
    )
    rim = sorted((edge, edge + side * 0.22))
    left, right = sorted((edge, out))
    return [
        Polygon(
            _build_horizontal_rectangle(left, right, 0.5, FAR_DISTANCE, 0.14),
            slabs,
            SIDEWALK,
            camera.compute_ground_plane(0.14),
        ),
        Polygon(
            _build_horizontal_rectangle(rim[0], rim[1], 0.5, FAR_DISTANCE, 0.14),
            curb._replace(shading=1.0),
            SIDEWALK,
        ),
        Polygon(wall, curb, SIDEWALK),
    ]


def _build_road_markings(street: Street, random: RandomGenerator, moved: float) -> list[Polygon]:
    parts = []
    lanes = max(2, round((street.right_edge - street.left_edge) / 3.3))
    start = -moved % 8.0
    for lane in range(1, lanes):
        x = street.left_edge + (street.right_edge - street.left_edge) * lane / lanes
        if lane * 2 == lanes and random.random() < 0.5:
            yellow = ROAD_MARKING_SURFACE._replace(color=(0.80, 0.62, 0.18))
            parts += [
                Polygon(
                    _build_horizontal_rectangle(x + d - 0.07, x + d + 0.07, 0.5, 150), yellow, ROAD
                )
                for d in (-0.13, 0.13)
            ]
            continue
        parts += [
            Polygon(
                _build_horizontal_rectangle(x - 0.08, x + 0.08, max(z, 0.5), z + 3.2),
                ROAD_MARKING_SURFACE,
                ROAD,
            )
            for z in np.arange(start - 8.0, 90, 8.0)
            if z + 3.2 > 0.6
        ]
    for x in (street.left_edge + 0.25, street.right_edge - 0.25):
        parts.append(
            Polygon(
                _build_horizontal_rectangle(x - 0.06, x + 0.06, 0.5, 200),
                ROAD_MARKING_SURFACE,
                ROAD,
            )
        )
    if street.crosswalk_z is not None and street.crosswalk_z + 3.5 - moved > 0.8:
        near = max(street.crosswalk_z - moved, 0.5)
        far = street.crosswalk_z - moved + 3.5
        parts += [
            Polygon(_build_horizontal_rectangle(x, x + 0.5, near, far), ROAD_MARKING_SURFACE, ROAD)
            for x in np.arange(street.left_edge + 0.6, street.right_edge - 0.8, 1.0)
        ]
    return parts


def _build_road_patches(
    street: Street, random: RandomGenerator, asphalt: Surface, moved: float
) -> list[Polygon]:
    """Patches, joints and manholes; a manhole is unlabeled."""
    parts = []
    for _ in range(6):
        x, z = (
            random.uniform(street.left_edge + 0.5, street.right_edge - 1),
            random.uniform(3, 40) - moved,
        )
        wide, long = random.uniform(0.5, 2.4), random.uniform(0.6, 6)
        dark = asphalt._replace(shading=float(random.uniform(0.72, 1.12)))
        if z > 1:
            parts.append(
                Polygon(
                    _build_horizontal_rectangle(x, min(x + wide, street.right_edge), z, z + long),
                    dark,
                    ROAD,
                )
            )
    lid = Surface((0.22, 0.21, 0.20), temperature_offset=4.0, emissivity=0.8)
    x, z = (
        random.uniform(street.left_edge + 1, street.right_edge - 1),
        random.uniform(5, 14) - moved,
    )
    turn = np.arange(12) * np.pi / 6
    if z > 1.5 and random.random() < 0.5:
        circle = np.stack([x + 0.4 * np.cos(turn), np.zeros(12), z + 0.4 * np.sin(turn)], axis=1)
        parts.append(Polygon(circle, lid, UNLABELED))
    return parts
