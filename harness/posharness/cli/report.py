"""`harness report`: compile the report of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from posharness.cli.answer import OpenReport, open_report
from posharness.cli.options import Baseline, Compiler, StoreArgument, StoreOption, TriedPluginPaths, one_store
from posharness.cli.output import command_line, console

__all__ = ["register"]

_EPILOG = """[bold]Examples[/]
  harness report
  harness report results --title 'Copying at twice the length'
  harness report /read-only/results --to reports
  harness report --style paper

A report can be compiled during a run."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(report)


def report(
    argument: StoreArgument = None,
    store: StoreOption = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="The title of the report.")] = None,
    compiler: Compiler = None,
    plugin_path: TriedPluginPaths = None,
    baseline: Baseline = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Where the report gets its folder; else in the store."),
    ] = None,
    style: Annotated[
        Literal["page", "paper"],
        typer.Option(help="paper: figures for papers too, without titles, at column and page width."),
    ] = "page",
    open_: OpenReport = False,
) -> None:
    """Compile the report of a store, and print its path."""
    from posharness.defaults import DEFAULT_COMPILER
    from posharness.reports import compile_report

    path = compile_report(
        one_store(argument, store),
        title=title,
        plugin_paths=plugin_path or (),
        compiler=_styled(compiler or DEFAULT_COMPILER, style),
        baseline=baseline or "",
        to=to,
        command=command_line(),
    )
    console().print(str(path), soft_wrap=True)
    if open_:
        open_report(path)


def _styled(compiler: str, style: str) -> str:
    """The compiler with the parameter `style`, if it is not the default."""
    if style == "page":
        return compiler
    return f"{compiler[:-1]},style={style}]" if compiler.endswith("]") else f"{compiler}[style={style}]"
