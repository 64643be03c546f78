"""Riders of motorcycles and bicycles, seen from the side or from the front."""

import numpy as np

from fusebench.simulator.camera import Points
from fusebench.simulator.objects.people import Clothes, PersonPose, build_head
from fusebench.simulator.objects.primitives import (
    PERSON,
    Polygon,
    Surface,
    build_capsule_outline,
    build_disc,
    place_at_depth,
)

Outline = tuple[Points, Surface]  # corners (x, y) in meters, (N, 2), and surface


def _build_helmet_surface(clothes: Clothes) -> Surface:
    """Build the surface of a helmet in the color of the coat."""
    return Surface(
        clothes.coat.color, body_temperature_fraction=0.45, solar_absorption=0.2, shading=1.0
    )


def _build_rider(
    outlines: list[Outline], head: tuple[float, float], pose: PersonPose, clothes: Clothes
) -> list[Polygon]:
    """Build the polygons of a rider from body outlines and a head with a helmet at (x, y)."""
    polygons = [
        Polygon(place_at_depth(outline, pose.z), surface, PERSON) for outline, surface in outlines
    ]
    polygons += build_head(head[0], head[1], pose.z, pose, clothes)
    polygons[-1] = polygons[-1]._replace(surface=_build_helmet_surface(clothes))  # not hair
    return polygons


def build_rider_side_view(pose: PersonPose, clothes: Clothes) -> list[Polygon]:
    """Build a rider seen from the side."""
    x, direction = pose.x, pose.sideways_direction
    hip, shoulder = (x - direction * 0.22, 0.92), (x - direction * 0.02, 1.40)
    knee, foot = (x + direction * 0.16, 0.72), (x + direction * 0.04, 0.34)
    elbow, hand = (x + direction * 0.14, 1.14), (x + direction * 0.30, 1.08)
    toe = (foot[0] + direction * 0.1, foot[1] - 0.02)
    outlines = [
        (build_capsule_outline(hip, knee, (0.19, 0.15)), clothes.trousers),
        (build_capsule_outline(knee, foot, (0.14, 0.10)), clothes.trousers),
        (build_capsule_outline(foot, toe, (0.09, 0.08)), clothes.shoes),
        (build_capsule_outline(hip, shoulder, (0.28, 0.26)), clothes.coat),
        (build_capsule_outline(shoulder, elbow, (0.12, 0.10)), clothes.sleeve),
        (build_capsule_outline(elbow, hand, (0.10, 0.08)), clothes.sleeve),
        (build_disc(hand[0], hand[1], 0, 0.05, 8)[:, :2], clothes.skin),
    ]
    return _build_rider(outlines, (x + direction * 0.05, 1.62), pose, clothes)


def build_rider_front_view(pose: PersonPose, clothes: Clothes) -> list[Polygon]:
    """Build a rider seen from the front or from behind."""
    x = pose.x
    outlines = []
    for side in (-1, 1):
        hip, knee, foot = (x + side * 0.10, 0.92), (x + side * 0.22, 0.70), (x + side * 0.18, 0.34)
        shoulder, elbow = (x + side * 0.19, 1.36), (x + side * 0.30, 1.10)
        outlines += [
            (build_capsule_outline(hip, knee, (0.18, 0.15)), clothes.trousers),
            (build_capsule_outline(knee, foot, (0.14, 0.10)), clothes.trousers),
            (build_capsule_outline(shoulder, elbow, (0.12, 0.09)), clothes.sleeve),
            (build_disc(x + side * 0.31, 1.06, 0, 0.05, 8)[:, :2], clothes.skin),
        ]
    chest = np.array(
        [
            (x - 0.17, 0.86),
            (x + 0.17, 0.86),
            (x + 0.22, 1.40),
            (x + 0.10, 1.47),
            (x - 0.10, 1.47),
            (x - 0.22, 1.40),
        ]
    )
    outlines.append((chest, clothes.coat))
    return _build_rider(outlines, (x, 1.62), pose, clothes)
