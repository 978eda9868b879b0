"""The hooks by which a plugin offers its classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from posharness.contracts.attention import Attention
    from posharness.contracts.claim import Claim
    from posharness.contracts.compiler import Compiler
    from posharness.contracts.encoding import PositionalEncoding
    from posharness.contracts.executor import Executor
    from posharness.contracts.reading import Reading
    from posharness.contracts.section import ReportSection
    from posharness.contracts.task import Task

__all__ = ["NAMESPACE", "hookimpl"]

NAMESPACE = "posharness"

_spec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)


@_spec
def posharness_encodings() -> Sequence[type[PositionalEncoding]]:  # type: ignore[empty-body]
    """Positional encodings: subclasses of `posharness.contracts.PositionalEncoding`."""


@_spec
def posharness_attentions() -> Sequence[type[Attention]]:  # type: ignore[empty-body]
    """Attention mechanisms: subclasses of `posharness.contracts.Attention`."""


@_spec
def posharness_tasks() -> Sequence[type[Task]]:  # type: ignore[empty-body]
    """Tasks: subclasses of `posharness.contracts.Task`."""


@_spec
def posharness_readings() -> Sequence[type[Reading]]:  # type: ignore[empty-body]
    """Readings of pretrained models: subclasses of `posharness.contracts.Reading`."""


@_spec
def posharness_report_sections() -> Sequence[type[ReportSection]]:  # type: ignore[empty-body]
    """Sections of every report: subclasses of `posharness.contracts.ReportSection`."""


@_spec
def posharness_claims() -> Sequence[type[Claim]]:  # type: ignore[empty-body]
    """Claims, each with a verdict in every report: subclasses of `posharness.contracts.Claim`."""


@_spec
def posharness_executors() -> Sequence[type[Executor]]:  # type: ignore[empty-body]
    """Executors: subclasses of `posharness.contracts.Executor`."""


@_spec
def posharness_compilers() -> Sequence[type[Compiler]]:  # type: ignore[empty-body]
    """Compilers, which compile and publish reports: subclasses of `posharness.contracts.Compiler`."""
