"""`harness run`: train the cells that the store does not hold yet, and report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from posharness.cli.answer import OpenReport
from posharness.cli.options import Baseline, Compiler, Executor, PluginPaths, Readings, Treebank
from posharness.cli.output import console
from posharness.cli.run_and_report import (
    FailFast,
    MaxFailures,
    Memory,
    Report,
    Timeout,
    Workers,
    run_and_report,
)
from posharness.defaults import DEFAULT_PRESET, DEFAULT_STORE

if TYPE_CHECKING:
    from posharness.execution import Execution, RunSummary
    from posharness.experiment import Experiment
    from posharness.planning.plan_tuning import Tuning

__all__ = ["register"]

_EPILOG = """[bold]Examples[/]
  harness run --plugins rpe,absolute
  harness run --plugins 'rope,alibi,learned' --preset smoke
  harness run --plugins 'relative\\[clip=8|16]' --tasks copy --seeds 3
  harness run --plugins rope --tasks bert --corpus my_text.txt
  harness run --plugins rope,alibi --set task.copy.params.length=64
  harness run --plugins rpe --tasks bert --readings all --treebank dev.conllu
  harness run --plugins rope,alibi --tasks copy --until decided --max-seeds 8
  harness run --plugins rope,alibi --tasks copy --tune 'lr=\\[.001,.003]'
  harness run --plugins my_encoding --plugin-path my_encoding.py

Finished cells are not trained again. After Ctrl-C, the same command resumes the run.
Exit status: 0 all cells done, 1 some did not end as done, 2 wrong input, 130 stopped."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(run)


def run(
    plugins: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A,B,…",
            help="Encodings and attentions: names, aliases, or name\\[param=a|b] for a grid. "
            "`harness list` shows them.",
        ),
    ] = None,
    tasks: Annotated[
        list[str] | None, typer.Option(metavar="A,B,…", help="Tasks, named like plugins; else the preset's.")
    ] = None,
    bodies: Annotated[
        list[str] | None,
        typer.Option(
            "--bodies", "--body", metavar="A,B,…", help="encoder, decoder, bert, …; else each task's own."
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="tiny, mini, small, medium or base, as BERT's; else the preset's."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A shipped experiment to start from: smoke (under a minute), quick, standard.",
            show_default=DEFAULT_PRESET,
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(metavar="FILE|NAME", help="A TOML file over the preset, or a shipped experiment."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Repeat with seeds 0 … N-1; else the preset's.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Set any key of an experiment file, for example budget.steps=200; repeatable.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="decided",
            help="Add seeds where verdicts or ranks are open, none where they are settled.",
        ),
    ] = None,
    max_seeds: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="With --until, the most seeds.", show_default="12"),
    ] = None,
    tune: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=\\[V,…]",
            help="First choose a setting for each encoding and task on validation, for example "
            "'lr=\\[.001,.003]'; repeatable for a grid.",
        ),
    ] = None,
    tune_seeds: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="With --tune, runs of each setting.", show_default="2"),
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|ID", help="Text, JSON or Parquet file, or a Hub id, for tasks that read a corpus."
        ),
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The column of the texts in a JSON or Parquet file or on the Hub."),
    ] = None,
    logger: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="csv, tensorboard, wandb or mlflow: log every curve while it grows, into the store's logs/.",
        ),
    ] = None,
    store: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the results.")] = DEFAULT_STORE,
    readings: Readings = None,
    treebank: Treebank = None,
    workers: Workers = None,
    timeout: Timeout = None,
    memory: Memory = None,
    max_failures: MaxFailures = None,
    fail_fast: FailFast = False,
    executor: Executor = None,
    compiler: Compiler = None,
    plugin_path: PluginPaths = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the cells and stop.")] = False,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="With --dry-run, train some steps of each kind of cell: time, memory and disk of the run.",
        ),
    ] = False,
    report: Report = True,
    open_: OpenReport = False,
    baseline: Baseline = None,
) -> None:
    """Train and compare encodings and attentions, and compile a report."""
    from posharness.errors import UserError
    from posharness.experiment import load_experiment
    from posharness.planning.precision import remark_on_precision
    from posharness.registry.selection import parse_all

    paths = plugin_path or []
    most = _most_seeds(until, max_seeds)
    tuning = _tuning(tune, tune_seeds)
    bodies = _split(bodies)
    _check_names(bodies or [], size, logger)
    given: dict[str, Any] = {
        "plugins": plugins,
        "tasks": tasks,
        "bodies": bodies,
        "seeds": seeds,
        "model": {"size": size},
        "trainer": {"logger": logger},
        "readings": readings,
        "treebank": treebank,
        "executor": executor,
        "compiler": compiler,
    }
    experiment = load_experiment(preset=preset, config=config, overrides=given, settings=settings or ())
    text = {"corpus": corpus, "text_column": text_column}
    if text := {name: value for name, value in text.items() if value is not None}:
        given["task"] = _corpus_settings(text, experiment, paths)
        experiment = load_experiment(preset=preset, config=config, overrides=given, settings=settings or ())
    of_tasks = [experiment.settings(selection.name) for selection in parse_all(experiment.tasks)]
    if remark := remark_on_precision((model, trainer) for _, model, _, _, trainer in of_tasks):
        console(stderr=True).print(remark, style="dim", soft_wrap=True)
    if measure and not dry_run:
        raise UserError("--measure needs --dry-run.")
    if dry_run:
        from posharness.cli.dryrun import print_plan

        print_plan(experiment, store, paths, most, tuning, measure=measure, workers=workers)
        return

    def start(execution: Execution, announce: Callable[[str], None]) -> RunSummary:
        from posharness.api import execute

        if most is None:
            return execute(experiment, execution, announce=announce, tuning=tuning)
        return execute(
            experiment, execution, announce=announce, until="decided", max_seeds=most, tuning=tuning
        )

    run_and_report(
        start,
        title=experiment.title,
        store=store,
        workers=workers,
        timeout=timeout,
        memory=memory,
        max_failures=1 if fail_fast else max_failures,
        plugin_paths=paths,
        report=report,
        open_=open_,
        executor=experiment.executor,
        compiler=experiment.compiler,
        baseline=baseline or "",
    )


