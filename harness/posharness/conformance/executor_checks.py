"""The checks of executors: every cell ends, whatever happens to the others, with the same result."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from posharness.conformance import sample_task
from posharness.conformance.finding import Check
from posharness.conformance.slot_checks import well_named
from posharness.contracts import Event, Executor, Finished, Progress, Requeued, Started
from posharness.contracts.cell import Budget, Cell, Choice, ModelSettings
from posharness.executors import LocalRunner
from posharness.registry.parameters import build
from posharness.store import Store

__all__ = ["EXECUTOR_CHECKS", "TriedExecutor"]

_WORKERS, _LIMIT = 2, 3.0
_EXPECTED = {"": "done", "raise": "failed", "exit": "crashed", "skip": "skipped"}
"""How a cell of each fate ends."""


def _cell(fate: str, seed: int = 0) -> Cell:
    return Cell(
        encoding=Choice(name="none"),
        attention=Choice(name="softmax"),
        body="decoder",
        task=Choice(name=sample_task.SampleTask.name, params={"fate": fate}),
        model=ModelSettings(width=8, layers=1, heads=2),
        budget=Budget(steps=2, batch=2, test_sequences=3, validation_sequences=2, validate_every=2),
        seed=seed,
        skip="it is to be skipped" if fate == "skip" else "",
    )


_CELLS = (_cell(""), _cell("raise"), _cell("exit"), _cell("skip"), _cell("", seed=1))


@dataclass
class _Execution:
    """One call of `execute`, and the events that it reported."""

    store: Store
    events: list[Event] = field(default_factory=list)
    elsewhere: bool = False

    def finished(self, cell: Cell) -> list[Finished]:
        return [event for event in self.events if isinstance(event, Finished) and event.key == cell.key]

    def status(self, cell: Cell) -> str:
        state = self.store.status(cell.key)
        return state.status if state else "unknown"


@dataclass(frozen=True)
class TriedExecutor:
    """An executor, and small cells that it runs."""

    cls: type[Executor]
    params: Mapping[str, Any]

    def build(self, *, workers: int = _WORKERS, timeout: float | None = None) -> Executor:
        """The executor, with the harness's settings."""
        return self.cls(workers=workers, timeout=timeout, **build(self.cls, self.params))

    def execute(self, cells: Sequence[Cell], store: Path, timeout: float | None = None) -> _Execution:
        """Run cells into a store."""
        done = _Execution(Store.open(store, create=True))
        place = (os.getpid(), threading.get_ident())

        def observe(event: Event) -> None:
            done.elsewhere |= (os.getpid(), threading.get_ident()) != place
            done.events.append(event)

        run = LocalRunner(store, (Path(sample_task.__file__),))
        self.build(timeout=timeout).execute(cells, run=run, observe=observe)
        return done

    @cached_property
    def folder(self) -> tempfile.TemporaryDirectory[str]:
        """A folder for the stores, which goes when the checks have ended."""
        return tempfile.TemporaryDirectory(prefix="posharness-check-")

    @cached_property
    def executed(self) -> _Execution:
        """One execution of every kind of cell, which most checks look at."""
        return self.execute(_CELLS, Path(self.folder.name) / "first")


def builds(tried: TriedExecutor) -> str:
    """It takes workers and a time limit from the harness."""
    built = tried.build(workers=3, timeout=5.0)
    if (built.workers, built.timeout) != (3, 5.0):
        return f"it has {built.workers!r} workers and timeout {built.timeout!r}: expected 3 and 5.0"
    return well_named(built.name)


def nothing(tried: TriedExecutor) -> str:
    """Without cells it returns, and reports nothing."""
    done = tried.execute((), Path(tried.folder.name) / "empty")
    return f"without cells it reports {done.events[0]}" if done.events else ""


def ends(tried: TriedExecutor) -> str:
    """Every cell has the status that it should have, and the others run on when one fails."""
    for cell in _CELLS:
        fate = cell.task.params["fate"]
        status = tried.executed.status(cell)
        if status != _EXPECTED[fate]:
            return f"a cell that should end as {_EXPECTED[fate]} is {status}"
    return ""


def events(tried: TriedExecutor) -> str:
    """Each cell starts before it progresses and finishes once, as the store has it."""
    done = tried.executed
    if done.elsewhere:
        return "observe is called in another process or thread than execute"
    for cell in _CELLS:
        own = [event for event in done.events if event.key == cell.key]
        if len(done.finished(cell)) != 1:
            return f"a cell is reported as finished {len(done.finished(cell))} times"
        last = own[-1]
        if not isinstance(last, Finished):
            return f"{type(last).__name__} is reported after a cell has finished"
        if last.outcome.status != done.status(cell):
            return f"a cell is reported as {last.outcome.status}, and the store has it as {done.status(cell)}"
        if last.outcome.status == "done" and not _starts_first(own):
            return "a cell is not reported as started before it progresses or is done"
    return ""


def _starts_first(own: Sequence[Event]) -> bool:
    """Whether the events of a cell report it as started whenever it progresses, and at its end."""
    started = False
    for event in own:
        if isinstance(event, Started | Requeued):
            started = isinstance(event, Started)
        elif isinstance(event, Progress | Finished) and not started:
            return False
    return True


def same(tried: TriedExecutor) -> str:
    """A cell has the same predictions as when it is run alone."""
    cell = _CELLS[0]
    alone = Path(tried.folder.name) / "alone"
    run = LocalRunner(alone, (Path(sample_task.__file__),))
    run(cell)
    first, second = (
        (store.home(cell.key) / "predictions.parquet").read_bytes()
        for store in (tried.executed.store, Store.open(alone, create=False))
    )
    return "" if first == second else "its predictions differ from those of the same cell run alone"


def done_already(tried: TriedExecutor) -> str:
    """A cell that is done is reported as done, and left as it is."""
    cell = _CELLS[0]
    path = tried.executed.store.home(cell.key) / "status.json"
    before = path.read_bytes()
    again = tried.execute([cell], tried.executed.store.path)
    if [event.outcome.status for event in again.finished(cell)] != ["done"]:
        return "a cell that was done is not reported as done"
    return "" if path.read_bytes() == before else "a cell that was done is run again"


def timeout(tried: TriedExecutor) -> str:
    """A cell that takes longer than the time limit ends alone."""
    slow, quick = _cell("sleep"), _cell("", seed=2)
    done = tried.execute([slow, quick], Path(tried.folder.name) / "slow", timeout=_LIMIT)
    if (status := done.status(slow)) != "timeout":
        return f"a cell that takes longer than timeout is {status}: expected timeout"
    return "" if done.status(quick) == "done" else f"the cell after it is {done.status(quick)}: expected done"


EXECUTOR_CHECKS: tuple[Check[TriedExecutor], ...] = (
    Check("builds", builds, gate=True),
    Check("nothing to run", nothing),
    Check("every cell ends", ends, gate=True),
    Check("events", events),
    Check("same result", same),
    Check("done already", done_already),
    Check("time limit", timeout),
)
