"""The kinds of plugin: one record for each, over which the registry and the commands loop.

Classes and functions are named as entry points name them, "module:name", so that the table can be read
without importing torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

from posharness.errors import UserError, did_you_mean

__all__ = ["KINDS", "Kind", "kind_called", "kind_of"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of plugin.

    Attributes:
        noun: what one of them is called.
        plural: what several are called: the catalogue of the registry, and the option of `harness list`.
        hook: the hook function by which a package offers its classes.
        base: the class that each of them derives from.
        suite: the conformance checks, a `posharness.conformance.suites.Suite`.
        template: the folder of the scaffold's templates.
        help: what they are, for `harness list --help`.
        option: the option that selects one on the command line; "" where all of them are always used.
        namespace: kinds with the same namespace share their names, because one option selects both.
        set_by_harness: constructor parameters that the harness sets, and the user does not.
        facts: (class, registry) -> what only this kind has to say of itself, as JSON values.
        columns: the columns of its table in `harness list`, after the name.
    """

    noun: str
    plural: str
    hook: str
    base: str
    suite: str
    template: str
    help: str
    option: str = ""
    namespace: str = ""
    set_by_harness: tuple[str, ...] = ()
    facts: str = ""
    columns: tuple[str, ...] = ("what it is", "parameters")

    @property
    def base_class(self) -> type[Any]:
        """The class that each of them derives from."""
        found: type[Any] = resolve_name(self.base)
        return found

    @property
    def slug(self) -> str:
        """The noun as `harness new` takes it."""
        return self.noun.replace(" ", "-")


KINDS: tuple[Kind, ...] = (
    Kind(
        noun="encoding",
        plural="encodings",
        hook="posharness_encodings",
        base="posharness.contracts:PositionalEncoding",
        suite="posharness.conformance.suites:ENCODINGS",
        template="encoding",
        help="Positional encodings.",
        option="--plugins",
        namespace="plugins",
        facts="posharness.registry.facts:encoding_facts",
    ),
    Kind(
        noun="attention",
        plural="attentions",
        hook="posharness_attentions",
        base="posharness.contracts:Attention",
        suite="posharness.conformance.suites:ATTENTIONS",
        template="attention",
        help="Attention mechanisms.",
        option="--plugins",
        namespace="plugins",
        facts="posharness.registry.facts:attention_facts",
    ),
    Kind(
        noun="task",
        plural="tasks",
        hook="posharness_tasks",
        base="posharness.contracts:Task",
        suite="posharness.conformance.suites:TASKS",
        template="task",
        help="Tasks.",
        option="--tasks",
        facts="posharness.registry.facts:task_facts",
        columns=("what it is", "bodies", "chance", "lengths"),
    ),
    Kind(
        noun="reading",
        plural="readings",
        hook="posharness_readings",
        base="posharness.contracts:Reading",
        suite="posharness.conformance.suites:READINGS",
        template="reading",
        help="Readings of pretrained models.",
        option="--readings",
        facts="posharness.registry.facts:reading_facts",
        columns=("what it is", "answers", "parameters"),
    ),
    Kind(
        noun="report section",
        plural="sections",
        hook="posharness_report_sections",
        base="posharness.contracts:ReportSection",
        suite="posharness.conformance.suites:SECTIONS",
        template="report-section",
        help="Sections of every report.",
        facts="posharness.registry.facts:section_facts",
        columns=("what it is",),
    ),
    Kind(
        noun="claim",
        plural="claims",
        hook="posharness_claims",
        base="posharness.contracts:Claim",
        suite="posharness.conformance.suites:CLAIMS",
        template="claim",
        help="Claims that every report judges.",
        facts="posharness.registry.facts:claim_facts",
        columns=("what is claimed", "contrasts"),
    ),
    Kind(
        noun="executor",
        plural="executors",
        hook="posharness_executors",
        base="posharness.contracts:Executor",
        suite="posharness.conformance.suites:EXECUTORS",
        template="executor",
        help="Executors, which run cells.",
        option="--executor",
        set_by_harness=("workers", "timeout"),
    ),
    Kind(
        noun="compiler",
        plural="compilers",
        hook="posharness_compilers",
        base="posharness.contracts:Compiler",
        suite="posharness.conformance.suites:COMPILERS",
        template="compiler",
        help="Compilers, which write reports.",
        option="--compiler",
    ),
)


def kind_of(plugin: type[Any]) -> Kind:
    """The kind of a plugin class.

    Raises:
        TypeError: it derives from the base class of no kind.
    """
    for kind in KINDS:
        if issubclass(plugin, kind.base_class):
            return kind
    raise TypeError(
        f"{plugin.__name__} is no plugin: expected a subclass of "
        f"{', '.join(kind.base.rpartition(':')[2] for kind in KINDS)}."
    )


def kind_called(noun: str) -> Kind:
    """The kind of a noun, such as "report-section".

    Raises:
        UserError: there is none.
    """
    for kind in KINDS:
        if noun in (kind.slug, kind.noun):
            return kind
    raise UserError(f"Unknown kind {noun!r}; {did_you_mean(noun, [kind.slug for kind in KINDS])}")
