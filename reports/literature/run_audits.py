"""All audits of the published tables, together."""

from collections.abc import Sequence
from pathlib import Path

from reports.literature import audit_claims, audit_pairs, audit_rows, audit_swaps
from reports.literature.audit_rows import Finding
from reports.literature.published_tables import TABLES_FOLDER, PublishedTable


def collect_findings(
    tables: Sequence[PublishedTable], folder: Path = TABLES_FOLDER
) -> list[Finding]:
    """Collect the findings of all audits, in the order of the tables.

    Args:
        tables: Published tables.
        folder: With the files of claims and facts.

    Raises:
        UserError: If the file of claims or facts cannot be read.
    """
    claims, facts = audit_claims.read_claims_and_facts(folder)
    findings = [
        *(finding for table in tables for finding in audit_rows.collect_findings(table)),
        *(finding for table in tables for finding in audit_swaps.collect_findings(table)),
        *audit_pairs.collect_findings(tables),
        *audit_claims.collect_findings(tables, claims, facts),
    ]
    order = [table.name for table in tables]
    return sorted(findings, key=lambda finding: order.index(finding.table))
