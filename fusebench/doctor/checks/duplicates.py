"""Duplicates: pairs with equal pixels, near-duplicates, and the same view in train and test."""

from collections.abc import Mapping, Sequence

import numpy as np

from fusebench.doctor.checks.perceptual_hash import (
    NEAR_DUPLICATE_BITS,
    SAME_VIEW_BITS,
    find_close_hashes,
    group_near_duplicates,
    to_arrays,
)
from fusebench.doctor.findings import (
    PICTURE_COUNT,
    Finding,
    Item,
    Picture,
    Section,
    Severity,
    Table,
)


def check_duplicates(
    digests: Mapping[str, tuple[str, str]],
    hashes: Mapping[str, tuple[str, str]],
    parts: Mapping[str, str],
) -> Section:
    """Find equal and near-duplicated pairs and views that are in train and in test.

    Args:
        digests: Digest of the pixels of the infrared and visible image, per key.
        hashes: Difference hashes of both, per key.
        parts: ``train``, ``test`` or empty per key.
    """
    near = group_near_duplicates(hashes)
    equal = _group_equal({key: "".join(digests[key]) for key in sorted(digests)})
    equal_sets = [set(group) for group in equal]
    near = [group for group in near if not any(set(group) <= each for each in equal_sets)]
    findings = [
        *_report_equal(equal, parts),
        *_report_equal_in_one_sensor(digests, equal_sets),
        *_report_near(near, parts),
        *_report_same_views(hashes, parts, [*equal, *near]),
    ]
    table = Table(
        "Duplicates",
        ("kind", "groups", "pairs in them"),
        tuple(
            (name, f"{len(groups):,}", f"{sum(map(len, groups)):,}")
            for name, groups in (("equal pixels in both sensors", equal), ("near-duplicates", near))
        ),
    )
    return Section(
        "duplicates",
        "Duplicates and leaks",
        f"Equal pixels by a digest of the decoded images. Near-duplicates by the difference hash "
        f"(dHash, 64 bits per sensor): at most {NEAR_DUPLICATE_BITS} bits differ in each sensor. "
        f"The same view in train and test: at most {SAME_VIEW_BITS} bits. Dark and flat images "
        "have similar hashes although they show different places; look at the pictures.",
        tuple(findings),
        (table,),
    )


def _group_equal(digests: Mapping[str, str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for key, digest in digests.items():
        groups.setdefault(digest, []).append(key)
    return [group for group in groups.values() if len(group) > 1]


def _is_leak(group: Sequence[str], parts: Mapping[str, str]) -> bool:
    return {"train", "test"} <= {parts.get(key, "") for key in group}


def _describe_group(group: Sequence[str], parts: Mapping[str, str]) -> str:
    return ", ".join(f"{key} ({parts[key]})" if parts.get(key) else key for key in group)


def _build_group_finding(
    severity: Severity,
    groups: Sequence[Sequence[str]],
    parts: Mapping[str, str],
    text: tuple[str, str],
) -> Finding:
    return Finding(
        severity,
        text[0],
        text[1],
        tuple(Item(_describe_group(group, parts)) for group in groups),
        tuple(
            Picture("pair", key, _describe_group([key], parts))
            for group in groups[:PICTURE_COUNT]
            for key in group[:2]
        ),
    )


def _report_equal(equal: Sequence[list[str]], parts: Mapping[str, str]) -> list[Finding]:
    leaks = [group for group in equal if _is_leak(group, parts)]
    others = [group for group in equal if not _is_leak(group, parts)]
    findings = []
    if leaks:
        text = (
            f"{len(leaks):,} groups of pairs with equal pixels are in train and in test",
            "Delete the copies, or name them in neither part of the split: the model is tested on "
            "images that it was trained on.",
        )
        findings.append(_build_group_finding("error", leaks, parts, text))
    if others:
        text = (
            f"{len(others):,} groups of pairs have equal pixels in both sensors",
            "Delete the copies: they count several times in every mean.",
        )
        findings.append(_build_group_finding("warning", others, parts, text))
    return findings


def _report_equal_in_one_sensor(
    digests: Mapping[str, tuple[str, str]], equal: Sequence[set[str]]
) -> list[Finding]:
    findings = []
    for sensor, name, other in ((0, "infrared", "visible"), (1, "visible", "infrared")):
        groups = _group_equal({key: pair[sensor] for key, pair in digests.items()})
        groups = [group for group in groups if not any(set(group) <= each for each in equal)]
        if groups:
            text = (
                f"{len(groups):,} groups of pairs have the same {name} image, but different "
                f"{other} images",
                "At most one pair of each group is right: find the lost image, or delete the "
                "wrong pairs.",
            )
            findings.append(_build_group_finding("error", groups, {}, text))
    return findings


def _report_near(near: Sequence[list[str]], parts: Mapping[str, str]) -> list[Finding]:
    if not near:
        return []
    groups = sorted(near, key=lambda group: (not _is_leak(group, parts), -len(group), group))
    leak_count = sum(_is_leak(group, parts) for group in groups)
    text = (
        f"{len(groups):,} groups of near-duplicated pairs ({sum(map(len, groups)):,} pairs)"
        + (f", {leak_count:,} of them across train and test" if leak_count else ""),
        "Keep one pair of each group, or put the whole group into one part of the split.",
    )
    is_in_one_part = all(
        len({parts.get(key, "") for key in group}) == 1 and parts.get(group[0]) for group in groups
    )
    return [_build_group_finding("note" if is_in_one_part else "warning", groups, parts, text)]


def _report_same_views(
    hashes: Mapping[str, tuple[str, str]],
    parts: Mapping[str, str],
    reported_groups: Sequence[Sequence[str]],
) -> list[Finding]:
    """Report pairs of test whose view is in train too, e.g. neighboring frames of a video.

    Pairs of groups that are across both parts are reported already.
    """
    reported = {key for group in reported_groups if _is_leak(group, parts) for key in group}
    keys = [key for key in sorted(hashes) if parts.get(key) and key not in reported]
    is_test = np.array([parts[key] == "test" for key in keys], np.bool_)
    if not is_test.any() or is_test.all():
        return []
    partners: dict[str, str] = {}
    for first, second in find_close_hashes(to_arrays(hashes, keys), SAME_VIEW_BITS):
        across = is_test[first] != is_test[second]
        for i, j in zip(first[across].tolist(), second[across].tolist(), strict=True):
            test, train = (i, j) if is_test[i] else (j, i)
            partners.setdefault(keys[test], keys[train])
    if not partners:
        return []
    return [
        Finding(
            "warning",
            f"{len(partners):,} of {int(is_test.sum()):,} test pairs show the same view as a pair "
            "of train",
            "Probably frames of one recording, or of a camera that stands still. Divide by whole "
            "sequences, with a gap between the parts: split: {rule: blocks} in the task, or lists "
            "of your own.",
            tuple(Item(test, f"as {train} (train)") for test, train in sorted(partners.items())),
            tuple(
                Picture("pair", key, f"{key} ({part})")
                for test, train in sorted(partners.items())[:PICTURE_COUNT]
                for key, part in ((test, "test"), (train, "train"))
            ),
        )
    ]
