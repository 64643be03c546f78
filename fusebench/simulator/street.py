"""Plan of the street, and the ground: road, markings, sidewalks and curbs."""

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

FAR_DISTANCE = 400.0  # meters
SIDE_STREET_WIDTH = 9.0  # meters
SIDEWALK_HEIGHT = 0.14  # meters
MARKING_PERIOD, MARKING_LENGTH = 8.0, 3.2  # meters, of a dashed lane marking
CROSSWALK_LENGTH = 3.5  # meters along the street
ROAD_MARKING_SURFACE = Surface(
    (0.86, 0.86, 0.82),
    temperature_offset=2.0,
    solar_absorption=0.5,
    texture=textures.ASPHALT,
    texture_strength=0.10,
)


@dataclass(frozen=True)
class Street:
    """Everything that stays the same over a sequence; z is relative to the camera's start.

    Attributes:
        left_edge: x of the left edge of the road, negative.
        right_edge: x of the right edge of the road.
        sidewalk_widths: Width of the left and of the right sidewalk.
        side_street_z: z of the near edge of a side street, or None.
        crosswalk_z: z of the near edge of a crosswalk, or None.
        frontages: (side, x, near, far, kind) of what stands along the street; side is -1
            (left) or 1, kind is house or hedge.
    """

    left_edge: float
    right_edge: float
    sidewalk_widths: tuple[float, float]
    side_street_z: float | None
    crosswalk_z: float | None
    frontages: tuple[tuple[int, float, float, float, str], ...]

    def get_road_edge(self, side: int) -> float:
        """Return x of the road's edge on the left (-1) or right (+1)."""
        return self.left_edge if side < 0 else self.right_edge

    def get_sidewalk_edge(self, side: int) -> float:
        """Return x of the outer edge of the sidewalk on the left (-1) or right (+1)."""
        return self.get_road_edge(side) + side * self.sidewalk_widths[max(side, 0)]


def sample_street(rng: RandomGenerator) -> Street:
    """Sample the plan of a street."""
    lanes = rng.choice([2, 2, 3, 4])
    width = lanes * rng.uniform(3.1, 3.6)
    left_edge = -width * rng.uniform(0.45, 0.72)
    sidewalk_widths = float(rng.uniform(2.2, 4.5)), float(rng.uniform(2.2, 4.5))
    side_street_z = float(rng.uniform(14, 30)) if rng.random() < 0.45 else None
    crosswalk_z = float(rng.uniform(7, 16)) if rng.random() < 0.5 else None
    if side_street_z is not None and crosswalk_z is not None:
        crosswalk_z = side_street_z - 4.5
    frontages = []
    for side in (-1, 1):
        road_edge = left_edge if side < 0 else left_edge + width
        sidewalk_edge = road_edge + side * sidewalk_widths[max(side, 0)]
        frontages += _sample_frontages(rng, side, sidewalk_edge, side_street_z)
    return Street(
        left_edge, left_edge + width, sidewalk_widths, side_street_z, crosswalk_z, tuple(frontages)
    )


def _sample_frontages(
    rng: RandomGenerator, side: int, sidewalk_edge: float, side_street_z: float | None
) -> list[tuple[int, float, float, float, str]]:
    """Sample houses and hedges along one side; they leave a gap at the side street."""
    frontages = []
    is_green = rng.random() < 0.35
    z = -6.0
    while z < 130:
        length = float(rng.uniform(9, 26))
        kind = "hedge" if rng.random() < (0.7 if is_green else 0.2) else "house"
        near, far = z, z + length
        if (
            side_street_z is not None
            and near < side_street_z + SIDE_STREET_WIDTH + 3
            and far > side_street_z - 3
        ):
            far = side_street_z - 3
            z = side_street_z + SIDE_STREET_WIDTH + 3
        else:
            z = far + (float(rng.uniform(1, 7)) if rng.random() < 0.4 else 0.0)
        if far - near > 4:
            setback = float(rng.uniform(0.0, 1.5 if kind == "house" else 0.6))
            frontages.append((side, sidewalk_edge + side * setback, near, far, kind))
    return frontages


