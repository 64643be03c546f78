"""Accessibility, hostile names and width of the viewer in a browser."""

import json

import pytest

from reports.viewer import links, page
from tests.reports.viewer.conftest import FUSED

pytestmark = pytest.mark.slow
HOSTILE = '</script><script>window.hacked=1</script>"><img src=x onerror="window.hacked=1">\u2028\''
FRAGMENTS = {
    "gallery": "#task=m3fd-detection",
    "single": links.build_pair_link("m3fd-detection", "00003").removeprefix(links.PAGE),
    "curtain": links.build_pair_link("m3fd-detection", "00003", view="curtain").removeprefix(
        links.PAGE
    ),
    "grid": links.build_pair_link("fmb-segmentation", "00003", view="grid").removeprefix(
        links.PAGE
    ),
    "quality": links.build_pair_link("m3fd-quality", "00003").removeprefix(links.PAGE),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("fragment", FRAGMENTS.values(), ids=FRAGMENTS)
def test_axe_finds_no_fault(open_viewer, fragment, scheme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="needs axe-playwright-python: pip install 'fusebench[browser]'",
    )
    # axe's own script is no part of the page, so that its policy must not stop it
    viewer = open_viewer(fragment, color_scheme=scheme, bypass_csp=True)
    viewer.locator("details summary").evaluate_all("all => all.forEach(part => part.click())")
    violations = axe.Axe().run(viewer).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in violations] == []


def test_controls_have_names_and_show_the_focus(open_viewer):
    viewer = open_viewer(FRAGMENTS["curtain"])
    viewer.keyboard.press("Tab")
    for _ in range(25):
        viewer.keyboard.press("Tab")
        outline = viewer.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", viewer.evaluate("document.activeElement.outerHTML")


@pytest.mark.parametrize("width", [320, 390, 1280, 1920])
@pytest.mark.parametrize("fragment", FRAGMENTS.values(), ids=FRAGMENTS)
def test_nothing_is_wider_than_the_window(open_viewer, fragment, width):
    viewer = open_viewer(fragment, viewport={"width": width, "height": 700})
    assert viewer.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_names_are_shown_and_not_executed(open_viewer, viewer_report, tmp_path):
    text = viewer_report.page.read_text(encoding="utf-8")
    start = text.index('id="data">') + len('id="data">')
    data = json.loads(text[start : text.index("</script>", start)])
    for task in data["tasks"]:
        task["name"] += HOSTILE
        task["classes"] = [name + HOSTILE for name in task["classes"]]
        task["conditions"] = [name + HOSTILE for name in task["conditions"]]
        for source in task["sources"]:
            source["name"] += HOSTILE
        for pair in task["pairs"]:
            pair["key"] += HOSTILE
            pair["missing"] = {"0": HOSTILE}
    hostile = viewer_report.folder / "hostile.html"
    hostile.write_text(page.render_page(data, HOSTILE), encoding="utf-8")
    try:
        viewer = open_viewer(file=hostile)
        viewer.locator(".card").first.click()
        for view in ("curtain", "grid", "single"):
            viewer.click(f"[data-view={view}]")
            viewer.keyboard.press("1")
        assert HOSTILE.strip() in viewer.locator("figcaption span").first.evaluate(
            "e => e.textContent"
        )
        assert viewer.evaluate("window.hacked") is None
        assert viewer.locator("img[src=x]").count() == 0
        viewer.wait_for_timeout(400)
        restored = open_viewer(viewer.evaluate("location.hash"), file=hostile)
        assert HOSTILE in restored.locator("#pair-title").evaluate("e => e.textContent")
    finally:
        hostile.unlink()


def test_without_scripts_the_page_says_so(open_viewer):
    viewer = open_viewer(java_script_enabled=False)
    assert viewer.locator("noscript").count() == 1
    assert "needs scripts" in viewer.content()


def test_the_first_view_is_the_first_task_and_its_best_fused_source(open_viewer):
    viewer = open_viewer()
    assert viewer.locator("#task option").first.inner_text() == "m3fd-detection"
    selected = "document.querySelector('#candidate').selectedOptions[0].textContent"
    assert viewer.evaluate(selected) == FUSED[0]  # the more accurate one
