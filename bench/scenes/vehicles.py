"""Cars, vans, trucks and buses: boxes with tapered cabins, seen from any side."""

from dataclasses import dataclass

import numpy as np

from bench.scenes.camera import Points
from bench.scenes.things import (
    BUS,
    CAR,
    GLASS,
    RUBBER,
    TRUCK,
    Color,
    Light,
    Part,
    Random,
    Surface,
    Thing,
    array,
    pick,
)

PAINTS: tuple[Color, ...] = (
    (0.86, 0.86, 0.86),
    (0.90, 0.89, 0.86),
    (0.62, 0.64, 0.66),
    (0.16, 0.16, 0.18),
    (0.30, 0.31, 0.34),
    (0.60, 0.10, 0.10),
    (0.12, 0.22, 0.45),
    (0.20, 0.33, 0.28),
    (0.72, 0.60, 0.30),
)
PANE = Surface(GLASS, warmth=0.0, emissivity=0.72, heat=0.2, shade=0.9)
TYRE = Surface(RUBBER, warmth=1.0, heat=0.6, shade=0.8)
UNDER = Surface((0.05, 0.05, 0.055), warmth=1.0, shade=0.5)
WHITE_LAMP = Surface((0.85, 0.86, 0.84), warmth=1.0, emissivity=0.8)
RED_LAMP = Surface((0.52, 0.06, 0.05), warmth=0.6, emissivity=0.85)
SHADES = {"top": 1.08, "front": 0.80, "rear": 0.78, "left": 0.88, "right": 0.88}


@dataclass(frozen=True)
class Pose:
    """Where a vehicle is, in which direction it looks, and what it is doing.

    Attributes:
        x: Middle, metres.
        z: Middle, metres.
        heading: Radians; 0 drives away from the camera, pi towards it, pi / 2 to the right.
        running: The engine is on, so parts of it are warm.
        lit: Its lamps are on.
        eye: Height of the camera, which decides what is seen of its top.
    """

    x: float
    z: float
    heading: float
    running: bool
    lit: bool
    eye: float

    def place(self, local: object) -> Points:
        """World points of local ones (forward, left to right, up)."""
        forward, across, up = np.asarray(local, np.float64).reshape(-1, 3).T
        s, c = np.sin(self.heading), np.cos(self.heading)
        return np.stack(
            [self.x + forward * s + across * c, up, self.z + forward * c - across * s], 1
        )


class Shell:
    """A box, possibly tapered upwards, whose visible faces are drawn with what is on them."""

    def __init__(self, pose: Pose, low: tuple[float, ...], high: tuple[float, ...]) -> None:
        """Take (rear, front, half width, y) of the bottom and of the top."""
        (r0, f0, w0, y0), (r1, f1, w1, y1) = low, high
        corners = {
            "front": [(f0, w0, y0), (f0, -w0, y0), (f1, -w1, y1), (f1, w1, y1)],
            "rear": [(r0, -w0, y0), (r0, w0, y0), (r1, w1, y1), (r1, -w1, y1)],
            "left": [(f0, -w0, y0), (r0, -w0, y0), (r1, -w1, y1), (f1, -w1, y1)],
            "right": [(r0, w0, y0), (f0, w0, y0), (f1, w1, y1), (r1, w1, y1)],
            "top": [(r1, -w1, y1), (r1, w1, y1), (f1, w1, y1), (f1, -w1, y1)],
        }
        middle = pose.place([((r0 + f0) / 2, 0.0, (y0 + y1) / 2)])[0]
        self.faces = {name: pose.place(points) for name, points in corners.items()}
        self.seen = [n for n in self.faces if self._looks_at(n, middle, pose.eye)]

    def _looks_at(self, name: str, middle: Points, eye: float) -> bool:
        points = self.faces[name]
        normal = np.cross(points[1] - points[0], points[3] - points[0])
        center = points.mean(axis=0)
        outward = float(normal @ (center - middle))
        towards = float(normal @ (np.array([0.0, eye, 0.0]) - center))
        return outward * towards > 0

    def patch(self, name: str, u: tuple[float, float], v: tuple[float, float]) -> Points:
        """The part of a face from u[0] to u[1] across and v[0] to v[1] up, each 0..1."""
        a, b, c, d = self.faces[name]

        def at(s: float, t: float) -> Points:
            return (a * (1 - s) + b * s) * (1 - t) + (d * (1 - s) + c * s) * t

        return array([at(u[0], v[0]), at(u[1], v[0]), at(u[1], v[1]), at(u[0], v[1])])


