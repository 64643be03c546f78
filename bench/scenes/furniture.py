"""What stands along a street: street lamps, traffic lights, signs, bins."""

from bench.scenes.greenery import in_side_street
from bench.scenes.street import Street
from bench.scenes.things import (
    LAMP,
    NOTHING,
    POLE,
    SIGN,
    Color,
    Light,
    Part,
    Random,
    Surface,
    Thing,
    array,
    disc,
    upright,
)

# Metal and glass show the cold sky, plastic is as warm as the houses: lamps stay faint in infrared.
METAL = Surface((0.42, 0.43, 0.44), warmth=0.5, emissivity=0.75, heat=0.2, shade=0.85)
HOUSING = Surface((0.10, 0.11, 0.11), warmth=0.8, emissivity=0.90, heat=0.2, shade=0.9)
SIGNALS: dict[str, Color] = {
    "red": (3.4, 0.22, 0.12),
    "amber": (3.2, 1.7, 0.15),
    "green": (0.20, 3.0, 1.9),
}
WARM_LIGHT: Color = (1.0, 0.72, 0.38)
COLD_LIGHT: Color = (0.85, 0.95, 1.0)


def _post(x: float, z: float, high: float, thick: float) -> Part:
    return Part(upright(x - thick / 2, x + thick / 2, 0, high, z), METAL, POLE)


def street_lamp(x: float, z: float, side: int, lit: bool, random: Random) -> Thing:
    """A lamp of 5 to 7.5 m whose arm reaches over the road; ``side`` is where it stands."""
    high = float(random.uniform(4.6, 7.0))
    arm = float(random.uniform(1.0, 2.2))
    warm = random.random() < 0.6
    color = WARM_LIGHT if warm else COLD_LIGHT
    glow = tuple(6.0 * c for c in color) if lit else (0.0, 0.0, 0.0)
    end = x - side * arm
    beam = array(
        [(x, high - 0.12, z), (end, high + 0.12, z), (end, high + 0.22, z), (x, high + 0.02, z)]
    )
    left, right = end - 0.55, end + 0.55
    top = array(
        [
            (left, high + 0.12, z),
            (right, high + 0.12, z),
            (right - 0.2, high + 0.50, z),
            (left + 0.2, high + 0.50, z),
        ]
    )
    cover = Surface((0.62, 0.63, 0.64), warmth=0.0, emissivity=0.56, heat=0.2)
    bulb = Surface(
        (0.90, 0.90, 0.84),
        warmth=1.5 if lit else 0.5,
        emissivity=0.58,
        heat=0.2,
        glow=(glow[0], glow[1], glow[2]),
    )
    parts = (
        _post(x, z, high, 0.16),
        Part(beam, METAL, POLE),
        Part(top, cover, LAMP),
        Part(upright(left, right, high - 0.24, high + 0.16, z), bulb, LAMP),
    )
    lights: tuple[Light, ...] = ()
    if lit:
        lights = (Light((end, high, z), (2.8 * color[0], 2.8 * color[1], 2.8 * color[2]), 3.0),)
    return Thing(parts, z, (LAMP,), (x - 0.08, x + 0.08, z, z + 0.1, high), lights)


def traffic_light(x: float, z: float, side: int, state: str, random: Random) -> Thing:
    """Three lamps in a dark box on a post, or hung over the road from a mast."""
    hung = random.random() < 0.4
    low = float(random.uniform(3.8, 4.6)) if hung else float(random.uniform(2.3, 3.2))
    arm = float(random.uniform(1.8, 3.4)) if hung else 0.0
    cx = x - side * arm
    wide, tall = 0.32, 1.40
    parts = [_post(x, z, low + (tall if hung else 0.1), 0.18)]
    if hung:
        left, right = sorted((x, cx))
        bar = upright(left, right, low + tall - 0.1, low + tall + 0.05, z)
        parts.append(Part(bar, METAL, POLE))
    parts.append(Part(upright(cx - wide, cx + wide, low, low + tall, z), HOUSING, LAMP))
    for row, name in enumerate(("green", "amber", "red")):
        on = name == state
        color = SIGNALS[name]
        lens = Surface(
            _dim(color),
            warmth=1.6 if on else 0.8,
            emissivity=0.90,
            heat=0.2,
            glow=color if on else (0.0, 0.0, 0.0),
        )
        y = low + tall * (row + 0.5) / 3
        parts.append(Part(disc(cx, y, z, 0.22, 12), lens, LAMP))
    shine = SIGNALS[state]
    light = Light(
        (cx, low + 0.6, z - 0.5), (0.16 * shine[0], 0.16 * shine[1], 0.16 * shine[2]), 1.6
    )
    return Thing(tuple(parts), z, (LAMP,), (x - 0.1, x + 0.1, z, z + 0.1, low), (light,))


def _dim(color: Color) -> Color:
    r, g, b = (min(0.08 + 0.10 * c, 0.4) for c in color)
    return r, g, b


