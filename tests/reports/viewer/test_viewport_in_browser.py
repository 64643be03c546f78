"""The viewport in a browser: linked zoom, flicker, curtain, grid, overlays, keyboard and touch."""

from urllib.parse import quote

import pytest

from reports.viewer import links
from tests.reports.viewer.conftest import ACCURACY, FUSED

pytestmark = pytest.mark.slow
TASK, KEY = "m3fd-detection", "00004"
SOURCES = list(ACCURACY)


def build_fragment(task=TASK, key=KEY, sources=(), **choices):
    return links.build_pair_link(task, key, sources, **choices).removeprefix(links.PAGE)


def list_transforms(page):
    """The place and scale of every picture that is visible."""
    return page.evaluate(
        "[...document.querySelectorAll('.stage:not(.behind)')].map(s => s.style.transform)"
    )


def list_captions(page):
    """The sources that are shown, without their numbers and counts."""
    return page.evaluate(
        "[...document.querySelectorAll('figcaption span')]"
        ".map(part => part.firstChild.data.replace(/^[0-9]+ /, ''))"
    )


def list_visible_pictures(page):
    return page.evaluate(
        "[...document.querySelectorAll('.stage .picture')]"
        ".filter(p => getComputedStyle(p).visibility === 'visible').map(p => p.alt)"
    )


def get_center(page, selector="#viewport"):
    box = page.locator(selector).first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_wheel_and_drag_move_all_panes_together(open_viewer):
    page = open_viewer(build_fragment(view="grid"))
    before = list_transforms(page)
    assert len(before) == len(SOURCES)
    assert len(set(before)) == 1
    page.mouse.move(*get_center(page, ".pane"))
    page.mouse.wheel(0, -600)
    zoomed = list_transforms(page)
    assert len(set(zoomed)) == 1
    assert zoomed[0] != before[0]
    page.mouse.down()
    page.mouse.move(*(value + 20 for value in get_center(page, ".pane")))
    page.mouse.up()
    moved = list_transforms(page)
    assert len(set(moved)) == 1
    assert moved[0] != zoomed[0]
    page.click("#fit")
    assert list_transforms(page) == before


def test_the_wheel_keeps_the_point_under_the_mouse_in_its_place(open_viewer):
    page = open_viewer(build_fragment())
    point = [value - 40 for value in get_center(page)]
    in_image = f"""(() => {{
      const box = document.querySelector('.picture').getBoundingClientRect();
      return [({point[0]} - box.left) / box.width, ({point[1]} - box.top) / box.height];
    }})()"""
    before = page.evaluate(in_image)
    page.mouse.move(*point)
    for _ in range(3):
        page.mouse.wheel(0, -300)
    page.wait_for_function("document.querySelector('.stage').style.transform.includes('scale')")
    assert page.evaluate(in_image) == pytest.approx(before, abs=1e-3)


def test_digits_and_space_flicker_between_sources(open_viewer):
    page = open_viewer(build_fragment(sources=[SOURCES[2]]))
    assert list_captions(page) == [SOURCES[2]]
    page.keyboard.press("1")
    assert list_captions(page) == ["infrared"]
    assert list_visible_pictures(page) == [f"infrared, pair {KEY}"]
    page.keyboard.press("2")
    assert list_visible_pictures(page) == [f"visible, pair {KEY}"]
    page.keyboard.press("Space")
    assert list_captions(page) == ["infrared"]
    page.keyboard.press("Space")
    assert list_captions(page) == ["visible"]
    page.keyboard.press("9")  # there is none
    assert list_captions(page) == ["visible"]
    page.locator("details summary").click()
    page.uncheck("#shortcuts")
    page.keyboard.press("1")
    assert list_captions(page) == ["visible"]


def get_clip_edge(page):
    """The x of the curtain on the screen, from the clip of the right image."""
    return page.evaluate(
        """(() => {
          const stages = [...document.querySelectorAll('.stage')];
          const stage = stages.find(each => each.style.clipPath !== 'none');
          const edge = parseFloat(stage.style.clipPath.split(' ').at(-1));
          const box = stage.getBoundingClientRect();
          return box.left + edge * box.width / stage.offsetWidth;
        })()"""
    )


