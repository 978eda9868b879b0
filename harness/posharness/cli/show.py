"""`harness show`: all about one plugin, preset or cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posharness.cli.options import Json, TriedPluginPaths
from posharness.cli.output import console, print_json
from posharness.defaults import DEFAULT_STORE
from posharness.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from posharness.cli.inventory import Inventory

__all__ = ["register"]

_EPILOG = """[bold]Examples[/]
  harness show relative         what it computes, its parameters, its paper
  harness show quick            the settings of a preset
  harness show copy --kind reading
  harness show 3f9a --store results
  harness show 3f9a --examples  its answers to some sequences of the test

Of a cell it shows the settings, the results and why it failed; the first digits of its key are enough."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(show)


def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME|KEY", help="A plugin, a preset, or the beginning of a cell's key.")
    ],
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="Of several plugins that have the name, the one of this kind."),
    ] = None,
    store: Annotated[
        Path, typer.Option(metavar="DIR", help="The store that the cell is in.")
    ] = DEFAULT_STORE,
    examples: Annotated[
        bool, typer.Option("--examples", help="Of a cell, show examples of its test instead.")
    ] = False,
    plugin_path: TriedPluginPaths = None,
    json: Json = False,
) -> None:
    """Show all about one plugin, preset or cell."""
    from posharness.cli import cards
    from posharness.cli.inventory import load_inventory

    if examples:
        _show_examples(name, store, json=json)
        return
    paths = plugin_path or []
    inventory = load_inventory(paths)
    card = _plugin(name, kind, inventory, paths) or (None if kind else _other(name, store, inventory))
    if card is None:
        raise _unknown(name, kind, inventory)
    if json:
        print_json(card)
    else:
        cards.print_card(console(), card)


def _show_examples(key: str, path: Path, *, json: bool) -> None:
    from posharness.cli import examples
    from posharness.store import Store

    store = Store.open(path, create=False)
    found = examples.of_cell(store, store.find(key))
    if json:
        print_json(found)
    else:
        examples.print_examples(console(), found)


def _plugin(
    name: str, noun: str | None, inventory: Inventory, plugin_paths: Sequence[Path]
) -> dict[str, Any] | None:
    """The card of the first plugin of a name, with the other kinds that have a plugin of that name."""
    from posharness.registry import kinds

    asked = [kinds.kind_called(noun)] if noun else kinds.KINDS
    found = [(kind, card) for kind in asked for card in inventory.called(kind, name)]
    for kind, _ in found:
        if inventory.is_ambiguous(kind, name):
            from posharness.registry.registry import Registry

            Registry.load(plugin_paths).catalogue(kind).find(name)  # raises: it knows which to write
    if not found:
        return None
    (_, card), *others = found
    also = [
        f"{kind.noun} {other['name'].rpartition(':')[2]}: harness show {name} --kind {kind.slug}"
        for kind, other in others
    ]
    return card | {"same_name": also}


def _other(name: str, store: Path, inventory: Inventory) -> dict[str, Any] | None:
    """The card of a broken plugin, a preset or a cell."""
    from posharness.cli.presets import describe_preset
    from posharness.experiment import preset_names

    for broken in inventory.broken:
        if broken["name"] == name:
            return {"kind": "broken plugin"} | {n: v for n, v in broken.items() if n != "reason"}
    if name in preset_names():
        return {"kind": "preset", **describe_preset(name)}
    return _cell(name, store)


def _cell(name: str, store: Path) -> dict[str, Any] | None:
    # What looks like a key but is meant as a name should not be answered with a missing store.
    if not re.fullmatch("[0-9a-fA-F]{1,64}", name):
        return None
    from posharness.cli import cards
    from posharness.store import Store

    opened = Store.open(store, create=False)
    return cards.cell(opened, opened.find(name))


def _unknown(name: str, noun: str | None, inventory: Inventory) -> UserError:
    from posharness.experiment import preset_names
    from posharness.registry import kinds

    asked = [kinds.kind_called(noun)] if noun else kinds.KINDS
    known = [known for kind in asked for known in inventory.names(kind)]
    if noun:
        return UserError(f"No {noun} is called {name!r}; {did_you_mean(name, known)}")
    near = did_you_mean(name, [*known, *preset_names(), *(broken["name"] for broken in inventory.broken)])
    return UserError(f"No plugin, preset or cell is called {name!r}; {near}")
