"""One scene: a street, its people and its weather, seen by both sensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusebench.simulator import actors, ground_truth, street, weather
from fusebench.simulator.camera import Camera, Points, compute_convex_hull
from fusebench.simulator.objects import buildings, street_furniture, vegetation
from fusebench.simulator.objects.primitives import (
    BUILDING,
    RandomGenerator,
    SceneObject,
    Surface,
    to_points,
)
from fusebench.simulator.parameters import SceneParameters
from fusebench.simulator.rasterizer import SUPERSAMPLING, rasterize_ground_mask, rasterize_scene
from fusebench.simulator.sensors.image_ops import ShadowMasks, compute_pixel_geometry
from fusebench.simulator.sensors.infrared_sensor import render_infrared
from fusebench.simulator.sensors.visible_sensor import render_visible


@dataclass(frozen=True, eq=False)
class RenderedScene:
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
    label_map: NDArray[np.uint8]
    boxes: tuple[ground_truth.LabeledBox, ...]
    condition: str
    sequence: str


def render_scene(seed: int, number: int, knobs: SceneParameters) -> RenderedScene:
    """Draw scene ``number`` of the endless film that ``seed`` stands for.

    The same arguments give the same pixels; `Knobs.frames_per_sequence` consecutive numbers
    share street, condition and light.
    """
    sequence, frame = divmod(number, knobs.frames_per_sequence)
    condition = knobs.conditions[sequence % len(knobs.conditions)]
    plan = np.random.default_rng([seed, sequence])
    film, looks, cast, sky, sensor = plan.spawn(5)
    camera, pace = _sample_camera(film, knobs)
    moved = frame * pace
    hour = weather.sample_weather(condition, sky)
    layout = street.sample_street(looks)
    ground = street.build_ground(layout, camera, looks.spawn(1)[0], moved)
    things = _build_static_objects(layout, camera, looks, (hour.are_lamps_on, frame, moved))
    for actor in actors.sample_actors(layout, cast):
        thing = actors.build_actor_at_frame(
            actor, frame, moved, camera.eye_height, hour.are_lamps_on
        )
        things += [thing] if thing is not None else []
    maps = rasterize_scene(camera, Surface((0.5, 0.5, 0.5)), ground, things)
    seen = compute_pixel_geometry(camera, maps, _render_shadow_masks(camera, things, hour))
    noise = np.random.default_rng([seed, number, 1])
    lights = [light for thing in things for light in thing.lights]
    return RenderedScene(
        infrared=render_infrared(seen, camera, hour, knobs, (sensor, noise)),
        visible=render_visible(seen, camera, hour, lights, knobs, noise),
        label_map=ground_truth.compute_label_map(maps),
        boxes=ground_truth.compute_boxes(maps),
        condition=condition,
        sequence=f"{sequence:05d}",
    )


def _sample_camera(random: RandomGenerator, knobs: SceneParameters) -> tuple[Camera, float]:
    """The camera on its canvas, and the meters it moves from frame to frame."""
    width, height = knobs.width * SUPERSAMPLING, knobs.height * SUPERSAMPLING
    camera = Camera(
        width=width,
        height=height,
        focal_length=width * float(random.uniform(0.85, 1.10)),
        vanishing_column=width * float(random.uniform(0.38, 0.62)),
        horizon_row=height * float(random.uniform(0.38, 0.48)),
        eye_height=float(random.uniform(1.25, 2.3)),
    )
    pace = float(random.uniform(0.4, 1.5)) if random.random() < 0.75 else 0.0
    return camera, pace


def _build_static_objects(
    layout: street.Street, camera: Camera, random: RandomGenerator, state: tuple[bool, int, float]
) -> list[SceneObject]:
    """Everything that does not move by itself."""
    lit, frame, moved = state
    far, built, green, posts = random.spawn(4)
    return [
        *buildings.build_backdrop(far),
        *buildings.build_houses(layout, camera, built, moved),
        *vegetation.build_vegetation(layout, green, moved),
        *street_furniture.build_street_furniture(layout, posts, moved, lit, frame),
    ]


def _render_shadow_masks(
    camera: Camera, things: Sequence[SceneObject], hour: weather.Weather
) -> ShadowMasks:
    """The shadows of the sun, and the dark below cars and shoes in any light."""
    cast = (
        [thing for thing in things if thing.shadow_box is not None]
        if max(hour.sun_color) > 0
        else []
    )
    houses = [thing for thing in cast if thing.polygons[0].label == BUILDING]
    low = [thing for thing in things if _is_low_object(thing)]
    return ShadowMasks(
        rasterize_ground_mask(camera, _project_shadows(cast, hour.shadow_offset)),
        rasterize_ground_mask(camera, _project_shadows(houses, hour.shadow_offset)),
        rasterize_ground_mask(camera, _project_shadows(low, (0.05, 0.05))),
    )


def _is_low_object(thing: SceneObject) -> bool:
    return (
        thing.shadow_box is not None and thing.shadow_box[4] < 3.6 and bool(thing.instance_labels)
    )


def _project_shadows(
    things: Sequence[SceneObject], shift: tuple[float, float]
) -> list[tuple[Points, int]]:
    """Shadows on the ground: the outline of each base and its top, moved by the sun."""
    out = []
    for thing in things:
        if thing.shadow_box is None:
            continue
        left, right, near, far, high = thing.shadow_box
        base = np.array([(left, near), (right, near), (right, far), (left, far)])
        top = base + np.array(shift) * high
        outline = compute_convex_hull(np.concatenate([base, top]))
        out.append((to_points([(x, 0.0, z) for x, z in outline]), 255))
    return out
