"""Sizes of published fusion networks, to compare with; nothing here is measured.

Counted are the values of the released weights, or of the network of the released code. What is
not known is None.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedSize:
    """Size of a published method.

    Attributes:
        method: Name in its paper.
        parameters: Number of trainable values.
        table_entries: Entries of a lookup table besides.
        origin: Where the numbers come from.
    """

    method: str
    parameters: int
    table_entries: int | None
    origin: str


PUBLISHED_SIZES = (
    PublishedSize(
        "MMDRFuse",
        113,
        None,
        "counted: student.model of github.com/yanglinDeng/MMDRFuse (c9e5014)",
    ),
    PublishedSize(
        "LUT-Fuse",
        7_825,
        65_536,
        "counted: generator_context.pth and fine_tuned_lut.npy of github.com/zyb5/LUT-Fuse "
        "(26d4973)",
    ),
    PublishedSize(
        "DATFuse",
        10_760,
        None,
        "counted: model_10.pth of github.com/tthinking/DATFuse (0cd93f1)",
    ),
    PublishedSize(
        "IFCNN",
        83_587,
        None,
        "counted: IFCNN-MAX.pth of github.com/uzeful/IFCNN (8fe59c2), with the fixed first layer",
    ),
    PublishedSize(
        "SeAFusion",
        166_883,
        None,
        "counted: FusionNet.py of github.com/Linfeng-Tang/SeAFusion (5fd9c52), with its fixed "
        "Sobel filters and unused normalizations",
    ),
)
