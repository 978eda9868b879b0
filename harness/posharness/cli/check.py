"""`harness check`: check that a plugin keeps its contract."""

from __future__ import annotations

import json as json_
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from posharness.cli.options import Json, PluginPaths
from posharness.cli.output import console, print_json, table
from posharness.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["register"]

_STYLES = {"holds": "green", "fails": "bold red", "not applicable": "dim"}
_EPILOG = """[bold]Examples[/]
  harness check relative              an installed encoding
  harness check 'relative\\[clip=4]'    with other parameters
  harness check my_encoding.py        everything that a file offers
  harness check copy                  a task

Each plugin is checked in a process of its own, so that one that hangs is reported too.
Exit status: 0 everything holds, 1 something fails, 2 wrong input."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(check)


def check(
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE",
            help="A plugin of any kind, or a file with some.",
        ),
    ],
    plugin_path: PluginPaths = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long the import and each check may take.")
    ] = 60.0,
    json: Json = False,
) -> None:
    """Check that a plugin keeps its contract."""
    if not timeout > 0:
        raise UserError(f"--timeout {timeout:g}: expected seconds above 0.")
    paths = [str(part) for path in plugin_path or () for part in ("--plugin-path", path)]
    command = [sys.executable, "-P", "-m", "posharness.conformance", "--limit", str(timeout), *paths, target]
    errors = console(stderr=True)
    with errors.status(f"loading {target}") as status:
        checked = _supervise(command, target, timeout, lambda doing: status.update(f"checking: {doing}"))
    if json:
        print_json(checked)
    else:
        for plugin in checked:
            _print(console(), plugin)
    if any(finding["verdict"] == "fails" for plugin in checked for finding in plugin["findings"]):
        raise typer.Exit(1)


def _supervise(
    command: list[str], target: str, timeout: float, announce: Callable[[str], None]
) -> list[dict[str, Any]]:
    """The findings of the checking process, plugin by plugin; a process that does not finish is a finding.

    Raises:
        UserError: the process reported a mistake of the user's.
    """
    checked: list[dict[str, Any]] = []
    doing = ""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, encoding="utf-8")
        assert process.stdout is not None
        with process:
            for text in process.stdout:
                (what, said), *_ = json_.loads(text).items()
                if what == "error":
                    process.wait()
                    raise UserError(said)
                if what == "begin":
                    doing = said
                    announce(doing)
                elif what == "plugin":
                    checked.append({**said, "findings": []})
                else:
                    checked[-1]["findings"].append(said)
        if process.returncode:
            if not checked:
                checked.append({"name": target, "kind": "plugin", "findings": []})
            checked[-1]["findings"].append(_unended(doing, process.returncode, timeout, complaints))
    return checked


def _unended(doing: str, status: int, timeout: float, complaints: IO[str]) -> dict[str, str]:
    """The finding about a check in which the process ended."""
    complaints.seek(0)
    said = complaints.read()
    if re.search(r"^Timeout \(", said, re.MULTILINE):
        # The main thread is the last one that is dumped.
        *_, (file, line) = re.findall(r"most recent call first\):\n  File \"(.+?)\", line (\d+)", said)
        place = f"{Path(file).name}, line {line}"
        what = "hangs at import" if doing == "loads" else "hangs"
        why = f"{what} ({place}): not done after {timeout:g} s"
    elif status < 0:
        why = f"ends the process with signal {-status}"
    else:
        last = said.strip().splitlines()[-1:] or [""]
        why = f"ends the process with exit status {status}{': ' if last[0] else ''}{last[0]}"
    return {"check": doing, "verdict": "fails", "why": why, "traceback": said.strip()}


def _print(out: Console, plugin: dict[str, Any]) -> None:
    rows = table("check", "verdict", "why", title=f"{plugin['kind']} {plugin['name']}")
    for finding in plugin["findings"]:
        rows.add_row(finding["check"], finding["verdict"], finding["why"], style=_STYLES[finding["verdict"]])
    out.print(rows)
    counts = Counter(finding["verdict"] for finding in plugin["findings"])
    out.print(
        f"{plugin['name']}: {counts['holds']} hold, {counts['fails']} fail, "
        f"{counts['not applicable']} not applicable"
    )
