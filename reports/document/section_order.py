"""The parts of the report in their order: the same on the page and in the text.

First every task's chapter, then what goes over all tasks, then every task's pictures and protocol.
"""

from collections.abc import Iterator, Sequence

from reports.document.sections import TaskSection
from reports.tables import text_table

COMPARISON, PUBLISHED, BY_CONDITION, ERRORS = "comparison", "published", "slices", "errors"
CURVES, CONFUSIONS, COLLAPSED_TABLES, MISSING = "curves", "confusions", "more", "missing"
SAMPLES, PROTOCOL = "pictures", "protocol"


def list_subsections(chapter: TaskSection) -> Iterator[tuple[str, str]]:
    """The parts of a chapter that are there, in order: the id's stem and the title."""
    yield COMPARISON, "Comparison"
    if chapter.published_comparisons:
        yield PUBLISHED, "Published rows"
    if any(grid.subsection == text_table.BY_CONDITION for grid in chapter.main_tables):
        yield BY_CONDITION, "Slices"
    if any(grid.subsection == text_table.ERRORS for grid in chapter.main_tables):
        yield ERRORS, "Kinds of error"
    if chapter.curves_stem:
        yield CURVES, "Precision and recall"
    if chapter.confusion_matrix_stems:
        yield CONFUSIONS, "Confusions"
    if chapter.collapsed_tables:
        yield COLLAPSED_TABLES, "More tables"
    if chapter.missing_runs:
        yield MISSING, "Missing"


def list_appendices(
    chapters: Sequence[TaskSection],
) -> Iterator[tuple[str, str, dict[int, TaskSection]]]:
    """The parts at the end that are there: id's stem, title, and by their number whose tasks'."""
    numbered = dict(enumerate(chapters, start=1))
    pictured = {number: one for number, one in numbered.items() if one.samples}
    if pictured:
        yield SAMPLES, "Pictures", pictured
    made = {number: one for number, one in numbered.items() if one.results.records}
    if made:
        yield PROTOCOL, "Protocol and provenance", made
