"""The store: every cell's folder on disk, each whole or not at all."""

from posharness.store.opening import examine
from posharness.store.records import CellStatus
from posharness.store.store import Store
from posharness.store.work import INTERRUPTED, Busy, Work

__all__ = ["INTERRUPTED", "Busy", "CellStatus", "Store", "Work", "examine"]