class Builder:
    """Collects the parts of one vehicle."""

    def __init__(self, pose: Pose, label: int) -> None:
        self.pose, self.label = pose, label
        self.parts: list[Part] = []

    def add(self, points: Points, surface: Surface, *, solid: bool = False) -> None:
        """One more part, drawn over the earlier ones."""
        self.parts.append(Part(points, surface, self.label, None, solid))

    def shell(
        self, low: tuple[float, ...], high: tuple[float, ...], paint: dict[str, Surface]
    ) -> Shell:
        """A box with a surface for each face; a face without one takes that of ``"all"``."""
        shell = Shell(self.pose, low, high)
        for name in shell.seen:
            surface = paint.get(name, paint["all"])
            self.add(shell.faces[name], surface._replace(shade=SHADES[name] * surface.shade))
        return shell

    def wheels(self, axles: tuple[float, ...], half: float, radius: float) -> None:
        """All wheels as dark solids; to be drawn before the body."""
        turn = np.arange(8) * np.pi / 4
        for axle in axles:
            for side in (-1.0, 1.0):
                ring = [
                    (axle + radius * np.cos(t), side * w, radius + radius * np.sin(t))
                    for w in (half, half - 0.22)
                    for t in turn
                ]
                self.add(self.pose.place(ring), self._tyre(), solid=True)

    def _tyre(self) -> Surface:
        return TYRE._replace(warmth=9.0 if self.pose.running else 0.5)

    def discs(self, shell: Shell, axles: tuple[float, ...], half: float, radius: float) -> None:
        """The outsides of the wheels, on the side that is seen."""
        turn = np.arange(14) * np.pi / 7
        hub = Surface((0.55, 0.56, 0.57), warmth=5.0 if self.pose.running else 0.0, emissivity=0.7)
        for side, name in ((-1.0, "left"), (1.0, "right")):
            if name not in shell.seen:
                continue
            for axle in axles:
                for size, surface in ((1.18, UNDER), (1.0, self._tyre()), (0.58, hub)):
                    r = radius * size
                    ring = [
                        (
                            axle + r * np.cos(t),
                            side * (half + 0.01),
                            max(radius + r * np.sin(t), 0.0),
                        )
                        for t in turn
                    ]
                    self.add(self.pose.place(ring), surface)


def lamps(build: Builder, shell: Shell, height: tuple[float, float], inset: float) -> None:
    """Head and tail lamps, number plates, and the grille of a warm engine."""
    pose = build.pose
    white = WHITE_LAMP._replace(glow=(4.6, 4.3, 3.6)) if pose.lit else WHITE_LAMP
    red = RED_LAMP._replace(glow=(2.0, 0.10, 0.06)) if pose.lit else RED_LAMP
    plate = Surface((0.16, 0.28, 0.62), warmth=0.5, emissivity=0.8, shade=0.85)
    for name, surface in (("front", white), ("rear", red)):
        if name in shell.seen:
            for u in ((inset, inset + 0.19), (1 - inset - 0.19, 1 - inset)):
                build.add(shell.patch(name, u, height), surface)
            build.add(shell.patch(name, (0.38, 0.62), (0.22, 0.36)), plate)


def headlights(pose: Pose, length: float, wide: float) -> tuple[Light, ...]:
    """What the lamps throw on the road before and behind the vehicle."""
    if not pose.lit:
        return ()
    forward = float(np.sin(pose.heading)), float(np.cos(pose.heading))
    out = []
    for across in (-wide, wide):
        (place,) = pose.place([(length / 2, across, 0.7)])
        out.append(Light(tuple(place.tolist()), (2.6, 2.4, 2.0), 7.0, forward))
    (tail,) = pose.place([(-length / 2 - 0.3, 0.0, 0.6)])
    out.append(Light(tuple(tail.tolist()), (0.35, 0.03, 0.02), 1.5))
    return tuple(out)


