"""From things to maps: which surface, label, instance and depth every pixel has.

Every part is drawn once, as a polygon filled with the number of its surface; the maps are then
looked up by that number. What is nearer is drawn later and hides what is behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fusebench.simulator.camera import (
    NEAR_PLANE,
    Camera,
    Points,
    clip_to_near_plane,
    compute_convex_hull,
)
from fusebench.simulator.objects.primitives import SKY, UNLABELED, Polygon, SceneObject, Surface

Float32Array = NDArray[np.float32]
SUPERSAMPLING = 2


@dataclass(frozen=True, eq=False)
class SurfaceBuffer:
    """Per pixel of the canvas, which is `SUPERSAMPLING` times as large as the images.

    Attributes:
        index: Row of ``surfaces``, (H, W).
        surfaces: Float32 (N, 14), columns as in `SURFACE_COLUMNS`.
        labels: Label id of each row of ``surfaces``.
        instances: Instance number of each row, 0 = none.
        planes: Inverse depth plane of each row, float32 (N, 3).
        things: Label id of each instance, by its number - 1.
        areas: Canvas pixels each instance would cover if nothing hid it or cut it off.
    """

    surface_index: NDArray[np.int32]
    surfaces: Float32Array
    surface_labels: NDArray[np.uint8]
    surface_instances: NDArray[np.int32]
    inverse_depth_planes: Float32Array
    instance_labels: tuple[int, ...]
    instance_areas: tuple[float, ...]


SURFACE_COLUMNS: dict[str, int | slice] = {
    "color": slice(0, 3),
    "warmth": 3,
    "body": 4,
    "emissivity": 5,
    "heat": 6,
    "glow": slice(7, 10),
    "texture": 10,
    "grain": 11,
    "thermal_grain": 12,
    "shade": 13,
}


class _SurfaceTable:
    """The growing table of surfaces in use."""

    def __init__(self) -> None:
        self.surfaces: list[tuple[float, ...]] = []
        self.labels: list[int] = []
        self.instances: list[int] = []
        self.inverse_depth_planes: list[tuple[float, float, float]] = []

    def add_surface(
        self, surface: Surface, label: int, instance: int, plane: tuple[float, float, float]
    ) -> int:
        color, warmth, body, emissivity, heat, glow, *rest = surface
        self.surfaces.append((*color, warmth, body, emissivity, heat, *glow, *rest))
        self.labels.append(label)
        self.instances.append(instance)
        self.inverse_depth_planes.append(plane)
        return len(self.labels) - 1


def rasterize_scene(
    camera: Camera, sky: Surface, ground: Sequence[Polygon], things: Sequence[SceneObject]
) -> SurfaceBuffer:
    """Draw the ground in the given order, then the things from far to near."""
    rows = _SurfaceTable()
    rows.add_surface(sky, SKY, 0, (1e-5, 0.0, 0.0))
    image = Image.new("I", (camera.width, camera.height), 0)
    pen = ImageDraw.Draw(image)
    for part in ground:
        outline = _project_outline(camera, part)
        if len(outline) > 2:
            number = rows.add_surface(
                part.surface,
                part.label,
                0,
                part.inverse_depth_plane or camera.compute_ground_plane(),
            )
            pen.polygon(outline.ravel().tolist(), fill=number)
    labels: list[int] = []
    areas: list[float] = []
    for thing in sorted(things, key=lambda thing: -thing.depth):
        numbers = {}
        for label in thing.instance_labels:
            labels.append(label)
            numbers[label] = len(labels)
        areas += _rasterize_object(camera, pen, rows, thing, numbers)
    surfaces = np.array(rows.surfaces, np.float32)
    surfaces[:, :3] = surfaces[:, :3] ** 2.2
    return SurfaceBuffer(
        surface_index=np.array(image, np.int32),
        surfaces=surfaces,
        surface_labels=np.array(rows.labels, np.uint8),
        surface_instances=np.array(rows.instances, np.int32),
        inverse_depth_planes=np.array(rows.inverse_depth_planes, np.float32),
        instance_labels=tuple(labels),
        instance_areas=tuple(areas),
    )


def rasterize_ground_mask(
    camera: Camera, outlines: Sequence[tuple[Points, int]]
) -> NDArray[np.uint8]:
    """Ground polygons (corners in meters, value) drawn on black at half the canvas size."""
    image = Image.new("L", (camera.width // 2, camera.height // 2), 0)
    pen = ImageDraw.Draw(image)
    for points, value in outlines:
        clipped = clip_to_near_plane(points)
        if len(clipped) > 2:
            pen.polygon((camera.project(clipped) / 2).ravel().tolist(), fill=value)
    return np.array(image, np.uint8)


def _rasterize_object(
    camera: Camera,
    pen: ImageDraw.ImageDraw,
    rows: _SurfaceTable,
    thing: SceneObject,
    numbers: dict[int, int],
) -> list[float]:
    """Draw one thing; return what each of its instances would cover."""
    plane = (1.0 / max(thing.depth, NEAR_PLANE), 0.0, 0.0)
    outlines: dict[int, list[Points]] = {label: [] for label in numbers}
    known: dict[object, int] = {}
    for part in thing.polygons:
        outline = _project_outline(camera, part)
        if len(outline) < 3:
            continue
        key = (part.label, part.surface, part.inverse_depth_plane)
        if key not in known:
            known[key] = rows.add_surface(
                part.surface,
                part.label,
                numbers.get(part.label, 0),
                part.inverse_depth_plane or plane,
            )
        pen.polygon(outline.ravel().tolist(), fill=known[key])
        if part.label in outlines:
            outlines[part.label].append(outline)
    return [_estimate_unoccluded_area(camera, outlines[label]) for label in numbers]


def _project_outline(camera: Camera, part: Polygon) -> Points:
    points = part.points
    if points[:, 2].min() < NEAR_PLANE:
        points = clip_to_near_plane(points)
        if len(points) < 3:
            return points
    flat = camera.project(points)
    return compute_convex_hull(flat) if part.is_convex_solid else flat


def _estimate_unoccluded_area(camera: Camera, outlines: Sequence[Points]) -> float:
    """Canvas pixels of the union of the outlines, with what lies outside the canvas guessed.

    What is outside is taken to be as full as what is inside.
    """
    if not outlines:
        return 0.0
    points = np.concatenate(outlines)
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0)) + 1
    inner_low = np.maximum(low, 0)
    inner_high = np.minimum(high, (camera.width, camera.height))
    if (inner_high <= inner_low).any():
        return 0.0
    width, height = (inner_high - inner_low).astype(int).tolist()
    image = Image.new("L", (width, height), UNLABELED)
    pen = ImageDraw.Draw(image)
    for outline in outlines:
        pen.polygon((outline - inner_low).ravel().tolist(), fill=1)
    seen = float(np.count_nonzero(np.asarray(image)))
    return seen * float(np.prod(high - low) / np.prod(inner_high - inner_low))
