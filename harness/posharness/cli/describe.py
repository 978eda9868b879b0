"""What a plugin or a preset says of itself, as plain values for `list` and `show`."""

from __future__ import annotations

from typing import Any

from posharness.contracts import (
    SLOTS,
    Attention,
    Claim,
    Incompatible,
    PositionalEncoding,
    Reading,
    ReportSection,
    Task,
)
from posharness.contracts.plugin import Named
from posharness.errors import UserError
from posharness.experiment import load_experiment
from posharness.registry.parameters import annotation_name, parameters, show_value
from posharness.registry.registry import Registry

__all__ = ["CATALOGUES", "describe", "describe_preset", "inventory", "parameters_text"]

CATALOGUES = ("encodings", "attentions", "tasks", "readings", "sections", "claims", "executors")
"""The kinds of plugin, as the registry's attributes are called."""


def inventory(registry: Registry, kind: str) -> list[dict[str, Any]]:
    """Everything of a kind, described, in the order of names."""
    catalogue = getattr(registry, kind)
    return [describe(catalogue[name], registry) for name in catalogue]


def describe(cls: type[Named], registry: Registry) -> dict[str, Any]:
    """A plugin class as JSON values: what every plugin has, then what its kind has."""
    said: dict[str, Any] = {
        "name": cls.name,
        "aliases": list(cls.aliases),
        "summary": cls.summary,
        "paper": cls.paper,
        "parameters": [
            {
                "name": parameter.name,
                "default": _jsonable(parameter.default),
                "type": annotation_name(parameter.annotation),
                "choices": parameter.choices,
            }
            for parameter in _parameters(cls)
        ],
        "variants": [
            f"{cls.name}[{parameter.name}={show_value(value)}]"
            for parameter in _parameters(cls)
            for value in parameter.choices[1:]
        ],
    }
    if issubclass(cls, PositionalEncoding):
        overridden = [s for s in SLOTS if getattr(cls, s) is not getattr(PositionalEncoding, s)]
        said |= {"directions": sorted(cls.directions), "slots": overridden}
    elif issubclass(cls, Attention):
        said |= {
            "directions": sorted(cls.directions),
            "slots": [slot for slot in SLOTS if slot in cls.slots],
        }
    elif issubclass(cls, Task):
        said |= {"bodies": list(cls.bodies), "distance": cls.distance, **_task(cls, registry)}
    elif issubclass(cls, Reading):
        said |= {"distance": cls.distance, "objectives": list(getattr(cls, "objectives", ()))}
    elif issubclass(cls, ReportSection):
        said["order"] = cls.order
    elif issubclass(cls, Claim):
        said |= {
            "statement": cls.statement,
            "contrasts": [list(pair) for pair in cls.contrasts],
            "metric": cls.metric,
            "smallest_effect": cls.smallest_effect,
        }
    return said


def _parameters(cls: type[Named]) -> list[Any]:
    # Executors, report sections and claims are not chosen with parameters.
    takes = issubclass(cls, PositionalEncoding | Attention | Task | Reading)
    return list(parameters(cls).values()) if takes else []


def _jsonable(value: object) -> Any:
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else show_value(value)


def _task(cls: type[Task], registry: Registry) -> dict[str, Any]:
    """What only an instance knows: of the default parameters and body, before anything is prepared."""
    try:
        task = registry.task(registry.choose(cls, {}), cls.bodies[0])
    except (Incompatible, UserError) as error:
        return {"error": str(error)}
    return {
        "length": task.length,
        "evaluation_lengths": list(task.evaluation_lengths),
        "objectives": [
            # Of a corpus, the classes and the chance are known once it is prepared.
            {"name": o.name, "classes": o.classes or None, "chance": o.chance if o.classes else None}
            for o in task.objectives
        ],
    }


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
