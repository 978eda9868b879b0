"""Chromium, driven through a pipe by its DevTools protocol, without a package in between."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["CHROMIUM", "Browser", "Tab", "reading"]

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)

_MADE = """new Promise((done) => {
  const look = () => (document.querySelector("details.table noscript") ? setTimeout(look, 5) : done());
  look();
})"""


class Browser:
    """A browser process; use it as a context."""

    def __init__(self, profile: Path) -> None:
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on descriptor 4.
        shell = f'exec 3<&{to_browser} 4>&{from_browser}; exec "$@"'
        command = [str(CHROMIUM), *_OPTIONS, "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", shell, "chromium", *command],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._answers = os.fdopen(self._read, "rb")
        self._sent = 0
        self._rest = b""
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        self._answers.close()

    def send(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; events that come before it are kept."""
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._sent:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def wait_for(self, event: str, session: str) -> None:
        """Wait until an event of a session comes."""
        while True:
            for i, found in enumerate(self.events):
                if found.get("method") == event and found.get("sessionId") == session:
                    del self.events[i]
                    return
            self.events.append(self._next())

    @contextmanager
    def tab(self, url: str, *, width: int = 1280, height: int = 800, script: bool = True) -> Iterator[Tab]:
        """Open a page, and wait until it has loaded; with `script=False`, one whose scripts do not run."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session, script)
        for domain in ("Page", "Runtime", "Network", "Log"):
            tab.send(f"{domain}.enable")
        tab.resize(width, height)
        if not script:
            tab.send("Emulation.setScriptExecutionDisabled", value=True)
        self.events = [event for event in self.events if event.get("sessionId") != session]
        tab.open(url)
        try:
            yield tab
        finally:
            self.send("Target.closeTarget", targetId=target)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = self._answers.read1(1 << 20)
            if not read:
                raise RuntimeError("Chromium ended.")
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


class Tab:
    """A page in a browser."""

    def __init__(self, browser: Browser, session: str, script: bool) -> None:
        self._browser, self._session, self._script = browser, session, script

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command to this page."""
        return self._browser.send(method, self._session, **parameters)

    def open(self, url: str) -> None:
        """Go to an address, and wait until the page has loaded and has made its closed tables."""
        self.send("Page.navigate", url=url)
        self._browser.wait_for("Page.loadEventFired", self._session)
        if self._script:
            self.run(_MADE)

    def resize(self, width: int, height: int = 800) -> None:
        """Set the size of the window."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def media(self, *, scheme: str = "light", kind: str = "screen", **features: str) -> None:
        """Prefer light or dark pages; show the page for a screen or for print.

        Args:
            features: other media features, such as `forced_colors="active"`.
        """
        given = {"prefers-color-scheme": scheme} | {k.replace("_", "-"): v for k, v in features.items()}
        self.send(
            "Emulation.setEmulatedMedia",
            media=kind,
            features=[{"name": k, "value": v} for k, v in given.items()],
        )

    def run(self, expression: str) -> Any:
        """The value of an expression of JavaScript; a promise is awaited."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def point(self, x: float, y: float, *, click: bool = False) -> None:
        """Move the pointer to a place in the window, and click there if asked."""
        for kind in ("mouseMoved", *(("mousePressed", "mouseReleased") if click else ())):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def touch(self, *places: tuple[float, float]) -> None:
        """Put a finger down, draw it over places in the window, and lift it."""
        self.send("Emulation.setTouchEmulationEnabled", enabled=True)
        for i, (x, y) in enumerate(places):
            kind = "touchMove" if i else "touchStart"
            self.send("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y}])
        self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def press(self, key: str) -> None:
        """Press a key."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38,
                 "ArrowRight": 39, "ArrowDown": 40, "PageUp": 33, "PageDown": 34}  # fmt: skip
        for kind in ("rawKeyDown", "keyUp"):
            self.send(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key]
            )

    def picture(self) -> bytes:
        """The window as PNG."""
        from base64 import b64decode

        return b64decode(self.send("Page.captureScreenshot")["data"])

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of the console, and exceptions."""
        return [
            json.dumps(event["params"])
            for event in self._own
            if event["method"] == "Runtime.exceptionThrown"
            or (event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] != "verbose")
            or (
                event["method"] == "Runtime.consoleAPICalled"
                and event["params"]["type"] in ("error", "warning")
            )
        ]

    @property
    def requests(self) -> list[str]:
        """The addresses of everything that was asked for."""
        return [
            event["params"]["request"]["url"]
            for event in self._own
            if event["method"] == "Network.requestWillBeSent"
        ]

    @property
    def _own(self) -> list[dict[str, Any]]:
        return [event for event in self._browser.events if event.get("sessionId") == self._session]


def reading(tab: Tab) -> str:
    """What a report shows of the value under the pointer or the keys; "" for nothing."""
    shown = tab.run("document.querySelector('#reading.shown')?.innerText ?? ''")
    assert isinstance(shown, str)
    return shown
