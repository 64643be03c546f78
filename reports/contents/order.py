"""The parts of the report in their order: the same on the page and in the text.

First every task's chapter, then what goes over all tasks, then every task's pictures and protocol.
"""

from collections.abc import Iterator, Sequence

from reports.contents.chapters import Chapter
from reports.scores import grids

COMPARISON, PUBLISHED, SLICES, ERRORS = "comparison", "published", "slices", "errors"
CURVES, CONFUSIONS, MORE, MISSING = "curves", "confusions", "more", "missing"
PICTURES, PROTOCOL = "pictures", "protocol"


def parts(chapter: Chapter) -> Iterator[tuple[str, str]]:
    """The parts of a chapter that are there, in order: the id's stem and the title."""
    yield COMPARISON, "Comparison"
    if chapter.published:
        yield PUBLISHED, "Published rows"
    if any(grid.part == grids.SLICES for grid in chapter.main):
        yield SLICES, "Slices"
    if any(grid.part == grids.ERRORS for grid in chapter.main):
        yield ERRORS, "Kinds of error"
    if chapter.curves:
        yield CURVES, "Precision and recall"
    if chapter.confusions:
        yield CONFUSIONS, "Confusions"
    if chapter.more:
        yield MORE, "More tables"
    if chapter.gaps:
        yield MISSING, "Missing"


def ends(chapters: Sequence[Chapter]) -> Iterator[tuple[str, str, dict[int, Chapter]]]:
    """The parts at the end that are there: id's stem, title, and by their number whose tasks'."""
    numbered = dict(enumerate(chapters, start=1))
    pictured = {number: one for number, one in numbered.items() if one.samples}
    if pictured:
        yield PICTURES, "Pictures", pictured
    made = {number: one for number, one in numbered.items() if one.results.records}
    if made:
        yield PROTOCOL, "Protocol and provenance", made