def _build_horizontal_rectangle(
    left: float, right: float, near: float, far: float, height: float = 0.0
) -> Points:
    return to_points(
        [(left, height, near), (right, height, near), (right, height, far), (left, height, far)]
    )


def build_ground(
    street: Street, camera: Camera, rng: RandomGenerator, camera_z: float
) -> list[Polygon]:
    """Build everything that lies flat, in drawing order.

    Args:
        street: Plan of the street.
        camera: Camera of the canvas; gives the planes of road and sidewalk.
        rng: Random generator in a state that is the same in all frames of the sequence.
        camera_z: z of the camera in meters from its start.
    """
    asphalt, grass, paving = _sample_ground_surfaces(rng)
    polygons = [
        Polygon(_build_horizontal_rectangle(-300, 300, 0.5, FAR_DISTANCE), grass, VEGETATION),
        Polygon(
            _build_horizontal_rectangle(street.left_edge, street.right_edge, 0.5, FAR_DISTANCE),
            asphalt,
            ROAD,
        ),
    ]
    for side in (-1, 1):
        polygons += _build_sidewalk(street, side, paving, camera)
    if street.side_street_z is not None:
        near = street.side_street_z - camera_z
        polygons.append(
            Polygon(
                _build_horizontal_rectangle(-90, 90, near, near + SIDE_STREET_WIDTH), asphalt, ROAD
            )
        )
    polygons += _build_road_markings(street, rng, camera_z)
    polygons += _build_road_patches(street, rng, asphalt, camera_z)
    return polygons


def _sample_ground_surfaces(rng: RandomGenerator) -> tuple[Surface, Surface, Surface]:
    """Sample the surfaces of the road, the verge and the sidewalk."""
    gray = rng.uniform(0.30, 0.47)
    tint = rng.normal(0, 0.012, 3)
    asphalt = Surface(
        tuple(np.clip(gray + tint, 0, 1)),
        temperature_offset=3.0,
        solar_absorption=0.62,
        texture=textures.ASPHALT,
        texture_strength=0.13,
        thermal_texture_strength=0.5,
    )
    grass = Surface(
        sample_color(rng, ((0.30, 0.40, 0.18), (0.38, 0.42, 0.22), (0.26, 0.36, 0.16))),
        temperature_offset=0.5,
        solar_absorption=0.3,
        texture=textures.LEAVES,
        texture_strength=0.25,
        thermal_texture_strength=0.8,
    )
    paving = Surface(
        sample_color(rng, ((0.62, 0.58, 0.54), (0.60, 0.48, 0.42), (0.66, 0.65, 0.63))),
        temperature_offset=1.6,
        solar_absorption=0.7,
        texture=textures.PAVING,
        texture_strength=0.16,
        thermal_texture_strength=0.3,
    )
    return asphalt, grass, paving


def _build_sidewalk(street: Street, side: int, paving: Surface, camera: Camera) -> list[Polygon]:
    """Build the sidewalk of one side with its curb."""
    road_edge = street.get_road_edge(side)
    outer_edge = street.get_sidewalk_edge(side) + side * 1.6
    curb = paving._replace(color=(0.70, 0.69, 0.66), texture=0, texture_strength=0.0, shading=0.75)
    curb_face = to_points(
        [
            (road_edge, 0, 0.5),
            (road_edge, SIDEWALK_HEIGHT, 0.5),
            (road_edge, SIDEWALK_HEIGHT, FAR_DISTANCE),
            (road_edge, 0, FAR_DISTANCE),
        ]
    )
    curb_top = sorted((road_edge, road_edge + side * 0.22))
    left, right = sorted((road_edge, outer_edge))
    return [
        Polygon(
            _build_horizontal_rectangle(left, right, 0.5, FAR_DISTANCE, SIDEWALK_HEIGHT),
            paving,
            SIDEWALK,
            camera.compute_ground_plane(SIDEWALK_HEIGHT),
        ),
        Polygon(
            _build_horizontal_rectangle(
                curb_top[0], curb_top[1], 0.5, FAR_DISTANCE, SIDEWALK_HEIGHT
            ),
            curb._replace(shading=1.0),
            SIDEWALK,
        ),
        Polygon(curb_face, curb, SIDEWALK),
    ]


