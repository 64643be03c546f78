"""What stands along a street: street lamps, traffic lights, signs, bins."""

from fusebench.simulator.objects.primitives import (
    LAMP,
    POLE,
    SIGN,
    UNLABELED,
    Light,
    Polygon,
    RandomGenerator,
    RgbTriple,
    SceneObject,
    Surface,
    build_disc,
    build_facing_rectangle,
    to_points,
)
from fusebench.simulator.objects.vegetation import is_in_side_street
from fusebench.simulator.street import Street

# Metal and glass show the cold sky, plastic is as warm as the houses: lamps stay faint in infrared.
METAL_SURFACE = Surface(
    (0.42, 0.43, 0.44), temperature_offset=0.5, emissivity=0.75, solar_absorption=0.2, shading=0.85
)
HOUSING_SURFACE = Surface(
    (0.10, 0.11, 0.11), temperature_offset=0.8, emissivity=0.90, solar_absorption=0.2, shading=0.9
)
SIGNAL_COLORS: dict[str, RgbTriple] = {
    "red": (3.4, 0.22, 0.12),
    "amber": (3.2, 1.7, 0.15),
    "green": (0.20, 3.0, 1.9),
}
WARM_LIGHT_COLOR: RgbTriple = (1.0, 0.72, 0.38)
COLD_LIGHT_COLOR: RgbTriple = (0.85, 0.95, 1.0)


def _build_post(x: float, z: float, high: float, thick: float) -> Polygon:
    return Polygon(
        build_facing_rectangle(x - thick / 2, x + thick / 2, 0, high, z), METAL_SURFACE, POLE
    )


def build_street_lamp(
    x: float, z: float, side: int, lit: bool, random: RandomGenerator
) -> SceneObject:
    """A lamp of 5 to 7.5 m whose arm reaches over the road; ``side`` is where it stands."""
    high = float(random.uniform(4.6, 7.0))
    arm = float(random.uniform(1.0, 2.2))
    warm = random.random() < 0.6
    color = WARM_LIGHT_COLOR if warm else COLD_LIGHT_COLOR
    glow = tuple(6.0 * c for c in color) if lit else (0.0, 0.0, 0.0)
    end = x - side * arm
    beam = to_points(
        [(x, high - 0.12, z), (end, high + 0.12, z), (end, high + 0.22, z), (x, high + 0.02, z)]
    )
    left, right = end - 0.55, end + 0.55
    top = to_points(
        [
            (left, high + 0.12, z),
            (right, high + 0.12, z),
            (right - 0.2, high + 0.50, z),
            (left + 0.2, high + 0.50, z),
        ]
    )
    cover = Surface(
        (0.62, 0.63, 0.64), temperature_offset=0.0, emissivity=0.56, solar_absorption=0.2
    )
    bulb = Surface(
        (0.90, 0.90, 0.84),
        temperature_offset=1.5 if lit else 0.5,
        emissivity=0.58,
        solar_absorption=0.2,
        emission=(glow[0], glow[1], glow[2]),
    )
    parts = (
        _build_post(x, z, high, 0.16),
        Polygon(beam, METAL_SURFACE, POLE),
        Polygon(top, cover, LAMP),
        Polygon(build_facing_rectangle(left, right, high - 0.24, high + 0.16, z), bulb, LAMP),
    )
    lights: tuple[Light, ...] = ()
    if lit:
        lights = (Light((end, high, z), (2.8 * color[0], 2.8 * color[1], 2.8 * color[2]), 3.0),)
    return SceneObject(parts, z, (LAMP,), (x - 0.08, x + 0.08, z, z + 0.1, high), lights)


