"""`harness publish`: publish a compiled report in a folder or a git branch, with an index of all reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posharness.cli.options import Compiler, TriedPluginPaths
from posharness.cli.output import console

__all__ = ["register"]

_EPILOG = """[bold]Examples[/]
  harness publish runs/reports/0123456789ab --to site
  harness publish runs/reports/0123456789ab/report.html --to site
  harness publish runs/reports/0123456789ab --to pages.git#gh-pages

Publishing a report twice changes nothing. Nothing in the folder or branch is replaced but an earlier \
version of the report and the index page."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(publish)


def publish(
    report: Annotated[
        Path, typer.Argument(metavar="REPORT", help="The path that `run` or `report` printed, or its folder.")
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="DIR|GIT_URL#BRANCH", help="The static folder or branch, created if missing."
        ),
    ],
    compiler: Compiler = None,
    plugin_path: TriedPluginPaths = None,
) -> None:
    """Publish a report, and print the path of the index page, or the branch."""
    from posharness.defaults import DEFAULT_COMPILER
    from posharness.reports import publish_report

    index = publish_report(
        report, to=to, plugin_paths=plugin_path or (), compiler=compiler or DEFAULT_COMPILER
    )
    console().print(str(index), soft_wrap=True)
