"""A catalogue: the classes of one kind of plugin, by name and alias."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from posharness.contracts.plugin import Named
from posharness.errors import UserError, did_you_mean
from posharness.registry.parameters import parameters

__all__ = ["Broken", "Catalogue", "split_plugin"]

T = TypeVar("T", bound=Named)


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that could not be loaded: its name, where it comes from, and the traceback."""

    name: str
    origin: str
    traceback: str

    @property
    def reason(self) -> str:
        """The last line of the traceback."""
        return self.traceback.strip().splitlines()[-1]


class Catalogue(Mapping[str, type[T]], Generic[T]):
    """Classes by name. `find` also takes aliases and "-" for "_", and answers a misspelling by the nearest.

    Args:
        kind: what its members are called in messages.
        base: what each of them must derive from.
        offered: (plugin, class) pairs.
        broken: plugins that did not load; appended to when a class breaks the contract.
        taken: names in use, shared by the catalogues that are selected by one option.

    Raises:
        UserError: two classes claim one name.
    """

    def __init__(
        self,
        kind: str,
        base: type,
        offered: Sequence[tuple[str, Any]],
        broken: list[Broken],
        taken: dict[str, tuple[str, type]] | None = None,
    ) -> None:
        self.kind = kind
        self._broken = broken
        self._classes: dict[str, type[T]] = {}
        self._names: dict[str, type[T]] = {}
        taken = {} if taken is None else taken
        for plugin, cls in offered:
            if fault := _fault(cls, base):
                broken.append(Broken(*split_plugin(plugin), f"{kind} {cls!r}: {fault}"))
            else:
                self._add(plugin, cls, taken)

    def _add(self, plugin: str, cls: type[T], taken: dict[str, tuple[str, type]]) -> None:
        for name in map(_spelled, (cls.name, *cls.aliases)):
            if name in taken and taken[name][1] is not cls:
                other = taken[name]
                raise UserError(
                    f"Two plugins are called {name!r}: {_where(*other)} and {_where(plugin, cls)}; "
                    "rename or remove one of them."
                )
            taken[name] = (plugin, cls)
            self._names[name] = cls
        self._classes[cls.name] = cls

    def find(self, name: str) -> type[T]:
        """The class of a name or alias.

        Raises:
            UserError: there is none; names the nearest ones, and a broken plugin that may have had it.
        """
        if self.has(name):
            return self._names[_spelled(name)]
        for plugin in self._broken:
            if plugin.name == name:
                raise UserError(
                    f"The plugin {name!r} ({plugin.origin}) could not be loaded: {plugin.reason}; "
                    "`harness show` prints its traceback."
                )
        note = "".join(f" ({b.name!r} could not be loaded: {b.reason})" for b in self._broken)
        raise UserError(f"Unknown {self.kind} {name!r}; {did_you_mean(name, self._names)}{note}")

    def has(self, name: str) -> bool:
        """Whether a name or alias is known."""
        return _spelled(name) in self._names

    @property
    def names(self) -> tuple[str, ...]:
        """Every name and alias."""
        return tuple(self._names)

    def __getitem__(self, name: str) -> type[T]:
        return self._classes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._classes))

    def __len__(self) -> int:
        return len(self._classes)


def _fault(cls: Any, base: Any) -> str:
    if not (inspect.isclass(cls) and issubclass(cls, base)):
        return f"expected a subclass of {base.__name__}"
    if abstract := sorted(getattr(cls, "__abstractmethods__", ())):
        return f"it leaves {', '.join(abstract)} undefined"
    if not isinstance(getattr(cls, "name", None), str):
        return "it has no name"
    try:
        parameters(cls)
    except (TypeError, NameError) as error:
        return str(error)
    return ""


def split_plugin(plugin: str) -> tuple[str, str]:
    """The name and the origin of a plugin registered as "name (origin)"."""
    name, _, origin = plugin.partition(" (")
    return name, origin.removesuffix(")")


def _spelled(name: str) -> str:
    # Nobody remembers which of the two a name has.
    return name.replace("-", "_")


def _where(plugin: str, cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__} of {plugin}"
