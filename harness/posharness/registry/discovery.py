"""Finds plugins: the built-in ones, installed packages, and single files."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import Any

import pluggy

from posharness.contracts import hooks
from posharness.errors import UserError
from posharness.registry import kinds
from posharness.registry.catalogue import Broken, Source
from posharness.registry.plugin_code import plugin_output
from posharness.registry.plugin_file import import_file

__all__ = ["Discovered", "discover"]

_DISTRIBUTION = "posharness"
_BUILT_IN = "posharness.executors"
_PATIENCE = 15.0
"""Seconds after which a warning says that an import has not ended."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Discovered:
    """What plugins offer.

    Attributes:
        offered: by hook, each class with the package that it comes from.
        broken: the plugins that could not be loaded.
        offered_by: the module that offers each class.
    """

    offered: dict[str, list[tuple[Source, Any]]] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    offered_by: dict[type, str] = field(default_factory=dict)


def discover(plugin_paths: Sequence[Path]) -> Discovered:
    """Load every plugin and ask each hook what it offers.

    Raises:
        UserError: a plugin path that is no file, or a file that offers nothing.
    """
    search = _Search()
    search.load(
        _BUILT_IN,
        Source(_DISTRIBUTION, version(_DISTRIBUTION), _BUILT_IN),
        partial(import_module, _BUILT_IN),
    )
    for entry in sorted(set(entry_points(group=hooks.NAMESPACE)), key=lambda e: (e.name, e.value)):
        search.load(entry.name, _source(entry), entry.load)
    for path in {path.resolve(): path for path in plugin_paths}.values():
        if not path.is_file():
            fault = "this is a folder" if path.is_dir() else "there is no such file"
            raise UserError(f"--plugin-path {path}: {fault}; give a Python file.")
        search.load(path.stem, Source(path.stem, "", str(path)), partial(import_file, path))
    found = search.collect()
    _refuse_empty(plugin_paths, found)
    return found


class _Search:
    """The plugins loaded so far, by the name under which pluggy knows them."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hooks.NAMESPACE)
        self._manager.add_hookspecs(hooks)
        self._loaded: dict[str, tuple[str, Source]] = {}
        self._broken: list[Broken] = []

    def load(self, name: str, source: Source, load: Callable[[], Any]) -> None:
        """Import a plugin and register its hooks; whatever it raises makes it a broken plugin."""
        registered = f"{name} ({source.location})"
        self._loaded[registered] = (name, source)
        try:
            with _warning_when_slow(name, source), plugin_output():
                plugin = load()
            self._manager.register(plugin, name=registered)
            self._manager.check_pending()
        except (Exception, SystemExit):  # noqa: BLE001 - other people's code; the traceback is kept
            self._manager.unregister(name=registered)
            self._broken.append(Broken(name, source, traceback.format_exc()))

    def collect(self) -> Discovered:
        """Ask every hook of every plugin for its classes."""
        found = Discovered(broken=self._broken)
        for kind in kinds.KINDS:
            offered = found.offered.setdefault(kind.hook, [])
            for implementation in getattr(self._manager.hook, kind.hook).get_hookimpls():
                name, source = self._loaded[implementation.plugin_name]
                try:
                    with plugin_output():
                        classes = list(implementation.function())
                except (Exception, SystemExit):  # noqa: BLE001 - other people's code; the traceback is kept
                    found.broken.append(Broken(name, source, traceback.format_exc()))
                else:
                    offered += [(source, cls) for cls in classes]
                    module = getattr(implementation.plugin, "__name__", "")
                    found.offered_by.update((cls, module) for cls in classes if isinstance(cls, type))
        return found


def _source(entry: EntryPoint) -> Source:
    # A distribution without metadata of its own cannot offer an entry point, but mypy does not know.
    package, number = (entry.dist.name, entry.dist.version) if entry.dist else (entry.name, "")
    return Source(package, number, entry.value)


@contextmanager
def _warning_when_slow(name: str, source: Source) -> Iterator[None]:
    """Warn when an import takes long, so that one that hangs does not hang in silence."""
    warning = (
        f"The plugin {name!r} ({source.location}) has not ended its import after {_PATIENCE:g} seconds; "
        "Ctrl-C stops."
    )
    timer = threading.Timer(_PATIENCE, _log.warning, [warning])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _refuse_empty(plugin_paths: Sequence[Path], found: Discovered) -> None:
    """Refuse a file that offers nothing: a forgotten hook looks like a misspelled name otherwise."""
    useful = {source.location for offered in found.offered.values() for source, _ in offered}
    useful |= {broken.source.location for broken in found.broken}
    for path in {path.resolve(): path for path in plugin_paths}.values():
        if str(path) not in useful:
            *others, last = (kind.hook for kind in kinds.KINDS)
            raise UserError(
                f"{path}: it offers no plugin. A function marked @hookimpl returns a list of classes; it is "
                f"called {', '.join(others)} or {last}."
            )
