"""Every check of the published tables, together."""

from collections.abc import Sequence
from pathlib import Path

from reports.literature import audit_claims, audit_pairs, audit_rows, audit_swaps
from reports.literature.audit_rows import Finding
from reports.literature.published_tables import TABLES_FOLDER, PublishedTable


def collect_findings(
    tables: Sequence[PublishedTable], folder: Path = TABLES_FOLDER
) -> list[Finding]:
    """Every finding, in the order of the tables.

    Raises:
        UserError: If the files of claims or facts are damaged.
    """
    claims, facts = audit_claims.read_claims_and_facts(folder)
    found = [
        *(finding for table in tables for finding in audit_rows.collect_findings(table)),
        *(finding for table in tables for finding in audit_swaps.collect_findings(table)),
        *audit_pairs.collect_findings(tables),
        *audit_claims.collect_findings(tables, claims, facts),
    ]
    order = [table.name for table in tables]
    return sorted(found, key=lambda finding: order.index(finding.table))


def format_location(found: Finding) -> str:
    """The row and metric of a finding; the text for what is not about one row."""
    parts = [found.method, found.metric]
    return ", ".join(part for part in parts if part) or "text"
