"""Visible camera: light times reflectance, lamps, haze, glare, exposure and noise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fusebench.simulator import textures
from fusebench.simulator.camera import Camera
from fusebench.simulator.objects.primitives import BUILDING, SKY, Light, RandomGenerator
from fusebench.simulator.parameters import SceneParameters
from fusebench.simulator.rasterizer import SURFACE_COLUMNS
from fusebench.simulator.sensors.image_ops import (
    Float32Array,
    PixelGeometry,
    blur_gaussian,
    downsample,
    luminance,
)
from fusebench.simulator.weather import Weather

MAX_LIGHTS = 16  # the nearest ones; more would cost time and hardly show
REFERENCE_WIDTH = 320  # pixels; the bloom is given at this image width


def render_visible(
    geometry: PixelGeometry,
    camera: Camera,
    weather: Weather,
    lights: Sequence[Light],
    parameters: SceneParameters,
    rng: RandomGenerator,
) -> NDArray[np.uint8]:
    """Render the image of the visible camera.

    Args:
        geometry: Geometry of every pixel.
        camera: Camera of the canvas.
        weather: Weather of the sequence.
        lights: Lamps that illuminate their surroundings.
        parameters: Appearance of the scene.
        rng: Random generator of the frame, for the noise.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    radiance = _compute_surface_radiance(geometry, weather, lights)
    # Blend in the sky by the fraction of each pixel that it covers.
    buffer = geometry.buffer
    is_sky = (buffer.surface_labels[buffer.surface_index] == SKY).astype(np.float32)
    sky_fraction = downsample(is_sky)[..., None]
    sky = _compute_sky_radiance(geometry, camera, weather)
    radiance = radiance * (1 - sky_fraction) + sky * sky_fraction
    radiance = _apply_haze_and_smoke(radiance, geometry, weather, parameters)
    radiance = _apply_glare(radiance, weather)
    return _expose(radiance, weather, parameters, rng)


def _compute_surface_radiance(
    geometry: PixelGeometry, weather: Weather, lights: Sequence[Light]
) -> Float32Array:
    """Compute reflectance times illumination plus emission, linear RGB (H, W, 3)."""
    texture = 1 + geometry.get_surface_column("texture_strength") * geometry.texture
    reflectance = (
        geometry.get_surface_column("color")
        * (geometry.get_surface_column("shading") * np.maximum(texture, 0.05))[..., None]
    )
    buffer = geometry.buffer
    emission = np.array(buffer.surfaces[:, SURFACE_COLUMNS["emission"]])
    if not weather.are_lamps_on:
        emission[buffer.surface_labels == BUILDING] = 0  # windows are lit at night only
    illumination = _compute_illumination(geometry, weather, lights)
    radiance: Float32Array = downsample(reflectance) * illumination + downsample(
        emission[buffer.surface_index]
    )
    return radiance


def _expose(
    radiance: Float32Array, weather: Weather, parameters: SceneParameters, rng: RandomGenerator
) -> NDArray[np.uint8]:
    """Turn radiance into display values: exposure, bloom, tone curve, noise."""
    # Automatic exposure, limited by the largest exposure of the camera.
    level = float(luminance(radiance).mean())
    exposed = (
        radiance
        * min(weather.exposure_target / max(level, 1e-6), weather.max_exposure)
        * (1 - parameters.darkness)
    )
    # Bloom: overexposed light spills into the neighborhood.
    excess = np.maximum(exposed - 1.0, 0).clip(0, 8)
    scale = parameters.width / REFERENCE_WIDTH
    exposed = (
        exposed
        + 0.35 * blur_gaussian(excess, 2.0 * scale)
        + 0.40 * blur_gaussian(excess, 7.0 * scale)
    )
    # Saturating tone curve and display gamma.
    display = np.clip(1 - np.exp(-1.35 * exposed), 0, 1) ** (1 / 2.2)
    # Noise with a component that all three channels share; brighter pixels are noisier.
    noise = rng.standard_normal(display.shape, dtype=np.float32)
    noise = 0.6 * noise + 0.8 * noise.mean(axis=2, keepdims=True)
    noise_level = weather.noise_level * parameters.noise * (0.6 + 0.8 * np.sqrt(display))
    image: NDArray[np.uint8] = np.rint(255 * np.clip(display + noise_level * noise, 0, 1)).astype(
        np.uint8
    )
    return image


def _compute_illumination(
    geometry: PixelGeometry, weather: Weather, lights: Sequence[Light]
) -> Float32Array:
    """Compute the light that reaches every pixel, linear RGB (H, W, 3).

    Each lamp adds color * (1 + d^2 / falloff^2)^(-3/2), d the distance to it; headlights also
    times cos^6 of the angle to the beam.
    """
    ambient = np.array(weather.ambient_color, np.float32) * geometry.ambient_visibility[..., None]
    total = ambient + np.array(weather.sun_color, np.float32) * geometry.sun_visibility[..., None]
    if not weather.are_lamps_on:
        return total
    lamp_brightness = 1.0 if max(weather.ambient_color) < 0.1 else 0.5  # less visible by day
    for light in sorted(lights, key=lambda light: light.position[2])[:MAX_LIGHTS]:
        x, y, z = (np.float32(v) for v in light.position)
        dx, dy, dz = geometry.x - x, geometry.y - y, geometry.z - z
        squared_distance = dx * dx + dy * dy + dz * dz
        falloff = 1 + squared_distance * np.float32(1 / light.falloff_distance**2)
        strength = lamp_brightness / (falloff * np.sqrt(falloff))
        if light.beam_direction is not None:
            cosine = (dx * light.beam_direction[0] + dz * light.beam_direction[1]) / np.sqrt(
                squared_distance + 0.3
            )
            squared_cosine = np.clip(cosine, 0, 1) ** 2
            strength = strength * squared_cosine * squared_cosine * squared_cosine
        total = total + strength[..., None] * np.array(light.color, np.float32)
    return total


