"""`harness work`: run cells of runs in progress, on another machine that sees their store."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from posharness.cli.options import Executor, StoreArgument
from posharness.cli.run_and_report import Memory, Timeout, Workers, run_and_report
from posharness.defaults import DEFAULT_EXECUTOR, DEFAULT_STORE

if TYPE_CHECKING:
    from posharness.execution import Execution, RunSummary

__all__ = ["register"]

_EPILOG = """[bold]Examples[/]
  harness run --plugins rope,alibi --store /shared/runs    on one machine
  harness work /shared/runs                                on others, at the same time

The other machines need the same versions of posharness and of its plugins.
Exit status: 0 all cells done, 1 some did not end as done, 2 wrong input, 130 stopped."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(work)


def work(
    store: StoreArgument = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Go on when all cells have ended, and wait for further runs.")
    ] = False,
    workers: Workers = None,
    timeout: Timeout = None,
    memory: Memory = None,
    executor: Executor = None,
) -> None:
    """Run cells of the runs that are in progress in a store."""

    def start(execution: Execution, announce: Callable[[str], None]) -> RunSummary:
        from posharness.work import work

        return work(execution, wait=wait)

    run_and_report(
        start,
        title="",
        store=store or DEFAULT_STORE,
        workers=workers,
        timeout=timeout,
        memory=memory,
        plugin_paths=(),
        report=False,
        executor=executor or DEFAULT_EXECUTOR,
        compiler="",
    )
