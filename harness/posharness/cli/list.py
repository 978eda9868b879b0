"""`harness list`: what can be selected, and what else plugs in: sections of reports, claims, executors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posharness.cli.options import Json, PluginPaths
from posharness.cli.output import console, number, print_json, table
from posharness.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["register"]

_KINDS = ("encodings", "attentions", "tasks", "readings", "sections", "claims", "executors", "presets")
_EPILOG = """[bold]Examples[/]
  harness list                  everything
  harness list encodings        what --plugins takes, with its parameters
  harness list --tasks          what --tasks takes, with chance and lengths
  harness list --readings       what --readings takes, for models that fill masks
  harness list --json           lists of objects with a "name", by kind
  harness list --plugin-path my_encoding.py

`harness show NAME` tells more about one of them."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list", epilog=_EPILOG)(list_)


def list_(
    kinds: Annotated[
        list[str] | None, typer.Argument(metavar="[KIND]...", help=f"{', '.join(_KINDS)}; else all of them.")
    ] = None,
    encodings: Annotated[bool, typer.Option("--encodings", help="Positional encodings.")] = False,
    attentions: Annotated[bool, typer.Option("--attentions", help="Attention mechanisms.")] = False,
    tasks: Annotated[bool, typer.Option("--tasks", help="Tasks.")] = False,
    readings: Annotated[bool, typer.Option("--readings", help="Readings of pretrained models.")] = False,
    plugin_path: PluginPaths = None,
    json: Json = False,
) -> None:
    """List what can be selected."""
    asked = [
        *(kinds or []),
        *_flagged(encodings=encodings, attentions=attentions, tasks=tasks, readings=readings),
    ]
    for kind in asked:
        if kind not in _KINDS:
            raise UserError(f"Unknown kind {kind!r}; {did_you_mean(kind, _KINDS)}")
    from posharness.cli.describe import describe_preset, inventory
    from posharness.experiment import preset_names
    from posharness.registry.registry import Registry

    registry = Registry.load(plugin_path or ())
    found: dict[str, Any] = {
        kind: [describe_preset(name) for name in preset_names()]
        if kind == "presets"
        else inventory(registry, kind)
        for kind in _KINDS
        if kind in asked or not asked
    }
    broken = [
        {"name": b.name, "origin": b.origin, "reason": b.reason, "traceback": b.traceback}
        for b in registry.broken
    ]
    if json:
        print_json({**found, "broken": broken})
        return
    out = console()
    for kind, items in found.items():
        if items:
            out.print(_TABLES[kind](items))
        elif asked:
            out.print(f"No {kind} are installed.")
    _print_broken(out, broken)


def _flagged(**flags: bool) -> list[str]:
    return [kind for kind, given in flags.items() if given]


def _name(item: dict[str, Any]) -> str:
    return "\n".join([item["name"], *(f"  {alias}" for alias in item.get("aliases", ()))])


def _plugins(title: str, items: Sequence[dict[str, Any]]) -> Table:
    from posharness.cli.describe import parameters_text

    rows = table("name, aliases", "what it is", "parameters", title=title)
    for item in items:
        where = "" if len(item["directions"]) > 1 else f"; {item['directions'][0]} only"
        paper = f"; {item['paper']}" if item["paper"] else ""
        rows.add_row(_name(item), f"{item['summary']}{where}{paper}", parameters_text(item))
    return rows


def _tasks(items: Sequence[dict[str, Any]]) -> Table:
    rows = table("name, aliases", "what it is", "bodies", "chance", "lengths", title="Tasks")
    for item in items:
        bodies = "\n".join(item["bodies"])
        if "error" in item:
            rows.add_row(_name(item), f"{item['summary']} ({item['error']})", bodies, "", "")
            continue
        several = len(item["objectives"]) > 1
        chance = "\n".join(f"{o['name']} " * several + number(o["chance"]) for o in item["objectives"])
        lengths = " ".join(map(str, item["evaluation_lengths"]))
        rows.add_row(_name(item), item["summary"], bodies, chance, lengths)
    return rows


def _readings(items: Sequence[dict[str, Any]]) -> Table:
    from posharness.cli.describe import parameters_text

    rows = table("name, aliases", "what it is", "answers", "parameters", title="Readings")
    for item in items:
        rows.add_row(_name(item), item["summary"], "\n".join(item["objectives"]), parameters_text(item))
    return rows


def _claims(items: Sequence[dict[str, Any]]) -> Table:
    rows = table("name", "what is claimed", "contrasts", title="Claims")
    for item in items:
        pairs = "\n".join(f"{better} against {other}" for better, other in item["contrasts"])
        rows.add_row(_name(item), item["statement"], pairs)
    return rows


def _simple(title: str, items: Sequence[dict[str, Any]]) -> Table:
    rows = table("name", "what it is", title=title)
    for item in items:
        rows.add_row(_name(item), item["summary"])
    return rows


def _presets(items: Sequence[dict[str, Any]]) -> Table:
    rows = table("name", "title", "tasks", "seeds", "steps", title="Presets")
    for item in items:
        steps = item.get("budget", {}).get("steps", "")
        rows.add_row(
            item["name"],
            item.get("title", ""),
            ", ".join(item.get("tasks", ())),
            str(item.get("seeds", "")),
            str(steps),
        )
    return rows


_TABLES = {
    "encodings": lambda items: _plugins("Encodings", items),
    "attentions": lambda items: _plugins("Attentions", items),
    "tasks": _tasks,
    "readings": _readings,
    "sections": lambda items: _simple("Report sections", items),
    "claims": _claims,
    "executors": lambda items: _simple("Executors", items),
    "presets": _presets,
}


def _print_broken(out: Console, broken: Sequence[dict[str, str]]) -> None:
    for item in broken:
        out.print(
            f"Could not be loaded: {item['name']} ({item['origin']}): {item['reason']}",
            style="bold red",
            soft_wrap=True,
        )
    if broken:
        out.print("`harness show NAME` prints the traceback.")
