"""The visible camera: light times reflectance, lamps, haze, glare, exposure and noise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fusebench.simulator import textures
from fusebench.simulator.camera import Camera
from fusebench.simulator.objects.primitives import BUILDING, SKY, Light, RandomGenerator
from fusebench.simulator.parameters import SceneParameters
from fusebench.simulator.sensors.image_ops import (
    Float32Array,
    PixelGeometry,
    blur_gaussian,
    downsample,
    luminance,
)
from fusebench.simulator.weather import Weather

MAX_LIGHTS = 16


def render_visible(
    view: PixelGeometry,
    camera: Camera,
    weather: Weather,
    lights: Sequence[Light],
    knobs: SceneParameters,
    random: RandomGenerator,
) -> NDArray[np.uint8]:
    """What the visible camera shows, uint8 (H, W, 3) RGB."""
    maps = view.buffer
    surface = (
        view.get_surface_column("color")
        * (
            view.get_surface_column("shade")
            * np.maximum(1 + view.get_surface_column("grain") * view.texture, 0.05)
        )[..., None]
    )
    glow = np.array(maps.surfaces[:, 7:10])
    if not weather.are_lamps_on:
        glow[maps.surface_labels == BUILDING] = 0
    radiance = downsample(surface) * _compute_illumination(view, weather, lights) + downsample(
        glow[maps.surface_index]
    )
    covered = downsample((maps.surface_labels[maps.surface_index] == SKY).astype(np.float32))[
        ..., None
    ]
    heaven = _compute_sky_radiance(view, camera, weather)
    radiance = radiance * (1 - covered) + heaven * covered
    radiance = _apply_haze_and_smoke(radiance, view, weather, knobs)
    radiance = _apply_glare(radiance, weather)
    level = float(luminance(radiance).mean())
    exposed = (
        radiance
        * min(weather.exposure_target / max(level, 1e-6), weather.max_exposure)
        * (1 - knobs.darkness)
    )
    halo = np.maximum(exposed - 1.0, 0).clip(0, 8)
    width = knobs.width / 320
    exposed = (
        exposed + 0.35 * blur_gaussian(halo, 2.0 * width) + 0.40 * blur_gaussian(halo, 7.0 * width)
    )
    shown = np.clip(1 - np.exp(-1.35 * exposed), 0, 1) ** (1 / 2.2)
    noise = random.standard_normal(shown.shape, dtype=np.float32)
    noise = 0.6 * noise + 0.8 * noise.mean(axis=2, keepdims=True)
    grain = weather.noise_level * knobs.noise * (0.6 + 0.8 * np.sqrt(shown))
    out: NDArray[np.uint8] = np.rint(255 * np.clip(shown + grain * noise, 0, 1)).astype(np.uint8)
    return out


def _compute_illumination(
    view: PixelGeometry, weather: Weather, lights: Sequence[Light]
) -> Float32Array:
    """Light that reaches every pixel, linear RGB (H, W, 3)."""
    sky = np.array(weather.ambient_color, np.float32) * view.ambient_visibility[..., None]
    total = sky + np.array(weather.sun_color, np.float32) * view.sun_visibility[..., None]
    if not weather.are_lamps_on:
        return total
    dimmed = 1.0 if max(weather.ambient_color) < 0.1 else 0.5
    for light in sorted(lights, key=lambda light: light.position[2])[:MAX_LIGHTS]:
        x, y, z = (np.float32(v) for v in light.position)
        dx, dy, dz = view.x - x, view.y - y, view.z - z
        square = dx * dx + dy * dy + dz * dz
        spread = 1 + square * np.float32(1 / light.falloff_distance**2)
        strength = dimmed / (spread * np.sqrt(spread))
        if light.beam_direction is not None:
            along = (dx * light.beam_direction[0] + dz * light.beam_direction[1]) / np.sqrt(
                square + 0.3
            )
            along = np.clip(along, 0, 1) ** 2
            strength = strength * along * along * along
        total = total + strength[..., None] * np.array(light.color, np.float32)
    return total


def _compute_sky_radiance(view: PixelGeometry, camera: Camera, weather: Weather) -> Float32Array:
    """Color of the sky behind every pixel, with clouds that get smaller towards the horizon."""
    height, width = view.z.shape
    row = (np.arange(height, dtype=np.float32) * 2 - camera.horizon_row)[
        :, None
    ] / camera.focal_length
    column = (np.arange(width, dtype=np.float32) * 2 - camera.vanishing_column)[
        None
    ] / camera.focal_length
    rise = np.clip(-row, 0.02, 1)
    share = np.clip(rise / 0.42, 0, 1)[..., None]
    color = np.array(weather.horizon_color, np.float32) * (1 - share) + share * np.array(
        weather.zenith_color, np.float32
    )
    far = 26 / (rise + 0.12)
    kind = np.full((height, width), textures.CLOUDS)
    across = np.broadcast_to(column * far + 1000, kind.shape)
    up = np.broadcast_to(far * 1.8, kind.shape)
    cloud = textures.sample_texture(kind, across, up, np.full(kind.shape, 50, np.float32))
    white = np.clip((cloud - 0.1) * 0.55, 0, 1)[..., None] * weather.cloud_contrast
    bright = np.array(weather.horizon_color, np.float32).max() * 1.12
    return np.asarray(color * (1 - white) + bright * white, np.float32)


def _apply_haze_and_smoke(
    radiance: Float32Array, view: PixelGeometry, weather: Weather, knobs: SceneParameters
) -> Float32Array:
    """Haze by distance, and the bank of smoke."""
    extinction = weather.extinction + knobs.haze
    clear = np.exp(-extinction * np.minimum(view.z, 300))[..., None]
    veil = np.array(weather.horizon_color, np.float32) * 0.95
    if weather.are_lamps_on:
        veil = veil + 0.12 * blur_gaussian(np.minimum(radiance, 4), 14.0) * min(
            1.0, 20 * extinction
        )
    hazy = np.asarray(radiance * clear + veil * (1 - clear), np.float32)
    if weather.smoke is None:
        return hazy
    x, y, radius, density = weather.smoke
    height, width = view.z.shape
    row, column = np.mgrid[:height, :width].astype(np.float32) / width
    away = ((column - x) ** 2 + ((row - y * height / width) * 1.25) ** 2) / radius**2
    kind = np.full((height, width), textures.CLOUDS)
    puffs = textures.sample_texture(
        kind, column * 90, row * 90, np.full(kind.shape, 50, np.float32)
    )
    thick = density * np.exp(-(away**1.5)) * np.clip(0.8 + 0.45 * puffs, 0.1, 2)
    hidden = (1 - np.exp(-thick * np.clip((view.z - 3) / 5, 0, 1)))[..., None]
    smoke = np.array(weather.horizon_color, np.float32).mean() * (0.82 + 0.06 * puffs[..., None])
    return np.asarray(hazy * (1 - hidden) + smoke * hidden, np.float32)


def _apply_glare(radiance: Float32Array, weather: Weather) -> Float32Array:
    """A low sun in the picture: a disc, a wide halo, and a veil over everything."""
    if weather.glare is None:
        return radiance
    x, y, strength = weather.glare
    height, width = radiance.shape[:2]
    row, column = np.mgrid[:height, :width].astype(np.float32) / width
    away = np.hypot(column - x, row - y * height / width)
    veil = strength * (0.9 * np.exp(-away / 0.05) + 0.42 * np.exp(-away / 0.22) + 0.05)
    return np.asarray(radiance + veil[..., None] * np.array([1.0, 0.88, 0.68]), np.float32)
