"""Tuning: settings are chosen for each encoding and task on validation, by runs with seeds of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from posharness.contracts.cell import Cell
from posharness.contracts.columns import CURVES
from posharness.defaults import cache_root
from posharness.execution import Execution, RunSummary
from posharness.experiment import Experiment
from posharness.experiment.tuning import Point, points
from posharness.planning.plan_tuning import Arm, Trial, Tuning, arm_of, plan_final, plan_trials
from posharness.registry.registry import Registry
from posharness.store import Store
from posharness.store.tuned import TunedCells, write_tuned

__all__ = ["Tuning", "choose", "run_trials", "tuned_plan"]

_FAILED = (0.0, -math.inf)
"""What a trial without a result counts as: score, and minus the loss."""


def run_trials(
    tuning: Tuning,
    experiment: Experiment,
    execution: Execution,
    *,
    announce: Callable[[str], None] = lambda _: None,
) -> tuple[RunSummary, dict[Arm, Point]]:
    """Run the trials that the store does not hold yet, and choose a point for each encoding and task.

    None is chosen where the run stopped before its end: trials that were not made would count as failed.

    Args:
        announce: called with a message before each preparation, and with what was chosen.

    Raises:
        UserError: the experiment or its data are wrong, or the store cannot be used.
    """
    trials = plan_trials(tuning, experiment, Registry.load(execution.plugin_paths), cache_root(), announce)
    number = len({arm_of(trial.cell) for trial in trials})
    announce(
        f"tuning {', '.join(tuning.grid)} for {number} pairs of encoding and task: "
        f"{len(points(tuning.grid))} settings with {tuning.seeds} seeds each"
    )
    summary = execution.run(lambda _: [trial.cell for trial in trials])
    store = Store.open(execution.store, create=False)
    write_tuned(store.path, TunedCells({trial.cell.key: trial.point for trial in trials}))
    if summary.stopped:
        return summary, {}
    chosen = choose(trials, store)
    for (label, task, body), point in chosen.items():
        words = ", ".join(f"{name}={value}" for name, value in point.items())
        announce(f"chosen for {label} on {task}, {body}: {words}")
    return summary, chosen


def choose(trials: Sequence[Trial], store: Store) -> dict[Arm, Point]:
    """The point with the best mean validation score for each arm; of several the lowest validation loss.

    A trial that has no score counts as 0. The test is not looked at.
    """
    found: dict[Arm, list[tuple[Point, list[tuple[float, float]]]]] = {}
    for trial in trials:
        own = found.setdefault(arm_of(trial.cell), [])
        if not own or own[-1][0] != trial.point:
            own.append((trial.point, []))
        own[-1][1].append(_validated(trial.cell, store))

    def mean(tried: tuple[Point, list[tuple[float, float]]]) -> tuple[float, float]:
        scores, losses = zip(*tried[1], strict=True)
        return fmean(scores), fmean(losses)

    return {arm: max(tried, key=mean)[0] for arm, tried in found.items()}  # of equal ones the first


def tuned_plan(
    chosen: Mapping[Arm, Point],
    experiment: Experiment,
    registry: Registry,
    store: Path,
    announce: Callable[[str], None] = lambda _: None,
) -> list[Cell]:
    """The cells with the chosen settings; the store keeps that these were tuned."""
    cells = plan_final(chosen, experiment, registry, cache_root(), announce)
    final = {cell.key: chosen[arm_of(cell)] for cell in cells if not cell.pretrained}
    write_tuned(Store.open(store, create=True).path, TunedCells(final=final))
    return cells


def _validated(cell: Cell, store: Store) -> tuple[float, float]:
    """The best validation score of a trial, and minus its lowest validation loss."""
    from posharness.store.frames import read_rows  # not at the top: pandas and pyarrow import slowly

    if not store.done(cell.key):
        return _FAILED
    curve = read_rows(store, cell.key, CURVES)
    losses = [] if curve is None else curve["validation_loss"].dropna().tolist()
    return float(store.results(cell.key)["score"]), -min(losses, default=math.inf)
