"""Carrying out a plan: what the store does not hold yet, the readings after what they read."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from posharness.contracts import Event, Executor, Finished, Observer
from posharness.contracts.cell import Cell
from posharness.errors import UserError
from posharness.registry.registry import Registry
from posharness.store import Store, examine

__all__ = ["DEFAULT_EXECUTOR", "DEFAULT_STORE", "Execution", "RunSummary"]

DEFAULT_STORE = Path("runs")
DEFAULT_EXECUTOR = "local"


@dataclass(frozen=True)
class RunSummary:
    """How a run went.

    Attributes:
        planned: every cell of the experiment, in order.
        reused: keys of the cells that were already done.
        finished: status by key of the cells that were not.
        seconds: wall time of the execution.
    """

    planned: tuple[Cell, ...]
    reused: frozenset[str]
    finished: dict[str, Finished] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def counts(self) -> Counter[str]:
        """How many cells ended in each status, the reused ones left out."""
        return Counter(event.status for event in self.finished.values())

    @property
    def failed(self) -> bool:
        """Whether any cell that could have worked did not end as done."""
        return any(status not in ("done", "skipped") for status in self.counts)


@dataclass(frozen=True)
class Execution:
    """Where and how cells are made.

    Attributes:
        workers: cells at a time; by default one for each core.
        timeout: seconds that one cell may take.
        observe: told of each event of each cell.
        on_plan: told of the cells and of those that are reused, before anything is made.
    """

    store: Path = DEFAULT_STORE
    workers: int | None = None
    timeout: float | None = None
    plugin_paths: Sequence[Path] = ()
    observe: Observer = lambda _: None
    on_plan: Callable[[Sequence[Cell], frozenset[str]], None] = lambda *_: None
    executor: str = DEFAULT_EXECUTOR

    def carry_out(self, plan: Callable[[Registry], list[Cell]]) -> RunSummary:
        """Make every planned cell that the store does not hold yet.

        Raises:
            UserError: what the plan raises, or a store that cannot be used.
        """
        if self.workers is not None and self.workers < 1:
            raise UserError(f"--workers {self.workers}: expected at least 1.")
        examine(self.store)  # what is wrong with a store is said before a corpus is prepared for it
        registry = Registry.load(self.plugin_paths)
        chosen = registry.executors.find(self.executor)
        cells = plan(registry)
        opened = Store.open(self.store, create=True)
        reused = frozenset(cell.key for cell in cells if opened.done(cell.key))
        self.on_plan(cells, reused)
        began = time.monotonic()
        maker = chosen(workers=self.workers or os.cpu_count() or 1, timeout=self.timeout)
        finished: dict[str, Finished] = {}

        def record(event: Event) -> None:
            if isinstance(event, Finished):
                finished[event.key] = event
            self.observe(event)

        todo = [cell for cell in cells if cell.key not in reused]
        self._make(maker, [cell for cell in todo if not cell.pretrained], opened, record)
        readings = [_readable(cell, opened) for cell in todo if cell.pretrained]
        self._make(maker, readings, opened, record)
        return RunSummary(tuple(cells), reused, finished, time.monotonic() - began)

    def _make(self, maker: Executor, cells: list[Cell], store: Store, observe: Observer) -> None:
        if cells:
            paths = [path.resolve() for path in self.plugin_paths]
            maker.execute(cells, store=store.path, plugin_paths=paths, observe=observe)


def _readable(reading: Cell, store: Store) -> Cell:
    """The cell of a reading; with a reason to skip it where the store does not hold its model."""
    if reading.skip or reading.where or store.done(reading.pretrained):
        return reading
    state = store.status(reading.pretrained)
    ended = f"ended as {state.status}" if state else "has not begun"
    because = f": {state.reason}" if state and state.reason else ""
    return reading.model_copy(update={"skip": f"the training of its model {ended}{because}"})
