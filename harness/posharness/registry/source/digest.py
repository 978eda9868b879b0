"""A digest of a plugin's source: it changes when the plugin could behave differently, and only then."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from posharness.errors import UserError
from posharness.registry.source.definitions import Module, Target, chain
from posharness.registry.source.modules import CORE
from posharness.registry.source.references import Link, Names, Node, Sources, imported_modules

__all__ = ["PluginSource", "SourceDigests"]


@dataclass(frozen=True, slots=True)
class PluginSource:
    """The source of a plugin.

    Attributes:
        digest: SHA-256 of all code that the plugin reaches.
        files: every file that its code is in, by module; the plugin's own first.
    """

    digest: str
    files: dict[str, Path] = field(hash=False)


class SourceDigests:
    """The digests of plugin classes; each file is read once, so make a new one when files may have changed.

    What counts is every definition that the class reaches by name, in whatever module it is, and every
    statement that these modules execute beside their definitions when they are imported. The core does not
    count (its results version stands for it), nor do Python and what posharness depends on; of other
    installed packages the version does. Neither the names nor the places of files count.
    """

    def __init__(self) -> None:
        self._sources = Sources()
        self._known: dict[type, PluginSource] = {}

    def digest(self, cls: type) -> str:
        """The digest of a plugin class.

        Raises:
            UserError: there is no source to make one of.
        """
        return self.source(cls).digest

    def source(self, cls: type) -> PluginSource:
        """The digest of a plugin class, and where it comes from.

        Raises:
            UserError: there is no source to make a digest of.
        """
        if cls not in self._known:
            self._known[cls] = self._source(cls)
        return self._known[cls]

    def _source(self, cls: type) -> PluginSource:
        home = cls.__module__.partition(".")[0]
        path = self._sources.finder.path(cls.__module__)
        reach = _Reach(self._sources, home)
        for base in cls.__mro__:
            reach.add_class(base)
        if path is None or not reach.numbers:
            raise UserError(
                f"No source of the plugin {getattr(cls, 'name', cls.__name__)!r} was found: looked for "
                f"{cls.__qualname__} in {path or f'the module {cls.__module__}, which has no Python file'}. "
                "Without it results of two versions could not be told apart; define it in a Python file."
            )
        digest = reach.digest()
        names = [cls.__module__, *sorted(reach.modules - {cls.__module__})]
        files = {name: found for name in names if (found := self._sources.finder.path(name))}
        return PluginSource(digest, files)


class _Reach:
    """The statements that a class reaches, numbered in the order in which they are reached.

    Attributes:
        numbers: of each statement.
        modules: that are imported on the way, and whose content counts.
    """

    def __init__(self, sources: Sources, home: str) -> None:
        self._sources = sources
        self._home = home
        self._names = Names(sources, home)
        self._order: list[Node] = []
        self._read = 0
        self._roots: list[str] = []
        self.numbers: dict[Node, int] = {}
        self.modules: set[str] = set()

    def add_class(self, cls: type) -> None:
        """Add a class and all that it reaches, unless it belongs to the core or a library."""
        origin = self._sources.finder.origin(cls.__module__, self._home)
        if not origin.is_code:
            if origin.stands_for not in (CORE, "library"):
                self._roots.append(f"{origin.stands_for} {cls.__qualname__}")
            return
        self._enter(cls.__module__)
        module = self._names.module(cls.__module__)
        top, *inner = cls.__qualname__.split(".")
        places = module.bindings.get(top, [])
        defined = any(isinstance(module.statements[place], ast.ClassDef) for place in places)
        # A class that a function makes depends on whoever calls the function.
        links = self._names.lead(module, [top]) if defined else self._names.whole(module)
        self._roots.append(" ".join([*inner, *(self._number(link) for link in links)]))
        self._walk()

    def digest(self) -> str:
        """SHA-256 of everything that is reached."""
        while found := self._effects():
            self._roots.append(" ".join(self._number(node) for node in found))
            self._walk()
        parts = ["\x1e".join(self._roots)]
        for node in self._order:
            reading = self._sources.reading(node, self._home)
            links = [
                f"{name} {' '.join(map(self._number, leads))}"
                for name, leads in sorted(reading.links.items())
            ]
            parts.append("\x1e".join([reading.text, *links]))
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()

    def _number(self, link: Link) -> str:
        if isinstance(link, str):
            return link
        if link not in self.numbers:
            self.numbers[link] = len(self._order)
            self._order.append(link)
        return str(self.numbers[link])

    def _walk(self) -> None:
        while self._read < len(self._order):
            node = self._order[self._read]
            self._read += 1
            self._enter(node.module)
            reading = self._sources.reading(node, self._home)
            for name in reading.imported:
                self._enter(name)
            for _, links in sorted(reading.links.items()):
                for link in links:
                    self._number(link)

    def _enter(self, name: str) -> None:
        """Note that a module is imported, and with it those around it and those that it imports."""
        waiting = [name]
        while waiting:
            inner = waiting.pop()
            if inner in self.modules:
                continue
            self.modules.add(inner)
            module = self._names.module(inner)
            waiting += imported_modules(
                {**module.imports, "*": [Target(star) for star in module.stars]}, self._names
            )
            if "." in inner:
                waiting.append(inner.rpartition(".")[0])

    def _effects(self) -> list[Node]:
        """The statements beside the definitions that are not numbered yet, in the order of their text."""
        found: list[Node] = []
        for name in self.modules:
            module = self._names.module(name)
            decorated = [place for place in module.decorated if self._acts(module, module.statements[place])]
            found += [Node(name, place) for place in (*module.effects, *decorated)]
        fresh = [node for node in found if node not in self.numbers]
        return sorted(fresh, key=lambda node: self._sources.reading(node, self._home).text)

    def _acts(self, module: Module, statement: ast.stmt) -> bool:
        """Whether a decorator of a definition is itself a plugin's code, which may take note of it."""
        marks: Iterable[ast.expr] = getattr(statement, "decorator_list", ())
        called = [chain(mark.func if isinstance(mark, ast.Call) else mark) for mark in marks]
        return any(
            isinstance(link, Node) for names in called if names for link in self._names.lead(module, names)
        )
