"""Chromium without a window, steered through its debugging pipe: needs nothing but the browser."""

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
    """One page; ``errors`` has what its console complained of, ``asked`` what it loaded."""

    def __init__(self, profile):
        theirs, self._write_end = os.pipe()
        self._read_end, back = os.pipe()
        command = [
            CHROMIUM,
            *CHROMIUM_FLAGS,
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
        ]
        joined = f'exec "$@" 3<&{theirs} 4>&{back}'
        self._process = subprocess.Popen(
            ["bash", "-c", joined, "bash", *command],
            pass_fds=(theirs, back),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.close(back)
        self._message_id, self._unread_bytes, self._session_id = 0, b"", None
        self.events, self.errors, self.requested_urls = [], [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session_id = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for room in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{room}.enable")

    def call(self, method, **params):
        """What the browser answers."""
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
        """Show a file in a window of that width and wait until it is there."""
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
        """The value of an expression in the page."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def save_screenshot(self, file):
        """Save the whole page as a PNG file."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        """End the browser."""
        self._process.terminate()
        self._process.wait(20)
        os.close(self._read_end)
        os.close(self._write_end)

    def _read_message(self):
        while b"\0" not in self._unread_bytes:
            got = os.read(self._read_end, 1 << 20)
            assert got, "the browser is gone"
            self._unread_bytes += got
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