def build_traffic_light(
    x: float, z: float, side: int, state: str, random: RandomGenerator
) -> SceneObject:
    """Three lamps in a dark box on a post, or hung over the road from a mast."""
    hung = random.random() < 0.4
    low = float(random.uniform(3.8, 4.6)) if hung else float(random.uniform(2.3, 3.2))
    arm = float(random.uniform(1.8, 3.4)) if hung else 0.0
    cx = x - side * arm
    wide, tall = 0.32, 1.40
    parts = [_build_post(x, z, low + (tall if hung else 0.1), 0.18)]
    if hung:
        left, right = sorted((x, cx))
        bar = build_facing_rectangle(left, right, low + tall - 0.1, low + tall + 0.05, z)
        parts.append(Polygon(bar, METAL_SURFACE, POLE))
    parts.append(
        Polygon(
            build_facing_rectangle(cx - wide, cx + wide, low, low + tall, z), HOUSING_SURFACE, LAMP
        )
    )
    for row, name in enumerate(("green", "amber", "red")):
        on = name == state
        color = SIGNAL_COLORS[name]
        lens = Surface(
            _dim_color(color),
            temperature_offset=1.6 if on else 0.8,
            emissivity=0.90,
            solar_absorption=0.2,
            emission=color if on else (0.0, 0.0, 0.0),
        )
        y = low + tall * (row + 0.5) / 3
        parts.append(Polygon(build_disc(cx, y, z, 0.22, 12), lens, LAMP))
    shine = SIGNAL_COLORS[state]
    light = Light(
        (cx, low + 0.6, z - 0.5), (0.16 * shine[0], 0.16 * shine[1], 0.16 * shine[2]), 1.6
    )
    return SceneObject(tuple(parts), z, (LAMP,), (x - 0.1, x + 0.1, z, z + 0.1, low), (light,))


def _dim_color(color: RgbTriple) -> RgbTriple:
    r, g, b = (min(0.08 + 0.10 * c, 0.4) for c in color)
    return r, g, b


def build_sign(x: float, z: float, random: RandomGenerator) -> SceneObject:
    """A round, three-cornered, square or direction sign on a post."""
    shape = int(random.integers(4))
    low = float(random.uniform(1.7, 2.4))
    size = float(random.uniform(0.38, 0.55))
    y = low + size
    base = Surface(
        (0.85, 0.85, 0.84), temperature_offset=0.4, emissivity=0.84, solar_absorption=0.25
    )
    red = base._replace(color=(0.72, 0.10, 0.10))
    blue = base._replace(color=(0.08, 0.25, 0.62))
    green = base._replace(color=(0.07, 0.42, 0.26))
    parts = [_build_post(x, z, low + size, 0.09)]
    if shape == 0:
        parts += [
            Polygon(build_disc(x, y, z, size, 16), red, SIGN),
            Polygon(build_disc(x, y, z, size * 0.74, 16), base, SIGN),
            Polygon(
                build_facing_rectangle(x - size * 0.4, x + size * 0.4, y - 0.08, y + 0.08, z),
                base._replace(color=(0.1, 0.1, 0.1)),
                SIGN,
            ),
        ]
    elif shape == 1:
        for scale, surface in ((1.0, red), (0.66, base._replace(color=(0.90, 0.80, 0.25)))):
            r = size * scale * 1.15
            corners = [(x - r, y - 0.6 * r, z), (x + r, y - 0.6 * r, z), (x, y + 1.1 * r, z)]
            parts.append(Polygon(to_points(corners), surface, SIGN))
    elif shape == 2:
        parts += [
            Polygon(build_facing_rectangle(x - size, x + size, y - size, y + size, z), blue, SIGN),
            Polygon(
                build_facing_rectangle(
                    x - size * 0.5, x + size * 0.5, y - size * 0.7, y + size * 0.2, z
                ),
                base,
                SIGN,
            ),
        ]
    else:
        wide = size * 2.6
        parts += [
            Polygon(build_facing_rectangle(x - wide, x + wide, y - 0.3, y + 0.75, z), base, SIGN),
            Polygon(
                build_facing_rectangle(x - wide + 0.06, x + wide - 0.06, y - 0.24, y + 0.69, z),
                green if random.random() < 0.5 else blue,
                SIGN,
            ),
            Polygon(
                build_facing_rectangle(x - wide * 0.7, x + wide * 0.5, y + 0.32, y + 0.45, z),
                base,
                SIGN,
            ),
            Polygon(
                build_facing_rectangle(x - wide * 0.7, x + wide * 0.2, y, y + 0.12, z), base, SIGN
            ),
        ]
    return SceneObject(tuple(parts), z, shadow_box=(x - 0.05, x + 0.05, z, z + 0.1, low + size))


