"""Perceptual hashes of pairs, and groups of pairs whose hashes are close.

The difference hash (dHash, 64 bits) of the library ImageHash, one per sensor: each bit says whether
the image becomes brighter from one cell of a grid of 8 rows and 9 columns to the next. Two pairs
are close only if both sensors are.

Source: N. Krawetz, "Kind of like that", The Hacker Factor Blog, 2013; J. Buchner, ImageHash.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fusebench.data.images import Gray

HASH_SIZE = 8  # cells in each direction; 64 bits
# Bits that differ, of 64, in each sensor. Of copies that were compressed and brightened, 7 of 8
# differ in at most 4; consecutive video frames of M3FD in 3 to 15; the closest pairs of other
# scenes in 15 or more (MSRS, M3FD and RoadScene: 30,000 comparisons).
NEAR_DUPLICATE_BITS = 4
SAME_VIEW_BITS = 10
BLOCK_SIZE = 512  # hashes that are compared with all others at a time


def compute_difference_hash(image: Gray) -> str:
    """Compute the difference hash of a gray image, uint8 (H, W): 16 hexadecimal digits."""
    import imagehash

    return str(imagehash.dhash(Image.fromarray(image), HASH_SIZE))


def find_close_hashes(
    hashes: Sequence[NDArray[np.uint64]], max_bits: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield pairs of places whose hashes differ in at most ``max_bits`` bits in every array.

    Args:
        hashes: One array per sensor, uint64 (N,).
        max_bits: Largest number of different bits.

    Yields:
        Places of the first and second members, first < second; some for each block of hashes.
    """
    count = len(hashes[0])
    for start in range(0, count, BLOCK_SIZE):
        is_close = np.ones((min(BLOCK_SIZE, count - start), count - start), np.bool_)
        for values in hashes:
            different = values[start : start + BLOCK_SIZE, None] ^ values[None, start:]
            is_close &= np.bitwise_count(different) <= max_bits
        first, second = np.nonzero(np.triu(is_close, 1))
        yield first + start, second + start


def group_places(
    count: int, links: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> list[list[int]]:
    """Group places that are linked, directly or through others; groups of one are left out."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first = np.concatenate([link[0] for link in links]) if links else np.zeros(0, np.int64)
    second = np.concatenate([link[1] for link in links]) if links else np.zeros(0, np.int64)
    graph = coo_array((np.ones(len(first), np.bool_), (first, second)), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    groups: dict[int, list[int]] = {}
    for place in np.union1d(first, second).tolist():
        groups.setdefault(int(labels[place]), []).append(place)
    return sorted(groups.values())


def group_near_duplicates(
    hashes: Mapping[str, tuple[str, str]],
) -> list[list[str]]:
    """Group the keys of near-duplicated pairs.

    Args:
        hashes: Difference hashes of the infrared and visible image, per key.
    """
    keys = sorted(hashes)
    links = list(find_close_hashes(to_arrays(hashes, keys), NEAR_DUPLICATE_BITS))
    return [[keys[place] for place in group] for group in group_places(len(keys), links)]


def to_arrays(
    hashes: Mapping[str, tuple[str, str]], keys: Sequence[str]
) -> list[NDArray[np.uint64]]:
    """Return the hashes of each sensor as numbers, in the order of the keys."""
    return [
        np.array([int(hashes[key][sensor], 16) for key in keys], np.uint64) for sensor in (0, 1)
    ]
