"""Our numbers in the columns of the papers' tables: same columns, same order."""

import re
from dataclasses import replace

import pytest

from fusebench.storage.records import Column
from reports.document import sections
from reports.formats import html_page, latex
from reports.literature import paper_layouts, published_tables
from reports.results.task_results import SourceResults
from tests.helpers.synthetic_records import make_record, make_task_results

# As the tables of the papers are headed (DMFuse Tables 2 and 3, DMNet Table VII).
TABLE2 = ["Person", "Car", "Bus", "Lamp", "Motorcycle", "Truck", "All"]
TABLE3 = ["Road", "Sidewalk", "Lamp", "Sign", "Vegetation", "Sky", "Person", "Pole"]
TABLE7 = ["People", "Car", "Bus", "Motor", "Trunk", "Lamp", "mAP"]
METRICS = {
    name: Column(title=name, mean_title=f"m{name}") for name in ("AP50", "AP", "accuracy", "IoU")
}
M3FD = ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck")
FMB = ("road", "sidewalk", "building", "lamp", "sign", "vegetation", "sky", "person", "pole")


def task(preset, classes):
    """Every score is a different number of thousandths."""
    scores = {
        name: {metric: (10 * i + j) / 1000 for j, metric in enumerate(METRICS)}
        for i, name in enumerate(classes, 1)
    }
    means = {metric: (900 + j) / 1000 for j, metric in enumerate(METRICS)}
    rows = []
    for name in ("infrared", "visible", "dmfuse"):
        kind = name if name != "dmfuse" else "method"
        made = make_record(name, kind, 0, (0.5, 0.5))
        changes = {"columns": METRICS, "values": means, "by_class": scores}
        rows.append(SourceResults(name, kind, (0,), (made.model_copy(update=changes),), ""))
    return replace(make_task_results(*rows), preset=preset)


def layout(preset, classes):
    (table,) = paper_layouts.build_paper_tables(task(preset, classes))
    numbers = [round(1000 * entry.mean) for entry in table.rows[0].cells]
    return [heading.title for heading in table.headers], numbers, table


def test_dmfuse_table_2_has_every_class_in_one_metric_then_in_the_other():
    heads, numbers, table = layout("dmfuse-table2", M3FD)
    assert heads == [f"{name} {m}" for m in ("mAP@0.5", "mAP@[0.5:0.95]") for name in TABLE2]
    assert numbers == [10, 20, 30, 50, 40, 60, 900, 11, 21, 31, 51, 41, 61, 901]
    assert paper_layouts.get_header_groups(table) == (("mAP@0.5", 7), ("mAP@[0.5:0.95]", 7))


def test_dmfuse_table_3_has_pairs_of_accuracy_and_iou():
    heads, numbers, table = layout("dmfuse-table3", FMB)
    assert heads == [f"{name} {m}" for name in TABLE3 for m in ("Acc", "IoU")] + ["mAcc", "mIoU"]
    expected = [12, 13, 22, 23, 42, 43, 52, 53, 62, 63, 72, 73, 82, 83, 92, 93, 902, 903]
    assert numbers == expected
    assert paper_layouts.get_header_groups(table) == (*((name, 2) for name in TABLE3), ("", 2))


def test_dmnet_table_7_has_one_metric():
    heads, numbers, table = layout("dmnet-table7", M3FD)
    assert heads == TABLE7
    assert numbers == [10, 20, 30, 40, 60, 50, 900]
    assert paper_layouts.get_header_groups(table) == ()


@pytest.mark.parametrize("preset", paper_layouts.LAYOUTS)
def test_the_columns_are_those_of_the_published_table(preset):
    name = paper_layouts.LAYOUTS[preset].published_table
    file = published_tables.TABLES_FOLDER / f"{name}.csv"
    printed = file.read_text(encoding="utf-8").splitlines()[0].split(",")[3:-1]
    expected = {"dmfuse-table2": TABLE2[:-1], "dmfuse-table3": TABLE3, "dmnet-table7": TABLE7[:-1]}
    assert printed == expected[preset]


def test_the_chapter_has_it_and_its_heads_are_grouped_in_print():
    chapter = sections.build_section(task("dmfuse-table3", FMB), "", ())
    (grid,) = [grid for grid in chapter.main_tables if grid.header_groups]
    lines = latex.render_table(grid, chapter).splitlines()
    place = lines.index(r"\toprule")
    assert lines[place + 1].startswith(
        r" & \multicolumn{2}{c}{Road} & \multicolumn{2}{c}{Sidewalk}"
    )
    assert lines[place + 2].startswith(r"\cmidrule(lr){2-3} \cmidrule(lr){4-5}")
    assert lines[place + 3].startswith("Source & Acc & IoU & Acc & IoU")
    assert lines[place + 3].endswith(r"mAcc & mIoU \\")


def test_the_page_groups_the_heads_as_the_paper_does():
    chapter = sections.build_section(task("dmfuse-table3", FMB), "", ())
    html = html_page.render_report(sections.Report("T", "", "", (), (chapter,), ""))
    (above,) = re.findall(r'<tr class="above">(.*?)</tr>', html)
    names = re.findall(r'<th scope="colgroup" colspan="2">(.*?)</th>', above)
    assert names == TABLE3
    assert above.endswith('<td colspan="2"></td>')  # the means are of no class
    under = html[html.index(above) + len(above) :].partition("</thead>")[0]
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', under)
    assert heads == ["source", *["Acc", "IoU"] * 8, "mAcc", "mIoU"]


def test_a_task_of_another_preset_or_without_the_metrics_has_none():
    assert paper_layouts.build_paper_tables(task("paper", M3FD)) == []
    assert (
        paper_layouts.build_paper_tables(replace(make_task_results(), preset="dmfuse-table2")) == []
    )
