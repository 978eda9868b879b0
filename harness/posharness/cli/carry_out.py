"""What `run` and `evaluate` share: showing how it goes, then the results and the report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posharness.cli.output import complain, console, duration
from posharness.errors import UserError

if TYPE_CHECKING:
    from posharness.cli.progress import Display
    from posharness.contracts.cell import Cell
    from posharness.execution import Execution, RunSummary

__all__ = ["Report", "Timeout", "Workers", "carry_out"]

Workers = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Cells at a time, one core each.", show_default="all cores"),
]
Timeout = Annotated[
    float | None, typer.Option(metavar="MINUTES", help="End a cell that takes longer; else no limit.")
]
Report = Annotated[bool, typer.Option("--report/--no-report", help="Compile the report at the end.")]


def carry_out(
    start: Callable[[Execution, Callable[[str], None]], RunSummary],
    *,
    title: str,
    store: Path,
    workers: int | None,
    timeout: float | None,
    plugin_paths: Sequence[Path],
    report: bool,
) -> None:
    """Show a run while it goes on, then its results, and compile the report.

    Args:
        start: makes the cells; it is given where and how, and whom to tell what is being prepared.
        title: heads the report.

    Raises:
        UserError: a timeout of nothing, or what `start` raises.
        typer.Exit: with 1 when a cell did not end as done, with 130 when stopped from the keyboard.
    """
    began = time.monotonic()
    if timeout is not None and not timeout > 0:
        raise UserError(f"--timeout {timeout:g}: expected minutes above 0.")
    from posharness.cli.progress import display_for
    from posharness.execution import Execution

    try:
        with display_for(console()) as display:
            summary = start(
                Execution(
                    store,
                    workers,
                    None if timeout is None else 60 * timeout,
                    plugin_paths,
                    display,
                    _plan_shown_on(display, workers),
                ),
                display.announce,
            )
        _conclude(summary, title, store, plugin_paths, began=began, report=report)
    except KeyboardInterrupt:
        complain("stopped; finished cells are kept, and the same command goes on with the others.")
        raise typer.Exit(130) from None
    if summary.failed:
        raise typer.Exit(1)


def _plan_shown_on(display: Display, workers: int | None) -> Callable[[Sequence[Cell], frozenset[str]], None]:
    def on_plan(cells: Sequence[Cell], reused: frozenset[str]) -> None:
        todo = {cell.key: cell for cell in cells if cell.key not in reused}
        display.begin(todo, reused=len(reused), workers=workers or os.cpu_count() or 1)

    return on_plan


def _conclude(
    summary: RunSummary,
    title: str,
    store: Path,
    plugin_paths: Sequence[Path],
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
    readings = {cell.key for cell in summary.planned if cell.pretrained}
    read = sum(key in readings and event.status == "done" for key, event in summary.finished.items())
    wrong = sum(count for status, count in counts.items() if status not in ("done", "skipped"))
    said = [
        f"{counts['done'] - read} trained",
        *([f"{read} read"] if readings else []),
        f"{len(summary.reused)} reused",
        f"{counts['skipped']} skipped",
        *([f"{wrong} not done"] if wrong else []),
    ]
    out.print(f"{', '.join(said)} in {duration(time.monotonic() - began)}")
    if report:
        with out.status("compiling the report"):
            path = compile_report(store, title=title, plugin_paths=plugin_paths, reuse=True)
        out.print(f"Report: {path}", soft_wrap=True)
