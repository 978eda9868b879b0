"""`harness status`: the cells of a store by status, and the progress of the running ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer
from rich.text import Text

from posharness.cli.options import Json, StoreArgument, StoreOption, one_store
from posharness.cli.output import STYLES, console, count, duration, number, print_json, print_rows

if TYPE_CHECKING:
    from posharness.store import Store

__all__ = ["register"]

_EPILOG = """[bold]Examples[/]
  harness status
  harness status results --json

`harness show KEY` shows more of a cell; the first characters of its key are enough."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(status)


def status(argument: StoreArgument = None, store: StoreOption = None, json: Json = False) -> None:
    """Show the progress of a store's cells."""
    from posharness.store import Store

    path = one_store(argument, store)
    opened = Store.open(path, create=False)
    cells = [entry for key in opened.keys() if (entry := _entry(opened, key))]  # noqa: SIM118
    cells.sort(key=lambda entry: list(STYLES).index(entry["status"]))
    counts = Counter(entry["status"] for entry in cells)
    if json:
        print_json({"store": str(path), "counts": counts, "cells": cells})
        return
    out = console()
    if cells:
        # The version matters only if a store holds several.
        names = ("label", "task", "body", "seed", *(["version"] if _several_versions(cells) else []))
        rows = [
            (
                entry["cell"][:8],
                *(str(entry[name]) for name in names),
                Text(entry["status"], style=STYLES[entry["status"]]),
                _progress(entry),
            )
            for entry in cells
        ]
        print_rows(out, ("cell", "plugin", *names[1:], "status", ""), rows)
        for entry in cells:
            if entry["reason"]:
                styled = Text(entry["status"], style=STYLES[entry["status"]])
                out.print(styled + Text(f" {entry['cell'][:8]}: {entry['reason']}"), soft_wrap=True)
    summary = ", ".join(f"{counts[status]} {status}" for status in STYLES if counts[status])
    out.print(
        f"{path}: {count('cell', len(cells))} started{': ' + summary if summary else ''}", soft_wrap=True
    )


def _entry(store: Store, key: str) -> dict[str, Any] | None:
    state = store.status(key)
    if state is None:  # removed since the keys were listed
        return None
    entry: dict[str, Any] = {"cell": key, **dict.fromkeys(("label", "task", "body", "seed", "version"), "?")}
    try:
        cell = store.cell(key)
        entry |= {"label": cell.label, "task": cell.task.label, "body": cell.body_name, "seed": cell.seed}
        entry["version"] = cell.version
    except (OSError, ValueError):
        pass  # its status gives the reason
    progress = store.live(key) if state.status == "running" else None
    return {
        **entry,
        "status": state.status,
        "reason": state.reason,
        "started": state.started,
        "finished": state.finished,
        "seconds": state.seconds,
        "progress": asdict(progress) if progress else None,
    }


def _several_versions(cells: Sequence[dict[str, Any]]) -> bool:
    """Whether two cells differ in nothing but the version of their code, as far as the table shows."""
    shown = {(*(entry[name] for name in ("label", "task", "body", "seed", "version")),) for entry in cells}
    return len(shown) > len({row[:-1] for row in shown})


def _progress(entry: dict[str, Any]) -> str:
    if live := entry["progress"]:
        words = [f"{live['stage']} {live['step']}/{live['steps']}"]
        words += [f"{name} {number(live[name])}" for name in ("loss", "score") if live[name] is not None]
        return ", ".join(words)
    return duration(entry["seconds"]) if entry["seconds"] is not None else ""
