"""The process of one cell: lock it, train or read it, and put its folder into the store."""

from __future__ import annotations

import faulthandler
import os
import resource
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from io import TextIOWrapper
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from posharness.contracts import CellOutcome, Progress
from posharness.contracts.atomic_files import write_bytes
from posharness.contracts.cell import Cell
from posharness.executors.lifeline import Lifeline
from posharness.executors.plugin_sources import keep_plugin_sources
from posharness.registry.registry import Registry
from posharness.store import INTERRUPTED, CellWorkspace, Store
from posharness.store.layout import LOG

__all__ = ["Job", "cap_log", "one_line", "run_job", "use_threads"]


@dataclass(frozen=True, slots=True)
class Job:
    """One cell and the paths that its process needs, all of them absolute.

    Attributes:
        directory: the working directory, for a task whose corpus was named relative to it.
        memory: GB that the process may allocate beyond what it starts with; None for no limit.
    """

    cell: Cell
    store: Path
    cache: Path
    directory: Path
    plugin_paths: tuple[Path, ...]
    memory: float | None = None


def run_job(job: Job, lifeline: Connection) -> tuple[CellOutcome, Progress | None]:
    """Run a cell and put its folder into the store; an exception becomes its outcome.

    Returns:
        The outcome, and the last progress, which may be too recent for another process to have read it.

    Raises:
        Busy: another process is running the cell.
    """
    os.chdir(job.directory)
    use_threads(job.cell.trainer.threads)
    if job.memory is not None:
        _limit_memory(job.memory)
    with Store.open(job.store, create=True).begin(job.cell) as work:
        if work is None:
            return CellOutcome("done"), None
        _redirect_output(work.folder / LOG)
        last: Progress | None = None

        def observe(progress: Progress) -> None:
            nonlocal last
            last = progress
            work.report(progress)

        try:
            with Lifeline(lifeline, work):
                outcome = _run(job, work, observe)
        except KeyboardInterrupt:
            outcome = INTERRUPTED
        except BaseException as error:  # noqa: BLE001 - the border of a cell: SystemExit is its failure too
            traceback.print_exc()
            short = job.memory is not None and _is_of_memory(error)
            limit = f"needed more than the {job.memory:g} GB of --memory: " if short else ""
            outcome = CellOutcome("failed", limit + one_line(error), traceback.format_exc())
        sys.stdout.flush()
        sys.stderr.flush()
        cap_log(work.folder / LOG)
        work.finish(outcome)
        return outcome, last


def _run(job: Job, work: CellWorkspace, observe: Callable[[Progress], None]) -> CellOutcome:
    """Train the cell, or evaluate a reading on a model that another cell trained."""
    cell = job.cell
    work.report(
        Progress(cell.key, "evaluating", 0, 1)
        if cell.pretrained
        else Progress(cell.key, "training", 0, cell.budget.steps)
    )
    registry = Registry.load(job.plugin_paths)
    keep_plugin_sources(cell, registry, work.folder)
    # Not at the top: the calling process imports this module too, and does not need Lightning.
    if cell.pretrained:
        from posharness.reading import read_cell

        store = Store.open(job.store, create=False)
        return read_cell(cell, registry, work.folder, store=store, cache=job.cache, observe=observe)
    from posharness.training.run import train_cell

    return train_cell(cell, registry, work.folder, cache=job.cache, observe=observe)


def _limit_memory(gigabytes: float) -> None:
    """Let allocations fail beyond a limit of address space, of which a process has much from the start."""
    own = resource.getpagesize() * int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (own + int(gigabytes * 1e9),) * 2)


def _is_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "allocate memory" in str(error)


def use_threads(number: int) -> None:
    """Let torch compute on this number of threads: results depend on it."""
    torch.set_num_threads(number)
    if torch.get_num_interop_threads() != 1:  # it can be set only once
        torch.set_num_interop_threads(1)


def one_line(error: BaseException) -> str:
    """The type and the message of an exception, shortened."""
    line = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    return line if len(line) <= 300 else f"{line[:299]}…"


def cap_log(log: Path, most: int = 2**21) -> None:
    """Leave out the middle of a log of more bytes than `most`, and say so in its place."""
    size = log.stat().st_size
    if size <= most:
        return
    with log.open("rb") as file:
        head = file.read(most // 2)
        file.seek(size - most // 2)
        tail = file.read()
    note = f"\n… {size - len(head) - len(tail)} bytes are left out …\n".encode()
    write_bytes(log, head + note + tail)


def _redirect_output(log: Path) -> None:
    """Send the output of this process to a file, whether Python or a library writes it."""
    with log.open("ab") as file:
        for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
            os.dup2(file.fileno(), descriptor)
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    faulthandler.enable()
