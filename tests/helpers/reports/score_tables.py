"""Results of a quality task, and the cells and ranks of a table by source."""

from fusebench.storage.records import Column
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import result_text
from tests.helpers.reports.synthetic_records import make_record

COLUMNS = {
    "entropy": Column(title="EN", mean_title="EN", unit="bit", is_fraction=False),
    "nabf": Column(title="Nabf", mean_title="Nabf", better="lower", is_fraction=False),
}


def make_quality_results(**scores):
    """Make a quality task from (entropy, nabf) of every source."""
    scores = scores or {"mine": (7.0, 3.0), "theirs": (6.0, 2.0), "other": (7.0, None)}
    sources = []
    for name, (entropy, nabf) in scores.items():
        interval = None if entropy is None else (entropy - 1, entropy + 1)
        changes = {
            "kind": "quality",
            "columns": COLUMNS,
            "values": {"entropy": entropy, "nabf": nabf},
            "by_class": {},
            "intervals": {"entropy": interval, "nabf": None},
        }
        record = make_record(name, "method", None, (None, None)).model_copy(update=changes)
        sources.append(SourceResults(name, "method", (None,), (record,), "run"))
    return TaskResults("toy-quality", "quality", "toy", tuple(sources))


def format_cells(table):
    """Format the cells of a table by source."""
    return {
        row.source_results.source_name: [
            result_text.format_cell(cell, header)
            for cell, header in zip(row.cells, table.headers, strict=False)
        ]
        for row in table.rows
    }


def get_ranks(table):
    return {row.source_results.source_name: [cell.rank for cell in row.cells] for row in table.rows}
