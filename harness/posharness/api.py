"""Running from Python: an experiment, or readings on trained models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from posharness.contracts.cell import Cell
from posharness.defaults import DEFAULT_EXECUTOR, DEFAULT_STORE, cache_root
from posharness.evaluation import evaluate as evaluate_models
from posharness.execution import Execution, RunSummary
from posharness.experiment import Experiment, load_experiment
from posharness.experiment.tuning import TUNE_SEEDS, Point, grid_of
from posharness.planning.looks import MOST
from posharness.planning.plan import plan
from posharness.planning.plan_tuning import Arm
from posharness.registry.process_copy import check_imports
from posharness.registry.registry import Registry
from posharness.results import Results, chosen, load
from posharness.tuning import Tuning, run_trials, tuned_plan
from posharness.until_decided import run_until_decided

__all__ = ["evaluate", "execute", "run"]


def execute(
    experiment: Experiment,
    execution: Execution,
    *,
    announce: Callable[[str], None] = lambda _: None,
    until: Literal["decided"] | None = None,
    max_seeds: int = MOST,
    tuning: Tuning | None = None,
) -> RunSummary:
    """Run every cell of an experiment that the store does not hold yet.

    Args:
        experiment: what to run, as `load_experiment` reads it.
        execution: where and how to run it: the store, the executor, the number of workers.
        announce: called with a message before each task and reading is prepared.
        until: as for `run`.
        max_seeds: as for `run`.
        tuning: settings to choose first, for each encoding and task.

    Raises:
        UserError: the experiment or its data are wrong, or the store cannot be used.
    """
    if until or tuning:  # they prepare and plan before the first run
        execution.check()
    trials: RunSummary | None = None
    chosen: Mapping[Arm, Point] | None = None
    if tuning:
        trials, chosen = run_trials(tuning, experiment, execution, announce=announce)
        if trials.stopped:
            return trials

    def planned(asked: Experiment, registry: Registry) -> list[Cell]:
        if chosen is not None:
            return tuned_plan(chosen, asked, registry, execution.store, announce)
        return plan(asked, registry, cache_root(), announce)

    if until:
        summary = run_until_decided(experiment, execution, max_seeds, planned, announce=announce)
    else:
        summary = execution.run(lambda registry: planned(experiment, registry))
    return summary.after(trials) if trials else summary


def run(
    plugins: Sequence[str],
    *,
    tasks: Sequence[str] | None = None,
    preset: str | None = None,
    config: str | Path | None = None,
    store: str | Path = DEFAULT_STORE,
    workers: int | None = None,
    timeout: float | None = None,
    plugin_paths: Sequence[str | Path] = (),
    overrides: dict[str, Any] | None = None,
    executor: str | None = None,
    until: Literal["decided"] | None = None,
    max_seeds: int = MOST,
    tune: Mapping[str, Sequence[Any]] | None = None,
    tune_seeds: int = TUNE_SEEDS,
) -> Results:
    """Run the cells that the store does not hold yet, and return the results of the experiment.

    Args:
        plugins: encodings and attentions, as for `--plugins`.
        tasks: tasks, as for `--tasks`.
        preset: the name of a preset, as for `--preset`.
        config: an experiment file, or the name of a shipped one, as for `--config`.
        store: the folder of the results; it is created if missing.
        workers: number of cells that run at a time; by default one for each core.
        timeout: seconds that one cell may take; None for no limit.
        plugin_paths: files of single-file plugins, as for `--plugin-path`.
        overrides: further settings, nested like an experiment file, e.g. `{"seeds": 3}`.
        executor: the executor that runs the cells, as for `--executor`, e.g. `"local"`.
        until: "decided" adds seeds where a report leaves something open, as `--until`; None adds none.
        max_seeds: the number of seeds up to which they are added, as `--max-seeds`.
        tune: settings to choose first for each encoding and task, with the values to try, as for `--tune`,
            e.g. `{"lr": [0.001, 0.003]}`.
        tune_seeds: the number of runs of each combination of values.

    Raises:
        UserError: the experiment or its data are wrong (an unknown name, an invalid file, a missing text), a
            plugin cannot be loaded, or the store cannot be used.

    Examples:
        >>> results = posharness.run(["rpe", "absolute"], preset="smoke")  # doctest: +SKIP
        >>> results.cells[["label", "task", "status"]]  # doctest: +SKIP
    """
    settings = {**(overrides or {}), "plugins": list(plugins), "tasks": list(tasks) if tasks else None}
    experiment = load_experiment(preset=preset, config=config, overrides=settings)
    execution = Execution(
        Path(store),
        workers,
        timeout,
        [Path(path) for path in plugin_paths],
        executor=executor or experiment.executor,
    )
    tuning = Tuning(grid_of(tune), tune_seeds) if tune else None
    check_imports(execution.plugin_paths)
    summary = execute(experiment, execution, until=until, max_seeds=max_seeds, tuning=tuning)
    return _results(summary, store)


def evaluate(
    models: Sequence[str],
    *,
    treebank: str | Path,
    readings: Sequence[str] = ("all",),
    seeds: int | list[int] = 1,
    store: str | Path = DEFAULT_STORE,
    workers: int | None = None,
    timeout: float | None = None,
    plugin_paths: Sequence[str | Path] = (),
    executor: str = DEFAULT_EXECUTOR,
) -> Results:
    """Run readings on trained masked language models, and return the results.

    Args:
        models: each a folder or a Hub id for `transformers`, or the beginning of a finished cell's key.
        treebank: the text, in CoNLL-U format.
        readings: names of readings, as for `--readings`.
        seeds: seeds for external models, as a number or a list; a cell is evaluated with its own seed.
        store: the folder of the results, and of the finished cells that `models` names.
        workers: number of cells that run at a time; by default one for each core.
        timeout: seconds that one cell may take; None for no limit.
        plugin_paths: files of single-file plugins, as for `--plugin-path`.
        executor: the executor that runs the cells, as for `--executor`.

    Raises:
        UserError: an unknown model, one that is not a masked language model, a mistake in the readings, a
            text that is missing or not in CoNLL-U format, or a store that cannot be used.

    Examples:
        >>> results = posharness.evaluate(["my_bert/"], treebank="dev.conllu")  # doctest: +SKIP
    """
    experiment = Experiment(readings=list(readings), treebank=str(treebank), seeds=seeds)
    paths = [Path(path) for path in plugin_paths]
    execution = Execution(Path(store), workers, timeout, paths, executor=executor)
    return _results(evaluate_models(models, experiment, execution), store)


def _results(summary: RunSummary, store: str | Path) -> Results:
    """The results of a run's cells."""
    stored = load(store, versions="all")
    keys = [cell.key for cell in summary.planned]
    return chosen(stored, lambda cells: cells.isin(keys))
