"""Label maps: ids, pixels of each class, and the share of unlabeled pixels."""

from collections.abc import Mapping, Sequence

from fusebench.data.label_maps import IGNORE_INDEX, has_unlabeled_class
from fusebench.doctor.findings import (
    Finding,
    Item,
    Section,
    Table,
    build_histogram,
    build_pair_finding,
    format_count,
)
from fusebench.doctor.measurement import PairFacts

MAX_UNLABELED = 0.5  # share of the pixels of one label map


def get_unlabeled_share(pixels: Mapping[int, int], classes: Sequence[str]) -> float:
    """Return the share of unlabeled pixels of a label map, 0 to 1.

    Args:
        pixels: Number of pixels of each stored id; not empty.
        classes: Class names; class 0 may be that of unlabeled pixels.
    """
    unlabeled = pixels.get(IGNORE_INDEX, 0)
    if has_unlabeled_class(classes):
        unlabeled += pixels.get(0, 0)
    return unlabeled / sum(pixels.values())


def check_label_maps(facts: Mapping[str, PairFacts], classes: Sequence[str]) -> Section:
    """Find label maps that are wrong or unusual; without any, the section has no content.

    Args:
        facts: Measurements per key.
        classes: Class names in the order of their ids.
    """
    maps = {key: pair.label_pixels for key, pair in facts.items() if pair.label_pixels}
    findings = [*_report_unreadable(facts), *_report_wrong_sizes(facts)]
    tables: tuple[Table, ...] = ()
    histograms = []
    if maps:
        shares = {key: get_unlabeled_share(pixels, classes) for key, pixels in maps.items()}
        findings += _report_unknown_ids(maps, classes)
        findings += _report_unlabeled(shares)
        findings += _report_unused_classes(maps, classes)
        tables = (_build_table(maps, classes),)
        title = "Share of unlabeled pixels of a label map"
        edges = [i / 10 for i in range(11)]
        histograms.append(build_histogram(title, list(shares.values()), edges, MAX_UNLABELED))
    return Section(
        "label_maps",
        "Label maps",
        f"Ids as the programs read them. {IGNORE_INDEX} is unlabeled"
        + (
            f", and so is class 0 ({classes[0]})."
            if classes and has_unlabeled_class(classes)
            else "."
        ),
        tuple(findings),
        tables,
        tuple(histograms),
    )


def _report_unreadable(facts: Mapping[str, PairFacts]) -> list[Finding]:
    items = tuple(Item(key, pair.label_fault) for key, pair in facts.items() if pair.label_fault)
    if not items:
        return []
    return [
        Finding(
            "error",
            f"{format_count(len(items), len(facts), 'label maps')} cannot be read",
            "The programs refuse them. Save them as their messages say.",
            items,
        )
    ]


def _report_wrong_sizes(facts: Mapping[str, PairFacts]) -> list[Finding]:
    items = tuple(
        Item(key, f"{pair.label_size} for images of {pair.visible.size}")
        for key, pair in facts.items()
        if pair.label_pixels and pair.visible.size[0] and pair.label_size != pair.visible.size
    )
    if not items:
        return []
    return [
        Finding(
            "error",
            f"{format_count(len(items), len(facts), 'label maps')} have another size than the "
            "images",
            "The programs refuse them. Use the label maps of the same release; a resized label map "
            "has wrong ids at the edges of objects.",
            items,
        )
    ]


def _report_unknown_ids(
    maps: Mapping[str, Mapping[int, int]], classes: Sequence[str]
) -> list[Finding]:
    items = []
    for key, pixels in maps.items():
        unknown = {i: n for i, n in pixels.items() if i >= len(classes) and i != IGNORE_INDEX}
        if unknown:
            text = ", ".join(f"id {i}: {count:,} pixels" for i, count in unknown.items())
            items.append(Item(key, text))
    if not items:
        return []
    return [
        Finding(
            "error",
            f"{format_count(len(items), len(maps), 'label maps')} have an id without a class",
            f"Expected 0 to {len(classes) - 1} or {IGNORE_INDEX}. Label maps of another data set, "
            "or saved with loss or resized?",
            tuple(items),
        )
    ]


def _report_unlabeled(shares: Mapping[str, float]) -> list[Finding]:
    keys = sorted((k for k in shares if shares[k] > MAX_UNLABELED), key=lambda k: -shares[k])
    if not keys:
        return []
    empty_count = sum(share == 1 for share in shares.values())
    captions = {key: f"{100 * shares[key]:.1f} % unlabeled" for key in keys}
    return [
        build_pair_finding(
            "warning",
            f"{format_count(len(keys), len(shares), 'label maps')} are unlabeled in more than half "
            f"of their pixels ({empty_count:,} completely)",
            "Such images count little in the scores. Make sure that no class was lost in a "
            "conversion.",
            captions,
            "label_map",
        )
    ]


def _report_unused_classes(
    maps: Mapping[str, Mapping[int, int]], classes: Sequence[str]
) -> list[Finding]:
    present = {i for pixels in maps.values() for i in pixels}
    unused = [name for i, name in enumerate(classes) if i not in present]
    if has_unlabeled_class(classes):
        unused = [name for name in unused if name != classes[0]]
    if not unused:
        return []
    return [
        Finding(
            "warning",
            f"{len(unused)} classes have no pixel: {', '.join(unused)}",
            "Their scores are undefined. Are the ids those of this class list?",
        )
    ]


def _build_table(maps: Mapping[str, Mapping[int, int]], classes: Sequence[str]) -> Table:
    total = sum(sum(pixels.values()) for pixels in maps.values())
    ids = sorted({i for pixels in maps.values() for i in pixels} | set(range(len(classes))))
    rows = []
    for i in ids:
        count = sum(pixels.get(i, 0) for pixels in maps.values())
        images = sum(i in pixels for pixels in maps.values())
        name = classes[i] if i < len(classes) else "unlabeled" if i == IGNORE_INDEX else "no class"
        rows.append((f"{i} {name}", f"{images:,}", f"{100 * count / total:.2f} %"))
    return Table("Classes of label maps", ("id", "images", "pixels"), tuple(rows))