def test_the_curtain_divides_two_sources_and_moves_by_mouse_and_keys(open_viewer):
    page = open_viewer(build_fragment(sources=["infrared", FUSED[1]], view="curtain"))
    assert list_captions(page) == ["infrared", FUSED[1]]
    box = page.locator("#viewport").bounding_box()
    assert get_clip_edge(page) == pytest.approx(box["x"] + box["width"] / 2, abs=1)
    page.mouse.move(*get_center(page, ".grip"))
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 100, steps=3)
    page.mouse.up()
    assert get_clip_edge(page) == pytest.approx(box["x"] + box["width"] / 4, abs=1)
    divider = page.locator(".divider")
    assert divider.get_attribute("aria-valuenow") == "25"
    divider.focus()
    page.keyboard.press("ArrowRight")
    assert divider.get_attribute("aria-valuenow") == "27"
    page.mouse.move(*get_center(page))
    page.mouse.wheel(0, -500)  # the curtain stays in its place when the images are enlarged
    assert get_clip_edge(page) == pytest.approx(box["x"] + box["width"] * 0.27, abs=1)
    page.click("#swap")
    assert list_captions(page) == [FUSED[1], "infrared"]


def test_the_grid_shows_and_hides_sources_by_digits(open_viewer):
    page = open_viewer(build_fragment(sources=["infrared", "average"], view="grid"))
    page.keyboard.press("2")
    assert list_captions(page) == ["infrared", "visible", "average"]
    page.keyboard.press("1")
    assert list_captions(page) == ["visible", "average"]
    assert page.locator("#sources button[aria-pressed=true]").count() == 2


def test_arrows_change_the_pair_and_escape_returns_to_the_gallery(open_viewer):
    page = open_viewer(build_fragment())
    page.locator("#viewport").focus()
    page.keyboard.press("ArrowRight")
    assert "00005" in page.locator("#position").inner_text()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert "00003" in page.locator("#position").inner_text()
    page.keyboard.press("Escape")
    page.wait_for_selector("#cards .card")
    assert not page.locator("#viewport").is_visible()
    assert page.evaluate("document.activeElement.querySelector('strong').textContent") == "00003"


def test_layers_of_boxes_are_switched_on_and_off(open_viewer):
    page = open_viewer(build_fragment(sources=["visible"]))
    count = "document.querySelectorAll('.stage:not(.behind) svg path.{}').length"
    for layer in ("hits", "misses", "false"):
        assert page.evaluate(count.format(layer)) == 1
        page.click(f"#box-layers input[value={layer}]")
        assert page.evaluate(count.format(layer)) == 0
    assert page.evaluate(count.format("truth")) == 0
    page.click("#box-layers input[value=truth]")
    path = page.evaluate("document.querySelector('.stage:not(.behind) svg path.truth').outerHTML")
    assert path.count("Z") == 9  # true boxes of a pair of the toy data
    page.keyboard.press("b")
    assert page.evaluate(count.format("truth")) == 0
    page.keyboard.press("b")
    assert page.evaluate(count.format("truth")) == 1


def test_boxes_differ_in_dashes_too(open_viewer):
    page = open_viewer(build_fragment())
    dashes = page.evaluate(
        "[...document.querySelectorAll('#box-layers path')]"
        ".map(path => getComputedStyle(path).strokeDasharray + path.getAttribute('stroke'))"
    )
    assert len(set(dashes)) == 4
    assert len({dash.split("#")[0] for dash in dashes}) == 3  # truth and hits are solid


def test_label_maps_have_an_opacity_and_an_error_map(open_viewer):
    page = open_viewer(build_fragment("fmb-segmentation", sources=["visible"]))
    visible = (
        "[...document.querySelectorAll('.stage:not(.behind) img')]"
        ".filter(image => !image.hidden).map(image => [image.className, image.style.opacity])"
    )
    assert page.evaluate(visible) == [["picture", ""], ["label-map", "0.6"]]
    page.locator("#opacity").fill("30")
    page.click("#label-layers input[value=errors]")
    page.click("#label-layers input[value=labels]")
    assert page.evaluate(visible) == [["picture", ""], ["error-map", "0.3"]]
    sizes = "[...document.querySelectorAll('.stage:not(.behind) img')].map(i => i.naturalWidth)"
    page.wait_for_function(f"{sizes}.every(width => width === 160)")
    assert page.locator("#legend li").count() == 15
    assert not page.locator("#box-controls").is_visible()


