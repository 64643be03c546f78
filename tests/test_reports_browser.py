"""The page in a browser: it sorts, hides, unfolds, fits, and loads nothing from elsewhere."""

import browser
import pytest
from report_toys import AP50, cells, finish, planned, split
from test_reports_walk import matched

from bench.records import Slice
from bench.store import Store
from reports import run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.PROGRAM is None, reason="needs Chromium (chromium) on the PATH"),
]
FUSED = ("average", "mine", "a-method-with-a-name-as-long-as-names-may-be-" + "x" * 35)
SCORES = {"infrared": (0.5, 0.2), "visible": (0.4, 0.6), "average": (0.6, 0.5), "mine": None}


def named(person, car):
    """These scores under the name of a metric that can be resampled."""
    part = Slice(
        values={"AP50": (person + car) / 2},
        by_class={"person": {"AP50": person}, "car": {"AP50": car}},
        counts={"images": 2},
    )
    return {
        "columns": {"AP50": AP50},
        "values": part.values,
        "by_class": part.by_class,
        "by_scene": {"day": part, "night": part},
    }


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A detection and a segmentation task with five sources, one of them missing."""
    place = tmp_path_factory.mktemp("browser")
    store = Store(place / "runs")
    every = []
    for kind in ("detection", "segmentation"):
        of = split(place / kind, masks=kind == "segmentation")
        every += cells(kind, of, place, seeds=(0, 1), fused=FUSED)
    for cell in every:
        scores = SCORES.get(cell.source_name, (0.1, 0.1))
        if scores:
            finish(cell, store, (0.5, 0.5), **named(*(s + 0.01 * cell.seed for s in scores)))
            if cell.task.kind == "detection":
                matched(cell, cell.place(store))
    with pytest.MonkeyPatch.context() as patch:
        planned(patch, every)
        patch.chdir(place)
        assert run.main([]) == 0
    return place / "report"


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    found = browser.Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


def names(window):
    """The sources of the first table from top to bottom, those that are seen."""
    return window.run(
        "[...document.querySelector('table').tBodies[0].rows].filter(row => !row.hidden)"
        ".map(row => row.dataset.source)"
    )


def press(window, what):
    window.run(f"document.querySelector({what!r}).click()")


def test_a_table_is_sorted_best_first_then_worst_first_then_as_before(report, window):
    window.open(report / "index.html")
    head = "table thead th:nth-child(2)"
    before = names(window)
    orders = []
    for _ in range(3):
        press(window, f"{head} button")
        orders.append((window.run(f"document.querySelector({head!r}).ariaSort"), names(window)))
    long = FUSED[2]
    assert orders == [
        ("descending", ["average", "infrared", "visible", long, "mine"]),  # missing stays last
        ("ascending", [long, "visible", "infrared", "average", "mine"]),
        ("none", before),
    ]
    press(window, "table thead th:first-child button")
    assert names(window) == sorted(before)
    assert "ascending" in window.run("document.getElementById('status').textContent")
    assert window.errors == []


def test_a_hidden_source_is_gone_from_all_tables_and_panels(report, window):
    window.open(report / "index.html")
    seen = (
        "[...document.querySelectorAll('[data-source=visible]')].filter(p => p.checkVisibility())"
    )
    assert window.run(f"{seen}.length") > 4
    press(window, ".controls input[value=visible]")
    assert window.run(f"{seen}.length") == 0
    assert names(window) == ["infrared", *FUSED]
    assert "4 of 5" in window.run("document.getElementById('shown').textContent")
    press(window, ".controls input[value=visible]")
    assert window.run(f"{seen}.length") > 4
    press(window, "#spread")
    assert not window.run("document.querySelector('.spread').checkVisibility()")
    assert window.errors == []


def test_intervals_are_shown_on_demand(report, window):
    window.open(report / "index.html")
    seen = "[...document.querySelectorAll('.sure')].filter(part => part.checkVisibility()).length"
    assert window.run("document.querySelectorAll('.sure').length") > 20
    assert window.run(seen) == 0
    press(window, "#certain")
    assert window.run(seen) > 20
    assert "[" in window.run("document.querySelector('.sure').innerText")
    press(window, "#certain")
    assert window.run(seen) == 0
    assert window.errors == []


def test_a_panel_opens_and_only_then_loads_its_pictures(report, window):
    window.asked.clear()
    window.open(report / "index.html")
    sample = "document.querySelectorAll('details.sample')[1]"
    picture = f"{sample}.querySelector('img')"
    assert not window.run(f"{picture}.checkVisibility()")
    shown = window.run(f"{picture}.getAttribute('src')")
    assert not [url for url in window.asked if url.endswith(shown)]
    window.run(f"{sample}.querySelector('summary').click()")
    window.run(f"{sample}.scrollIntoView()")
    window.run(f"new Promise(done => {picture}.complete ? done() : {picture}.onload = done)")
    assert window.run(f"{picture}.naturalWidth") == 400
    assert [url for url in window.asked if url.endswith(shown)]
    folder = report.resolve().as_uri()
    assert [url for url in window.asked if not url.startswith((folder, "about:"))] == []
    assert window.errors == []


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("media", ["screen", "print"])
def test_nothing_is_wider_than_the_window(report, window, width, media):
    window.call("Emulation.setEmulatedMedia", media=media)
    window.open(report / "index.html", width)
    window.run("document.querySelectorAll('details').forEach(part => { part.open = true })")
    assert window.run("document.documentElement.scrollWidth") <= (
        width if media == "screen" else 1e4
    )
    outside = window.run(
        "[...document.querySelectorAll('h1,h2,h3,p,figure,summary,dl,nav,fieldset,.wide')]"
        ".filter(part => part.getBoundingClientRect().right > innerWidth + 1)"
        ".map(part => part.outerHTML.slice(0, 80))"
    )
    assert outside == []
    cut = window.run(
        "[...document.querySelectorAll('th,td')].filter(cell => cell.scrollWidth > "
        "cell.clientWidth + 1).map(cell => cell.outerHTML.slice(0, 80))"
    )
    assert cut == []
    window.call("Emulation.setEmulatedMedia", media="")


def test_the_page_says_the_same_without_scripts(report, window):
    window.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        window.open(report / "index.html")
        assert window.run("document.querySelector('.controls').checkVisibility()") is False
        assert window.run("document.querySelectorAll('table button').length") == 0
        assert window.run("document.querySelector('table').checkVisibility()")
    finally:
        window.call("Emulation.setScriptExecutionDisabled", value=False)


def test_heads_captions_and_alternatives_are_there_for_who_cannot_see(report, window):
    window.open(report / "index.html")
    for bad in (
        "table:not(:has(caption))",
        "thead th:not([scope=col], [scope=colgroup])",
        "tbody th:not([scope])",
        "img:not([alt]), img[alt='']",
        "[role=region]:not([aria-label])",
    ):
        assert window.run(f"document.querySelectorAll({bad!r}).length") == 0, bad
    ids = window.run("[...document.querySelectorAll('[id]')].map(part => part.id)")
    assert len(set(ids)) == len(ids)
    links = window.run("[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.hash.slice(1))")
    assert set(links) <= set(ids)
