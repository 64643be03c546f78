"""One scene: a street, its people and its weather, seen by both sensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.scenes import buildings, furniture, greenery, story, street, truth, weather
from bench.scenes.camera import Camera, Points, hull
from bench.scenes.canvas import SUPERSAMPLING, paint, polygon_mask
from bench.scenes.infrared import thermograph
from bench.scenes.knobs import Knobs
from bench.scenes.optics import Masks, view
from bench.scenes.things import BUILDING, Random, Surface, Thing, array
from bench.scenes.visible import photograph


@dataclass(frozen=True, eq=False)
class Drawn:
    """A scene and what is true about it.

    Attributes:
        infrared: uint8 (H, W).
        visible: uint8 (H, W, 3) RGB.
        labels: uint8 (H, W), ids of FMB.
        boxes: (class name, left, top, right, bottom) in pixels.
        condition: day, overcast, night or challenge.
        group: Name of the sequence.
    """

    infrared: NDArray[np.uint8]
    visible: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    boxes: tuple[truth.Box, ...]
    condition: str
    group: str


def draw(seed: int, number: int, knobs: Knobs) -> Drawn:
    """Draw scene ``number`` of the endless film that ``seed`` stands for.

    The same arguments give the same pixels; `Knobs.frames_per_sequence` consecutive numbers
    share street, condition and light.
    """
    sequence, frame = divmod(number, knobs.frames_per_sequence)
    condition = knobs.conditions[sequence % len(knobs.conditions)]
    plan = np.random.default_rng([seed, sequence])
    film, looks, cast, sky, sensor = plan.spawn(5)
    camera, pace = _camera(film, knobs)
    moved = frame * pace
    hour = weather.plan(condition, sky)
    layout = street.plan(looks)
    ground = street.ground(layout, camera, looks.spawn(1)[0], moved)
    things = _things(layout, camera, looks, (hour.lit, frame, moved))
    for actor in story.plan(layout, cast):
        thing = story.at(actor, frame, moved, camera.eye, hour.lit)
        things += [thing] if thing is not None else []
    maps = paint(camera, Surface((0.5, 0.5, 0.5)), ground, things)
    seen = view(camera, maps, _masks(camera, things, hour))
    noise = np.random.default_rng([seed, number, 1])
    lights = [light for thing in things for light in thing.lights]
    return Drawn(
        infrared=thermograph(seen, camera, hour, knobs, (sensor, noise)),
        visible=photograph(seen, camera, hour, lights, knobs, noise),
        labels=truth.labels(maps),
        boxes=truth.boxes(maps),
        condition=condition,
        group=f"{sequence:05d}",
    )


def _camera(random: Random, knobs: Knobs) -> tuple[Camera, float]:
    """The camera on its canvas, and the metres it moves from frame to frame."""
    width, height = knobs.width * SUPERSAMPLING, knobs.height * SUPERSAMPLING
    camera = Camera(
        width=width,
        height=height,
        focal=width * float(random.uniform(0.85, 1.10)),
        center=width * float(random.uniform(0.38, 0.62)),
        horizon=height * float(random.uniform(0.38, 0.48)),
        eye=float(random.uniform(1.25, 2.3)),
    )
    pace = float(random.uniform(0.4, 1.5)) if random.random() < 0.75 else 0.0
    return camera, pace


def _things(
    layout: street.Street, camera: Camera, random: Random, state: tuple[bool, int, float]
) -> list[Thing]:
    """Everything that does not move by itself."""
    lit, frame, moved = state
    far, built, green, posts = random.spawn(4)
    return [
        *buildings.backdrop(far),
        *buildings.houses(layout, camera, built, moved),
        *greenery.rows(layout, green, moved),
        *furniture.along(layout, posts, moved, lit, frame),
    ]


def _masks(camera: Camera, things: Sequence[Thing], hour: weather.Weather) -> Masks:
    """The shadows of the sun, and the dark below cars and shoes in any light."""
    cast = [thing for thing in things if thing.bulk is not None] if max(hour.sun) > 0 else []
    houses = [thing for thing in cast if thing.parts[0].label == BUILDING]
    low = [thing for thing in things if _low(thing)]
    return Masks(
        polygon_mask(camera, _shadows(cast, hour.shift)),
        polygon_mask(camera, _shadows(houses, hour.shift)),
        polygon_mask(camera, _shadows(low, (0.05, 0.05))),
    )


def _low(thing: Thing) -> bool:
    return thing.bulk is not None and thing.bulk[4] < 3.6 and bool(thing.boxed)


def _shadows(things: Sequence[Thing], shift: tuple[float, float]) -> list[tuple[Points, int]]:
    """Shadows on the ground: the outline of each base and its top, moved by the sun."""
    out = []
    for thing in things:
        if thing.bulk is None:
            continue
        left, right, near, far, high = thing.bulk
        base = np.array([(left, near), (right, near), (right, far), (left, far)])
        top = base + np.array(shift) * high
        outline = hull(np.concatenate([base, top]))
        out.append((array([(x, 0.0, z) for x, z in outline]), 255))
    return out
