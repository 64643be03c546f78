"""Image files: what cannot be read, sizes, modes, bit depths, orientation and color."""

from collections import Counter
from collections.abc import Mapping

from fusebench.data.image_files.orientation import TRANSPOSITIONS
from fusebench.doctor.findings import (
    PICTURE_COUNT,
    Finding,
    Item,
    Picture,
    Section,
    Severity,
    Table,
    build_pair_finding,
    format_count,
)
from fusebench.doctor.measurement import ImageFacts, PairFacts

# Mean difference between the channels, gray levels: JPEG changes gray by less than 1; pseudo-colors
# of thermal cameras have 50 and more.
COLORED = 8.0
COLORLESS = 0.5
SENSORS = ("infrared", "visible")


def check_image_files(facts: Mapping[str, PairFacts], *, scales_infrared: bool) -> Section:
    """Find images that cannot be read or are unusual.

    Args:
        facts: Measurements per key.
        scales_infrared: Whether the options set a rule for infrared images of more than 8 bits.
    """
    findings = [
        *_report_unreadable(facts),
        *_report_different_sizes(facts),
        *_report_bit_depths(facts, scales_infrared=scales_infrared),
        *_report_orientation(facts),
        *_report_color(facts),
        *_report_same_images(facts),
        *_report_several_sizes(facts),
    ]
    return Section(
        "image_files",
        "Image files",
        "Every image is decoded as the programs do. Sizes are those that are displayed, after the "
        "orientation of EXIF is applied.",
        tuple(findings),
        _build_tables(facts),
    )


def get_image(pair: PairFacts, sensor: str) -> ImageFacts:
    """Return the facts of the image of a sensor."""
    return pair.infrared if sensor == "infrared" else pair.visible


def _report_unreadable(facts: Mapping[str, PairFacts]) -> list[Finding]:
    items = [
        Item(f"{key} ({sensor})", get_image(pair, sensor).fault)
        for key, pair in facts.items()
        for sensor in SENSORS
        if get_image(pair, sensor).fault
    ]
    if not items:
        return []
    return [
        Finding(
            "error",
            f"{format_count(len(items), 2 * len(facts), 'images')} cannot be read",
            "The programs refuse them. Replace the files as their messages say, or take the pairs "
            "out.",
            tuple(items),
        )
    ]


def _report_different_sizes(facts: Mapping[str, PairFacts]) -> list[Finding]:
    items = [
        Item(key, f"infrared {_format_size(pair.infrared)}, visible {_format_size(pair.visible)}")
        for key, pair in facts.items()
        if pair.infrared.size != pair.visible.size and all(pair.infrared.size + pair.visible.size)
    ]
    if not items:
        return []
    return [
        Finding(
            "error",
            f"{format_count(len(items), len(facts), 'pairs')} have images of different size",
            "The programs refuse them: a registered pair has one size. Take both sensors from the "
            "same release, or register the pairs again.",
            tuple(items),
        )
    ]


def _report_bit_depths(facts: Mapping[str, PairFacts], *, scales_infrared: bool) -> list[Finding]:
    deep = [key for key, pair in facts.items() if pair.infrared.bits > 8]
    if not deep:
        return []
    severity: Severity = "note" if scales_infrared and len(deep) == len(facts) else "error"
    depths = Counter(facts[key].infrared.bits for key in deep)
    text = ", ".join(f"{count:,} of {bits} bits" for bits, count in sorted(depths.items()))
    advice = (
        "They are scaled by data.infrared_scaling of the task."
        if severity == "note"
        else "Set data.infrared_scaling of the task (docs/tasks.md); all infrared images of a data "
        "set need the same depth. Thermal contrast is not checked for them."
    )
    items = tuple(Item(key, f"{facts[key].infrared.bits} bits") for key in deep)
    title = (
        f"{format_count(len(deep), len(facts), 'infrared images')} have more than 8 bits: {text}"
    )
    return [Finding(severity, title, advice, items)]


