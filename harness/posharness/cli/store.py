"""`harness store`: compare cells with their checksums, merge stores, and remove or repeat cells."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posharness.cli.options import Json, StoreArgument, StoreOption, TriedPluginPaths, one_store
from posharness.cli.output import console, count, print_json, print_rows
from posharness.defaults import DEFAULT_STORE
from posharness.errors import UserError

if TYPE_CHECKING:
    from posharness.contracts.cell import Cell, Choice
    from posharness.registry.catalogue import Catalogue
    from posharness.registry.registry import Registry
    from posharness.store import Store
    from posharness.store.exchange import Merged
    from posharness.store.maintenance import Sort

__all__ = ["register"]

Keys = Annotated[
    list[str], typer.Argument(metavar="KEY…", help="Keys of cells; the first characters are enough.")
]
Place = Annotated[Path, typer.Option("--store", metavar="DIR", help="The folder of the store.")]

program = typer.Typer(
    help="Check, merge and tidy a store.", rich_markup_mode="rich", no_args_is_help=True, add_completion=False
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(program, name="store")


@program.command(
    epilog="[bold]Examples[/]\n  harness store check\n  harness store check results --json\n\n"
    "Exit status: 0 nothing differs, 1 something does."
)
def check(argument: StoreArgument = None, store: StoreOption = None, json: Json = False) -> None:
    """Read every file of every cell, and name the cells that differ from their checksums."""
    from posharness.store import Store
    from posharness.store.maintenance import check_store

    path = one_store(argument, store)
    opened = Store.open(path, create=False)
    problems = list(check_store(opened))
    cells = sum(opened.home(key).is_dir() for key in opened.keys())  # noqa: SIM118
    if json:
        rows = [{"cell": each.cell, "problem": each.problem} for each in problems]
        print_json({"store": str(path), "cells": cells, "problems": rows})
    else:
        out = console()
        for each in problems:
            out.print(f"{each.cell[:12]}: {each.problem}", soft_wrap=True)
        end = f": {len(problems)} to look at" if problems else ", each as it ended"
        out.print(f"{path}: {count('cell', cells)} checked{end}", soft_wrap=True)
    if problems:
        raise typer.Exit(1)


@program.command(
    epilog="[bold]Examples[/]\n  harness store merge runs cluster-runs\n\n"
    "The first store gets the cells of the others that it lacks or has not done. Exit status: 1 if a cell \n"
    "is done in both with other predictions (the first store keeps its own), damaged, or being made."
)
def merge(
    into: Annotated[Path, typer.Argument(metavar="STORE", help="The store that gets the cells.")],
    others: Annotated[list[Path], typer.Argument(metavar="OTHER…", help="Stores, which stay as they are.")],
    json: Json = False,
) -> None:
    """Copy the cells of other stores into a store."""
    from posharness.store import Store
    from posharness.store.exchange import merge as merge_stores

    opened = [Store.open(path, create=False) for path in others]
    target = Store.open(into, create=True)
    if any(each.path.resolve() == target.path.resolve() for each in opened):
        raise UserError(f"{into} is given twice; give two stores.")
    _say([(str(each.path), merge_stores(target, each)) for each in opened], json=json)


@program.command(name="import", epilog="[bold]Examples[/]\n  harness store import cells.tar.gz --store runs")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `harness store export` wrote.")],
    store: Place = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Copy the cells of an exported file into a store."""
    from posharness.store import Store
    from posharness.store.exchange import merge as merge_stores
    from posharness.store.exchange import unpacked

    target = Store.open(store, create=True)
    with unpacked(file, target) as cells:
        _say([(str(file), merge_stores(target, cells))], json=json)


@program.command(
    epilog="[bold]Examples[/]\n  harness store export --to cells.tar.gz\n"
    "  harness store export 3f9a 77e0 --to two.tar.gz"
)
def export(
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The file, which is replaced.")],
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY…]", help="The cells.", show_default="all done ones")
    ] = None,
    store: Place = DEFAULT_STORE,
) -> None:
    """Pack cells into one file, to move or to keep them."""
    from posharness.store import Store
    from posharness.store.exchange import pack

    opened = Store.open(store, create=False)
    if to.exists() and not to.is_file():
        raise UserError(f"--to {to} is no file that can be replaced; give the path of a new file.")
    chosen = _ended(opened, keys) if keys else [key for key in opened.keys() if opened.done(key)]  # noqa: SIM118
    if not chosen:
        raise UserError(f"The store {store} holds no cell that is done; run something first.")
    number = pack(opened, chosen, to)
    console().print(f"{to}: {count('cell', number)}", soft_wrap=True)


