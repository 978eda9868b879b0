"""Shares the GPUs of a machine out among the cells that run at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from posharness.contracts.cell import Cell

__all__ = ["GpuShares", "at_once"]


class GpuShares:
    """Gives each cell the GPUs that the fewest cells use.

    With more workers than GPUs, several cells share one: four workers on two GPUs take half of one each.
    """

    def __init__(self, gpus: Sequence[str], workers: int) -> None:
        self._used = Counter(dict.fromkeys(gpus, 0))
        self._most = math.ceil(workers / len(gpus)) if gpus else 0

    def take(self, cell: Cell) -> tuple[str, ...] | None:
        """The GPUs of a cell, none where there are none or it trains on a CPU; None if it has to wait.

        A cell that asks for more GPUs than there are gets all of them, and fails with the reason.
        """
        if not self._used or cell.trainer.accelerator == "cpu":
            return ()
        free = sorted((used, gpu) for gpu, used in self._used.items() if used < self._most)
        wanted = min(cell.trainer.devices, len(self._used))
        if len(free) < wanted:
            return None
        chosen = tuple(gpu for _, gpu in free[:wanted])
        self._used.update(chosen)
        return chosen

    def give_back(self, gpus: Sequence[str]) -> None:
        """Free the GPUs of a cell that has ended."""
        self._used.subtract(gpus)


def at_once(cells: Sequence[Cell], workers: int, gpus: Sequence[str]) -> int:
    """How many of the cells run at a time on so many workers and these GPUs; at least 1."""
    shares = GpuShares(gpus, workers)
    running = 0
    for cell in cells:
        if running == workers:
            break
        running += shares.take(cell) is not None
    return max(1, running)