def sign(x: float, z: float, random: Random) -> Thing:
    """A round, three-cornered, square or direction sign on a post."""
    shape = int(random.integers(4))
    low = float(random.uniform(1.7, 2.4))
    size = float(random.uniform(0.38, 0.55))
    y = low + size
    base = Surface((0.85, 0.85, 0.84), warmth=0.4, emissivity=0.84, heat=0.25)
    red = base._replace(color=(0.72, 0.10, 0.10))
    blue = base._replace(color=(0.08, 0.25, 0.62))
    green = base._replace(color=(0.07, 0.42, 0.26))
    parts = [_post(x, z, low + size, 0.09)]
    if shape == 0:
        parts += [
            Part(disc(x, y, z, size, 16), red, SIGN),
            Part(disc(x, y, z, size * 0.74, 16), base, SIGN),
            Part(
                upright(x - size * 0.4, x + size * 0.4, y - 0.08, y + 0.08, z),
                base._replace(color=(0.1, 0.1, 0.1)),
                SIGN,
            ),
        ]
    elif shape == 1:
        for scale, surface in ((1.0, red), (0.66, base._replace(color=(0.90, 0.80, 0.25)))):
            r = size * scale * 1.15
            corners = [(x - r, y - 0.6 * r, z), (x + r, y - 0.6 * r, z), (x, y + 1.1 * r, z)]
            parts.append(Part(array(corners), surface, SIGN))
    elif shape == 2:
        parts += [
            Part(upright(x - size, x + size, y - size, y + size, z), blue, SIGN),
            Part(
                upright(x - size * 0.5, x + size * 0.5, y - size * 0.7, y + size * 0.2, z),
                base,
                SIGN,
            ),
        ]
    else:
        wide = size * 2.6
        parts += [
            Part(upright(x - wide, x + wide, y - 0.3, y + 0.75, z), base, SIGN),
            Part(
                upright(x - wide + 0.06, x + wide - 0.06, y - 0.24, y + 0.69, z),
                green if random.random() < 0.5 else blue,
                SIGN,
            ),
            Part(upright(x - wide * 0.7, x + wide * 0.5, y + 0.32, y + 0.45, z), base, SIGN),
            Part(upright(x - wide * 0.7, x + wide * 0.2, y, y + 0.12, z), base, SIGN),
        ]
    return Thing(tuple(parts), z, bulk=(x - 0.05, x + 0.05, z, z + 0.1, low + size))


def litter_bin(x: float, z: float, random: Random) -> Thing:
    """A litter bin, which is unlabelled."""
    shade = float(random.uniform(0.7, 1.0))
    color: Color = ((0.16, 0.30, 0.20), (0.25, 0.25, 0.27), (0.42, 0.26, 0.16))[random.integers(3)]
    body = Surface(color, warmth=0.8, shade=shade)
    lid = body._replace(shade=1.1)
    parts = (
        Part(upright(x - 0.28, x + 0.28, 0.1, 0.95, z), body, NOTHING),
        Part(upright(x - 0.32, x + 0.32, 0.95, 1.08, z), lid, NOTHING),
    )
    return Thing(parts, z, bulk=(x - 0.3, x + 0.3, z, z + 0.5, 1.0))


def cabinet(x: float, z: float, random: Random) -> Thing:
    """A cabinet of the electricity works, or a kiosk; unlabelled too."""
    wide, tall = float(random.uniform(0.4, 0.8)), float(random.uniform(1.1, 2.1))
    color: Color = ((0.52, 0.55, 0.52), (0.36, 0.42, 0.40), (0.60, 0.54, 0.42))[random.integers(3)]
    body = Surface(color, warmth=float(random.uniform(0.5, 4.0)), shade=0.85)
    seam = body._replace(shade=0.6)
    parts = (
        Part(upright(x - wide, x + wide, 0.1, tall, z), body, NOTHING),
        Part(upright(x - 0.02, x + 0.02, 0.2, tall - 0.1, z), seam, NOTHING),
        Part(upright(x - wide - 0.05, x + wide + 0.05, tall, tall + 0.08, z), seam, NOTHING),
    )
    return Thing(parts, z, bulk=(x - wide, x + wide, z, z + 0.6, tall))


def along(street: Street, random: Random, moved: float, lit: bool, frame: int) -> list[Thing]:
    """Everything of this file for one frame of a sequence."""
    things = []
    state = ("red", "green", "amber")[(int(random.integers(3)) + frame // 2) % 3]
    for side in (-1, 1):
        curb = street.edge(side) + side * 0.55
        step, first = float(random.uniform(13, 20)), float(random.uniform(12, 22))
        own = random.spawn(3)
        z = first
        while random.random() < 0.97 and z < 45:
            if 9 < z - moved < 36 and not in_side_street(street, z):
                things.append(street_lamp(curb, z - moved, side, lit, own[0]))
            z += step
        places = [street.crossing - 1.5] if street.crossing is not None else []
        if street.zebra is not None and not places:
            places = [street.zebra + 4.2]
        if not places and random.random() < 0.35:
            places = [float(random.uniform(14, 28))]
        things += [
            traffic_light(curb + side * 0.1, p - moved, side, state, own[1])
            for p in places
            if p - moved > 5
        ]
        for _ in range(int(random.integers(1, 4))):
            p = float(random.uniform(9, 34))
            spot = sign(curb + side * float(random.uniform(0.0, 0.5)), p - moved, own[2])
            if p - moved > 5 and not in_side_street(street, p):
                things.append(spot)
        p = float(random.uniform(7, 25))
        if random.random() < 0.6 and p - moved > 4 and not in_side_street(street, p):
            things.append(litter_bin(curb + side * 0.9, p - moved, own[2]))
        p = float(random.uniform(6, 20))
        if random.random() < 0.6 and p - moved > 4 and not in_side_street(street, p):
            things.append(cabinet(street.front(side) - side * 0.5, p - moved, own[2]))
    return things
