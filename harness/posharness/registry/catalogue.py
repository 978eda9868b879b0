"""A catalogue: the classes of one kind of plugin, by name, alias and package."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Generic, TypeVar

from posharness.contracts.plugin import Named
from posharness.errors import UserError, did_you_mean
from posharness.registry.kinds import Kind
from posharness.registry.parameters import parameters

__all__ = ["Broken", "Catalogue", "Entry", "Names", "Source"]

T = TypeVar("T", bound=Named)

_LONGEST = 60
"""Characters of a plugin's name."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a plugin comes from.

    Attributes:
        package: the distribution that installs it, or the name of its file without ".py".
        version: of the distribution; "" for a file.
        location: the module or the path that was loaded.
    """

    package: str
    version: str
    location: str

    @property
    def is_ours(self) -> bool:
        """Whether it comes with the harness."""
        own = __name__.partition(".")[0]
        return (self.package, self.version) == (own, version(own))


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that could not be loaded.

    Attributes:
        name: of the entry point, or of the file without ".py".
        traceback: of what it raised.
    """

    name: str
    source: Source
    traceback: str

    @property
    def reason(self) -> str:
        """The last line of the traceback."""
        return self.traceback.strip().splitlines()[-1]


@dataclass(frozen=True, slots=True)
class Entry:
    """A plugin class and where it comes from."""

    plugin: type[Any]
    source: Source

    @property
    def qualified(self) -> str:
        """`package:name`, which distinguishes it from another package's plugin of the same name."""
        return f"{self.source.package}:{self.plugin.name}"

    @property
    def place(self) -> str:
        """The file that offers the class, as it was given, or the package."""
        return self.source.package if self.source.version else self.source.location

    def __str__(self) -> str:
        return f"{self.plugin.__qualname__} of {self.place}"


@dataclass(frozen=True, slots=True)
class Names:
    """Names and aliases in use, shared by the catalogues of one namespace."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Add a plugin under its name and its aliases."""
        for name in (entry.plugin.name, *entry.plugin.aliases):
            same = self.entries.setdefault(_normalised(name), [])
            if all(other.plugin is not entry.plugin for other in same):
                same.append(entry)

    def find(self, name: str) -> list[Entry]:
        """Every plugin of a name or alias, or of `package:name`."""
        package, _, bare = name.rpartition(":")
        return [
            entry
            for entry in self.entries.get(_normalised(bare), ())
            if not package or _normalised(package) == _normalised(entry.source.package)
        ]


