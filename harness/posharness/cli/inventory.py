"""What every plugin says of itself, kept in the cache so that `list` and `show` need not import torch."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from posharness.contracts.atomic_files import read_json, write_bytes
from posharness.defaults import cache_root
from posharness.registry import kinds
from posharness.registry.kinds import Kind

__all__ = ["Inventory", "load_inventory"]

_ENTRY_POINTS = "posharness"


@dataclass(frozen=True, slots=True)
class Inventory:
    """The descriptions of plugins, as JSON values.

    Attributes:
        plugins: by plural of their kind, in the order of names; see `describe.card`.
        broken: the plugins that could not be loaded: name, package, origin, reason, traceback.
    """

    plugins: dict[str, list[dict[str, Any]]]
    broken: list[dict[str, str]]

    def called(self, kind: Kind, name: str) -> list[dict[str, Any]]:
        """The plugins of a kind that a name, an alias or `package:name` selects."""
        package, _, bare = name.rpartition(":")
        return [
            card
            for card in self.plugins[kind.plural]
            if _plain(bare) in map(_plain, _names(card))
            and (not package or _plain(package) == _plain(card["package"]))
        ]

    def is_ambiguous(self, kind: Kind, name: str) -> bool:
        """Whether a name selects several plugins among the kinds that share their names."""
        shared = [other for other in kinds.KINDS if other == kind or other.namespace == kind.namespace != ""]
        return sum(len(self.called(other, name)) for other in shared) > 1

    def names(self, kind: Kind) -> list[str]:
        """Every name and alias of a kind."""
        return list(dict.fromkeys(name for card in self.plugins[kind.plural] for name in _names(card)))


def load_inventory(plugin_paths: Sequence[Path]) -> Inventory:
    """The descriptions of all plugins: kept ones while no file or package differs, else new ones.

    Only descriptions are kept: whatever runs a plugin loads it. With single files, which are being written,
    or with a plugin that cannot be loaded or described, nothing is kept.

    Raises:
        UserError: a plugin path that is no file, or a file that offers nothing.
    """
    if plugin_paths:
        return _described(plugin_paths)
    surroundings = _surroundings()
    path = cache_root() / "inventory" / f"{_digest([sys.prefix, sys.path])}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = read_json(path)
        if kept["surroundings"] == surroundings and _stamps(kept["files"]) == kept["files"]:
            return Inventory(**kept["inventory"])
    began = time.time_ns()
    inventory = _described(())
    files = _stamps(_imported())
    if not _depends_on_more(inventory) and all(changed < began for _, changed in files.values()):
        content = {"surroundings": surroundings, "files": files, "inventory": asdict(inventory)}
        with suppress(OSError):  # a folder that cannot be written costs time, and nothing else
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, json.dumps(content).encode())
    return inventory


def _described(plugin_paths: Sequence[Path]) -> Inventory:
    from posharness.cli.describe import card
    from posharness.registry.registry import Registry

    registry = Registry.load(plugin_paths)
    found = {
        kind.plural: [card(entry, kind, registry) for entry in registry.catalogue(kind).entries]
        for kind in kinds.KINDS
    }
    broken = [
        {
            "name": plugin.name,
            "package": plugin.source.package,
            "origin": plugin.source.location,
            "reason": plugin.reason,
            "traceback": plugin.traceback,
        }
        for plugin in registry.broken
    ]
    return Inventory(found, broken)


def _depends_on_more(inventory: Inventory) -> bool:
    """Whether a description shows an error, which may come from what is no source."""
    cards = [card for found in inventory.plugins.values() for card in found]
    return bool(inventory.broken) or any("error" in card for card in cards)


def _surroundings() -> list[Any]:
    """What decides beside the files which plugins there are."""
    offered = [
        [entry.name, entry.value, *([entry.dist.name, entry.dist.version] if entry.dist else [])]
        for entry in entry_points(group=_ENTRY_POINTS)
    ]
    return [sys.version, sys.prefix, sys.path, sorted(offered)]


def _imported() -> set[str]:
    """Every file that a module was imported from, and its folder, which changes with a new file."""
    named = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    files = {file for file in named if file and os.path.isfile(file)}  # torch names files that are none
    return files | {os.path.dirname(file) for file in files}


def _stamps(paths: Iterable[str]) -> dict[str, list[int]]:
    """Size and time of the last change of each path.

    Raises:
        OSError: one of them is missing.
    """
    return {path: [(stat := os.stat(path)).st_size, stat.st_mtime_ns] for path in paths}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def _names(card: dict[str, Any]) -> list[str]:
    return [card["name"].rpartition(":")[2], *card["aliases"]]


def _plain(name: str) -> str:
    return name.replace("-", "_")
