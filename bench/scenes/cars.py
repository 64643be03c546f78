"""Saloons, hatchbacks, estates, off-roaders and vans."""

from bench.scenes import textures
from bench.scenes.camera import Points
from bench.scenes.things import CAR, Random, Surface, Thing, array, pick
from bench.scenes.vehicles import PAINTS, PANE, UNDER, Builder, Pose, Shell, finish, floor, lamps

# Length, half width, belt line, height, bonnet, boot, slope of the rear and of the front pane.
SALOON = (4.5, 0.90, 0.88, 1.44, 1.15, 0.75, 0.55, 0.75)
HATCHBACK = (4.0, 0.87, 0.92, 1.50, 0.95, 0.12, 0.30, 0.65)
OFF_ROADER = (4.6, 0.95, 1.05, 1.72, 1.05, 0.10, 0.20, 0.70)
VAN = (5.0, 0.98, 1.15, 1.98, 0.65, 0.08, 0.10, 0.60)
KINDS = (SALOON, SALOON, HATCHBACK, HATCHBACK, OFF_ROADER, VAN)


def car(pose: Pose, random: Random) -> Thing:
    """One car of any kind."""
    kind = KINDS[random.integers(len(KINDS))]
    length, half, belt, high, nose, boot, rear_slope, front_slope = kind
    rear, front = -length / 2, length / 2
    bonnet, tail = front - nose, rear + boot
    paint = Surface(
        pick(random, PAINTS, 0.02),
        warmth=1.0,
        emissivity=0.86,
        heat=0.7,
        texture=textures.PLASTER,
        grain=0.08,
        thermal_grain=0.6,
    )
    warm = paint._replace(warmth=11.0) if pose.running else paint
    below = UNDER._replace(warmth=7.0 if pose.running else 0.3)
    build = Builder(pose, CAR)
    radius = 0.32 if belt < 1 else 0.37
    axles = (rear + 0.85, front - 0.85)
    build.add(floor(pose, rear, front, half), below, solid=True)
    build.wheels(axles, half, radius)
    body = build.shell(
        (rear, front, half, 0.26),
        (rear + 0.05, front - 0.10, half * 0.96, belt, 0.14),
        {"all": paint, "front": warm},
    )
    _bonnet(build, body, (bonnet - rear) / length, warm)
    _sides(build, body, paint)
    build.discs(body, axles, half, radius)
    _ends(build, body, below)
    lamps(build, body, (0.55, 0.84), 0.03)
    cabin = build.shell(
        (tail, bonnet, half * 0.94, belt - 0.02),
        (tail + rear_slope, bonnet - front_slope, half * 0.76, high),
        {"all": paint},
    )
    _panes(build, cabin)
    return finish(build, length, half, high)


def _bonnet(build: Builder, body: Shell, share: float, warm: Surface) -> None:
    if "top" in body.seen:
        a, b, c, d = body.faces["top"]
        lid: Points = array([a + (d - a) * share, b + (c - b) * share, c, d])
        build.add(lid, warm._replace(shade=1.08))


def _sides(build: Builder, body: Shell, paint: Surface) -> None:
    """Sill, a line of light below the windows, and the gaps of the doors."""
    seam = paint._replace(shade=0.55)
    for name in ("left", "right"):
        if name in body.seen:
            build.add(body.patch(name, (0, 1), (0.0, 0.16)), UNDER)
            build.add(body.patch(name, (0, 1), (0.16, 0.42)), paint._replace(shade=0.72))
            build.add(body.patch(name, (0, 1), (0.86, 0.94)), paint._replace(shade=1.04))
            for u in (0.38, 0.60):
                build.add(body.patch(name, (u, u + 0.012), (0.15, 0.95)), seam)


def _ends(build: Builder, body: Shell, below: Surface) -> None:
    """Grille and bumpers; the exhaust is the hottest thing in the street."""
    running = build.pose.running
    if "front" in body.seen:
        grille = Surface((0.08, 0.08, 0.09), warmth=17.0 if running else 0.3)
        build.add(body.patch("front", (0.28, 0.72), (0.46, 0.72)), grille)
        build.add(body.patch("front", (0.06, 0.94), (0.0, 0.18)), below)
    if "rear" in body.seen:
        build.add(body.patch("rear", (0.04, 0.96), (0.0, 0.20)), UNDER)
        hot = UNDER._replace(warmth=26.0 if running else 0.0)
        build.add(body.patch("rear", (0.68, 0.84), (0.0, 0.15)), hot)


def _panes(build: Builder, cabin: Shell) -> None:
    clear = PANE._replace(color=(0.20, 0.23, 0.27), shade=1.0)
    for name in cabin.seen:
        if name in ("front", "rear"):
            pane = clear if name == "front" else PANE
            build.add(cabin.patch(name, (0.06, 0.94), (0.10, 0.92)), pane)
        elif name != "top":
            for u in ((0.07, 0.46), (0.51, 0.93)):
                build.add(cabin.patch(name, u, (0.12, 0.88)), PANE)