def build_litter_bin(x: float, z: float, random: RandomGenerator) -> SceneObject:
    """A litter bin, which is unlabeled."""
    shade = float(random.uniform(0.7, 1.0))
    color: RgbTriple = ((0.16, 0.30, 0.20), (0.25, 0.25, 0.27), (0.42, 0.26, 0.16))[
        random.integers(3)
    ]
    body = Surface(color, temperature_offset=0.8, shading=shade)
    lid = body._replace(shading=1.1)
    parts = (
        Polygon(build_facing_rectangle(x - 0.28, x + 0.28, 0.1, 0.95, z), body, UNLABELED),
        Polygon(build_facing_rectangle(x - 0.32, x + 0.32, 0.95, 1.08, z), lid, UNLABELED),
    )
    return SceneObject(parts, z, shadow_box=(x - 0.3, x + 0.3, z, z + 0.5, 1.0))


def build_utility_cabinet(x: float, z: float, random: RandomGenerator) -> SceneObject:
    """A cabinet of the electricity works, or a kiosk; unlabeled too."""
    wide, tall = float(random.uniform(0.4, 0.8)), float(random.uniform(1.1, 2.1))
    color: RgbTriple = ((0.52, 0.55, 0.52), (0.36, 0.42, 0.40), (0.60, 0.54, 0.42))[
        random.integers(3)
    ]
    body = Surface(color, temperature_offset=float(random.uniform(0.5, 4.0)), shading=0.85)
    seam = body._replace(shading=0.6)
    parts = (
        Polygon(build_facing_rectangle(x - wide, x + wide, 0.1, tall, z), body, UNLABELED),
        Polygon(build_facing_rectangle(x - 0.02, x + 0.02, 0.2, tall - 0.1, z), seam, UNLABELED),
        Polygon(
            build_facing_rectangle(x - wide - 0.05, x + wide + 0.05, tall, tall + 0.08, z),
            seam,
            UNLABELED,
        ),
    )
    return SceneObject(parts, z, shadow_box=(x - wide, x + wide, z, z + 0.6, tall))


def build_street_furniture(
    street: Street, random: RandomGenerator, moved: float, lit: bool, frame: int
) -> list[SceneObject]:
    """Everything of this file for one frame of a sequence."""
    things = []
    state = ("red", "green", "amber")[(int(random.integers(3)) + frame // 2) % 3]
    for side in (-1, 1):
        curb = street.get_road_edge(side) + side * 0.55
        step, first = float(random.uniform(13, 20)), float(random.uniform(12, 22))
        own = random.spawn(3)
        z = first
        while random.random() < 0.97 and z < 45:
            if 9 < z - moved < 36 and not is_in_side_street(street, z):
                things.append(build_street_lamp(curb, z - moved, side, lit, own[0]))
            z += step
        places = [street.side_street_z - 1.5] if street.side_street_z is not None else []
        if street.crosswalk_z is not None and not places:
            places = [street.crosswalk_z + 4.2]
        if not places and random.random() < 0.35:
            places = [float(random.uniform(14, 28))]
        things += [
            build_traffic_light(curb + side * 0.1, p - moved, side, state, own[1])
            for p in places
            if p - moved > 5
        ]
        for _ in range(int(random.integers(1, 4))):
            p = float(random.uniform(9, 34))
            spot = build_sign(curb + side * float(random.uniform(0.0, 0.5)), p - moved, own[2])
            if p - moved > 5 and not is_in_side_street(street, p):
                things.append(spot)
        p = float(random.uniform(7, 25))
        if random.random() < 0.6 and p - moved > 4 and not is_in_side_street(street, p):
            things.append(build_litter_bin(curb + side * 0.9, p - moved, own[2]))
        p = float(random.uniform(6, 20))
        if random.random() < 0.6 and p - moved > 4 and not is_in_side_street(street, p):
            things.append(
                build_utility_cabinet(
                    street.get_sidewalk_edge(side) - side * 0.5, p - moved, own[2]
                )
            )
    return things
