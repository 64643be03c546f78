"""Colors of FMB's classes (the authors' dictionary), to draw and to read colored label maps."""

from collections.abc import Sequence

from fusebench.data.label_images.colors import RGB

FMB_COLORS = {
    "unlabelled": (0, 0, 0),
    "road": (179, 228, 228),
    "sidewalk": (181, 57, 133),
    "building": (67, 162, 177),
    "lamp": (200, 178, 50),
    "sign": (132, 45, 199),
    "vegetation": (66, 172, 84),
    "sky": (179, 73, 79),
    "person": (76, 99, 166),
    "car": (66, 121, 253),
    "truck": (137, 165, 91),
    "bus": (155, 97, 152),
    "motorcycle": (105, 153, 140),
    "bicycle": (222, 215, 158),
    "pole": (135, 113, 90),
}


def map_colors_to_ids(classes: Sequence[str]) -> dict[RGB, int] | None:
    """Return the color of each class and its id; None if a class is none of FMB's."""
    names = [name.lower() for name in classes]
    if not all(name in FMB_COLORS for name in names):
        return None
    return {FMB_COLORS[name]: class_id for class_id, name in enumerate(names)}
