"""Colors of FMB's classes (the authors' dictionary), to draw and to read colored label maps."""

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
