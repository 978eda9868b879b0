"""How a cell ended: its status, a reason and a traceback. Every part of the program uses this one type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CellOutcome", "Status"]

Status = Literal["done", "failed", "diverged", "timeout", "crashed", "interrupted", "skipped"]


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """How a cell ended.

    Attributes:
        reason: why it ended with that status, in one line; empty when done.
        traceback: the traceback of a failed cell's exception; else empty.
    """

    status: Status
    reason: str = ""
    traceback: str = ""

    @property
    def failed(self) -> bool:
        """Whether the cell should have been done and is not: neither done nor skipped."""
        return self.status not in ("done", "skipped")
