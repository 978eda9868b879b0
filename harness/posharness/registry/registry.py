"""The registry: finds plugins, keeps their classes by name, and builds what a choice stands for."""

from __future__ import annotations

import importlib.util
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from posharness.contracts import (
    Attention,
    Body,
    Claim,
    Compiler,
    Executor,
    Geometry,
    PositionalEncoding,
    Reading,
    ReportSection,
    Task,
)
from posharness.contracts import hooks as hookspecs
from posharness.contracts.cell import CORPUS, Choice
from posharness.errors import UserError
from posharness.registry.catalogue import Broken, Catalogue, split_plugin
from posharness.registry.digest import source_digest
from posharness.registry.parameters import build, check, parameters, show_value, unknown
from posharness.registry.selection import Selection, parse

__all__ = ["Registry"]

_BUILT_IN = "posharness.executors"
_PATIENCE = 15.0
"""Seconds after which an import that has not ended is told of."""
_log = logging.getLogger(__name__)
_KINDS = (
    "encodings",
    "attentions",
    "tasks",
    "readings",
    "report_sections",
    "claims",
    "executors",
    "compilers",
)


@dataclass(frozen=True)
class Registry:
    """Every class that plugs in, by kind and name.

    Attributes:
        broken: plugins that could not be loaded; fatal only when one of them is selected.
        plugin_paths: the single-file plugins among them, as given.
    """

    encodings: Catalogue[PositionalEncoding]
    attentions: Catalogue[Attention]
    tasks: Catalogue[Task]
    readings: Catalogue[Reading]
    sections: Catalogue[ReportSection]
    claims: Catalogue[Claim]
    executors: Catalogue[Executor]
    compilers: Catalogue[Compiler]
    broken: tuple[Broken, ...]
    plugin_paths: tuple[Path, ...] = ()

    @classmethod
    def load(cls, plugin_paths: Sequence[Path] = ()) -> Registry:
        """Find plugins: the built-in ones, installed ones (entry-point group `posharness`), single files.

        Raises:
            UserError: two plugins of one name, or a plugin path that is no file.
        """
        manager = pluggy.PluginManager(hookspecs.NAMESPACE)
        manager.add_hookspecs(hookspecs)
        broken: list[Broken] = []
        _register(manager, broken, _BUILT_IN, _BUILT_IN, partial(import_module, _BUILT_IN))
        for entry in sorted(set(entry_points(group=hookspecs.NAMESPACE)), key=lambda e: (e.name, e.value)):
            _register(manager, broken, entry.name, entry.value, entry.load)
        for path in plugin_paths:
            if not path.is_file():
                raise UserError(f"--plugin-path {path}: there is no such file; give a Python file.")
            _register(manager, broken, path.stem, str(path), partial(_import_file, path))
        offered: dict[str, list[tuple[str, type]]] = {
            hook: _collect(manager, broken, hook) for hook in _KINDS
        }
        # Encodings and attentions are selected by one option, so they share their names.
        shared: dict[str, tuple[str, type]] = {}
        return cls(
            encodings=Catalogue("encoding", PositionalEncoding, offered["encodings"], broken, shared),
            attentions=Catalogue("attention", Attention, offered["attentions"], broken, shared),
            tasks=Catalogue("task", Task, offered["tasks"], broken),
            readings=Catalogue("reading", Reading, offered["readings"], broken),
            sections=Catalogue("report section", ReportSection, offered["report_sections"], broken),
            claims=Catalogue("claim", Claim, offered["claims"], broken),
            executors=Catalogue("executor", Executor, offered["executors"], broken),
            compilers=Catalogue("report compiler", Compiler, offered["compilers"], broken),
            broken=tuple(broken),
            plugin_paths=tuple(plugin_paths),
        )

    def select(self, catalogue: Catalogue[Any], selection: Selection) -> Choice:
        """Resolve one selection to a choice: aliases, defaults, nested encodings, the source's digest.

        Raises:
            UserError: an unknown name or parameter, or a value that does not fit.
        """
        cls = catalogue.find(selection.name)
        return self.choose(cls, selection.params)

    def choose(self, cls: type[Any], given: Mapping[str, Any]) -> Choice:
        """The choice of a class with some of its parameters given, as text or as values.

        Its label calls a text by the name of its file or folder alone.
        """
        known = parameters(cls)
        for name in given:
            if name not in known:
                raise unknown(cls.name, name, known)
        params: dict[str, Any] = {}
        shown: list[str] = []
        for name, parameter in known.items():
            if parameter.annotation is PositionalEncoding:
                value: Any = self._nested(cls.name, name, given.get(name, parameter.default))
                default: Any = self._nested(cls.name, name, parameter.default)
                text = value.label
            else:
                default = check(cls.name, parameter, parameter.default)
                value = check(cls.name, parameter, given[name]) if name in given else default
                text = show_value(value)
            if name == CORPUS and isinstance(value, str) and Path(value).exists():
                text = Path(value).name or text  # where a text lies is not what it is
            params[name] = value
            if value != default:
                shown.append(f"{name}={text}")
        label = cls.name + (f"[{','.join(shown)}]" if shown else "")
        return Choice(name=cls.name, params=params, digest=source_digest(cls), label=label)

    def _nested(self, owner: str, name: str, given: Any) -> Choice:
        if isinstance(given, Choice):
            return given
        selections = parse(given)
        if len(selections) != 1:
            raise UserError(
                f"{owner}[{name}={given}]: a grid cannot stand inside another plugin's parameter."
            )
        return self.select(self.encodings, selections[0])

    def encoding(self, choice: Choice, geometry: Geometry) -> PositionalEncoding:
        """Build an encoding; a nested choice becomes an instance for its `nested_geometry`.

        Raises:
            Incompatible: it cannot work in this geometry.
        """
        cls = self.encodings.find(choice.name)
        plain = build(cls, {n: value for n, value in choice.params.items() if not isinstance(value, Choice)})
        nested = {n: value for n, value in choice.params.items() if isinstance(value, Choice)}
        if nested:
            place = cls.nested_geometry(geometry, plain)
            plain.update((name, self.encoding(value, place)) for name, value in nested.items())
        return cls(geometry, **plain)

    def attention(self, choice: Choice, geometry: Geometry) -> Attention:
        """Build an attention.

        Raises:
            Incompatible: it cannot work in this geometry.
        """
        cls = self.attentions.find(choice.name)
        return cls(geometry, **build(cls, choice.params))

    def task(self, choice: Choice, body: Body) -> Task:
        """Build a task, not yet prepared.

        Raises:
            Incompatible: its parameters do not go together.
        """
        cls = self.tasks.find(choice.name)
        return cls(body, **build(cls, choice.params))

    def reading(self, choice: Choice) -> Reading:
        """Build a reading, not yet prepared."""
        cls = self.readings.find(choice.name)
        return cls(**build(cls, choice.params))


