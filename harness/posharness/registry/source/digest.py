"""A digest of a plugin's source: it changes when the plugin could behave differently, and only then."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from posharness.errors import UserError
from posharness.registry.source.definitions import Module, chain
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
    count (its results version does), nor do Python and what posharness depends on; of other
    installed packages the version does. Files beside a module that its code names as text count with their
    content. Neither the names nor the places of modules count.


    Args:
        offered_by: the module that offers each class; a class that a function makes depends on it too.
    """

    def __init__(self, offered_by: Mapping[type, str] | None = None) -> None:
        self._offered_by = offered_by or {}
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
        own = self._offered_by.get(cls, cls.__module__) if self._is_made(cls) else cls.__module__
        path = self._sources.finder.path(own)
        reach = _Reach(self._sources, own.partition(".")[0])
        if own != cls.__module__:
            reach.add_module(own)
        for base in cls.__mro__:
            reach.add_class(base)
        if path is None or not reach.numbers:
            raise UserError(
                f"No source of the plugin {getattr(cls, 'name', cls.__name__)!r} was found: looked for "
                f"{cls.__qualname__} in {path or f'the module {cls.__module__}, which has no Python file'}. "
                "Without a digest, versions cannot be distinguished; define it in a Python file."
            )
        digest = reach.digest()
        names = [own, *sorted(reach.modules - {own})]
        files = {name: found for name in names if (found := self._sources.finder.path(name))}
        return PluginSource(digest, files)

    def _is_made(self, cls: type) -> bool:
        """Whether a class is not the one that a module defines under its name."""
        module = self._sources.module(cls.__module__)
        return _definition(module, cls) is None


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
        defined = _definition(module, cls) is not None
        # A class that a function makes depends on whoever calls the function.
        links = self._names.lead(module, [top]) if defined else self._names.whole(module)
        self._roots.append(" ".join([*inner, *(self._number(link) for link in links)]))
        self._walk()

    def add_module(self, name: str) -> None:
        """Add all that a module holds."""
        self._enter(name)
        links = self._names.whole(self._names.module(name))
        self._roots.append(" ".join(self._number(link) for link in links))
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
            waiting += imported_modules(module.executed, self._names)
            if "." in inner:
                waiting.append(inner.rpartition(".")[0])

    def _effects(self) -> list[Node]:
        """The statements beside the definitions that are not numbered yet, in the order of their text."""
        found: list[Node] = []
        for name in self.modules:
            module = self._names.module(name)
            acting = [place for place in module.marked if self._acts(module, module.statements[place])]
            found += [Node(name, place) for place in (*module.effects, *acting)]
        fresh = [node for node in found if node not in self.numbers]
        return sorted(fresh, key=self._order_of_effects)

    def _order_of_effects(self, node: Node) -> tuple[str, str, str]:
        # The name of a module, which does not count, decides only between modules of one content.
        module = self._names.module(node.module)
        text = self._sources.reading(node, self._home).text
        return text, "\n".join(map(ast.unparse, module.statements)), node.module

    def _acts(self, module: Module, statement: ast.stmt) -> bool:
        """Whether a decorator or base of a definition is a plugin's code that may take note of it."""
        if isinstance(statement, ast.ClassDef) and self._notes_heirs(module, statement, frozenset()):
            return True
        marks: Iterable[ast.expr] = getattr(statement, "decorator_list", ())
        called = [chain(mark.func if isinstance(mark, ast.Call) else mark) for mark in marks]
        return any(
            isinstance(link, Node) for names in called if names for link in self._names.lead(module, names)
        )

    def _notes_heirs(self, module: Module, cls: ast.ClassDef, seen: frozenset[str]) -> bool:
        """Whether a base or metaclass of a class, written by a plugin, runs code for each class below it."""
        if cls.name in seen:
            return False
        for names in [chain(word.value) for word in cls.keywords if word.arg == "metaclass"]:
            if names and any(isinstance(link, Node) for link in self._names.lead(module, names)):
                return True
        for base in cls.bases:
            for link in self._names.lead(module, names) if (names := chain(base)) else ():
                other = self._names.module(link.module) if isinstance(link, Node) else None
                above = other.statements[link.place] if other and isinstance(link, Node) else None
                if other and isinstance(above, ast.ClassDef):
                    if any(getattr(inner, "name", "") == "__init_subclass__" for inner in above.body):
                        return True
                    if self._notes_heirs(other, above, seen | {cls.name}):
                        return True
        return False


def _definition(module: Module, cls: type) -> ast.ClassDef | None:
    """The statement of a module that defines a class at its top level, or holds that definition."""
    for place in module.bindings.get(cls.__qualname__.partition(".")[0], ()):
        statement = module.statements[place]
        if isinstance(statement, ast.ClassDef):
            return statement
    return None
