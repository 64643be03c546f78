"""Opening of the report's page in a browser."""

import webbrowser

import pytest

from reports.formats import open_page


@pytest.fixture
def opened(monkeypatch):
    """Addresses that were opened, in place of a browser."""
    addresses = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not addresses.append(address))
    return addresses


def test_the_page_is_opened_as_a_file(tmp_path, monkeypatch, opened, capsys):
    monkeypatch.setenv("DISPLAY", ":0")
    page = tmp_path / "a b" / "index.html"
    assert open_page.open_page(page)
    assert opened == [f"{tmp_path.as_uri()}/a%20b/index.html"]
    assert capsys.readouterr().err == ""


@pytest.mark.skipif("sys.platform in ('win32', 'darwin')", reason="needs no DISPLAY there")
def test_without_a_display_the_path_is_printed(tmp_path, monkeypatch, opened, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert not open_page.open_page(tmp_path / "index.html")
    assert opened == []
    assert str(tmp_path / "index.html") in capsys.readouterr().err


def test_a_browser_that_does_not_start_is_no_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    assert not open_page.open_page(tmp_path / "index.html")
    assert "no browser can be started" in capsys.readouterr().err
