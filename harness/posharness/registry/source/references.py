"""What the statements of modules lead to: each name followed to its definition, across imports."""

from __future__ import annotations

import ast
import builtins
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from posharness.registry.source.definitions import BY_CALL, Module, Target, chain, read_module
from posharness.registry.source.modules import CORE, ModuleFinder
from posharness.registry.source.normal_form import normal_form

__all__ = ["Link", "Names", "Node", "Sources", "imported_modules"]

_WHOLE = "*"
_LOOKS_AT_ALL = frozenset({"globals", "eval", "exec"})
"""Calls that may use any name of their module."""
_DEFINES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_LONGEST_NAME = 256
"""Characters of a text that may name a file."""


@dataclass(frozen=True, slots=True)
class Node:
    """A top-level statement of a module."""

    module: str
    place: int


Link = Node | str
"""The target of a name: a statement, whose content counts, or an identifier of a library."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A statement as it counts: its text, what its names lead to, and the modules that it imports."""

    text: str
    links: dict[str, list[Link]]
    imported: list[str]


class Sources:
    """The sources of modules, each read once.

    Attributes:
        finder: finds their files.
    """

    def __init__(self) -> None:
        self.finder = ModuleFinder()
        self._modules: dict[str, Module] = {}
        self._readings: dict[tuple[str, Node], Reading] = {}

    def module(self, name: str) -> Module:
        """The source of a module, read once; an empty one for a module without Python source."""
        if name not in self._modules:
            path = self.finder.path(name)
            source = path.read_bytes() if path and path.exists() else b""
            if path and path.suffix != ".py" and source:  # compiled: its bytes are hashed
                source = repr(hashlib.sha256(source).hexdigest()).join(("_ = ", "\n")).encode()
            self._modules[name] = read_module(name, source, is_package=self.finder.is_package(name))
        return self._modules[name]

    def reading(self, node: Node, home: str) -> Reading:
        """A statement as it counts for the code of `home`."""
        if (home, node) not in self._readings:
            self._readings[home, node] = _read(node, Names(self, home))
        return self._readings[home, node]


class Names:
    """What names lead to, as seen by the code of one top-level module."""

    def __init__(self, sources: Sources, home: str) -> None:
        self._sources = sources
        self._home = home

    def is_code(self, module: str) -> bool:
        """Whether the content of a module counts."""
        return self._sources.finder.origin(module, self._home).is_code

    def module(self, name: str) -> Module:
        """The source of a module."""
        return self._sources.module(name)

    def exists(self, name: str) -> bool:
        """Whether there is a module of this name."""
        return self._sources.finder.exists(name)

    def lead(self, module: Module, names: Sequence[str], seen: frozenset[str] = frozenset()) -> list[Link]:
        """What the chain of names leads to inside a module."""
        head = names[0]
        mark = f"{module.name}:{head}"
        if mark in seen:
            return []
        seen |= {mark}
        found: list[Link] = [Node(module.name, place) for place in module.bindings.get(head, ())]
        for target in module.imports.get(head, ()):
            found += self.follow(target, names[1:], seen)
        unknown = not found and not hasattr(builtins, head)
        for star in module.stars:
            if not self.is_code(star):
                stands_for = self._sources.finder.origin(star, self._home).stands_for
                found += [f"{stands_for}:{star}.*"] if unknown else []
            elif self.module(star).knows(head) or self.module(star).stars:
                found += self.lead(self.module(star), names, seen)
        return found

    def follow(self, target: Target, rest: Sequence[str], seen: frozenset[str] = frozenset()) -> list[Link]:
        """What an import leads to, and the attributes that are taken of it."""
        names = [*([target.attribute] if target.attribute else []), *rest]
        origin = self._sources.finder.origin(target.module, self._home)
        if origin.is_code:
            return self._inside(target.module, names, seen)
        if origin.stands_for == CORE:  # the parts of the core may move inside it
            return [f"{CORE}:{target.attribute}"]
        return [f"{origin.stands_for}:{target.module}.{target.attribute}"]

    def _inside(self, name: str, names: Sequence[str], seen: frozenset[str]) -> list[Link]:
        module = self.module(name)
        if not names:
            return self.whole(module, seen)
        # `from . import sub` leads back to the package itself, and from there to the module in it.
        if module.knows(names[0]) and f"{name}:{names[0]}" not in seen:
            return self.lead(module, names, seen)
        if self.exists(f"{name}.{names[0]}"):
            return self._inside(f"{name}.{names[0]}", names[1:], seen)
        if module.stars and (found := self.lead(module, names, seen)):
            return found
        if names[0].startswith("__"):
            return []
        return self.whole(module, seen)  # made while it runs

    def whole(self, module: Module, seen: frozenset[str] = frozenset()) -> list[Link]:
        """All that a module holds or offers."""
        mark = f"{module.name}:{_WHOLE}"
        if mark in seen:
            return []
        seen |= {mark}
        found: list[Link] = [Node(module.name, place) for place in range(len(module.statements))]
        targets = [target for _, targets in sorted(module.imports.items()) for target in targets]
        for target in [*targets, *(Target(star) for star in module.stars)]:
            found += self.follow(target, (), seen)
        return found

    def near(self, module: Module) -> list[Link]:
        """All that the modules beside a module hold: one of them is imported by a computed name."""
        found: list[Link] = []
        for name in self._sources.finder.beside(module.name):
            if self.is_code(name):
                found += self.whole(self.module(name))
        return found

    def files(self, module: Module, texts: Sequence[str]) -> list[Link]:
        """Links with the digests of the files beside a module that its code names."""
        path = self._sources.finder.path(module.name)
        names = [text.strip("/") for text in texts if 0 < len(text) < _LONGEST_NAME and text.isprintable()]
        folders = [path.parent, *(path.parent / name for name in names)] if path else []
        named = {folder / name for folder in folders if folder.is_dir() for name in names if name}
        contents = [file.read_bytes() for file in named if file.is_file()]
        return [f"file:{digest}" for digest in sorted(hashlib.sha256(text).hexdigest() for text in contents)]

    def is_plugin(self, module: Module, node: ast.ClassDef, seen: frozenset[str] = frozenset()) -> bool:
        """Whether a class derives from a contract."""
        if node.name in seen:
            return False
        for base in node.bases:
            names = chain(base.value if isinstance(base, ast.Subscript) else base)
            for link in self.lead(module, names) if names else ():
                if isinstance(link, str):
                    if link.startswith(f"{CORE}:"):
                        return True
                elif isinstance(other := self.module(link.module).statements[link.place], ast.ClassDef) and (
                    self.is_plugin(self.module(link.module), other, seen | {node.name})
                ):
                    return True
        return False


