"""People: walking or standing, with clothes, warm heads and hands, and accessories."""

from dataclasses import dataclass

import numpy as np

from fusebench.simulator import textures
from fusebench.simulator.camera import Points
from fusebench.simulator.objects.primitives import (
    PERSON,
    Polygon,
    RandomGenerator,
    RgbTriple,
    SceneObject,
    Surface,
    build_capsule_outline,
    build_disc,
    place_at_depth,
    sample_color,
)

COAT_COLORS: tuple[RgbTriple, ...] = (
    (0.16, 0.17, 0.20),
    (0.24, 0.26, 0.34),
    (0.62, 0.12, 0.13),
    (0.80, 0.80, 0.78),
    (0.20, 0.30, 0.48),
    (0.48, 0.42, 0.32),
    (0.26, 0.34, 0.24),
    (0.74, 0.60, 0.22),
    (0.10, 0.10, 0.11),
)
TROUSER_COLORS: tuple[RgbTriple, ...] = (
    (0.12, 0.13, 0.16),
    (0.20, 0.24, 0.34),
    (0.30, 0.28, 0.26),
    (0.46, 0.42, 0.36),
    (0.09, 0.09, 0.10),
)
SKIN_COLORS: tuple[RgbTriple, ...] = ((0.78, 0.60, 0.48), (0.70, 0.50, 0.38), (0.48, 0.33, 0.25))
HAIR_COLORS: tuple[RgbTriple, ...] = (
    (0.08, 0.07, 0.06),
    (0.16, 0.11, 0.08),
    (0.32, 0.26, 0.20),
    (0.5, 0.5, 0.5),
)


@dataclass(frozen=True)
class Clothes:
    """Surfaces of a person."""

    coat: Surface
    sleeve: Surface
    trousers: Surface
    skin: Surface
    hair: Surface
    shoes: Surface


def sample_clothes(rng: RandomGenerator) -> Clothes:
    """Sample clothes; the outside of thick ones is cooler than that of thin ones."""
    body_fraction = float(rng.uniform(0.42, 0.78))
    coat = Surface(
        sample_color(rng, COAT_COLORS),
        body_temperature_fraction=body_fraction,
        solar_absorption=0.25,
        texture=textures.CLOTH,
        texture_strength=0.12,
        thermal_texture_strength=0.5,
        shading=0.9,
    )
    return Clothes(
        coat=coat,
        sleeve=coat._replace(shading=0.78, body_temperature_fraction=body_fraction * 0.94),
        trousers=coat._replace(
            color=sample_color(rng, TROUSER_COLORS),
            body_temperature_fraction=body_fraction * 0.9,
            shading=0.82,
        ),
        skin=Surface(
            sample_color(rng, SKIN_COLORS, 0.02),
            body_temperature_fraction=0.95,
            solar_absorption=0.1,
            shading=0.9,
        ),
        hair=Surface(
            sample_color(rng, HAIR_COLORS, 0.02),
            body_temperature_fraction=0.72,
            solar_absorption=0.2,
            shading=0.9,
        ),
        shoes=Surface(
            (0.12, 0.11, 0.11), body_temperature_fraction=0.35, solar_absorption=0.2, shading=0.7
        ),
    )


@dataclass(frozen=True)
class PersonPose:
    """Position and posture of a person.

    Attributes:
        x: Meters.
        z: Meters.
        height: Height of the person in meters.
        sideways_direction: 1 walks to the right, -1 to the left, 0 towards or away from the
            camera.
        gait_phase: Phase of the gait in radians.
        stride_angle: Half the angle between the legs at full stride in radians; 0 = standing.
        is_facing_away: Whether the person is seen from behind.
    """

    x: float
    z: float
    height: float
    sideways_direction: float
    gait_phase: float
    stride_angle: float
    is_facing_away: bool


def build_person(pose: PersonPose, clothes: Clothes, accessory: str) -> SceneObject:
    """Build a person.

    Args:
        pose: Position and posture.
        clothes: Surfaces of the person.
        accessory: "bag", "umbrella", "backpack" or "" for none.
    """
    polygons = build_body(pose, clothes)
    h, x, z = pose.height, pose.x, pose.z
    bag = Surface((0.22, 0.15, 0.12), temperature_offset=0.6, solar_absorption=0.3, shading=0.8)
    if accessory == "bag":
        side = 0.16 * h if pose.sideways_direction >= 0 else -0.16 * h
        polygons.append(
            Polygon(
                place_at_depth(_build_rectangle(x + side, 0.40 * h, 0.10 * h, 0.13 * h), z),
                bag,
                PERSON,
            )
        )
    elif accessory == "backpack" and pose.sideways_direction:
        back = x - pose.sideways_direction * 0.10 * h
        polygons.insert(
            3,
            Polygon(
                place_at_depth(_build_rectangle(back, 0.69 * h, 0.09 * h, 0.24 * h), z), bag, PERSON
            ),
        )
    elif accessory == "umbrella":
        color: RgbTriple = (0.15, 0.15, 0.18) if pose.is_facing_away else (0.55, 0.12, 0.16)
        angles = np.linspace(0, np.pi, 9)
        dome = np.stack(
            [x + 0.34 * h * np.cos(angles), 1.02 * h + 0.16 * h * np.sin(angles)], axis=1
        )
        canopy = Surface(color, temperature_offset=-0.5, solar_absorption=0.4, emissivity=0.9)
        polygons.append(Polygon(place_at_depth(dome, z), canopy, PERSON))
    half_width = 0.14 * h
    shadow_box = (x - half_width, x + half_width, z - 0.1, z + 0.15, h)
    return SceneObject(tuple(polygons), z, (PERSON,), shadow_box)


