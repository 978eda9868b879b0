"""The store: a folder on disk for every cell, each complete or absent."""

from posharness.store.layout import CellStatus
from posharness.store.store import Store
from posharness.store.validate import examine
from posharness.store.workspace import INTERRUPTED, Busy, CellWorkspace

__all__ = ["INTERRUPTED", "Busy", "CellStatus", "CellWorkspace", "Store", "examine"]
