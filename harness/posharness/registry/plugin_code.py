"""The border to other people's code: what it prints, unloads and how it exits does not reach the harness."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

from posharness.registry.unchanged import imports_unchanged
from posharness.visible import visible

__all__ = ["PluginExit", "plugin_code", "plugin_output"]


class PluginExit(RuntimeError):
    """A plugin called `sys.exit`."""


class _Visible:
    """Another stream, to which nothing that steers a terminal is written; None for nowhere."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if self._stream is not None:
            self._stream.write(visible(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._stream is not None:
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def plugin_output() -> Iterator[None]:
    """Send what the plugin prints to standard error, where it cannot steer the terminal.

    Standard output belongs to the command, whose `--json` is read by programs.
    """
    shown: Any = _Visible(sys.stderr)
    with redirect_stdout(shown), redirect_stderr(shown):
        yield


@contextmanager
def plugin_code() -> Iterator[None]:
    """Redirect what the plugin prints, keep what is imported, and turn its SystemExit into an ordinary error.

    Raises:
        PluginExit: the plugin raised SystemExit.
    """
    with plugin_output(), imports_unchanged():
        try:
            yield
        except SystemExit as leaving:
            raise PluginExit(f"the plugin ended the program (SystemExit: {leaving})") from leaving
