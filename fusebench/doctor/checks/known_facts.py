"""Known facts of published data sets: numbers that a complete, unchanged copy has.

Source of M3FD's: the official annotations (Liu et al., TarDAL, CVPR 2022), counted in a public
conversion of them (ganlumomo/voc2coco); the near-duplicate groups: an audit by a third party, whose
threshold is not published.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from fusebench.data.m3fd_class_order import M3FD_BOX_COUNTS
from fusebench.doctor.dataset_files import DatasetFiles
from fusebench.doctor.findings import Finding, Item, Section, Table

M3FD_PAIR_COUNT = 4200
M3FD_SIZES = {
    (1024, 768): 3926,
    (880, 520): 49,
    (740, 400): 43,
    (780, 420): 41,
    (800, 480): 36,
    (480, 360): 34,
    (440, 320): 32,
    (400, 280): 23,
    (440, 280): 16,
}
M3FD_NEAR_DUPLICATE_GROUPS = 58
MIN_BOXES = 30  # of a class, for a statement on its typical size


def check_known_facts(
    files: DatasetFiles, sizes: Mapping[str, tuple[int, int]], near_duplicate_groups: int
) -> Section | None:
    """Compare a data set with the numbers of its release; None if nothing is known of it.

    Args:
        files: The data set.
        sizes: (width, height) per key, in pixels.
        near_duplicate_groups: Groups of near-duplicated pairs that were found.
    """
    if files.name != "m3fd":
        return None
    findings = list(_check_class_sizes(files))
    is_whole = len(files.pairs) == M3FD_PAIR_COUNT
    tables: tuple[Table, ...] = ()
    if is_whole:
        rows = _compare(files, sizes)
        differences = [row for row in rows if row[1] != row[2]]
        if differences:
            findings.insert(0, _build_difference(differences))
        groups = ("near-duplicate groups", str(M3FD_NEAR_DUPLICATE_GROUPS))
        rows.append((*groups, str(near_duplicate_groups)))
        tables = (Table("M3FD", ("fact", "release", "here"), tuple(rows)),)
    else:
        findings.append(
            Finding(
                "note",
                f"{len(files.pairs):,} of M3FD's {M3FD_PAIR_COUNT:,} pairs are here",
                "The known numbers are those of the whole data set; they are not compared.",
            )
        )
    return Section(
        "known_facts",
        "Known facts of M3FD",
        "Numbers of boxes and sizes of the official release. The near-duplicate groups are those "
        "of an audit by a third party with dHash and an unknown threshold: another number is no "
        "fault.",
        tuple(findings),
        tables,
    )


def _compare(
    files: DatasetFiles, sizes: Mapping[str, tuple[int, int]]
) -> list[tuple[str, str, str]]:
    """Return name, known number and number here of each fact."""
    rows = [("pairs", f"{M3FD_PAIR_COUNT:,}", f"{len(files.pairs):,}")]
    if files.has_boxes:
        ids = Counter(int(i) for pair in files.pairs if pair.boxes for i in pair.boxes.class_ids)
        total = sum(M3FD_BOX_COUNTS.values())
        rows.append(("boxes", f"{total:,}", f"{sum(ids.values()):,}"))
        rows += [
            (f"boxes of {name}", f"{M3FD_BOX_COUNTS[name]:,}", f"{ids[i]:,}")
            for i, name in enumerate(files.classes)
        ]
    counts = Counter(sizes.values())
    rows += [
        (f"images of {width} x {height}", f"{count:,}", f"{counts[width, height]:,}")
        for (width, height), count in M3FD_SIZES.items()
    ]
    other = sum(count for size, count in counts.items() if size not in M3FD_SIZES)
    return [*rows, ("images of other sizes", "0", f"{other:,}")]


def _build_difference(rows: Sequence[tuple[str, str, str]]) -> Finding:
    class_rows = [row for row in rows if row[0].startswith("boxes of")]
    has_same_total = not any(row[0] == "boxes" for row in rows)
    advice = "Use the complete, unchanged release, or say in the protocol what was changed."
    if class_rows and has_same_total:
        advice = (
            "The total is right and the classes are not: the class order of the text labels is "
            "wrong. Set data.class_order of the task (docs/tasks.md)."
        )
    return Finding(
        "error",
        f"{len(rows)} numbers differ from those of the release",
        advice,
        tuple(Item(name, f"release {known}, here {here}") for name, known, here in rows),
    )


def _check_class_sizes(files: DatasetFiles) -> list[Finding]:
    """Compare typical sizes: lamps are smaller than motorcycles, and these than buses, trucks."""
    areas: dict[str, list[float]] = {name: [] for name in files.classes}
    for pair in files.pairs:
        if pair.boxes is not None:
            sides = pair.boxes.corners[:, 2:] - pair.boxes.corners[:, :2]
            for i, area in zip(pair.boxes.class_ids, sides.prod(axis=1), strict=True):
                areas[files.classes[i]].append(float(area))
    medians = {name: median(own) for name, own in areas.items() if len(own) >= MIN_BOXES}
    swapped = [
        (small, large)
        for small, large in (("Lamp", "Motorcycle"), ("Motorcycle", "Bus"), ("Motorcycle", "Truck"))
        if small in medians and large in medians and medians[small] >= medians[large]
    ]
    if not swapped:
        return []
    return [
        Finding(
            "error",
            "Boxes of "
            + ", ".join(f"{small} are larger than those of {large}" for small, large in swapped),
            "The class order of the labels is probably wrong (orders A and B of M3FD exchange Lamp "
            "and Motorcycle). Set data.class_order of the task (docs/tasks.md).",
        )
    ]
