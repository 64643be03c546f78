"""The parts of a chapter in their order: the same on the page and in the text."""

from collections.abc import Iterator

from reports import grids
from reports.chapters import Chapter

COMPARISON, PUBLISHED, SLICES, ERRORS = "comparison", "published", "slices", "errors"
CURVES, CONFUSIONS, MORE, PICTURES = "curves", "confusions", "more", "pictures"
PROTOCOL, MISSING = "protocol", "missing"


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
    if chapter.samples:
        yield PICTURES, "Pictures"
    if chapter.results.records:
        yield PROTOCOL, "Protocol and provenance"
    if chapter.gaps:
        yield MISSING, "Missing"
