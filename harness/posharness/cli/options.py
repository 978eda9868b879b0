"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posharness.defaults import DEFAULT_STORE
from posharness.errors import UserError

__all__ = [
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