def _register(
    manager: pluggy.PluginManager,
    broken: list[Broken],
    name: str,
    origin: str,
    load: Callable[[], Any],
) -> None:
    # A plugin's import runs code of other people's: whatever it raises is theirs, and is kept.
    try:
        with _told_when_slow(name, origin):
            plugin = load()
        manager.register(plugin, name=f"{name} ({origin})")
        manager.check_pending()
    except Exception:  # noqa: BLE001
        manager.unregister(name=f"{name} ({origin})")
        broken.append(Broken(name, origin, traceback.format_exc()))


@contextmanager
def _told_when_slow(name: str, origin: str) -> Iterator[None]:
    """Within it, an import that hangs does not hang in silence."""
    told = (
        f"The plugin {name!r} ({origin}) has not ended its import after {_PATIENCE:g} seconds; Ctrl-C stops."
    )
    timer = threading.Timer(_PATIENCE, _log.warning, [told])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _collect(manager: pluggy.PluginManager, broken: list[Broken], hook: str) -> list[tuple[str, type]]:
    found: list[tuple[str, type]] = []
    for implementation in getattr(manager.hook, f"{hookspecs.NAMESPACE}_{hook}").get_hookimpls():
        try:
            offered = list(implementation.function())
        except Exception:  # noqa: BLE001
            broken.append(Broken(*split_plugin(implementation.plugin_name), traceback.format_exc()))
        else:
            found += [(implementation.plugin_name, cls) for cls in offered]
    return found


def _import_file(path: Path) -> ModuleType:
    # The name holds the place, so that two files of one name do not meet.
    name = f"posharness_file_{path.stem}_{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
