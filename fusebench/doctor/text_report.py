"""The diagnosis as text for the terminal, and as a JSON document."""

import dataclasses
import json
from typing import Any

from fusebench.doctor.diagnosis import Diagnosis
from fusebench.doctor.findings import Finding

MAX_ITEMS = 3  # of a finding in the text; all are in the JSON document
MAX_DETAIL_LENGTH = 160


def format_text(diagnosis: Diagnosis) -> str:
    """Format findings, errors first, with the first items of each."""
    lines = [f"{diagnosis.title} in {diagnosis.folder}: {diagnosis.pair_count:,} pairs"]
    for section in diagnosis.sections:
        if section.findings:
            lines += ["", section.title]
        for finding in section.findings:
            lines += _format_finding(finding)
    counts = diagnosis.count_findings()
    lines += ["", ", ".join(f"{count} {name}(s)" for name, count in counts.items())]
    return "\n".join(lines)


def _format_finding(finding: Finding) -> list[str]:
    lines = [f"  {finding.severity:8}{finding.title}"]
    indent = " " * 10
    for item in finding.items[:MAX_ITEMS]:
        detail = item.detail.replace("\n", " ")
        text = f"{item.name}: {detail}" if detail else item.name
        if len(text) > MAX_DETAIL_LENGTH:
            text = text[: MAX_DETAIL_LENGTH - 4] + " ..."
        lines.append(f"{indent}- {text}")
    if len(finding.items) > MAX_ITEMS:
        lines.append(f"{indent}- and {len(finding.items) - MAX_ITEMS:,} more")
    if finding.severity != "note":
        lines.append(f"{indent}{finding.advice}")
    return lines


def format_json(diagnosis: Diagnosis) -> str:
    """Format everything, with all items of all findings."""
    document: dict[str, Any] = {
        "dataset": diagnosis.name,
        "folder": diagnosis.folder,
        "pairs": diagnosis.pair_count,
        "findings": diagnosis.count_findings(),
        "sections": [dataclasses.asdict(section) for section in diagnosis.sections],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
