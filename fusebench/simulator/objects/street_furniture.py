"""Street furniture: its placement along the street, litter bins and utility cabinets."""

from fusebench.simulator.objects.posts import build_sign, build_street_lamp, build_traffic_light
from fusebench.simulator.objects.primitives import (
    UNLABELED,
    Polygon,
    RandomGenerator,
    RgbTriple,
    SceneObject,
    Surface,
    build_facing_rectangle,
)
from fusebench.simulator.objects.vegetation import is_in_side_street
from fusebench.simulator.street import Street


def build_litter_bin(x: float, z: float, rng: RandomGenerator) -> SceneObject:
    """Build a litter bin; it is unlabeled."""
    shading = float(rng.uniform(0.7, 1.0))
    color: RgbTriple = ((0.16, 0.30, 0.20), (0.25, 0.25, 0.27), (0.42, 0.26, 0.16))[rng.integers(3)]
    body = Surface(color, temperature_offset=0.8, shading=shading)
    lid = body._replace(shading=1.1)
    polygons = (
        Polygon(build_facing_rectangle(x - 0.28, x + 0.28, 0.1, 0.95, z), body, UNLABELED),
        Polygon(build_facing_rectangle(x - 0.32, x + 0.32, 0.95, 1.08, z), lid, UNLABELED),
    )
    return SceneObject(polygons, z, shadow_box=(x - 0.3, x + 0.3, z, z + 0.5, 1.0))


def build_utility_cabinet(x: float, z: float, rng: RandomGenerator) -> SceneObject:
    """Build a utility cabinet or a kiosk; it is unlabeled."""
    half_width, height = float(rng.uniform(0.4, 0.8)), float(rng.uniform(1.1, 2.1))
    color: RgbTriple = ((0.52, 0.55, 0.52), (0.36, 0.42, 0.40), (0.60, 0.54, 0.42))[rng.integers(3)]
    body = Surface(color, temperature_offset=float(rng.uniform(0.5, 4.0)), shading=0.85)
    seam = body._replace(shading=0.6)
    polygons = (
        Polygon(
            build_facing_rectangle(x - half_width, x + half_width, 0.1, height, z), body, UNLABELED
        ),
        Polygon(build_facing_rectangle(x - 0.02, x + 0.02, 0.2, height - 0.1, z), seam, UNLABELED),
        Polygon(
            build_facing_rectangle(
                x - half_width - 0.05, x + half_width + 0.05, height, height + 0.08, z
            ),
            seam,
            UNLABELED,
        ),
    )
    return SceneObject(polygons, z, shadow_box=(x - half_width, x + half_width, z, z + 0.6, height))


def build_street_furniture(
    street: Street, rng: RandomGenerator, camera_z: float, are_lamps_on: bool, frame: int
) -> list[SceneObject]:
    """Build all street furniture for one frame of a sequence.

    Args:
        street: Plan of the street.
        rng: Random generator of the sequence.
        camera_z: z of the camera in meters from its start.
        are_lamps_on: Whether street lamps are on.
        frame: Number of the frame; traffic lights change with it.
    """
    objects = []
    # ``rng`` draws the same numbers in every frame, so that objects stay in place.
    state = ("red", "green", "amber")[(int(rng.integers(3)) + frame // 2) % 3]
    for side in (-1, 1):
        curb = street.get_road_edge(side) + side * 0.55
        lamp_spacing, first_lamp = float(rng.uniform(13, 20)), float(rng.uniform(12, 22))
        lamp_rng, traffic_light_rng, other_rng = rng.spawn(3)
        z = first_lamp
        while rng.random() < 0.97 and z < 45:
            if 9 < z - camera_z < 36 and not is_in_side_street(street, z):
                lamp = build_street_lamp(curb, z - camera_z, side, are_lamps_on, lamp_rng)
                objects.append(lamp)
            z += lamp_spacing
        objects += [
            build_traffic_light(curb + side * 0.1, z - camera_z, side, state, traffic_light_rng)
            for z in _sample_traffic_light_positions(street, rng)
            if z - camera_z > 5
        ]
        for _ in range(int(rng.integers(1, 4))):
            z = float(rng.uniform(9, 34))
            sign = build_sign(curb + side * float(rng.uniform(0.0, 0.5)), z - camera_z, other_rng)
            if z - camera_z > 5 and not is_in_side_street(street, z):
                objects.append(sign)
        z = float(rng.uniform(7, 25))
        if rng.random() < 0.6 and z - camera_z > 4 and not is_in_side_street(street, z):
            objects.append(build_litter_bin(curb + side * 0.9, z - camera_z, other_rng))
        z = float(rng.uniform(6, 20))
        if rng.random() < 0.6 and z - camera_z > 4 and not is_in_side_street(street, z):
            x = street.get_sidewalk_edge(side) - side * 0.5
            objects.append(build_utility_cabinet(x, z - camera_z, other_rng))
    return objects


def _sample_traffic_light_positions(street: Street, rng: RandomGenerator) -> list[float]:
    """Sample z of traffic lights: at the side street, at the crosswalk, or anywhere."""
    if street.side_street_z is not None:
        return [street.side_street_z - 1.5]
    if street.crosswalk_z is not None:
        return [street.crosswalk_z + 4.2]
    if rng.random() < 0.35:
        return [float(rng.uniform(14, 28))]
    return []