def _most_seeds(until: str | None, given: int | None) -> int | None:
    """The number of seeds at the last look; None for a run that adds none.

    Raises:
        UserError: another word than "decided", or --max-seeds without --until.
    """
    from posharness.errors import UserError
    from posharness.planning.looks import MOST

    if until not in (None, "decided"):
        raise UserError(f"--until {until}: expected decided.")
    if given is not None and until is None:
        raise UserError(f"--max-seeds {given} needs --until decided; for a fixed number give --seeds.")
    return (given or MOST) if until else None


def _tuning(grid: list[str] | None, seeds: int | None) -> Tuning | None:
    """What is tuned; None for nothing.

    Raises:
        UserError: an unknown setting or a wrong value, or --tune-seeds without --tune.
    """
    from posharness.errors import UserError
    from posharness.experiment.tuning import TUNE_SEEDS, parse_grid
    from posharness.planning.plan_tuning import Tuning

    if grid:
        return Tuning(parse_grid(grid), seeds or TUNE_SEEDS)
    if seeds is not None:
        raise UserError(f"--tune-seeds {seeds} needs --tune, for example --tune 'lr=[.001,.003]'.")
    return None


def _split(texts: list[str] | None) -> list[str] | None:
    from posharness.registry.selection import split

    return None if texts is None else [item for text in texts for item in split(text, ",")]


def _check_names(bodies: Sequence[str], size: str | None, logger: str | None) -> None:
    """Refuse an unknown body, size or logger under the name of its option.

    Raises:
        UserError: there is one.
    """
    from posharness.contracts.cell import BodyName
    from posharness.errors import UserError, did_you_mean
    from posharness.experiment.sizes import SIZES
    from posharness.planning.trainer import LOGGERS

    known = get_args(BodyName)
    if strangers := [body for body in bodies if body not in known]:
        raise UserError(f"--bodies: unknown body {strangers[0]!r}; {did_you_mean(strangers[0], known)}")
    if size is not None and size not in SIZES:
        raise UserError(f"--size: unknown size {size!r}; {did_you_mean(size, SIZES)}")
    if logger is not None and logger not in LOGGERS:
        raise UserError(f"--logger: unknown logger {logger!r}; {did_you_mean(logger, [*LOGGERS])}")


def _corpus_settings(text: dict[str, str], experiment: Experiment, paths: Sequence[Path]) -> dict[str, Any]:
    """Settings that give the text, by parameter, to every selected task that reads one."""
    from posharness.errors import UserError
    from posharness.registry.parameters import parameters
    from posharness.registry.registry import Registry
    from posharness.registry.selection import parse_all

    tasks = Registry.load(paths).tasks
    chosen = {tasks.find(selection.name).name for selection in parse_all(experiment.tasks)}
    found: dict[str, dict[str, Any]] = {}
    for name, value in text.items():
        readers = [task for task in tasks if name in parameters(tasks[task])]
        if not chosen & set(readers):
            raise UserError(
                f"--{name.replace('_', '-')} {value}: none of the tasks {', '.join(sorted(chosen))} reads a "
                f"corpus; add one that does to --tasks: {', '.join(readers)}."
            )
        for task in chosen & set(readers):
            found.setdefault(task, {"params": {}})["params"][name] = value
    return found