class Catalogue(Mapping[str, type[T]], Generic[T]):
    """The classes of one kind, by the shortest name that selects each.

    `find` also takes aliases, `package:name`, and "-" for "_". Two plugins of one name are both kept; only
    finding that name is an error.

    Args:
        offered: classes and where they come from.
        broken: plugins that could not be loaded; a class that breaks the contract is appended to it.
        names: the names of the namespace.
    """

    def __init__(
        self,
        kind: Kind,
        offered: Sequence[tuple[Source, Any]],
        broken: list[Broken],
        names: Names | None = None,
    ) -> None:
        self.kind = kind
        self._broken = broken
        self._names = Names() if names is None else names
        self._entries: list[Entry] = []
        for source, cls in offered:
            if fault := _fault(cls, kind.base_class):
                name = getattr(cls, "name", None)
                called = name if isinstance(name, str) else source.package
                broken.append(
                    Broken(called, source, f"{kind.noun} {getattr(cls, '__qualname__', repr(cls))}: {fault}")
                )
            elif all(entry.plugin is not cls for entry in self._entries):
                entry = Entry(cls, source)
                self._entries.append(entry)
                self._names.add(entry)

    def find(self, name: str) -> type[T]:
        """The class of a name, an alias or `package:name`.

        Raises:
            UserError: there is none, and the message gives the nearest names; or there are several.
        """
        found = self._names.find(name)
        if len(found) > 1:
            raise _ambiguous(name, found)
        if found and found[0] in self._entries:
            return found[0].plugin
        raise self._unknown(name)

    def chosen(self, name: str, matches: Callable[[type[T]], bool]) -> type[T]:
        """The class of a name; of two plugins of that name, the one that matches.

        Raises:
            UserError: there is none, or there are several.
        """
        same: list[type[T]] = [entry.plugin for entry in self._names.find(name) if entry in self._entries]
        if len(same) > 1:
            same = [plugin for plugin in same if matches(plugin)]
        return same[0] if same else self.find(name)

    def has(self, name: str) -> bool:
        """Whether a name, an alias or `package:name` is known."""
        return any(entry in self._entries for entry in self._names.find(name))

    @property
    def names(self) -> tuple[str, ...]:
        """Every name and alias."""
        return tuple(
            name
            for name, entries in self._names.entries.items()
            if any(entry in self._entries for entry in entries)
        )

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every class with where it comes from, in the order of names."""
        return tuple(sorted(self._entries, key=lambda entry: entry.qualified.rpartition(":")[::-1]))

    def name_of(self, plugin: type[Named]) -> str:
        """The shortest name that selects a class: its own, or `package:name` where two share it."""
        same = self._names.find(plugin.name)
        if len(same) > 1:
            return next((entry.qualified for entry in same if entry.plugin is plugin), plugin.name)
        return plugin.name

    def source_of(self, plugin: type[Named]) -> Source | None:
        """Where a class comes from; None where it is not in the catalogue."""
        return next((entry.source for entry in self._entries if entry.plugin is plugin), None)

    def __getitem__(self, name: str) -> type[T]:
        for entry in self._entries:
            if self.name_of(entry.plugin) == name:
                return entry.plugin
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self.name_of(entry.plugin) for entry in self.entries))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _unknown(self, name: str) -> UserError:
        package, _, bare = name.rpartition(":")
        for plugin in self._broken:
            if plugin.name == bare and (not package or package == plugin.source.package):
                return UserError(
                    f"The plugin {name!r} ({plugin.source.location}) could not be loaded: {plugin.reason}; "
                    "`harness show` prints its traceback."
                )
        known = [entry.qualified for entry in self.entries] if package else self.names
        option = f"{self.kind.option}: unknown" if self.kind.option else "Unknown"
        notes = [f" {b.name!r} could not be loaded: {b.reason.rstrip('.')}." for b in self._broken]
        note = "" if package else "".join(notes)
        return UserError(f"{option} {self.kind.noun} {name!r}; {did_you_mean(name, known)}{note}")


def _ambiguous(name: str, found: Sequence[Entry]) -> UserError:
    packages = {entry.source.package for entry in found}
    apart = len({entry.place for entry in found}) == len(found)
    *others, last = (entry.place if apart else str(entry) for entry in found)
    offer = "both offer" if len(found) == 2 else "all offer"
    advice = (
        f"write {' or '.join(entry.qualified for entry in found)}"
        if len(packages) == len(found)
        else "rename one of them"
    )
    return UserError(f"{', '.join(others)} and {last} {offer} {name!r}; {advice}.")


def _fault(cls: Any, base: Any) -> str:
    if not (inspect.isclass(cls) and issubclass(cls, base)):
        return f"expected a subclass of {base.__name__}"
    if abstract := sorted(getattr(cls, "__abstractmethods__", ())):
        return f"it leaves {', '.join(abstract)} undefined"
    if not isinstance(getattr(cls, "name", None), str):
        return "it has no name"
    named: Any = cls
    if strange := [each for each in (named.name, *named.aliases) if not _is_name(each)]:
        return (
            f"the name {str(strange[0])[:_LONGEST]!a} cannot be typed: take up to {_LONGEST} letters, digits "
            "and signs without spaces, brackets and any of , = | : / \\"
        )
    try:
        parameters(cls)
    except (TypeError, NameError) as error:
        return str(error)
    return ""


def _is_name(name: Any) -> bool:
    if not (isinstance(name, str) and name.isprintable() and 0 < len(name) <= _LONGEST):
        return False
    return not any(each.isspace() or each in "[],=|:/\\" for each in name)


def _normalised(name: str) -> str:
    # Nobody remembers which of the two a name has.
    return name.replace("-", "_")
