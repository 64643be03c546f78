"""People: walking or standing, alone or riding, dressed, with warm heads and hands."""

from dataclasses import dataclass

import numpy as np

from fusebench.simulator import textures
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
Spot = tuple[float, float]


@dataclass(frozen=True)
class Clothes:
    """The surfaces of one person."""

    coat: Surface
    sleeve: Surface
    trousers: Surface
    skin: Surface
    hair: Surface
    shoes: Surface


def sample_clothes(random: RandomGenerator) -> Clothes:
    """Choose clothes; thick ones are cooler outside than thin ones."""
    thick = float(random.uniform(0.42, 0.78))
    coat = Surface(
        sample_color(random, COAT_COLORS),
        body_temperature_fraction=thick,
        solar_absorption=0.25,
        texture=textures.CLOTH,
        texture_strength=0.12,
        thermal_texture_strength=0.5,
        shading=0.9,
    )
    return Clothes(
        coat=coat,
        sleeve=coat._replace(shading=0.78, body_temperature_fraction=thick * 0.94),
        trousers=coat._replace(
            color=sample_color(random, TROUSER_COLORS),
            body_temperature_fraction=thick * 0.9,
            shading=0.82,
        ),
        skin=Surface(
            sample_color(random, SKIN_COLORS, 0.02),
            body_temperature_fraction=0.95,
            solar_absorption=0.1,
            shading=0.9,
        ),
        hair=Surface(
            sample_color(random, HAIR_COLORS, 0.02),
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
    """How a person stands at (x, z).

    Attributes:
        x: Metres.
        z: Metres.
        height: Metres, of the person.
        turn: 1 walks to the right, -1 to the left, 0 towards or away from the camera.
        phase: Of the step, radians.
        stride: Half angle between the legs, radians; 0 stands still.
        away: Seen from behind.
    """

    x: float
    z: float
    height: float
    sideways_direction: float
    gait_phase: float
    stride_angle: float
    is_facing_away: bool


def build_person(stance: PersonPose, clothes: Clothes, extra: str) -> SceneObject:
    """A person; ``extra`` is "bag", "umbrella", "backpack" or ""."""
    parts = build_body(stance, clothes)
    h, x, z = stance.height, stance.x, stance.z
    bag = Surface((0.22, 0.15, 0.12), temperature_offset=0.6, solar_absorption=0.3, shading=0.8)
    if extra == "bag":
        side = 0.16 * h if stance.sideways_direction >= 0 else -0.16 * h
        parts.append(
            Polygon(
                place_at_depth(_build_rectangle(x + side, 0.40 * h, 0.10 * h, 0.13 * h), z),
                bag,
                PERSON,
            )
        )
    elif extra == "backpack" and stance.sideways_direction:
        back = x - stance.sideways_direction * 0.10 * h
        parts.insert(
            3,
            Polygon(
                place_at_depth(_build_rectangle(back, 0.69 * h, 0.09 * h, 0.24 * h), z), bag, PERSON
            ),
        )
    elif extra == "umbrella":
        color: RgbTriple = (0.15, 0.15, 0.18) if stance.is_facing_away else (0.55, 0.12, 0.16)
        turn = np.linspace(0, np.pi, 9)
        dome = np.stack([x + 0.34 * h * np.cos(turn), 1.02 * h + 0.16 * h * np.sin(turn)], axis=1)
        cloth = Surface(color, temperature_offset=-0.5, solar_absorption=0.4, emissivity=0.9)
        parts.append(Polygon(place_at_depth(dome, z), cloth, PERSON))
    half = 0.14 * h
    return SceneObject(tuple(parts), z, (PERSON,), (x - half, x + half, z - 0.1, z + 0.15, h))


def _build_rectangle(
    x: float, y: float, wide: float, tall: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    dx, dy = wide / 2, tall / 2
    return np.array([(x - dx, y - dy), (x + dx, y - dy), (x + dx, y + dy), (x - dx, y + dy)])


def build_body(stance: PersonPose, clothes: Clothes) -> list[Polygon]:
    """Legs, torso, arms and head of somebody on foot, in drawing order."""
    h, x, z = stance.height, stance.x, stance.z
    swing = stance.stride_angle * np.sin(stance.gait_phase)
    sideways = abs(stance.sideways_direction)
    spread = 0.055 * h * (1 - 0.75 * sideways)
    wide = h * (0.235 - 0.075 * sideways)
    hips, shoulders = 0.50 * h, 0.80 * h
    parts: list[Polygon] = []

    def add(outline: np.ndarray[tuple[int, ...], np.dtype[np.float64]], surface: Surface) -> None:
        parts.append(Polygon(place_at_depth(outline, z), surface, PERSON))

    def leg(side: float, angle: float) -> None:
        hip = x + side * spread, hips
        across = np.sin(angle) * (0.25 * h) * (stance.sideways_direction if sideways else 0.25)
        lift = 0.04 * h * max(-np.cos(stance.gait_phase) * side, 0) * bool(stance.stride_angle)
        knee = hip[0] + across, 0.27 * h + lift * 0.5
        bend = -0.10 * h * sideways * stance.sideways_direction * max(-angle, 0)
        foot = knee[0] + across * 0.9 + bend, 0.03 * h + lift
        add(build_capsule_outline(hip, knee, (0.105 * h, 0.08 * h)), clothes.trousers)
        add(build_capsule_outline(knee, foot, (0.08 * h, 0.055 * h)), clothes.trousers)
        toe = foot[0] + 0.07 * h * stance.sideways_direction, foot[1] - 0.008 * h
        add(build_capsule_outline(foot, toe, (0.05 * h, 0.045 * h)), clothes.shoes)

    def arm(side: float, angle: float) -> None:
        top = x + side * wide * 0.47 * (1 - 0.7 * sideways), shoulders - 0.02 * h
        across = np.sin(angle) * 0.17 * h * stance.sideways_direction + side * 0.02 * h * (
            1 - sideways
        )
        elbow = top[0] + across, 0.62 * h
        hand = elbow[0] + across * 0.9 + 0.03 * h * stance.sideways_direction, 0.475 * h
        add(build_capsule_outline(top, elbow, (0.065 * h, 0.055 * h)), clothes.sleeve)
        add(build_capsule_outline(elbow, hand, (0.055 * h, 0.042 * h)), clothes.sleeve)
        add(build_disc(hand[0], hand[1], 0, 0.024 * h, 8)[:, :2], clothes.skin)

    arm(-1, swing)
    leg(-1, -swing)
    leg(1, swing)
    torso = [
        (x - wide * 0.40, hips - 0.04 * h),
        (x + wide * 0.40, hips - 0.04 * h),
        (x + wide * 0.50, shoulders),
        (x + wide * 0.22, shoulders + 0.035 * h),
        (x - wide * 0.22, shoulders + 0.035 * h),
        (x - wide * 0.50, shoulders),
    ]
    add(np.array(torso), clothes.coat)
    arm(1, -swing)
    parts += build_head(x + 0.012 * h * stance.sideways_direction, 0.915 * h, z, stance, clothes)
    return parts


def build_head(x: float, y: float, z: float, stance: PersonPose, clothes: Clothes) -> list[Polygon]:
    """Neck, face and hair around (x, y)."""
    h = stance.height
    neck = build_capsule_outline((x, y - 0.10 * h), (x, y - 0.04 * h), (0.06 * h, 0.055 * h))
    round_ = build_disc(0.0, 0.0, z, 1.0, 12) * (0.058 * h, 0.078 * h, 1.0)
    at = np.array((x, y, 0.0))
    hair = (
        round_ + at if stance.is_facing_away else round_[:7] + at + np.array((0.0, 0.008 * h, 0.0))
    )
    return [
        Polygon(place_at_depth(neck, z), clothes.skin, PERSON),
        Polygon(round_ + at, clothes.skin, PERSON),
        Polygon(hair, clothes.hair, PERSON),
    ]
