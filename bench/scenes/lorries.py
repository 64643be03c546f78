"""Buses and lorries: long boxes, one full of windows, the other of ribs."""

from collections.abc import Callable

import numpy as np

from bench.scenes import textures
from bench.scenes.things import BUS, TRUCK, Color, Random, Surface, Thing, pick
from bench.scenes.vehicles import (
    DARK,
    PAINTS,
    PANE,
    RED_GLOW,
    RED_LAMP,
    UNDER,
    Builder,
    Pose,
    Shell,
    finish,
    floor,
    lamps,
)

BUS_PAINTS: tuple[Color, ...] = (
    (0.75, 0.15, 0.12),
    (0.85, 0.84, 0.80),
    (0.12, 0.42, 0.25),
    (0.15, 0.35, 0.66),
    (0.88, 0.68, 0.15),
)
LOADS: tuple[Color, ...] = (
    (0.84, 0.84, 0.82),
    (0.22, 0.36, 0.58),
    (0.55, 0.47, 0.34),
    (0.72, 0.42, 0.14),
    (0.36, 0.42, 0.30),
)


def bus(pose: Pose, random: Random) -> Thing:
    """A city bus: a band of windows and a lit destination board."""
    length, half, high = float(random.uniform(9, 12)), 1.25, float(random.uniform(2.9, 3.2))
    rear, front = -length / 2, length / 2
    paint = Surface(
        pick(random, BUS_PAINTS, 0.02),
        warmth=1.5,
        emissivity=0.88,
        heat=0.6,
        texture=textures.PLASTER,
        grain=0.08,
        thermal_grain=0.6,
    )
    inside = PANE._replace(glow=(0.30, 0.28, 0.22) if pose.lit else DARK, warmth=2.5)
    build = Builder(pose, BUS)
    axles = (rear + 2.4, front - 2.6)
    build.wheels(axles, half, 0.48)
    body = build.shell((rear, front, half, 0.32), (rear, front, half * 0.99, high), {"all": paint})
    _bus_sides(build, body, (paint, inside), int(random.integers(5, 8)))
    build.discs(body, axles, half, 0.48)
    if "front" in body.seen:
        clear = inside._replace(color=(0.19, 0.22, 0.26))
        frame = Surface((0.06, 0.06, 0.06), warmth=3.0)
        board = Surface((0.5, 0.3, 0.1), warmth=3.0, glow=(1.3, 0.62, 0.10))
        build.add(body.patch("front", (0.04, 0.96), (0.32, 0.80)), clear)
        build.add(body.patch("front", (0.49, 0.51), (0.32, 0.80)), frame)
        build.add(body.patch("front", (0.12, 0.88), (0.85, 0.96)), frame)
        build.add(body.patch("front", (0.22, 0.72), (0.88, 0.93)), board)
    if "rear" in body.seen:
        engine = paint._replace(warmth=19.0 if pose.running else 0.5, shade=0.6)
        build.add(body.patch("rear", (0.12, 0.88), (0.55, 0.85)), PANE)
        build.add(body.patch("rear", (0.15, 0.85), (0.10, 0.40)), engine)
    lamps(build, body, (0.14, 0.24), 0.03)
    return finish(build, length, half, high)


def _bus_sides(build: Builder, body: Shell, surfaces: tuple[Surface, Surface], panes: int) -> None:
    paint, inside = surfaces
    stripe = paint._replace(color=(0.85, 0.85, 0.82))
    for name in ("left", "right"):
        if name not in body.seen:
            continue
        build.add(body.patch(name, (0, 1), (0.0, 0.14)), UNDER)
        build.add(body.patch(name, (0, 1), (0.34, 0.39)), stripe)
        for i in range(panes):
            u = 0.03 + 0.94 * i / panes, 0.01 + 0.94 * (i + 1) / panes
            build.add(body.patch(name, u, (0.46, 0.84)), inside)
        door = (0.80, 0.90) if name == "right" else (0.10, 0.20)
        build.add(body.patch(name, door, (0.06, 0.82)), inside._replace(shade=0.7))


