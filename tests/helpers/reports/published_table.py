"""A published segmentation table from text, for the tests of the audits."""

from decimal import Decimal

from reports.literature.published_tables import PublishedRow, PublishedTable, TableMetadata


def make_published_table(rows, classes=("Car", "Bus"), metric="IoU", name="toy", **tags):
    """Make a table from {method: "cells and mean, separated by spaces"}."""
    tags = {
        "kind": "segmentation",
        "dataset": "fmb",
        "images": "cameras",
        "protocol": "retrained",
        "split": "official",
        "metric": metric,
        **tags,
    }
    published_rows = []
    for method, text in rows.items():
        *cells, mean = map(Decimal, text.split())
        by_class = dict(zip(classes, cells, strict=True))
        row = PublishedRow(method, method, metric, by_class, by_class, mean, tags)
        published_rows.append(row)
    metadata = TableMetadata(
        paper=name,
        table="Table 1",
        by_eye=False,
        classes={class_name: class_name for class_name in classes},
        metrics={metric: metric},
        tags=tags,
    )
    return PublishedTable(name, metadata, tuple(published_rows))
