"""Who is in the street: the people and vehicles of a sequence, and where they are in each frame."""

from dataclasses import dataclass

import numpy as np

from fusebench.simulator.objects import cars, cycles, people, trucks_buses, vehicles
from fusebench.simulator.objects.primitives import RandomGenerator, SceneObject
from fusebench.simulator.objects.vegetation import is_in_side_street
from fusebench.simulator.street import SIDE_STREET_WIDTH, Street

LANE_WIDTH = 3.3
VEHICLE_BUILDERS = {
    "car": cars.build_car,
    "bus": trucks_buses.build_bus,
    "truck": trucks_buses.build_truck,
}
# How often a sequence has at least one; more often than real streets, so that all can be learnt.
RARE_CLASS_PROBABILITIES = {"bus": 0.60, "truck": 0.62, "motorcycle": 0.62, "bicycle": 0.60}


@dataclass(frozen=True)
class Actor:
    """Somebody or something that may move.

    Attributes:
        kind: car, bus, truck, motorcycle, bicycle or person.
        x: Metres in the first frame.
        z: Metres from where the camera starts.
        step: Metres it moves along x and z from frame to frame.
        heading: Vehicles: radians as in `vehicles.Pose`.
        seed: Of its looks.
        running: Not parked, not without a rider.
    """

    kind: str
    x: float
    z: float
    velocity: tuple[float, float]
    heading: float
    appearance_seed: int
    is_in_use: bool


def sample_actors(street: Street, random: RandomGenerator) -> tuple[Actor, ...]:
    """Cast a sequence."""
    wanted = [kind for kind, share in RARE_CLASS_PROBABILITIES.items() if random.random() < share]
    random.shuffle(wanted)
    actors = _sample_traffic(street, wanted, random)
    actors += _sample_parked_vehicles(street, actors, wanted, random)
    for kind in wanted:
        if kind in ("motorcycle", "bicycle"):
            actors.append(_sample_cycle(street, kind, random))
    if random.random() < 0.3:
        actors.append(_sample_cycle(street, "motorcycle", random))
    return tuple(actors + _sample_pedestrians(street, random))


def _sample_seed(random: RandomGenerator) -> int:
    return int(random.integers(2**32))


def _sample_traffic(street: Street, wanted: list[str], random: RandomGenerator) -> list[Actor]:
    """Vehicles in their lanes, and on the side street."""
    actors = []
    lanes = max(2, round((street.right_edge - street.left_edge) / LANE_WIDTH))
    middle = (street.left_edge + street.right_edge) / 2
    for lane in range(lanes):
        x = street.left_edge + (street.right_edge - street.left_edge) * (lane + 0.5) / lanes
        towards = x < middle
        z = float(random.uniform(7, 17)) + (3.0 if abs(x) < 1.6 else 0.0)
        while z < 46:
            if random.random() < 0.50 and not is_in_side_street(street, z):
                kind = _choose_vehicle(wanted, random)
                z += 3.0 if kind in ("bus", "truck") else 0.0
                speed = float(random.uniform(-1.2, 0.4) if towards else random.uniform(0.0, 1.6))
                heading = (np.pi if towards else 0.0) + float(random.normal(0, 0.04))
                wobble = float(random.normal(0, 0.15))
                actors.append(
                    Actor(kind, x + wobble, z, (0.0, speed), heading, _sample_seed(random), True)
                )
            z += float(random.uniform(8, 16))
    if street.side_street_z is not None:
        for row, way in ((0.30, -1), (0.72, 1)):
            if random.random() < 0.7:
                x = float(random.uniform(-9, 9))
                kind = _choose_vehicle(wanted, random)
                step = way * float(random.uniform(0.4, 2.0))
                z = street.side_street_z + SIDE_STREET_WIDTH * row
                actors.append(
                    Actor(kind, x, z, (step, 0.0), way * np.pi / 2, _sample_seed(random), True)
                )
    return actors


def _choose_vehicle(wanted: list[str], random: RandomGenerator) -> str:
    for kind in ("bus", "truck"):
        if kind in wanted and random.random() < 0.6:
            wanted.remove(kind)
            return kind
    return str(random.choice(["car", "car", "car", "car", "car", "bus", "truck"]))


def _sample_parked_vehicles(
    street: Street, traffic: list[Actor], wanted: list[str], random: RandomGenerator
) -> list[Actor]:
    """Cold vehicles along the curb or on a wide sidewalk."""
    actors = []
    for side in (-1, 1):
        if random.random() < 0.45:
            continue
        x = street.get_road_edge(side) + side * (
            1.15 if street.sidewalk_widths[max(side, 0)] > 3 else -0.7
        )
        z = float(random.uniform(6, 18))
        while z < 42:
            clear = all(abs(a.x - x) > 2.1 or abs(a.z - z) > 7 for a in traffic)
            if clear and random.random() < 0.7 and not is_in_side_street(street, z):
                kind = "truck" if "truck" in wanted and random.random() < 0.4 else "car"
                if kind == "truck":
                    wanted.remove("truck")
                heading = float(random.choice([0.0, np.pi]) + random.normal(0, 0.05))
                actors.append(Actor(kind, x, z, (0.0, 0.0), heading, _sample_seed(random), False))
            z += float(random.uniform(5.8, 9))
    return actors


