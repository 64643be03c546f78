"""Headless Chromium, controlled through its debugging pipe; needs nothing but the browser."""

import base64
import json
import os
import shutil
import subprocess

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
CHROMIUM_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--hide-scrollbars",
)


class HeadlessBrowser:
    """A browser with one page.

    Attributes:
        events: Names of the events since the page was opened.
        errors: Exceptions, and errors and warnings of the console.
        requested_urls: URLs that the page loaded.
    """

    def __init__(self, profile):
        browser_read_end, self._write_end = os.pipe()
        self._read_end, browser_write_end = os.pipe()
        command = [
            CHROMIUM,
            *CHROMIUM_FLAGS,
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
        ]
        # Chromium reads commands from file descriptor 3 and writes answers to 4
        script = f'exec "$@" 3<&{browser_read_end} 4>&{browser_write_end}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", *command],
            pass_fds=(browser_read_end, browser_write_end),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(browser_read_end)
        os.close(browser_write_end)
        self._message_id, self._unread_bytes, self._session_id = 0, b"", None
        self.events, self.errors, self.requested_urls = [], [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session_id = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        """Call a method of the DevTools protocol; return its result."""
        self._message_id += 1
        message = {"id": self._message_id, "method": method, "params": params}
        if self._session_id:
            message["sessionId"] = self._session_id
        os.write(self._write_end, json.dumps(message).encode() + b"\0")
        while (answer := self._read_message()).get("id") != self._message_id:
            pass
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def open(self, file, width=1280):
        """Open a file in a window of ``width`` pixels and wait until it is loaded."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        self.events.clear()
        self.call("Page.navigate", url=file.resolve().as_uri())
        while "Page.loadEventFired" not in self.events:
            self._read_message()

    def evaluate_script(self, script):
        """Evaluate an expression in the page; return its value."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def save_screenshot(self, file):
        """Save the whole page as a PNG file."""
        screenshot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(screenshot["data"]))

    def close(self):
        """Terminate the browser."""
        self._process.terminate()
        self._process.wait(20)
        os.close(self._read_end)
        os.close(self._write_end)

    def _read_message(self):
        while b"\0" not in self._unread_bytes:
            chunk = os.read(self._read_end, 1 << 20)
            assert chunk, "the browser has exited"
            self._unread_bytes += chunk
        line, _, self._unread_bytes = self._unread_bytes.partition(b"\0")
        message = json.loads(line)
        self._record_event(message.get("method", ""), message.get("params", {}))
        return message

    def _record_event(self, method, params):
        self.events.append(method)
        if method == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"])
        if method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.errors.append(params["args"])
        if method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(params["entry"])
        if method == "Network.requestWillBeSent":
            self.requested_urls.append(params["request"]["url"])
