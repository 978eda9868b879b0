"""`harness evaluate`: evaluate trained masked language models, and report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posharness.cli.options import Compiler, Executor, PluginPaths, Readings, Treebank
from posharness.cli.run_and_report import Report, Timeout, Workers, run_and_report
from posharness.defaults import DEFAULT_COMPILER, DEFAULT_EXECUTOR, DEFAULT_STORE

if TYPE_CHECKING:
    from collections.abc import Callable

    from posharness.execution import Execution, RunSummary

__all__ = ["register"]

_EPILOG = """[bold]Examples[/]
  harness evaluate --model my_bert/ --readings all --treebank dev.conllu
  harness evaluate --model roberta-base --readings copy --treebank dev.conllu
  harness evaluate --model 3f9a --readings heads --treebank dev.conllu

A model is a folder or a Hub id that transformers loads, or the first characters of a finished cell's key.
The report holds all readings of the store. Finished readings are not repeated.
Exit status: 0 all cells done, 1 some did not end as done, 2 wrong input, 130 stopped."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(evaluate)


def evaluate(
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR|ID|CELL", help="A masked language model; repeatable."),
    ] = None,
    readings: Readings = None,
    treebank: Treebank = None,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Seeds 0 … N-1 for a model from outside the store.")
    ] = 1,
    store: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder of the cells and the results.")
    ] = DEFAULT_STORE,
    workers: Workers = None,
    timeout: Timeout = None,
    executor: Executor = None,
    compiler: Compiler = None,
    plugin_path: PluginPaths = None,
    report: Report = True,
) -> None:
    """Evaluate trained masked language models, and compile a report."""
    from posharness.experiment import Experiment

    experiment = Experiment(
        readings=readings or [],
        treebank=treebank or "",
        seeds=seeds,
        executor=executor or DEFAULT_EXECUTOR,
        compiler=compiler or DEFAULT_COMPILER,
    )

    def start(execution: Execution, announce: Callable[[str], None]) -> RunSummary:
        from posharness.evaluation import evaluate

        return evaluate(model or [], experiment, execution, announce=announce)

    run_and_report(
        start,
        title=experiment.title,
        store=store,
        workers=workers,
        timeout=timeout,
        plugin_paths=plugin_path or [],
        report=report,
        executor=experiment.executor,
        compiler=experiment.compiler,
    )
