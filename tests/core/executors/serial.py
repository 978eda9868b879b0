"""An executor of one's own, written from the contracts alone: one cell after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from posharness.contracts import Cell, CellRunner, Executor, Observer, hookimpl


class Serial(Executor):
    """Runs cells in their order or backwards, and writes the order to a file."""

    name = "serial"
    aliases = ("one-by-one",)
    summary = "One cell after the other"

    def __init__(
        self,
        *,
        workers: int = 1,
        timeout: float | None = None,
        order: Literal["forwards", "backwards"] = "forwards",
    ) -> None:
        super().__init__(workers=workers, timeout=timeout)
        self.order = order

    def execute(self, cells: Sequence[Cell], *, run: CellRunner, observe: Observer) -> None:
        for cell in cells if self.order == "forwards" else reversed(cells):
            ended = run(cell, timeout=self.timeout, observe=observe)
            with Path("order.txt").open("a") as file:
                file.write(f"{cell.seed} {ended.status} {self.workers}\n")


class Far(Serial):
    """The same for cells that run elsewhere."""

    name = "far"
    aliases = ()
    summary = "One cell after the other, as if on other machines"
    elsewhere = True


@hookimpl
def posharness_executors() -> Sequence[type[Executor]]:
    return [Serial, Far]
