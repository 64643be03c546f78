"""Diagnosis of a data set: all checks, from its files and the measurements of its pairs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fusebench.doctor.checks import (
    borders,
    box_labels,
    duplicates,
    illumination,
    image_files,
    known_facts,
    label_maps,
    perceptual_hash,
    registration,
    sensor_contrast,
)
from fusebench.doctor.checks.sensor_contrast import BoxContrast
from fusebench.doctor.dataset_files import DatasetFiles
from fusebench.doctor.findings import (
    SEVERITIES,
    Finding,
    Section,
    Severity,
    Table,
    sort_findings,
)
from fusebench.doctor.measurement import PairFacts

MAX_SEQUENCES = 30  # rows of the table of sequences
MAX_FOLDERS = 4  # in the description of the data set


@dataclass(frozen=True)
class Diagnosis:
    """Everything that was found in a data set.

    Attributes:
        name: Name of the data set.
        title: Name for readers.
        folder: Its folder.
        pair_count: Number of pairs that were read.
        sections: One per check, without those that do not apply.
    """

    name: str
    title: str
    folder: str
    pair_count: int
    sections: tuple[Section, ...]

    def list_findings(self, severity: Severity | None = None) -> list[Finding]:
        """List the findings of a severity; None: of all, errors first."""
        findings = [finding for section in self.sections for finding in section.findings]
        ordered = sort_findings(findings)
        return [each for each in ordered if severity is None or each.severity == severity]

    def count_findings(self) -> dict[Severity, int]:
        """Count the findings of each severity."""
        return {severity: len(self.list_findings(severity)) for severity in SEVERITIES}


def diagnose(files: DatasetFiles, facts: Mapping[str, PairFacts]) -> Diagnosis:
    """Run all checks.

    Args:
        files: The data set.
        facts: Measurements per key, of every pair.
    """
    conditions = {pair.key: pair.condition for pair in files.pairs}
    readable = {
        key: pair for key, pair in facts.items() if pair.infrared.digest and pair.visible.digest
    }
    sizes = {key: pair.visible.size for key, pair in facts.items() if pair.visible.size[0]}
    same_size = {k: pair for k, pair in readable.items() if pair.infrared.size == pair.visible.size}
    hashes = {key: (pair.infrared.hash, pair.visible.hash) for key, pair in readable.items()}
    duplicate_section = duplicates.check_duplicates(
        {key: (pair.infrared.digest, pair.visible.digest) for key, pair in readable.items()},
        hashes,
        {pair.key: pair.part for pair in files.pairs},
    )
    sections = [
        _describe_dataset(files),
        image_files.check_image_files(facts, scales_infrared=files.scales_infrared),
        borders.check_borders(
            {key: (pair.infrared.content, pair.visible.content) for key, pair in same_size.items()},
            sizes,
        ),
        duplicate_section,
        registration.check_registration(
            {key: pair.shift for key, pair in facts.items() if pair.shift is not None},
            {key: size[0] for key, size in sizes.items()},
            conditions,
        ),
        illumination.check_illumination(
            {k: p.infrared.brightness for k, p in readable.items() if p.infrared.bits <= 8},
            {key: pair.visible.brightness for key, pair in readable.items()},
            conditions,
        ),
    ]
    if files.has_boxes:
        sections.append(box_labels.check_box_labels(files, sizes))
        boxes = _list_box_contrasts(files, facts)
        sections.append(sensor_contrast.check_sensor_contrast(boxes, files.classes, conditions))
    if any(pair.label_map is not None for pair in files.pairs):
        sections.append(label_maps.check_label_maps(facts, files.classes))
    groups = len(perceptual_hash.group_near_duplicates(hashes))
    known = known_facts.check_known_facts(files, sizes, groups)
    if known is not None:
        sections.append(known)
    ordered = (replace(each, findings=sort_findings(each.findings)) for each in sections)
    return Diagnosis(files.name, files.title, str(files.folder), len(files.pairs), tuple(ordered))


def _list_box_contrasts(files: DatasetFiles, facts: Mapping[str, PairFacts]) -> list[BoxContrast]:
    boxes = []
    for pair in files.pairs:
        contrasts = facts[pair.key].contrasts
        if pair.boxes is None or len(contrasts) != len(pair.boxes):
            continue  # an image cannot be read
        for corners, class_id, (infrared, visible) in zip(
            pair.boxes.corners.tolist(), pair.boxes.class_ids.tolist(), contrasts, strict=True
        ):
            left, top, right, bottom = corners
            boxes.append(
                BoxContrast(pair.key, class_id, (left, top, right, bottom), infrared, visible)
            )
    return boxes


def _describe_dataset(files: DatasetFiles) -> Section:
    """Count pairs per split, condition and sequence."""
    findings = [
        Finding("note", f"{name}: {text}", "Stands in the protocol of results too.")
        for name, text in files.notes
    ]
    if files.has_leakage:
        findings.append(
            Finding(
                "warning",
                f"The split rule puts neighboring frames into train and test: "
                f"{files.split_description}",
                "Divide by whole sequences, or by blocks with a gap (docs/tasks.md).",
            )
        )
    if files.split_description.startswith("no split: "):
        findings.append(
            Finding(
                "note",
                f"There is no division into train and test: {files.split_description[10:]}",
                "Leaks are not checked.",
            )
        )
    parts = Counter(pair.part or "neither" for pair in files.pairs)
    tables = []
    if set(parts) != {"neither"}:
        names = ("train", "test", "neither")
        rows = tuple((name, f"{parts[name]:,}") for name in names)
        tables.append(Table(f"Split ({files.split_description})", ("part", "pairs"), rows))
    if any(pair.condition for pair in files.pairs):
        tables.append(_count_by_part(files, "condition"))
    if files.has_known_sequences:
        tables.append(_count_by_part(files, "sequence"))
    return Section(
        "dataset",
        "Data set",
        _describe_folders(files),
        tuple(findings),
        tuple(tables),
    )


def _describe_folders(files: DatasetFiles) -> str:
    folders = [str(folder) for folder in files.image_folders]
    others = len(folders) - MAX_FOLDERS
    text = f"{len(files.pairs):,} pairs of images in {', '.join(folders[:MAX_FOLDERS])}"
    text += f" and {others:,} more folders" if others > 0 else ""
    if files.classes:
        text += f"; {len(files.classes)} classes: {', '.join(files.classes)}"
    return f"{text}."


def _count_by_part(files: DatasetFiles, attribute: str) -> Table:
    counts = Counter((getattr(p, attribute) or "unknown", p.part) for p in files.pairs)
    names = sorted({name for name, _ in counts})
    rows = []
    for name in names[:MAX_SEQUENCES]:
        own = [counts[name, part] for part in ("train", "test", "")]
        rows.append((name, f"{sum(own):,}", f"{own[0]:,}", f"{own[1]:,}"))
    if len(names) > MAX_SEQUENCES:
        rows.append((f"and {len(names) - MAX_SEQUENCES} more", "", "", ""))
    return Table(f"Pairs by {attribute}", (attribute, "pairs", "train", "test"), tuple(rows))
