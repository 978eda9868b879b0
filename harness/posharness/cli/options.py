"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posharness.defaults import DEFAULT_COMPILER, DEFAULT_EXECUTOR, DEFAULT_STORE
from posharness.errors import UserError

__all__ = [
    "Compiler",
    "Executor",
    "Json",
    "PluginPaths",
    "Readings",
    "StoreArgument",
    "StoreOption",
    "Treebank",
    "one_store",
]

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
PluginPaths = Annotated[
    list[Path] | None,
    typer.Option("--plugin-path", metavar="FILE", help="Load plugins from a Python file too; repeatable."),
]
Executor = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="NAME",
        help="What runs the cells, as NAME or NAME\\[param=value]. `harness list --executors` shows them.",
        show_default=DEFAULT_EXECUTOR,
    ),
]
Compiler = Annotated[
    str | None,
    typer.Option(
        "--compiler",
        metavar="NAME",
        help="What writes the report, as NAME or NAME\\[param=value].",
        show_default=DEFAULT_COMPILER,
    ),
]
Readings = Annotated[
    list[str] | None,
    typer.Option(
        metavar="all|A,B,…",
        help="What is read off models that fill masks. `harness list --readings` shows them.",
    ),
]
Treebank = Annotated[
    str | None, typer.Option(metavar="FILE", help="The text that is read, in CoNLL-U format.")
]
StoreArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[STORE]", help="The folder that `run` filled.", show_default=str(DEFAULT_STORE)),
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store", metavar="DIR", help="The folder that `run` filled.", show_default=str(DEFAULT_STORE)
    ),
]


def one_store(argument: Path | None, option: Path | None) -> Path:
    """The store that is meant, by its place or by the option that `run` has.

    Raises:
        UserError: two different ones are given.
    """
    if argument is not None and option is not None and argument != option:
        raise UserError(f"Two stores are given, {argument} and --store {option}; give one.")
    return argument or option or DEFAULT_STORE
