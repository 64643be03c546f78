"""Objects on posts along the street: street lamps, traffic lights and signs."""

from fusebench.simulator.objects.primitives import (
    LAMP,
    NO_EMISSION,
    POLE,
    SIGN,
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

# Metal and glass reflect the cold sky, and plastic is as warm as the houses behind it: lamps have
# little contrast in the infrared.
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
SIGN_RED: RgbTriple = (0.72, 0.10, 0.10)
SIGN_BLUE: RgbTriple = (0.08, 0.25, 0.62)
SIGN_GREEN: RgbTriple = (0.07, 0.42, 0.26)
SIGN_YELLOW: RgbTriple = (0.90, 0.80, 0.25)
WARM_LIGHT_COLOR: RgbTriple = (1.0, 0.72, 0.38)
COLD_LIGHT_COLOR: RgbTriple = (0.85, 0.95, 1.0)


def _build_post(x: float, z: float, height: float, thickness: float) -> Polygon:
    return Polygon(
        build_facing_rectangle(x - thickness / 2, x + thickness / 2, 0, height, z),
        METAL_SURFACE,
        POLE,
    )


def build_street_lamp(
    x: float, z: float, side: int, is_lit: bool, rng: RandomGenerator
) -> SceneObject:
    """Build a street lamp of 5 to 7.5 m height, whose arm reaches over the road.

    Args:
        x: Post in meters.
        z: Post in meters.
        side: -1 (left of the road) or 1.
        is_lit: Whether the lamp is on.
        rng: Random generator of the lamp.
    """
    height = float(rng.uniform(4.6, 7.0))
    arm_length = float(rng.uniform(1.0, 2.2))
    is_warm_white = rng.random() < 0.6
    color = WARM_LIGHT_COLOR if is_warm_white else COLD_LIGHT_COLOR
    emission = tuple(6.0 * c for c in color) if is_lit else NO_EMISSION
    arm_end = x - side * arm_length
    arm_outline = to_points(
        [
            (x, height - 0.12, z),
            (arm_end, height + 0.12, z),
            (arm_end, height + 0.22, z),
            (x, height + 0.02, z),
        ]
    )
    left, right = arm_end - 0.55, arm_end + 0.55
    cover_outline = to_points(
        [
            (left, height + 0.12, z),
            (right, height + 0.12, z),
            (right - 0.2, height + 0.50, z),
            (left + 0.2, height + 0.50, z),
        ]
    )
    cover = Surface(
        (0.62, 0.63, 0.64), temperature_offset=0.0, emissivity=0.56, solar_absorption=0.2
    )
    bulb = Surface(
        (0.90, 0.90, 0.84),
        temperature_offset=1.5 if is_lit else 0.5,
        emissivity=0.58,
        solar_absorption=0.2,
        emission=(emission[0], emission[1], emission[2]),
    )
    polygons = (
        _build_post(x, z, height, 0.16),
        Polygon(arm_outline, METAL_SURFACE, POLE),
        Polygon(cover_outline, cover, LAMP),
        Polygon(build_facing_rectangle(left, right, height - 0.24, height + 0.16, z), bulb, LAMP),
    )
    lights: tuple[Light, ...] = ()
    if is_lit:
        lights = (
            Light((arm_end, height, z), (2.8 * color[0], 2.8 * color[1], 2.8 * color[2]), 3.0),
        )
    return SceneObject(polygons, z, (LAMP,), (x - 0.08, x + 0.08, z, z + 0.1, height), lights)


def build_traffic_light(
    x: float, z: float, side: int, state: str, rng: RandomGenerator
) -> SceneObject:
    """Build a traffic light on a post, or hanging over the road from an arm.

    Args:
        x: Post in meters.
        z: Post in meters.
        side: -1 (left of the road) or 1.
        state: Lit color: red, amber or green.
        rng: Random generator of the traffic light.
    """
    is_hanging = rng.random() < 0.4
    bottom = float(rng.uniform(3.8, 4.6)) if is_hanging else float(rng.uniform(2.3, 3.2))
    arm_length = float(rng.uniform(1.8, 3.4)) if is_hanging else 0.0
    center = x - side * arm_length
    half_width, height = 0.32, 1.40
    polygons = [_build_post(x, z, bottom + (height if is_hanging else 0.1), 0.18)]
    if is_hanging:
        left, right = sorted((x, center))
        arm = build_facing_rectangle(left, right, bottom + height - 0.1, bottom + height + 0.05, z)
        polygons.append(Polygon(arm, METAL_SURFACE, POLE))
    polygons.append(
        Polygon(
            build_facing_rectangle(
                center - half_width, center + half_width, bottom, bottom + height, z
            ),
            HOUSING_SURFACE,
            LAMP,
        )
    )
    for row, name in enumerate(("green", "amber", "red")):
        is_on = name == state
        color = SIGNAL_COLORS[name]
        lens = Surface(
            _dim_color(color),
            temperature_offset=1.6 if is_on else 0.8,
            emissivity=0.90,
            solar_absorption=0.2,
            emission=color if is_on else NO_EMISSION,
        )
        y = bottom + height * (row + 0.5) / 3
        polygons.append(Polygon(build_disc(center, y, z, 0.22, 12), lens, LAMP))
    color_on = SIGNAL_COLORS[state]
    light = Light(
        (center, bottom + 0.6, z - 0.5),
        (0.16 * color_on[0], 0.16 * color_on[1], 0.16 * color_on[2]),
        1.6,
    )
    return SceneObject(
        tuple(polygons), z, (LAMP,), (x - 0.1, x + 0.1, z, z + 0.1, bottom), (light,)
    )


def _dim_color(color: RgbTriple) -> RgbTriple:
    """Return the reflectance of a signal lens in daylight."""
    r, g, b = (min(0.08 + 0.10 * c, 0.4) for c in color)
    return r, g, b


def build_sign(x: float, z: float, rng: RandomGenerator) -> SceneObject:
    """Build a round, triangular, square or direction sign on a post."""
    shape = int(rng.integers(4))
    bottom = float(rng.uniform(1.7, 2.4))
    size = float(rng.uniform(0.38, 0.55))
    y = bottom + size  # center of the sign
    white = Surface(
        (0.85, 0.85, 0.84), temperature_offset=0.4, emissivity=0.84, solar_absorption=0.25
    )
    polygons = [_build_post(x, z, bottom + size, 0.09)]
    if shape == 0:
        polygons += _build_round_sign(x, y, z, size, white)
    elif shape == 1:
        polygons += _build_triangular_sign(x, y, z, size, white)
    elif shape == 2:
        polygons += _build_square_sign(x, y, z, size, white)
    else:
        color = SIGN_GREEN if rng.random() < 0.5 else SIGN_BLUE
        polygons += _build_direction_sign(x, y, z, size, (white, white._replace(color=color)))
    shadow_box = (x - 0.05, x + 0.05, z, z + 0.1, bottom + size)
    return SceneObject(tuple(polygons), z, shadow_box=shadow_box)


def _build_round_sign(x: float, y: float, z: float, size: float, white: Surface) -> list[Polygon]:
    """Build a no-entry-like sign: a white disc with a red ring and a black bar."""
    bar = build_facing_rectangle(x - size * 0.4, x + size * 0.4, y - 0.08, y + 0.08, z)
    return [
        Polygon(build_disc(x, y, z, size, 16), white._replace(color=SIGN_RED), SIGN),
        Polygon(build_disc(x, y, z, size * 0.74, 16), white, SIGN),
        Polygon(bar, white._replace(color=(0.1, 0.1, 0.1)), SIGN),
    ]


def _build_triangular_sign(
    x: float, y: float, z: float, size: float, white: Surface
) -> list[Polygon]:
    """Build a warning sign: a yellow triangle with a red border."""
    polygons = []
    for scale, color in ((1.0, SIGN_RED), (0.66, SIGN_YELLOW)):
        r = size * scale * 1.15
        corners = [(x - r, y - 0.6 * r, z), (x + r, y - 0.6 * r, z), (x, y + 1.1 * r, z)]
        polygons.append(Polygon(to_points(corners), white._replace(color=color), SIGN))
    return polygons


def _build_square_sign(x: float, y: float, z: float, size: float, white: Surface) -> list[Polygon]:
    """Build an information sign: a blue square with a white field."""
    square = build_facing_rectangle(x - size, x + size, y - size, y + size, z)
    white_field = build_facing_rectangle(
        x - size * 0.5, x + size * 0.5, y - size * 0.7, y + size * 0.2, z
    )
    return [
        Polygon(square, white._replace(color=SIGN_BLUE), SIGN),
        Polygon(white_field, white, SIGN),
    ]


def _build_direction_sign(
    x: float, y: float, z: float, size: float, surfaces: tuple[Surface, Surface]
) -> list[Polygon]:
    """Build a wide sign with two lines of text; ``surfaces`` are of text and background."""
    white, background = surfaces
    half_width = size * 2.6
    rectangles = [  # border, background, two lines of text
        ((x - half_width, x + half_width, y - 0.3, y + 0.75), white),
        ((x - half_width + 0.06, x + half_width - 0.06, y - 0.24, y + 0.69), background),
        ((x - half_width * 0.7, x + half_width * 0.5, y + 0.32, y + 0.45), white),
        ((x - half_width * 0.7, x + half_width * 0.2, y, y + 0.12), white),
    ]
    return [
        Polygon(build_facing_rectangle(*edges, z), surface, SIGN) for edges, surface in rectangles
    ]
