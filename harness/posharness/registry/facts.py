"""What a plugin of each kind says of itself beside its name, as JSON values."""

from __future__ import annotations

from typing import Any

from posharness.contracts import (
    SLOTS,
    Attention,
    Claim,
    PositionalEncoding,
    Reading,
    ReportSection,
    Task,
    Twins,
)
from posharness.registry.registry import Registry

__all__ = [
    "attention_facts",
    "claim_facts",
    "encoding_facts",
    "reading_facts",
    "section_facts",
    "task_facts",
]


def encoding_facts(cls: type[PositionalEncoding], registry: Registry) -> dict[str, Any]:
    """The directions that it is defined for, and the slots that it overrides."""
    overridden = [slot for slot in SLOTS if getattr(cls, slot) is not getattr(PositionalEncoding, slot)]
    return {"directions": sorted(cls.directions), "slots": overridden}


def attention_facts(cls: type[Attention], registry: Registry) -> dict[str, Any]:
    """The directions that it is defined for, and the slots that it honours."""
    return {"directions": sorted(cls.directions), "slots": [slot for slot in SLOTS if slot in cls.slots]}


def task_facts(cls: type[Task], registry: Registry) -> dict[str, Any]:
    """Its bodies, and the lengths and objectives that it has with its defaults, before it is prepared."""
    facts: dict[str, Any] = {"bodies": list(cls.bodies), "distance": cls.distance}
    try:
        task = registry.task(registry.choose(cls, {}), cls.bodies[0])
    except Exception as error:  # noqa: BLE001 - other people's code: the list shows what it raised
        return facts | {"error": str(error) or type(error).__name__}
    return facts | {
        "length": task.length,
        "evaluation_lengths": list(task.evaluation_lengths),
        "objectives": [
            # The classes and the chance of a corpus task are known once it is prepared.
            {"name": o.name, "classes": o.classes or None, "chance": o.chance if o.classes else None}
            for o in task.objectives
        ],
    }


def reading_facts(cls: type[Reading], registry: Registry) -> dict[str, Any]:
    """The meaning of its distance, and its objectives."""
    return {"distance": cls.distance, "objectives": list(getattr(cls, "objectives", ()))}


def section_facts(cls: type[ReportSection], registry: Registry) -> dict[str, Any]:
    """Its place in the report."""
    return {"place": cls.place, "order": cls.order}


def claim_facts(cls: type[Claim], registry: Registry) -> dict[str, Any]:
    """The statement, and how it is tested."""
    return {
        "statement": cls.statement,
        "contrasts": [
            [pair.better, pair.other] if isinstance(pair, Twins) else [str(side) for side in pair]
            for pair in cls.contrasts
        ],
        "metric": cls.metric,
        "smallest_effect": cls.smallest_effect,
    }
