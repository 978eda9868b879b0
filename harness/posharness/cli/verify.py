"""`harness verify`: compare a report with the rows that it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posharness.cli.options import Json, TriedPluginPaths
from posharness.cli.output import console, count, print_json

__all__ = ["register"]

_EPILOG = """[bold]Examples[/]
  harness verify runs/reports/0123456789ab
  harness verify site/0123456789ab --store runs

Without the store of a published report, the report is compared with its own data.
Exit status: 0 nothing differs, 1 something does."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(verify)


def verify(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="The folder of a report, or its page.")],
    store: Annotated[
        Path | None,
        typer.Option(
            "--store", metavar="DIR", help="The store of the report.", show_default="where the report is"
        ),
    ] = None,
    plugin_path: TriedPluginPaths = None,
    json: Json = False,
) -> None:
    """Make the numbers of a report again from the rows of its store, and name what differs."""
    from posharness.reports import verify_report

    found = verify_report(report, store, plugin_paths=plugin_path or ())
    if json:
        print_json({"report": str(report), "differences": found})
    else:
        out = console()
        for line in found:
            out.print(line, soft_wrap=True)
        out.print(f"{report}: {count('difference', len(found))}", soft_wrap=True)
    if found:
        raise typer.Exit(1)