@program.command(
    epilog="[bold]Examples[/]\n  harness store gc --dry-run\n  harness store gc --failed --superseded\n\n"
    "Without a choice, only files that no cell needs go."
)
def gc(
    argument: StoreArgument = None,
    store: StoreOption = None,
    failed: Annotated[bool, typer.Option("--failed", help="Also cells that ended and are not done.")] = False,
    superseded: Annotated[
        bool, typer.Option("--superseded", help="Also cells that a later version of their code replaces.")
    ] = False,
    orphaned: Annotated[
        bool, typer.Option("--orphaned", help="Also readings of models that the store does not hold.")
    ] = False,
    aside: Annotated[bool, typer.Option("--aside", help="Also cells that were set aside.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    json: Json = False,
) -> None:
    """Remove what is left over, and cells of the chosen sorts."""
    from posharness.store import Store
    from posharness.store.maintenance import remove_unneeded, unneeded

    path = one_store(argument, store)
    opened = Store.open(path, create=False) if dry_run else _writable(path)
    chosen: dict[Sort, bool] = {
        "leftovers": True,
        "failed": failed,
        "superseded": superseded,
        "orphaned": orphaned,
        "aside": aside,
    }
    sorts = [sort for sort, on in chosen.items() if on]
    found = list(unneeded(opened, sorts)) if dry_run else remove_unneeded(opened, sorts)
    going = list(dict.fromkeys((each.sort, each.path) for each in found))
    if json:
        rows = [{"sort": sort, "path": str(each)} for sort, each in going]
        print_json({"store": str(opened.path), "removed": not dry_run, "paths": rows})
        return
    out = console()
    for sort, each in going:
        out.print(f"{sort}: {each}", soft_wrap=True)
    counts = ", ".join(f"{n} {sort}" for sort, n in Counter(sort for sort, _ in going).items())
    done = "would go" if dry_run else "removed"
    out.print(f"{opened.path}: {counts or 'nothing'} {done}", soft_wrap=True)


@program.command(epilog="[bold]Examples[/]\n  harness store rm 3f9a 77e0")
def rm(keys: Keys, store: Place = DEFAULT_STORE) -> None:
    """Remove cells with all of their files, for good."""
    from posharness.store.layout import CHECKED, WORK
    from posharness.store.maintenance import remove
    from posharness.store.workspace import Busy

    opened = _writable(store)
    for key in dict.fromkeys(opened.find(key) for key in keys):
        try:
            with opened.replacing(key):
                for path in (opened.home(key), opened.path / WORK / key, opened.path / CHECKED / key):
                    remove(path)
                remove(opened.path / WORK / f"{key}.ckpt")
        except Busy:
            raise UserError(f"The cell {key[:12]} is running; stop it first.") from None
        console().print(f"removed {key[:12]}")


@program.command(
    epilog="[bold]Examples[/]\n  harness store rerun 3f9a\n\n"
    "The earlier result stays in `aside/` of the store. Exit status: 1 if a cell did not end as done."
)
def rerun(
    keys: Keys,
    store: Place = DEFAULT_STORE,
    executor: Annotated[
        str | None, typer.Option("--executor", metavar="NAME", help="The executor, as for `harness run`.")
    ] = None,
    plugin_path: TriedPluginPaths = None,
) -> None:
    """Make cells again from what the store knows of them, with the code of today."""
    from posharness.defaults import DEFAULT_EXECUTOR
    from posharness.execution import Execution

    opened = _writable(store)
    cells = {key: opened.cell(key) for key in _ended(opened, keys)}

    def plan(registry: Registry) -> list[Cell]:
        for cell in cells.values():
            _check_code(cell, registry)
        for key in cells:
            with opened.replacing(key):
                opened.set_aside(key)
        return list(cells.values())

    summary = Execution(store, plugin_paths=plugin_path or (), executor=executor or DEFAULT_EXECUTOR).run(
        plan
    )
    rows = [(key[:8], str(cells[key]), each.status, each.reason) for key, each in summary.outcomes.items()]
    print_rows(console(), ("cell", "", "status", ""), rows)
    if summary.failed:
        raise typer.Exit(1)


def _writable(path: Path) -> Store:
    """A store that there is, to be changed.

    Raises:
        UserError: there is none, or it cannot be written.
    """
    from posharness.store import Store

    Store.open(path, create=False)  # a misspelt path makes no new one
    return Store.open(path, create=True)


def _ended(store: Store, keys: list[str]) -> list[str]:
    found = list(dict.fromkeys(store.find(key) for key in keys))
    for key in found:
        if not store.home(key).is_dir():
            raise UserError(f"The cell {key[:12]} has not ended; `harness run` resumes it.")
    return found


def _check_code(cell: Cell, registry: Registry) -> None:
    """Refuse a cell whose plugins have changed: it would be another cell."""
    parts: list[tuple[Catalogue[Any], Choice]] = [
        (registry.readings if cell.pretrained else registry.tasks, cell.task)
    ]
    if not cell.pretrained:
        parts += [(registry.encodings, each) for each in (cell.encoding, *cell.encoding.nested)]
        parts += [(registry.attentions, each) for each in (cell.attention, cell.self_attention) if each]
    for kind, choice in parts:
        if registry.digests.digest(registry.class_of(kind, choice)) != choice.digest:
            raise UserError(
                f"The code of {choice.name} has changed since the cell {cell.key[:12]} was made, so that it "
                "would be another cell; give the command of `harness run` that made it."
            )


def _say(merged: list[tuple[str, Merged]], *, json: bool) -> None:
    """Print what was merged from where.

    Raises:
        typer.Exit: with 1 where a cell could not be merged.
    """
    if json:
        print_json({"merged": [{"from": source} | vars(found) for source, found in merged]})
    out = console()
    failed = False
    for source, found in merged:
        failed = failed or bool(found.conflicts or found.damaged or found.busy or found.records)
        if json:
            continue
        for key in found.conflicts:
            out.print(f"conflict {key[:12]}: done in both stores with other predictions; kept our own")
        for key, reason in found.damaged.items():
            out.print(f"damaged {key[:12]}: {reason}", soft_wrap=True)
        for key in found.busy:
            out.print(f"running {key[:12]}: left alone")
        for name, reason in found.records.items():
            out.print(f"not merged {name}: {reason}", soft_wrap=True)
        out.print(f"{source}: {len(found.added)} added, {len(found.same)} there already", soft_wrap=True)
    if failed:
        raise typer.Exit(1)
