"""The page in a browser: sorting, hiding, collapsing and printing; nothing is loaded remotely."""

import pytest

from reports import run
from tests.helpers.reports import headless_browser, synthetic_comparison

# px inside the margins: A4 portrait, Letter landscape
PAGE_WIDTHS = {".table:not(.wide-table)": 703, ".wide-table": 963}
HALF_PAGE_HEIGHT = 516  # px, A4 portrait
MIN_FONT_SIZE = 6.5 * 96 / 72  # px, 6.5 points

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        headless_browser.CHROMIUM is None, reason="needs Chromium (chromium) on the PATH"
    ),
]
LONG_NAME = "a-method-with-a-name-as-long-as-names-may-be-" + "W" * 35
FUSED = ("average", "mine", LONG_NAME)
ACCURACY = {"infrared": 0.7, "visible": 0.45, "average": 0.95, "mine": 0.5, LONG_NAME: 0.2}
COMPARISON = synthetic_comparison.SyntheticComparison(
    ACCURACY,
    seeds=(0, 1),
    image_size=(64, 48),
    image_count=12,
    false_positives=3,
    unfinished_sources=("mine",),
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report with every kind of section, of five sources, one of them missing."""
    folder = tmp_path_factory.mktemp("browser")
    flags = synthetic_comparison.write_comparison(COMPARISON, folder)
    assert run.main([*flags, f"--to={folder / 'report'}"]) == 0
    return folder / "report"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    headless = headless_browser.HeadlessBrowser(tmp_path_factory.mktemp("profile"))
    yield headless
    headless.close()


def list_visible_sources(browser):
    """The sources of the first task's table from top to bottom that are not hidden."""
    return browser.evaluate_script(
        "[...document.querySelector('#task-1 table').tBodies[0].rows].filter(row => !row.hidden)"
        ".map(row => row.dataset.source)"
    )


def click(browser, selector):
    browser.evaluate_script(f"document.querySelector({selector!r}).click()")


def open_all_details(browser):
    browser.evaluate_script(
        "document.querySelectorAll('details').forEach(part => { part.open = true })"
    )


def test_clicks_sort_best_first_then_worst_first_then_in_the_original_order(report, browser):
    browser.open(report / "index.html")
    header = "#task-1 table thead th:nth-child(2)"
    original = list_visible_sources(browser)
    orders = []
    for _ in range(3):
        click(browser, f"{header} button")
        direction = browser.evaluate_script(f"document.querySelector({header!r}).ariaSort")
        orders.append((direction, list_visible_sources(browser)))
    assert orders == [
        ("descending", ["average", "infrared", "visible", LONG_NAME, "mine"]),  # missing is last
        ("ascending", [LONG_NAME, "visible", "infrared", "average", "mine"]),
        ("none", original),
    ]
    click(browser, "#task-1 table thead th:first-child button")
    assert list_visible_sources(browser) == sorted(original)
    status = browser.evaluate_script("document.getElementById('status').textContent")
    assert "ascending" in status
    assert browser.errors == []


def test_a_hidden_source_disappears_from_all_tables_and_panels(report, browser):
    browser.open(report / "index.html")
    visible_parts = (
        "[...document.querySelectorAll('[data-source=visible]')]"
        ".filter(part => part.checkVisibility())"
    )
    assert browser.evaluate_script(f"{visible_parts}.length") > 4
    click(browser, ".controls input[value=visible]")
    assert browser.evaluate_script(f"{visible_parts}.length") == 0
    assert list_visible_sources(browser) == ["infrared", *FUSED]
    count = browser.evaluate_script("document.getElementById('source-count').textContent")
    assert "4 of 5" in count
    click(browser, ".controls input[value=visible]")
    assert browser.evaluate_script(f"{visible_parts}.length") > 4
    assert browser.errors == []


def test_standard_deviations_can_be_hidden(report, browser):
    browser.open(report / "index.html")
    click(browser, "#show-deviation")
    is_visible = "document.querySelector('.deviation').checkVisibility()"
    assert not browser.evaluate_script(is_visible)
    assert browser.errors == []


def test_intervals_are_shown_on_demand(report, browser):
    browser.open(report / "index.html")
    visible_count = (
        "[...document.querySelectorAll('.uncertainty')]"
        ".filter(part => part.checkVisibility()).length"
    )
    assert browser.evaluate_script("document.querySelectorAll('.uncertainty').length") > 20
    assert browser.evaluate_script(visible_count) == 0
    click(browser, "#show-uncertainty")
    assert browser.evaluate_script(visible_count) > 20
    assert "[" in browser.evaluate_script("document.querySelector('.uncertainty').innerText")
    click(browser, "#show-uncertainty")
    assert browser.evaluate_script(visible_count) == 0
    assert browser.errors == []


def test_the_page_has_every_section_in_order_and_all_images_load(report, browser):
    browser.open(report / "index.html")
    ids = browser.evaluate_script(
        "[...document.querySelectorAll('h1, h2, h3')].map(part => part.id)"
    )
    expected = synthetic_comparison.SECTION_IDS
    assert [heading for heading in ids if heading in expected] == list(expected)
    open_all_details(browser)
    empty = "[...document.querySelectorAll('main details')].filter(part => part.offsetHeight < 60)"
    assert browser.evaluate_script(f"{empty}.length") == 0
    browser.evaluate_script(
        "Promise.all([...document.images].map(image => {"
        " image.loading = 'eager'; return image.decode(); }))"
    )
    assert browser.errors == []


def test_collapsed_parts_are_printed_open_and_collapsed_again(report, browser):
    browser.open(report / "index.html")
    collapsed_count = "document.querySelectorAll('main details:not([open])').length"
    before = browser.evaluate_script(collapsed_count)
    assert before > 5
    browser.evaluate_script("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.evaluate_script(collapsed_count) == 0
    browser.evaluate_script("window.dispatchEvent(new Event('afterprint'))")
    assert browser.evaluate_script(collapsed_count) == before
    assert browser.errors == []


def test_sample_images_are_loaded_when_their_panel_is_opened_and_nothing_remote(report, browser):
    browser.requested_urls.clear()
    browser.open(report / "index.html")
    sample = "document.querySelectorAll('details.sample')[1]"
    image = f"{sample}.querySelector('img')"
    assert not browser.evaluate_script(f"{image}.checkVisibility()")
    file = browser.evaluate_script(f"{image}.getAttribute('src')")
    assert not [url for url in browser.requested_urls if url.endswith(file)]
    browser.evaluate_script(f"{sample}.querySelector('summary').click()")
    browser.evaluate_script(f"{sample}.scrollIntoView()")
    browser.evaluate_script(
        f"new Promise(done => {image}.complete ? done() : {image}.onload = done)"
    )
    assert browser.evaluate_script(f"{image}.naturalWidth") == 400
    assert [url for url in browser.requested_urls if url.endswith(file)]
    local = (report.resolve().as_uri(), "about:")
    assert [url for url in browser.requested_urls if not url.startswith(local)] == []
    assert browser.errors == []


@pytest.fixture
def print_page(report, browser):
    """Open the page as it is printed, with all parts open, on paper of a width in px."""

    def open_for_print(width, *selectors):
        browser.open(report / "index.html", width)
        browser.evaluate_script("window.dispatchEvent(new Event('beforeprint'))")
        for selector in selectors:
            click(browser, selector)

    browser.call("Emulation.setEmulatedMedia", media="print")
    yield open_for_print
    browser.call("Emulation.setEmulatedMedia", media="")


@pytest.mark.parametrize("with_long_name", [True, False])
@pytest.mark.parametrize("with_uncertainty", [True, False])
@pytest.mark.parametrize("kind", PAGE_WIDTHS)
def test_printed_tables_fit_the_page_and_are_legible(
    browser, print_page, kind, with_uncertainty, with_long_name
):
    clicks = [] if with_long_name else [f".controls input[value={LONG_NAME}]"]
    clicks += ["#show-uncertainty"] if with_uncertainty else []
    print_page(PAGE_WIDTHS[kind], *clicks)
    tables = f"[...document.querySelectorAll('{kind} table')]"
    visible = f"{tables}.filter(table => table.checkVisibility())"
    assert browser.evaluate_script(f"{visible}.length") > 5
    too_wide = (
        f"{tables}.filter(table => table.getBoundingClientRect().right > innerWidth + 1)"
        ".map(table => table.closest('section').id + ': ' + table.caption.innerText)"
    )
    assert browser.evaluate_script(too_wide) == []
    elements = (
        f"{tables}.flatMap(table => "
        "[...table.querySelectorAll('th, td, span:not(.visually-hidden)')])"
    )
    font_size = f"Math.min(...{elements}.map(part => parseFloat(getComputedStyle(part).fontSize)))"
    assert browser.evaluate_script(font_size) > MIN_FONT_SIZE - 0.01


def test_printed_numbers_do_not_break_across_lines(browser, print_page):
    """A word with a digit that is on two lines has client rectangles at two heights."""
    print_page(703)
    broken = browser.evaluate_script(
        "(() => { const broken = [], walker = document.createTreeWalker(document.body, 4);"
        " while (walker.nextNode()) { const text = walker.currentNode;"
        "  if (!text.parentElement.closest('tbody td:not(.text)')) continue;"
        "  for (const word of text.data.matchAll(/\\S*\\d\\S*/g)) {"
        "   const range = document.createRange(); range.setStart(text, word.index);"
        "   range.setEnd(text, word.index + word[0].length);"
        "   if (new Set([...range.getClientRects()].map(r => r.top)).size > 1)"
        "    broken.push(word[0]); } } return broken; })()"
    )
    assert broken == []


def test_two_printed_samples_fit_a_page_and_all_panels_have_one_width(browser, print_page):
    print_page(703)
    heights = browser.evaluate_script(
        "[...document.querySelectorAll('.sample')].map(part => part.getBoundingClientRect().height)"
    )
    assert len(heights) > 5
    assert max(heights) < HALF_PAGE_HEIGHT
    widths = browser.evaluate_script(
        "[...document.querySelectorAll('.panels img')].map(image => Math.round(image.width))"
    )
    assert len(set(widths)) == 1


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("media", ["screen", "print"])
def test_nothing_is_wider_than_the_window(report, browser, width, media):
    browser.call("Emulation.setEmulatedMedia", media=media)
    browser.open(report / "index.html", width)
    open_all_details(browser)
    if media == "screen":
        assert browser.evaluate_script("document.documentElement.scrollWidth") <= width
    outside = browser.evaluate_script(
        "[...document.querySelectorAll('h1,h2,h3,p,figure,summary,dl,nav,fieldset,.scroll')]"
        ".filter(part => part.getBoundingClientRect().right > innerWidth + 1)"
        ".map(part => part.outerHTML.slice(0, 80))"
    )
    assert outside == []
    cut_off = browser.evaluate_script(
        "[...document.querySelectorAll('th,td')].filter(cell => cell.scrollWidth > "
        "cell.clientWidth + 1).map(cell => cell.outerHTML.slice(0, 80))"
    )
    assert cut_off == []
    browser.call("Emulation.setEmulatedMedia", media="")


def test_the_page_is_complete_without_scripts(report, browser):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(report / "index.html")
        has_controls = browser.evaluate_script(
            "document.querySelector('.controls').checkVisibility()"
        )
        assert has_controls is False
        assert browser.evaluate_script("document.querySelectorAll('table button').length") == 0
        assert browser.evaluate_script("document.querySelector('table').checkVisibility()")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_the_theme_is_chosen_by_a_button(report, browser):
    browser.open(report / "index.html")
    background = "getComputedStyle(document.body).backgroundColor"
    colors = []
    for _ in range(3):
        theme = browser.evaluate_script("document.documentElement.dataset.theme ?? 'automatic'")
        colors.append((theme, browser.evaluate_script(background)))
        click(browser, "#theme")
    assert [theme for theme, _ in colors] == ["automatic", "light", "dark"]
    assert dict(colors)["light"] == "rgb(255, 255, 255)"
    assert dict(colors)["dark"] != dict(colors)["light"]
    assert browser.errors == []


def test_the_values_of_a_plot_are_shown_under_the_pointer(report, browser):
    browser.open(report / "index.html")
    cell = "document.querySelector('.forest tr[data-source=average] td.iv')"
    browser.evaluate_script(
        f"{cell}.dispatchEvent(new PointerEvent('pointerover', {{bubbles: true}}))"
    )
    text = browser.evaluate_script("document.getElementById('tip').innerText")
    assert text.startswith("average, mAP@.5\n")
    assert browser.evaluate_script(f"{cell}.querySelector('.value').textContent") in text
    assert browser.errors == []


def test_a_link_into_a_folded_part_opens_it(report, browser):
    browser.open(report / "index.html")
    fold = "document.getElementById('more-tables-1').closest('details')"
    assert not browser.evaluate_script(f"{fold}.open")
    click(browser, "nav a[href='#more-tables-1']")
    browser.evaluate_script("new Promise(done => setTimeout(done, 50))")
    assert browser.evaluate_script(f"{fold}.open")


def test_screen_readers_get_headers_captions_and_alternative_texts(report, browser):
    browser.open(report / "index.html")
    for inaccessible in (
        "table:not(:has(caption))",
        "thead th:not([scope=col], [scope=colgroup])",
        "tbody th:not([scope])",
        "img:not([alt]), img[alt='']",
        "[role=region]:not([aria-label])",
    ):
        count = browser.evaluate_script(f"document.querySelectorAll({inaccessible!r}).length")
        assert count == 0, inaccessible


def test_ids_are_unique_and_links_within_the_page_have_targets(report, browser):
    browser.open(report / "index.html")
    ids = browser.evaluate_script("[...document.querySelectorAll('[id]')].map(part => part.id)")
    assert len(set(ids)) == len(ids)
    targets = browser.evaluate_script(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map(link => link.hash.slice(1))"
    )
    assert set(targets) <= set(ids)