def shadow(pose: Pose, length: float, half: float, high: float) -> tuple[float, ...]:
    """Bulk of a vehicle for its shadow: the box around it that runs along the axes."""
    corners = pose.place([(s * length / 2, t * half, 0.0) for s in (-1, 1) for t in (-1, 1)])
    low, top = corners.min(axis=0), corners.max(axis=0)
    return float(low[0]), float(top[0]), float(low[2]), float(top[2]), high


def finish(build: Builder, length: float, half: float, high: float) -> Thing:
    """The vehicle with its lights and its shadow."""
    pose = build.pose
    a, b, c, d, e = shadow(pose, length, half, high)
    near = max(float(np.concatenate([p.points for p in build.parts])[:, 2].min()), 0.5)
    depth = 0.7 * near + 0.3 * pose.z
    return Thing(
        tuple(build.parts),
        depth,
        (build.label,),
        (a, b, c, d, e),
        headlights(pose, length, half * 0.7),
    )


def car(pose: Pose, random: Random) -> Thing:
    """A saloon, hatchback, estate, off-roader or van."""
    kind = int(random.choice([0, 0, 1, 1, 2, 3]))
    length, half, belt, high = (
        (4.5, 0.90, 0.88, 1.44),
        (4.0, 0.87, 0.92, 1.50),
        (4.6, 0.95, 1.05, 1.72),
        (5.0, 0.98, 1.15, 1.98),
    )[kind]
    rear, front = -length / 2, length / 2
    bonnet = front - (1.15, 0.95, 1.05, 0.65)[kind]
    tail = rear + (0.75, 0.12, 0.10, 0.08)[kind]
    paint = Surface(pick(random, PAINTS, 0.02), warmth=1.0, emissivity=0.86, heat=0.7)
    warm = paint._replace(warmth=11.0) if pose.running else paint
    build = Builder(pose, CAR)
    radius = 0.32 if kind < 2 else 0.37
    axles = (rear + 0.85, front - 0.85)
    build.add(
        _floor(pose, rear, front, half),
        UNDER._replace(warmth=7.0 if pose.running else 0.3),
        solid=True,
    )
    build.wheels(axles, half, radius)
    body = build.shell(
        (rear, front, half, 0.26),
        (rear + 0.05, front - 0.10, half * 0.97, belt),
        {"all": paint, "front": warm, "top": paint},
    )
    _bonnet(build, body, (bonnet - rear) / length, warm)
    sides = [n for n in ("left", "right") if n in body.seen]
    for name in sides:
        build.add(body.patch(name, (0, 1), (0.0, 0.16)), UNDER)
        seam = paint._replace(shade=0.55)
        for u in (0.40, 0.62):
            build.add(body.patch(name, (u, u + 0.012), (0.15, 0.95)), seam)
    build.discs(body, axles, half, radius)
    if "front" in body.seen:
        grille = Surface((0.08, 0.08, 0.09), warmth=17.0 if pose.running else 0.3)
        build.add(body.patch("front", (0.30, 0.70), (0.42, 0.66)), grille)
        build.add(
            body.patch("front", (0.08, 0.92), (0.0, 0.18)),
            UNDER._replace(warmth=6.0 if pose.running else 0.0),
        )
    if "rear" in body.seen:
        build.add(body.patch("rear", (0.04, 0.96), (0.0, 0.20)), UNDER)
        hot = UNDER._replace(warmth=26.0 if pose.running else 0.0)
        build.add(body.patch("rear", (0.68, 0.84), (0.0, 0.15)), hot)
    lamps(build, body, (0.55, 0.84), 0.03)
    cabin = build.shell(
        (tail, bonnet, half * 0.95, belt),
        (
            tail + (0.55, 0.30, 0.20, 0.10)[kind],
            bonnet - (0.75, 0.65, 0.70, 0.60)[kind],
            half * 0.78,
            high,
        ),
        {"all": paint},
    )
    _panes(build, cabin)
    return finish(build, length, half, high)


