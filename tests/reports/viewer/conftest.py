"""A report with a viewer, what Python counts for it, and a browser."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from fusebench import cli
from fusebench.config import schema
from fusebench.experiments.plan import Plan
from fusebench.storage.store import Store
from reports import run
from tests.helpers.reports import headless_browser, synthetic_comparison

FUSED = ("average", 'it\'s a "fusion" & <b>more</b>')
ACCURACY = {"infrared": 0.7, "visible": 0.45, FUSED[0]: 0.9, FUSED[1]: 0.5}
COMPARISON = synthetic_comparison.SyntheticComparison(
    ACCURACY, seeds=(0, 1), image_size=(160, 120), image_count=21, false_positives=5
)


@dataclass(frozen=True)
class ViewerReport:
    """A report and the plan and store that it was made from."""

    folder: Path
    plan: Plan
    store: Store

    @property
    def page(self) -> Path:
        return self.folder / "viewer.html"


@pytest.fixture(scope="session")
def viewer_report(tmp_path_factory):
    """The report of two tasks with predictions and two quality tasks."""
    folder = tmp_path_factory.mktemp("viewer")
    flags = synthetic_comparison.write_comparison(COMPARISON, folder)
    assert run.main([*flags, f"--to={folder / 'report'}"]) == 0
    args = cli.build_parser("toy", "").parse_args(flags)
    plan = cli.build_plan_from_args(args, tuple(schema.TASK_CLASSES), generate=False)
    return ViewerReport(folder / "report", plan, Store(folder / "runs"))


@pytest.fixture(scope="session")
def chromium():
    """Chromium, driven by Playwright."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs Playwright: pip install 'fusebench[browser]'"
    )
    if headless_browser.CHROMIUM is None:
        pytest.skip("needs Chromium (chromium) on the PATH")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=headless_browser.CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def open_viewer(chromium, viewer_report):
    """Open the viewer with a fragment; no test leaves an error or a request to a network behind."""
    contexts, faults, addresses = [], [], []

    def open_page(fragment="", file=viewer_report.page, **options):
        options = {"viewport": {"width": 1280, "height": 800}} | options
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: addresses.append(request.url))
        page.goto(f"{file.resolve().as_uri()}{fragment}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
    assert [address for address in addresses if not address.startswith("file:")] == []
