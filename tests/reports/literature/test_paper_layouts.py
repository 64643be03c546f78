"""Our results in the layout of the papers' tables: same columns, same order."""

import re
from dataclasses import replace

import pytest

from fusebench.storage.records import Column
from reports.document import sections
from reports.document.model import Report
from reports.formats import html_page, latex
from reports.literature import paper_layouts, published_tables
from reports.results.task_results import SourceResults
from tests.helpers.reports.synthetic_records import make_record, make_task_results

# Headers as printed (DMFuse Tables 2 and 3, DMNet Table VII).
TABLE2 = ["Person", "Car", "Bus", "Lamp", "Motorcycle", "Truck", "All"]
TABLE3 = ["Road", "Sidewalk", "Lamp", "Sign", "Vegetation", "Sky", "Person", "Pole"]
TABLE7 = ["People", "Car", "Bus", "Motor", "Trunk", "Lamp", "mAP"]
METRICS = {
    name: Column(title=name, mean_title=f"m{name}") for name in ("AP50", "AP", "accuracy", "IoU")
}
M3FD = ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck")
FMB = ("road", "sidewalk", "building", "lamp", "sign", "vegetation", "sky", "person", "pole")


def make_results(preset, classes):
    """A task in which every score is a different number of thousandths."""
    by_class = {
        name: {metric: (10 * i + j) / 1000 for j, metric in enumerate(METRICS)}
        for i, name in enumerate(classes, 1)
    }
    means = {metric: (900 + j) / 1000 for j, metric in enumerate(METRICS)}
    fields = {"columns": METRICS, "values": means, "by_class": by_class}
    sources = []
    for name, kind in (("infrared", "infrared"), ("visible", "visible"), ("dmfuse", "method")):
        record = make_record(name, kind, 0, (0.5, 0.5)).model_copy(update=fields)
        sources.append(SourceResults(name, kind, (0,), (record,), ""))
    return replace(make_task_results(*sources), preset=preset)


def build_table(preset, classes):
    """The paper's table, its titles, and the scores of its first row in thousandths."""
    (table,) = paper_layouts.build_paper_tables(make_results(preset, classes))
    titles = [header.title for header in table.headers]
    return table, titles, [round(1000 * cell.mean) for cell in table.rows[0].cells]


def test_dmfuse_table_2_has_all_classes_in_one_metric_then_in_the_other():
    table, titles, scores = build_table("dmfuse-table2", M3FD)
    metrics = ("mAP@0.5", "mAP@[0.5:0.95]")
    assert titles == [f"{name} {metric}" for metric in metrics for name in TABLE2]
    assert scores == [10, 20, 30, 50, 40, 60, 900, 11, 21, 31, 51, 41, 61, 901]
    assert paper_layouts.get_header_groups(table) == (("mAP@0.5", 7), ("mAP@[0.5:0.95]", 7))


def test_dmfuse_table_3_has_accuracy_and_iou_side_by_side():
    table, titles, scores = build_table("dmfuse-table3", FMB)
    by_class = [f"{name} {metric}" for name in TABLE3 for metric in ("Acc", "IoU")]
    assert titles == [*by_class, "mAcc", "mIoU"]
    expected = [12, 13, 22, 23, 42, 43, 52, 53, 62, 63, 72, 73, 82, 83, 92, 93, 902, 903]
    assert scores == expected
    assert paper_layouts.get_header_groups(table) == (*((name, 2) for name in TABLE3), ("", 2))


def test_dmnet_table_7_has_one_metric():
    table, titles, scores = build_table("dmnet-table7", M3FD)
    assert titles == TABLE7
    assert scores == [10, 20, 30, 40, 60, 50, 900]
    assert paper_layouts.get_header_groups(table) == ()


@pytest.mark.parametrize("preset", paper_layouts.LAYOUTS)
def test_the_columns_are_those_of_the_published_table(preset):
    name = paper_layouts.LAYOUTS[preset].published_table
    file = published_tables.TABLES_FOLDER / f"{name}.csv"
    printed = file.read_text(encoding="utf-8").splitlines()[0].split(",")[3:-1]
    expected = {"dmfuse-table2": TABLE2[:-1], "dmfuse-table3": TABLE3, "dmnet-table7": TABLE7[:-1]}
    assert printed == expected[preset]


def test_latex_groups_the_headers_as_the_paper_does():
    section = sections.build_section(make_results("dmfuse-table3", FMB))
    (table,) = [table for table in section.main_tables if table.header_groups]
    lines = latex.render_table(table, section).splitlines()
    top = lines.index(r"\toprule")
    assert lines[top + 1].startswith(r" & \multicolumn{2}{c}{Road} & \multicolumn{2}{c}{Sidewalk}")
    assert lines[top + 2].startswith(r"\cmidrule(lr){2-3} \cmidrule(lr){4-5}")
    assert lines[top + 3].startswith("Source & Acc & IoU & Acc & IoU")
    assert lines[top + 3].endswith(r"mAcc & mIoU \\")


def test_the_page_groups_the_headers_as_the_paper_does():
    section = sections.build_section(make_results("dmfuse-table3", FMB))
    html = html_page.render_report(Report("T", "", "", (), (section,), ""))
    (groups,) = re.findall(r'<tr class="header-groups">(.*?)</tr>', html)
    assert re.findall(r'<th scope="colgroup" colspan="2">(.*?)</th>', groups) == TABLE3
    assert groups.endswith('<td colspan="2"></td>')  # the means belong to no class
    below = html[html.index(groups) + len(groups) :].partition("</thead>")[0]
    headers = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', below)
    assert headers == ["source", *["Acc", "IoU"] * 8, "mAcc", "mIoU"]


def test_a_task_with_another_preset_or_without_the_metrics_has_no_such_table():
    assert paper_layouts.build_paper_tables(make_results("paper", M3FD)) == []
    empty = replace(make_task_results(), preset="dmfuse-table2")
    assert paper_layouts.build_paper_tables(empty) == []
