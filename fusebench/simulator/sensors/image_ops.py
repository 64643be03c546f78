"""What both sensors are made of: averaging, blur, shifts, and the geometry behind every pixel."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusebench.simulator import textures
from fusebench.simulator.camera import Camera
from fusebench.simulator.objects.primitives import BUILDING
from fusebench.simulator.rasterizer import SUPERSAMPLING, SURFACE_COLUMNS, SurfaceBuffer

Float32Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PixelGeometry:
    """The maps of a scene with the geometry behind every pixel.

    Attributes:
        maps: The drawn surfaces, on the canvas.
        texture: Texture value of every canvas pixel, about -3..3.
        x: Metres to the right, image size.
        y: Metres above the road, image size.
        z: Metres ahead, image size.
        level: Where the ground is seen, image size.
        sun: 0 in the shadow of something, else 1, image size.
        open: Share of the light from everywhere that reaches the ground, image size.
    """

    buffer: SurfaceBuffer
    texture: Float32Array
    x: Float32Array
    y: Float32Array
    z: Float32Array
    is_ground: NDArray[np.bool_]
    sun_visibility: Float32Array
    ambient_visibility: Float32Array

    def get_surface_column(self, column: str) -> Float32Array:
        """A column of the surface table for every canvas pixel."""
        return np.asarray(
            self.buffer.surfaces[:, SURFACE_COLUMNS[column]][self.buffer.surface_index], np.float32
        )


class ShadowMasks(NamedTuple):
    """Shadows on the ground, uint8, image size: 255 inside.

    Attributes:
        shade: Of everything in the sun.
        tall: Of houses only: whoever stands in it is in the shade too.
        contact: Below whatever stands close above the ground.
    """

    cast_shadows: NDArray[np.uint8]
    building_shadows: NDArray[np.uint8]
    contact_shadows: NDArray[np.uint8]


def luminance(linear: Float32Array) -> Float32Array:
    """How bright linear RGB (..., 3) looks."""
    parts = 0.299 * linear[..., 0] + 0.587 * linear[..., 1] + 0.114 * linear[..., 2]
    return np.asarray(parts, np.float32)


def compute_pixel_geometry(
    camera: Camera, maps: SurfaceBuffer, masks: ShadowMasks
) -> PixelGeometry:
    """Look up the geometry behind every pixel.

    Args:
        camera: Of the canvas.
        maps: What was drawn.
        masks: Where the ground lies in a shadow.
    """
    column = (np.arange(camera.width, dtype=np.float32) + 0.5 - camera.vanishing_column)[None]
    row = (np.arange(camera.height, dtype=np.float32) + 0.5 - camera.horizon_row)[:, None]
    a, b, c = (maps.inverse_depth_planes[:, i][maps.surface_index] for i in range(3))
    z = 1 / np.maximum(a + b * column + c * row, np.float32(1 / 500))
    x, y = column * z / camera.focal_length, camera.eye_height - row * z / camera.focal_length
    level = c > 0
    kind = np.asarray(maps.surfaces[:, SURFACE_COLUMNS["texture"]], np.int64)[maps.surface_index]
    across = np.where(level, x, x + z).astype(np.float32)
    up = np.where(level, z, y).astype(np.float32)
    texture = textures.sample_texture(
        kind, across, up, (camera.focal_length / z).astype(np.float32)
    )
    step = (slice(None, None, SUPERSAMPLING),) * 2
    # A pixel on the edge of the ground counts as ground: else walls would have a bright seam.
    flat = downsample(level.astype(np.float32)) > 0
    place = np.clip(
        (camera.horizon_row + camera.eye_height * camera.focal_length / z[step]) / SUPERSAMPLING,
        0,
        None,
    )
    foot = np.minimum(place, flat.shape[0] - 1).astype(np.int64)
    upright = blur_gaussian((255.0 - masks.building_shadows) / 255, 1.5)[
        foot, np.arange(flat.shape[1])[None]
    ]
    upright = np.where(
        maps.surface_labels[maps.surface_index[step]] == BUILDING, np.float32(1), upright
    )
    soft = blur_gaussian((255.0 - masks.cast_shadows) / 255, 0.8)
    near = blur_gaussian(1 - 0.65 * masks.contact_shadows / 255.0, 1.2)
    return PixelGeometry(
        maps,
        texture,
        x[step].astype(np.float32),
        y[step].astype(np.float32),
        z[step].astype(np.float32),
        flat,
        np.where(flat, soft, upright),
        np.where(flat, near, np.float32(1)),
    )


def downsample(image: Float32Array, n: int = SUPERSAMPLING) -> Float32Array:
    """Average blocks of n x n pixels; by default from the canvas down to the image."""
    height, width = image.shape[0] // n, image.shape[1] // n
    out = np.zeros((height, width, *image.shape[2:]), np.float32)
    for i in range(n):
        for j in range(n):
            out += image[i::n, j::n]
    return np.asarray(out / np.float32(n * n), np.float32)


def blur_gaussian(image: NDArray[np.floating], sigma: float) -> Float32Array:
    """Gaussian blur of (H, W) or (H, W, C); the edge is not darkened.

    A wide blur is made on a smaller copy. Only elementwise sums are used: a matrix product would
    make the last bit depend on the number of threads.
    """
    plain = image.astype(np.float32)
    factor = 4 if sigma >= 5 else 2 if sigma >= 1.8 else 1
    if factor == 1:
        return _convolve_gaussian(_convolve_gaussian(plain, sigma, 0), sigma, 1)
    height, width = plain.shape[:2]
    pad = [(0, -height % factor), (0, -width % factor)] + [(0, 0)] * (plain.ndim - 2)
    small = downsample(np.pad(plain, pad, mode="edge"), factor)
    small = _convolve_gaussian(_convolve_gaussian(small, sigma / factor, 0), sigma / factor, 1)
    middle = (factor - 1) / 2
    rows = (np.arange(height) - middle) / factor
    columns = (np.arange(width) - middle) / factor
    return _interpolate_linear(_interpolate_linear(small, rows, 0), columns, 1)


def _convolve_gaussian(image: Float32Array, sigma: float, axis: int) -> Float32Array:
    radius = int(np.ceil(2.5 * sigma))
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    pad = [(0, 0)] * image.ndim
    pad[axis] = (radius, radius)
    padded = np.pad(image, pad, mode="edge")
    size = image.shape[axis]
    out = np.zeros_like(image)
    for i, weight in enumerate(weights):
        out += weight * (padded[i : i + size] if axis == 0 else padded[:, i : i + size])
    return out


def shift_and_scale(image: Float32Array, shift: tuple[float, float], scale: float) -> Float32Array:
    """The image moved by (right, down) pixels and enlarged about its middle; edges are repeated."""
    for axis, distance in ((0, shift[1]), (1, shift[0])):
        middle = (image.shape[axis] - 1) / 2
        image = _interpolate_linear(
            image, (np.arange(image.shape[axis]) - middle - distance) / scale + middle, axis
        )
    return image


def _interpolate_linear(
    image: Float32Array, places: NDArray[np.float64], axis: int
) -> Float32Array:
    """Values at fractional places along an axis, interpolated linearly."""
    last = image.shape[axis] - 1
    places = np.clip(places, 0, last)
    low = np.minimum(places.astype(int), max(last - 1, 0))
    share = (places - low).astype(np.float32)
    shape = [1] * image.ndim
    shape[axis] = len(places)
    share = share.reshape(shape)
    above = np.minimum(low + 1, last)
    mixed = image.take(low, axis) * (1 - share) + image.take(above, axis) * share
    return np.asarray(mixed, np.float32)
