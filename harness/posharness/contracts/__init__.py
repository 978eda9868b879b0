"""The contracts between the core and everything that plugs into it: all that a plugin needs to import.

One file for each contract, and for each value that passes between plugins and the core. More than fifteen
modules share this folder, so that each is found by the name of what it defines.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posharness.contracts.attention import Attention, BoundSlots
    from posharness.contracts.cell import Cell
    from posharness.contracts.claim import Claim, Group, Twins
    from posharness.contracts.compiler import Compiler, Undecided
    from posharness.contracts.encoding import SLOTS, PositionalEncoding, by_name
    from posharness.contracts.executor import (
        CellRunner,
        Event,
        Executor,
        Finished,
        Observer,
        Progress,
        Requeued,
        Started,
        Waiting,
    )
    from posharness.contracts.frames import Frames
    from posharness.contracts.geometry import Geometry
    from posharness.contracts.hooks import hookimpl
    from posharness.contracts.outcome import CellOutcome, Status
    from posharness.contracts.plugin import Body, Direction, Named, Slot
    from posharness.contracts.plugin_folder import defined_in
    from posharness.contracts.reading import Answers, MaskedModel, Reading
    from posharness.contracts.section import PLACES, Chart, Place, ReportSection, Section, in_report_order
    from posharness.contracts.task import Batch, Change, Objective, Split, Task
    from posharness.errors import HarnessWarning, Incompatible, UserError

_MODULES = {
    "Answers": "posharness.contracts.reading",
    "Attention": "posharness.contracts.attention",
    "Batch": "posharness.contracts.task",
    "Body": "posharness.contracts.plugin",
    "BoundSlots": "posharness.contracts.attention",
    "Cell": "posharness.contracts.cell",
    "CellOutcome": "posharness.contracts.outcome",
    "CellRunner": "posharness.contracts.executor",
    "Change": "posharness.contracts.task",
    "Chart": "posharness.contracts.section",
    "Claim": "posharness.contracts.claim",
    "Compiler": "posharness.contracts.compiler",
    "Direction": "posharness.contracts.plugin",
    "Event": "posharness.contracts.executor",
    "Executor": "posharness.contracts.executor",
    "Finished": "posharness.contracts.executor",
    "Frames": "posharness.contracts.frames",
    "Geometry": "posharness.contracts.geometry",
    "Group": "posharness.contracts.claim",
    "HarnessWarning": "posharness.errors",
    "Incompatible": "posharness.errors",
    "MaskedModel": "posharness.contracts.reading",
    "Named": "posharness.contracts.plugin",
    "Objective": "posharness.contracts.task",
    "Observer": "posharness.contracts.executor",
    "PLACES": "posharness.contracts.section",
    "Place": "posharness.contracts.section",
    "PositionalEncoding": "posharness.contracts.encoding",
    "Progress": "posharness.contracts.executor",
    "Reading": "posharness.contracts.reading",
    "ReportSection": "posharness.contracts.section",
    "Requeued": "posharness.contracts.executor",
    "SLOTS": "posharness.contracts.encoding",
    "Section": "posharness.contracts.section",
    "Slot": "posharness.contracts.plugin",
    "Split": "posharness.contracts.task",
    "Started": "posharness.contracts.executor",
    "Waiting": "posharness.contracts.executor",
    "Status": "posharness.contracts.outcome",
    "Task": "posharness.contracts.task",
    "Twins": "posharness.contracts.claim",
    "Undecided": "posharness.contracts.compiler",
    "UserError": "posharness.errors",
    "by_name": "posharness.contracts.encoding",
    "defined_in": "posharness.contracts.plugin_folder",
    "hookimpl": "posharness.contracts.hooks",
    "in_report_order": "posharness.contracts.section",
}

__all__ = [
    "PLACES",
    "SLOTS",
    "Answers",
    "Attention",
    "Batch",
    "Body",
    "BoundSlots",
    "Cell",
    "CellOutcome",
    "CellRunner",
    "Change",
    "Chart",
    "Claim",
    "Compiler",
    "Direction",
    "Event",
    "Executor",
    "Finished",
    "Frames",
    "Geometry",
    "Group",
    "HarnessWarning",
    "Incompatible",
    "MaskedModel",
    "Named",
    "Objective",
    "Observer",
    "Place",
    "PositionalEncoding",
    "Progress",
    "Reading",
    "ReportSection",
    "Requeued",
    "Section",
    "Slot",
    "Split",
    "Started",
    "Status",
    "Task",
    "Twins",
    "Undecided",
    "UserError",
    "Waiting",
    "by_name",
    "defined_in",
    "hookimpl",
    "in_report_order",
]


def __getattr__(name: str) -> Any:
    # Lazy, so that what reads only cells or frames does not wait for the import of torch.
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
