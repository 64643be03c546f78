"""Every check of the published tables, together."""

from collections.abc import Sequence
from pathlib import Path

from reports.papers import audit_claims, audit_pairs, audit_rows, audit_swaps
from reports.papers.audit_rows import Finding
from reports.papers.published import FOLDER, Published


def findings(tables: Sequence[Published], folder: Path = FOLDER) -> list[Finding]:
    """Every finding, in the order of the tables.

    Raises:
        BenchError: If the files of claims or facts are damaged.
    """
    claims, facts = audit_claims.read(folder)
    found = [
        *(finding for table in tables for finding in audit_rows.findings(table)),
        *(finding for table in tables for finding in audit_swaps.findings(table)),
        *audit_pairs.findings(tables),
        *audit_claims.findings(tables, claims, facts),
    ]
    order = [table.name for table in tables]
    return sorted(found, key=lambda finding: order.index(finding.table))


def where(found: Finding) -> str:
    """The row and metric of a finding; the text for what is not about one row."""
    parts = [found.method, found.metric]
    return ", ".join(part for part in parts if part) or "text"