def _compute_sky_radiance(
    geometry: PixelGeometry, camera: Camera, weather: Weather
) -> Float32Array:
    """Compute the sky at every pixel, linear RGB (H, W, 3); clouds shrink towards the horizon."""
    height, width = geometry.z.shape
    # Direction of every image pixel; image pixels are two canvas pixels apart.
    row = (np.arange(height, dtype=np.float32) * 2 - camera.horizon_row)[
        :, None
    ] / camera.focal_length
    column = (np.arange(width, dtype=np.float32) * 2 - camera.vanishing_column)[
        None
    ] / camera.focal_length
    # Gradient from the horizon to the zenith.
    elevation = np.clip(-row, 0.02, 1)
    zenith_fraction = np.clip(elevation / 0.42, 0, 1)[..., None]
    color = np.array(weather.horizon_color, np.float32) * (
        1 - zenith_fraction
    ) + zenith_fraction * np.array(weather.zenith_color, np.float32)
    # Clouds on a horizontal plane overhead.
    distance = 26 / (elevation + 0.12)
    texture_index = np.full((height, width), textures.CLOUDS)
    across = np.broadcast_to(column * distance + 1000, texture_index.shape)
    ahead = np.broadcast_to(distance * 1.8, texture_index.shape)
    pixels_per_meter = np.full(texture_index.shape, 50, np.float32)
    clouds = textures.sample_texture(texture_index, across, ahead, pixels_per_meter)
    opacity = np.clip((clouds - 0.1) * 0.55, 0, 1)[..., None] * weather.cloud_contrast
    cloud_radiance = np.array(weather.horizon_color, np.float32).max() * 1.12
    return np.asarray(color * (1 - opacity) + cloud_radiance * opacity, np.float32)


def _apply_haze_and_smoke(
    radiance: Float32Array, geometry: PixelGeometry, weather: Weather, parameters: SceneParameters
) -> Float32Array:
    """Blend radiance with haze by distance (Koschmieder's law), then with the smoke cloud."""
    extinction = weather.extinction + parameters.haze
    transmission = np.exp(-extinction * np.minimum(geometry.z, 300))[..., None]
    airlight = np.array(weather.horizon_color, np.float32) * 0.95
    if weather.are_lamps_on:
        # Lamps light up the haze around them.
        airlight = airlight + 0.12 * blur_gaussian(np.minimum(radiance, 4), 14.0) * min(
            1.0, 20 * extinction
        )
    hazy = np.asarray(radiance * transmission + airlight * (1 - transmission), np.float32)
    if weather.smoke is None:
        return hazy
    # Squared distance from the center of the cloud in units of its radius; x and y in image widths.
    x, y, radius, density = weather.smoke
    height, width = geometry.z.shape
    row, column = np.mgrid[:height, :width].astype(np.float32) / width
    squared_distance = ((column - x) ** 2 + ((row - y * height / width) * 1.25) ** 2) / radius**2
    texture_index = np.full((height, width), textures.CLOUDS)
    pixels_per_meter = np.full(texture_index.shape, 50, np.float32)
    puffs = textures.sample_texture(texture_index, column * 90, row * 90, pixels_per_meter)
    optical_depth = density * np.exp(-(squared_distance**1.5)) * np.clip(0.8 + 0.45 * puffs, 0.1, 2)
    # Objects nearer than 3 m are in front of the smoke, those beyond 8 m behind it.
    opacity = (1 - np.exp(-optical_depth * np.clip((geometry.z - 3) / 5, 0, 1)))[..., None]
    smoke = np.array(weather.horizon_color, np.float32).mean() * (0.82 + 0.06 * puffs[..., None])
    return np.asarray(hazy * (1 - opacity) + smoke * opacity, np.float32)


def _apply_glare(radiance: Float32Array, weather: Weather) -> Float32Array:
    """Add the glare of a low sun in the image: a disc, a wide halo and a uniform veil."""
    if weather.glare is None:
        return radiance
    x, y, strength = weather.glare
    height, width = radiance.shape[:2]
    row, column = np.mgrid[:height, :width].astype(np.float32) / width
    distance = np.hypot(column - x, row - y * height / width)
    glare = strength * (0.9 * np.exp(-distance / 0.05) + 0.42 * np.exp(-distance / 0.22) + 0.05)
    return np.asarray(radiance + glare[..., None] * np.array([1.0, 0.88, 0.68]), np.float32)
