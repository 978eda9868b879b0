"""How far off the time left is that a run shows, replayed from the times of a store's cells.

    python tests/benchmarks/time_left.py STORE [--workers 2] [--resumed]

Each cell is replayed with the steps that it made and the processor time of a step, so that what else ran on
the machine does not count, in the order of the plan (seed by seed). With --resumed, the run was stopped
before: the first cells begin with a share of their steps done.
"""

from __future__ import annotations

import argparse
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from posharness.cli.tracker import Tracker
from posharness.contracts import CellOutcome, Event, Finished, Progress, Started
from posharness.contracts.cell import Cell
from posharness.cost.amount import amounts_of
from posharness.registry.registry import Registry
from posharness.store import Store

SHARES = (0.1, 0.25, 0.5, 0.75)
REPORTS = 20
"""Progress reports of each stage."""


@dataclass(frozen=True)
class Took:
    """What a cell took: seconds of training and of the rest, steps made, and the share done before."""

    cell: Cell
    training: float
    rest: float
    steps: int
    resumed: float = 0.0


def took(store: Store) -> list[Took]:
    """The cells that are done, seed by seed."""
    found = []
    for key in store.keys():  # noqa: SIM118
        status, cell = store.status(key), store.cell(key)
        if status is None or status.status != "done" or cell.pretrained or not status.seconds:
            continue
        results = store.results(key)
        rest = status.seconds - results["seconds"]
        if rest > 0:  # else it was resumed, and its status counts the last attempt alone
            training = results["steps"] * results["step_ms"] / 1000
            found.append(Took(cell, training, rest * training / results["seconds"], results["steps"]))
    return sorted(found, key=lambda each: (each.cell.seed, each.cell.task.label, each.cell.label))


def events(of: Took, start: float) -> Iterator[tuple[float, Event]]:
    """The events of a cell that starts at a time; a tenth of the rest is before the training."""
    key, steps = of.cell.key, of.cell.budget.steps
    first = round(of.resumed * of.steps)
    yield start, Started(key)
    yield start, Progress(key, "training", 0, steps)
    begin = start + of.rest * 0.1
    length = of.training * (1 - of.resumed)
    for part in range(REPORTS + 1):
        step = first + (of.steps - first) * part // REPORTS
        yield begin + length * part / REPORTS, Progress(key, "training", step, steps, resumed=first)
    for part in range(REPORTS + 1):
        moment = begin + length + of.rest * 0.9 * part / REPORTS
        yield moment, Progress(key, "evaluating", part, REPORTS, resumed=first)
    yield begin + length + of.rest * 0.9, Finished(key, CellOutcome("done"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--resumed", action="store_true")
    given = parser.parse_args()
    cells = took(Store.open(given.store, create=False))
    if given.resumed:
        cells[: given.workers] = [
            Took(each.cell, each.training, each.rest, each.steps, 0.6) for each in cells[: given.workers]
        ]
    happening: list[tuple[float, int, Event]] = []
    free = [0.0] * given.workers
    for each in cells:
        own = list(events(each, free[0]))
        heapq.heapreplace(free, own[-1][0])
        happening += [(moment, len(happening) + n, event) for n, (moment, event) in enumerate(own)]
    whole, now = max(free), 0.0
    planned = {each.cell.key: each.cell for each in cells}
    tracker = Tracker(planned, amounts_of([*planned.values()], Registry.load()), given.workers, lambda: now)
    shares = list(SHARES)
    for moment, _, event in sorted(happening, key=lambda item: item[:2]):
        while shares and moment >= shares[0] * whole:
            now = shares[0] * whole
            left, truth = tracker.left(), whole - now
            error = f"{100 * (left / truth - 1):+.0f} %" if left is not None else "unknown"
            print(f"{100 * shares.pop(0):.0f} % of {whole / 60:.0f} min: {error}")  # noqa: T201
        now = moment
        tracker.record(event)


if __name__ == "__main__":
    main()
