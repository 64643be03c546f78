"""Thermal camera: temperature times emissivity, blur, noise and automatic gain; white = hot."""

import numpy as np
from numpy.typing import NDArray

from fusebench.simulator import textures
from fusebench.simulator.camera import Camera
from fusebench.simulator.objects.primitives import SKY, RandomGenerator
from fusebench.simulator.parameters import SceneParameters
from fusebench.simulator.rasterizer import SURFACE_COLUMNS
from fusebench.simulator.sensors.image_ops import (
    Float32Array,
    PixelGeometry,
    blur_gaussian,
    downsample,
    luminance,
    shift_and_scale,
)
from fusebench.simulator.weather import Weather

BODY_TEMPERATURE = 34.0  # degrees Celsius, of skin in the open
REFERENCE_WIDTH = 320  # pixels; the blur is given at this image width


def render_infrared(
    geometry: PixelGeometry,
    camera: Camera,
    weather: Weather,
    parameters: SceneParameters,
    rngs: tuple[RandomGenerator, RandomGenerator],
) -> NDArray[np.uint8]:
    """Render the image of the thermal camera.

    Args:
        geometry: Geometry of every pixel.
        camera: Camera of the canvas.
        weather: Weather of the sequence.
        parameters: Appearance of the scene.
        rngs: Random generators of the sequence (fixed-pattern noise, misregistration) and of
            the frame (temporal noise).

    Returns:
        uint8 (H, W).
    """
    sequence_rng, frame_rng = rngs
    apparent = _compute_apparent_temperature(geometry, camera, weather)
    scale = parameters.width / REFERENCE_WIDTH
    nonuniformity = 0.5 * _sample_nonuniformity(apparent.shape, sequence_rng)
    apparent = blur_gaussian(apparent + nonuniformity, 1.1 * scale)
    if parameters.misregistration:
        angle = sequence_rng.uniform(0, 2 * np.pi)
        distance = parameters.misregistration
        shift = float(distance * np.cos(angle)), float(distance * np.sin(angle))
        apparent = shift_and_scale(apparent, shift, 1 + distance / 1500)
    # Noise per pixel and frame, and per column and sequence.
    pixel_noise = frame_rng.standard_normal(apparent.shape, dtype=np.float32)
    column_noise = sequence_rng.standard_normal((1, apparent.shape[1]), dtype=np.float32)
    noisy = np.asarray(
        apparent + parameters.noise * (0.16 * pixel_noise + 0.07 * column_noise), np.float32
    )
    return _apply_automatic_gain(
        noisy, float(np.median(apparent)), apparent, parameters.thermal_contrast
    )


def _sample_nonuniformity(shape: tuple[int, ...], rng: RandomGenerator) -> Float32Array:
    """Sample the slowly varying nonuniformity of the sensor, about -2 to 2, image size."""
    row, column = np.mgrid[: shape[0], : shape[1]].astype(np.float32) * np.float32(90 / shape[1])
    start_row, start_column = rng.uniform(0, textures.TEXTURE_SIZE, 2).astype(np.float32)
    texture_index = np.full(shape, textures.CLOUDS)
    pixels_per_meter = np.full(shape, 9, np.float32)
    return textures.sample_texture(
        texture_index, column + start_column, row + start_row, pixels_per_meter
    )


def _compute_apparent_temperature(
    geometry: PixelGeometry, camera: Camera, weather: Weather
) -> Float32Array:
    """Compute the apparent temperature of every pixel in degrees Celsius, (H, W).

        T_surface  = (1 - body) (T_air + offset + solar) + body T_body + texture
        T_apparent = e T_surface + (1 - e) T_sky,   e the emissivity

    and attenuation by the air, which is 1 K colder than T_air, with exp(-0.0018 z).
    """
    buffer, surfaces = geometry.buffer, geometry.buffer.surfaces
    # Solar heating: dark surfaces that face upwards in the sun absorb most.
    solar = (
        weather.solar_heating
        * surfaces[:, SURFACE_COLUMNS["solar_absorption"]]
        * (1 - 0.7 * luminance(surfaces[:, :3]))
        * surfaces[:, SURFACE_COLUMNS["shading"]]
    )[buffer.surface_index]
    sun = np.repeat(np.repeat(0.35 + 0.65 * geometry.sun_visibility, 2, axis=0), 2, axis=1)
    offset = geometry.get_surface_column("temperature_offset")
    without_body = weather.air_temperature + offset + solar * sun
    # Surfaces of people lie between the temperature of the air and that of the body.
    body = geometry.get_surface_column("body_temperature_fraction")
    surface_temperature = (
        without_body * (1 - body)
        + BODY_TEMPERATURE * body
        + geometry.get_surface_column("thermal_texture_strength") * geometry.texture
    )
    # What a surface does not emit, it reflects of the cold sky.
    emissivity = geometry.get_surface_column("emissivity")
    apparent = emissivity * surface_temperature + (1 - emissivity) * weather.sky_temperature
    # The sky gets colder with elevation above the horizon.
    rows = np.arange(apparent.shape[0], dtype=np.float32)
    elevation = np.clip((camera.horizon_row - rows) / camera.focal_length, 0, 1)
    sky = weather.sky_temperature + (
        weather.air_temperature - 4 - weather.sky_temperature
    ) * np.exp(-elevation / 0.10)
    is_sky = buffer.surface_labels[buffer.surface_index] == SKY
    apparent = np.where(is_sky, sky[:, None], apparent)
    # Canvas to image, then attenuation by the air.
    image = downsample(np.asarray(apparent, np.float32))
    transmission = np.exp(-0.0018 * np.minimum(geometry.z, 200))
    return np.asarray(
        image * transmission + (weather.air_temperature - 1) * (1 - transmission), np.float32
    )


def _apply_automatic_gain(
    noisy: Float32Array, median: float, clean: Float32Array, contrast: float
) -> NDArray[np.uint8]:
    """Map temperatures to gray levels.

    The range follows the percentiles 3 and 99.7 of the clean image. Its lower end is at most
    7.5 K below the median and its upper end at least 9 K above it, so it spans at least 9 K.

    Args:
        noisy: Apparent temperature with noise, degrees Celsius, (H, W).
        median: Median of the clean image.
        clean: Apparent temperature without noise, (H, W).
        contrast: Factor on differences to the median.

    Returns:
        uint8 (H, W).
    """
    low, high = (float(v) for v in np.percentile(clean, (3.0, 99.7)))
    low = max(low, median - 7.5)
    high = max(high, median + 9)
    fraction = (median + contrast * (noisy - median) - low) / (high - low)
    display = np.clip(fraction, 0, 1) ** 0.92
    image: NDArray[np.uint8] = np.rint(255 * (0.03 + 0.96 * display)).astype(np.uint8)
    return image
