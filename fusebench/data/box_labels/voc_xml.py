"""Parsing of Pascal VOC files, as the annotation tools write them, into plain elements."""

import re
from functools import lru_cache
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, fromstring

from defusedxml import DefusedXmlException, ElementTree

from fusebench.errors import UserError, shorten
from fusebench.runtime.reading.text_files import read_bytes

# The XML parser (expat) has no multi-byte encodings but UTF-8 and UTF-16: declared name to Python
# codec. Chinese Windows programs declare GB2312 and write its superset GBK.
CODECS = {
    **dict.fromkeys(("gb2312", "gbk", "cp936", "gb18030"), "gb18030"),
    **dict.fromkeys(("big5", "cp950"), "cp950"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "windows-31j", "cp932"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987", "cp949"), "cp949"),
    "euc-jp": "euc_jp",
}
DECLARATION = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([\w.-]{1,40})["'][^>]*\?>""")


def parse_voc_xml(path: Path | str) -> Element:
    """Parse a VOC file; tags are in lower case and without namespaces.

    Returns:
        The root element ``annotation``.

    Raises:
        UserError: If the file cannot be read, is not XML or no VOC file, or defines entities.
    """
    content = read_bytes(path)
    try:
        root = _parse(_decode(content))
    except DefusedXmlException:
        raise UserError(f"{path}: has entity definitions; an annotation needs none") from None
    except (ParseError, ValueError, LookupError) as error:
        raise UserError(
            f"{path}: not XML ({shorten(str(error))}); {_suggest_repair(content)}"
        ) from None
    _normalize_tags(root)
    if root.tag != "annotation":
        raise UserError(f"{path}: not a VOC file: its root element is not <annotation>")
    return root


def _normalize_tags(root: Element) -> None:
    """Write tags in lower case and without namespaces; most files have no others."""
    plain = _find_plain_tags(frozenset(element.tag for element in root.iter()))
    if plain:
        for element in root.iter():
            element.tag = plain[element.tag]


@lru_cache(maxsize=64)  # the files of a data set have few sets of tags
def _find_plain_tags(tags: frozenset[str]) -> dict[str, str]:
    """Return the plain form of each tag; empty if all are plain."""
    plain = {tag: tag.rpartition("}")[2].lower() for tag in tags}
    return plain if any(tag != plain_tag for tag, plain_tag in plain.items()) else {}


def _decode(content: bytes) -> bytes:
    """Return a document that expat can decode, without blanks before its declaration."""
    declaration = DECLARATION.match(content)
    codec = CODECS.get(declaration[1].decode().lower()) if declaration else None
    if declaration is None or codec is None:
        return content.lstrip()
    return content[declaration.end() :].decode(codec).encode("utf-8")


def _suggest_repair(content: bytes) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "save it as UTF-8, or replace it"
    return "correct this place, or replace the file"


def _parse(content: bytes) -> Element:
    # Entities need a document type (<!) and unusual encodings a declaration (<?). A file with
    # neither cannot attack, and the parser without guards is five times as fast.
    is_safe = not any(mark in content for mark in (b"<!", b"<?", b"\0"))
    root: Element = (fromstring if is_safe else ElementTree.fromstring)(content)
    return root
