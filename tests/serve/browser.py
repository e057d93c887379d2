"""Chromium without a window, told what to do by its DevTools protocol through a pair of pipes."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tests.serve.serving import PATIENCE

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",  # which root can't have
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
)


class Browser:
    """One page; ``call`` asks the protocol, the other methods are what a test says."""

    def __init__(self, ask: BinaryIO, hear: BinaryIO) -> None:
        self._ask, self._hear, self._n = ask, hear, 0
        self._held = b""
        self._session: dict[str, str] = {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        self.call("Page.enable")

    def call(self, method: str, **params: Any) -> Any:
        """Ask for something, and wait until it is done."""
        self._n += 1
        asked = {"id": self._n, "method": method, "params": params, **self._session}
        self._ask.write(json.dumps(asked).encode() + b"\0")
        self._ask.flush()
        while (said := self._read()).get("id") != self._n:
            pass
        assert "result" in said, said
        return said["result"]

    def open(self, url: str) -> None:
        """Go to a page, and wait until it is there."""
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        """What JavaScript makes of an expression."""
        said = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until it is true."""
        deadline = time.monotonic() + PATIENCE
        while not self.value(expression):
            assert time.monotonic() < deadline, f"{expression} in vain"
            time.sleep(0.02)

    def type(self, text: str) -> None:
        """Type a text where the focus is."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, code: int) -> None:
        """Press a key and let it go."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            at = {"key": key, "code": key, "windowsVirtualKeyCode": code}
            self.call("Input.dispatchKeyEvent", type=kind, **at, **text)

    def look(self, path: Path, *, width: int, height: int, scheme: str) -> None:
        """Save a picture of the page."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme_is = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[scheme_is])
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _read(self) -> Any:
        while b"\0" not in self._held:
            ready, _, _ = select.select([self._hear], [], [], PATIENCE)
            assert ready, "the browser says nothing"
            read = os.read(self._hear.fileno(), 1 << 16)
            assert read, "the browser has ended"
            self._held += read
        said, _, self._held = self._held.partition(b"\0")
        return json.loads(said)


@contextmanager
def browser() -> Iterator[Browser]:
    """Run a browser as long as the block does."""
    assert CHROMIUM
    (their_ear, ask), (hear, their_mouth) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        command = f'exec "$@" 3<&{their_ear} 4>&{their_mouth}'
        flags = (*FLAGS, f"--user-data-dir={home}")
        process = subprocess.Popen(
            ["bash", "-c", command, "bash", CHROMIUM, *flags],
            pass_fds=(their_ear, their_mouth),
            stderr=subprocess.DEVNULL,
        )
        os.close(their_ear)
        os.close(their_mouth)
        try:
            with os.fdopen(ask, "wb") as asking, os.fdopen(hear, "rb") as hearing:
                yield Browser(asking, hearing)
        finally:
            process.terminate()
            process.wait()
