"""A large first report: 16 sources x 3 seeds x 2 tasks, and their fusion metrics."""

import os
import re
import time

import pytest

from reports import run
from tests.helpers.reports import synthetic_comparison

pytestmark = pytest.mark.slow
ACCURACY = {"infrared": 0.5, "visible": 0.55} | {f"method-{i}": 0.4 + 0.035 * i for i in range(14)}
COMPARISON = synthetic_comparison.SyntheticComparison(
    ACCURACY, seeds=(0, 1, 2), image_size=(640, 480), image_count=81, false_positives=35
)
MIN_PANELS = 200
MAX_SECONDS = 60  # on 2 cores, worker processes included
MAX_PAGE_BYTES = 25_000_000  # what a browser loads
MAX_REPORT_BYTES = 38_000_000  # with files for print, for a paper, and CSV


def measure_cpu_seconds():
    """Processor time of this process and of its finished child processes."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def test_a_large_report_is_complete_fast_and_small(tmp_path, record_property):
    flags = synthetic_comparison.write_comparison(COMPARISON, tmp_path)
    report = tmp_path / "report"
    start, cpu_start = time.monotonic(), measure_cpu_seconds()
    # the image viewer has limits of its own: reports/viewer/writing.py
    assert run.main([*flags, f"--to={report}", "--pictures=none"]) == 0
    seconds, cpu_seconds = time.monotonic() - start, measure_cpu_seconds() - cpu_start
    html = (report / "index.html").read_text(encoding="utf-8")
    ids = re.findall(r'<h[123] id="([^"]+)"', html)
    expected = synthetic_comparison.SECTION_IDS
    assert [heading for heading in ids if heading in expected] == list(expected)
    panels = list(report.rglob("*.jpg"))
    assert len(panels) >= MIN_PANELS
    images = re.findall(r'<img src="[^"]+\.jpg"[^>]*>', html)  # without charts, which are small
    # enlarged parts of the pairs that are not among the pictures of the first screen
    unused = {panel.relative_to(report).as_posix() for panel in panels} - set(
        re.findall(r'src="([^"]+\.jpg)"', html)
    )
    assert all("/zoom" in name for name in unused), unused
    assert len(unused) <= len(panels) - len(images) <= 8
    assert all('loading="lazy"' in image for image in images)
    sizes = {file: file.stat().st_size for file in report.rglob("*") if file.is_file()}
    page_files = {"index.html", *re.findall(r'src="([^"]+)"', html)}
    page_bytes = sum(sizes[report / name] for name in page_files)
    report_bytes = sum(sizes.values())
    measurement = (
        f"{len(panels)} panels, {seconds:.1f} s, {cpu_seconds:.1f} s of processor time, "
        f"page {page_bytes} B, report {report_bytes} B"
    )
    record_property("measured", measurement)
    assert page_bytes < MAX_PAGE_BYTES, measurement
    assert report_bytes < MAX_REPORT_BYTES, measurement
    assert cpu_seconds < 2 * MAX_SECONDS, measurement  # not wall time: the machine may be shared
