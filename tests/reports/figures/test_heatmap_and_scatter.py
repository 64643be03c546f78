"""Scatter plot of score over cost: its texts."""

import re
from dataclasses import replace

from reports.figures import bars_and_curves, heatmap_and_scatter
from tests.helpers.reports.synthetic_records import make_source_results, make_task_results


def test_a_chart_of_simulated_scenes_says_so_without_the_report(tmp_path):
    source = make_source_results("mine", "method", [(0.5, 0.5)])
    records = [r.model_copy(update={"protocol": {"simulated": True}}) for r in source.records]
    results = make_task_results(replace(source, records=tuple(records)))
    styles = bars_and_curves.assign_source_styles({"mine": "method"})
    file = tmp_path / "chart.svg"
    titles = (results.figure_title, "seconds per pair", "mAP@.5, points")
    heatmap_and_scatter.draw_score_vs_cost({"mine": (0.1, 50.0)}, {}, styles, [file], titles)
    texts = re.findall(r"<!-- (.+?) -->", file.read_text(encoding="utf-8"))
    assert {f"{results.name}: simulated scenes", "seconds per pair", "mine"} <= set(texts)


def test_a_task_on_camera_images_is_not_called_simulated():
    source = make_source_results("mine", "method", [(0.5, 0.5)])
    results = make_task_results(source)
    assert results.figure_title == results.name
