"""Actors of a sequence: its people and vehicles, and where they are in each frame."""

from dataclasses import dataclass

import numpy as np

from fusebench.simulator.objects import cars, cycles, people, trucks_buses
from fusebench.simulator.objects.primitives import RandomGenerator, SceneObject
from fusebench.simulator.objects.tapered_box import VehiclePose
from fusebench.simulator.objects.vegetation import is_in_side_street
from fusebench.simulator.street import SIDE_STREET_WIDTH, Street

LANE_WIDTH = 3.3  # meters
MIN_DISTANCE, MIN_VEHICLE_DISTANCE, MAX_DISTANCE = 3.2, 4.6, 60.0  # meters from the camera
VEHICLE_BUILDERS = {
    "car": cars.build_car,
    "bus": trucks_buses.build_bus,
    "truck": trucks_buses.build_truck,
}
# Probability that a sequence has at least one of them; higher than in real streets, so that
# there are enough examples to learn every class.
RARE_CLASS_PROBABILITIES = {"bus": 0.60, "truck": 0.62, "motorcycle": 0.62, "bicycle": 0.60}


@dataclass(frozen=True)
class Actor:
    """A person or a vehicle.

    Attributes:
        kind: car, bus, truck, motorcycle, bicycle or person.
        x: Meters in the first frame.
        z: Meters from the camera's start, in the first frame.
        velocity: Meters per frame along x and z.
        heading: Vehicles: radians as in `VehiclePose`. Cycles: direction as in
            `cycles.build_cycle`. People: direction as in `people.PersonPose`.
        appearance_seed: Random seed of colors and shape.
        is_in_use: Whether a vehicle is driven, a cycle has a rider, a person walks.
    """

    kind: str
    x: float
    z: float
    velocity: tuple[float, float]
    heading: float
    appearance_seed: int
    is_in_use: bool


def sample_actors(street: Street, rng: RandomGenerator) -> tuple[Actor, ...]:
    """Sample all actors of a sequence."""
    # Rare classes still to be placed; the samplers remove what they place.
    rare_kinds = [kind for kind, p in RARE_CLASS_PROBABILITIES.items() if rng.random() < p]
    rng.shuffle(rare_kinds)
    actors = _sample_traffic(street, rare_kinds, rng)
    actors += _sample_parked_vehicles(street, actors, rare_kinds, rng)
    for kind in rare_kinds:
        if kind in ("motorcycle", "bicycle"):
            actors.append(_sample_cycle(street, kind, rng))
    if rng.random() < 0.3:
        actors.append(_sample_cycle(street, "motorcycle", rng))
    return tuple(actors + _sample_sidewalk_groups(street, rng) + _sample_crossers(street, rng))


def _sample_seed(rng: RandomGenerator) -> int:
    return int(rng.integers(2**32))


def _sample_traffic(street: Street, rare_kinds: list[str], rng: RandomGenerator) -> list[Actor]:
    """Sample moving vehicles in the lanes and on the side street."""
    actors = []
    lanes = max(2, round((street.right_edge - street.left_edge) / LANE_WIDTH))
    center = (street.left_edge + street.right_edge) / 2
    for lane in range(lanes):
        x = street.left_edge + (street.right_edge - street.left_edge) * (lane + 0.5) / lanes
        is_oncoming = x < center
        z = float(rng.uniform(7, 17)) + (3.0 if abs(x) < 1.6 else 0.0)
        while z < 46:
            if rng.random() < 0.50 and not is_in_side_street(street, z):
                kind = _choose_vehicle(rare_kinds, rng)
                z += 3.0 if kind in ("bus", "truck") else 0.0
                speed = float(rng.uniform(-1.2, 0.4) if is_oncoming else rng.uniform(0.0, 1.6))
                heading = (np.pi if is_oncoming else 0.0) + float(rng.normal(0, 0.04))
                offset = float(rng.normal(0, 0.15))
                actors.append(
                    Actor(kind, x + offset, z, (0.0, speed), heading, _sample_seed(rng), True)
                )
            z += float(rng.uniform(8, 16))
    if street.side_street_z is not None:
        for lane_fraction, direction in ((0.30, -1), (0.72, 1)):
            if rng.random() < 0.7:
                x = float(rng.uniform(-9, 9))
                kind = _choose_vehicle(rare_kinds, rng)
                velocity = direction * float(rng.uniform(0.4, 2.0)), 0.0
                z = street.side_street_z + SIDE_STREET_WIDTH * lane_fraction
                heading = direction * np.pi / 2
                actors.append(Actor(kind, x, z, velocity, heading, _sample_seed(rng), True))
    return actors


def _choose_vehicle(rare_kinds: list[str], rng: RandomGenerator) -> str:
    """Choose a vehicle kind; a rare kind that is chosen is removed from ``rare_kinds``."""
    for kind in ("bus", "truck"):
        if kind in rare_kinds and rng.random() < 0.6:
            rare_kinds.remove(kind)
            return kind
    return str(rng.choice(["car", "car", "car", "car", "car", "bus", "truck"]))


def _sample_parked_vehicles(
    street: Street, traffic: list[Actor], rare_kinds: list[str], rng: RandomGenerator
) -> list[Actor]:
    """Sample cold vehicles along the curb or on a wide sidewalk, clear of the traffic."""
    actors = []
    for side in (-1, 1):
        if rng.random() < 0.45:
            continue
        is_sidewalk_wide = street.sidewalk_widths[max(side, 0)] > 3
        x = street.get_road_edge(side) + side * (1.15 if is_sidewalk_wide else -0.7)
        z = float(rng.uniform(6, 18))
        while z < 42:
            is_clear = all(abs(a.x - x) > 2.1 or abs(a.z - z) > 7 for a in traffic)
            if is_clear and rng.random() < 0.7 and not is_in_side_street(street, z):
                kind = "truck" if "truck" in rare_kinds and rng.random() < 0.4 else "car"
                if kind == "truck":
                    rare_kinds.remove("truck")
                heading = float(rng.choice([0.0, np.pi]) + rng.normal(0, 0.05))
                actors.append(Actor(kind, x, z, (0.0, 0.0), heading, _sample_seed(rng), False))
            z += float(rng.uniform(5.8, 9))
    return actors


