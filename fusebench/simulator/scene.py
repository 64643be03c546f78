"""Render one scene: a street, its actors and its weather, as seen by both sensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusebench.simulator import actors, ground_truth, street
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
from fusebench.simulator.weather import Weather, sample_weather

SKY_SURFACE = Surface((0.5, 0.5, 0.5))  # a placeholder: both sensors compute the sky themselves
MAX_CONTACT_SHADOW_HEIGHT = 3.6  # meters; taller objects have no contact shadow
CONTACT_SHADOW_OFFSET = (0.05, 0.05)


@dataclass(frozen=True, eq=False)
class RenderedScene:
    """Images and ground truth of a scene.

    Attributes:
        infrared: uint8 (H, W).
        visible: uint8 (H, W, 3) RGB.
        label_map: uint8 (H, W), label ids of FMB.
        boxes: (class name, left, top, right, bottom) in pixels; right and bottom are exclusive.
        condition: day, overcast, night or challenge.
        sequence: Name of the sequence.
    """

    infrared: NDArray[np.uint8]
    visible: NDArray[np.uint8]
    label_map: NDArray[np.uint8]
    boxes: tuple[ground_truth.LabeledBox, ...]
    condition: str
    sequence: str


def render_scene(seed: int, number: int, parameters: SceneParameters) -> RenderedScene:
    """Render scene ``number`` of the unlimited series of scenes that belongs to ``seed``.

    The result is a function of the arguments alone. `SceneParameters.frames_per_sequence`
    consecutive numbers are frames of one sequence: they share street, condition and light.
    """
    sequence, frame = divmod(number, parameters.frames_per_sequence)
    condition = parameters.conditions[sequence % len(parameters.conditions)]
    # One random stream per aspect of the sequence. Their order decides every pixel.
    sequence_rng = np.random.default_rng([seed, sequence])
    camera_rng, street_rng, actor_rng, weather_rng, sensor_rng = sequence_rng.spawn(5)
    camera, meters_per_frame = _sample_camera(camera_rng, parameters)
    camera_z = frame * meters_per_frame
    weather = sample_weather(condition, weather_rng)
    layout = street.sample_street(street_rng)
    ground = street.build_ground(layout, camera, street_rng.spawn(1)[0], camera_z)
    objects = _build_static_objects(
        layout, camera, street_rng, (weather.are_lamps_on, frame, camera_z)
    )
    for actor in actors.sample_actors(layout, actor_rng):
        scene_object = actors.build_actor_at_frame(
            actor, frame, camera_z, camera.eye_height, weather.are_lamps_on
        )
        objects += [scene_object] if scene_object is not None else []
    buffer = rasterize_scene(camera, SKY_SURFACE, ground, objects)
    geometry = compute_pixel_geometry(
        camera, buffer, _render_shadow_masks(camera, objects, weather)
    )
    noise_rng = np.random.default_rng([seed, number, 1])
    lights = [light for scene_object in objects for light in scene_object.lights]
    return RenderedScene(
        # Infrared first: both sensors draw from the same noise stream.
        infrared=render_infrared(geometry, camera, weather, parameters, (sensor_rng, noise_rng)),
        visible=render_visible(geometry, camera, weather, lights, parameters, noise_rng),
        label_map=ground_truth.compute_label_map(buffer),
        boxes=ground_truth.compute_boxes(buffer),
        condition=condition,
        sequence=f"{sequence:05d}",
    )


def _sample_camera(rng: RandomGenerator, parameters: SceneParameters) -> tuple[Camera, float]:
    """Sample the camera, and the meters it moves forward from frame to frame."""
    width, height = parameters.width * SUPERSAMPLING, parameters.height * SUPERSAMPLING
    camera = Camera(
        width=width,
        height=height,
        focal_length=width * float(rng.uniform(0.85, 1.10)),
        vanishing_column=width * float(rng.uniform(0.38, 0.62)),
        horizon_row=height * float(rng.uniform(0.38, 0.48)),
        eye_height=float(rng.uniform(1.25, 2.3)),
    )
    meters_per_frame = float(rng.uniform(0.4, 1.5)) if rng.random() < 0.75 else 0.0
    return camera, meters_per_frame


def _build_static_objects(
    layout: street.Street, camera: Camera, rng: RandomGenerator, state: tuple[bool, int, float]
) -> list[SceneObject]:
    """Build everything that does not move by itself.

    Args:
        layout: Plan of the street.
        camera: Camera of the canvas.
        rng: Random generator of the sequence.
        state: Whether lamps are on, the frame number, and z of the camera in meters.
    """
    are_lamps_on, frame, camera_z = state
    backdrop_rng, house_rng, vegetation_rng, furniture_rng = rng.spawn(4)
    return [
        *buildings.build_backdrop(backdrop_rng),
        *buildings.build_houses(layout, camera, house_rng, camera_z),
        *vegetation.build_vegetation(layout, vegetation_rng, camera_z),
        *street_furniture.build_street_furniture(
            layout, furniture_rng, camera_z, are_lamps_on, frame
        ),
    ]


def _render_shadow_masks(
    camera: Camera, objects: Sequence[SceneObject], weather: Weather
) -> ShadowMasks:
    """Render the shadows cast by the sun, and the contact shadows below low objects."""
    has_sun = max(weather.sun_color) > 0
    casters = [o for o in objects if o.shadow_box is not None] if has_sun else []
    houses = [o for o in casters if o.polygons[0].label == BUILDING]
    low_objects = [o for o in objects if _has_contact_shadow(o)]
    return ShadowMasks(
        rasterize_ground_mask(camera, _project_shadows(casters, weather.shadow_offset)),
        rasterize_ground_mask(camera, _project_shadows(houses, weather.shadow_offset)),
        rasterize_ground_mask(camera, _project_shadows(low_objects, CONTACT_SHADOW_OFFSET)),
    )


def _has_contact_shadow(scene_object: SceneObject) -> bool:
    return (
        scene_object.shadow_box is not None
        and scene_object.shadow_box[4] < MAX_CONTACT_SHADOW_HEIGHT
        and bool(scene_object.instance_labels)
    )


def _project_shadows(
    objects: Sequence[SceneObject], offset: tuple[float, float]
) -> list[tuple[Points, int]]:
    """Project shadow boxes onto the ground.

    The shadow is the convex hull of the base of the box and of its top, which the light shifts
    by ``offset`` per meter of height.

    Args:
        objects: Objects that cast a shadow; those without a shadow box are skipped.
        offset: (x, z) in meters per meter of height.

    Returns:
        Corners in meters, (N, 3), and gray level 255 of each shadow.
    """
    shadows = []
    for scene_object in objects:
        if scene_object.shadow_box is None:
            continue
        left, right, near, far, height = scene_object.shadow_box
        base = np.array([(left, near), (right, near), (right, far), (left, far)])
        top = base + np.array(offset) * height
        outline = compute_convex_hull(np.concatenate([base, top]))
        shadows.append((to_points([(x, 0.0, z) for x, z in outline]), 255))
    return shadows
