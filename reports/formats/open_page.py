"""Opening of the page in a browser; where there is none, a message with its path."""

import os
import sys
import webbrowser
from pathlib import Path

from fusebench.runtime import printable


def open_page(page: Path) -> bool:
    """Open a page in the browser, or print how to open it; return whether a browser took it.

    Without a display (a server, a container), text browsers are not started: they would take over
    the terminal, and cannot show the page.
    """
    address = page.resolve().as_uri()
    try:
        is_opened = _has_display() and webbrowser.open(address)
    except webbrowser.Error:
        is_opened = False
    if not is_opened:
        printable.print_message(
            f"--open: no browser can be started here; open {page.resolve()} in one, after copying "
            f"the folder {page.resolve().parent} if it is on another machine"
        )
    return is_opened


def _has_display() -> bool:
    """Whether a graphical browser can show a window, or the user has named one in BROWSER."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