def test_the_magnifier_shows_the_same_place_in_every_pane(open_viewer):
    page = open_viewer(build_fragment(view="grid"))
    page.click("#magnifier")
    x, y = get_center(page, ".pane")
    page.mouse.move(x - 30, y - 10)
    lenses = page.evaluate(
        "[...document.querySelectorAll('.lens')].map(lens =>"
        " [lens.style.left, lens.style.backgroundPosition, lens.style.backgroundImage])"
    )
    assert len({(left, place) for left, place, _ in lenses}) == 1
    assert len({picture for _, _, picture in lenses}) == len(SOURCES)
    page.keyboard.press("m")
    assert not page.locator(".lens").first.is_visible()


def test_two_fingers_zoom_and_one_moves(open_viewer):
    page = open_viewer(build_fragment(), viewport={"width": 390, "height": 800}, has_touch=True)
    session = page.context.new_cdp_session(page)
    x, y = get_center(page)

    def touch(kind, *offsets):
        points = [{"x": x + offset, "y": y, "id": i} for i, offset in enumerate(offsets)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    before = page.locator("#zoom-text").inner_text()
    touch("touchStart", -30, 30)
    for distance in (40, 50, 60):
        touch("touchMove", -distance, distance)
    touch("touchEnd")
    zoomed = page.locator("#zoom-text").inner_text()
    assert float(zoomed.split()[0]) == pytest.approx(2 * float(before.split()[0]), rel=0.05)
    transform = list_transforms(page)
    touch("touchStart", 0)
    touch("touchMove", 20)
    touch("touchEnd")
    assert list_transforms(page) != transform
    assert page.locator("#zoom-text").inner_text() == zoomed


def test_a_link_restores_the_view(open_viewer):
    page = open_viewer(build_fragment(sources=["visible", FUSED[1]], view="curtain"))
    page.mouse.move(*get_center(page))
    page.mouse.wheel(0, -700)
    page.locator(".divider").focus()
    page.keyboard.press("ArrowLeft")
    page.locator("#viewer-confidence [type=range]").fill("0.4")
    page.select_option("#choice", label="Car")
    page.click("#box-layers input[value=truth]")
    page.wait_for_timeout(400)  # the address follows after a quarter of a second
    restored = open_viewer(page.evaluate("location.hash"))
    for script in (
        "[...document.querySelectorAll('figcaption')].map(part => part.textContent)",
        "document.querySelector('#sources').innerText",
        "[...document.querySelectorAll('#panel input')].map(input => input.checked || input.value)",
        "[...document.querySelectorAll('#panel select')].map(select => select.value)",
        "document.querySelector('.divider').getAttribute('aria-valuenow')",
        "document.querySelector('#zoom-text').value",
    ):
        assert restored.evaluate(script) == page.evaluate(script), script
    transforms = [list_transforms(each)[0] for each in (page, restored)]
    numbers = [
        [
            float(n)
            for n in t.translate(str.maketrans("(),px", "     "))
            .replace("translate", "")
            .replace("scale", "")
            .split()
        ]
        for t in transforms
    ]
    assert numbers[0] == pytest.approx(numbers[1], rel=0.01, abs=1)


@pytest.mark.parametrize(
    "fragment",
    [
        "#task=none&image=none",
        "#%E0%A4%A",
        "#zoom=NaN,1&confidence=x&layers=&curtain=1e999",
        f"#task={quote(TASK)}&image={KEY}&sources=none,%&view=curtain&class=none&opacity=-5",
    ],
)
def test_a_wrong_link_shows_something(open_viewer, fragment):
    page = open_viewer(fragment)
    assert page.locator("#cards .card, .stage .picture").first.is_visible()
