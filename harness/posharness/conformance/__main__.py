"""`python -m posharness.conformance`: check one target in a process of its own, and say so line by line.

`harness check` reads the lines, so that an import or a check that never ends, or that ends the process,
is a finding like any other. Each line is a JSON object with one key:

    {"begin": CHECK}                 what happens next, within the time limit
    {"plugin": {"name", "kind"}}     what the findings that follow are about
    {"finding": {"check", "verdict", "why", "traceback"}}
    {"error": SENTENCE}              a mistake of the user's; nothing follows
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from posharness.conformance.finding import Finding
from posharness.conformance.kit import check
from posharness.contracts.plugin import Named
from posharness.errors import UserError, did_you_mean
from posharness.registry import kinds
from posharness.registry.registry import Registry
from posharness.registry.selection import parse

LOADS = "loads"


def main(arguments: Sequence[str]) -> None:
    """Check a target.

    Args:
        arguments: `--limit SECONDS`, any `--plugin-path FILE`, and the target, a name or a Python file.
    """
    parser = argparse.ArgumentParser(prog="python -m posharness.conformance")
    parser.add_argument("target")
    parser.add_argument("--limit", type=float, default=60.0)
    parser.add_argument("--plugin-path", type=Path, action="append", default=[])
    given = parser.parse_args(arguments)
    with _lines() as lines:

        def say(**line: Any) -> None:
            lines.write(json.dumps(line) + "\n")
            lines.flush()

        def begin(name: str) -> None:
            say(begin=name)
            faulthandler.dump_traceback_later(given.limit, exit=True)

        try:
            for line in lines_about(given.target, given.plugin_path, begin):
                say(**line)
        except UserError as error:
            say(error=str(error))
        finally:
            faulthandler.cancel_dump_traceback_later()


def _lines() -> TextIO:
    """The present standard output; what plugins print goes to standard error from now on."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return kept


def lines_about(target: str, paths: Sequence[Path], begin: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """The lines about a target, but for those that `begin` is to say.

    Raises:
        UserError: there is no such file or plugin, or a parameter does not fit.
    """
    file = Path(target) if target.endswith(".py") or Path(target).is_file() else None
    if file and not file.is_file():
        raise UserError(f"{target}: there is no such file; give a Python file, or the name of a plugin.")
    begin(LOADS)
    registry = Registry.load([*paths, *([file] if file else [])])
    wanted = _in_file(registry, file) if file else _named(registry, target)
    if isinstance(wanted, str):
        yield {"plugin": {"name": target, "kind": "plugin"}}
        yield _finding(Finding(LOADS, "fails", wanted, _traceback(registry, target)))
        return
    for noun, cls, params in wanted:
        shown = ",".join(f"{name}={value}" for name, value in params.items())
        yield {"plugin": {"name": cls.name + (f"[{shown}]" if shown else ""), "kind": noun}}
        yield _finding(Finding(LOADS, "holds"))
        for finding in check(cls, params, registry=registry, begin=begin):
            yield _finding(finding)


def _finding(finding: Finding) -> dict[str, Any]:
    return {"finding": asdict(finding)}


Wanted = list[tuple[str, type[Named], dict[str, str]]]
"""What a kind is called, a plugin's class, and the parameters it is to be checked with."""


def _in_file(registry: Registry, file: Path) -> Wanted | str:
    """Every plugin that a file offers, or why it is broken."""
    if broken := [broken.reason for broken in registry.broken if broken.source.location == str(file)]:
        return broken[0]
    return [
        (kind.noun, entry.plugin, {})
        for kind in kinds.KINDS
        for entry in registry.catalogue(kind).entries
        if entry.source.location == str(file)
    ]


def _named(registry: Registry, target: str) -> Wanted | str:
    """The plugin of a name, once for each point of its grid; or why it is broken.

    Raises:
        UserError: there is none of that name.
    """
    wanted: Wanted = []
    for selection in parse(target):
        for kind in kinds.KINDS:
            catalogue = registry.catalogue(kind)
            if catalogue.has(selection.name):
                registry.select(catalogue, selection)  # says at once that a parameter does not fit
                wanted.append((kind.noun, catalogue.find(selection.name), selection.params))
                break
        else:
            if broken := [broken.reason for broken in registry.broken if broken.name == selection.name]:
                return broken[0]
            known = [name for kind in kinds.KINDS for name in registry.catalogue(kind).names]
            raise UserError(
                f"Nothing to check is called {selection.name!r}; {did_you_mean(selection.name, known)}"
            )
    return wanted


def _traceback(registry: Registry, target: str) -> str:
    return "".join(
        broken.traceback for broken in registry.broken if target in (broken.name, broken.source.location)
    )


if __name__ == "__main__":
    main(sys.argv[1:])
