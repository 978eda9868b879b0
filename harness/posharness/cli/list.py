"""`harness list`: the plugins of every kind, and the presets."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posharness.cli.options import Json, TriedPluginPaths
from posharness.cli.output import console, number, print_json, table
from posharness.errors import UserError, did_you_mean
from posharness.registry import kinds as table_of_kinds

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from posharness.registry.kinds import Kind

__all__ = ["register"]

_PRESETS = "presets"
_EPILOG = """[bold]Examples[/]
  harness list                  everything
  harness list encodings        what --plugins takes, with its parameters
  harness list --tasks          what --tasks takes, with chance and lengths
  harness list --readings       what --readings takes
  harness list --json           lists of objects with a "name", by kind
  harness list --plugin-path my_encoding.py

`harness show NAME` says more about one of them."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list", epilog=_EPILOG)(_with_options(list_))


def list_(
    kinds: Annotated[list[str] | None, typer.Argument(metavar="[KIND]...")] = None,
    plugin_path: TriedPluginPaths = None,
    json: Json = False,
    **asked_for: bool,
) -> None:
    """List what plugs in, and the presets."""
    known = [kind.plural for kind in table_of_kinds.KINDS] + [_PRESETS]
    asked = [*(kinds or []), *(plural for plural, given in asked_for.items() if given)]
    for plural in asked:
        if plural not in known:
            raise UserError(f"Unknown kind {plural!r}; {did_you_mean(plural, known)}")
    from posharness.cli.inventory import load_inventory
    from posharness.cli.presets import describe_preset
    from posharness.experiment import preset_names

    inventory = load_inventory(plugin_path or ())
    found: dict[str, list[dict[str, Any]]] = {
        kind.plural: [_listed(card) for card in inventory.plugins[kind.plural]]
        for kind in table_of_kinds.KINDS
        if kind.plural in asked or not asked
    }
    if _PRESETS in asked or not asked:
        found[_PRESETS] = [describe_preset(name) for name in preset_names()]
    broken = [
        {name: plugin[name] for name in ("name", "origin", "reason", "traceback")}
        for plugin in inventory.broken
    ]
    if json:
        print_json({**found, "broken": broken})
        return
    out = console()
    for kind in table_of_kinds.KINDS:
        _print_kind(out, kind, found.get(kind.plural), note_empty=bool(asked))
    if _PRESETS in found:
        out.print(_presets(found[_PRESETS]))
    _print_broken(out, broken)


def _listed(card: dict[str, Any]) -> dict[str, Any]:
    """A plugin without what only `harness show` says of it."""
    return {name: value for name, value in card.items() if name not in ("kind", "class", "source", "doc")}


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each kind, and their names in the help of its argument."""
    signature = inspect.signature(command, eval_str=True)
    plurals = [kind.plural for kind in table_of_kinds.KINDS]
    given = dict(signature.parameters)
    del given["asked_for"]
    first, *others = given.values()
    argument = typer.Argument(
        metavar="[KIND]...", help=f"{', '.join([*plurals, _PRESETS])}; else all of them."
    )
    options = [
        inspect.Parameter(
            kind.plural,
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[bool, typer.Option(f"--{kind.plural}", help=kind.help)],
        )
        for kind in table_of_kinds.KINDS
    ]
    keywords = [other.replace(kind=inspect.Parameter.KEYWORD_ONLY) for other in others]
    named = first.replace(annotation=Annotated[list[str] | None, argument])

    def listed(*arguments: Any, **options: Any) -> None:
        command(*arguments, **options)

    listed.__doc__ = command.__doc__
    listed.__signature__ = signature.replace(parameters=[named, *options, *keywords])  # type: ignore[attr-defined]
    return listed


def _print_kind(
    out: Console, kind: Kind, items: Sequence[dict[str, Any]] | None, *, note_empty: bool
) -> None:
    if items:
        out.print(_table(kind, items))
        for name, count in Counter(item["name"].rpartition(":")[2] for item in items).items():
            if count > 1:
                names = " or ".join(item["name"] for item in items if item["name"].endswith(f":{name}"))
                out.print(f"{count} {kind.plural} are called {name}: select {names}.", soft_wrap=True)
    elif items is not None and note_empty:
        out.print(f"No {kind.plural} are installed.")


def _table(kind: Kind, items: Sequence[dict[str, Any]]) -> Table:
    heading = "name, aliases" if any(item["aliases"] for item in items) else "name"
    rows = table(heading, *kind.columns, title=f"{kind.noun.capitalize()}s")
    rows.columns[0].no_wrap = True
    for item in items:
        names = "\n".join([item["name"], *(f"  {alias}" for alias in item["aliases"])])
        rows.add_row(names, *(_COLUMNS[column](item) for column in kind.columns))
    return rows


def _what_it_is(item: dict[str, Any]) -> str:
    directions = item.get("directions", ())
    notes = [
        item["summary"] + (f" ({item['error']})" if "error" in item else ""),
        f"{directions[0]} only" if len(directions) == 1 else "",
        item["paper"] if directions else "",
    ]
    return "; ".join(filter(None, notes))


def _parameters(item: dict[str, Any]) -> str:
    """The parameters as they would be typed, as a grid of all values where they are few.

    Example: `clip=16, values=true|false`.
    """
    from posharness.registry.parameters import show_value

    return ", ".join(
        f"{p['name']}={'|'.join(map(show_value, p['choices'] or [p['default']]))}" for p in item["parameters"]
    )


def _chance(item: dict[str, Any]) -> str:
    objectives = item.get("objectives", ())
    several = len(objectives) > 1
    return "\n".join(f"{o['name']} " * several + number(o["chance"]) for o in objectives)


_COLUMNS: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "what it is": _what_it_is,
    "parameters": _parameters,
    "bodies": lambda item: "\n".join(item["bodies"]),
    "chance": _chance,
    "lengths": lambda item: " ".join(map(str, item.get("evaluation_lengths", ()))),
    "answers": lambda item: "\n".join(item["objectives"]),
    "what is claimed": lambda item: str(item["statement"]),
    "contrasts": lambda item: "\n".join(f"{better} against {other}" for better, other in item["contrasts"]),
}
"""How each column of `Kind.columns` is written."""


def _presets(items: Sequence[dict[str, Any]]) -> Table:
    rows = table("name", "title", "tasks", "seeds", "steps", title="Presets")
    for item in items:
        rows.add_row(
            item["name"],
            item.get("title", ""),
            ", ".join(item.get("tasks", ())),
            str(item.get("seeds", "")),
            str(item.get("budget", {}).get("steps", "")),
        )
    return rows


def _print_broken(out: Console, broken: Sequence[dict[str, str]]) -> None:
    for item in broken:
        out.print(
            f"Could not be loaded: {item['name']} ({item['origin']}): {item['reason']}",
            style="bold red",
            soft_wrap=True,
        )
    if broken:
        out.print("`harness show NAME` prints the traceback.")
