"""`harness export`: write the model of a cell in the format of `transformers`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posharness.cli.options import TriedPluginPaths
from posharness.cli.output import console
from posharness.defaults import DEFAULT_STORE

__all__ = ["register"]

_EPILOG = """[bold]Examples[/]
  harness export 3f9a --to my-bert
  harness export 3f9a --to my-bert --store results

Only a model that transformers computes exactly can be written: a cell of the body bert with an encoding \
that adds to the embeddings, such as learned. For others, the error names the part without a counterpart."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(export)


def export(
    cell: Annotated[str, typer.Argument(metavar="KEY", help="The beginning of a finished cell's key.")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="A new or empty folder.")],
    store: Annotated[Path, typer.Option(metavar="DIR", help="The store of the cell.")] = DEFAULT_STORE,
    plugin_path: TriedPluginPaths = None,
) -> None:
    """Write a trained model for transformers, and print its folder."""
    from posharness.defaults import cache_root
    from posharness.evaluation import trained_cell
    from posharness.pretrained.export import export_model
    from posharness.registry.registry import Registry
    from posharness.store import Store

    opened = Store.open(store, create=False)
    registry = Registry.load(plugin_path or ())
    key = opened.find(cell)
    trained = trained_cell(opened, key, registry)
    export_model(trained, opened.weights_path(key), to, registry=registry, cache=cache_root())
    console().print(str(to), soft_wrap=True)
