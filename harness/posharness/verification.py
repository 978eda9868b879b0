"""What a report was made from, written beside it, and the comparison of a report with that."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from itertools import zip_longest
from pathlib import Path
from typing import Any

from posharness.contracts.atomic_files import write_bytes
from posharness.contracts.strict_json import parse_json, strict_json
from posharness.errors import UserError
from posharness.store import Store
from posharness.store.checksums import CHECKSUMS
from posharness.store.layout import is_key

__all__ = ["MADE", "Made", "compare_files", "compare_numbers", "compare_store", "read_made", "write_made"]

MADE = "made.json"
"""The file in the folder of a report that says what the report was made from."""

_PACKAGES = (
    *("posharness", "torch", "numpy", "pandas", "pyarrow", "scipy", "statsmodels"),
    *("matplotlib", "seaborn"),
)
_PREVIEW = "preview.png"
_OF_PUBLISHING = re.compile(rb'<meta property="og:image(?::\w+)?" content="[^"<>]*">\n')
_SHOWN = 20
"""How many differences of one file are named."""


@dataclass(frozen=True)
class Made:
    """What a report was made from.

    Attributes:
        title, baseline, compiler: as `posharness.reports.compile_report` was given them.
        level: the rate of false statements that the report works at; None for the usual one.
        command: the command line; "" from Python.
        superseded: the version that replaces a cell, by the cell's key.
        cells: the digest of each cell's checksums, by key; "" for one that had not ended.
    """

    title: str
    baseline: str
    level: float | None
    compiler: str
    command: str
    superseded: dict[str, str] = field(default_factory=dict)
    cells: dict[str, str] = field(default_factory=dict)


def write_made(folder: Path, made: Made) -> None:
    """Write what a report was made from: with its numbers, the checksums of its files, versions and CPU."""
    names = sorted(_names(folder))
    content = {
        **asdict(made),
        "versions": {"python": platform.python_version(), **_versions()},
        "cpu": _cpu(),
        "numbers": {name: _numbers(folder / name) for name in names if _is_table(name)},
        "files": {name: _digest(folder / name) for name in names},
    }
    write_bytes(folder / MADE, _sealed(content))


def read_made(folder: Path) -> tuple[Made, dict[str, Any]]:
    """What a report was made from, and the whole content of the file.

    Raises:
        UserError: the folder is no report that says so, or the file is damaged.
    """
    path = folder / MADE
    try:
        written = path.read_bytes()
        content = parse_json(written)
        made = Made(**{each.name: content[each.name] for each in fields(Made)})
        right = _sealed({name: value for name, value in content.items() if name != "digest"}) == written
        mappings = [content["files"], content["numbers"], made.cells, made.superseded]
        right = right and _are_tables(content["numbers"].values()) and _fits(made)
    except FileNotFoundError:
        raise UserError(
            f"{folder} has no {MADE}: it is no report, or of an earlier version; compile it again with "
            "`harness report STORE`."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, IsADirectoryError):
        right, mappings = False, []
    if not right or not all(isinstance(each, dict) for each in mappings):
        raise UserError(f"{path} is damaged; compile the report again with `harness report STORE`.")
    return made, content


def compare_files(folder: Path, content: Mapping[str, Any]) -> Iterator[str]:
    """Name each file of a report that differs from its checksum, and each number from its table."""
    names = set(_names(folder))
    for name in sorted(names - set(content["files"])):
        yield f"{name} was added"
    for name, digest in sorted(content["files"].items()):
        if name not in names:
            yield f"{name} is missing"
        elif _digest(folder / name) != digest:
            yield f"{name} has changed"
    for name in sorted(filter(_is_table, names | set(content["numbers"]))):
        own = _numbers(folder / name) if name in names else []
        yield from _differences(name, content["numbers"].get(name, []), own, "the table has")


def compare_store(made: Made, store: Store) -> Iterator[str]:
    """Name each cell of a report that is gone, damaged, or made again since."""
    for key, digest in made.cells.items():
        if not digest:
            continue
        if not store.home(key).is_dir():
            yield f"cell {key[:12]} is not in the store"
            continue
        try:
            problem = store.damage(key, remember=False)
        except OSError as error:
            problem = f"it cannot be read ({error.strerror})"
        if problem:
            yield f"cell {key[:12]} is damaged: {problem}"
        elif digest_of(store, key) != digest:
            yield f"cell {key[:12]} was made again since"


def compare_numbers(folder: Path, again: Path) -> Iterator[str]:
    """Name each number and line of a report that differs from those of the report made again."""
    ours, new = set(_names(folder)) - {MADE}, set(_names(again)) - {MADE}
    for name in sorted(ours - new):
        yield f"{name} is not in the report made again"
    for name in sorted(new - ours):
        yield f"{name} is missing"
    for name in sorted(ours & new):
        first, second = (place / name for place in (folder, again))
        if name.endswith(".csv"):
            yield from _differences(name, _numbers(first), _numbers(second), "recomputed")
        elif name.endswith((".md", ".html", ".json", ".tex", ".svg")):
            yield from _changed_lines(name, first.read_bytes(), second.read_bytes())
        elif first.read_bytes() != second.read_bytes():
            yield f"{name} differs from the one made again"


def digest_of(store: Store, key: str) -> str:
    """The digest of an ended cell's checksums; "" for a cell that has not ended."""
    try:
        return _digest(store.home(key) / CHECKSUMS)
    except OSError:
        return ""