def _read(node: Node, names: Names) -> Reading:
    module = names.module(node.module)
    statement = module.statements[node.place]
    kept = normal_form(statement, lambda inner: names.is_plugin(module, inner))
    local: dict[str, list[Target]] = {}
    for name, target in module.imports_inside[node.place]:
        local.setdefault(name, []).append(target)
    links: dict[str, list[Link]] = {}
    for used in _chains(kept) if kept else ():
        found: list[Link] = []
        for target in local.get(used[0], ()):
            found += names.follow(target, used[1:])
        if used[0] not in local or module.knows(used[0]):
            found += names.lead(module, used)
        if used[0] in _LOOKS_AT_ALL or used[:2] == ("sys", "modules") or "__subclasses__" in used:
            found += names.whole(module)
        if found:
            links[".".join(used)] = list(dict.fromkeys(found))
    for name in ("*", BY_CALL, *(_unused(local, links) if isinstance(statement, _DEFINES) else ())):
        if whole := [link for target in local.get(name, ()) for link in _whole_of(target, module, names)]:
            links[f"{_WHOLE}{name}"] = list(dict.fromkeys(whole))
    if files := names.files(module, _texts(kept) if kept else ()):
        links[f"{_WHOLE}files"] = files
    text = ast.unparse(kept) if kept else ""
    imported = [target for _, target in module.imports_inside[node.place]]
    return Reading(text, links, list(imported_modules(imported, names)))


def _whole_of(target: Target, module: Module, names: Names) -> list[Link]:
    return names.follow(target, ()) if target.module else names.near(module)


def _unused(local: dict[str, list[Target]], links: dict[str, list[Link]]) -> list[str]:
    """The names that an import inside a definition binds for others: its attributes, or globals."""
    used = {name.partition(".")[0] for name in links}
    return [name for name in local if name not in ("", "*", BY_CALL, *used)]


def _texts(node: ast.AST) -> list[str]:
    inner = [found.value for found in ast.walk(node) if isinstance(found, ast.Constant)]
    return [value for value in inner if isinstance(value, str)]


def _chains(node: ast.AST) -> set[tuple[str, ...]]:
    """Every name in a node, with the attributes that are taken of it."""
    found: set[tuple[str, ...]] = set()
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, ast.Attribute | ast.Name) and (names := chain(inner)):
            found.add(names)
        else:
            waiting += ast.iter_child_nodes(inner)
    return found


def imported_modules(targets: Iterable[Target], names: Names) -> Iterator[str]:
    """The modules of these imports whose content counts."""
    for target in targets:
        if target.module and names.is_code(target.module):
            yield target.module
            if target.attribute and names.exists(inner := f"{target.module}.{target.attribute}"):
                yield inner
