"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posharness.defaults import DEFAULT_COMPILER, DEFAULT_EXECUTOR, DEFAULT_STORE
from posharness.errors import UserError

__all__ = [
    "Baseline",
    "Compiler",
    "Executor",
    "Json",
    "PluginPaths",
    "Readings",
    "StoreArgument",
    "StoreOption",
    "Treebank",
    "TriedPluginPaths",
    "one_store",
]


def _tried(paths: list[Path] | None) -> list[Path] | None:
    """The files, which were imported once where that harms nothing.

    Raises:
        UserError: the import of one ends its process or hangs.
    """
    if paths:
        # Not at the top: it imports torch, and no help waits for that.
        from posharness.registry.process_copy import check_imports

        check_imports(paths)
    return paths


Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
PluginPaths = Annotated[
    list[Path] | None,
    typer.Option("--plugin-path", metavar="FILE", help="Also load the plugins of a Python file; repeatable."),
]
TriedPluginPaths = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin-path",
        metavar="FILE",
        help="Also load the plugins of a Python file; repeatable.",
        callback=_tried,
    ),
]
"""`PluginPaths` of a command that does not see to hostile imports itself."""
Executor = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="NAME",
        help="The executor, as NAME or NAME\\[param=value]. `harness list --executors` shows them.",
        show_default=DEFAULT_EXECUTOR,
    ),
]
Compiler = Annotated[
    str | None,
    typer.Option(
        "--compiler",
        metavar="NAME",
        help="The compiler of the report, as NAME or NAME\\[param=value].",
        show_default=DEFAULT_COMPILER,
    ),
]
Baseline = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="LABEL",
        help="Compare all encodings with this one too; the name that the report shows.",
    ),
]
Readings = Annotated[
    list[str] | None,
    typer.Option(
        metavar="all|A,B,…",
        help="Readings of masked language models; `harness list --readings` shows them.",
    ),
]
Treebank = Annotated[
    str | None, typer.Option(metavar="FILE", help="The text for the readings, in CoNLL-U format.")
]
StoreArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[STORE]", help="The folder of the store.", show_default=str(DEFAULT_STORE)),
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="DIR",
        help="The folder of the store.",
        show_default=str(DEFAULT_STORE),
    ),
]


def one_store(argument: Path | None, option: Path | None) -> Path:
    """The store that the argument or the option names.

    Raises:
        UserError: they name two different stores.
    """
    if argument is not None and option is not None and argument != option:
        raise UserError(f"Two stores are given, {argument} and --store {option}; give one.")
    return argument or option or DEFAULT_STORE
