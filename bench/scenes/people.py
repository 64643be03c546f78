"""People: walking or standing, alone or riding, dressed, with warm heads and hands."""

from dataclasses import dataclass

import numpy as np

from bench.scenes import textures
from bench.scenes.things import (
    PERSON,
    Color,
    Part,
    Random,
    Surface,
    Thing,
    at_depth,
    disc,
    limb,
    pick,
)

COATS: tuple[Color, ...] = (
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
TROUSERS: tuple[Color, ...] = (
    (0.12, 0.13, 0.16),
    (0.20, 0.24, 0.34),
    (0.30, 0.28, 0.26),
    (0.46, 0.42, 0.36),
    (0.09, 0.09, 0.10),
)
SKINS: tuple[Color, ...] = ((0.78, 0.60, 0.48), (0.70, 0.50, 0.38), (0.48, 0.33, 0.25))
HAIRS: tuple[Color, ...] = (
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


def dress(random: Random) -> Clothes:
    """Choose clothes; thick ones are cooler outside than thin ones."""
    thick = float(random.uniform(0.42, 0.78))
    coat = Surface(
        pick(random, COATS),
        body=thick,
        heat=0.25,
        texture=textures.CLOTH,
        grain=0.12,
        thermal_grain=0.5,
        shade=0.9,
    )
    return Clothes(
        coat=coat,
        sleeve=coat._replace(shade=0.78, body=thick * 0.94),
        trousers=coat._replace(color=pick(random, TROUSERS), body=thick * 0.9, shade=0.82),
        skin=Surface(pick(random, SKINS, 0.02), body=0.95, heat=0.1, shade=0.9),
        hair=Surface(pick(random, HAIRS, 0.02), body=0.72, heat=0.2, shade=0.9),
        shoes=Surface((0.12, 0.11, 0.11), body=0.35, heat=0.2, shade=0.7),
    )


@dataclass(frozen=True)
class Stance:
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
    turn: float
    phase: float
    stride: float
    away: bool


def person(stance: Stance, clothes: Clothes, extra: str) -> Thing:
    """A person; ``extra`` is "bag", "umbrella", "backpack" or ""."""
    parts = body(stance, clothes)
    h, x, z = stance.height, stance.x, stance.z
    bag = Surface((0.22, 0.15, 0.12), warmth=0.6, heat=0.3, shade=0.8)
    if extra == "bag":
        side = 0.16 * h if stance.turn >= 0 else -0.16 * h
        parts.append(Part(at_depth(_box(x + side, 0.40 * h, 0.10 * h, 0.13 * h), z), bag, PERSON))
    elif extra == "backpack" and stance.turn:
        back = x - stance.turn * 0.10 * h
        parts.insert(3, Part(at_depth(_box(back, 0.69 * h, 0.09 * h, 0.24 * h), z), bag, PERSON))
    elif extra == "umbrella":
        color: Color = (0.15, 0.15, 0.18) if stance.away else (0.55, 0.12, 0.16)
        turn = np.linspace(0, np.pi, 9)
        dome = np.stack([x + 0.34 * h * np.cos(turn), 1.02 * h + 0.16 * h * np.sin(turn)], axis=1)
        cloth = Surface(color, warmth=-0.5, heat=0.4, emissivity=0.9)
        parts.append(Part(at_depth(dome, z), cloth, PERSON))
    half = 0.14 * h
    return Thing(tuple(parts), z, (PERSON,), (x - half, x + half, z - 0.1, z + 0.15, h))


def _box(
    x: float, y: float, wide: float, tall: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    dx, dy = wide / 2, tall / 2
    return np.array([(x - dx, y - dy), (x + dx, y - dy), (x + dx, y + dy), (x - dx, y + dy)])


def body(stance: Stance, clothes: Clothes) -> list[Part]:
    """Legs, torso, arms and head of somebody on foot, in drawing order."""
    h, x, z = stance.height, stance.x, stance.z
    swing = stance.stride * np.sin(stance.phase)
    sideways = abs(stance.turn)
    spread = 0.055 * h * (1 - 0.75 * sideways)
    wide = h * (0.235 - 0.075 * sideways)
    hips, shoulders = 0.50 * h, 0.80 * h
    parts: list[Part] = []

    def add(outline: np.ndarray[tuple[int, ...], np.dtype[np.float64]], surface: Surface) -> None:
        parts.append(Part(at_depth(outline, z), surface, PERSON))

    def leg(side: float, angle: float) -> None:
        hip = x + side * spread, hips
        across = np.sin(angle) * (0.25 * h) * (stance.turn if sideways else 0.25)
        lift = 0.04 * h * max(-np.cos(stance.phase) * side, 0) * bool(stance.stride)
        knee = hip[0] + across, 0.27 * h + lift * 0.5
        bend = -0.10 * h * sideways * stance.turn * max(-angle, 0)
        foot = knee[0] + across * 0.9 + bend, 0.03 * h + lift
        add(limb(hip, knee, (0.105 * h, 0.08 * h)), clothes.trousers)
        add(limb(knee, foot, (0.08 * h, 0.055 * h)), clothes.trousers)
        toe = foot[0] + 0.07 * h * stance.turn, foot[1] - 0.008 * h
        add(limb(foot, toe, (0.05 * h, 0.045 * h)), clothes.shoes)

    def arm(side: float, angle: float) -> None:
        top = x + side * wide * 0.47 * (1 - 0.7 * sideways), shoulders - 0.02 * h
        across = np.sin(angle) * 0.17 * h * stance.turn + side * 0.02 * h * (1 - sideways)
        elbow = top[0] + across, 0.62 * h
        hand = elbow[0] + across * 0.9 + 0.03 * h * stance.turn, 0.475 * h
        add(limb(top, elbow, (0.065 * h, 0.055 * h)), clothes.sleeve)
        add(limb(elbow, hand, (0.055 * h, 0.042 * h)), clothes.sleeve)
        add(disc(hand[0], hand[1], 0, 0.024 * h, 8)[:, :2], clothes.skin)

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
    parts += head(x + 0.012 * h * stance.turn, 0.915 * h, z, stance, clothes)
    return parts


def head(x: float, y: float, z: float, stance: Stance, clothes: Clothes) -> list[Part]:
    """Neck, face and hair around (x, y)."""
    h = stance.height
    neck = limb((x, y - 0.10 * h), (x, y - 0.04 * h), (0.06 * h, 0.055 * h))
    round_ = disc(0.0, 0.0, z, 1.0, 12) * (0.058 * h, 0.078 * h, 1.0)
    at = np.array((x, y, 0.0))
    hair = round_ + at if stance.away else round_[:7] + at + np.array((0.0, 0.008 * h, 0.0))
    return [
        Part(at_depth(neck, z), clothes.skin, PERSON),
        Part(round_ + at, clothes.skin, PERSON),
        Part(hair, clothes.hair, PERSON),
    ]
