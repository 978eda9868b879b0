"""The records of a store beside its cells: what was tuned, and how often the results were looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from posharness.contracts.atomic_files import read_json, write_json
from posharness.store.layout import LOOKS, TUNING

__all__ = ["RECORDS", "merge_records", "problems_of_records", "read_record"]

RECORDS = (TUNING, LOOKS)
"""The files of the records."""


def read_record(path: Path) -> dict[str, Any]:
    """A record; empty if there is none.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not one.
    """
    if not path.exists():
        return {}
    found = read_json(path)
    if not _FITS[path.name](found):
        raise ValueError("it holds something else")
    return found


def problems_of_records(store: Path) -> Iterator[tuple[str, str]]:
    """The name of each record that cannot be used, and why."""
    for name in RECORDS:
        try:
            read_record(store / name)
        except (OSError, ValueError) as error:
            yield name, f"it cannot be read ({error})"


def merge_records(into: Path, other: Path) -> dict[str, str]:
    """Add the records of another store to those of a store; return why each one that was not added was not.

    The later look counts, also for a store whose own results were not looked at: what was seen stays seen.
    """
    refused = dict(problems_of_records(other)) | {
        name: f"our own: {problem}" for name, problem in problems_of_records(into)
    }
    for name in RECORDS:
        if name in refused:
            continue
        ours, theirs = read_record(into / name), read_record(other / name)
        if not theirs or ours == theirs:
            continue
        merged = _MERGED[name](ours, theirs) if ours else theirs
        if merged is None:
            refused[name] = "both stores have one, and they do not fit together; kept our own"
        elif merged != ours:
            write_json(into / name, merged, durable=True)
    return refused


def _tuned(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any] | None:
    """Settings by the key of a cell."""
    merged = {part: {**theirs[part], **ours[part]} for part in ("trials", "final")}
    same = all(merged[part][key] == settings for part in merged for key, settings in theirs[part].items())
    return merged if same else None


def _looks(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any] | None:
    """The later look of one plan."""
    if ours["seeds"] != theirs["seeds"]:
        return None
    return dict(max(ours, theirs, key=lambda each: each["look"]))


_MERGED: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any] | None]] = {
    TUNING: _tuned,
    LOOKS: _looks,
}


def _is_tuning(found: Mapping[str, Any]) -> bool:
    parts = [found.get("trials"), found.get("final")]
    return all(isinstance(p, dict) and all(isinstance(each, dict) for each in p.values()) for p in parts)


def _is_looks(found: Mapping[str, Any]) -> bool:
    seeds, look = found.get("seeds"), found.get("look")
    return (
        isinstance(seeds, list)
        and all(type(each) is int and each > 0 for each in seeds)
        and seeds == sorted(set(seeds))
        and type(look) is int
        and 0 < look <= len(seeds)
    )


_FITS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {TUNING: _is_tuning, LOOKS: _is_looks}
