"""The thermal camera: temperature times emissivity, blur, noise and automatic gain, white = hot."""

import numpy as np
from numpy.typing import NDArray

from fusebench.simulator import textures
from fusebench.simulator.camera import Camera
from fusebench.simulator.objects.primitives import SKY, RandomGenerator
from fusebench.simulator.parameters import SceneParameters
from fusebench.simulator.sensors.image_ops import (
    Float32Array,
    PixelGeometry,
    blur_gaussian,
    downsample,
    luminance,
    shift_and_scale,
)
from fusebench.simulator.weather import Weather

BODY_TEMPERATURE = 34.0  # C, of skin in the open


def render_infrared(
    view: PixelGeometry,
    camera: Camera,
    weather: Weather,
    knobs: SceneParameters,
    random: tuple[RandomGenerator, RandomGenerator],
) -> NDArray[np.uint8]:
    """What the thermal camera shows, uint8 (H, W).

    ``random`` is for what lasts over a sequence, and for what changes from frame to frame.
    """
    lasting, passing = random
    seen = _compute_apparent_temperature(view, camera, weather)
    size = knobs.width / 320
    seen = blur_gaussian(seen + 0.5 * _sample_nonuniformity(seen.shape, lasting), 1.1 * size)
    if knobs.misregistration:
        turn = lasting.uniform(0, 2 * np.pi)
        reach = knobs.misregistration
        shift = float(reach * np.cos(turn)), float(reach * np.sin(turn))
        seen = shift_and_scale(seen, shift, 1 + reach / 1500)
    sharp = passing.standard_normal(seen.shape, dtype=np.float32)
    lines = lasting.standard_normal((1, seen.shape[1]), dtype=np.float32)
    noisy = np.asarray(seen + knobs.noise * (0.16 * sharp + 0.07 * lines), np.float32)
    return _apply_automatic_gain(noisy, float(np.median(seen)), seen, knobs.thermal_contrast)


def _sample_nonuniformity(shape: tuple[int, ...], random: RandomGenerator) -> Float32Array:
    """Slow unevenness of the sensor over the image, about -2..2."""
    row, column = np.mgrid[: shape[0], : shape[1]].astype(np.float32) * np.float32(90 / shape[1])
    start_row, start_column = random.uniform(0, textures.TEXTURE_SIZE, 2).astype(np.float32)
    kind = np.full(shape, textures.CLOUDS)
    fine = np.full(shape, 9, np.float32)
    return textures.sample_texture(kind, column + start_column, row + start_row, fine)


def _compute_apparent_temperature(
    view: PixelGeometry, camera: Camera, weather: Weather
) -> Float32Array:
    """Temperature the camera takes every pixel to have, C, (H, W)."""
    maps = view.buffer
    body, emissivity = view.get_surface_column("body"), view.get_surface_column("emissivity")
    surfaces = maps.surfaces
    bright = luminance(surfaces[:, :3])
    taken = (weather.solar_heating * surfaces[:, 6] * (1 - 0.7 * bright) * surfaces[:, 13])[
        maps.surface_index
    ]
    sun = np.repeat(np.repeat(0.35 + 0.65 * view.sun_visibility, 2, axis=0), 2, axis=1)
    own = weather.air_temperature + view.get_surface_column("warmth") + taken * sun
    warm = (
        own * (1 - body)
        + BODY_TEMPERATURE * body
        + view.get_surface_column("thermal_grain") * view.texture
    )
    apparent = emissivity * warm + (1 - emissivity) * weather.sky_temperature
    height = apparent.shape[0]
    rise = np.clip(
        (camera.horizon_row - np.arange(height, dtype=np.float32)) / camera.focal_length, 0, 1
    )
    heaven = weather.sky_temperature + (
        weather.air_temperature - 4 - weather.sky_temperature
    ) * np.exp(-rise / 0.10)
    apparent = np.where(maps.surface_labels[maps.surface_index] == SKY, heaven[:, None], apparent)
    image = downsample(np.asarray(apparent, np.float32))
    through = np.exp(-0.0018 * np.minimum(view.z, 200))
    return np.asarray(image * through + (weather.air_temperature - 1) * (1 - through), np.float32)


def _apply_automatic_gain(
    noisy: Float32Array, middle: float, clean: Float32Array, contrast: float
) -> NDArray[np.uint8]:
    """Stretch to 0..255: the span follows the image but never gets narrower than 9 K."""
    low, high = (float(v) for v in np.percentile(clean, (3.0, 99.7)))
    low = max(low, middle - 7.5)
    high = max(high, middle + 9)
    share = (middle + contrast * (noisy - middle) - low) / (high - low)
    shown = np.clip(share, 0, 1) ** 0.92
    out: NDArray[np.uint8] = np.rint(255 * (0.03 + 0.96 * shown)).astype(np.uint8)
    return out
