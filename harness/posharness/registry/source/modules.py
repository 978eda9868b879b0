"""Where a module comes from: the core, a library, an installed version, or code whose content counts."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import ModuleSpec
from importlib.metadata import distributions, entry_points, requires, version
from pathlib import Path

__all__ = ["CORE", "ModuleFinder", "Origin"]

CORE = "posharness"
_BUILT_IN = frozenset({"posharness_plugins", "posharness_tasks", "posharness_reports"})
_INSTALLED = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a module comes from.

    Attributes:
        is_code: its content counts; else `stands_for` names all of it.
        stands_for: "posharness", "library", "missing", or a distribution with its version.
    """

    is_code: bool
    stands_for: str = ""


_CODE = Origin(True)


class ModuleFinder:
    """Finds the source of modules by name, without importing any."""

    def __init__(self) -> None:
        self._specs: dict[str, tuple[Path | None, Sequence[str] | None] | None] = {}
        self._origins: dict[tuple[str, str], Origin] = {}
        self._distributions: dict[str, tuple[str, str]] = {}

    def path(self, name: str) -> Path | None:
        """The file of a module; None for a namespace package or a module that does not exist."""
        found = self._find(name)
        return found[0] if found else None

    def exists(self, name: str) -> bool:
        """Whether there is a module of this name."""
        return self._find(name) is not None

    def is_package(self, name: str) -> bool:
        """Whether the module can hold others."""
        found = self._find(name)
        return found is not None and found[1] is not None

    def beside(self, name: str) -> list[str]:
        """The modules in the folder of a module, which it may import by a computed name."""
        path = self.path(name)
        package = name if self.is_package(name) else name.rpartition(".")[0]
        if path is None or (not package and _INSTALLED & {path.parent.name}):
            return []
        names = {file.stem for file in path.parent.glob("*.py")} - {"__init__", path.stem}
        names |= {file.parent.name for file in path.parent.glob("*/__init__.py")}
        return sorted(f"{package}.{inner}" if package else inner for inner in names)

    def origin(self, name: str, home: str) -> Origin:
        """Where a module comes from, as seen by the code of a plugin.

        Args:
            home: the top-level module of the plugin, whose content always counts.
        """
        top = name.partition(".")[0]
        if (top, home) not in self._origins:
            self._origins[top, home] = self._origin(top, home)
        return self._origins[top, home]

    def distribution(self, top: str) -> tuple[str, str]:
        """The name and version of the distribution that a top-level module belongs to; "" for none."""
        if top in _BUILT_IN or top == CORE:
            return CORE, version(CORE)
        if top not in self._distributions:
            self._distributions[top] = self._offering.get(top) or _installed_by(top)
        return self._distributions[top]

    def _origin(self, top: str, home: str) -> Origin:
        if top == CORE:
            return Origin(False, CORE)
        if top == home or top in _BUILT_IN:
            return _CODE
        if top in sys.stdlib_module_names or top in self._dependencies:
            return Origin(False, "library")
        if home in _BUILT_IN:  # it comes with something that posharness declares
            return Origin(False, "library")
        found = self._find(top)
        if found is None:
            return Origin(False, "missing")
        places = [found[0]] if found[0] else [Path(place) for place in found[1] or ()]
        if not any(_INSTALLED & set(place.parts) for place in places):
            return _CODE
        name, number = self.distribution(top)
        # The modules of the plugin's own distribution are the plugin, wherever it is installed.
        return Origin(False, f"{name} {number}") if name and name != self.distribution(home)[0] else _CODE

    def _find(self, name: str) -> tuple[Path | None, Sequence[str] | None] | None:
        if name not in self._specs:
            self._specs[name] = self._look_up(name)
        return self._specs[name]

    def _look_up(self, name: str) -> tuple[Path | None, Sequence[str] | None] | None:
        # A single-file plugin is known to `sys.modules` alone.
        if (module := sys.modules.get(name)) is not None:
            file, places = getattr(module, "__file__", None), getattr(module, "__path__", None)
            return (Path(file) if file else None, None if places is None else list(places))
        parent = name.rpartition(".")[0]
        within = self._find(parent) if parent else (None, None)
        if within is None or (parent and within[1] is None):
            return None
        spec = _spec(name, within[1])
        if spec is None:
            return None
        path = Path(spec.origin) if spec.has_location and spec.origin else None
        return path, spec.submodule_search_locations

    @cached_property
    def _dependencies(self) -> frozenset[str]:
        """The top-level modules of posharness' declared dependencies, which the results version covers."""
        names = [re.split(r"[^\w.-]", text)[0] for text in requires(CORE) or () if "extra ==" not in text]
        return frozenset(name.replace("-", "_").lower() for name in names)

    @cached_property
    def _offering(self) -> Mapping[str, tuple[str, str]]:
        # What is installed as editable lists no modules of its own.
        offered = [entry for entry in entry_points(group=CORE) if entry.dist is not None]
        return {
            entry.module.partition(".")[0]: (entry.dist.name, entry.dist.version)
            for entry in offered
            if entry.dist is not None
        }


def _installed_by(top: str) -> tuple[str, str]:
    """The name and version of the distribution that installed a top-level module; "" for none."""
    # `packages_distributions` would parse the entry of every file.
    for found in distributions():
        named = (found.read_text("top_level.txt") or "").split()
        recorded = "\n" + (found.read_text("RECORD") or "")
        if top in named or f"\n{top}/" in recorded or f"\n{top}.py," in recorded:
            return found.name, found.version
    return "", ""


def _spec(name: str, places: Sequence[str] | None) -> ModuleSpec | None:
    # `importlib.util.find_spec` would import the packages around it.
    for finder in sys.meta_path:
        found = finder.find_spec(name, places)
        if found is not None:
            return found
    return None