def _floor(pose: Pose, rear: float, front: float, half: float) -> Points:
    return pose.place(
        [(l, w, y) for l in (rear + 0.2, front - 0.2) for w in (-half, half) for y in (0.12, 0.5)]
    )


def _bonnet(build: Builder, body: Shell, share: float, warm: Surface) -> None:
    if "top" in body.seen:
        a, b, c, d = body.faces["top"]
        build.add(
            array([a + (d - a) * share, b + (c - b) * share, c, d]), warm._replace(shade=1.08)
        )


def _panes(build: Builder, cabin: Shell) -> None:
    clear = PANE._replace(color=(0.20, 0.23, 0.27), shade=1.0)
    for name in cabin.seen:
        if name in ("front", "rear"):
            build.add(
                cabin.patch(name, (0.06, 0.94), (0.10, 0.92)), clear if name == "front" else PANE
            )
        elif name != "top":
            for u in ((0.07, 0.46), (0.51, 0.93)):
                build.add(cabin.patch(name, u, (0.12, 0.88)), PANE)


def bus(pose: Pose, random: Random) -> Thing:
    """A city bus: a long box with a band of windows and a lit destination board."""
    length, half, high = float(random.uniform(9, 12)), 1.25, float(random.uniform(2.9, 3.2))
    rear, front = -length / 2, length / 2
    paints: tuple[Color, ...] = (
        (0.75, 0.15, 0.12),
        (0.85, 0.84, 0.80),
        (0.12, 0.42, 0.25),
        (0.15, 0.35, 0.66),
        (0.88, 0.68, 0.15),
    )
    paint = Surface(pick(random, paints, 0.02), warmth=1.5, emissivity=0.88, heat=0.6)
    build = Builder(pose, BUS)
    axles = (rear + 2.4, front - 2.6)
    build.wheels(axles, half, 0.48)
    body = build.shell((rear, front, half, 0.32), (rear, front, half * 0.99, high), {"all": paint})
    inside = PANE._replace(glow=(0.30, 0.28, 0.22) if pose.lit else (0.0, 0.0, 0.0), warmth=2.5)
    panes = int(random.integers(5, 8))
    for name in body.seen:
        if name in ("left", "right"):
            build.add(body.patch(name, (0, 1), (0.0, 0.14)), UNDER)
            build.add(
                body.patch(name, (0, 1), (0.34, 0.39)), paint._replace(color=(0.85, 0.85, 0.82))
            )
            for i in range(panes):
                build.add(
                    body.patch(
                        name, (0.03 + 0.94 * i / panes, 0.01 + 0.94 * (i + 1) / panes), (0.46, 0.84)
                    ),
                    inside,
                )
            build.add(
                body.patch(name, (0.80, 0.90) if name == "right" else (0.10, 0.20), (0.06, 0.82)),
                inside._replace(shade=0.7),
            )
    build.discs(body, axles, half, 0.48)
    if "front" in body.seen:
        build.add(
            body.patch("front", (0.04, 0.96), (0.32, 0.80)),
            inside._replace(color=(0.19, 0.22, 0.26)),
        )
        build.add(
            body.patch("front", (0.12, 0.88), (0.85, 0.96)), Surface((0.06, 0.06, 0.06), warmth=3.0)
        )
        board = Surface((0.5, 0.3, 0.1), warmth=3.0, glow=(1.3, 0.62, 0.10))
        build.add(body.patch("front", (0.22, 0.72), (0.88, 0.93)), board)
    if "rear" in body.seen:
        build.add(body.patch("rear", (0.12, 0.88), (0.55, 0.85)), PANE)
        engine = paint._replace(warmth=19.0 if pose.running else 0.5, shade=0.6)
        build.add(body.patch("rear", (0.15, 0.85), (0.10, 0.40)), engine)
    lamps(build, body, (0.14, 0.24), 0.03)
    return finish(build, length, half, high)


