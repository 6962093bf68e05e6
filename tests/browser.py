"""A headless Chromium, driven through its DevTools protocol over a plain websocket."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

__all__ = ["Tab", "browser"]

_QUIET = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-extensions", "--disable-background-networking"),
    *("--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-port=0"),
)
_STARTS_WITHIN_S = 60
_WAITS_S = 60


class Tab:
    """One page of the browser. What it logs, asks for and is refused is kept."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self._session: str | None = None
        self.requests: list[str] = []
        self.complaints: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        opened = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = opened["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and wait for its result."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            heard = json.loads(self._socket.recv(timeout=_WAITS_S))
            if heard.get("id") != number:
                self._note(heard)
            elif "error" in heard:
                raise RuntimeError(heard["error"]["message"])
            else:
                result: dict[str, Any] = heard["result"]
                return result

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Speak to the document in the page's frame, which runs in a process of its own."""
        targets = self.send("Target.getTargets", filter=[{"type": "iframe"}])["targetInfos"]
        opened = self.send("Target.attachToTarget", targetId=targets[0]["targetId"], flatten=True)
        outer, self._session = self._session, opened["sessionId"]
        try:
            for domain in ("Runtime", "Network", "Log"):
                self.send(f"{domain}.enable")
            yield
        finally:
            self._session = outer

    def _note(self, heard: dict[str, Any]) -> None:
        method, told = heard.get("method"), heard.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", str(details)))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.complaints.append(told["entry"]["text"])

    def outside(self) -> list[str]:
        """Addresses asked for that are neither a file nor data in the page."""
        return [url for url in self.requests if not url.startswith(("file:", "data:", "about:"))]

    def show(
        self, address: str, width: int = 1280, height: int = 900, theme: str = "light"
    ) -> None:
        """Load a page in a window of some size (CSS pixels), in a light or dark theme."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self.send("Emulation.setEmulatedMedia", features=features)
        self.send("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """Evaluate an expression in the page; promises are awaited."""
        done = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in done:
            raise RuntimeError(done["exceptionDetails"]["exception"]["description"])
        return done["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + _WAITS_S
        while not self.run(f"Boolean({condition})"):
            if time.monotonic() > end:
                raise AssertionError(f"never came true: {condition}; {self.complaints}")
            time.sleep(0.05)

    def press(self, *keys: str) -> None:
        """Press and release keys by name ('Tab', 'Enter', 'a')."""
        for key in keys:
            text = {"Enter": "\r", " ": " "}.get(key, key if len(key) == 1 else "")
            code = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "End": 35, "Home": 36}.get(key)
            code = code or {"ArrowUp": 38, "ArrowDown": 40}.get(key, ord(key[0].upper()))
            known = {"key": key, "windowsVirtualKeyCode": code}
            self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **known)
            self.send("Input.dispatchKeyEvent", type="keyUp", **known)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Move, press or release ('mouseMoved', 'mousePressed', 'mouseReleased') at a point."""
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """Write what is shown, or the whole page, as PNG."""
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=whole, **self._clip(whole))
        path.write_bytes(base64.b64decode(shot["data"]))

    def _clip(self, whole: bool) -> dict[str, Any]:
        if not whole:
            return {}
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {**size, "scale": 1}}


@contextmanager
def browser(profile: Path) -> Iterator[Tab]:
    """Start Chromium with a profile of its own; the test is skipped where there is none."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("chromium is not installed")
    process = subprocess.Popen(
        [program, *_QUIET, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with connect(_address(profile, process), max_size=2**26) as socket:
            yield Tab(socket)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    port_file, end = profile / "DevToolsActivePort", time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        if port_file.is_file() and len(lines := port_file.read_text().split()) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.1)
    raise AssertionError("Chromium did not start")
