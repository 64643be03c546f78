"""Rasterize scene objects: surface, label, instance and depth of every pixel.

Every polygon is filled once with the row number of its surface in a table; all other quantities
are looked up by that number. Objects are drawn from far to near (painter's algorithm).
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
SUPERSAMPLING = 2  # canvas pixels per image pixel, in both directions


@dataclass(frozen=True, eq=False)
class SurfaceBuffer:
    """Rasterized scene on the canvas, which is `SUPERSAMPLING` times as large as the images.

    Attributes:
        surface_index: Row of ``surfaces`` for every canvas pixel, int32 (H, W).
        surfaces: Table of surfaces, float32 (N, 14), columns as in `SURFACE_COLUMNS`.
        surface_labels: Label id of each surface, (N,).
        surface_instances: Instance number of each surface, (N,); 0 = no instance.
        inverse_depth_planes: Inverse depth plane of each surface (see
            `Camera.compute_ground_plane`), float32 (N, 3).
        instance_labels: Label id of each instance, at index instance number - 1.
        instance_areas: Canvas pixels that each instance would cover without occlusion and
            without being cut off by the image border.
    """

    surface_index: NDArray[np.int32]
    surfaces: Float32Array
    surface_labels: NDArray[np.uint8]
    surface_instances: NDArray[np.int32]
    inverse_depth_planes: Float32Array
    instance_labels: tuple[int, ...]
    instance_areas: tuple[float, ...]


SURFACE_COLUMNS: dict[str, int | slice] = {  # the fields of `Surface`, in order
    "color": slice(0, 3),
    "temperature_offset": 3,
    "body_temperature_fraction": 4,
    "emissivity": 5,
    "solar_absorption": 6,
    "emission": slice(7, 10),
    "texture": 10,
    "texture_strength": 11,
    "thermal_texture_strength": 12,
    "shading": 13,
}


class _SurfaceTable:
    """Growing table of the surfaces in a scene."""

    def __init__(self) -> None:
        self.surfaces: list[tuple[float, ...]] = []
        self.labels: list[int] = []
        self.instances: list[int] = []
        self.inverse_depth_planes: list[tuple[float, float, float]] = []

    def add_surface(
        self, surface: Surface, label: int, instance: int, plane: tuple[float, float, float]
    ) -> int:
        """Append a surface and return its row number."""
        color, temperature, body, emissivity, absorption, emission, *texture = surface
        self.surfaces.append(
            (*color, temperature, body, emissivity, absorption, *emission, *texture)
        )
        self.labels.append(label)
        self.instances.append(instance)
        self.inverse_depth_planes.append(plane)
        return len(self.labels) - 1


def rasterize_scene(
    camera: Camera, sky: Surface, ground: Sequence[Polygon], objects: Sequence[SceneObject]
) -> SurfaceBuffer:
    """Draw the ground in the given order, then the objects from far to near.

    Args:
        camera: Camera of the canvas.
        sky: Surface of every pixel that nothing else covers.
        ground: Polygons on the ground.
        objects: Objects that stand on the ground or far behind it.
    """
    table = _SurfaceTable()
    table.add_surface(sky, SKY, 0, (1e-5, 0.0, 0.0))  # row 0: the initial value of the canvas
    canvas = Image.new("I", (camera.width, camera.height), 0)
    pen = ImageDraw.Draw(canvas)
    for polygon in ground:
        outline = _project_outline(camera, polygon)
        if len(outline) > 2:
            plane = polygon.inverse_depth_plane or camera.compute_ground_plane()
            row = table.add_surface(polygon.surface, polygon.label, 0, plane)
            pen.polygon(outline.ravel().tolist(), fill=row)
    instance_labels: list[int] = []
    instance_areas: list[float] = []
    for scene_object in sorted(objects, key=lambda scene_object: -scene_object.depth):
        instances = {}
        for label in scene_object.instance_labels:
            instance_labels.append(label)
            instances[label] = len(instance_labels)
        instance_areas += _rasterize_object(camera, pen, table, scene_object, instances)
    surfaces = np.array(table.surfaces, np.float32)
    surfaces[:, :3] = surfaces[:, :3] ** 2.2  # display colors to linear reflectance
    return SurfaceBuffer(
        surface_index=np.array(canvas, np.int32),
        surfaces=surfaces,
        surface_labels=np.array(table.labels, np.uint8),
        surface_instances=np.array(table.instances, np.int32),
        inverse_depth_planes=np.array(table.inverse_depth_planes, np.float32),
        instance_labels=tuple(instance_labels),
        instance_areas=tuple(instance_areas),
    )


def rasterize_ground_mask(
    camera: Camera, outlines: Sequence[tuple[Points, int]]
) -> NDArray[np.uint8]:
    """Rasterize ground polygons into an image of half the canvas size.

    Args:
        camera: Camera of the canvas.
        outlines: Corners in meters, (N, 3), and gray level of every polygon.

    Returns:
        uint8, image size; 0 outside the polygons.
    """
    mask = Image.new("L", (camera.width // 2, camera.height // 2), 0)
    pen = ImageDraw.Draw(mask)
    for points, value in outlines:
        clipped = clip_to_near_plane(points)
        if len(clipped) > 2:
            pen.polygon((camera.project(clipped) / 2).ravel().tolist(), fill=value)
    return np.array(mask, np.uint8)


def _rasterize_object(
    camera: Camera,
    pen: ImageDraw.ImageDraw,
    table: _SurfaceTable,
    scene_object: SceneObject,
    instances: dict[int, int],
) -> list[float]:
    """Draw an object on the canvas and add its surfaces to the table.

    Args:
        camera: Camera of the canvas.
        pen: Draws on the canvas.
        table: Table of surfaces, extended in place.
        scene_object: The object.
        instances: Instance number of each of its instance labels.

    Returns:
        Unoccluded area of each instance in canvas pixels, in the order of ``instances``.
    """
    facing_plane = (1.0 / max(scene_object.depth, NEAR_PLANE), 0.0, 0.0)
    outlines: dict[int, list[Points]] = {label: [] for label in instances}
    rows: dict[object, int] = {}  # equal surfaces share a row
    for polygon in scene_object.polygons:
        outline = _project_outline(camera, polygon)
        if len(outline) < 3:
            continue
        key = (polygon.label, polygon.surface, polygon.inverse_depth_plane)
        if key not in rows:
            rows[key] = table.add_surface(
                polygon.surface,
                polygon.label,
                instances.get(polygon.label, 0),
                polygon.inverse_depth_plane or facing_plane,
            )
        pen.polygon(outline.ravel().tolist(), fill=rows[key])
        if polygon.label in outlines:
            outlines[polygon.label].append(outline)
    return [_estimate_unoccluded_area(camera, outlines[label]) for label in instances]


def _project_outline(camera: Camera, polygon: Polygon) -> Points:
    """Clip and project a polygon; returns fewer than 3 points if all of it is clipped."""
    points = polygon.points
    if points[:, 2].min() < NEAR_PLANE:
        points = clip_to_near_plane(points)
        if len(points) < 3:
            return points
    pixels = camera.project(points)
    return compute_convex_hull(pixels) if polygon.is_convex_solid else pixels


def _estimate_unoccluded_area(camera: Camera, outlines: Sequence[Points]) -> float:
    """Estimate the area of the union of the outlines in canvas pixels.

    The part outside the canvas is not drawn; it is assumed to fill its share of the bounding
    box as densely as the part inside.
    """
    if not outlines:
        return 0.0
    points = np.concatenate(outlines)
    # Bounding box of all outlines, and its part inside the canvas.
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0)) + 1
    inner_low = np.maximum(low, 0)
    inner_high = np.minimum(high, (camera.width, camera.height))
    if (inner_high <= inner_low).any():
        return 0.0
    width, height = (inner_high - inner_low).astype(int).tolist()
    mask = Image.new("L", (width, height), UNLABELED)
    pen = ImageDraw.Draw(mask)
    for outline in outlines:
        pen.polygon((outline - inner_low).ravel().tolist(), fill=1)
    inner_area = float(np.count_nonzero(np.asarray(mask)))
    return inner_area * float(np.prod(high - low) / np.prod(inner_high - inner_low))
