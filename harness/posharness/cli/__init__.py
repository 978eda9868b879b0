"""The command line, `harness`: one command per file, put together in `app`."""

from posharness.cli.app import main

__all__ = ["main"]
