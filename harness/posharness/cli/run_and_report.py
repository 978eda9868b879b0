"""What `run` and `evaluate` share: run the cells with a display, print the results, compile the report."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posharness.cli.output import command_line, complain, console, duration
from posharness.cli.stopping import exit_status
from posharness.errors import UserError
from posharness.executors.forkserver import PRELOAD, fork_server

if TYPE_CHECKING:
    from posharness.cli.display import Display
    from posharness.contracts.cell import Cell
    from posharness.cost.amount import Amount
    from posharness.execution import Execution, OnPlan, RunSummary

__all__ = [
    "FailFast",
    "MaxFailures",
    "Memory",
    "Report",
    "Timeout",
    "Workers",
    "leave_running",
    "run_and_report",
]

Workers = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Cells at a time, one core each.", show_default="all cores, or GPUs"
    ),
]
Timeout = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="Stop a cell that takes longer; by default no limit.")
]
Memory = Annotated[
    float | None,
    typer.Option(metavar="GB", help="Let a cell that allocates more fail (Linux); by default no limit."),
]
MaxFailures = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Stop the run after so many cells that did not end as done."),
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="As --max-failures 1.")]
Report = Annotated[bool, typer.Option("--report/--no-report", help="Compile the report at the end.")]


def run_and_report(
    start: Callable[[Execution, Callable[[str], None]], RunSummary],
    *,
    title: str,
    store: Path,
    workers: int | None,
    timeout: float | None,
    plugin_paths: Sequence[Path],
    report: bool,
    executor: str,
    compiler: str,
    baseline: str = "",
    memory: float | None = None,
    max_failures: int | None = None,
    open_: bool = False,
) -> None:
    """Show the progress of a run, then its results, and compile the report.

    Args:
        start: runs the cells; its arguments are the execution, and a function that announces a preparation.
        title: of the report.
        baseline: the label that the report compares all others with; empty for none.
        open_: whether to open the report in a browser.

    Raises:
        UserError: the timeout or the memory is not positive, no cell has the label, or `start` raises it.
        typer.Exit: with 1 when a cell did not end as done, with `exit_status` when stopped.
    """
    began, left = time.monotonic(), False

    def leave() -> bool:
        nonlocal left
        left = leave_running(display)
        return left

    if timeout is not None and not timeout > 0:
        raise UserError(f"--timeout {timeout:g}: expected seconds above 0.")
    if memory is not None and not 0 < memory < math.inf:
        raise UserError(f"--memory {memory:g}: expected GB above 0.")
    if memory is not None and sys.platform != "linux":
        raise UserError("--memory works on Linux only; leave it out.")
    try:
        # The server of the cells imports torch and Lightning while this process imports torch and plans.
        with fork_server(PRELOAD):
            from posharness.execution import Execution
            from posharness.registry.process_copy import check_imports
            from posharness.registry.registry import Registry

            check_imports(plugin_paths)
            if report:  # a misspelled name is an error before anything trains
                Registry.load(plugin_paths).compiler(compiler)
            with _display() as display:
                execution = Execution(
                    store,
                    workers,
                    timeout,
                    plugin_paths,
                    display,
                    _plan_shown_on(display, baseline),
                    executor,
                    max_failures,
                    memory,
                    leave,
                )
                summary = start(execution, display.announce)
        _conclude(
            summary,
            title,
            store,
            plugin_paths,
            began=began,
            compiler=compiler if report else "",
            baseline=baseline,
            open_=open_,
        )
    except KeyboardInterrupt as error:
        if left:
            complain("the cells on the cluster go on. The same command takes their results.")
        else:
            complain("stopped; finished cells are kept. The same command resumes the run.")
        raise typer.Exit(exit_status(error)) from None
    if summary.stopped:
        complain("stopped after as many failures as allowed. The same command resumes the run.")
    if summary.failed:
        raise typer.Exit(1)


def _display() -> Display:
    """The display that suits the output: one that redraws on a terminal, else plain lines."""
    out = console()
    # FORCE_COLOR makes Rich see a terminal in a log file, where a display that redraws is unreadable.
    if out.is_interactive and sys.stdout.isatty():
        from posharness.cli.live import LiveDisplay

        return LiveDisplay(out)
    from posharness.cli.plain import PlainDisplay

    return PlainDisplay(out)


def leave_running(display: Display) -> bool:
    """Ask after Ctrl-C whether cells go on that run without this process.

    Without a terminal they do not, nor after a second Ctrl-C, nor after the end of the input.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    display.close()
    try:
        answer = console(stderr=True).input("Cells run on the cluster. Let them go on? (y/N) ")
    except (KeyboardInterrupt, EOFError):
        return False
    return answer.strip().lower().startswith("y")


def _plan_shown_on(display: Display, baseline: str) -> OnPlan:
    def on_plan(
        cells: Sequence[Cell], reused: frozenset[str], amounts: Mapping[str, Amount], at_once: int | None
    ) -> None:
        if baseline:
            from posharness.reports import check_baseline

            check_baseline(baseline, {cell.label for cell in cells})  # before anything trains
        todo = {cell.key: cell for cell in cells if cell.key not in reused}
        display.begin(todo, amounts, reused=len(reused), at_once=at_once)

    return on_plan


def _conclude(
    summary: RunSummary,
    title: str,
    store: Path,
    plugin_paths: Sequence[Path],
    *,
    began: float,
    compiler: str,
    baseline: str,
    open_: bool,
) -> None:
    """Print the results and one line of counts, compile the report, and print its answer and its path."""
    from posharness.cli.answer import open_report, print_answer
    from posharness.cli.results import print_results
    from posharness.reports import compile_report
    from posharness.results import load

    out = console()
    print_results(out, load(store, versions="all"), summary.planned)
    counts = summary.counts
    readings = {cell.key for cell in summary.planned if cell.pretrained}
    read = sum(key in readings and outcome.status == "done" for key, outcome in summary.outcomes.items())
    waiting = len({cell.key for cell in summary.planned} - summary.reused - {*summary.outcomes})
    parts = [
        f"{counts['done'] - read - len(summary.elsewhere - readings)} trained",
        *([f"{read - len(summary.elsewhere & readings)} read"] if readings else []),
        *([f"{len(summary.elsewhere)} made by another run"] if summary.elsewhere else []),
        f"{len(summary.reused)} reused",
        f"{counts['skipped']} skipped",
        *([f"{summary.failed} not done"] if summary.failed else []),
        *([f"{waiting} not begun"] if waiting else []),
    ]
    out.print(f"{', '.join(parts)} in {duration(time.monotonic() - began)}")
    if compiler:
        with out.status("compiling the report"):
            path = compile_report(
                store,
                title=title,
                plugin_paths=plugin_paths,
                reuse=True,
                compiler=compiler,
                planned=[cell.key for cell in summary.planned],
                baseline=baseline,
                command=command_line(),
            )
        print_answer(out, path)
        out.print(f"\nReport: {path}", soft_wrap=True)
        if open_:
            open_report(path)
