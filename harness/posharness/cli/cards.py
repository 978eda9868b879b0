"""What `harness show` prints: a card of one plugin or cell, as plain values and on the console."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from posharness.cli.describe import describe
from posharness.cli.output import STYLES
from posharness.registry.catalogue import Entry
from posharness.registry.kinds import Kind
from posharness.registry.parameters import show_value
from posharness.registry.registry import Registry
from posharness.store import Store

__all__ = ["cell", "plugin", "print_card"]

_LOG_LINES = 20
_LONG = ("doc", "traceback", "log")
"""Texts of several lines, which are printed below the others."""


def plugin(entry: Entry, kind: Kind, registry: Registry) -> dict[str, Any]:
    """The card of a plugin."""
    cls = entry.plugin
    return {
        "kind": kind.noun,
        **describe(entry, kind, registry),
        "class": f"{cls.__module__}.{cls.__qualname__}",
        "source": inspect.getsourcefile(cls),
        "doc": inspect.getdoc(cls) or "",
    }


def cell(store: Store, key: str) -> dict[str, Any]:
    """The card of a cell: its settings, its status and its results."""
    state = store.status(key)
    values: dict[str, Any] = {"kind": "cell", "name": key, "folder": str(store.folder(key))}
    if state is not None:
        values |= {k: v for k, v in state.model_dump().items() if k != "traceback"}
    values["traceback"] = state.traceback if state is not None else ""
    try:
        asked = store.cell(key)
        values["label"] = str(asked)
        values["settings"] = asked.model_dump(mode="json")
    except (OSError, ValueError) as error:
        values["settings"] = {"error": f"cannot be read: {' '.join(str(error).split())}"}
    values["results"] = store.results(key)
    values["environment"] = store.environment(key)
    values["plugins"] = store.plugins(key)
    values["log"] = "\n".join(store.log(key).splitlines()[-_LOG_LINES:])
    return values


def print_card(out: Console, card: dict[str, Any]) -> None:
    """Print a card: its values as a list, then its long texts under a heading each."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in card.items():
        if name not in _LONG and value not in ("", None, [], {}):
            style = STYLES.get(value, "") if name == "status" else ""
            grid.add_row(name.replace("_", " "), Text(_text(name, value), style=style))
    out.print(grid)
    for name in _LONG:
        if card.get(name):
            heading = "" if name == "doc" else f"{name}:\n"
            out.print(f"\n{heading}{card[name].rstrip()}", soft_wrap=True)


def _text(name: str, value: Any) -> str:
    if name == "parameters":
        return "\n".join(f"{p['name']}={show_value(p['default'])}  ({p['type']})" for p in value)
    if isinstance(value, dict):
        return "\n".join(f"{path}: {leaf}" for path, leaf in _leaves(value))
    if isinstance(value, list):
        if any(isinstance(item, dict) for item in value):
            return "\n".join(_text("", item).replace("\n", ", ") for item in value)
        return ", ".join(map(show_value, value))
    return show_value(value)


def _leaves(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The values of a nested object that say something, each under the path of its keys."""
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _leaves(item, f"{prefix}{key}.")
        elif item not in ("", []):
            yield f"{prefix}{key}", _text("", item)