def _sealed(content: Mapping[str, Any]) -> bytes:
    """The file of a content: with its digest at the end, and no byte that could be otherwise."""
    digest = hashlib.sha256(strict_json(content, indent=1).encode()).hexdigest()
    return (strict_json({**content, "digest": digest}, indent=1) + "\n").encode()


def _are_tables(tables: Iterable[object]) -> bool:
    return all(isinstance(table, list) and all(isinstance(row, list) for row in table) for table in tables)


def _fits(made: Made) -> bool:
    """Whether its values are of their types: its file may come from anywhere."""
    texts = (made.title, made.baseline, made.compiler, made.command, *made.superseded.values())
    return (
        all(isinstance(text, str) for text in (*texts, *made.cells.values()))
        and all(map(is_key, made.cells))
        and (made.level is None or (isinstance(made.level, float) and 0 < made.level < 1))
    )


def _names(folder: Path) -> Iterator[str]:
    """The files of a report by their path in it, without hidden ones, `MADE` and what publishing adds."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if (
            path.is_file()
            and name not in (MADE, _PREVIEW)
            and not any(part.startswith(".") for part in name.split("/"))
        ):
            yield name


def _is_table(name: str) -> bool:
    return name.startswith("tables/") and name.endswith(".csv")


def _digest(path: Path) -> str:
    """The digest of a file; of a page without the lines that publishing adds, which name its picture."""
    if path.name == "report.html":
        return hashlib.sha256(_OF_PUBLISHING.sub(b"", path.read_bytes())).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _numbers(path: Path) -> list[list[Any]]:
    """The rows of a CSV file, the names of the columns first; numbers as numbers."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return [[_value(item) for item in row] for row in csv.reader(io.StringIO(text))]


def _value(text: str) -> str | int | float:
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number) or "_" in text:
        return text
    return int(text) if text.lstrip("-").isdecimal() and text.isascii() and len(text) < 16 else number


def _differences(name: str, first: list[list[Any]], second: list[list[Any]], word: str) -> Iterator[str]:
    found = 0
    heading = [str(item) for item in first[0]] if first else []
    old: list[Any]
    new: list[Any]
    for row, (old, new) in enumerate(zip_longest(first, second, fillvalue=[]), start=1):
        for column, (left, right) in enumerate(zip_longest(old, new, fillvalue="")):
            if left != right:
                found += 1
                if found <= _SHOWN:
                    title = heading[column] if column < len(heading) else str(column + 1)
                    yield f"{name}, line {row}, {title}: {left!r}, {word} {right!r}"
    if found > _SHOWN:
        yield f"{name}: {found - _SHOWN} more differences"


def _changed_lines(name: str, first: bytes, second: bytes) -> Iterator[str]:
    pairs = zip_longest(first.splitlines(), second.splitlines(), fillvalue=b"")
    changed = [(number, left, right) for number, (left, right) in enumerate(pairs, start=1) if left != right]
    for number, left, right in changed[:3]:
        same = next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), 0)
        start = max(0, same - 20)
        shown = (part[start : start + 60].decode(errors="replace") for part in (left, right))
        yield "{}, line {}: {!r}, made again {!r}".format(name, number, *shown)
    if len(changed) > 3:
        yield f"{name}: {len(changed) - 3} more lines differ"


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _cpu() -> dict[str, Any]:
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
            break
    return {"name": name, "machine": platform.machine(), "cores": os.cpu_count(), "system": platform.system()}
