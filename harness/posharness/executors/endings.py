"""How a cell has ended: what an executor reads in the store, and records for a process that could not."""

from __future__ import annotations

import time
from contextlib import suppress

from posharness.contracts import CellOutcome
from posharness.contracts.cell import Cell
from posharness.errors import UserError
from posharness.store import Busy, CellStatus, Store

__all__ = ["ended_since", "record"]

_PAUSE = 0.2
"""Seconds after which it is tried again to record an outcome."""


def ended_since(store: Store, key: str, before: CellStatus | None) -> CellOutcome | None:
    """The outcome of a cell that is done, or has ended in vain since a run began; None for another.

    Args:
        before: the state in which it had ended when the run began; None if it had not.
    """
    now = store.ended(key)
    if now is None or now.status == "running" or (now.status != "done" and now == before):
        return None
    return CellOutcome(now.status, now.reason, now.traceback)


def record(store: Store, cell: Cell, outcome: CellOutcome, *, patience: float = 2.0) -> CellOutcome:
    """Store the outcome of a cell whose process could not; return what the store says then.

    Args:
        patience: seconds for which it is tried: a process that is being ended may hold the lock as long.
    """
    end = time.monotonic() + patience
    while True:
        try:
            with suppress(UserError), store.begin(cell, keep=True) as work:
                if work is not None:
                    work.finish(outcome)
            break
        except Busy:
            if time.monotonic() >= end:
                break
            time.sleep(_PAUSE)
    return CellOutcome("done") if store.done(cell.key) else outcome