def truck(pose: Pose, random: Random) -> Thing:
    """A lorry: a cab, and behind it a box or a tarpaulin."""
    length, half = float(random.uniform(6.0, 8.5)), 1.18
    high = float(random.uniform(2.8, 3.5))
    rear, front = -length / 2, length / 2
    paint = Surface(
        pick(random, PAINTS, 0.02),
        warmth=1.5,
        emissivity=0.87,
        heat=0.6,
        texture=textures.PLASTER,
        grain=0.08,
        thermal_grain=0.6,
    )
    load = Surface(
        pick(random, LOADS, 0.02),
        warmth=-0.5,
        emissivity=0.89,
        heat=0.6,
        texture=textures.PLASTER,
        grain=0.08,
        thermal_grain=0.6,
    )
    build = Builder(pose, TRUCK)
    axles = (rear + 1.3, front - 1.2)
    back = front - 1.9
    below = UNDER._replace(warmth=6.0 if pose.running else 0.3)
    build.add(floor(pose, rear, front, half * 0.7), below, solid=True)
    build.wheels(axles, half, 0.46)
    steps: list[Callable[[], None]] = [
        lambda: _load(build, (rear, back - 0.2, half, high), load),
        lambda: _cab(build, (back, front, half, min(high - 0.2, 2.7)), paint),
    ]
    towards = np.cos(pose.heading) * pose.z + np.sin(pose.heading) * pose.x < 0
    for step in steps if towards else steps[::-1]:
        step()
    whole = Shell(pose, (rear, front, half, 0.4), (rear, front, half, high))
    build.discs(whole, axles, half, 0.46)
    if "rear" in whole.seen:
        _tail(build, rear, half)
    return finish(build, length, half, high)


def _load(build: Builder, size: tuple[float, float, float, float], load: Surface) -> None:
    rear, front, half, high = size
    shell = build.shell((rear, front, half, 0.78), (rear, front, half, high), {"all": load})
    rib = load._replace(shade=0.66)
    for name in ("left", "right"):
        if name in shell.seen:
            for u in np.linspace(0.1, 0.9, 7).tolist():
                build.add(shell.patch(name, (u, u + 0.012), (0.02, 0.98)), rib)
    if "rear" in shell.seen:
        build.add(shell.patch("rear", (0.485, 0.515), (0.04, 0.96)), rib)
        for u in (0.12, 0.36, 0.62, 0.86):
            bar = rib._replace(shade=0.8)
            build.add(shell.patch("rear", (u, u + 0.02), (0.06, 0.94)), bar)


def _cab(build: Builder, size: tuple[float, float, float, float], paint: Surface) -> None:
    back, front, half, high = size
    running = build.pose.running
    warm = paint._replace(warmth=9.0) if running else paint
    shell = build.shell(
        (back, front, half * 0.96, 0.42),
        (back, front - 0.25, half * 0.94, high),
        {"all": paint, "front": warm},
    )
    if "front" in shell.seen:
        grille = Surface((0.09, 0.09, 0.1), warmth=16.0 if running else 0.3)
        clear = PANE._replace(color=(0.19, 0.22, 0.26))
        build.add(shell.patch("front", (0.06, 0.94), (0.50, 0.88)), clear)
        build.add(shell.patch("front", (0.22, 0.78), (0.18, 0.40)), grille)
    for name in ("left", "right"):
        if name in shell.seen:
            build.add(shell.patch(name, (0.22, 0.85), (0.50, 0.86)), PANE)
    lamps(build, shell, (0.06, 0.17), 0.04)


def _tail(build: Builder, rear: float, half: float) -> None:
    """The bar below the load, and its lamps."""
    pose = build.pose

    def across(back: float, sides: tuple[float, float], rise: tuple[float, float]) -> None:
        (a, b), (low, top) = sides, rise
        corners = [(back, a, low), (back, b, low), (back, b, top), (back, a, top)]
        red = RED_LAMP._replace(glow=RED_GLOW if pose.lit else DARK)
        wide = b - a > 1
        surface = UNDER._replace(color=(0.30, 0.06, 0.05)) if wide else red
        build.add(pose.place(corners), surface)

    across(rear, (-half, half), (0.5, 0.66))
    for side in (-half * 0.95, half * 0.75):
        across(rear - 0.02, (side, side + 0.24), (0.52, 0.70))
