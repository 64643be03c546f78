"""Notes below the tables: each is printed once, for the page, for a task or for one table."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reports.document.model import TaskSection
from reports.tables.text_table import TextTable


@dataclass(frozen=True)
class PageNotes:
    """The notes of all tables, without repetitions.

    Attributes:
        of_page: Notes on tables of several tasks.
        of_tasks: Name of a task to the notes on several of its tables, without those of the page.
    """

    of_page: tuple[str, ...]
    of_tasks: Mapping[str, tuple[str, ...]]

    def select_own(self, table: TextTable, section: TaskSection) -> list[str]:
        """Select the notes of a table that concern no other table."""
        shared = {*self.of_page, *self.of_tasks[section.results.name]}
        return [note for note in table.notes if note not in shared]


def collect_notes(sections: Sequence[TaskSection]) -> PageNotes:
    """Collect the notes of all tables by how many tables and tasks they concern."""
    counts = {
        section.results.name: Counter(
            note for table in list_tables(section) for note in dict.fromkeys(table.notes)
        )
        for section in sections
    }
    task_counts = Counter(note for count in counts.values() for note in count)
    of_page = tuple(note for note, count in task_counts.items() if count > 1)
    return PageNotes(
        of_page,
        {
            task: tuple(note for note in count if count[note] > 1 and note not in of_page)
            for task, count in counts.items()
        },
    )


def list_tables(section: TaskSection) -> Iterator[TextTable]:
    """Yield all tables of a section with their notes."""
    yield from section.main_tables
    yield from section.collapsed_tables
    if section.equivalence_table:
        yield section.equivalence_table