def _build_rectangle(x: float, y: float, width: float, height: float) -> Points:
    dx, dy = width / 2, height / 2
    return np.array([(x - dx, y - dy), (x + dx, y - dy), (x + dx, y + dy), (x - dx, y + dy)])


def build_body(pose: PersonPose, clothes: Clothes) -> list[Polygon]:
    """Build legs, torso, arms and head of a person on foot, in drawing order.

    Lengths are fractions of the height h, as in human body proportions.
    """
    h, x, z = pose.height, pose.x, pose.z
    swing = pose.stride_angle * np.sin(pose.gait_phase)
    sideways = abs(pose.sideways_direction)
    hip_offset = 0.055 * h * (1 - 0.75 * sideways)
    shoulder_width = h * (0.235 - 0.075 * sideways)
    hips, shoulders = 0.50 * h, 0.80 * h
    polygons: list[Polygon] = []

    def add_polygon(outline: Points, surface: Surface) -> None:
        polygons.append(Polygon(place_at_depth(outline, z), surface, PERSON))

    def add_leg(side: float, angle: float) -> None:
        hip = x + side * hip_offset, hips
        across = np.sin(angle) * (0.25 * h) * (pose.sideways_direction if sideways else 0.25)
        lift = 0.04 * h * max(-np.cos(pose.gait_phase) * side, 0) * bool(pose.stride_angle)
        knee = hip[0] + across, 0.27 * h + lift * 0.5
        bend = -0.10 * h * sideways * pose.sideways_direction * max(-angle, 0)
        foot = knee[0] + across * 0.9 + bend, 0.03 * h + lift
        add_polygon(build_capsule_outline(hip, knee, (0.105 * h, 0.08 * h)), clothes.trousers)
        add_polygon(build_capsule_outline(knee, foot, (0.08 * h, 0.055 * h)), clothes.trousers)
        toe = foot[0] + 0.07 * h * pose.sideways_direction, foot[1] - 0.008 * h
        add_polygon(build_capsule_outline(foot, toe, (0.05 * h, 0.045 * h)), clothes.shoes)

    def add_arm(side: float, angle: float) -> None:
        shoulder = x + side * shoulder_width * 0.47 * (1 - 0.7 * sideways), shoulders - 0.02 * h
        across = np.sin(angle) * 0.17 * h * pose.sideways_direction + side * 0.02 * h * (
            1 - sideways
        )
        elbow = shoulder[0] + across, 0.62 * h
        hand = elbow[0] + across * 0.9 + 0.03 * h * pose.sideways_direction, 0.475 * h
        add_polygon(build_capsule_outline(shoulder, elbow, (0.065 * h, 0.055 * h)), clothes.sleeve)
        add_polygon(build_capsule_outline(elbow, hand, (0.055 * h, 0.042 * h)), clothes.sleeve)
        add_polygon(build_disc(hand[0], hand[1], 0, 0.024 * h, 8)[:, :2], clothes.skin)

    add_arm(-1, swing)
    add_leg(-1, -swing)
    add_leg(1, swing)
    torso = [
        (x - shoulder_width * 0.40, hips - 0.04 * h),
        (x + shoulder_width * 0.40, hips - 0.04 * h),
        (x + shoulder_width * 0.50, shoulders),
        (x + shoulder_width * 0.22, shoulders + 0.035 * h),
        (x - shoulder_width * 0.22, shoulders + 0.035 * h),
        (x - shoulder_width * 0.50, shoulders),
    ]
    add_polygon(np.array(torso), clothes.coat)
    add_arm(1, -swing)
    polygons += build_head(x + 0.012 * h * pose.sideways_direction, 0.915 * h, z, pose, clothes)
    return polygons


def build_head(x: float, y: float, z: float, pose: PersonPose, clothes: Clothes) -> list[Polygon]:
    """Build neck, face and hair of a head with its center at (x, y)."""
    h = pose.height
    neck = build_capsule_outline((x, y - 0.10 * h), (x, y - 0.04 * h), (0.06 * h, 0.055 * h))
    ellipse = build_disc(0.0, 0.0, z, 1.0, 12) * (0.058 * h, 0.078 * h, 1.0)
    center = np.array((x, y, 0.0))
    # From behind hair covers the whole head, from the front its upper half.
    hair = (
        ellipse + center
        if pose.is_facing_away
        else ellipse[:7] + center + np.array((0.0, 0.008 * h, 0.0))
    )
    return [
        Polygon(place_at_depth(neck, z), clothes.skin, PERSON),
        Polygon(ellipse + center, clothes.skin, PERSON),
        Polygon(hair, clothes.hair, PERSON),
    ]
