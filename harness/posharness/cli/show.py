"""`harness show`: all about one plugin, preset or cell."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posharness.cli.options import DEFAULT_STORE, Json, PluginPaths
from posharness.cli.output import console, print_json
from posharness.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from posharness.registry.registry import Registry

__all__ = ["register"]

_EPILOG = """[bold]Examples[/]
  harness show relative         what it computes, its parameters, its paper
  harness show quick            the settings of a preset
  harness show 3f9a --store results

For a cell, the first figures of its key will do: settings, results, and why it failed."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(show)


def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME|KEY", help="A plugin, a task, a preset, or a cell's key.")
    ],
    store: Annotated[
        Path, typer.Option(metavar="DIR", help="The store that the cell is in.")
    ] = DEFAULT_STORE,
    plugin_path: PluginPaths = None,
    json: Json = False,
) -> None:
    """Show all about one plugin, preset or cell."""
    from posharness.cli import cards
    from posharness.registry.registry import Registry

    registry = Registry.load(plugin_path or ())
    card = _plugin(name, registry) or _cell(name, store)
    if card is None:
        raise _unknown(name, registry)
    if json:
        print_json(card)
    else:
        cards.print_card(console(), card)


def _plugin(name: str, registry: Registry) -> dict[str, Any] | None:
    from posharness.cli import cards
    from posharness.cli.describe import CATALOGUES, describe_preset
    from posharness.experiment import preset_names

    for kind in CATALOGUES:
        catalogue = getattr(registry, kind)
        if catalogue.has(name):
            return cards.plugin(catalogue.kind, catalogue.find(name), registry)
    for broken in registry.broken:
        if broken.name == name:
            return {
                "kind": "broken plugin",
                "name": name,
                "origin": broken.origin,
                "traceback": broken.traceback,
            }
    if name in preset_names():
        return {"kind": "preset", **describe_preset(name)}
    return None


def _cell(name: str, store: Path) -> dict[str, Any] | None:
    # What looks like a key but is meant as a name should not be answered with a missing store.
    if not re.fullmatch("[0-9a-fA-F]{1,64}", name):
        return None
    from posharness.cli import cards
    from posharness.store import Store

    opened = Store.open(store, create=False)
    return cards.cell(opened, opened.find(name))


def _unknown(name: str, registry: Registry) -> UserError:
    from posharness.cli.describe import CATALOGUES
    from posharness.experiment import preset_names

    known = [known for kind in CATALOGUES for known in getattr(registry, kind).names]
    near = did_you_mean(name, [*known, *preset_names(), *(b.name for b in registry.broken)])
    return UserError(f"No plugin, preset or cell is called {name!r}; {near}")
