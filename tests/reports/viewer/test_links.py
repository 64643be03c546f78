"""Addresses of views: every name survives, whatever characters it has."""

from urllib.parse import unquote

from reports.viewer import links


def test_a_link_names_task_pair_sources_and_view():
    link = links.build_pair_link("m3fd-detection", "00012", ["dmfuse", "infrared"], view="curtain")
    assert link == (
        "viewer.html#task=m3fd-detection&image=00012&sources=dmfuse,infrared&view=curtain"
    )


def test_names_with_separators_are_encoded_one_by_one():
    link = links.build_pair_link("a&b=c", "x#y", ["one,two", "</script>"])
    values = dict(part.split("=") for part in link.partition("#")[2].split("&"))
    assert unquote(values["task"]) == "a&b=c"
    assert unquote(values["image"]) == "x#y"
    assert list(map(unquote, values["sources"].split(","))) == ["one,two", "</script>"]


def test_a_gallery_link_has_no_image():
    link = links.build_gallery_link("night", show="gained", candidate="my method")
    assert link == "viewer.html#task=night&show=gained&candidate=my%20method"
