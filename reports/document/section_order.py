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
    subsections = {table.subsection for table in section.main_tables}
    for subsection, title, is_present in (
        (COMPARISON, "Comparison", True),
        (SAMPLES, "Sample images", bool(section.samples)),
        (EQUIVALENCE, "Equivalence", section.equivalence_table is not None),
        (GAINS, "Where the gain comes from", section.gain_table is not None),
        (PUBLISHED, "Published results", bool(section.published_comparisons)),
        (BY_CONDITION, "Scores by condition", BY_CONDITION in subsections),
        (ROBUSTNESS, "Robustness", section.robustness is not None),
        (ERRORS, "Error types", ERRORS in subsections),
        (CURVES, "Precision-recall curves", bool(section.curves_stem)),
        (CONFUSION_MATRICES, "Confusion matrices", bool(section.confusion_matrix_stems)),
        (COLLAPSED_TABLES, "More tables", bool(section.collapsed_tables)),
        (MISSING_RUNS, "Missing runs", bool(section.missing_runs)),
    ):
        if is_present:
            yield subsection, title


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
