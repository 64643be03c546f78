"""The page in a browser: it sorts, hides, unfolds, fits, and loads nothing from elsewhere."""

import pytest

from reports import run
from tests.helpers import headless_browser, synthetic_comparison

PAPER = {".table:not(.many)": 703, ".many": 963}  # px inside margins: A4 upright, Letter across
HALF = 516  # px: half an upright A4 page
SMALLEST = 6.5 * 96 / 72  # px: letters that are printed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        headless_browser.CHROMIUM is None, reason="needs Chromium (chromium) on the PATH"
    ),
]
FUSED = ("average", "mine", "a-method-with-a-name-as-long-as-names-may-be-" + "W" * 35)
SKILL = {"infrared": 0.7, "visible": 0.45, FUSED[0]: 0.95, FUSED[1]: 0.5, FUSED[2]: 0.2}
TOY = synthetic_comparison.SyntheticComparison(
    SKILL,
    seeds=(0, 1),
    image_size=(64, 48),
    image_count=12,
    false_positives=3,
    unfinished_sources=("mine",),
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Every chapter there is of five sources, one of them missing."""
    place = tmp_path_factory.mktemp("browser")
    flags = synthetic_comparison.write_comparison(TOY, place)
    assert run.main([*flags, f"--to={place / 'report'}"]) == 0
    return place / "report"


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    found = headless_browser.HeadlessBrowser(tmp_path_factory.mktemp("profile"))
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


def test_every_chapter_opens_without_a_complaint(report, window):
    window.open(report / "index.html")
    heads = window.run("[...document.querySelectorAll('h2, h3')].map(head => head.id)")
    chapters = synthetic_comparison.SECTION_IDS
    assert [head for head in heads if head in chapters] == list(chapters)
    window.run("document.querySelectorAll('details').forEach(part => { part.open = true })")
    empty = "[...document.querySelectorAll('main details')].filter(part => part.offsetHeight < 60)"
    assert window.run(f"{empty}.length") == 0
    window.run(
        "Promise.all([...document.images].map(image => {"
        " image.loading = 'eager'; return image.decode(); }))"
    )
    assert window.errors == []


def test_what_is_folded_is_printed_and_folded_again(report, window):
    window.open(report / "index.html")
    folded = "document.querySelectorAll('main details:not([open])').length"
    before = window.run(folded)
    assert before > 5
    window.run("window.dispatchEvent(new Event('beforeprint'))")
    assert window.run(folded) == 0
    window.run("window.dispatchEvent(new Event('afterprint'))")
    assert window.run(folded) == before
    assert window.errors == []


def test_a_panel_opens_and_only_then_loads_its_pictures(report, window):
    window.requested_urls.clear()
    window.open(report / "index.html")
    sample = "document.querySelectorAll('details.sample')[1]"
    picture = f"{sample}.querySelector('img')"
    assert not window.run(f"{picture}.checkVisibility()")
    shown = window.run(f"{picture}.getAttribute('src')")
    assert not [url for url in window.requested_urls if url.endswith(shown)]
    window.run(f"{sample}.querySelector('summary').click()")
    window.run(f"{sample}.scrollIntoView()")
    window.run(f"new Promise(done => {picture}.complete ? done() : {picture}.onload = done)")
    assert window.run(f"{picture}.naturalWidth") == 400
    assert [url for url in window.requested_urls if url.endswith(shown)]
    folder = report.resolve().as_uri()
    assert [url for url in window.requested_urls if not url.startswith((folder, "about:"))] == []
    assert window.errors == []


@pytest.fixture
def paper(report, window):
    """Shows the page, unfolded, as it is printed on paper of so many pixels."""

    def printed(width, *pressed):
        window.open(report / "index.html", width)
        window.run("window.dispatchEvent(new Event('beforeprint'))")
        for what in pressed:
            press(window, what)

    window.call("Emulation.setEmulatedMedia", media="print")
    yield printed
    window.call("Emulation.setEmulatedMedia", media="")


@pytest.mark.parametrize("long", [True, False])
@pytest.mark.parametrize("certain", [True, False])
@pytest.mark.parametrize("kind", PAPER)
def test_a_printed_table_is_not_cut(window, paper, kind, certain, long):
    hidden = [] if long else [f".controls input[value={FUSED[2]}]"]
    paper(PAPER[kind], *hidden, *(["#certain"] if certain else []))
    tables = f"[...document.querySelectorAll('{kind} table')]"
    assert window.run(f"{tables}.filter(one => one.checkVisibility()).length") > 10
    cut = (
        f"{tables}.filter(one => one.getBoundingClientRect().right > innerWidth + 1)"
        ".map(one => one.closest('section').id + ': ' + one.caption.innerText)"
    )
    assert window.run(cut) == []
    letters = f"{tables}.flatMap(one => [...one.querySelectorAll('th, td, span:not(.said)')])"
    sizes = f"Math.min(...{letters}.map(one => parseFloat(getComputedStyle(one).fontSize)))"
    assert window.run(sizes) > SMALLEST - 0.01


def test_numbers_are_printed_whole(window, paper):
    """A number on two lines is as high as two letters; one number is one word here."""
    paper(703)
    broken = window.run(
        "(() => { const found = [], walk = document.createTreeWalker(document.body, 4);"
        " while (walk.nextNode()) { const text = walk.currentNode;"
        "  if (!text.parentElement.closest('tbody td:not(.text)')) continue;"
        "  for (const word of text.data.matchAll(/\\S*\\d\\S*/g)) {"
        "   const range = document.createRange(); range.setStart(text, word.index);"
        "   range.setEnd(text, word.index + word[0].length);"
        "   if (new Set([...range.getClientRects()].map(r => r.top)).size > 1)"
        "    found.push(word[0]); } } return found; })()"
    )
    assert broken == []


def test_two_printed_samples_have_room_on_a_page_and_their_panels_one_width(window, paper):
    paper(703)
    heights = window.run(
        "[...document.querySelectorAll('.sample')].map(one => one.getBoundingClientRect().height)"
    )
    assert len(heights) > 5
    assert max(heights) < HALF
    widths = window.run(
        "[...document.querySelectorAll('.panels img')].map(one => Math.round(one.width))"
    )
    assert len(set(widths)) == 1


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("media", ["screen", "print"])
def test_nothing_is_wider_than_the_window(report, window, width, media):
    window.call("Emulation.setEmulatedMedia", media=media)
    window.open(report / "index.html", width)
    window.run("document.querySelectorAll('details').forEach(part => { part.open = true })")
    if media == "screen":
        assert window.run("document.documentElement.scrollWidth") <= width
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
