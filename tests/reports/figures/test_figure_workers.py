import pytest

from reports.document import selection
from reports.figures import bars_and_curves, figure_workers
from reports.figures.figure_workers import MIN_CHARTS_FOR_WORKERS
from tests.helpers.reports.synthetic_records import make_source_results, make_task_results


def test_worker_processes_draw_the_same_charts_as_this_process(tmp_path):
    source = make_source_results("infrared", "infrared", [(0.5, 0.7)])
    table = selection.build_main_table(make_task_results(source))
    styles = bars_and_curves.assign_source_styles({"infrared": "infrared"})
    for count, folder in ((1, tmp_path / "here"), (MIN_CHARTS_FOR_WORKERS, tmp_path / "workers")):
        folder.mkdir()
        with figure_workers.open_figure_pool() as draw:
            for number in range(count):
                files = [folder / f"{number}.svg"]
                draw(bars_and_curves.draw_bar_chart, table, styles, files)
            assert not list(folder.iterdir())  # drawn at the end of the block
    assert len({file.read_bytes() for file in tmp_path.rglob("*.svg")}) == 1
    assert len(list((tmp_path / "workers").iterdir())) == MIN_CHARTS_FOR_WORKERS


def test_an_error_in_a_worker_process_is_raised():
    def draw_nothing():
        with figure_workers.open_figure_pool() as draw:
            for _ in range(MIN_CHARTS_FOR_WORKERS):
                draw(bars_and_curves.draw_bar_chart, None)

    with pytest.raises(TypeError):
        draw_nothing()