def _report_orientation(facts: Mapping[str, PairFacts]) -> list[Finding]:
    turned = {
        key: [s for s in SENSORS if get_image(pair, s).orientation in TRANSPOSITIONS]
        for key, pair in facts.items()
    }
    turned = {key: sensors for key, sensors in turned.items() if sensors}
    if not turned:
        return []
    is_single = any(len(sensors) == 1 for sensors in turned.values())
    return [
        Finding(
            "warning" if is_single else "note",
            f"{format_count(len(turned), len(facts), 'pairs')} have an image that its EXIF "
            "orientation turns or mirrors",
            "Here they are turned, as in viewers and OpenCV; programs that ignore the tag see them "
            "differently. Save them upright, without the tag.",
            tuple(
                Item(
                    key,
                    ", ".join(f"{s} {get_image(facts[key], s).orientation}" for s in turned[key]),
                )
                for key in turned
            ),
        )
    ]


def _report_color(facts: Mapping[str, PairFacts]) -> list[Finding]:
    readable = {
        k: pair for k, pair in facts.items() if pair.infrared.digest and pair.visible.digest
    }
    colored = [key for key, pair in readable.items() if pair.infrared.color > COLORED]
    gray = [key for key, pair in readable.items() if pair.visible.color < COLORLESS]
    findings = []
    if colored:
        colored.sort(key=lambda key: -readable[key].infrared.color)
        findings.append(
            build_pair_finding(
                "warning",
                f"{format_count(len(colored), len(readable), 'infrared images')} are in color",
                "Colors of a display palette are no temperatures, and their luminance does not "
                "rise with the temperature. Take the gray originals. Are the folders of the two "
                "sensors exchanged?",
                {
                    key: f"channels differ by {readable[key].infrared.color:.0f} levels"
                    for key in colored
                },
            )
        )
    if gray:
        is_mixed = len(gray) < len(readable)
        findings.append(
            Finding(
                "warning" if is_mixed else "note",
                f"{format_count(len(gray), len(readable), 'visible images')} have no color",
                "Are they infrared images, or was the color lost in a conversion? Fusion methods "
                "that keep the color of the visible image return gray images here.",
                tuple(Item(key) for key in gray),
                tuple(Picture("pair", key, key) for key in gray[:PICTURE_COUNT])
                if is_mixed
                else (),
            )
        )
    return findings


def _report_same_images(facts: Mapping[str, PairFacts]) -> list[Finding]:
    same = [
        k for k, p in facts.items() if p.infrared.digest and p.infrared.digest == p.visible.digest
    ]
    if not same:
        return []
    return [
        build_pair_finding(
            "error",
            f"{format_count(len(same), len(facts), 'pairs')} have the same image in both sensors",
            "One of the two folders holds copies of the other. Restore the images from the "
            "release.",
            dict.fromkeys(same, ""),
        )
    ]


def _report_several_sizes(facts: Mapping[str, PairFacts]) -> list[Finding]:
    sizes = Counter(pair.visible.size for pair in facts.values() if pair.visible.size[0])
    if len(sizes) < 2:
        return []
    (common, count), *_ = sizes.most_common()
    others = [
        Item(key, _format_size(pair.visible))
        for key, pair in facts.items()
        if pair.visible.size not in ((0, 0), common)
    ]
    return [
        Finding(
            "note",
            f"{len(sizes)} image sizes; the most frequent is {common[0]} x {common[1]} "
            f"({count:,} of {len(facts):,} pairs)",
            "Nothing to do here; programs that assume one size resize or crop these pairs.",
            tuple(others),
        )
    ]


def _format_size(image: ImageFacts) -> str:
    return f"{image.size[0]} x {image.size[1]}"


def _build_tables(facts: Mapping[str, PairFacts]) -> tuple[Table, ...]:
    kinds: Counter[tuple[str, ...]] = Counter()
    for pair in facts.values():
        for sensor in SENSORS:
            image = get_image(pair, sensor)
            if image.format:
                kinds[sensor, image.format, image.mode, str(image.bits), _format_size(image)] += 1
    rows = [
        (*kind, f"{count:,}")
        for kind, count in sorted(kinds.items(), key=lambda k: (k[0][0], -k[1]))
    ]
    headers = ("sensor", "format", "mode", "bits", "size", "images")
    return (Table("Kinds of files", headers, tuple(rows)),)
