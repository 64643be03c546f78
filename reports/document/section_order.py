"""Order of the report: subsections of a task and appendices, the same in every output format.

First come the sections of all tasks, then what concerns all tasks (efficiency, correlation of
metrics), then the appendix: the protocol of every task.
"""

from collections.abc import Iterator, Sequence

from reports.document.model import TaskSection
from reports.tables import text_table

COMPARISON, EQUIVALENCE, PUBLISHED = "comparison", "equivalence", "published"
GAINS = "gain-attributes"
BY_CONDITION, ERRORS = text_table.BY_CONDITION, text_table.ERRORS
ROBUSTNESS = "robustness"
CURVES, CONFUSION_MATRICES = "curves", "confusion-matrices"
COLLAPSED_TABLES, MISSING_RUNS = "more-tables", "missing-runs"
SAMPLES, PROTOCOL = "samples", "protocol"


def list_subsections(section: TaskSection) -> Iterator[tuple[str, str]]:
    """Yield id and heading of every subsection that the section has, in order."""
    yield COMPARISON, "Comparison"
    if section.samples:
        yield SAMPLES, "Sample images"
    if section.equivalence_table:
        yield EQUIVALENCE, "Equivalence"
    if section.gain_table:
        yield GAINS, "Where the gain comes from"
    if section.published_comparisons:
        yield PUBLISHED, "Published results"
    if any(table.subsection == BY_CONDITION for table in section.main_tables):
        yield BY_CONDITION, "Scores by condition"
    if section.robustness:
        yield ROBUSTNESS, "Robustness"
    if any(table.subsection == ERRORS for table in section.main_tables):
        yield ERRORS, "Error types"
    if section.curves_stem:
        yield CURVES, "Precision-recall curves"
    if section.confusion_matrix_stems:
        yield CONFUSION_MATRICES, "Confusion matrices"
    if section.collapsed_tables:
        yield COLLAPSED_TABLES, "More tables"
    if section.missing_runs:
        yield MISSING_RUNS, "Missing runs"


def list_appendices(
    sections: Sequence[TaskSection],
) -> Iterator[tuple[str, str, dict[int, TaskSection]]]:
    """Yield id, heading and {task number from 1: section} of every appendix, in order."""
    numbered = dict(enumerate(sections, start=1))
    with_records = {
        number: section for number, section in numbered.items() if section.results.records
    }
    if with_records:
        yield PROTOCOL, "Protocol and provenance", with_records