def _build_road_markings(street: Street, rng: RandomGenerator, camera_z: float) -> list[Polygon]:
    """Build lane markings, edge lines and the crosswalk."""
    polygons = _build_lane_markings(street, rng, camera_z)
    for x in (street.left_edge + 0.25, street.right_edge - 0.25):
        edge_line = _build_horizontal_rectangle(x - 0.06, x + 0.06, 0.5, 200)
        polygons.append(Polygon(edge_line, ROAD_MARKING_SURFACE, ROAD))
    if street.crosswalk_z is not None and street.crosswalk_z + CROSSWALK_LENGTH - camera_z > 0.8:
        near = max(street.crosswalk_z - camera_z, 0.5)
        far = street.crosswalk_z - camera_z + CROSSWALK_LENGTH
        polygons += [
            Polygon(_build_horizontal_rectangle(x, x + 0.5, near, far), ROAD_MARKING_SURFACE, ROAD)
            for x in np.arange(street.left_edge + 0.6, street.right_edge - 0.8, 1.0)
        ]
    return polygons


def _build_lane_markings(street: Street, rng: RandomGenerator, camera_z: float) -> list[Polygon]:
    """Build dashed lines between lanes; the center line may be a double yellow line."""
    polygons = []
    lanes = max(2, round((street.right_edge - street.left_edge) / 3.3))
    start = -camera_z % MARKING_PERIOD
    for lane in range(1, lanes):
        x = street.left_edge + (street.right_edge - street.left_edge) * lane / lanes
        if lane * 2 == lanes and rng.random() < 0.5:
            yellow = ROAD_MARKING_SURFACE._replace(color=(0.80, 0.62, 0.18))
            polygons += [
                Polygon(
                    _build_horizontal_rectangle(x + d - 0.07, x + d + 0.07, 0.5, 150), yellow, ROAD
                )
                for d in (-0.13, 0.13)
            ]
            continue
        polygons += [
            Polygon(
                _build_horizontal_rectangle(x - 0.08, x + 0.08, max(z, 0.5), z + MARKING_LENGTH),
                ROAD_MARKING_SURFACE,
                ROAD,
            )
            for z in np.arange(start - MARKING_PERIOD, 90, MARKING_PERIOD)
            if z + MARKING_LENGTH > 0.6
        ]
    return polygons


def _build_road_patches(
    street: Street, rng: RandomGenerator, asphalt: Surface, camera_z: float
) -> list[Polygon]:
    """Build repaired patches of the road, and a manhole cover, which is unlabeled."""
    polygons = []
    for _ in range(6):
        x, z = (
            rng.uniform(street.left_edge + 0.5, street.right_edge - 1),
            rng.uniform(3, 40) - camera_z,
        )
        width, length = rng.uniform(0.5, 2.4), rng.uniform(0.6, 6)
        patch = asphalt._replace(shading=float(rng.uniform(0.72, 1.12)))
        if z > 1:
            right = min(x + width, street.right_edge)
            polygons.append(
                Polygon(_build_horizontal_rectangle(x, right, z, z + length), patch, ROAD)
            )
    cover = Surface((0.22, 0.21, 0.20), temperature_offset=4.0, emissivity=0.8)
    x, z = (
        rng.uniform(street.left_edge + 1, street.right_edge - 1),
        rng.uniform(5, 14) - camera_z,
    )
    angles = np.arange(12) * np.pi / 6
    if z > 1.5 and rng.random() < 0.5:
        circle = np.stack(
            [x + 0.4 * np.cos(angles), np.zeros(12), z + 0.4 * np.sin(angles)], axis=1
        )
        polygons.append(Polygon(circle, cover, UNLABELED))
    return polygons
