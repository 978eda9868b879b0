"""`harness cost`: time and memory of a training step of each encoding and attention, by length."""

from __future__ import annotations

import csv as csv_
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posharness.cli.options import Json, TriedPluginPaths
from posharness.cli.output import console, print_json, table
from posharness.errors import UserError

if TYPE_CHECKING:
    from posharness.cost.measure import Cost
    from posharness.registry.registry import Registry

__all__ = ["register"]

_EPILOG = """[bold]Examples[/]
  harness cost --plugins all --lengths 128..8192
  harness cost --plugins none,rpe,t5 --lengths 256,1024 --csv costs.csv
  harness cost --plugins mine,none --plugin-path mine.py
  harness cost --plugins none,rpe,t5 --store runs   # for its report

A step is forward, loss, backward and optimiser of a causal model of two layers of width 64, in one thread.
Time is the process's own, the median of five steps; memory is the peak above what the model holds.
Nothing else should compute meanwhile."""

_NAME = 22
"""Characters of a name that is not folded."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(cost)


def cost(
    plugins: Annotated[
        str, typer.Option(metavar="all|A,B,…", help="Encodings and attentions; `harness list` shows them.")
    ] = "all",
    lengths: Annotated[
        str, typer.Option(metavar="A,B,…|A..B", help="Tokens of a sequence; A..B doubles.")
    ] = "128..2048",
    batch: Annotated[int, typer.Option(min=1, help="Sequences in a step.")] = 1,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long each plugin may take, all lengths together.")
    ] = 120.0,
    memory: Annotated[
        int, typer.Option(metavar="MIB", min=1, help="The memory that a step may take.")
    ] = 4096,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the measurements as a CSV file.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also draw them, to an .svg, .png or .pdf file.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option(metavar="STORE", help="Also keep them in a store, whose report shows them.")
    ] = None,
    plugin_path: TriedPluginPaths = None,
    json: Json = False,
) -> None:
    """Measure the time and memory of a training step by length."""
    if not timeout > 0:
        raise UserError(f"--timeout {timeout:g}: expected seconds above 0.")
    if figure is not None and figure.suffix not in (".svg", ".png", ".pdf"):
        raise UserError(f"--figure {figure}: expected a file that ends in .svg, .png or .pdf.")
    for option, file in (("--csv", csv), ("--figure", figure)):
        if file is not None and (file.is_dir() or not file.parent.is_dir()):
            raise UserError(f"{option} {file}: expected a file in a folder that is there.")
    from posharness.cost.measure import Limits, costs, parse_lengths
    from posharness.cost.step import choices
    from posharness.registry.registry import Registry
    from posharness.registry.selection import split
    from posharness.store import Store
    from posharness.store.costs import add_costs

    tokens, paths = parse_lengths(lengths), list(plugin_path or ())
    registry = Registry.load(paths)
    names = _all(registry) if plugins == "all" else split(plugins, ",")
    if not names:
        raise UserError("No plugins are named: give --plugins, for example --plugins relative,additive.")
    for name in names:
        choices(registry, name)
    opened = None if store is None else Store.open(store, create=True)
    out = console(stderr=True)
    found: list[Cost] = []
    stopped: KeyboardInterrupt | None = None
    try:
        for name in names:
            if not json:
                out.print(f"{name} …", style="dim")
            for one in costs(name, tokens, Limits(timeout, memory), batch=batch, paths=paths):
                found.append(one)
    except KeyboardInterrupt as error:  # what was measured is not lost
        stopped = error
    if csv is not None:
        _write(csv, found)
    if figure is not None:
        from posharness.cost.figure import draw

        draw(found, figure)
    if opened is not None:
        add_costs(opened, [one.as_json() | {"batch": batch} for one in found])
    if json:
        print_json([one.as_json() for one in found])
    else:
        _print(found, tokens)
    if stopped is not None:
        raise stopped


def _all(registry: Registry) -> list[str]:
    """The encodings, from none, and the attentions but for the plain one, which all encodings have."""
    encodings, attentions = (
        sorted(entry.plugin.name for entry in catalogue.entries)
        for catalogue in (registry.encodings, registry.attentions)
    )
    encodings.sort(key=lambda name: name != "none")
    return [*encodings, *(name for name in attentions if name != "softmax")]


def _write(path: Path, found: list[Cost]) -> None:
    from posharness.cost.measure import Cost

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv_.DictWriter(file, [field.name for field in fields(Cost)])
        writer.writeheader()
        writer.writerows(asdict(one) for one in found)


def _print(found: list[Cost], tokens: list[int]) -> None:
    out = console()
    by_plugin: dict[str, dict[int, Cost]] = {}
    for one in found:
        by_plugin.setdefault(one.plugin, {})[one.length] = one
    values: dict[str, Callable[[Cost], str]] = {
        "milliseconds of a step": lambda one: f"{1000 * one.seconds:,.1f}",
        "MiB at the peak": lambda one: f"{one.mebibytes:,.0f}",
    }
    for heading, value in values.items():
        shown = table(heading, *(f"{length:,} tokens" for length in tokens))
        # Numbers are short: names and the heading are whole, also on 80 columns.
        shown.columns[0].min_width = min(_NAME, max(map(len, (heading, *by_plugin))))
        for plugin, costs in by_plugin.items():
            row = [costs.get(length) for length in tokens]
            shown.add_row(
                plugin, *("" if one is None else "stopped" if one.stopped else value(one) for one in row)
            )
        out.print(shown)
    for one in found:
        if one.stopped:
            out.print(f"{one.plugin} was stopped at {one.length:,} tokens: {one.stopped}.")
