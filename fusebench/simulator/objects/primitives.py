"""The words of a scene description: surfaces, the parts made of them, things, and lights.

Both sensors look at the same description. What the visible camera needs (color, glow) and what
the thermal camera needs (warmth, emissivity) stand side by side on every surface.
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

# Label id to the class names of M3FD's boxes; other labels have no boxes.
BOX_CLASS_NAMES = {PERSON: "People", CAR: "Car", BUS: "Bus", MOTORCYCLE: "Motorcycle", LAMP: "Lamp"}
BOX_CLASS_NAMES[TRUCK] = "Truck"

BLACK: RgbTriple = (0.0, 0.0, 0.0)
GLASS_COLOR: RgbTriple = (0.12, 0.14, 0.17)
RUBBER_COLOR: RgbTriple = (0.07, 0.07, 0.075)


class Surface(NamedTuple):
    """What a surface is like for either camera.

    Attributes:
        color: Display color (sRGB, 0..1) under white light.
        warmth: Kelvin above the air.
        body: How far the surface is from air temperature (0) to that of a body, 34 C (1).
        emissivity: 0..1; the rest is a reflection of the cold sky.
        heat: How much of the sun's heat it takes up and keeps, 0..1.
        glow: Light it sends out itself, linear RGB, 1 = white paper by day.
        texture: Index into `fusebench.simulator.textures.TEXTURE_NAMES`.
        grain: Strength of the texture in the visible, relative.
        thermal_grain: Strength of the texture in the infrared, kelvin.
        shade: Light that reaches it because of the way it faces, 1 = upwards.
    """

    color: RgbTriple
    temperature_offset: float = 0.0
    body_temperature_fraction: float = 0.0
    emissivity: float = 0.94
    solar_absorption: float = 0.5
    emission: RgbTriple = BLACK
    texture: int = 0
    texture_strength: float = 0.0
    thermal_texture_strength: float = 0.0
    shading: float = 1.0


class Polygon(NamedTuple):
    """One flat polygon, or with ``solid`` the outline of a convex solid given by its corners.

    Attributes:
        points: Corners in meters, (N, 3).
        surface: What it is made of.
        label: Label id.
        plane: Inverse depth over the image (see `Camera.ground`); None = that of the thing.
        solid: Draw the convex hull of the projected corners.
    """

    points: Points
    surface: Surface
    label: int
    inverse_depth_plane: tuple[float, float, float] | None = None
    is_convex_solid: bool = False


class Light(NamedTuple):
    """A source that lights its surroundings at night.

    Attributes:
        place: x, y, z in meters.
        color: Linear RGB at one meter and strength 1.
        reach: Metres at which it has lost half its strength.
        beam: Direction on the ground (x, z) of a headlight's beam; None shines all around.
    """

    position: tuple[float, float, float]
    color: RgbTriple
    falloff_distance: float
    beam_direction: tuple[float, float] | None = None


@dataclass(frozen=True)
class SceneObject:
    """Something that hides what is behind it and is hidden by what is before it.

    Attributes:
        parts: In drawing order.
        depth: Metres; things are drawn from far to near.
        boxed: Label ids of its parts that are one boxed instance each, e.g. rider and machine.
        bulk: (left, right, near, far, height) of the shadow it casts; None casts none.
        lights: What it lights.
    """

    polygons: tuple[Polygon, ...]
    depth: float
    instance_labels: tuple[int, ...] = ()
    shadow_box: tuple[float, float, float, float, float] | None = None
    lights: tuple[Light, ...] = field(default=())


def to_points(points: object) -> NDArray[np.float64]:
    """Corners as a float64 (N, 3) array."""
    return np.asarray(points, np.float64).reshape(-1, 3)


def build_facing_rectangle(
    left: float, right: float, low: float, high: float, depth: float
) -> Points:
    """Rectangle that faces the camera."""
    return to_points(
        [(left, low, depth), (right, low, depth), (right, high, depth), (left, high, depth)]
    )


def build_disc(x: float, y: float, depth: float, radius: float, corners: int = 10) -> Points:
    """Disc that faces the camera."""
    turn = np.arange(corners) * (2 * np.pi / corners)
    out = np.empty((corners, 3))
    out[:, 0] = x + radius * np.cos(turn)
    out[:, 1] = y + radius * np.sin(turn)
    out[:, 2] = depth
    return out


def build_capsule_outline(
    start: tuple[float, float], end: tuple[float, float], width: tuple[float, float]
) -> Points:
    """Outline (N, 2) of a rod with round ends, as thick as ``width`` at its two ends."""
    angle = np.arctan2(end[1] - start[1], end[0] - start[0])
    turn = np.linspace(np.pi / 2, 3 * np.pi / 2, 5) + angle
    first = np.stack([np.cos(turn), np.sin(turn)], axis=1) * width[0] / 2 + start
    second = np.stack([np.cos(turn + np.pi), np.sin(turn + np.pi)], axis=1) * width[1] / 2 + end
    return np.concatenate([first, second])


def place_at_depth(outline: Points, depth: float) -> Points:
    """An outline (N, 2) put upright at that depth, (N, 3)."""
    return np.concatenate([outline, np.full((len(outline), 1), depth)], axis=1)


def sample_color(
    random: RandomGenerator, colors: tuple[RgbTriple, ...], spread: float = 0.03
) -> RgbTriple:
    """One of the colors, slightly changed."""
    r, g, b = np.clip(
        np.array(colors[random.integers(len(colors))]) + random.normal(0, spread, 3), 0, 1
    )
    return float(r), float(g), float(b)
