"""`harness diff`: what differs between two reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from posharness.cli.options import Compiler, Json, TriedPluginPaths
from posharness.cli.output import console, count, print_json
from posharness.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from posharness.contracts.comparison import Change

__all__ = ["register"]

_SHOWN = 12
"""The number of changes that are not surely beyond noise, and of those not tested, that are listed."""

_EPILOG = """[bold]Examples[/]
  harness diff runs other-runs
  harness diff runs/reports/0123456789ab site/ba9876543210 --html diff.html

Each is a store, or the folder of a compiled or published report. A number differs beyond noise if \
Welch's test over runs says so, corrected for all numbers that both have; with one seed on a side, it is not \
tested. Ranks and verdicts are compared over the encodings and tasks that both have."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(diff)


def diff(
    one: Annotated[Path, typer.Argument(metavar="A", help="A report or a store.", show_default=False)],
    other: Annotated[Path, typer.Argument(metavar="B", help="Another one.", show_default=False)],
    json: Json = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write the differences as a page.")
    ] = None,
    compiler: Compiler = None,
    plugin_path: TriedPluginPaths = None,
) -> None:
    """Show what differs between two reports: what was run, and what changed beyond noise."""
    from posharness.defaults import DEFAULT_COMPILER
    from posharness.reports import compare_reports

    found = compare_reports(one, other, plugin_paths=plugin_path or (), compiler=compiler or DEFAULT_COMPILER)
    if html is not None:
        _write(html, found.page)
    if json:
        print_json(
            {name: value for name, value in asdict(found).items() if name != "page"} | {"same": found.same}
        )
        return
    out = console()
    if found.same and not found.notes and any(found.compared.values()):
        out.print(f"Nothing differs: {_counts(found.compared)} are the same.", soft_wrap=True)
        return
    out.print(Text("What was run", style="bold"))
    _list(out, found.ran)
    if not found.ran:
        out.print(Text("  nothing differs", style="dim"))
    for noun, changes in (("numbers", found.numbers), ("ranks", found.ranks), ("verdicts", found.verdicts)):
        beyond = [change for change in changes if change.beyond_noise]
        untested = [change for change in changes if change.beyond_noise is None]
        unsure = [change for change in changes if change.beyond_noise is False]
        heading = f"{noun.capitalize()}: {len(beyond)} of {found.compared[noun]} differ beyond noise"
        for words, others in (("not surely", unsure), ("not tested", untested)):
            heading += f", {len(others)} {words}" if others else ""
        if not found.compared[noun]:
            heading = f"{noun.capitalize()}: nothing to compare"
        out.print(Text(heading, style="bold"))
        for note in found.notes.get(noun, ()):
            out.print(Text(f"  {note}", style="dim"))
        _list(out, beyond)
        if found.compared[noun] and not changes:
            out.print(Text("  nothing differs", style="dim"))
        for words, others in (("Not tested", untested), ("Not surely beyond noise", unsure)):
            if others:
                out.print(Text(words, style="dim"))
                _list(out, others[:_SHOWN], style="dim")
                if len(others) > _SHOWN:
                    out.print(Text(f"  … and {count('other', len(others) - _SHOWN)}", style="dim"))
    if html is not None:
        out.print(str(html), soft_wrap=True)


def _write(path: Path, page: bytes) -> None:
    from posharness.contracts.atomic_files import write_bytes

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, page)
    except OSError as error:
        raise UserError(
            f"--html {path} cannot be written ({error.strerror}). Give a file that can be written."
        ) from None


def _counts(compared: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {noun}" for noun, n in compared.items())


def _list(out: Console, changes: Sequence[Change], style: str = "") -> None:
    for change in changes:
        p = "" if change.p is None else f", p {change.p:.3f}" if change.p >= 0.001 else ", p < 0.001"
        why = f" ({change.why})" if change.why else ""
        out.print(Text(f"  {change.what}", style=style))
        out.print(Text(f"    {change.one} → {change.other}{p}{why}", style=style))
