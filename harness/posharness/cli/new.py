"""`harness new`: write a package with a plugin to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posharness.cli.output import console
from posharness.errors import UserError
from posharness.registry.kinds import KINDS

__all__ = ["register"]

_EPILOG = """[bold]Examples[/]
  harness new encoding decay              a package in ./decay
  harness new attention sharp --to lab    one in lab/sharp
  harness new task marked
  harness new report-section cost
  harness new claim nearest

It installs with `pip install -e`, and `harness check` says whether it keeps its contract."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(new)


def new(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help=f"{', '.join(kind.slug for kind in KINDS[:-1])} or {KINDS[-1].slug}."
        ),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the plugin.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write the package into.")] = Path(),
) -> None:
    """Write a package with a plugin that works, for you to change."""
    from posharness.contracts.atomic_files import write_folder
    from posharness.scaffold import package

    files = package(kind, name)
    folder = to / name
    if folder.exists():
        raise UserError(f"{folder} exists already, and is left as it is: give another name, or --to DIR.")
    _refuse_taken(name)
    write_folder(folder, {path: text.encode() for path, text in files.items()})
    out = console()
    out.print(f"Wrote {folder}/ with {', '.join(sorted(files))}.", soft_wrap=True)
    out.print(f"Next:\n  pip install -e {folder}\n  harness check {name}\n  pytest {folder}", soft_wrap=True)


def _refuse_taken(name: str) -> None:
    """Refuse the name of an installed plugin, which would have to be selected as `package:name`."""
    from posharness.registry import kinds
    from posharness.registry.registry import Registry

    registry = Registry.load()
    for kind in kinds.KINDS:
        if registry.catalogue(kind).has(name):
            raise UserError(f"{name!r} is the name of an installed {kind.noun}; give another name.")
