"""How a cell ended: the statuses, and the outcome that every part of the program passes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CellOutcome", "Status"]

Status = Literal["done", "failed", "diverged", "timeout", "crashed", "interrupted", "skipped"]


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """How a cell ended.

    Attributes:
        reason: one line; empty when done.
        traceback: of the exception that a failed cell raised; else empty.
    """

    status: Status
    reason: str = ""
    traceback: str = ""

    @property
    def failed(self) -> bool:
        """Whether the cell could have been done and is not."""
        return self.status not in ("done", "skipped")
