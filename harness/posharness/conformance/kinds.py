"""The kinds of plugin that the kit checks: which checks, and in which places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posharness.conformance.attention_checks import ATTENTION_CHECKS
from posharness.conformance.bench import benches
from posharness.conformance.claim_checks import CLAIM_CHECKS
from posharness.conformance.finding import Check
from posharness.conformance.id_checks import ID_CHECKS
from posharness.conformance.memory import MEMORY
from posharness.conformance.model_checks import MODEL_CHECKS
from posharness.conformance.section_checks import SECTION_CHECKS, Draft
from posharness.conformance.slot_checks import SLOT_CHECKS
from posharness.conformance.task_checks import TASK_CHECKS, posed
from posharness.contracts import Attention, Claim, PositionalEncoding, ReportSection, Task
from posharness.contracts.cell import Choice
from posharness.contracts.plugin import Named
from posharness.errors import UserError
from posharness.experiment import Experiment
from posharness.registry.registry import Registry

__all__ = ["KINDS", "Kind", "kind_of"]

Subjects = Mapping[str, Any]
"""A plugin in each place that it declares, by the name of the place."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of plugin.

    Attributes:
        catalogue: the registry's attribute.
        noun: what one of them is called.
        subjects: (registry, choice, cache) -> what the checks are run on, or why there is nothing; raises
            UserError where parameters do not fit.
    """

    catalogue: str
    noun: str
    base: type[Named]
    checks: tuple[Check[Any], ...]
    subjects: Callable[[Registry, Choice, Path], Subjects | str]


def kind_of(plugin: type[Named]) -> Kind:
    """The kind of a plugin class.

    Raises:
        UserError: one that the kit does not check.
    """
    for kind in KINDS:
        if issubclass(plugin, kind.base):
            return kind
    raise UserError(
        f"{plugin.__name__} cannot be checked; the kit knows {', '.join(kind.noun + 's' for kind in KINDS)}."
    )


def _encodings(registry: Registry, choice: Choice, cache: Path) -> Subjects | str:
    attention = registry.choose(registry.attentions.find(Experiment().attention), {})
    return benches(registry, "encoding", encoding=choice, attention=attention)


def _attentions(registry: Registry, choice: Choice, cache: Path) -> Subjects | str:
    encoding = registry.choose(registry.encodings.find(Experiment().encoding), {})
    return benches(registry, "attention", encoding=encoding, attention=choice)


def _tasks(registry: Registry, choice: Choice, cache: Path) -> Subjects | str:
    bodies = getattr(registry.tasks[choice.name], "bodies", ())
    return posed(registry, choice, bodies, cache) if bodies else "it declares no body"


def _sections(registry: Registry, choice: Choice, cache: Path) -> Subjects | str:
    return {"": Draft(registry.sections[choice.name])}


def _claims(registry: Registry, choice: Choice, cache: Path) -> Subjects | str:
    return {"": registry.claims[choice.name]}


KINDS = (
    Kind(
        "encodings",
        "encoding",
        PositionalEncoding,
        (*SLOT_CHECKS, *ID_CHECKS, *MODEL_CHECKS, MEMORY),
        _encodings,
    ),
    Kind("attentions", "attention", Attention, (*ATTENTION_CHECKS, *MODEL_CHECKS, MEMORY), _attentions),
    Kind("tasks", "task", Task, TASK_CHECKS, _tasks),
    Kind("sections", "report section", ReportSection, SECTION_CHECKS, _sections),
    Kind("claims", "claim", Claim, CLAIM_CHECKS, _claims),
)
