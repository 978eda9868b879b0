"""The border to other people's code: what it prints and how it exits does not reach the harness."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

__all__ = ["PluginExit", "plugin_code", "plugin_output"]


class PluginExit(RuntimeError):
    """A plugin called `sys.exit`."""


@contextmanager
def plugin_output() -> Iterator[None]:
    """Send what the plugin prints to standard error.

    Standard output belongs to the command, whose `--json` is read by programs.
    """
    with redirect_stdout(sys.stderr):
        yield


@contextmanager
def plugin_code() -> Iterator[None]:
    """Redirect what the plugin prints, and turn its SystemExit into an ordinary error.

    Raises:
        PluginExit: the plugin raised SystemExit.
    """
    with plugin_output():
        try:
            yield
        except SystemExit as leaving:
            raise PluginExit(f"the plugin ended the program (SystemExit: {leaving})") from leaving
