"""The layout of a store: its format, the names of its files, and the recorded state of a cell."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from posharness.contracts import Status
from posharness.contracts.atomic_files import write_json

__all__ = [
    "ASIDE",
    "CELL",
    "CELLS",
    "CHECKED",
    "CHECKPOINT",
    "COSTS",
    "CURVE",
    "ENVIRONMENT",
    "EXAMPLES",
    "FORMAT",
    "INTERVENTIONS",
    "LIVE",
    "LOG",
    "LOGS",
    "LOOKS",
    "MECHANISM",
    "PLANS",
    "PLUGINS",
    "PREDICTIONS",
    "REPORTS",
    "RESULT",
    "SOURCES",
    "STATUS",
    "STORE",
    "TUNING",
    "WEIGHTS",
    "WORK",
    "CellStatus",
    "is_key",
    "now",
]

FORMAT = 3
"""Raised when the layout of a store changes so that other versions cannot read it."""

STORE = "store.json"
CELLS = "cells"
"""The folder of the cells that have ended, one folder each, named by the key."""
WORK = "work"
"""The folder of the cells that run or were interrupted, and of their locks."""
REPORTS = "reports"
COSTS = "costs.json"
"""What `harness cost --store` measured."""
TUNING = "tuning.json"
"""Which cells tried settings, and which have settings that were chosen by them."""
LOOKS = "looks.json"
"""When the results were looked at, in a run that adds seeds until a report decides."""
LOGS = "logs"
"""The folder of the loggers that trainers name."""
PLANS = "plans"
"""The folder of the plans of runs in progress, for workers that join them."""
ASIDE = "aside"
"""The folder of the cells that were set aside: damaged ones, and those that are run again."""
CHECKED = "checked"
"""The folder of the cells' signatures at the time when their files last agreed with their checksums."""

CELL = "cell.json"
STATUS = "status.json"
LIVE = "live.json"
RESULT = "result.json"
ENVIRONMENT = "environment.json"
PLUGINS = "plugins.json"
SOURCES = "plugins"
CURVE = "curve.parquet"
PREDICTIONS = "predictions.parquet"
MECHANISM = "mechanism.parquet"
INTERVENTIONS = "interventions.parquet"
EXAMPLES = "examples.parquet"
WEIGHTS = "weights.safetensors"
LOG = "log.txt"
CHECKPOINT = "checkpoint.ckpt"


class CellStatus(BaseModel):
    """The state of a cell.

    Attributes:
        status: as in `posharness.contracts.Status`, or "running" while a process works on it.
        reason: one line; empty when done.
        started: when it started, or was last resumed: ISO 8601 in UTC; "" if it never started.
        finished: when it ended; "" while it has not.
        seconds: from started to finished.
        traceback: of the exception that a failed cell raised.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    status: Status | Literal["running"]
    reason: str = ""
    started: str = ""
    finished: str = ""
    seconds: float | None = None
    traceback: str = ""

    @field_validator("started", "finished")
    @classmethod
    def _time(cls, text: str) -> str:
        if text:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None or not 1970 <= moment.year < 2200:
                raise ValueError("should be a time in UTC between 1970 and 2200")
        return text

    @classmethod
    def read(cls, folder: Path) -> CellStatus:
        """Read it from a cell's folder.

        Raises:
            OSError: the file cannot be read.
            ValueError: the file holds something else.
        """
        return cls.model_validate_json((folder / STATUS).read_bytes())

    def write(self, folder: Path) -> None:
        """Write it into a cell's folder."""
        write_json(folder / STATUS, self.model_dump(), durable=True)


def is_key(name: str) -> bool:
    """Whether a name can be a cell's key."""
    return re.fullmatch("[0-9a-f]{64}", name) is not None


def now() -> str:
    """The current time in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
