"""Characters of names that the fonts of figures do not have."""

import pytest

from reports.figures import bars_and_curves, fonts, overlays


@pytest.fixture
def without_cjk_fonts(monkeypatch):
    monkeypatch.setattr(fonts, "list_font_families", lambda: ["sans-serif"])
    fonts._list_font_files.cache_clear()
    yield
    fonts._list_font_files.cache_clear()


@pytest.mark.parametrize("shorten_name", [bars_and_curves.shorten_name, overlays.shorten_name])
def test_names_without_a_font_are_code_points_that_can_be_told_apart(
    without_cjk_fonts, shorten_name
):
    assert shorten_name("融合") == r"\u878d\u5408"
    assert shorten_name("红外") == r"\u7ea2\u5916"


@pytest.mark.parametrize("name", ["DMFuse", "Größe", "λ = 3", "Смесь"])
def test_names_with_a_font_stay_as_they_are(without_cjk_fonts, name):
    assert bars_and_curves.shorten_name(name) == name


def test_first_font_with_all_characters_is_found(without_cjk_fonts):
    assert fonts.find_font_file("Смесь")
    assert fonts.find_font_file("融合") is None
