"""Darkness of the visible image, thermal contrast of the infrared image, and wrong conditions."""

from collections.abc import Mapping, Sequence

import numpy as np

from fusebench.data.images import Gray
from fusebench.doctor.findings import (
    Finding,
    Section,
    Table,
    build_histogram,
    build_pair_finding,
    format_count,
)

# (mean, 1st percentile, 99th percentile) of the luminance, gray levels
Brightness = tuple[float, float, float]

DARK_MEAN = 30.0  # of the visible image; night images of MSRS have a median of 24
BRIGHT_MEAN = 225.0  # overexposed, fog or a white page
MIN_RANGE = 20.0  # 1st to 99th percentile of an infrared image; the smallest in MSRS is 26
# Means that contradict a condition: day images of MSRS have 42 or more, night images 67 or less;
# those of FLIR are exposed for longer and have up to 146.
DAY_MIN_MEAN = 45.0
NIGHT_MAX_MEAN = 150.0
DAY_NAMES = ("day", "sunny", "bright", "noon")
NIGHT_NAMES = ("night", "dark")


def measure_brightness(image: Gray) -> Brightness:
    """Measure mean, 1st and 99th percentile of an image, uint8 (H, W), in gray levels."""
    counts = np.bincount(image.ravel(), minlength=256)
    cumulative = counts.cumsum() / image.size
    low, high = (int(np.searchsorted(cumulative, share)) for share in (0.01, 0.99))
    return round(float(counts @ np.arange(256)) / image.size, 2), float(low), float(high)


def is_contradiction(condition: str, mean: float) -> bool:
    """Return whether the mean of a visible image contradicts the name of its condition."""
    name = condition.lower()
    if any(word in name for word in NIGHT_NAMES):  # first: "midday" but also "day-night"
        return mean > NIGHT_MAX_MEAN
    return any(word in name for word in DAY_NAMES) and mean < DAY_MIN_MEAN


def check_illumination(
    infrared: Mapping[str, Brightness],
    visible: Mapping[str, Brightness],
    conditions: Mapping[str, str],
) -> Section:
    """Find dark, overexposed and flat images, and conditions that the visible image contradicts.

    Args:
        infrared: Brightness per key; images of more than 8 bits are left out.
        visible: Brightness per key.
        conditions: Condition per key; empty if unknown.
    """
    wrong = [key for key in visible if is_contradiction(conditions.get(key, ""), visible[key][0])]
    flat = [key for key in infrared if infrared[key][2] - infrared[key][1] < MIN_RANGE]
    dark = [key for key in visible if visible[key][0] < DARK_MEAN]
    bright = [key for key in visible if visible[key][0] > BRIGHT_MEAN]
    findings = [
        *_report_wrong_conditions(wrong, visible, conditions),
        *_report_flat(flat, infrared),
        *_report_dark_or_bright(dark, visible, "dark", f"below {DARK_MEAN:g}"),
        *_report_dark_or_bright(bright, visible, "overexposed", f"above {BRIGHT_MEAN:g}"),
    ]
    means = [values[0] for values in visible.values()]
    ranges = [values[2] - values[1] for values in infrared.values()]
    histograms = [
        build_histogram(title, values, np.arange(0, 257, 16).tolist(), limit)
        for title, values, limit in (
            ("Mean of the visible image, gray levels", means, DARK_MEAN),
            (
                "Range of the infrared image (1st to 99th percentile), gray levels",
                ranges,
                MIN_RANGE,
            ),
        )
        if values
    ]
    return Section(
        "illumination",
        "Darkness and thermal contrast",
        "Darkness: mean luminance of the visible image. Thermal contrast: range from the 1st to "
        "the 99th percentile of the infrared image. Infrared images are stretched by most cameras "
        "and data sets, so that levels are not temperatures. A condition is doubted only if its "
        f"name says day and the mean is below {DAY_MIN_MEAN:g}, or it says night and the mean is "
        f"above {NIGHT_MAX_MEAN:g}.",
        tuple(findings),
        _build_tables(infrared, visible, conditions),
        tuple(histograms),
    )


def _report_wrong_conditions(
    keys: Sequence[str], visible: Mapping[str, Brightness], conditions: Mapping[str, str]
) -> list[Finding]:
    if not keys:
        return []

    def get_distance(key: str) -> float:
        mean = visible[key][0]
        return max(DAY_MIN_MEAN - mean, mean - NIGHT_MAX_MEAN)

    ordered = sorted(keys, key=get_distance, reverse=True)
    captions = {k: f"{conditions[k]}, mean {visible[k][0]:.0f}" for k in ordered}
    return [
        build_pair_finding(
            "warning",
            f"{format_count(len(keys), len(visible), 'pairs')} have a condition that the visible "
            "image contradicts",
            "Look at the pictures and correct the condition: scores by condition mix these pairs "
            "with others. A tunnel by day is dark, a lit square at night is bright.",
            captions,
        )
    ]


def _report_flat(keys: Sequence[str], infrared: Mapping[str, Brightness]) -> list[Finding]:
    if not keys:
        return []
    ranges = {key: infrared[key][2] - infrared[key][1] for key in keys}
    ordered = sorted(keys, key=lambda key: ranges[key])
    return [
        build_pair_finding(
            "warning",
            f"{format_count(len(keys), len(infrared), 'infrared images')} have a range below "
            f"{MIN_RANGE:g} gray levels",
            "The sensor shows almost nothing here. If all images are like this, they were scaled "
            "by one range for the whole data set: take the originals and scale each image.",
            {key: f"range {ranges[key]:.0f}" for key in ordered},
        )
    ]


def _report_dark_or_bright(
    keys: Sequence[str], visible: Mapping[str, Brightness], name: str, limit: str
) -> list[Finding]:
    if not keys:
        return []
    ordered = sorted(keys, key=lambda key: visible[key][0], reverse=name != "dark")
    return [
        build_pair_finding(
            "note",
            f"{format_count(len(keys), len(visible), 'visible images')} are {name} (mean {limit})",
            "Report scores by condition: the visible image contributes little here, and a mean "
            "over all pairs hides it.",
            {key: f"mean {visible[key][0]:.0f}" for key in ordered},
        )
    ]


def _build_tables(
    infrared: Mapping[str, Brightness],
    visible: Mapping[str, Brightness],
    conditions: Mapping[str, str],
) -> tuple[Table, ...]:
    def format_quantiles(values: Sequence[float]) -> str:
        if not values:
            return ""
        return " / ".join(f"{value:.0f}" for value in np.quantile(values, [0.05, 0.5, 0.95]))

    if not visible:
        return ()
    names = sorted({conditions.get(key, "") for key in visible})
    rows = []
    for name in names:
        keys = [key for key in visible if conditions.get(key, "") == name]
        means = [visible[key][0] for key in keys]
        ranges = [infrared[key][2] - infrared[key][1] for key in keys if key in infrared]
        label = name or ("unknown" if len(names) > 1 else "all")
        rows.append((label, f"{len(keys):,}", format_quantiles(means), format_quantiles(ranges)))
    return (
        Table(
            "5 % / median / 95 %, gray levels",
            ("condition", "pairs", "mean of visible", "range of infrared"),
            tuple(rows),
        ),
    )
