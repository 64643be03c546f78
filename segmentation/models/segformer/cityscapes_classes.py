"""The 19 classes of Cityscapes in the order of the outputs of networks trained on it.

Source: Cordts et al., "The Cityscapes dataset for semantic urban scene understanding", CVPR 2016;
the train ids of its evaluation, which leaves out the other classes.
"""

CLASSES = (
    "road",
    "sidewalk",
    "building",
    "wall",
    "fence",
    "pole",
    "traffic light",
    "traffic sign",
    "vegetation",
    "terrain",
    "sky",
    "person",
    "rider",
    "car",
    "truck",
    "bus",
    "train",
    "motorcycle",
    "bicycle",
)
