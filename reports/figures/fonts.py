r"""Fonts of figures: names in Chinese, Japanese or Korean need another font than the default.

A character that no installed font has would be drawn as a box, and names of boxes cannot be told
apart. It is written as its code point instead, e.g. ``\u878d``.
"""

from functools import cache

# Free fonts, then those of Windows and macOS, each with most characters of the three languages.
CJK_FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "Microsoft YaHei",
    "SimHei",
    "Yu Gothic",
    "Malgun Gothic",
    "PingFang SC",
    "Hiragino Sans",
    "Arial Unicode MS",
)
FIRST_NOT_LATIN = "\u0180"
PUNCTUATION = "\N{HORIZONTAL ELLIPSIS}\N{EN DASH}"


@cache
def list_font_families() -> list[str]:
    """List the families that matplotlib tries for each character, in this order."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["sans-serif", *(family for family in CJK_FAMILIES if family in installed)]


def escape_missing_characters(text: str) -> str:
    """Replace the characters that no font of `list_font_families` has by their code points."""
    if is_latin(text):
        return text
    available = {code for _, characters in _list_font_files() for code in characters}
    return "".join(
        character
        if ord(character) in available
        else character.encode("ascii", "backslashreplace").decode()
        for character in text
    )


def find_font_file(text: str) -> str | None:
    """Find the file of the first font that has all characters of a text."""
    codes = set(map(ord, text))
    return next((path for path, characters in _list_font_files() if codes <= characters), None)


def is_latin(text: str) -> bool:
    """Return whether every usual font has the characters of a text."""
    return all(character < FIRST_NOT_LATIN or character in PUNCTUATION for character in text)


@cache
def _list_font_files() -> list[tuple[str, frozenset[int]]]:
    """List the font files of `list_font_families` with the code points of their characters."""
    from matplotlib import font_manager, ft2font

    families = [font_manager.FontProperties(family=[family]) for family in list_font_families()]
    paths = map(font_manager.findfont, families)
    return [(path, frozenset(ft2font.FT2Font(path).get_charmap())) for path in paths]
