"""Running the cells of a plan that the store does not hold yet: training first, then readings."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from posharness.contracts import CellOutcome, Event, Executor, Finished, Observer, Started, Waiting
from posharness.contracts.cell import Cell
from posharness.cost.amount import Amount, amounts_of
from posharness.defaults import DEFAULT_EXECUTOR, DEFAULT_STORE
from posharness.errors import HarnessWarning, UserError
from posharness.executors import LocalRunner
from posharness.executors.forkserver import PRELOAD, fork_server
from posharness.executors.plugin_sources import needed_files
from posharness.registry.registry import Registry
from posharness.store import Store, examine
from posharness.store.layout import ASIDE
from posharness.store.plans import opened_plan

__all__ = ["Execution", "OnPlan", "RunSummary"]

OnPlan = Callable[[Sequence[Cell], frozenset[str], Mapping[str, Amount], int | None], None]
"""What is told of a plan before it runs: see `Execution.on_plan`."""


@dataclass(frozen=True)
class RunSummary:
    """The outcome of a run.

    Attributes:
        planned: every cell of the experiment, in order.
        reused: keys of the cells that were already done.
        elsewhere: keys of the cells that another process has made meanwhile.
        outcomes: of the other cells, by key.
        stopped: whether it ended early, after as many failures as it was allowed.
        seconds: wall time of the execution.
    """

    planned: tuple[Cell, ...]
    reused: frozenset[str]
    outcomes: dict[str, CellOutcome] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()
    stopped: bool = False
    seconds: float = 0.0

    @property
    def counts(self) -> Counter[str]:
        """The number of cells by status, without the reused ones."""
        return Counter(outcome.status for outcome in self.outcomes.values())

    def after(self, earlier: RunSummary) -> RunSummary:
        """This run and one before it, whose cells need not be among the planned ones."""
        outcomes = {**earlier.outcomes, **self.outcomes}
        return replace(
            self,
            reused=(self.reused | earlier.reused) - {*outcomes},
            outcomes=outcomes,
            elsewhere=self.elsewhere | earlier.elsewhere,
            seconds=earlier.seconds + self.seconds,
        )

    @property
    def failed(self) -> int:
        """The number of cells that could have been done and are not."""
        return sum(outcome.failed for outcome in self.outcomes.values())


class _TooManyFailures(KeyboardInterrupt):
    """Stops an executor as Ctrl-C does: the running cells write their checkpoints."""


@dataclass(frozen=True)
class Execution:
    """Where and how cells are run.

    Attributes:
        workers: cells at a time; by default `default_workers`, or no limit where cells run elsewhere.
        timeout: seconds that one cell may take.
        observe: called with each event of each cell.
        on_plan: called before anything is run, with the cells, the keys of the reused ones, the amounts of
            the others, and how many of these run at a time (None if that is not known).
        executor: the name of an executor, with its parameters in brackets.
        max_failures: after so many cells that did not end as done, the others are stopped, and can be
            resumed; None for no limit.
        memory: GB that the process of one cell may allocate beyond what it starts with; None for no limit.
        leave_running: asked after Ctrl-C, where cells can go on without the harness: whether they do.
        joins: whether the cells are those of another run's open plan; else they are an open plan meanwhile.
    """

    store: Path = DEFAULT_STORE
    workers: int | None = None
    timeout: float | None = None
    plugin_paths: Sequence[Path] = ()
    observe: Observer = lambda _: None
    on_plan: OnPlan = lambda *_: None
    executor: str = DEFAULT_EXECUTOR
    max_failures: int | None = None
    memory: float | None = None
    leave_running: Callable[[], bool] = lambda: False
    joins: bool = False

    def run(self, plan: Callable[[Registry], list[Cell]]) -> RunSummary:
        """Run every planned cell that the store does not hold yet.

        Raises:
            UserError: the plan raises it, or the store cannot be used.
        """
        registry = Registry.load(self.plugin_paths)
        executor = self._checked(registry)
        executor.leave_running = self.leave_running
        cells = plan(registry)
        _check_nodes(cells, executor)
        opened = Store.open(self.store, create=True)
        for cell in cells:
            opened.check_readable(cell.key)
        reused = frozenset(cell.key for cell in cells if opened.done(cell.key))
        todo = [cell for cell in cells if cell.key not in reused]
        trained, readings = (
            [cell for cell in todo if bool(cell.pretrained) == read] for read in (False, True)
        )
        at_once = executor.at_once([cell for cell in (*trained, *readings) if not cell.skip])
        self.on_plan(cells, reused, amounts_of(todo, registry), at_once)
        began = time.monotonic()
        outcomes: dict[str, CellOutcome] = {}
        started: set[str] = set()

        def record(event: Event) -> None:
            if isinstance(event, Started):
                started.add(event.key)
            if isinstance(event, Waiting):  # another process was first
                started.discard(event.key)
            if isinstance(event, Finished):
                outcomes[event.key] = event.outcome
            self.observe(event)
            if isinstance(event, Finished) and event.outcome.failed and self._enough(outcomes):
                raise _TooManyFailures

        _warn_of_damage([cell for cell in todo if opened.damaged(cell.key)], opened)
        stopped = False
        plan_of_others = opened_plan(opened, [] if self.joins else todo, self.plugin_paths)
        try:
            with plan_of_others:
                self._execute(executor, trained, opened, registry, record)
                readable = [_readable(cell, opened) for cell in readings]
                self._execute(executor, readable, opened, registry, record)
        except _TooManyFailures:
            stopped = True
        for key in [key for key, outcome in outcomes.items() if outcome.failed and opened.done(key)]:
            outcomes[key] = CellOutcome("done")  # another run has made it since it ended here
            started.discard(key)
        done = {key for key, outcome in outcomes.items() if outcome.status == "done"}
        seconds = time.monotonic() - began
        return RunSummary(tuple(cells), reused, outcomes, frozenset(done - started), stopped, seconds)

    def check(self) -> None:
        """Check all that can be checked before anything is prepared.

        Raises:
            UserError: the store or the executor cannot be used.
        """
        self._checked(Registry.load(self.plugin_paths))

    def _checked(self, registry: Registry) -> Executor:
        if self.workers is not None and self.workers < 1:
            raise UserError(f"--workers {self.workers}: expected at least 1.")
        examine(self.store)  # an unusable store is reported before a corpus is prepared for it
        executor = registry.executor(self.executor, workers=self.workers, timeout=self.timeout)
        executor.check()
        return executor

    def _enough(self, outcomes: Mapping[str, CellOutcome]) -> bool:
        """Whether the run has just reached its number of failures; cells that it stopped do not count."""
        failures = [each for each in outcomes.values() if each.failed and each.status != "interrupted"]
        stopping = any(each.status == "interrupted" for each in outcomes.values())
        return self.max_failures is not None and len(failures) >= self.max_failures and not stopping

    def _execute(
        self, executor: Executor, cells: list[Cell], store: Store, registry: Registry, observe: Observer
    ) -> None:
        if cells:
            paths = tuple(path.resolve() for path in self.plugin_paths)
            needed = {cell.key: needed_files(cell, registry) for cell in cells if paths and not cell.skip}
            run = LocalRunner(store.path, paths, self.memory, needed)
            # Otherwise an executor that runs one cell at a time would load torch anew for each of them.
            with fork_server(PRELOAD):
                executor.execute(cells, run=run, observe=observe)


def _check_nodes(cells: Sequence[Cell], executor: Executor) -> None:
    most = max((cell.trainer.num_nodes for cell in cells if not cell.pretrained), default=1)
    if most > 1 and not executor.several_nodes:
        raise UserError(
            f"trainer.num_nodes is {most}, and --executor {executor.name} trains a cell on one machine: give "
            "--executor slurm, or trainer.devices alone."
        )


def _readable(reading: Cell, store: Store) -> Cell:
    """The cell of a reading, with a reason to skip it when its model is not done."""
    if reading.skip or reading.where or store.done(reading.pretrained):
        return reading
    state = store.status(reading.pretrained)
    ended = f"ended as {state.status}" if state else "has not started"
    because = f": {state.reason}" if state and state.reason else ""
    return reading.model_copy(update={"skip": f"the training of its model {ended}{because}"})


def _warn_of_damage(cells: Sequence[Cell], store: Store) -> None:
    for cell in cells:
        state = store.status(cell.key)
        warnings.warn(
            f"The cell {cell.key[:12]} ({cell}): {state.reason if state else 'damaged'}. "
            f"Its folder moves to {store.path / ASIDE}, and it is made again.",
            HarnessWarning,
            stacklevel=3,
        )