def truck(pose: Pose, random: Random) -> Thing:
    """A lorry: a cab and behind it a box, a tarpaulin or a flat bed."""
    length, half = float(random.uniform(6.0, 8.5)), 1.18
    high = float(random.uniform(2.8, 3.5))
    rear, front = -length / 2, length / 2
    paint = Surface(pick(random, PAINTS, 0.02), warmth=1.5, emissivity=0.87, heat=0.6)
    boxes: tuple[Color, ...] = (
        (0.84, 0.84, 0.82),
        (0.22, 0.36, 0.58),
        (0.55, 0.47, 0.34),
        (0.72, 0.42, 0.14),
        (0.36, 0.42, 0.30),
    )
    load = Surface(pick(random, boxes, 0.02), warmth=-0.5, emissivity=0.84, heat=0.6)
    build = Builder(pose, TRUCK)
    axles = (rear + 1.3, front - 1.2)
    cab = front - 1.9
    build.add(
        _floor(pose, rear, front, half * 0.7),
        UNDER._replace(warmth=6.0 if pose.running else 0.3),
        solid=True,
    )
    build.wheels(axles, half, 0.46)

    def draw_load() -> Shell:
        flat = (rear, cab - 0.2, half, 0.78)
        shell = build.shell(flat, (rear, cab - 0.2, half, high), {"all": load})
        rib = load._replace(shade=0.66)
        for name in shell.seen:
            if name in ("left", "right"):
                for u in np.linspace(0.1, 0.9, 7):
                    build.add(shell.patch(name, (u, u + 0.012), (0.02, 0.98)), rib)
            elif name == "rear":
                build.add(shell.patch(name, (0.48, 0.52), (0.04, 0.96)), rib)
                for u in (0.12, 0.36, 0.62, 0.86):
                    build.add(
                        shell.patch(name, (u, u + 0.02), (0.06, 0.94)), rib._replace(shade=0.8)
                    )
        return shell

    def draw_cab() -> Shell:
        warm = paint._replace(warmth=9.0) if pose.running else paint
        shell = build.shell(
            (cab, front, half * 0.96, 0.42),
            (cab, front - 0.25, half * 0.94, min(high - 0.2, 2.7)),
            {"all": paint, "front": warm},
        )
        if "front" in shell.seen:
            build.add(
                shell.patch("front", (0.06, 0.94), (0.50, 0.88)),
                PANE._replace(color=(0.19, 0.22, 0.26)),
            )
            build.add(
                shell.patch("front", (0.22, 0.78), (0.18, 0.40)),
                Surface((0.09, 0.09, 0.1), warmth=16.0 if pose.running else 0.3),
            )
        for name in ("left", "right"):
            if name in shell.seen:
                build.add(shell.patch(name, (0.22, 0.85), (0.50, 0.86)), PANE)
        lamps(build, shell, (0.06, 0.17), 0.04)
        return shell

    towards = np.cos(pose.heading) * pose.z + np.sin(pose.heading) * pose.x < 0
    first, second = (draw_load, draw_cab) if towards else (draw_cab, draw_load)
    shells = (first(), second())
    body = shells[0] if towards else shells[1]
    build.discs(body, axles, half, 0.46)
    if "rear" in body.seen:
        bar = UNDER._replace(color=(0.30, 0.06, 0.05))
        build.add(
            pose.place(
                [(rear, -half, 0.5), (rear, half, 0.5), (rear, half, 0.66), (rear, -half, 0.66)]
            ),
            bar,
        )
        red = RED_LAMP._replace(glow=(2.0, 0.10, 0.06)) if pose.lit else RED_LAMP
        for w in (-half * 0.95, half * 0.75):
            build.add(
                pose.place(
                    [
                        (rear - 0.02, w, 0.52),
                        (rear - 0.02, w + 0.24, 0.52),
                        (rear - 0.02, w + 0.24, 0.70),
                        (rear - 0.02, w, 0.70),
                    ]
                ),
                red,
            )
    return finish(build, length, half, high)
