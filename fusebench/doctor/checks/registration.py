"""Registration: pairs that are shifted, and a shift of the whole data set."""

from collections.abc import Mapping, Sequence

import numpy as np

from fusebench.doctor.checks.shift_estimation import MIN_CONFIDENCE, RADIUS, WIDTH, Shift
from fusebench.doctor.findings import (
    PICTURE_COUNT,
    Finding,
    Item,
    Picture,
    Section,
    Table,
    build_histogram,
    format_count,
)

MAX_SHIFT = 3.0  # reduced pixels: 1 % of the width, the agreement that was measured in M3FD
MAX_MEDIAN_SHIFT = 1.5  # of a whole data set: its own images need no hand-made offset
MIN_CERTAIN_SHARE = 0.15  # three times that of images that do not belong together
MIN_PAIRS = 20  # for a statement on the whole data set


def check_registration(
    shifts: Mapping[str, Shift], widths: Mapping[str, int], conditions: Mapping[str, str]
) -> Section:
    """Find pairs that are not registered, and a shift of the whole data set.

    Args:
        shifts: Shift per key; pairs that could not be measured are left out.
        widths: Image width per key, in pixels.
        conditions: Condition per key; empty if unknown.
    """
    certain = {key: shift for key, shift in shifts.items() if shift.is_certain}
    findings = [
        *_find_shifted_pairs(certain, widths),
        *_find_common_shift(certain),
        *_find_wrong_partners(shifts, certain),
        *_find_uncertain_pairs(shifts, certain),
    ]
    lengths = [shift.length for shift in certain.values()]
    edges = [*np.arange(0, RADIUS + 0.5), 1.5 * RADIUS]
    histograms = (
        (
            build_histogram(
                f"Length of the shift, pixels at {WIDTH} px width (certain pairs)",
                lengths,
                edges,
                MAX_SHIFT,
            ),
        )
        if lengths
        else ()
    )
    return Section(
        "registration",
        "Registration",
        f"The shift of each pair by mutual information of gradient directions, at {WIDTH} px "
        f"width, in steps of 1 px and up to {RADIUS} px. A shift is certain if its maximum is "
        f"{MIN_CONFIDENCE:g} standard deviations above the other shifts; 1 in 20 pairs whose "
        "images do not belong together reaches that. Rotation, scale and parallax of near objects "
        "are not measured: one shift stands for the whole image.",
        tuple(findings),
        _build_tables(shifts, conditions),
        histograms,
    )


def _find_shifted_pairs(certain: Mapping[str, Shift], widths: Mapping[str, int]) -> list[Finding]:
    shifted = {key: shift for key, shift in certain.items() if shift.length > MAX_SHIFT}
    if not shifted:
        return []
    keys = sorted(shifted, key=lambda key: (-shifted[key].length, key))
    captions = {key: _describe_shift(shifted[key], widths[key]) for key in keys}
    return [
        Finding(
            "warning",
            f"{format_count(len(keys), len(certain), 'measurable pairs')} are shifted by more than "
            f"{MAX_SHIFT:g} px at {WIDTH} px width",
            "Look at the pictures. Register these pairs again, or leave them out: boxes and fused "
            "edges are wrong by this much in one of the sensors. Objects near the camera shift by "
            "parallax even if the background fits.",
            tuple(Item(key, captions[key]) for key in keys),
            tuple(
                Picture(
                    "registration",
                    key,
                    f"{key}: {captions[key]}",
                    (shifted[key].right / WIDTH, shifted[key].down / WIDTH),
                )
                for key in keys[:PICTURE_COUNT]
            ),
        )
    ]


def _describe_shift(shift: Shift, width: int) -> str:
    scale = width / WIDTH
    return (
        f"the visible image fits when moved {shift.right * scale:+.0f} px right, "
        f"{shift.down * scale:+.0f} px down (confidence {shift.confidence:.1f})"
    )


def _find_common_shift(certain: Mapping[str, Shift]) -> list[Finding]:
    if len(certain) < MIN_PAIRS:
        return []
    right = float(np.median([shift.right for shift in certain.values()]))
    down = float(np.median([shift.down for shift in certain.values()]))
    if np.hypot(right, down) < MAX_MEDIAN_SHIFT:
        return []
    return [
        Finding(
            "warning",
            f"The whole data set is shifted: the median over {len(certain):,} pairs is "
            f"{right:+g} px right and {down:+g} px down at {WIDTH} px width",
            "Were the images of one sensor cropped or resized differently? Use both sensors of "
            "the same release, or shift one of them for all pairs.",
        )
    ]


def _find_wrong_partners(
    shifts: Mapping[str, Shift], certain: Mapping[str, Shift]
) -> list[Finding]:
    if len(shifts) < MIN_PAIRS or len(certain) >= MIN_CERTAIN_SHARE * len(shifts):
        return []
    return [
        Finding(
            "warning",
            f"Only {format_count(len(certain), len(shifts), 'pairs')} have common edges, hardly "
            "more than images that do not belong together",
            "Are the partners right? Names that are numbered differently in the two folders give "
            "such pairs. Or the images are too dark or too different to tell.",
            pictures=tuple(
                Picture("registration", key, key)
                for key in sorted(shifts, key=lambda key: shifts[key].confidence)[:PICTURE_COUNT]
            ),
        )
    ]


def _find_uncertain_pairs(
    shifts: Mapping[str, Shift], certain: Mapping[str, Shift]
) -> list[Finding]:
    uncertain = sorted(set(shifts) - set(certain), key=lambda key: shifts[key].confidence)
    if not uncertain:
        return []
    return [
        Finding(
            "note",
            f"{format_count(len(uncertain), len(shifts), 'pairs')} have too few common edges for "
            "a shift",
            "Nothing is known about their registration: images that are dark, flat or blurred, or "
            "whose sensors show different things. A pair of wrong partners looks like this too.",
            tuple(Item(key, f"confidence {shifts[key].confidence:.1f}") for key in uncertain),
        )
    ]


def _build_tables(shifts: Mapping[str, Shift], conditions: Mapping[str, str]) -> tuple[Table, ...]:
    def build_row(name: str, keys: Sequence[str]) -> tuple[str, ...]:
        certain = [shifts[key] for key in keys if shifts[key].is_certain]
        lengths = np.array([shift.length for shift in certain])
        within = [
            f"{100 * (lengths <= limit).mean():.1f} %" if certain else "" for limit in (1, 2, 3)
        ]
        median = (
            f"{np.median([s.right for s in certain]):+g}, {np.median([s.down for s in certain]):+g}"
            if certain
            else ""
        )
        return (name, f"{len(keys):,}", f"{len(certain):,}", *within, median)

    if not shifts:
        return ()
    names = sorted({conditions.get(key, "") for key in shifts})
    rows = [build_row("all", list(shifts))]
    if len(names) > 1:
        rows += [
            build_row(name or "unknown", [k for k in shifts if conditions.get(k, "") == name])
            for name in names
        ]
    headers = ("pairs of", "measured", "certain", "within 1 px", "2 px", "3 px", "median shift")
    return (Table(f"Shift at {WIDTH} px width, of certain pairs", headers, tuple(rows)),)
