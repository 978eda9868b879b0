"""The conformance suites of the kinds of plugin: which checks, and what they are run on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from posharness.conformance.attention_checks import ATTENTION_CHECKS
from posharness.conformance.bench import benches
from posharness.conformance.claim_checks import CLAIM_CHECKS
from posharness.conformance.compiler_checks import COMPILER_CHECKS, TriedCompiler
from posharness.conformance.executor_checks import EXECUTOR_CHECKS, TriedExecutor
from posharness.conformance.finding import Check
from posharness.conformance.id_checks import ID_CHECKS
from posharness.conformance.intervention_checks import INTERVENTION_CHECKS
from posharness.conformance.memory import MEMORY
from posharness.conformance.model_checks import MODEL_CHECKS
from posharness.conformance.reading_checks import READING_CHECKS, AskedReading
from posharness.conformance.section_checks import SECTION_CHECKS, Draft
from posharness.conformance.slot_checks import SLOT_CHECKS
from posharness.conformance.task_checks import TASK_CHECKS, posed
from posharness.executors.forkserver import PRELOAD, fork_server
from posharness.experiment import Experiment
from posharness.registry.kinds import Kind
from posharness.registry.registry import Registry

__all__ = [
    "ATTENTIONS",
    "CLAIMS",
    "COMPILERS",
    "ENCODINGS",
    "EXECUTORS",
    "READINGS",
    "SECTIONS",
    "TASKS",
    "Subjects",
    "Suite",
    "suite_of",
]

Params = Mapping[str, Any]
"""Parameters of a constructor, as text or values."""

Subjects = Mapping[str, Any]
"""A plugin in each place that it declares, by the name of the place."""


@dataclass(frozen=True, slots=True)
class Suite:
    """The checks of one kind of plugin.

    Attributes:
        subjects: (registry, class, parameters, cache) -> what the checks are run on, or why there is nothing;
            raises UserError where parameters do not fit.
        around: what is held while the checks run.
    """

    checks: tuple[Check[Any], ...]
    subjects: Callable[[Registry, type[Any], Params, Path], Subjects | str]
    around: Callable[[], AbstractContextManager[object]] = nullcontext


def suite_of(kind: Kind) -> Suite:
    """The suite that the table of kinds names."""
    found: Suite = resolve_name(kind.suite)
    return found


def _encodings(registry: Registry, cls: type[Any], params: Params, cache: Path) -> Subjects | str:
    attention = registry.choose(registry.attentions.find(Experiment().attention), {})
    return benches(registry, "encoding", encoding=registry.choose(cls, params), attention=attention)


def _attentions(registry: Registry, cls: type[Any], params: Params, cache: Path) -> Subjects | str:
    encoding = registry.choose(registry.encodings.find(Experiment().encoding), {})
    return benches(registry, "attention", encoding=encoding, attention=registry.choose(cls, params))


def _tasks(registry: Registry, cls: type[Any], params: Params, cache: Path) -> Subjects | str:
    bodies = getattr(cls, "bodies", ())
    return posed(registry, registry.choose(cls, params), bodies, cache) if bodies else "it declares no body"


def _sections(registry: Registry, cls: type[Any], params: Params, cache: Path) -> Subjects | str:
    return {"": Draft(cls)}


def _claims(registry: Registry, cls: type[Any], params: Params, cache: Path) -> Subjects | str:
    return {"": cls}


def _readings(registry: Registry, cls: type[Any], params: Params, cache: Path) -> Subjects | str:
    return {"": AskedReading(registry, registry.choose(cls, params))}


def _executors(registry: Registry, cls: type[Any], params: Params, cache: Path) -> Subjects | str:
    return {"": TriedExecutor(cls, registry.settings(cls, params)[0])}


def _compilers(registry: Registry, cls: type[Any], params: Params, cache: Path) -> Subjects | str:
    return {"": TriedCompiler(cls, registry.settings(cls, params)[0])}


ENCODINGS = Suite((*SLOT_CHECKS, *ID_CHECKS, *MODEL_CHECKS, MEMORY), _encodings)
ATTENTIONS = Suite((*ATTENTION_CHECKS, *MODEL_CHECKS, MEMORY), _attentions)
TASKS = Suite((*TASK_CHECKS, *INTERVENTION_CHECKS), _tasks)
SECTIONS = Suite(SECTION_CHECKS, _sections)
CLAIMS = Suite(CLAIM_CHECKS, _claims)
READINGS = Suite(READING_CHECKS, _readings)
EXECUTORS = Suite(EXECUTOR_CHECKS, _executors, around=lambda: fork_server(PRELOAD))
COMPILERS = Suite(COMPILER_CHECKS, _compilers)
