"""`harness run`: train what the store does not hold yet, show how it goes, and report."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posharness.cli.options import DEFAULT_STORE, PluginPaths
from posharness.cli.output import complain, console, duration

if TYPE_CHECKING:
    from posharness.api import RunSummary
    from posharness.cell import Cell
    from posharness.experiment import Experiment

__all__ = ["register"]

_EPILOG = """[bold]Examples[/]
  harness run --plugins rpe,absolute
  harness run --plugins 'rope,alibi,learned' --preset smoke
  harness run --plugins 'relative\\[clip=8|16]' --tasks copy --seeds 3
  harness run --plugins rope --tasks bert --corpus my_text.txt
  harness run --plugins my_encoding --plugin-path my_encoding.py

The same command again trains nothing that is already done; stopped with Ctrl-C, it goes on where it was.
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
        typer.Option(metavar="A,B,…", help="encoder, decoder or both; else each task's own."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A shipped experiment to start from: smoke (under a minute), quick, standard.",
            show_default="quick",
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(metavar="FILE|NAME", help="A TOML file laid over the preset, or a shipped experiment."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Repeat with seeds 0 … N-1; else the preset's.")
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|ID", help="Text, JSON or Parquet file, or a Hub id, for tasks that read a corpus."
        ),
    ] = None,
    store: Annotated[
        Path, typer.Option(metavar="DIR", help="Where results are kept and found again.")
    ] = DEFAULT_STORE,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Cells at a time, one core each.", show_default="all cores"),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="MINUTES", help="End a cell that takes longer; else no limit.")
    ] = None,
    plugin_path: PluginPaths = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the cells.")] = False,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Compile the report at the end.")
    ] = True,
) -> None:
    """Train encodings against each other, then show a table and compile a report."""
    began = time.monotonic()
    from posharness.experiment import load_experiment

    if timeout is not None and not timeout > 0:
        from posharness.errors import UserError

        raise UserError(f"--timeout {timeout:g}: expected minutes above 0.")
    paths = plugin_path or []
    given: dict[str, Any] = {
        "plugins": plugins,
        "tasks": tasks,
        "bodies": _split(bodies),
        "seeds": seeds,
    }
    experiment = load_experiment(preset=preset, config=config, overrides=given)
    if corpus is not None:
        given["task"] = _corpus_settings(corpus, experiment, paths)
        experiment = load_experiment(preset=preset, config=config, overrides=given)
    if dry_run:
        from posharness.cli.dryrun import print_plan

        print_plan(experiment, store, paths)
        return
    try:
        summary = _execute(experiment, store, workers, timeout, paths)
        _conclude(summary, experiment, store, paths, began=began, report=report)
    except KeyboardInterrupt:
        complain("stopped; finished cells are kept, and the same command goes on with the others.")
        raise typer.Exit(130) from None
    if summary.failed:
        raise typer.Exit(1)


def _split(texts: list[str] | None) -> list[str] | None:
    from posharness.selection import split

    return None if texts is None else [item for text in texts for item in split(text, ",")]


def _corpus_settings(corpus: str, experiment: Experiment, paths: Sequence[Path]) -> dict[str, Any]:
    """Settings that hand the corpus to every selected task that takes one."""
    from posharness.errors import UserError
    from posharness.manager import Registry
    from posharness.parameters import parameters
    from posharness.selection import parse_all

    tasks = Registry.load(paths).tasks
    readers = [name for name in tasks if "corpus" in parameters(tasks[name])]
    chosen = {tasks.find(selection.name).name for selection in parse_all(experiment.tasks)}
    if not chosen & set(readers):
        raise UserError(
            f"--corpus {corpus}: none of the tasks {', '.join(sorted(chosen))} reads a corpus; "
            f"add one that does to --tasks: {', '.join(readers)}."
        )
    return {name: {"params": {"corpus": corpus}} for name in readers if name in chosen}


def _execute(
    experiment: Experiment, store: Path, workers: int | None, timeout: float | None, paths: Sequence[Path]
) -> RunSummary:
    from posharness.api import execute
    from posharness.cli.progress import display_for

    with display_for(console()) as display:

        def on_plan(cells: Sequence[Cell], reused: frozenset[str]) -> None:
            todo = {cell.key: cell for cell in cells if cell.key not in reused}
            display.begin(todo, reused=len(reused), workers=workers or os.cpu_count() or 1)

        return execute(
            experiment,
            store=store,
            workers=workers,
            timeout=None if timeout is None else 60 * timeout,
            plugin_paths=paths,
            observe=display,
            announce=display.announce,
            on_plan=on_plan,
        )


def _conclude(
    summary: RunSummary,
    experiment: Experiment,
    store: Path,
    paths: Sequence[Path],
    *,
    began: float,
    report: bool,
) -> None:
    """The results, the line that says what was done, and the report."""
    from posharness.api import compile_report, load
    from posharness.cli.results import print_results

    out = console()
    print_results(out, load(store), summary.planned)
    counts = summary.counts
    wrong = sum(count for status, count in counts.items() if status not in ("done", "skipped"))
    said = [
        f"{counts['done']} trained",
        f"{len(summary.reused)} reused",
        f"{counts['skipped']} skipped",
        *([f"{wrong} not done"] if wrong else []),
    ]
    out.print(f"{', '.join(said)} in {duration(time.monotonic() - began)}")
    if report:
        with out.status("compiling the report"):
            path = compile_report(store, title=experiment.title, plugin_paths=paths, reuse=True)
        out.print(f"Report: {path}", soft_wrap=True)
