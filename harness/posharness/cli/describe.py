"""Descriptions of plugins as plain values, for `list` and `show`."""

from __future__ import annotations

import inspect
from pkgutil import resolve_name
from typing import Any

from posharness.contracts.plugin import Named
from posharness.registry.catalogue import Entry
from posharness.registry.kinds import Kind
from posharness.registry.parameters import annotation_name, show_value
from posharness.registry.registry import Registry

__all__ = ["card", "describe"]


def card(entry: Entry, kind: Kind, registry: Registry) -> dict[str, Any]:
    """A plugin as `harness show` prints it: its description, its class and its documentation."""
    cls = entry.plugin
    return {
        "kind": kind.noun,
        **describe(entry, kind, registry),
        "class": f"{cls.__module__}.{cls.__qualname__}",
        "source": inspect.getsourcefile(cls),
        "doc": inspect.getdoc(cls) or "",
    }


def describe(entry: Entry, kind: Kind, registry: Registry) -> dict[str, Any]:
    """A plugin as JSON values: what every plugin has, then what its kind has."""
    cls: type[Named] = entry.plugin
    found = list(registry.parameters(cls).values()) if kind.option else []
    described: dict[str, Any] = {
        "name": registry.catalogue(kind).name_of(cls),
        "aliases": list(cls.aliases),
        "summary": cls.summary,
        "paper": cls.paper,
        "package": entry.source.package,
        "version": entry.source.version,
        "parameters": [
            {
                "name": parameter.name,
                "default": _jsonable(parameter.default),
                "type": annotation_name(parameter.annotation),
                "choices": _jsonable(parameter.choices),
            }
            for parameter in found
        ],
        "variants": [
            f"{cls.name}[{parameter.name}={show_value(value)}]"
            for parameter in found
            for value in parameter.choices[1:]
        ],
    }
    return described | (resolve_name(kind.facts)(cls, registry) if kind.facts else {})


def _jsonable(value: object) -> Any:
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else show_value(value)
