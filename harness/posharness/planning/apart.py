"""Planning with plugins of others in a copy of this process: their constructors may hang or end it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from posharness.contracts import Attention, Body, Geometry, PositionalEncoding, Reading, Task
from posharness.contracts.cell import Choice
from posharness.errors import UserError
from posharness.registry.plugin_code import PluginExit
from posharness.registry.process_copy import LIMIT, CopyEnded, Teller, call_in_copy
from posharness.registry.registry import Registry
from posharness.registry.unchanged import unchanged

__all__ = ["apart"]

T = TypeVar("T")

_FAILS_ALONE = ("encoding", "attention")
"""Kinds whose constructor, where it ends the process, does so in the process of a cell: the others go on."""


def apart(
    registry: Registry, work: Callable[[Registry, Callable[[str], None]], T], announce: Callable[[str], None]
) -> T:
    """`work(registry, announce)`, in a copy of this process if the registry holds plugins of others.

    Only Linux can copy a process that has threads. The copy takes some hundredths of a second.

    Raises:
        UserError: a constructor hangs, or that of a task or reading ends its process; or what `work` raises.
    """
    if isinstance(registry, _Watched) or sys.platform != "linux" or not _has_others(registry):
        return work(registry, announce)
    ended: set[str] = set()
    while True:
        try:
            return call_in_copy(lambda tell: work(_watched(registry, tell, ended), tell.announce), announce)
        except CopyEnded as death:
            kind = death.place.partition(" ")[0]
            if kind not in _FAILS_ALONE or death.hung or death.place in ended:
                raise UserError(_complaint(death)) from None
            ended.add(death.place)


def _complaint(death: CopyEnded) -> str:
    if not death.place:
        return f"Preparing the tasks {death.how}; `harness check` examines a plugin."
    return f"The {death.place[:200]} cannot be built: its constructor {death.how}."


def _has_others(registry: Registry) -> bool:
    return any(
        not entry.source.is_ours
        for catalogue in (registry.encodings, registry.attentions, registry.tasks, registry.readings)
        for entry in catalogue.entries
    )


@dataclass(frozen=True)
class _Watched(Registry):
    """A registry that says what it builds.

    Attributes:
        watch: entered while something is built, with its kind and the choice.
    """

    watch: Callable[[str, Choice], AbstractContextManager[None]] | None = None

    def _watching(self, kind: str, choice: Choice) -> AbstractContextManager[None]:
        assert self.watch
        return self.watch(kind, choice)

    def encoding(self, choice: Choice, geometry: Geometry) -> PositionalEncoding:
        with self._watching("encoding", choice):
            return super().encoding(choice, geometry)

    def attention(self, choice: Choice, geometry: Geometry) -> Attention:
        with self._watching("attention", choice):
            return super().attention(choice, geometry)

    def task(self, choice: Choice, body: Body) -> Task:
        with self._watching("task", choice):
            return super().task(choice, body)

    def reading(self, choice: Choice) -> Reading:
        with self._watching("reading", choice):
            return super().reading(choice)


def _watched(registry: Registry, tell: Teller, ended: set[str]) -> _Watched:
    """Args:
    ended: what ended an earlier copy; it is not built again.
    """

    @contextmanager
    def watch(kind: str, choice: Choice) -> Iterator[None]:
        place = f"{kind} {choice.label or choice.name}"
        if place in ended:
            raise RuntimeError(f"{place}: its constructor ends the process")
        with tell.within(place, LIMIT):
            try:
                with unchanged():  # the next one is built as if it were the first
                    yield
            except KeyboardInterrupt as error:  # Ctrl-C does not reach a copy
                raise PluginExit("the plugin raised KeyboardInterrupt") from error

    return _Watched(
        registry.catalogues, registry.broken, registry.plugin_paths, registry.digests, watch=watch
    )