def _sample_cycle(street: Street, kind: str, rng: RandomGenerator) -> Actor:
    """Sample a cycle: crossing the street, riding along the curb, or parked on the sidewalk."""
    role = rng.random()
    side = int(rng.choice([-1, 1]))
    z = float(rng.uniform(5.5, 17))
    if role < 0.40:  # crossing
        direction = -side
        x = side * float(rng.uniform(0.5, 4))
        return Actor(kind, x, z, (direction * 0.8, 0.0), direction, _sample_seed(rng), True)
    if role < 0.75:  # along the curb, towards the camera on the left
        x = street.get_road_edge(side) - side * float(rng.uniform(0.5, 1.0))
        direction = 2 if side < 0 else 0
        speed = -0.5 if side < 0 else 0.7
        return Actor(kind, x, z, (0.0, speed), direction, _sample_seed(rng), True)
    x = street.get_road_edge(side) + side * float(rng.uniform(0.8, 1.8))
    direction = int(rng.choice([-1, 1, 2]))
    return Actor(kind, x, z, (0.0, 0.0), direction, _sample_seed(rng), False)


def _sample_sidewalk_groups(street: Street, rng: RandomGenerator) -> list[Actor]:
    """Sample people on the sidewalks, alone or in groups of two or three."""
    actors = []
    for _ in range(int(rng.integers(2, 6))):
        side = int(rng.choice([-1, 1]))
        z = float(rng.uniform(5.5, 30))
        width = street.sidewalk_widths[max(side, 0)] - 0.7
        x = street.get_road_edge(side) + side * float(rng.uniform(0.5, 0.5 + width))
        direction = int(rng.choice([-1, 0, 0, 1]))
        velocity = (direction * 0.25, 0.0) if direction else (0.0, float(rng.choice([-0.6, 0.6])))
        for _ in range(int(rng.choice([1, 1, 2, 3]))):
            is_walking = velocity != (0, 0)
            actors.append(Actor("person", x, z, velocity, direction, _sample_seed(rng), is_walking))
            x += float(rng.uniform(0.5, 0.8)) * float(rng.choice([-1, 1]))
            z += float(rng.uniform(-0.6, 0.6))
    return actors


def _sample_crossers(street: Street, rng: RandomGenerator) -> list[Actor]:
    """Sample people who cross the road, on the crosswalk if there is one."""
    actors = []
    has_crosswalk = street.crosswalk_z is not None
    count = int(rng.integers(1, 5)) if has_crosswalk else int(rng.integers(0, 3))
    for _ in range(count):
        direction = int(rng.choice([-1, 1]))
        x = float(rng.uniform(street.left_edge, street.right_edge))
        z = float(rng.uniform(7, 22))
        if street.crosswalk_z is not None:
            z = street.crosswalk_z + float(rng.uniform(0.5, 3.0))
        velocity = direction * 0.7, 0.0
        actors.append(Actor("person", x, z, velocity, direction, _sample_seed(rng), True))
    return actors


def build_actor_at_frame(
    actor: Actor, frame: int, camera_z: float, eye_height: float, are_lamps_on: bool
) -> SceneObject | None:
    """Build the actor as it is in one frame.

    Args:
        actor: The actor.
        frame: Number of the frame in the sequence.
        camera_z: z of the camera in meters from its start.
        eye_height: Height of the camera in meters.
        are_lamps_on: Whether driven vehicles have their lamps on.

    Returns:
        None if the actor is too near, behind the camera, or too far.
    """
    x = actor.x + frame * actor.velocity[0]
    z = actor.z + frame * actor.velocity[1] - camera_z
    is_vehicle = actor.kind in VEHICLE_BUILDERS
    if z < (MIN_VEHICLE_DISTANCE if is_vehicle else MIN_DISTANCE) or z > MAX_DISTANCE:
        return None
    rng = np.random.default_rng(actor.appearance_seed)
    if is_vehicle:
        pose = VehiclePose(
            x, z, actor.heading, actor.is_in_use, are_lamps_on and actor.is_in_use, eye_height
        )
        vehicle = VEHICLE_BUILDERS[actor.kind](pose, rng)
        nearest_z = min(float(polygon.points[:, 2].min()) for polygon in vehicle.polygons)
        return vehicle if nearest_z > MIN_DISTANCE else None
    clothes = people.sample_clothes(rng)
    if actor.kind == "person":
        person_pose = people.PersonPose(
            x=x,
            z=z,
            height=float(np.clip(rng.normal(1.70, 0.11), 1.2, 1.95)),
            sideways_direction=actor.heading,
            gait_phase=float(rng.uniform(0, 6.3)) + 1.3 * frame,
            stride_angle=float(rng.uniform(0.45, 0.9)) if rng.random() < 0.85 else 0.0,
            is_facing_away=actor.velocity[1] > 0,
        )
        accessories = ("", "", "", "bag", "backpack", "umbrella")
        return people.build_person(person_pose, clothes, str(rng.choice(accessories)))
    state = actor.is_in_use, are_lamps_on
    rider_clothes = clothes if actor.is_in_use else None
    return cycles.build_cycle(
        (x, z, actor.heading), actor.kind == "motorcycle", rider_clothes, state, rng
    )
