"""Image operations of both sensors: resampling, blur, shift, and the geometry of every pixel."""

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
    """Surface buffer of a scene with the world position and shadowing of every pixel.

    Attributes:
        buffer: Rasterized surfaces, canvas size.
        texture: Texture value of every canvas pixel, about -3 to 3.
        x: Meters to the right, image size.
        y: Meters above the road, image size.
        z: Meters ahead, image size.
        is_ground: Whether the pixel shows the ground, image size.
        sun_visibility: Fraction of the sunlight that arrives, 0 (shadow) to 1, image size.
        ambient_visibility: Fraction of the diffuse light that reaches the ground, image size;
            1 off the ground.
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
        """Look up a column of the surface table for every canvas pixel."""
        return np.asarray(
            self.buffer.surfaces[:, SURFACE_COLUMNS[column]][self.buffer.surface_index], np.float32
        )


class ShadowMasks(NamedTuple):
    """Shadows on the ground, uint8, image size: 255 inside.

    Attributes:
        cast_shadows: Shadows of all objects in the sun.
        building_shadows: Shadows of buildings only: objects that stand in one are shaded too.
        contact_shadows: Dark areas below low objects, under any light.
    """

    cast_shadows: NDArray[np.uint8]
    building_shadows: NDArray[np.uint8]
    contact_shadows: NDArray[np.uint8]


def luminance(linear: Float32Array) -> Float32Array:
    """Compute the luminance of linear RGB, (..., 3) to (...), with the weights of BT.601."""
    weighted_sum = 0.299 * linear[..., 0] + 0.587 * linear[..., 1] + 0.114 * linear[..., 2]
    return np.asarray(weighted_sum, np.float32)


def compute_pixel_geometry(
    camera: Camera, buffer: SurfaceBuffer, masks: ShadowMasks
) -> PixelGeometry:
    """Compute world position, texture and shadowing of every pixel.

        1 / z = a + b (column - vanishing_column) + c (row - horizon_row)
        x = (column - vanishing_column) z / f
        y = eye_height - (row - horizon_row) z / f

    Args:
        camera: Camera of the canvas.
        buffer: Rasterized surfaces.
        masks: Shadows on the ground.
    """
    # World position from the inverse depth plane of each surface.
    column = (np.arange(camera.width, dtype=np.float32) + 0.5 - camera.vanishing_column)[None]
    row = (np.arange(camera.height, dtype=np.float32) + 0.5 - camera.horizon_row)[:, None]
    a, b, c = (buffer.inverse_depth_planes[:, i][buffer.surface_index] for i in range(3))
    z = 1 / np.maximum(a + b * column + c * row, np.float32(1 / 500))
    x, y = column * z / camera.focal_length, camera.eye_height - row * z / camera.focal_length
    is_horizontal = c > 0

    # Texture coordinates: (x, z) on the ground, (x + z, y) on vertical surfaces.
    texture_index = np.asarray(buffer.surfaces[:, SURFACE_COLUMNS["texture"]], np.int64)[
        buffer.surface_index
    ]
    across = np.where(is_horizontal, x, x + z).astype(np.float32)
    up = np.where(is_horizontal, z, y).astype(np.float32)
    pixels_per_meter = (camera.focal_length / z).astype(np.float32)
    texture = textures.sample_texture(texture_index, across, up, pixels_per_meter)

    step = (slice(None, None, SUPERSAMPLING),) * 2  # canvas to image
    # A pixel on the edge of the ground counts as ground: else walls would have a bright seam.
    is_ground = downsample(is_horizontal.astype(np.float32)) > 0
    on_objects = _compute_object_sun_visibility(camera, buffer, masks, z[step], step)
    on_ground = blur_gaussian((255.0 - masks.cast_shadows) / 255, 0.8)
    ambient_on_ground = blur_gaussian(1 - 0.65 * masks.contact_shadows / 255.0, 1.2)
    return PixelGeometry(
        buffer,
        texture,
        x[step].astype(np.float32),
        y[step].astype(np.float32),
        z[step].astype(np.float32),
        is_ground,
        np.where(is_ground, on_ground, on_objects),
        np.where(is_ground, ambient_on_ground, np.float32(1)),
    )


def _compute_object_sun_visibility(
    camera: Camera,
    buffer: SurfaceBuffer,
    masks: ShadowMasks,
    z: NDArray[np.floating],
    step: tuple[slice, slice],
) -> Float32Array:
    """Compute which fraction of the sunlight reaches vertical surfaces.

    An object is shaded if the ground below it lies in the shadow of a building. Buildings
    themselves are always in the sun.

    Args:
        camera: Camera of the canvas.
        buffer: Rasterized surfaces.
        masks: Shadows on the ground.
        z: Depth in meters, image size.
        step: Slices from the canvas to the image.

    Returns:
        float32, image size, 0 to 1.
    """
    height, width = masks.building_shadows.shape
    foot_row = np.clip(
        (camera.horizon_row + camera.eye_height * camera.focal_length / z) / SUPERSAMPLING,
        0,
        None,
    )
    foot = np.minimum(foot_row, height - 1).astype(np.int64)
    visibility = blur_gaussian((255.0 - masks.building_shadows) / 255, 1.5)[
        foot, np.arange(width)[None]
    ]
    is_building = buffer.surface_labels[buffer.surface_index[step]] == BUILDING
    return np.where(is_building, np.float32(1), visibility)


def downsample(image: Float32Array, n: int = SUPERSAMPLING) -> Float32Array:
    """Average blocks of n x n pixels; by default from the canvas down to the image."""
    height, width = image.shape[0] // n, image.shape[1] // n
    total = np.zeros((height, width, *image.shape[2:]), np.float32)
    for i in range(n):
        for j in range(n):
            total += image[i::n, j::n]
    return np.asarray(total / np.float32(n * n), np.float32)


def blur_gaussian(image: NDArray[np.floating], sigma: float) -> Float32Array:
    """Blur an image with a Gaussian; border pixels are repeated, so that edges are not darkened.

    A wide blur is computed on a downsampled copy. Only elementwise sums are used: the last bit
    of a matrix product would depend on the number of threads.

    Args:
        image: (H, W) or (H, W, C).
        sigma: Standard deviation in pixels.

    Returns:
        float32, shape of ``image``.
    """
    pixels = image.astype(np.float32)
    factor = 4 if sigma >= 5 else 2 if sigma >= 1.8 else 1
    if factor == 1:
        return _convolve_gaussian(_convolve_gaussian(pixels, sigma, 0), sigma, 1)
    # Downsample (padded to a multiple of the factor), blur, and interpolate back.
    height, width = pixels.shape[:2]
    pad = [(0, -height % factor), (0, -width % factor)] + [(0, 0)] * (pixels.ndim - 2)
    small = downsample(np.pad(pixels, pad, mode="edge"), factor)
    small = _convolve_gaussian(_convolve_gaussian(small, sigma / factor, 0), sigma / factor, 1)
    center = (factor - 1) / 2
    rows = (np.arange(height) - center) / factor
    columns = (np.arange(width) - center) / factor
    return _interpolate_linear(_interpolate_linear(small, rows, 0), columns, 1)


def _convolve_gaussian(image: Float32Array, sigma: float, axis: int) -> Float32Array:
    """Convolve one axis with a Gaussian cut off at 2.5 sigma; the border is repeated."""
    radius = int(np.ceil(2.5 * sigma))
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    pad = [(0, 0)] * image.ndim
    pad[axis] = (radius, radius)
    padded = np.pad(image, pad, mode="edge")
    size = image.shape[axis]
    blurred = np.zeros_like(image)
    for i, weight in enumerate(weights):
        blurred += weight * (padded[i : i + size] if axis == 0 else padded[:, i : i + size])
    return blurred


def shift_and_scale(image: Float32Array, shift: tuple[float, float], scale: float) -> Float32Array:
    """Shift an image and enlarge it about its center; border pixels are repeated.

    Args:
        image: (H, W) or (H, W, C).
        shift: Pixels to the right and down.
        scale: Factor of the enlargement.
    """
    for axis, distance in ((0, shift[1]), (1, shift[0])):
        center = (image.shape[axis] - 1) / 2
        image = _interpolate_linear(
            image, (np.arange(image.shape[axis]) - center - distance) / scale + center, axis
        )
    return image


def _interpolate_linear(
    image: Float32Array, positions: NDArray[np.float64], axis: int
) -> Float32Array:
    """Interpolate linearly along an axis.

    Args:
        image: (H, W) or (H, W, C).
        positions: Fractional indices along ``axis``, (N,); clipped to the image.
        axis: 0 or 1.

    Returns:
        float32, with N entries along ``axis``.
    """
    last = image.shape[axis] - 1
    positions = np.clip(positions, 0, last)
    lower = np.minimum(positions.astype(int), max(last - 1, 0))
    fraction = (positions - lower).astype(np.float32)
    shape = [1] * image.ndim
    shape[axis] = len(positions)
    fraction = fraction.reshape(shape)
    upper = np.minimum(lower + 1, last)
    interpolated = image.take(lower, axis) * (1 - fraction) + image.take(upper, axis) * fraction
    return np.asarray(interpolated, np.float32)