def _sample_cycle(street: Street, kind: str, random: RandomGenerator) -> Actor:
    """A cycle: crossing, along the curb, or parked on the sidewalk.

    ``heading`` is its way as in `cycles.ride`.
    """
    role = random.random()
    side = int(random.choice([-1, 1]))
    z = float(random.uniform(5.5, 17))
    if role < 0.40:
        way = -side
        return Actor(
            kind,
            side * float(random.uniform(0.5, 4)),
            z,
            (way * 0.8, 0.0),
            way,
            _sample_seed(random),
            True,
        )
    if role < 0.75:
        x = street.get_road_edge(side) - side * float(random.uniform(0.5, 1.0))
        way = 2 if side < 0 else 0
        speed = -0.5 if side < 0 else 0.7
        return Actor(kind, x, z, (0.0, speed), way, _sample_seed(random), True)
    x = street.get_road_edge(side) + side * float(random.uniform(0.8, 1.8))
    return Actor(
        kind, x, z, (0.0, 0.0), int(random.choice([-1, 1, 2])), _sample_seed(random), False
    )


def _sample_pedestrians(street: Street, random: RandomGenerator) -> list[Actor]:
    """People: on the sidewalks alone or in groups, on the zebra, crossing anywhere."""
    actors = []
    for _ in range(int(random.integers(2, 6))):
        side = int(random.choice([-1, 1]))
        z = float(random.uniform(5.5, 30))
        room = street.sidewalk_widths[max(side, 0)] - 0.7
        x = street.get_road_edge(side) + side * float(random.uniform(0.5, 0.5 + room))
        way = int(random.choice([-1, 0, 0, 1]))
        step = (way * 0.25, 0.0) if way else (0.0, float(random.choice([-0.6, 0.6])))
        for _ in range(int(random.choice([1, 1, 2, 3]))):
            actors.append(Actor("person", x, z, step, way, _sample_seed(random), step != (0, 0)))
            x += float(random.uniform(0.5, 0.8)) * float(random.choice([-1, 1]))
            z += float(random.uniform(-0.6, 0.6))
    crossers = (
        int(random.integers(1, 5)) if street.crosswalk_z is not None else int(random.integers(0, 3))
    )
    for _ in range(crossers):
        way = int(random.choice([-1, 1]))
        x = float(random.uniform(street.left_edge, street.right_edge))
        z = float(random.uniform(7, 22))
        if street.crosswalk_z is not None:
            z = street.crosswalk_z + float(random.uniform(0.5, 3.0))
        actors.append(Actor("person", x, z, (way * 0.7, 0.0), way, _sample_seed(random), True))
    return actors


def build_actor_at_frame(
    actor: Actor, frame: int, moved: float, eye: float, lit: bool
) -> SceneObject | None:
    """The actor in one frame, or None when it is too near or behind the camera."""
    x = actor.x + frame * actor.velocity[0]
    z = actor.z + frame * actor.velocity[1] - moved
    if z < (3.2 if actor.kind in ("person", "bicycle", "motorcycle") else 4.6) or z > 60:
        return None
    random = np.random.default_rng(actor.appearance_seed)
    if actor.kind in VEHICLE_BUILDERS:
        pose = vehicles.VehiclePose(
            x, z, actor.heading, actor.is_in_use, lit and actor.is_in_use, eye
        )
        made = VEHICLE_BUILDERS[actor.kind](pose, random)
        nearest = min(float(part.points[:, 2].min()) for part in made.polygons)
        return made if nearest > 3.2 else None
    clothes = people.sample_clothes(random)
    if actor.kind == "person":
        stance = people.PersonPose(
            x=x,
            z=z,
            height=float(np.clip(random.normal(1.70, 0.11), 1.2, 1.95)),
            sideways_direction=actor.heading,
            gait_phase=float(random.uniform(0, 6.3)) + 1.3 * frame,
            stride_angle=float(random.uniform(0.45, 0.9)) if random.random() < 0.85 else 0.0,
            is_facing_away=actor.velocity[1] > 0,
        )
        extras = ("", "", "", "bag", "backpack", "umbrella")
        return people.build_person(stance, clothes, str(random.choice(extras)))
    state = actor.is_in_use, lit
    rider = clothes if actor.is_in_use else None
    return cycles.build_cycle(
        (x, z, actor.heading), actor.kind == "motorcycle", rider, state, random
    )
