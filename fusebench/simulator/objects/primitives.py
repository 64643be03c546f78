"""Building blocks of a scene: surfaces, polygons, objects and lights, and shapes made of them.

Both sensors render the same scene description. Every surface has its properties for the visible
camera (color, emission) next to those for the thermal camera (temperature, emissivity).
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusebench.simulator.camera import Points

RgbTriple = tuple[float, float, float]
RandomGenerator = np.random.Generator

# Label ids of FMB.
(
    UNLABELED,
    ROAD,
    SIDEWALK,
    BUILDING,
    LAMP,
    SIGN,
    VEGETATION,
    SKY,
    PERSON,
    CAR,
    TRUCK,
    BUS,
    MOTORCYCLE,
    BICYCLE,
    POLE,
) = range(15)

# Class name of M3FD's boxes by label id; other labels have no boxes.
BOX_CLASS_NAMES = {
    PERSON: "People",
    CAR: "Car",
    BUS: "Bus",
    MOTORCYCLE: "Motorcycle",
    LAMP: "Lamp",
    TRUCK: "Truck",
}

NO_EMISSION: RgbTriple = (0.0, 0.0, 0.0)
GLASS_COLOR: RgbTriple = (0.12, 0.14, 0.17)
RUBBER_COLOR: RgbTriple = (0.07, 0.07, 0.075)


class Surface(NamedTuple):
    """Properties of a surface in the visible and in the infrared.

    Attributes:
        color: Display color (sRGB, 0 to 1) under white light.
        temperature_offset: Kelvin above the air temperature.
        body_temperature_fraction: Temperature between that of the air (0) and that of the human
            body, 34 degrees Celsius (1).
        emissivity: 0 to 1; the rest is a reflection of the cold sky.
        solar_absorption: Fraction of the sun's heat that is absorbed and kept, 0 to 1.
        emission: Emitted light, linear RGB; 1 = white paper by day.
        texture: Index into `fusebench.simulator.textures.TEXTURE_NAMES`.
        texture_strength: Strength of the texture in the visible, relative to the color.
        thermal_texture_strength: Strength of the texture in the infrared, in kelvin.
        shading: Brightness factor of the surface's orientation; 1 = facing upwards.
    """

    color: RgbTriple
    temperature_offset: float = 0.0
    body_temperature_fraction: float = 0.0
    emissivity: float = 0.94
    solar_absorption: float = 0.5
    emission: RgbTriple = NO_EMISSION
    texture: int = 0
    texture_strength: float = 0.0
    thermal_texture_strength: float = 0.0
    shading: float = 1.0


class Polygon(NamedTuple):
    """A flat polygon, or the outline of a convex solid given by its corners.

    Attributes:
        points: Corners in meters, (N, 3).
        surface: Surface of the polygon.
        label: Label id.
        inverse_depth_plane: Inverse depth over the image (see `Camera.compute_ground_plane`);
            None = the plane at the object's depth that faces the camera.
        is_convex_solid: Draw the convex hull of the projected corners.
    """

    points: Points
    surface: Surface
    label: int
    inverse_depth_plane: tuple[float, float, float] | None = None
    is_convex_solid: bool = False


class Light(NamedTuple):
    """A lamp that illuminates its surroundings at night.

    Attributes:
        position: x, y, z in meters.
        color: Linear RGB at distance 0.
        falloff_distance: Meters at which the light has fallen to 2^(-3/2) of that.
        beam_direction: Direction (x, z) of a headlight's beam; None = light in all directions.
    """

    position: tuple[float, float, float]
    color: RgbTriple
    falloff_distance: float
    beam_direction: tuple[float, float] | None = None


@dataclass(frozen=True)
class SceneObject:
    """An object that occludes farther ones and is occluded by nearer ones.

    Attributes:
        polygons: In drawing order.
        depth: Meters; objects are drawn from far to near.
        instance_labels: Label ids of its polygons that form one boxed instance each, e.g. rider
            and motorcycle.
        shadow_box: (left, right, near, far, height) of the box that casts its shadow; None =
            no shadow.
        lights: Lamps of the object.
    """

    polygons: tuple[Polygon, ...]
    depth: float
    instance_labels: tuple[int, ...] = ()
    shadow_box: tuple[float, float, float, float, float] | None = None
    lights: tuple[Light, ...] = field(default=())


def to_points(corners: object) -> NDArray[np.float64]:
    """Convert corners (x, y, z) to a float64 (N, 3) array."""
    return np.asarray(corners, np.float64).reshape(-1, 3)


def build_facing_rectangle(
    left: float, right: float, low: float, high: float, depth: float
) -> Points:
    """Build a rectangle that faces the camera, (4, 3)."""
    return to_points(
        [(left, low, depth), (right, low, depth), (right, high, depth), (left, high, depth)]
    )


def build_disc(x: float, y: float, depth: float, radius: float, corners: int = 10) -> Points:
    """Build a disc that faces the camera, (corners, 3)."""
    angles = np.arange(corners) * (2 * np.pi / corners)
    disc = np.empty((corners, 3))
    disc[:, 0] = x + radius * np.cos(angles)
    disc[:, 1] = y + radius * np.sin(angles)
    disc[:, 2] = depth
    return disc


def build_capsule_outline(
    start: tuple[float, float], end: tuple[float, float], width: tuple[float, float]
) -> Points:
    """Build the outline of a rod with round ends.

    Args:
        start: (x, y) of the first end.
        end: (x, y) of the second end.
        width: Thickness at the first and at the second end.

    Returns:
        (10, 2).
    """
    direction = np.arctan2(end[1] - start[1], end[0] - start[0])
    angles = np.linspace(np.pi / 2, 3 * np.pi / 2, 5) + direction
    first = np.stack([np.cos(angles), np.sin(angles)], axis=1) * width[0] / 2 + start
    second = np.stack([np.cos(angles + np.pi), np.sin(angles + np.pi)], axis=1) * width[1] / 2 + end
    return np.concatenate([first, second])


def place_at_depth(outline: Points, depth: float) -> Points:
    """Place an outline (N, 2) upright at a depth, (N, 3)."""
    return np.concatenate([outline, np.full((len(outline), 1), depth)], axis=1)


def sample_color(
    rng: RandomGenerator, colors: tuple[RgbTriple, ...], spread: float = 0.03
) -> RgbTriple:
    """Choose one of the colors and add Gaussian noise with standard deviation ``spread``."""
    r, g, b = np.clip(np.array(colors[rng.integers(len(colors))]) + rng.normal(0, spread, 3), 0, 1)
    return float(r), float(g), float(b)
