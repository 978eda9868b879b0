"""Descriptions of plugins and presets as plain values, for `list` and `show`."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

from posharness.contracts.plugin import Named
from posharness.experiment import load_experiment
from posharness.registry.catalogue import Entry
from posharness.registry.kinds import Kind
from posharness.registry.parameters import annotation_name, show_value
from posharness.registry.registry import Registry

__all__ = ["describe", "describe_preset", "inventory", "parameters_text"]


def inventory(registry: Registry, kind: Kind) -> list[dict[str, Any]]:
    """Every plugin of a kind, described, in the order of names."""
    return [describe(entry, kind, registry) for entry in registry.catalogue(kind).entries]


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
                "choices": parameter.choices,
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


def describe_preset(name: str) -> dict[str, Any]:
    """A shipped experiment as JSON values."""
    return {"name": name, **load_experiment(preset=name).model_dump(mode="json", exclude_unset=True)}


def parameters_text(described: dict[str, Any]) -> str:
    """The parameters as they would be typed, as a grid of all values where they are few.

    Example: `clip=16, values=true|false`.
    """
    return ", ".join(
        f"{p['name']}={'|'.join(map(show_value, p['choices'] or [p['default']]))}"
        for p in described["parameters"]
    )
