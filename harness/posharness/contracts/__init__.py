"""The contracts between the core and everything that plugs into it: all that a plugin needs to import.

One file for each contract, and for each value that passes between plugins and the core. More than fifteen
modules share this folder, so that each is found by the name of what it defines.
"""

from posharness.contracts.attention import Attention, BoundSlots
from posharness.contracts.cell import Cell
from posharness.contracts.claim import Claim
from posharness.contracts.compiler import Compiler
from posharness.contracts.encoding import SLOTS, PositionalEncoding, by_name
from posharness.contracts.executor import CellRunner, Event, Executor, Finished, Observer, Progress, Started
from posharness.contracts.frames import Frames
from posharness.contracts.geometry import Geometry
from posharness.contracts.hooks import hookimpl
from posharness.contracts.outcome import CellOutcome, Status
from posharness.contracts.plugin import Body, Direction, Named, Slot
from posharness.contracts.plugin_folder import defined_in
from posharness.contracts.reading import Answers, MaskedModel, Reading
from posharness.contracts.section import PLACES, Place, ReportSection, Section, in_report_order
from posharness.contracts.task import Batch, Objective, Split, Task
from posharness.errors import HarnessWarning, Incompatible, UserError

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
    "Claim",
    "Compiler",
    "Direction",
    "Event",
    "Executor",
    "Finished",
    "Frames",
    "Geometry",
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
    "Section",
    "Slot",
    "Split",
    "Started",
    "Status",
    "Task",
    "UserError",
    "by_name",
    "defined_in",
    "hookimpl",
    "in_report_order",
]
