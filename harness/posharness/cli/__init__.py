"""The command line, `harness`: one file for each command, put together in `app`.

Beside the commands are what several of them share and the displays of a run. More than fifteen modules share
this folder, so that a command is found by its name: `harness show` is `show.py`.
"""

from posharness.cli.app import main

__all__ = ["main"]
